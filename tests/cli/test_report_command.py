"""``detbench report`` in real processes: one result, several, and what may not be done with them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from detbench import evaluate
from detbench.evaluation.standings.document import read_standings

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_IMAGES = 12


def _written(folder: Path, name: str, score: float, *, found: int, shift: float = 0.0, images: int = _IMAGES) -> Path:
    """Evaluate predictions of ``found`` boxes an image, each moved by ``shift`` pixels, into ``folder / name``."""
    boxes = [[10 + 60 * place, 20, 50, 40] for place in range(3)]
    truth = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in range(images)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": 3 * key + place, "image_id": key, "category_id": 1, "bbox": box, "area": 2000, "iscrowd": 0}
            for key in range(images)
            for place, box in enumerate(boxes)
        ],
    }
    predictions = [
        {"image_id": key, "category_id": 1, "bbox": [box[0] + shift + key % 3, *box[1:]], "score": score}
        for key in range(images)
        for box in boxes[: found + key % 2]
    ]
    source = folder / "input" / name
    source.mkdir(parents=True)
    (source / "gt.json").write_text(json.dumps(truth))
    (source / f"{name}.json").write_text(json.dumps(predictions))
    result = evaluate(source / "gt.json", source / f"{name}.json", resamples=100)
    run = folder / name
    run.mkdir()
    result.save(run / "result.json")
    result.save_draws(run / "draws.npz")
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three runs on the same data, ``good``, ``fair`` and ``poor``, ``other`` on other data."""
    folder = tmp_path_factory.mktemp("runs")
    _written(folder, "good", 0.9, found=2)
    _written(folder, "fair", 0.9, found=2, shift=4)
    _written(folder, "poor", 0.9, found=1, shift=9)
    _written(folder, "other", 0.9, found=2, images=5)
    shutil.rmtree(folder / "input")
    return folder


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_several_results_become_a_folder(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """A page that ranks, a page a model, and the same table as JSON, Markdown, LaTeX and CSV; twice the same bytes."""
    for out in ("one", "two"):
        done = detbench("report", *(runs / name for name in ("poor", "good", "fair")), "-o", tmp_path / out)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"wrote {tmp_path / 'two' / 'index.html'} and 7 more files" in done.stderr
    assert _files(tmp_path / "one") == {
        "index.html",
        "standings.json",
        "standings.md",
        "standings.tex",
        "standings.csv",
        *(f"models/{name}/report.html" for name in ("good", "fair", "poor")),
    }
    for name in _files(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    standings = read_standings(tmp_path / "one/standings.json")
    assert [entry.name for entry in standings.entries] == ["good", "fair", "poor"]
    page = (tmp_path / "one/index.html").read_text(encoding="utf-8")
    assert "<bdi>good</bdi> leads with AP" in page
    assert 'href="models/good/report.html"' in page
    table = list(csv.DictReader(io.StringIO((tmp_path / "one/standings.csv").read_text(encoding="utf-8"))))
    assert [row["model"] for row in table] == ["good", "fair", "poor"]
    assert "| good" in (tmp_path / "one/standings.md").read_text(encoding="utf-8")


def test_only_the_formats_that_were_asked_for_are_written(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """``--format md`` writes the table, and the standings it comes from."""
    done = detbench("report", runs / "good", runs / "fair", "--format", "md", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert _files(tmp_path / "out") == {"standings.md", "standings.json"}
    assert done.stderr == f"wrote {tmp_path / 'out/standings.json'} and 1 more file\n"


def test_one_result_with_formats_has_its_own_page_beside_the_table(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """The page of one result stays report.html."""
    done = detbench("report", runs / "good", "--format", "html, csv", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert _files(tmp_path / "out") == {"report.html", "standings.csv", "standings.json"}


def test_flat_numbers_go_to_standard_output(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """One result's numbers by name, several results' by model; nothing is written, and nothing else is printed."""
    one = detbench("report", runs / "good", "--format", "json-flat", cwd=tmp_path)
    flat = json.loads(one.stdout)
    assert (one.returncode, one.stderr) == (0, "")
    assert flat["AP/low"] <= flat["AP"] <= flat["AP/high"]
    two = json.loads(detbench("report", runs / "good", runs / "other", "--format", "json-flat", cwd=tmp_path).stdout)
    assert two["good"] == flat
    assert set(two) == {"good", "other"}
    assert not list(tmp_path.iterdir())


def test_a_card_beside_a_result_names_the_model(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """What model.toml says of a model stands in the page."""
    for name in ("good", "fair"):
        shutil.copytree(runs / name, tmp_path / name)
    (tmp_path / "good/model.toml").write_text('name = "The <b>good</b> one"\nauthors = ["Ann"]\nparameters = 1234567\n')
    done = detbench("report", tmp_path / "good", tmp_path / "fair/result.json", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "The &lt;b&gt;good&lt;/b&gt; one" in page
    assert "<b>good" not in page
    assert ">1.2 M<" in page


def test_what_was_measured_otherwise_is_refused_by_name(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """Another dataset is an error that names the run, and with --allow-mixed a row apart; nothing is half-written."""
    given = ("report", runs / "good", runs / "fair", runs / "other", "-o", tmp_path / "out")
    done = detbench(*given)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(runs / "other") in done.stderr
    assert not (tmp_path / "out").exists()
    assert detbench(*given, "--allow-mixed").returncode == 0
    standings = read_standings(tmp_path / "out/standings.json")
    assert [(entry.name, entry.status) for entry in standings.entries][-1] == ("other", "apart")
    assert "Measured otherwise" in (tmp_path / "out/index.html").read_text(encoding="utf-8")


def test_another_metric_ranks(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """``--metric`` says what ranks, and one that there is not is an error."""
    given = ("report", runs / "good", runs / "poor", "-o", tmp_path / "out", "--metric")
    assert detbench(*given, "AP75").returncode == 0
    assert "leads with AP75" in (tmp_path / "out/index.html").read_text(encoding="utf-8").replace("\xa0", " ")
    done = detbench(*given, "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("metric", ["nonsense", ""])
def test_a_metric_that_there_is_not_is_refused_wherever_it_is_said(
    detbench: Run, runs: Path, tmp_path: Path, metric: str
) -> None:
    """Of one result, of several, of a comparison and of a leaderboard: one sentence that lists what there is."""
    good, fair = runs / "good", runs / "fair"
    (tmp_path / "models").mkdir()
    shutil.copytree(good, tmp_path / "models/good")
    for command in (
        ("report", good),
        ("report", good, "--format", "md"),
        ("report", good, fair),
        ("compare", good, fair),
        ("leaderboard", tmp_path / "models", "-o", "board"),
    ):
        done = detbench(*command, "--metric", metric, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith(f"error: no model can be ranked by {metric!r}; choose one of AP, AP50, AP75, ")
        assert [path.name for path in tmp_path.iterdir()] == ["models"]
    assert detbench("report", good, "--metric", "AP50", "-o", tmp_path / "page.html").returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--format", "pdf"], "there is no format 'pdf'"),
        (["--format", ","], "--format names nothing"),
        (["-o", "page.html"], "is one page"),
        (["--format", "json-flat", "-o", "out"], "json-flat is written to standard output"),
        (["--format", "json-flat", "--metric", "AP"], "json-flat ranks nothing"),
        (["--format", "json-flat", "--pictures", "."], "--pictures is for the page"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    detbench: Run, runs: Path, tmp_path: Path, options: list[str], says: str
) -> None:
    """The error says what is wrong, the exit status is 2, and nothing is written."""
    done = detbench("report", runs / "good", runs / "fair", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_result_is_written_over(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """A result that is called as an output is keeps its bytes, through a link too."""
    (tmp_path / "out").mkdir()
    shutil.copy(runs / "good/result.json", tmp_path / "out/standings.json")
    before = (tmp_path / "out/standings.json").read_bytes()
    given = (tmp_path / "out/standings.json", runs / "fair")
    done = detbench("report", *given, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "written over the result" in done.stderr
    assert (tmp_path / "out/standings.json").read_bytes() == before
    assert _files(tmp_path / "out") == {"standings.json"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_draws_that_are_a_pipe_are_not_waited_for(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """A pipe that nobody writes to would hold the command for ever."""
    shutil.copytree(runs / "good", tmp_path / "piped")
    (tmp_path / "piped/draws.npz").unlink()
    os.mkfifo(tmp_path / "piped/draws.npz")
    done = detbench("report", tmp_path / "piped", runs / "fair", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "draws.npz: is a pipe or a device" in done.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_one_file_cannot_be(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """A folder in the place of a file is one error, and the page is not there either."""
    (tmp_path / "out/standings.csv").mkdir(parents=True)
    done = detbench("report", runs / "good", runs / "fair", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "standings.csv: is a folder" in done.stderr
    assert not _files(tmp_path / "out")


def test_help_starts_without_what_pages_need(detbench: Run) -> None:
    """``detbench report --help`` shows the options."""
    done = detbench("report", "--help")
    assert done.returncode == 0
    assert "--allow-mixed" in done.stdout


def test_a_page_shows_the_parts_that_its_result_has(detbench: Run, runs: Path, tmp_path: Path) -> None:
    """What goes wrong, what proposals reach and how well it counts are on the page of one result that has them."""
    truth = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in range(4)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": key, "image_id": key, "category_id": 1, "bbox": [10, 10, 50, 40], "area": 2000, "iscrowd": 0}
            for key in range(4)
        ],
    }
    rows = [{"image_id": key, "category_id": 1, "bbox": [12, 10, 50, 40], "score": 0.9} for key in range(4)]
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps(rows))
    options = ("--errors", "--proposals", "dt.json", "--count-threshold", 0.5, "-o", "run")
    done = detbench("eval", "gt.json", "dt.json", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    heads = ("What goes wrong", "What proposals reach", "How well it counts")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert all(f">{head}</h2>" in page for head in heads)
    assert detbench("report", runs / "good", "-o", tmp_path / "plain.html").returncode == 0
    plain = (tmp_path / "plain.html").read_text(encoding="utf-8")
    assert not any(head in plain for head in heads)
