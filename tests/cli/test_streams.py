"""What commands print reaches a person and a program whatever the streams are: other encodings, full, closed."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]


@pytest.fixture
def pair(coco_pair: Pair) -> tuple[Path, Path]:
    """Return ground truth with a category whose name ASCII lacks, and predictions on it."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    document = json.loads(truth.read_text())
    document["categories"][0]["name"] = "größe 猫"
    truth.write_text(json.dumps(document))
    return truth, predictions


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command line, its output as bytes; ``env`` is added to the environment."""
    env = os.environ | options.pop("env", {})
    parts = [part if isinstance(part, bytes) else str(part) for part in arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-P", "-m", "detbench", *parts]
    return subprocess.run(command, check=False, timeout=60, env=env, **streams)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_encoding_will_do(pair: tuple[Path, Path], encoding: str) -> None:
    """Where an encoding lacks letters, tables have others in their place and JSON has them escaped."""
    env = {"PYTHONIOENCODING": encoding}
    for command in (["stats", pair[0]], ["check", pair[0]], ["eval", *pair, "--resamples", 100], ["eval", "--help"]):
        done = run(*command, env=env)
        assert b"Traceback" not in done.stderr
        assert done.stdout.decode(encoding)
    done = run("eval", *pair, "--no-intervals", "--json", env=env)
    assert json.loads(done.stdout.decode(encoding))["per_category"][0]["name"] == "größe 猫"
    assert b"sqrt" in run("stats", pair[0], env=env).stdout
    runs, board = pair[0].parent / "runs", pair[0].parent / "board"
    assert run("eval", *pair, "--resamples", 100, "-o", runs / "one", env=env).returncode == 0
    assert b"?" not in run("leaderboard", runs, "-o", board, env=env).stdout  # its spaces do not break


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
    ],
)
def test_signs_are_written_in_ascii_where_there_is_no_utf8(
    coco_pair: Pair, tmp_path: Path, env: dict[str, str]
) -> None:
    """A minus sign is a hyphen, a space that does not break a space: the text is as elsewhere, with no "?" in it."""
    boxes = [(image, 1, BOX) for image in range(1, 9)]
    truth, predictions = coco_pair(boxes, [(*box, 0.9) for box in boxes])
    rows = json.loads(predictions.read_text())
    (tmp_path / "fewer.json").write_text(json.dumps(rows[:5]))
    for name, file in (("all", predictions), ("fewer", tmp_path / "fewer.json")):
        done = run("eval", truth, file, "--name", name, "--resamples", 100, "-o", tmp_path / "runs" / name)
        assert done.returncode == 0, done.stderr
    command = ("leaderboard", tmp_path / "runs", "-o", tmp_path / "board")
    usual = run(*command, env={"PYTHONIOENCODING": "utf-8"}).stdout.decode()
    shown = run(*command, env=env).stdout.decode("ascii")
    assert {"\N{MINUS SIGN}", "\N{NO-BREAK SPACE}", "\N{EN DASH}"} <= set(usual)
    sentence = " ".join(shown.split())
    assert " interval -0." in sentence
    assert "all is first with AP 1.0" in sentence
    assert re.search(r"^ +1[ |]+1-2[ |]+all ", shown, re.MULTILINE)
    assert "?" not in shown
    assert len(shown.splitlines()) == len(usual.splitlines())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems refuse names that are not UTF-8")
def test_names_that_are_not_utf8(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Files whose names are not UTF-8 are scored, saved, shown and reported; the result is UTF-8 all the same."""
    truth, predictions, out = (os.fsencode(tmp_path / name) for name in ("gt\udcff.json", "dt\udcff.json", "run\udcff"))
    Path(os.fsdecode(truth)).write_bytes(pair[0].read_bytes())
    Path(os.fsdecode(predictions)).write_bytes(pair[1].read_bytes())
    assert run("eval", truth, predictions, "-o", out, "--resamples", 100).returncode == 0
    assert run("report", out, "-o", out + b"/page.html").returncode == 0
    assert json.loads((Path(os.fsdecode(out)) / "result.json").read_text(encoding="utf-8"))["name"] == "dt\ufffd"
    assert run("show", truth, "-o", out + b"/show.html").returncode == 0
    for command in (["stats", truth, "--json"], ["check", truth, "--json"]):
        assert json.loads(run(*command).stdout.decode("utf-8"))
    missing = run("stats", out + b"/\xff\x1b[2J")
    assert missing.returncode == 2
    assert b"\x1b" not in missing.stderr
    assert missing.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_is_said_in_one_line(pair: tuple[Path, Path], options: list[str]) -> None:
    """Output that cannot be written is an error of one line and status 2, not a traceback."""
    with Path("/dev/full").open("w") as full:
        done = run("stats", pair[0], *options, stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"error: No space left on device\n"


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_streams_do_not_matter(pair: tuple[Path, Path], closed: int) -> None:
    """A stream that the caller closed takes nothing and breaks nothing."""
    done = run("eval", *pair, "--resamples", 100, preexec_fn=lambda: os.close(closed))
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr + done.stdout


def test_too_much_for_the_memory_is_said_in_one_line(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A file that no memory holds is an error of one line."""
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(2**36)
    limit = 16 * 2**30
    done = run(
        "eval",
        pair[0],
        tmp_path / "huge.json",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: there is not enough memory")
    assert done.stderr.count(b"\n") == 1
