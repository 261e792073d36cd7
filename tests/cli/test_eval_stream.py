"""``detbench eval --stream`` through its own door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.extension import native

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"

pytestmark = pytest.mark.skipif(native() is None, reason="blocks of COCO results are read by the native part")


@pytest.mark.slow
def test_a_stream_writes_the_same_run(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """Result and draws are the same, but for a remark; and so a streamed run compares with another."""
    for name, options in (("whole", []), ("stream", ["--stream"])):
        done = detbench("eval", shared / GT, shared / DT, "-o", tmp_path / name, *options)
        assert done.returncode == 0, done.stderr
    assert "boxes were not looked at" in done.stderr
    whole, stream = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("whole", "stream"))
    assert stream.pop("remarks")[-1]["code"] == "boxes-not-looked-at"
    assert {**whole, "remarks": []} == {**stream, "remarks": []}
    assert (tmp_path / "whole/draws.npz").read_bytes() == (tmp_path / "stream/draws.npz").read_bytes()
    assert "are identical: the same predictions" in detbench("compare", tmp_path / "whole", tmp_path / "stream").stdout


@pytest.mark.parametrize("option", ["--errors", "--count", "--explain", "--join=stem"])
def test_what_needs_all_boxes_is_refused(detbench: Run, shared: Path, option: str) -> None:
    """Options that a stream cannot honour are named, before anything is read."""
    done = detbench("eval", shared / GT, shared / DT, "--stream", option)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert option.replace("=", " ") in done.stderr
    assert done.stderr.count("\n") == 1
