"""A real foreign checkpoint over real pictures: YOLOX-nano on COCO."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.results import Result
from detbench.timing.prediction_times import read_prediction_times

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.slow
def test_yolox_nano_scores_what_it_is_known_for(
    shared: Path, detbench: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """AP is .2961 ± .003 as pycocotools recorded it; proposals by objectness recall what was recorded of them."""
    pytest.importorskip("onnxruntime")
    model, coco, run = shared / "models/yolox_nano/yolox_nano.onnx", shared / "coco_tiny", tmp_path / "run"
    names = shared / "models/yolox_nano/coco_classes.txt"
    options = ("--split", "val2017", "--proposals", 300, "--categories", names, "--draw", 2)
    done = detbench("predict", model, coco, "-o", run, *options)
    assert done.returncode == 0, done.stderr
    scored, counts = tmp_path / "scored", ("--proposal-counts", "10,100,300")
    done = detbench("eval", coco, run, "--split", "val2017", "--no-intervals", *counts, "-o", scored)
    assert done.returncode == 0, done.stderr
    expected = json.loads((shared / "predictions/expected_pycocotools.json").read_bytes())["yolox_nano__coco_tiny_val"]
    result = Result.load(scored / "result.json")
    assert result.metrics["AP"] == pytest.approx(expected["AP"], abs=0.003)
    assert result.metrics["AP50"] == pytest.approx(expected["AP50"], abs=0.01)
    recorded = json.loads((shared / "predictions/proposals_yolox_obj__coco_tiny_val.expected.json").read_bytes())
    for count in (10, 100, 300):
        assert result.metrics[f"proposal_AR@{count}"] == pytest.approx(recorded[f"AR@{count}"], abs=0.005)
    assert result.timing is not None
    assert result.timing.fps.value > 0
    times = read_prediction_times(run)
    assert (times.images, len(times.stages["total"].samples_ms)) == (80, 80)
    assert len(list((run / "pictures").iterdir())) == 2
