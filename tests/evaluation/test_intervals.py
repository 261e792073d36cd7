"""Intervals: where they lie, that they repeat, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation import intervals as module
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from pathlib import Path


GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"


def test_intervals_hold_their_number_and_repeat(shared: Path) -> None:
    """Every interval holds the number it is of; the same seed gives the same interval, another seed another."""
    results = [evaluate(shared / GT, shared / DT, resamples=200, seed=seed) for seed in (3, 3, 4)]
    for name, (low, high) in results[0].intervals.items():
        value = results[0].metrics[name]
        assert value is not None
        assert low < value < high, name
    assert results[0].intervals == results[1].intervals
    assert results[0].intervals != results[2].intervals
    assert "200 resamples" in results[0].interval_method


def test_unit_weights_give_the_number_itself(shared: Path) -> None:
    """A resample that draws every image once has the AP of the whole."""
    dataset = read_dataset(shared / GT)
    for name in ("coco", "voc2007", "voc2012"):
        matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS[name])
        average, recall = module._block_of(matches)(np.ones((len(dataset.images), module.LANES), dtype=np.uint8))
        curves = accumulate(matches)
        np.testing.assert_allclose(average[..., 0], curves.average_precision, rtol=0, atol=1e-12)
        np.testing.assert_allclose(recall[..., 0], curves.recall, rtol=0, atol=1e-12)


def test_no_intervals_where_none_are_asked_for(shared: Path) -> None:
    """``intervals=False`` leaves them out everywhere."""
    result = evaluate(shared / GT, shared / DT, intervals=False)
    assert result.intervals == {}
    assert result.interval_method == ""
    assert not any(category.intervals for category in result.per_category)
