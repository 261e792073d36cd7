"""What is to be matched: ground truth and predictions, ordered and grouped by category and image.

The order carries the ties: categories in the dataset's order, images by ascending key, predictions by falling
score and, among equal scores, in the file's order. That is pycocotools' order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.regions import inside_regions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Categories, Dataset, GroundTruth, Key, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["MatchingTask", "evaluated_categories", "image_ranks", "matching_task"]


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
    ranks = image_ranks(dataset.images.key)
    evaluated = evaluated_categories(dataset.categories, protocol)
    truth_inside, inside = inside_regions(dataset, predictions, protocol)
    truth_row, truth_ignored = _ordered_truth(dataset, ranks, protocol, evaluated, truth_inside)
    truth = dataset.ground_truth
    truth_image = ranks[truth.image[truth_row]]
    row, rank = _ordered_predictions(predictions, ranks, protocol, evaluated, inside)
    category, image = predictions.category[row], ranks[predictions.image[row]]
    border = 1.0 if protocol.inclusive_boxes else 0.0
    area = np.prod(predictions.size_px[row] + border, axis=1)
    image_count = len(dataset.images)
    return MatchingTask(
        truth_row=truth_row,
        truth_category=truth.category[truth_row],
        truth_image=truth_image,
        truth_box=np.ascontiguousarray(truth.box[truth_row]),
        truth_area=np.prod(truth.size_px[truth_row] + border, axis=1),
        truth_ignored=truth_ignored,
        truth_crowd=_taken_again(truth, protocol)[truth_row].astype(np.uint8),
        truth_void=_id_zero(truth, truth_row, protocol),
        row=row,
        category=category,
        image=image,
        box=np.ascontiguousarray(predictions.box[row]),
        area=area,
        outside=_out_of_range(np.prod(predictions.size_px[row], axis=1), protocol),
        score=predictions.score[row],
        rank=rank,
        groups=_groups(
            _group_key(truth.category[truth_row], truth_image, image_count), _group_key(category, image, image_count)
        ),
    )


def evaluated_categories(categories: Categories, protocol: Protocol) -> NDArray[np.bool_]:
    """Return bool ``[K + 1]``: which categories take part; the last, which row −1 finds, is none and does not."""
    named = [name not in protocol.left_out_categories for name in categories.name]
    return np.array([*named, False], dtype=np.bool_)


def _ordered_truth(
    dataset: Dataset,
    ranks: NDArray[np.int32],
    protocol: Protocol,
    evaluated: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    truth = dataset.ground_truth
    image = ranks[truth.image]
    order = np.lexsort((np.arange(len(truth)), image, truth.category))
    row = order[(evaluated[truth.category] & ~inside)[order]].astype(np.int64)
    ignored = np.zeros(len(row), dtype=np.bool_)
    if protocol.ignore_crowd:
        ignored |= truth.crowd[row]
    if protocol.ignore_marked:
        ignored |= truth.ignore[row]
    if protocol.ignore_difficult:
        ignored |= truth.difficult[row]
    own_area = truth.area_px[row]
    area = np.where(np.isnan(own_area), truth.box_area_px()[row], own_area)
    mask = _out_of_range(area, protocol)
    mask[ignored] = _every_bit(protocol)
    return row, mask


def _taken_again(truth: GroundTruth, protocol: Protocol) -> NDArray[np.bool_]:
    """Return bool ``[len(truth)]``: what any number of predictions may take, each by its own share inside."""
    again = truth.crowd if protocol.ignore_crowd else np.zeros_like(truth.crowd)
    return again | truth.ignore if protocol.ignore_marked and protocol.marked_is_crowd else again


def _ordered_predictions(
    predictions: Predictions,
    ranks: NDArray[np.int32],
    protocol: Protocol,
    evaluated: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    image = ranks[predictions.image]
    order = np.lexsort((np.arange(len(predictions)), -predictions.score, image, predictions.category))
    order = order[((predictions.category >= 0) & ~inside)[order]]
    if protocol.max_dets_per == "image":
        rank = np.empty(len(order), dtype=np.int64)
        falling = np.lexsort((order, -predictions.score[order], image[order]))
        rank[falling] = _rank_in_group(image[order[falling]])
    else:
        rank = _rank_in_group(image[order], predictions.category[order])
    limit = protocol.max_dets[-1]
    kept = evaluated[predictions.category[order]]
    if limit is not None:
        kept &= rank < limit
    return order[kept].astype(np.int64), rank[kept].astype(np.int32)


def _rank_in_group(*keys: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return int64 ``[N]``: the place of each row in its run of rows whose keys are all equal."""
    place = np.arange(len(keys[0]))
    starts = np.ones(len(place), dtype=np.bool_)
    if len(place):
        starts[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.asarray(place - np.maximum.accumulate(np.where(starts, place, 0)))


def _every_bit(protocol: Protocol) -> np.uint64:
    return np.uint64((1 << (len(protocol.areas) * len(protocol.iou_thresholds))) - 1)


def _out_of_range(area: NDArray[np.float64], protocol: Protocol) -> NDArray[np.uint64]:
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


def _group_key(category: NDArray[np.int32], image: NDArray[np.int32], image_count: int) -> NDArray[np.int64]:
    return category.astype(np.int64) * max(image_count, 1) + image


def _groups(truth_key: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64 ``[P, 4]``, one row for each key that has predictions."""
    keys, begin = np.unique(key, return_index=True)
    end = np.append(begin[1:], len(key))[: len(keys)]
    truth_begin = np.searchsorted(truth_key, keys, side="left")
    truth_end = np.searchsorted(truth_key, keys, side="right")
    return np.stack([truth_begin, truth_end, begin, end], axis=1).astype(np.int64)
