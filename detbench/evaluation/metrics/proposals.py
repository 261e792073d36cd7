"""Which ground truth the first k proposals of an image find, for every k and IoU threshold at once.

Proposals have no category: any of them may find any ground truth, and each finds one at most, the free one of
greatest IoU, the highest score first. That is COCO's matching (pycocotools with ``useCats = 0``), not the covering of
Hosang et al. 2016 ("What makes for effective detection proposals?"), whose one proposal may find all that it covers.
Greedy matching of the first k is the beginning of the matching of all, so a ground truth is found by the first k if
and only if the proposal that finds it is one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import Categories, Predictions
from detbench.evaluation.matching import match, match_task
from detbench.evaluation.metrics.sums import PerImage
from detbench.evaluation.options import MOST_PROPOSALS
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.tasks import image_ranks, matching_task
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.protocols import Protocol

__all__ = ["MEASURES", "NEVER", "Ranks", "found_per_image", "proposal_rules", "ranks", "recall_at"]

#: The rank of a ground truth that no proposal finds.
NEVER = int(np.iinfo(np.uint16).max)

#: COCO's IoU thresholds, 0.50 to 0.95, and which of them each measure is the mean over.
_THRESHOLDS = PROTOCOLS["coco"].iou_thresholds
MEASURES = {
    "AR": range(len(_THRESHOLDS)),
    "recall50": range(_THRESHOLDS.index(0.5), _THRESHOLDS.index(0.5) + 1),
    "recall70": range(_THRESHOLDS.index(0.7), _THRESHOLDS.index(0.7) + 1),
}

#: So many are matched at a time, which bounds the memory; whole images always.
_PROPOSALS_AT_A_TIME = 500_000

#: Bits of a matching mask.
_MASK_BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Which proposal of its image finds each of G ground truths, in A area ranges, at T IoU thresholds.

    Attributes
    ----------
    rules
        What was matched by: the areas and the thresholds.
    image, category
        int32 ``[G]``: ranks of images, and rows of the dataset's categories, −1 for a region of none.
    must_find
        bool ``[G, A]``: whether it counts in an area range: no crowd, not ignored, of that size.
    rank
        uint16 ``[G, A, T]``: 1 for the image's proposal of highest score; NEVER.
    """

    rules: Protocol
    image: NDArray[np.int32]
    category: NDArray[np.int32]
    must_find: NDArray[np.bool_]
    rank: NDArray[np.uint16]


def proposal_rules(protocol: Protocol) -> Protocol:
    """Return how proposals are matched under a protocol: by its sizes, and by whom it ignores; the rest is COCO's.

    A match with annotation id 0 is void where the protocol says so (:func:`ranks` sees to it).
    """
    return protocol._replace(
        matching="coco", iou_thresholds=_THRESHOLDS, iou_above=False, inclusive_boxes=False, max_dets=(MOST_PROPOSALS,)
    )


def ranks(dataset: Dataset, proposals: Predictions, protocol: Protocol) -> Ranks:
    """Match proposals with the ground truth of all categories together, a part of the images at a time.

    An image's proposals are taken by falling score; equal scores in the order of their categories, where they have
    some, then in the file's, as pycocotools does.
    """
    rules = proposal_rules(protocol)
    merged, category = _without_categories(dataset, rules)
    truth, areas = merged.ground_truth, len(rules.areas)
    must_find = np.zeros((len(truth), areas), dtype=np.bool_)
    rank = np.full((len(truth), areas, len(rules.iou_thresholds)), NEVER, dtype=np.uint16)
    start, truth_start = (table.offsets(len(dataset.images)) for table in (proposals, truth))
    for first, last in _parts(start):
        part = merged.take_images(np.arange(first, last))
        table = _part_of(proposals, slice(start[first], start[last]), first)
        # A slip that is about what counts, not about who takes whom: without it who is found can be told again.
        for chosen in _fitting_a_mask(rules._replace(id_zero_is_unmatched=False)):
            matches = match(part, table, rules._replace(areas=rules.areas[chosen], id_zero_is_unmatched=False))
            rows = truth_start[first] + matches.task.truth_row
            must_find[rows, chosen], rank[rows, chosen] = _of_truth(matches)
    if rules.id_zero_is_unmatched and truth.source_id:
        rank[[key == 0 for key in truth.source_id]] = NEVER
    return Ranks(rules, image_ranks(dataset.images.key)[truth.image], category, must_find, rank)


def recall_at(rank: NDArray[np.uint16], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64 ``[K, T]``: the share of n ground truths, at least one, that the first k proposals find.

    ``rank`` is uint16 ``[n, T]``, ``counts`` the ascending k, int64 ``[K]``.
    """
    found = [np.searchsorted(column, counts, side="right") for column in np.sort(rank, axis=0).T]
    # Rows that lie in one piece: NumPy then adds up a mean in pycocotools' order.
    return np.ascontiguousarray(np.stack(found, axis=1) / len(rank))


def found_per_image(image: NDArray[np.int32], rank: NDArray[np.uint16], counts: NDArray[np.int64]) -> PerImage:
    """Return how many ground truths each image has, and how many the first k proposals find by each measure.

    ``image`` is int32 ``[n]``, ``rank`` uint16 ``[n, T]``. The columns of the values are the number of ground truths,
    then, for each measure of MEASURES, one column a k, summed over the measure's thresholds.
    """
    order = np.argsort(image, kind="stable")
    images, first = np.unique(image[order], return_index=True)
    columns = [np.diff(np.append(first, len(order)))]
    for thresholds in MEASURES.values():
        among = rank[order][:, thresholds.start : thresholds.stop]
        for count in counts:
            columns.append(np.add.reduceat(np.sum(among <= count, axis=1), first) if len(order) else columns[0])
    return PerImage(images, np.stack(columns, axis=1).astype(np.float64))


def _without_categories(dataset: Dataset, rules: Protocol) -> tuple[Dataset, NDArray[np.int32]]:
    """Return the dataset with one category, and the category that each of its ground truths was of.

    Ground truth is sorted by category within an image, as pycocotools does, whose ties between equal IoUs go by it.
    Regions of no category stay what they are; what takes no part under the protocol is left out.
    """
    truth = dataset.ground_truth
    none = np.zeros(0, dtype=np.int32)
    nothing = Predictions(image=none, category=none, box=np.zeros((0, 4)), score=np.zeros(0))
    stays = truth.category < 0
    stays[matching_task(dataset, nothing, rules).truth_row] = True
    order = np.lexsort((np.arange(len(truth)), truth.category, truth.image))
    truth = truth.take(order[stays[order]])
    one = replace(truth, category=np.where(truth.category >= 0, 0, -1).astype(np.int32))
    return replace(dataset, categories=Categories(("",), (1,)), ground_truth=one), truth.category


def _parts(start: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 row of images that have no more proposals than are matched at a time, or are one."""
    first, images = 0, len(start) - 1
    while first < images:
        within = int(np.searchsorted(start, start[first] + _PROPOSALS_AT_A_TIME, side="right")) - 1
        last = max(first + 1, within)
        yield first, last
        first = last


def _part_of(proposals: Predictions, rows: slice, first_image: int) -> Predictions:
    """Return some rows as proposals of one category, images counted from ``first_image``."""
    image, category = proposals.image[rows] - np.int32(first_image), proposals.category[rows]
    order: slice | NDArray[np.intp] = slice(None)
    if len(category) and (category != category[0]).any():
        order = np.lexsort((np.arange(len(category)), category, image))
    columns = {name: getattr(proposals, name)[rows][order] for name in ("box", "score", "size_px")}
    return Predictions(image[order], np.zeros_like(category), **columns)


def _fitting_a_mask(rules: Protocol) -> Iterator[slice]:
    """Yield spans of the area ranges whose bits, one for each range and threshold, fit into a mask."""
    at_a_time = _MASK_BITS // len(rules.iou_thresholds)
    for first in range(0, len(rules.areas), at_a_time):
        yield slice(first, first + at_a_time)


def _of_truth(matches: Matches) -> tuple[NDArray[np.bool_], NDArray[np.uint16]]:
    """Return ``must_find`` and ``rank`` of :class:`Ranks` for the ground truth of a matching, in its order."""
    task, rules = matches.task, matches.protocol
    shape = (len(task.truth_row), len(rules.areas), len(rules.iou_thresholds))
    must_find = np.zeros(shape[:2], dtype=np.bool_)
    rank = np.full(shape, NEVER, dtype=np.uint16)
    for area in range(shape[1]):
        must_find[:, area] = (task.truth_ignored >> matches.bit(area, 0)) & np.uint64(1) == 0
        for threshold in range(shape[2]):
            finder, truth = _who_found_whom(matches, area, threshold)
            rank[truth, area, threshold] = task.rank[finder] + 1
    return must_find, rank


def _who_found_whom(matches: Matches, area: int, threshold: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return rows of proposals and of the ground truths that they found, in one area range at one IoU threshold.

    A matching names partners at its lowest threshold only. What found nothing has taken nothing that counts: the
    proposals that found something, matched at their threshold alone, find the same again.
    """
    task, rules = matches.task, matches.protocol
    bit = matches.bit(area, threshold)
    finder = np.flatnonzero((matches.found >> bit) & np.uint64(1))
    again = replace(
        task,
        truth_ignored=(task.truth_ignored >> bit) & np.uint64(1),
        **{name: getattr(task, name)[finder] for name in ("row", "category", "image", "box", "area", "score", "rank")},
        outside=np.zeros(len(finder), dtype=np.uint64),
        groups=np.hstack([task.groups[:, :2], np.searchsorted(finder, task.groups[:, 2:])]),
    )
    alone = rules._replace(areas=(rules.areas[area],), iou_thresholds=(rules.iou_thresholds[threshold],))
    partner = match_task(again, alone, native())[2]
    return finder, partner
