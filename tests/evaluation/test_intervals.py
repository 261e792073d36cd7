"""Intervals: where they lie, that they repeat, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation import intervals as module
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.metrics.summary import resampled_mean, summaries
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.document import CategoryResult
    from detbench.evaluation.results import Result

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


PAIRS = [
    (GT, DT),
    (GT, "predictions/centernet_mbv3__coco_tiny_val.json"),
    (GT, "predictions/proposals_yolox_obj__coco_tiny_val.json"),
    (
        "coco_val2014_100/instances_val2014_100.json",
        "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ),
]


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
@pytest.mark.parametrize(("truth", "predictions"), PAIRS)
def test_no_number_lies_outside_its_interval(shared: Path, truth: str, predictions: str, protocol: str) -> None:
    """Rare categories drop out of resamples and do not carry the mean away from the number, nor do rounding errors."""
    result = evaluate(shared / truth, shared / predictions, protocol=protocol, resamples=500)
    assert result.intervals.keys() == {name for name, value in result.metrics.items() if value is not None}
    parts: list[Result | CategoryResult] = [result, *result.per_category]
    for of in parts:
        for name, (low, high) in of.intervals.items():
            value = of.metrics[name]
            assert value is not None
            assert low <= value <= high, (of.name, name)


def test_a_category_that_a_resample_lacks_keeps_its_value(shared: Path) -> None:
    """A resample of a single image has the mean over all the categories with ground truth, and not over its own."""
    dataset = read_dataset(shared / GT)
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"])
    curves = accumulate(matches)
    weight = np.zeros((len(dataset.images), module.LANES), dtype=np.uint8)
    weight[0] = 1
    average, recall = module._block_of(matches)(weight)
    ap = summaries(PROTOCOLS["coco"])[0]
    expected = np.where(np.isnan(average[:, :, 0, 0]), curves.average_precision[:, :, 0], average[:, :, 0, 0])
    assert np.isnan(average[0, :, 0, 0]).sum() > np.isnan(expected[0]).sum()
    assert resampled_mean(ap, average, recall, curves)[0] == pytest.approx(np.nanmean(expected), abs=1e-12)


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


def test_the_interval_is_the_binomials(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """With one object an image, 60 of 100 found, recall's interval is the 2.5 % and 97.5 % points of B(100, 0.6)."""
    box = [10.0, 10.0, 50.0, 50.0]
    truth, predictions = coco_pair(
        [(image, 1, box) for image in range(1, 101)], [(image, 1, box, 0.9 - image / 1000) for image in range(1, 61)]
    )
    low, high = evaluate(truth, predictions, protocol="voc2012", resamples=4000).intervals["recall"]
    # scipy.stats.binom.ppf([0.025, 0.975], 100, 0.6) is 50 and 69; at 5 % and 95 % it is 52 and 68.
    assert low == pytest.approx(0.50, abs=0.011)
    assert high == pytest.approx(0.69, abs=0.0101)
