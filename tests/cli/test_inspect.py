"""``detbench inspect`` in a real process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a CSV of two splits, without pictures."""
    path = tmp_path / "my boxes.csv"
    path.write_text("image,xmin,ymin,xmax,ymax,category,split\na.jpg,1,2,3,4,[red]car,train\nb.jpg,1,2,3,4,bus,val\n")
    return path


def test_it_says_what_was_seen_and_why(detbench: Run, table: Path) -> None:
    """Format, evidence, splits, categories, pictures and the next command, on standard output."""
    done = detbench("inspect", table)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CSV of boxes (--format csv)" in done.stdout
    assert "seen: my boxes.csv: a header with image, xmin" in done.stdout
    assert "2 images, 2 boxes" in done.stdout
    assert "  train           1 image              1 box\n" in done.stdout
    assert "2 categories: [red]car (1), bus (1)" in done.stdout
    assert "pictures: 2 not found" in done.stdout
    assert f"detbench check '{table}'" in done.stdout


def test_json_has_everything(detbench: Run, table: Path) -> None:
    """One JSON object with counts, evidence and candidates."""
    facts = json.loads(detbench("inspect", table, "--json").stdout)
    assert (facts["format"], facts["images"], facts["boxes"], facts["certainty"]) == ("csv", 2, 2, 0.95)
    assert facts["splits"] == [{"name": "train", "images": 1, "boxes": 1}, {"name": "val", "images": 1, "boxes": 1}]
    assert facts["categories"][0] == {"id": 1, "name": "[red]car", "boxes": 1}
    assert facts["pictures"] == {"files": 0, "in_records": 0, "missing": 2, "folders": []}


def test_broken_records_are_counted_and_shown(detbench: Run, tmp_path: Path) -> None:
    """What cannot be read is said, and the rest is counted."""
    path = tmp_path / "a.csv"
    path.write_text("image,xmin,ymin,xmax,ymax,category\na.jpg,1,2,3,4,car\na.jpg,x,2,3,4,car\n")
    done = detbench("inspect", path)
    assert done.returncode == 0
    assert "while reading: 1 error" in done.stdout
    assert "line 3: its xmin: 'x' is not a number" in done.stdout
    assert "detbench convert" not in done.stdout


def test_an_unknown_path_format_or_content_is_one_line(detbench: Run, tmp_path: Path) -> None:
    """Exit status 2, one line on standard error, nothing on standard output."""
    (tmp_path / "a.txt").write_text("hello")
    for arguments, text in (
        ([tmp_path / "none"], "there is no such file or folder"),
        ([tmp_path], "no known dataset format was recognised here; say --format with one of coco"),
        ([tmp_path, "--format", "cocoo"], "there is no format 'cocoo'"),
    ):
        done = detbench("inspect", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_real_sets_are_described(detbench: Run, shared: Path) -> None:
    """The blood cells' splits have their known counts."""
    facts = json.loads(detbench("inspect", shared / "bccd", "--json").stdout)
    assert {split["name"]: split["images"] for split in facts["splits"]} == {
        "train": 205,
        "val": 87,
        "test": 72,
        "trainval": 292,
    }
    assert facts["pictures"]["files"] == 364
