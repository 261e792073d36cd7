"""COCO's numbers are pycocotools' to the last bit, on thousands of small cases made to be hard.

Each case is a pair of files, read by the native part as any file is: scores, boxes and areas from few values, so that
ties, coinciding boxes and areas on COCO's bounds of 32² and 96² are common; images and categories without anything;
ids with holes, in no order; now and then more predictions than maxDets.
"""

from __future__ import annotations

import contextlib
import io
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench.evaluation.evaluate import evaluate
from detbench.evaluation.fast import FastScores, score_files
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.unpacking import curves_of
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable

#: Corners and sides; 32.000001 and 96.1 lie just beyond a bound, 0.1 is no binary fraction.
CORNERS = [0.0, 0.1, 5.0, 10.0, 33.3]
SIDES = [0.0, 0.1, 10.0, 16.0, 32.0, 32.000001, 64.0, 96.0, 96.1]
AREAS = [1024.0, 9216.0, 1023.99, 1e10, 0.0]
SCORES = [0.0, 0.1, 0.5, 0.9, 0.9000000000000001, 1.0]


def random_case(rng: np.random.Generator, *, strict: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return ground truth and predictions; for ``coco_strict`` with its slips, an annotation id 0 and ``ignore``."""
    images = rng.choice(2000, int(rng.integers(1, 5)), replace=False).tolist()
    categories = rng.choice(90, int(rng.integers(1, 4)), replace=False).tolist()

    def record(around: list[float] | None = None) -> dict[str, Any]:
        box = around or [*rng.choice(CORNERS, 2).tolist(), *rng.choice(SIDES, 2).tolist()]
        return {"image_id": int(rng.choice(images)), "category_id": int(rng.choice(categories)), "bbox": box}

    annotations = []
    for number in range(int(rng.integers(0, 12))):
        one = record()
        area = one["bbox"][2] * one["bbox"][3] if rng.random() < 0.6 else float(rng.choice(AREAS))
        one |= {"id": number + (not strict), "area": area, "iscrowd": int(rng.random() < 0.2)}
        annotations.append(one | ({"ignore": 1} if strict and rng.random() < 0.2 else {}))
    if rng.random() < 0.3:
        annotations = [annotations[place] for place in rng.permutation(len(annotations))]
    crowded = rng.random() < 0.03
    count = 130 if crowded else int(rng.integers(1, 25))
    known = [one["bbox"] for one in annotations]
    predictions = []
    for _ in range(count):
        near = known[int(rng.integers(len(known)))] if known and rng.random() < 0.5 else None
        one = record(near) | {"score": float(rng.choice(SCORES))}
        predictions.append(one | ({"image_id": images[0], "category_id": categories[0]} if crowded else {}))
    truth = {
        "images": [{"id": key, "width": 640, "height": 480, "file_name": f"{key}.jpg"} for key in images],
        "annotations": annotations,
        "categories": [{"id": key, "name": f"c{key}"} for key in categories],
    }
    return truth, predictions


def with_pycocotools(truth: dict[str, Any], predictions: list[dict[str, Any]]) -> COCOeval:
    """Score a case with pycocotools, silenced."""
    with contextlib.redirect_stdout(io.StringIO()):
        oracle = COCO()
        oracle.dataset = truth
        oracle.createIndex()
        evaluation = COCOeval(oracle, oracle.loadRes(predictions), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def written(folder: Path, truth: dict[str, Any], predictions: list[dict[str, Any]]) -> tuple[Path, Path]:
    """Write a case's files."""
    paths = folder / "gt.json", folder / "dt.json"
    for path, content in zip(paths, (truth, predictions), strict=True):
        path.write_text(json.dumps(content))
    return paths


def scored_natively(truth: Path, predictions: Path, protocol: str) -> dict[str, float | None]:
    """Return the numbers by the native path, which must take the files."""
    fast = score_files(truth, predictions, PROTOCOLS[protocol])
    assert fast is not None
    return fast.metrics


def scored_by_twins(truth: Path, predictions: Path, protocol: str) -> dict[str, float | None]:
    """Return the numbers by the general readers and NumPy alone."""
    return evaluate(truth, predictions, protocol=protocol, intervals=False).metrics


def assert_parity(
    folder: Path, seed: int, cases: int, scored: Callable[[Path, Path, str], dict[str, float | None]]
) -> None:
    """Score ``cases`` cases, each second one under ``coco_strict``."""
    for number in range(cases):
        rng = np.random.default_rng([seed, number])
        protocol = "coco" if number % 2 else "coco_strict"
        truth, predictions = random_case(rng, strict=protocol == "coco_strict")
        metrics = scored(*written(folder, truth, predictions), protocol)
        stats = with_pycocotools(truth, predictions).stats
        assert list(metrics.values()) == [None if value == -1 else value for value in stats], (seed, number)


needs_native = pytest.mark.skipif(native() is None, reason="the native part was not built")


@pytest.mark.slow
@needs_native
def test_hundreds_of_cases(tmp_path: Path) -> None:
    """The quick part."""
    assert_parity(tmp_path, seed=1, cases=300, scored=scored_natively)


@needs_native
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_ten_thousand_cases(tmp_path: Path, seed: int) -> None:
    """A thousand cases a seed."""
    assert_parity(tmp_path, seed=seed, cases=1000, scored=scored_natively)


@pytest.mark.parametrize("seed", [12])
def test_the_twins(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs where the native part was not built gives the same bits."""
    for module in ("matching", "tasks", "metrics.curves", "fast"):
        monkeypatch.setattr(f"detbench.evaluation.{module}.native", lambda: None)
    assert_parity(tmp_path, seed=seed, cases=200, scored=scored_by_twins)


@needs_native
def test_whole_curves(tmp_path: Path) -> None:
    """Every value of precision and recall is pycocotools', not only their means."""
    for number in range(60):
        truth, predictions = random_case(np.random.default_rng([13, number]), strict=True)
        fast = score_files(*written(tmp_path, truth, predictions), PROTOCOLS["coco_strict"])
        assert isinstance(fast, FastScores)
        curves, expected = curves_of(fast), with_pycocotools(truth, predictions).eval
        undefined = partial(np.nan_to_num, nan=-1)
        assert np.array_equal(undefined(curves.precision), expected["precision"][..., -1]), number
        assert np.array_equal(undefined(curves.recall), expected["recall"]), number
