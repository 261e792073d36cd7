"""Precision and recall: from matches to curves, from curves to average precision.

COCO: cocoapi, ``COCOeval.accumulate``. Pascal VOC: the devkit's ``VOCap.m`` (2010 and after) and ``VOCevaldet.m``
(2007, 11 points).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.extension import native

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches

__all__ = [
    "DRAWN",
    "LEVELS",
    "Accumulated",
    "accumulate",
    "accumulate_with",
    "area_under_curve",
    "by_falling_score",
    "precision_at_levels",
]

#: Recall levels. COCO's are linspace's own values and VOC 2007's arange's own: j · 0.1 and j / 10 differ in the
#: last bit, and with it a level can be missed.
LEVELS: dict[str, NDArray[np.float64]] = {
    "101-point": np.linspace(0.0, 1.0, 101),
    "11-point": np.arange(0.0, 1.1, 0.1),
}

#: The levels at which curves are drawn, whatever the protocol computes with.
DRAWN = "101-point"

_NO_LIMIT = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Accumulated:
    """Curves and what follows from them, NaN where a category has no ground truth to be found.

    Axes: T IoU thresholds, R recall levels, K categories, A area ranges, M maxDets.

    Attributes
    ----------
    precision
        float64 ``[T, R, K, A]`` at the largest maxDets, at the 101 levels; not increasing along R.
    average_precision
        float64 ``[T, K, A]`` at the largest maxDets, by the protocol's interpolation.
    recall
        float64 ``[T, K, A, M]``: the largest recall reached.
    truth_count
        int64 ``[K, A]``: ground truths that must be found.
    truth_images
        int64 ``[K]``: images with ground truth that must be found in the first area range; only where the protocol
        means by images, else empty.
    """

    precision: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    truth_count: NDArray[np.int64]
    truth_images: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def by_falling_score(score: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of falling scores; equal scores keep their order."""
    return np.argsort(-score, kind="stable")


def precision_at_levels(
    recall: NDArray[np.float64], precision: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return float64 ``[R]``: at each level the best precision of any point with at least that recall, else 0.

    ``recall`` (not decreasing) and ``precision`` are float64 ``[N]``, a point a prediction.

    >>> precision_at_levels(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3]), np.array([0.0, 0.5, 0.9])).round(3)
    array([1.   , 1.   , 0.667])
    """
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    first = np.searchsorted(recall, levels, side="left")
    reached = first < len(recall)
    values = np.zeros(len(levels))
    values[reached] = best_from_here[first[reached]]
    return values


def area_under_curve(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Return the area under the monotone precision–recall curve: VOC's all-point average precision.

    >>> area_under_curve(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3]))
    0.8333333333333333
    """
    steps = np.concatenate(([0.0], recall, [1.0]))
    best_from_here = np.maximum.accumulate(np.concatenate(([0.0], precision, [0.0]))[::-1])[::-1]
    rises = np.flatnonzero(steps[1:] != steps[:-1])
    return float(np.sum((steps[rises + 1] - steps[rises]) * best_from_here[rises + 1]))


def accumulate(matches: Matches) -> Accumulated:
    """Turn matches into curves and their areas, for every threshold, category, area range and maxDets."""
    return accumulate_with(matches, native(), threads=os.cpu_count() or 1)


def accumulate_with(matches: Matches, module: ModuleType | None, *, threads: int = 1) -> Accumulated:
    """Do the work of :func:`accumulate` with the native ``module``, or with its twin for None."""
    protocol, task = matches.protocol, matches.task
    shape = (len(protocol.iou_thresholds), matches.category_count, len(protocol.areas))
    curves = Accumulated(
        precision=np.full((shape[0], len(LEVELS[DRAWN]), *shape[1:]), np.nan),
        average_precision=np.full(shape, np.nan),
        recall=np.full((*shape, len(protocol.max_dets)), np.nan),
        truth_count=np.zeros(shape[1:], dtype=np.int64),
        truth_images=_truth_images(matches) if protocol.mean_by_images else np.zeros(0, dtype=np.int64),
    )
    if module is None:
        for category in range(matches.category_count):
            _accumulate_category(matches, category, curves)
        return curves
    module.accumulate(
        score=task.score,
        rank=task.rank,
        found=matches.found,
        not_counted=matches.not_counted,
        offsets=matches.offsets(),
        truth_ignored=task.truth_ignored,
        truth_offsets=matches.truth_offsets(),
        max_dets=np.array([_NO_LIMIT if limit is None else limit for limit in protocol.max_dets], dtype=np.int32),
        interpolation=protocol.interpolation,
        threads=threads,
        precision=curves.precision,
        average_precision=curves.average_precision,
        recall=curves.recall,
        truth_count=curves.truth_count,
    )
    return curves


def _accumulate_category(matches: Matches, category: int, curves: Accumulated) -> None:
    """Fill in one category's part of ``curves``."""
    protocol, task = matches.protocol, matches.task
    rows, truths = (
        slice(*offsets[category : category + 2]) for offsets in (matches.offsets(), matches.truth_offsets())
    )
    order = rows.start + by_falling_score(task.score[rows])
    found, counted, rank = matches.found[order], ~matches.not_counted[order], task.rank[order]
    ignored = task.truth_ignored[truths]
    for area in range(len(protocol.areas)):
        count = int(np.count_nonzero((ignored >> matches.bit(area, 0)) & np.uint64(1) == 0))
        curves.truth_count[category, area] = count
        for threshold in range(len(protocol.iou_thresholds)) if count else ():
            here = (threshold, category, area)
            flag = np.uint64(1) << matches.bit(area, threshold)
            hits = np.flatnonzero(found & counted & flag)
            curves.recall[here] = [_within(rank[hits], limit) / count for limit in protocol.max_dets]
            total = np.cumsum((counted & flag) != 0)[hits]
            curve = _curve(total, count, protocol.interpolation)
            curves.precision[threshold, :, category, area] = precision_at_levels(*curve, LEVELS[DRAWN])
            curves.average_precision[here] = _average(*curve, protocol.interpolation)


def _truth_images(matches: Matches) -> NDArray[np.int64]:
    """Return int64 ``[K]``: how many images have ground truth to be found of each category."""
    task = matches.task
    must = task.truth_ignored & np.uint64(1) == 0
    images = max(matches.image_count, 1)
    pairs = np.unique(task.truth_category[must].astype(np.int64) * images + task.truth_image[must])
    return np.bincount(pairs // images, minlength=matches.category_count)


def _within(rank: NDArray[np.int32], limit: int | None) -> int:
    return len(rank) if limit is None else int(np.count_nonzero(rank < limit))


def _curve(total: NDArray[np.int64], count: int, interpolation: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at the predictions that find something: between two of them precision only falls.

    ``total`` is int64 ``[N]``: how many predictions count, up to and with each of those; ``count`` ground truths are
    to be found.
    """
    tp = np.arange(1.0, len(total) + 1)
    # COCO adds the spacing of 1 to the denominator; VOC keeps it from being 0 in another way, which here it never is.
    return tp / count, tp / (total + np.spacing(1) if interpolation == "101-point" else total)


def _average(recall: NDArray[np.float64], precision: NDArray[np.float64], interpolation: str) -> float:
    if interpolation == "all-point":
        return area_under_curve(recall, precision)
    values = precision_at_levels(recall, precision, LEVELS[interpolation])
    return float(np.mean(values))
