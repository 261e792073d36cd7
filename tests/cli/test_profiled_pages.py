"""``--profile`` of ``detbench report`` and ``detbench leaderboard``: real processes, and a profile that was taken."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from detbench import evaluate

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_WRONG = """
import numpy as np

def my_nms(box, score, iou_threshold, limit=None):
    return np.argsort(-score, kind="stable")[:limit]
"""


@pytest.fixture(scope="module")
def profile(detbench: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a profile of NMS: two implementations that are right, and one that is not."""
    folder = tmp_path_factory.mktemp("profile")
    (folder / "wrong.py").write_text(_WRONG)
    options = ("--boxes", "100", "--seconds", "0.01", "-o", folder / "out")
    done = detbench("profile", "nms", "--impl", f"{folder / 'wrong.py'}:my_nms", "--impl", "numpy", *options)
    assert done.returncode == 1, done.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two runs on the same data."""
    folder = tmp_path_factory.mktemp("runs")
    boxes = [[10 + 60 * place, 20, 50, 40] for place in range(3)]
    truth = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in range(6)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": 3 * key + place, "image_id": key, "category_id": 1, "bbox": box, "area": 2000, "iscrowd": 0}
            for key in range(6)
            for place, box in enumerate(boxes)
        ],
    }
    (folder / "gt.json").write_text(json.dumps(truth))
    for name, shift in (("good", 0), ("poor", 12)):
        rows = [
            {"image_id": key, "category_id": 1, "bbox": [box[0] + shift, *box[1:]], "score": 0.9}
            for key in range(6)
            for box in boxes
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))
        result = evaluate(folder / "gt.json", folder / f"{name}.json", resamples=100)
        (folder / "runs" / name).mkdir(parents=True)
        result.save(folder / "runs" / name / "result.json")
        result.save_draws(folder / "runs" / name / "draws.npz")
    return folder / "runs"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".cache" not in file.parts
    }


def _section(page: Path) -> str:
    found = re.search(
        r'<section aria-labelledby="operators">.*?</section>', page.read_text(encoding="utf-8"), re.DOTALL
    )
    return found[0] if found else ""


@pytest.mark.parametrize("command", ["report", "leaderboard"])
def test_a_page_shows_a_profile_and_the_other_files_stay_as_they_are(
    detbench: Run, runs: Path, profile: Path, tmp_path: Path, command: str
) -> None:
    """A folder or the file in it; the index page alone is another, twice the same, and the standings know nothing."""
    given = (runs,) if command == "leaderboard" else (runs / "good", runs / "poor")
    for out, options in {"without": (), "one": (profile,), "two": (profile / "profile.json",)}.items():
        shown = [text for option in options for text in ("--profile", option)]
        done = detbench(command, *given, "-o", tmp_path / out, *shown)
        assert done.returncode == 0, done.stderr
    without, one, two = (_bytes(tmp_path / out) for out in ("without", "one", "two"))
    assert one == two
    assert [name for name in one if one[name] != without.get(name)] == ["index.html"]
    assert without.keys() == one.keys()
    assert not _section(tmp_path / "without/index.html")
    section = _section(tmp_path / "one/index.html")
    assert "<bdi>numpy</bdi>" in section
    assert "wrong.py:my_nms</bdi></th><td colspan=" in section.replace("<wbr>", "")
    assert "<b>refused</b>: <bdi>" in section
    assert "100 boxes" in section


def test_the_page_of_one_result_shows_profiles_in_their_order(
    detbench: Run, runs: Path, profile: Path, tmp_path: Path
) -> None:
    """One result takes profiles too, any number of them, and shows each once; a processor's name is text."""
    other = json.loads((profile / "profile.json").read_text())
    other["environment"]["processor"] = "<script>alert(1)</script>"
    (tmp_path / "other.json").write_text(json.dumps(other))
    page = tmp_path / "page.html"
    given = ("--profile", tmp_path / "other.json", "--profile", profile, "--profile", tmp_path / "other.json")
    done = detbench("report", runs / "good", "-o", page, *given)
    assert (done.returncode, done.stderr) == (0, f"wrote {page}\n")
    first, second = re.findall(r'<h3 class="machine"><bdi>(.*?)</bdi>', _section(page))
    assert first.startswith("&lt;script&gt;alert(1)&lt;/script&gt;, device cpu, ")
    assert second.endswith(first.removeprefix("&lt;script&gt;alert(1)&lt;/script&gt;"))
    next(row for row in other["measurements"] if row["samples_ms"])["samples_ms"][0] = -1.0
    (tmp_path / "other.json").write_text(json.dumps(other))
    done = detbench("report", runs / "good", "-o", page, *given)
    assert done.returncode == 2
    assert "samples_ms[0]: is not a profile: expected a number >= 0" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("nothing", None, "nothing: cannot be read"),
        ("text.json", "# no JSON", "text.json: is not a profile"),
        ("foreign.json", '{"schema": "detbench.result/1"}', "'detbench.result/1', and this version reads"),
        ("bare.json", "{}", "bare.json: is not a profile: "),
        ("cut.json", '{"schema": "detbench.profile/1", "detbench": "1"}', "is not a profile: has no environment"),
        ("deep.json", "[" * 100_000, "deep.json: is not a profile"),
    ],
)
def test_what_is_no_profile_is_one_sentence_and_nothing_is_written(
    detbench: Run, runs: Path, tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    """Before anything is evaluated or written, with the file's name."""
    if content is not None:
        (tmp_path / name).write_text(content)
    for command in (("report", runs / "good"), ("leaderboard", runs)):
        done = detbench(*command, "-o", tmp_path / "out", "--profile", tmp_path / name)
        assert done.returncode == 2
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_a_profile_is_for_the_page_and_is_not_written_over(
    detbench: Run, runs: Path, profile: Path, tmp_path: Path
) -> None:
    """Without a page among the formats it would be dropped silently; and what is read is not written over."""
    for formats in ("json-flat", "md,csv"):
        done = detbench("report", runs / "good", "--format", formats, "--profile", profile, cwd=tmp_path)
        assert done.returncode == 2
        assert "--profile is for the page" in done.stderr
    assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out/standings.json"
    shutil.copy(profile / "profile.json", mine)
    done = detbench("report", runs / "good", runs / "poor", "-o", tmp_path / "out", "--profile", mine)
    assert done.returncode == 2
    assert "written over" in done.stderr
    assert mine.read_bytes() == (profile / "profile.json").read_bytes()
