"""``detbench eval --errors`` and its score threshold, through the door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]


def test_tables_say_what_goes_wrong(detbench: Run, shared: Path) -> None:
    """All tables are there, and no line is longer than 80 columns; without --errors only the operating point is."""
    done = detbench("eval", shared / GT, shared / DT, "--resamples", "100", "--errors", env_columns=80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    heads = ["errors by kind", "categories taken for others", "calibration: ECE 0.0", "images with the most errors"]
    assert all(head in done.stdout for head in [*heads, "operating point: at a score of 0.2809 or more", "microwave"])
    plain = detbench("eval", shared / GT, shared / DT, "--no-intervals", "--score-threshold", "0.5").stdout
    assert "operating point: at a score of 0.5 or more, at IoU 0.5: 220 predictions right" in plain
    assert not any(head in plain for head in heads)


def test_json_holds_the_errors_where_they_were_asked_for(detbench: Run, shared: Path) -> None:
    """``--errors --worst 2`` fills ``errors`` and lists two of each; without, it is null."""
    arguments = ["eval", shared / GT, shared / DT, "--json", "--no-intervals"]
    errors = json.loads(detbench(*arguments, "--errors", "--worst", "2").stdout)["errors"]
    assert errors["worst"]["limit"] == 2
    assert {len(found) for found in errors["worst"]["false_positives"].values()} == {2}
    assert len(errors["worst"]["images"]) == len(errors["worst"]["missed"]) == 2
    without = json.loads(detbench(*arguments).stdout)
    assert without["errors"] is None
    assert without["operating_point"]["threshold"] == errors["threshold"]


def test_a_wrong_threshold_is_one_sentence(detbench: Run, coco_pair: Pair) -> None:
    """Neither a number nor a result: exit status 2, one line."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    done = detbench("eval", *pair, "--score-threshold", "high")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: the score threshold 'high' is no number, and there is no such result\n"
