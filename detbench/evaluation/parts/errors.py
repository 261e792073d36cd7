"""What goes wrong: errors by kind, the confusion matrix, calibration, and the worst images and mistakes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from detbench.evaluation.metrics.confusion import BACKGROUND, confusion
from detbench.evaluation.metrics.counted import counted
from detbench.evaluation.metrics.tide import BACKGROUND_IOU, FIXES, KINDS, MISSED, analyse, improvement
from detbench.evaluation.parts.calibration import Calibration, calibration, category_errors
from detbench.evaluation.parts.numbers import Numbers, defined, enough_images, intervals_of
from detbench.evaluation.parts.worst import Worst, find_worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.tide import Analysis, Improvement
    from detbench.evaluation.scored import Scored

__all__ = ["Cell", "Confusion", "Errors", "Kinds", "Tide", "errors", "flaw"]

Count = Annotated[int, msgspec.Meta(ge=0)]

#: Begin the names of what AP would gain, and of shares of all errors.
GAIN, _SHARE = "dAP_", "share_"

#: The bounds of what AP may gain.
_GAINS = (-1.0, 1.0)

#: Sums of fractions may end this far beyond what they can be.
_ROUNDING = 1e-9


class Kinds(msgspec.Struct, frozen=True, kw_only=True):
    """Kind → how many errors: at any score, and at the operating point."""

    counts: dict[str, Count]
    at_operating_point: dict[str, Count]


class Tide(msgspec.Struct, frozen=True, kw_only=True):
    """Errors by kind (Bolya et al. 2020).

    Attributes
    ----------
    foreground_iou, background_iou
        The protocol's lowest IoU threshold, and the IoU below which a box has nothing to do with an object.
    kinds
        Over all categories. A false positive counts in the category that was predicted, a missed ground truth in
        its own.
    metrics, intervals, reasons
        ``AP`` at the foreground IoU; ``dAP_…``: what AP would gain if all errors of a kind, all false positives or
        all false negatives were fixed; ``share_…``: of all errors at any score.
    per_category
        In the order of the result's. A category's ``dAP_…`` stand in its ``metrics``.
    """

    foreground_iou: float
    background_iou: float
    kinds: Kinds
    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]
    per_category: list[Kinds]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """``count`` ground truths of one category, predicted as another: rows of ``per_category``, None is background."""

    ground_truth: Count | None
    predicted: Count | None
    count: Annotated[int, msgspec.Meta(ge=1)]


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """The confusion matrix at the operating point and this IoU, without its empty cells, by rows, background first."""

    iou: float
    cells: list[Cell]


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong. ``threshold`` is the operating point's; None: there is none, and nothing is accepted."""

    threshold: float | None
    tide: Tide
    confusion: Confusion
    calibration: Calibration
    worst: Worst


def errors(scored: Scored, threshold: float | None, *, listed: int) -> tuple[Errors, list[Numbers]]:
    """Return the part of a result, and each category's numbers.

    ``threshold`` is the operating point's; ``listed`` is how many images, and mistakes of a kind, are listed.
    """
    at = math.inf if threshold is None else threshold
    analysis, of_all, draws = analyse(scored.matches), counted(scored.matches), scored.draws
    gains, enough = improvement(analysis, draws), enough_images(of_all)
    part = Errors(
        threshold=threshold,
        tide=_tide(analysis, gains, at, draws if enough[-1] else None),
        confusion=_confusion(analysis, at),
        calibration=calibration(of_all, at, draws),
        worst=find_worst(analysis, scored.dataset, at, listed),
    )
    numbers = [
        _merged(_gains(gains, k, draws if enough[k] else None), of_category)
        for k, of_category in enumerate(category_errors(of_all))
    ]
    return part, numbers


def _merged(one: Numbers, other: Numbers) -> Numbers:
    return Numbers(one.metrics | other.metrics, one.intervals | other.intervals, one.reasons | other.reasons)


def _gains(gains: Improvement, category: int, draws: Draws | None) -> Numbers:
    names = [GAIN + fix for fix in FIXES]
    metrics = dict(zip(names, map(defined, gains.delta[category].tolist()), strict=True))
    drawn = dict(zip(names, gains.drawn[category], strict=True))
    return Numbers(metrics, intervals_of(draws, metrics, drawn, _GAINS), {})


def _tide(analysis: Analysis, gains: Improvement, at: float, draws: Draws | None) -> Tide:
    counts, drawn_counts = _count_kinds(analysis, draws)
    gain_names, share_names = [GAIN + fix for fix in FIXES], [_SHARE + kind for kind in KINDS]
    metrics = {"AP": defined(gains.mean_before())}
    metrics |= dict(zip(gain_names, map(defined, gains.mean().tolist()), strict=True))
    metrics |= dict(zip(share_names, map(defined, _shares(counts).tolist()), strict=True))
    drawn = {} if draws is None else dict(zip(gain_names, gains.drawn_mean(draws), strict=True))
    drawn_shares = dict(zip(share_names, _shares(drawn_counts), strict=True))
    why = dict.fromkeys(share_names, "there are no errors")
    foreground = analysis.matches.protocol.iou_thresholds[0]
    tables = _by_category(analysis, None), _by_category(analysis, at)
    return Tide(
        foreground_iou=foreground,
        background_iou=min(BACKGROUND_IOU, foreground),
        kinds=_kinds(*(table.sum(axis=0) for table in tables)),
        metrics=metrics,
        intervals=intervals_of(draws, metrics, drawn, _GAINS) | intervals_of(draws, metrics, drawn_shares),
        reasons={
            n: why.get(n, "there is no ground truth to be found") for n, value in metrics.items() if value is None
        },
        per_category=[_kinds(*rows) for rows in zip(*tables, strict=True)],
    )


def _count_kinds(analysis: Analysis, draws: Draws | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return float64 ``[6]`` and ``[6, S]``: errors of each kind, in all images and in each draw."""
    task, images = analysis.matches.task, analysis.matches.image_count
    per_image = _count(analysis, None, task.image, task.truth_image, images).astype(np.float64)
    return per_image.sum(axis=0), np.zeros((len(KINDS), 0)) if draws is None else draws.sums(per_image)


def _by_category(analysis: Analysis, threshold: float | None) -> NDArray[np.int64]:
    """Return int64 ``[K, 6]``: errors of each kind of each category."""
    task = analysis.matches.task
    return _count(analysis, threshold, task.category, task.truth_category, analysis.matches.category_count)


def _count(
    analysis: Analysis,
    threshold: float | None,
    group: NDArray[np.int32],
    truth_group: NDArray[np.int32],
    groups: int,
) -> NDArray[np.int64]:
    """Return int64 ``[groups, 6]``: errors of each kind of each group of predictions and of ground truth."""
    wrong, missed, size = analysis.wrong(threshold), analysis.missed(threshold), len(KINDS)
    cells = (group[wrong] * size + analysis.kind[wrong], truth_group[missed] * size + MISSED)
    return np.bincount(np.concatenate(cells), minlength=groups * size).reshape(groups, size)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row's share of the sum of the rows, NaN where that is 0."""
    total = counts.sum(axis=0)
    return np.asarray(np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0))


def _kinds(counts: NDArray[np.int64], at_operating_point: NDArray[np.int64]) -> Kinds:
    return Kinds(
        counts=dict(zip(KINDS, counts.tolist(), strict=True)),
        at_operating_point=dict(zip(KINDS, at_operating_point.tolist(), strict=True)),
    )


def _confusion(analysis: Analysis, at: float) -> Confusion:
    cells = [
        Cell(ground_truth=_category(truth), predicted=_category(predicted), count=count)
        for truth, predicted, count in confusion(analysis, at).tolist()
    ]
    return Confusion(iou=analysis.matches.protocol.iou_thresholds[0], cells=cells)


def _category(row: int) -> int | None:
    return None if row == BACKGROUND else row


def flaw(found: Errors, categories: int) -> str:
    """Return what in errors that were read from a file cannot be, in words, or nothing."""
    return next(_flaws(found, categories), "")


def _flaws(found: Errors, categories: int) -> Iterator[str]:
    tide, confused, calibrated = found.tide, found.confusion, found.calibration
    for name, value in (*tide.metrics.items(), *calibrated.metrics.items()):
        if value is not None and not _lies(value, -1 if name.startswith(GAIN) else 0):
            yield f"{name} of its errors is {value}"
    for name, ends in (*tide.intervals.items(), *calibrated.intervals.items()):
        if ends[0] > ends[1]:
            yield f"the interval of {name} of its errors is {list(ends)}"
    if len(tide.per_category) != categories:
        yield "its errors and its categories differ in length"
    tables = (each for kinds in (tide.kinds, *tide.per_category) for each in (kinds.counts, kinds.at_operating_point))
    if any(set(each) != set(KINDS) for each in tables):
        yield "a table of its errors does not hold the six kinds"
    rows = (row for cell in confused.cells for row in (cell.ground_truth, cell.predicted) if row is not None)
    if any(row >= categories for row in rows):
        yield "its confusion matrix holds a category that is not there"
    shares = (share for b in (*calibrated.equal_width, *calibrated.equal_mass) for share in (b.score, b.precision))
    if any(share is not None and not _lies(share, 0) for share in shares):
        yield "a share of its calibration does not lie between 0 and 1"


def _lies(value: float, low: float) -> bool:
    return low - _ROUNDING <= value <= 1 + _ROUNDING
