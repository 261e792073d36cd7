"""The operating point of a result: what the detector does at one score threshold, as it would be used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from detbench.errors import DataError, UsageError
from detbench.evaluation.intervals import FEWEST_IMAGES
from detbench.evaluation.metrics.operating_point import Rates, Sweep, best, counts_at, drawn_counts, rates, sweep
from detbench.evaluation.parts.numbers import Numbers, defined, intervals_of, truth_images
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counted import Counted

__all__ = [
    "BestPoint",
    "CategoryPoint",
    "OperatingPoint",
    "ScoreCurve",
    "ThresholdRule",
    "flaw",
    "operating_point",
    "threshold_rule",
]

Count = Annotated[int, msgspec.Meta(ge=0)]

_DECIMALS_DRAWN = 6
_NAMES = ("precision", "recall", "F1")

#: Ends the names of a category's numbers at the operating point.
_SUFFIX = "@op"

#: Sums of fractions may end this far above 1.
_ROUNDING = 1e-9


class BestPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The threshold of the greatest F1 on these predictions, in hindsight, and precision, recall and F1 there."""

    threshold: float
    metrics: dict[str, float | None]


class CategoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One category at the operating point, and at the threshold that would be best for it alone.

    Precision, recall and F1 at the operating point stand in its ``metrics``, as ``precision@op`` and so on.
    """

    true_positives: Count
    false_positives: Count
    false_negatives: Count
    best: BestPoint | None


class ScoreCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Precision, recall and F1 over all categories at at most 200 ascending thresholds, rounded to 6 decimals.

    Precision is None where no prediction reaches the threshold.
    """

    threshold: list[float]
    precision: list[float | None]
    recall: list[float | None]
    f1: list[float | None]


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Precision, recall and F1 of the predictions whose score is ``threshold`` or more.

    Attributes
    ----------
    rule
        How the threshold was chosen: ``best_f1`` (the best on these predictions, in hindsight), ``given``, or
        ``from_result`` (that of another run). Models are compared at a threshold by the same rule.
    chosen
        The rule in words.
    iou
        The IoU at which a prediction is right: the protocol's lowest.
    threshold
        None where the rule gives none.
    true_positives, false_positives, false_negatives
        Of all categories.
    metrics, intervals, reasons
        ``precision``, ``recall`` and ``F1`` over all categories (micro). The threshold is fixed in the intervals:
        that it was chosen on the same images is not in them.
    best
        The best point in hindsight, whatever the rule.
    per_category
        In the order of the result's.
    curve
        For drawing.
    """

    rule: str
    chosen: str
    iou: float
    threshold: float | None
    true_positives: Count
    false_positives: Count
    false_negatives: Count
    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]
    best: BestPoint | None
    per_category: list[CategoryPoint]
    curve: ScoreCurve


class ThresholdRule(NamedTuple):
    """How the score threshold is chosen; ``value`` is None where the predictions themselves decide."""

    name: str
    words: str
    value: float | None = None


_BEST_F1 = ThresholdRule(
    "best_f1", "the best F1 on these very predictions, in hindsight; on other images F1 will be lower"
)

#: How the threshold of another run was chosen there.
_THERE = {
    "best_f1": ", the best for F1 there",
    "given": ", given there",
    "from_result": ", taken from another run there",
}


def threshold_rule(given: float | Path | str | None) -> ThresholdRule:
    """Return the rule for what a user gives: nothing, a number, or another run's result (or its folder).

    Raises
    ------
    UsageError
        If ``given`` is no finite number and no file.
    DataError
        If the file is no result, or its result has no threshold.
    """
    if given is None:
        return _BEST_F1
    try:
        value = float(given)  # type: ignore[arg-type]  # a path is no number, and is looked at below
    except (TypeError, ValueError):
        return _of_result(Path(given))  # type: ignore[arg-type]  # a number was returned above
    if not math.isfinite(value):
        raise UsageError(f"a score threshold must be a finite number, not {value}")
    return ThresholdRule("given", "given", value)


def _of_result(path: Path) -> ThresholdRule:
    from detbench.evaluation.document import read  # it holds an operating point itself

    if path.is_dir():
        path /= "result.json"
    if not path.exists():
        raise UsageError(f"the score threshold {str(path)!r:.80} is no number, and there is no such result")
    result = read(path)
    point = result.operating_point
    if point is None or point.threshold is None:
        raise DataError(
            "has no score threshold", file=path, remedy="say a number, or a run with predictions that are right"
        )
    split = f" {result.dataset.split}" if result.dataset.split else ""
    how = _THERE.get(point.rule, "")
    words = f"that of {brief(result.name, 60)} on {brief(result.dataset.name, 60)}{split}{how}"
    return ThresholdRule("from_result", words, point.threshold)


def operating_point(
    counted: Counted, iou: float, rule: ThresholdRule, draws: Draws | None
) -> tuple[OperatingPoint, list[Numbers]]:
    """Return the part of a result, and each category's numbers."""
    overall = sweep(counted)
    hindsight = best(overall)
    threshold = hindsight if rule.value is None else rule.value
    # Where there is no threshold, nothing is accepted.
    at = math.inf if threshold is None else threshold
    counts = counts_at(counted, at)
    drawn = None if draws is None else _Drawn(draws, drawn_counts(counted, at, draws), _images(counted, at))
    numbers = _numbers(counts.sum(axis=1), drawn)
    right, accepted, truths = counts.sum(axis=1).tolist()
    point = OperatingPoint(
        rule=rule.name,
        chosen=rule.words,
        iou=iou,
        threshold=threshold,
        true_positives=right,
        false_positives=accepted - right,
        false_negatives=truths - right,
        metrics=numbers.metrics,
        intervals=numbers.intervals,
        reasons=numbers.reasons,
        best=_best_point(overall, hindsight),
        per_category=[_category_point(sweep(counted, k), *counts[:, k].tolist()) for k in range(counts.shape[1])],
        curve=_curve(overall, *([] if threshold is None else [threshold])),
    )
    return point, _category_numbers(counts, drawn)


class _Drawn(NamedTuple):
    """Counts in every draw, int64 ``[3, K, S]``, and in how many images there is what each number is about.

    ``images`` is int64 ``[3, K + 1]``, of precision, recall and F1, of each category and last of all.
    """

    draws: Draws
    counts: NDArray[np.int64]
    images: NDArray[np.int64]

    def intervals(
        self, category: int, metrics: Mapping[str, float | None], values: Iterable[NDArray[np.float64]]
    ) -> dict[str, tuple[float, float]]:
        """Return the intervals of a category's numbers, of all together for −1; none of what is in one image only."""
        images = dict(zip(metrics, self.images[:, category].tolist(), strict=True))
        drawn = {name: column for name, column in zip(metrics, values, strict=True) if images[name] >= FEWEST_IMAGES}
        return intervals_of(self.draws, metrics, drawn, images=images)


def _images(counted: Counted, at: float) -> NDArray[np.int64]:
    """Return int64 ``[3, K + 1]``: precision is about accepted predictions, recall and F1 about ground truth."""
    truths, accepted = truth_images(counted), counted.score >= at
    pairs = np.unique(np.stack([counted.category[accepted], counted.image[accepted]]), axis=1)
    of_each = np.bincount(pairs[0], minlength=len(counted.truths))
    return np.stack([np.append(of_each, len(np.unique(pairs[1]))), truths, truths])


def _numbers(counts: NDArray[np.int64], drawn: _Drawn | None) -> Numbers:
    metrics = {name: defined(float(rate)) for name, rate in zip(_NAMES, rates(*counts), strict=True)}
    intervals = {} if drawn is None else drawn.intervals(-1, metrics, rates(*drawn.counts.sum(axis=1)))
    why = {"precision": "no prediction reaches the threshold"}
    reasons = {n: why.get(n, "there is no ground truth to be found") for n, value in metrics.items() if value is None}
    return Numbers(metrics, intervals, reasons)


def _category_numbers(counts: NDArray[np.int64], drawn: _Drawn | None) -> list[Numbers]:
    names = [name + _SUFFIX for name in _NAMES]
    columns, numbers = np.stack(rates(*counts)).T.tolist(), []
    values = None if drawn is None else np.stack(rates(*drawn.counts))
    for category, column in enumerate(columns):
        metrics = dict(zip(names, map(defined, column), strict=True))
        intervals = {} if drawn is None or values is None else drawn.intervals(category, metrics, values[:, category])
        reasons = {names[0]: "no prediction of it reaches the threshold"} if metrics[names[0]] is None else {}
        numbers.append(Numbers(metrics, intervals, reasons))
    return numbers


def _category_point(swept: Sweep, right: int, accepted: int, truths: int) -> CategoryPoint:
    return CategoryPoint(
        true_positives=right,
        false_positives=accepted - right,
        false_negatives=truths - right,
        best=_best_point(swept, best(swept)),
    )


def _best_point(swept: Sweep, threshold: float | None) -> BestPoint | None:
    if threshold is None:
        return None
    at = swept.rates_at(np.array([threshold]))
    return BestPoint(
        threshold=threshold, metrics={name: defined(value[0]) for name, value in zip(_NAMES, at, strict=True)}
    )


def _curve(swept: Sweep, *also: float) -> ScoreCurve:
    thresholds = swept.thresholds(*also)
    drawn: Rates = swept.rates_at(thresholds)
    precision, recall, f1 = ([_rounded(value) for value in column.tolist()] for column in drawn)
    return ScoreCurve(
        threshold=[round(value, _DECIMALS_DRAWN) for value in thresholds.tolist()],
        precision=precision,
        recall=recall,
        f1=f1,
    )


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DECIMALS_DRAWN)


def flaw(point: OperatingPoint, categories: int) -> str:
    """Return what in an operating point that was read from a file cannot be, in words, or nothing."""
    bests = [found for found in (point.best, *(each.best for each in point.per_category)) if found is not None]
    curve = point.curve
    shares = [
        *point.metrics.values(),
        *(end for ends in point.intervals.values() for end in ends),
        *(value for found in bests for value in found.metrics.values()),
        *(value for column in (curve.precision, curve.recall, curve.f1) for value in column),
    ]
    if any(value is not None and not 0 <= value <= 1 + _ROUNDING for value in shares):
        return "a number of its operating point does not lie between 0 and 1"
    if len(point.per_category) != categories:
        return "its operating point and its categories differ in length"
    if {len(curve.precision), len(curve.recall), len(curve.f1)} != {len(curve.threshold)}:
        return "the curve of its operating point has columns of different length"
    return ""
