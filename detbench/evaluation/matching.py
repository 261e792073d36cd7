"""Matching: which prediction takes which ground truth. Done once for a protocol; every metric reads the result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.matching_numpy import match_group
from detbench.evaluation.tasks import MatchingTask, matching_task
from detbench.extension import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["Matches", "match"]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What matching found, in the order of ``task``.

    Attributes
    ----------
    protocol, task
        The rules, and the rows that were matched.
    image_count, category_count
        Sizes of the dataset's tables.
    found
        uint64 ``[N]``: the bits (area range, threshold) in which the prediction found a ground truth.
    not_counted
        uint64 ``[N]``: the bits in which it is neither right nor wrong.
    partner
        int32 ``[N]``: the row in ``task`` of the ground truth taken at the lowest threshold in the first area
        range, counted or not; −1 for none.
    """

    protocol: Protocol
    task: MatchingTask
    image_count: int
    category_count: int
    found: NDArray[np.uint64]
    not_counted: NDArray[np.uint64]
    partner: NDArray[np.int32]

    def bit(self, area: int, threshold: int) -> np.uint64:
        """Return the number of the bit of an area range and an IoU threshold."""
        return np.uint64(area * len(self.protocol.iou_thresholds) + threshold)

    def truth_offsets(self) -> NDArray[np.int64]:
        """Return int64 ``[K + 1]``: a category's ground truth is rows ``offsets[k]`` to ``offsets[k + 1]``."""
        return np.searchsorted(self.task.truth_category, np.arange(self.category_count + 1)).astype(np.int64)

    def offsets(self) -> NDArray[np.int64]:
        """Return int64 ``[K + 1]``: a category's predictions are rows ``offsets[k]`` to ``offsets[k + 1]``."""
        return np.searchsorted(self.task.category, np.arange(self.category_count + 1)).astype(np.int64)


def match(dataset: Dataset, predictions: Predictions, protocol: Protocol) -> Matches:
    """Match ``predictions`` with ``dataset``'s ground truth under ``protocol``."""
    task = matching_task(dataset, predictions, protocol)
    count = len(task.row)
    found = np.zeros(count, dtype=np.uint64)
    not_counted = np.zeros(count, dtype=np.uint64)
    partner = np.full(count, -1, dtype=np.int32)
    module = native()
    if module is None:
        for group in task.groups:
            match_group(task, protocol, group, found, not_counted, partner)
    else:
        module.match(
            truth_box=task.truth_box,
            truth_area=task.truth_area,
            truth_ignored=task.truth_ignored,
            truth_crowd=task.truth_crowd,
            truth_void=task.truth_void,
            box=task.box,
            area=task.area,
            outside=task.outside,
            groups=task.groups,
            thresholds=np.array(protocol.iou_thresholds),
            area_count=len(protocol.areas),
            iou_above=protocol.iou_above,
            inclusive=protocol.inclusive_boxes,
            best_only=protocol.matching == "voc",
            threads=os.cpu_count() or 1,
            found=found,
            not_counted=not_counted,
            partner=partner,
        )
    return Matches(protocol, task, len(dataset.images), len(dataset.categories), found, not_counted, partner)
