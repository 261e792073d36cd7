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
    from types import ModuleType

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["Matches", "match", "match_task"]


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
    outcome = match_task(task, protocol, native(), threads=os.cpu_count() or 1)
    return Matches(protocol, task, len(dataset.images), len(dataset.categories), *outcome)


def match_task(
    task: MatchingTask, protocol: Protocol, module: ModuleType | None, *, threads: int = 1
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32]]:
    """Return ``found``, ``not_counted`` and ``partner`` of :class:`Matches`, by the native ``module`` or its twin."""
    count = len(task.box)
    outcome = np.zeros(count, np.uint64), np.zeros(count, np.uint64), np.full(count, -1, np.int32)
    if module is None:
        for group in task.groups:
            match_group(task, protocol, group, *outcome)
        return outcome
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
        threads=threads,
        found=outcome[0],
        not_counted=outcome[1],
        partner=outcome[2],
    )
    return outcome
