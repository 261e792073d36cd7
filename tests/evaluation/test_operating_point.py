"""Precision, recall and F1 at a score threshold, and how the threshold is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.errors import DataError, UsageError
from detbench.evaluation.draws import Draws
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.counted import Counted, counted
from detbench.evaluation.metrics.operating_point import best, counts_at, drawn_counts, sweep
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.parts.operating_point import OperatingPoint
    from detbench.evaluation.results import Result

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [300.0, 300.0, 50.0, 50.0]
GT = "coco_tiny/annotations/instances_val2017.json"
DT = ["predictions/yolox_nano__coco_tiny_val.json", "predictions/centernet_mbv3__coco_tiny_val.json"]


def point_of(result: Result) -> OperatingPoint:
    """Return a result's operating point, which it has."""
    assert result.operating_point is not None
    return result.operating_point


def counted_of(shared: Path, predictions: str) -> Counted:
    """Return what counts of real predictions."""
    dataset = read_dataset(shared / GT)
    table = read_predictions(shared / predictions, dataset).predictions
    return counted(match(dataset, table, PROTOCOLS["coco"]))


def test_what_no_resample_moves_is_not_certain(coco_pair: Pair) -> None:
    """All objects found and nothing wrong, in three images: the rule of three, as for every other number."""
    images = (1, 2, 3)
    pair = coco_pair([(i, 1, BOX) for i in images], [(i, 1, BOX, 0.85) for i in images])
    result = evaluate(*pair, errors=True)
    low = pytest.approx(0.05 ** (1 / 3))
    category = result.per_category[0].intervals
    for ends in (*point_of(result).intervals.values(), *(category[f"{name}@op"] for name in ("precision", "recall"))):
        assert ends == (low, 1.0)
    assert category["recall"] == (low, 1.0)
    assert result.errors is not None
    assert result.errors.calibration.equal_width[8].interval == (low, 1.0)


def test_a_scene_by_hand(coco_pair: Pair) -> None:
    """Two of three found at 0.5, one false: F1 2/3; a lower threshold adds two false, a higher one loses one."""
    pair = coco_pair(
        [(1, 1, BOX), (2, 1, BOX), (3, 1, BOX)],
        [(1, 1, BOX, 0.9), (1, 1, FAR, 0.7), (2, 1, BOX, 0.5), (2, 1, FAR, 0.4), (3, 1, FAR, 0.4)],
    )
    result = evaluate(*pair, intervals=False)
    point = point_of(result)
    assert point.threshold == 0.5
    assert (point.true_positives, point.false_positives, point.false_negatives) == (2, 1, 1)
    assert point.metrics == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "F1": 2 / 3})
    assert (point.rule, point.iou) == ("best_f1", 0.5)
    assert "hindsight" in point.chosen
    assert point.best is not None
    assert (point.best.threshold, point.best.metrics) == (0.5, point.metrics)
    category = result.per_category[0].metrics
    assert [category[name] for name in ("precision@op", "recall@op", "F1@op")] == pytest.approx([2 / 3] * 3)


def test_of_equally_good_thresholds_the_highest_is_taken(coco_pair: Pair) -> None:
    """F1 is 2/3 with one of two found and nothing false, and with two found and two false: the former it is."""
    pair = coco_pair(
        [(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9), (1, 1, FAR, 0.8), (2, 1, FAR, 0.8), (2, 1, BOX, 0.7)]
    )
    assert point_of(evaluate(*pair, intervals=False)).threshold == 0.9


@pytest.mark.parametrize("predictions", DT)
def test_no_threshold_is_better(shared: Path, predictions: str) -> None:
    """On real predictions the best F1 is the greatest over all scores, over all categories and for each."""
    of_all = counted_of(shared, predictions)
    for category in (None, *range(len(of_all.truths))):
        of_it = np.ones(len(of_all.score), np.bool_) if category is None else of_all.category == category
        truths = of_all.truths.sum() if category is None else of_all.truths[category]
        score, right = of_all.score[of_it], of_all.right[of_it]
        order = np.argsort(-score, kind="stable")
        last = np.append(score[order][1:] != score[order][:-1], True)[: len(order)]
        f1 = (2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + truths))[last]
        found = best(sweep(of_all, category))
        if not right.any():
            assert found is None
            continue
        assert found == score[order][last][np.argmax(f1)]


@pytest.mark.parametrize("predictions", DT)
def test_the_curve_is_what_a_threshold_gives(shared: Path, predictions: str) -> None:
    """At each of at most 200 points, and the operating point among them, the curve is what --score-threshold says."""
    point = point_of(evaluate(shared / GT, shared / predictions, intervals=False))
    curve, of_all = point.curve, counted_of(shared, predictions)
    assert 100 < len(curve.threshold) <= 200
    assert curve.threshold == sorted(curve.threshold)
    assert (curve.threshold[0], curve.threshold[-1]) == (0, 1)
    assert point.threshold in curve.threshold
    assert max(f1 for f1 in curve.f1 if f1 is not None) == round(point.metrics["F1"] or 0, 6)
    for threshold, precision, recall in list(zip(curve.threshold, curve.precision, curve.recall, strict=True))[::13]:
        right, accepted, truths = counts_at(of_all, threshold).sum(axis=1)
        assert recall == pytest.approx(right / truths, abs=1e-6)
        assert precision == (pytest.approx(right / accepted, abs=1e-6) if accepted else None)


def test_counts_in_draws_are_weighted_sums(shared: Path) -> None:
    """In each draw the counts are those of the drawn images, one by one, empty categories among them."""
    of_all, threshold = counted_of(shared, DT[0]), 0.3
    draws = Draws(80, resamples=20, seed=3)
    found = drawn_counts(of_all, threshold, draws)
    weight = np.concatenate(list(draws.blocks()), axis=1).astype(np.int64)
    accepted = of_all.score >= threshold
    category = np.repeat(np.arange(len(of_all.truths)), of_all.truths)
    for k in range(len(of_all.truths)):
        mine = accepted & (of_all.category == k)
        expected = [
            weight[of_all.image[mine & of_all.right]].sum(axis=0),
            weight[of_all.image[mine]].sum(axis=0),
            weight[of_all.truth_image[category == k]].sum(axis=0),
        ]
        assert np.array_equal(found[:, k], expected)


def test_undefined_rates_have_a_reason(coco_pair: Pair) -> None:
    """Nothing predicted, nothing right, nothing to find: None and why; scores need not lie within 0 to 1."""
    nothing = point_of(evaluate(*coco_pair([(1, 1, BOX)], [], images=[1]), intervals=False))
    assert nothing.threshold is None
    assert nothing.metrics == {"precision": None, "recall": 0, "F1": 0}
    assert nothing.reasons == {"precision": "no prediction reaches the threshold"}
    assert nothing.curve.threshold == []
    no_truth = evaluate(*coco_pair([], [(1, 1, BOX, 7.0)], images=[1], categories=[1]), score_threshold=-3)
    point = point_of(no_truth)
    assert (point.threshold, point.metrics) == (-3, {"precision": 0, "recall": None, "F1": None})
    assert point.reasons["F1"] == "there is no ground truth to be found"
    assert no_truth.per_category[0].reasons["recall@op"] == "it has no ground truth"
    unused = evaluate(*coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.2)]), score_threshold=0.5, intervals=False)
    assert unused.per_category[0].reasons["precision@op"] == "no prediction of it reaches the threshold"


def test_the_threshold_of_another_run_is_taken(shared: Path, tmp_path: Path) -> None:
    """A result, or its folder, gives its threshold, and the new one says whose it is."""
    other = evaluate(shared / GT, shared / DT[0], intervals=False, name="nano")
    other.save(tmp_path / "result.json")
    for given in (tmp_path, str(tmp_path / "result.json")):
        point = point_of(evaluate(shared / GT, shared / DT[1], intervals=False, score_threshold=given))
        assert point.rule == "from_result"
        assert point.threshold == point_of(other).threshold
        assert point.chosen.startswith("that of nano on instances_val2017")
        assert point.best is not None
        assert (point.best.metrics["F1"] or 0) > (point.metrics["F1"] or 0)


@pytest.mark.parametrize("given", ["nan", "inf", float("nan"), "half", "missing.json"])
def test_a_threshold_that_is_none_is_refused(given: float | str) -> None:
    """No number, no finite number and no file: said before anything is read."""
    with pytest.raises(UsageError, match=r"finite number|is no number, and there is no such result"):
        evaluate("nowhere", "nothing", score_threshold=given)


def test_a_result_without_a_threshold_is_refused(coco_pair: Pair, tmp_path: Path) -> None:
    """A run in which nothing was right has no threshold to give."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, FAR, 0.5)])
    evaluate(*pair, intervals=False).save(tmp_path / "result.json")
    with pytest.raises(DataError, match="has no score threshold"):
        evaluate(*pair, score_threshold=tmp_path)
