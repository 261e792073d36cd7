"""Calibration: ECE by its definition, computed again in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.calibration import calibration_error, equal_mass, equal_width, fill
from detbench.evaluation.metrics.counted import counted
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.parts.calibration import Calibration
    from detbench.evaluation.results import Result

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [300.0, 300.0, 50.0, 50.0]
GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"


def as_netcal(score: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return ECE as netcal defines it: binned statistics of confidences clipped into (0, 1), weighted by samples."""
    tiny = np.finfo(float).eps
    clipped = np.clip(score, tiny, 1 - tiny)
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high, last in zip(edges[:-1], edges[1:], [*[False] * (bins - 1), True], strict=True):
        inside = (clipped >= low) & ((clipped < high) | last)
        if inside.any():
            total += inside.sum() / len(score) * abs(right[inside].mean() - clipped[inside].mean())
    return total


def calibration_of(result: Result) -> Calibration:
    """Return a result's calibration, which it has."""
    assert result.errors is not None
    return result.errors.calibration


def test_real_predictions(shared: Path) -> None:
    """Over all categories, for each, and at the operating point, ECE is netcal's; bins hold every prediction once."""
    result = evaluate(shared / GT, shared / DT, errors=True, intervals=False, score_threshold=0.3)
    dataset = read_dataset(shared / GT)
    of_all = counted(match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"]))
    found = calibration_of(result)
    accepted = of_all.score >= 0.3
    assert found.metrics["ECE"] == pytest.approx(as_netcal(of_all.score, of_all.right), abs=1e-12)
    expected = as_netcal(of_all.score[accepted], of_all.right[accepted])
    assert found.metrics["ECE@op"] == pytest.approx(expected, abs=1e-12)
    for bins in (found.equal_width, found.equal_mass):
        assert len(bins) == 10
        assert sum(b.count for b in bins) == len(of_all.score)
        assert all(b.low <= b.score <= b.high for b in bins if b.score is not None)
    assert max(b.count for b in found.equal_mass) < 1.02 * min(b.count for b in found.equal_mass)
    for category, numbers in enumerate(result.per_category):
        mine = of_all.category == category
        if mine.any():
            expected = as_netcal(of_all.score[mine], of_all.right[mine])
            assert numbers.metrics["ECE"] == pytest.approx(expected, abs=1e-12)
        else:
            assert numbers.reasons["ECE"] == "it has no predictions that count"


@settings(max_examples=100, deadline=None)
@given(
    score=st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.6, 0.7, 0.9, 0.999, 1.0]), min_size=1, max_size=40),
    seed=st.integers(0, 2**32 - 1),
)
def test_scores_on_the_bounds(score: list[float], seed: int) -> None:
    """Where scores lie on the bounds of bins, also those that linspace rounds up, ECE is netcal's."""
    scores, right = np.array(score), np.random.default_rng(seed).random(len(score)) < 0.5
    bins = fill(equal_width(), scores, right)
    assert float(calibration_error(bins.count, bins.score, bins.right)) == pytest.approx(as_netcal(scores, right))
    bounds = equal_mass(scores)
    bins = fill(bounds, scores, right)
    assert bins.count.sum() == len(scores)
    assert (np.diff(bounds) > 0).all()
    for value in set(score):
        assert len(set(bins.index[scores == value])) == 1


def test_a_scene_by_hand(coco_pair: Pair) -> None:
    """Half of the predictions of 0.9 right: off by 0.4; and a bin without predictions says None."""
    pair = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9), (2, 1, FAR, 0.9)])
    found = calibration_of(evaluate(*pair, errors=True, resamples=100))
    assert found.metrics["ECE"] == pytest.approx(0.4)
    assert found.equal_width[0].precision is None
    assert found.equal_width[0].interval is None
    last = found.equal_width[-1]
    assert (last.count, last.score, last.precision) == (2, 0.9, 0.5)
    assert last.interval is not None
    assert last.interval[0] <= 0.5 <= last.interval[1]


def test_scores_that_are_no_probabilities(coco_pair: Pair) -> None:
    """Logits have no calibration, and the reason names their range; everything else is as usual."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 3.5), (1, 1, FAR, -1.25)])
    result = evaluate(*pair, errors=True, intervals=False)
    found = calibration_of(result)
    assert set(found.metrics.values()) == {None}
    assert "scores from -1.25 to 3.5 are no probabilities" in found.reasons["ECE"]
    assert found.equal_width == found.equal_mass == []
    assert result.per_category[0].reasons["ECE"] == found.reasons["ECE"]
    assert result.operating_point is not None
    assert result.operating_point.metrics["F1"] == 1
