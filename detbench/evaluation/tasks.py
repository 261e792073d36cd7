"""What is to be matched: ground truth and predictions, ordered and grouped by category and image.

The order carries the ties: categories in the dataset's order, images by ascending key, predictions by falling
score and, among equal scores, in the file's order. That is pycocotools' order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.ordering import Side, ordered
from detbench.evaluation.regions import inside_regions
from detbench.extension import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Categories, Dataset, GroundTruth, Key, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["MatchingTask", "evaluated_categories", "image_ranks", "matching_task", "out_of_range"]

#: The category of what takes no part.
_NONE = np.int32(-1)


@dataclass(frozen=True, slots=True, eq=False)
class MatchingTask:
    """Ground truth (G rows) and predictions (N rows), both sorted by category, then image; P groups.

    A mask is uint64 with one bit for each (area range, IoU threshold): bit ``area * thresholds + threshold``.

    Attributes
    ----------
    truth_row, row
        int64 ``[G]``, ``[N]``: rows of the dataset's and the predictions' own tables.
    truth_category, truth_image, category, image
        int32: rows of the dataset's categories, and ranks of images by key.
    truth_box, truth_area, box, area
        float64 ``[·, 4]`` and ``[·]``.
    truth_ignored
        uint64 ``[G]``: where the ground truth need not be found.
    truth_crowd, truth_void
        uint8 ``[G]``: may be taken again; taking it does not count (see ``Protocol.id_zero_is_unmatched``).
    outside
        uint64 ``[N]``: where an unmatched prediction does not count, its area being out of range.
    score, rank
        float64 and int32 ``[N]``: rank 0 is an (image, category)'s highest score, or an image's where maxDets is per
        image.
    groups
        int64 ``[P, 4]``: first and last + 1 row of ground truth and of predictions of each (category, image).
    """

    truth_row: NDArray[np.int64]
    truth_category: NDArray[np.int32]
    truth_image: NDArray[np.int32]
    truth_box: NDArray[np.float64]
    truth_area: NDArray[np.float64]
    truth_ignored: NDArray[np.uint64]
    truth_crowd: NDArray[np.uint8]
    truth_void: NDArray[np.uint8]
    row: NDArray[np.int64]
    category: NDArray[np.int32]
    image: NDArray[np.int32]
    box: NDArray[np.float64]
    area: NDArray[np.float64]
    outside: NDArray[np.uint64]
    score: NDArray[np.float64]
    rank: NDArray[np.int32]
    groups: NDArray[np.int64]


def image_ranks(keys: tuple[Key, ...]) -> NDArray[np.int32]:
    """Return int32 ``[I]``: the place of each image when keys ascend, integers before strings."""
    order = sorted(range(len(keys)), key=lambda row: (isinstance(keys[row], str), keys[row]))
    ranks = np.empty(len(keys), dtype=np.int32)
    ranks[order] = np.arange(len(keys), dtype=np.int32)
    return ranks


@np.errstate(over="ignore")  # the area of a box of 1e200 by 1e200 px is infinite: too large for every range
def matching_task(dataset: Dataset, predictions: Predictions, protocol: Protocol) -> MatchingTask:
    """Order both sides for matching under ``protocol``.

    What lies inside ignored regions stays out where the protocol says so, then what the largest maxDets cuts off,
    then categories that are left out; regions and proposals of no category always.
    """
    ranks, truth = image_ranks(dataset.images.key), dataset.ground_truth
    evaluated = evaluated_categories(dataset.categories, protocol)
    truth_inside, inside = inside_regions(dataset, predictions, protocol)
    truth_side = Side(np.where(evaluated[truth.category] & ~truth_inside, truth.category, _NONE), ranks[truth.image])
    side = Side(np.where(inside, _NONE, predictions.category), ranks[predictions.image])
    side, limit, rank_of_row = _limited(side, predictions.score, protocol)
    side = side._replace(category=np.where(evaluated[side.category], side.category, _NONE))
    counts = len(dataset.categories), len(dataset.images)
    truth_row, row, rank, groups = ordered(truth_side, side, predictions.score, counts, limit, native())
    border = 1.0 if protocol.inclusive_boxes else 0.0
    return MatchingTask(
        truth_row=truth_row,
        truth_category=truth.category[truth_row],
        truth_image=truth_side.image[truth_row],
        truth_box=np.take(truth.box, truth_row, axis=0),
        truth_area=_areas(truth.size_px, border)[truth_row],
        truth_ignored=_ignored(truth, truth_row, protocol),
        truth_crowd=_taken_again(truth, protocol)[truth_row].astype(np.uint8),
        truth_void=_id_zero(truth, truth_row, protocol),
        row=row,
        category=predictions.category[row],
        image=side.image[row],
        box=np.take(predictions.box, row, axis=0),
        area=_areas(predictions.size_px, border)[row],
        outside=out_of_range(_areas(predictions.size_px, 0.0)[row], protocol),
        score=predictions.score[row],
        rank=rank if rank_of_row is None else rank_of_row[row],
        groups=groups,
    )


def evaluated_categories(categories: Categories, protocol: Protocol) -> NDArray[np.bool_]:
    """Return bool ``[K + 1]``: which categories take part; the last, which row −1 finds, is none and does not."""
    named = [name not in protocol.left_out_categories for name in categories.name]
    return np.array([*named, False], dtype=np.bool_)


def _limited(
    side: Side, score: NDArray[np.float64], protocol: Protocol
) -> tuple[Side, int | None, NDArray[np.int32] | None]:
    """Return the predictions left by maxDets, the maxDets still to be heeded, and ranks if those are an image's.

    A maxDets of a category is left to whoever orders the predictions.
    """
    limit = protocol.max_dets[-1]
    if protocol.max_dets_per == "category":
        return side, limit, None
    takes_part = side.category != _NONE
    falling = np.lexsort((-score, side.image))
    falling = falling[takes_part[falling]]
    rank = np.zeros(len(score), dtype=np.int32)
    place, first = np.arange(len(falling)), np.diff(side.image[falling], prepend=_NONE) != 0
    rank[falling] = place - np.maximum.accumulate(np.where(first, place, 0))
    if limit is not None:
        side = side._replace(category=np.where(rank < limit, side.category, _NONE))
    return side, None, rank


def _taken_again(truth: GroundTruth, protocol: Protocol) -> NDArray[np.bool_]:
    """Return bool ``[len(truth)]``: what any number of predictions may take, each by its own share inside."""
    again = truth.crowd if protocol.ignore_crowd else np.zeros_like(truth.crowd)
    return again | truth.ignore if protocol.ignore_marked and protocol.marked_is_crowd else again


def _areas(size_px: NDArray[np.float64], border: float) -> NDArray[np.float64]:
    """Return float64 ``[N]``: areas of boxes whose sides are longer by ``border``."""
    return (size_px[:, 0] + border) * (size_px[:, 1] + border)


def _ignored(truth: GroundTruth, row: NDArray[np.int64], protocol: Protocol) -> NDArray[np.uint64]:
    """Return uint64 ``[len(row)]``: the bits in which the ground truth at ``row`` need not be found."""
    ignored = np.zeros(len(row), dtype=np.bool_)
    if protocol.ignore_crowd:
        ignored |= truth.crowd[row]
    if protocol.ignore_marked:
        ignored |= truth.ignore[row]
    if protocol.ignore_difficult:
        ignored |= truth.difficult[row]
    own_area = truth.area_px[row]
    area = np.where(np.isnan(own_area), truth.box_area_px()[row], own_area)
    mask = out_of_range(area, protocol)
    mask[ignored] = _every_bit(protocol)
    return mask


def _every_bit(protocol: Protocol) -> np.uint64:
    return np.uint64((1 << (len(protocol.areas) * len(protocol.iou_thresholds))) - 1)


def out_of_range(area: NDArray[np.float64], protocol: Protocol) -> NDArray[np.uint64]:
    """Return uint64 ``[len(area)]``: every threshold's bit of each area range that ``area`` is not in."""
    thresholds = len(protocol.iou_thresholds)
    one_range = (1 << thresholds) - 1
    mask = np.zeros(len(area), dtype=np.uint64)
    for number, limits in enumerate(protocol.areas):
        out = (area < limits.low_px) | (area > limits.high_px)
        mask[out] |= np.uint64(one_range << (number * thresholds))
    return mask


def _id_zero(truth: GroundTruth, row: NDArray[np.int64], protocol: Protocol) -> NDArray[np.uint8]:
    void = np.zeros(len(row), dtype=np.uint8)
    if protocol.id_zero_is_unmatched and truth.source_id:
        void[:] = [truth.source_id[r] == 0 for r in row]
    return void
