"""Matching by the settings: any number of thresholds and areas, and who took whom in each of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detbench.errors import UsageError
from detbench.evaluation.matching import match_task
from detbench.evaluation.protocols import Area, Protocol
from detbench.evaluation.tasks import MatchingTask, matching_task, out_of_range
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.coco.columns import Columns
    from detbench.coco.params import Params

__all__ = ["Matched", "match"]

#: A mask has 64 bits, one for each threshold in each area: what is more is matched in several rounds.
_MASK_BITS = 64
_MOST_THRESHOLDS = 16

#: Which rows of a column: a slice, or an index.
Rows = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """The outcome for some thresholds in some areas; ``found`` and ``not_counted`` are uint64 ``[N]``."""

    protocol: Protocol
    task: MatchingTask
    found: NDArray[np.uint64]
    not_counted: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What matching found, asked for by a threshold and an area range, each by its place in the settings.

    Attributes
    ----------
    columns
        What was matched.
    thresholds
        T, how many IoU thresholds there are.
    rounds
        (area, threshold) → the round it was matched in, and its bit there.
    """

    columns: Columns
    thresholds: int
    rounds: dict[tuple[int, int], tuple[_Round, int]]

    @property
    def task(self) -> MatchingTask:
        """Return the rows in the order of matching, which is the same in every round."""
        return next(iter(self.rounds.values()))[0].task

    def found(self, area: int, rows: Rows) -> NDArray[np.bool_]:
        """Return bool ``[T, len(rows)]``: the prediction found ground truth that counts."""
        return np.stack([_bit(one.found[rows], bit) for one, bit in self._at(area)])

    def not_counted(self, area: int, rows: Rows) -> NDArray[np.bool_]:
        """Return bool ``[T, len(rows)]``: the prediction is neither right nor wrong."""
        return np.stack([_bit(one.not_counted[rows], bit) for one, bit in self._at(area)])

    def ignored(self, area: int, rows: Rows) -> NDArray[np.bool_]:
        """Return bool ``[len(rows)]``: the ground truth need not be found."""
        one, bit = self._at(area)[0]
        return _bit(one.task.truth_ignored[rows], bit)

    def _at(self, area: int) -> list[tuple[_Round, int]]:
        return [self.rounds[area, threshold] for threshold in range(self.thresholds)]

    def partner(self, area: int, threshold: int) -> NDArray[np.int32]:
        """Return int32 ``[N]``: the row of the ground truth that each prediction took, −1 for none.

        A round remembers partners for one bit alone, so this matches once more.
        """
        one, bit = self.rounds[area, threshold]
        thresholds = len(one.protocol.iou_thresholds)
        protocol = one.protocol._replace(
            iou_thresholds=one.protocol.iou_thresholds[bit % thresholds :][:1],
            areas=one.protocol.areas[bit // thresholds :][:1],
        )
        task = replace(
            one.task,
            truth_ignored=_bit(one.task.truth_ignored, bit).astype(np.uint64),
            outside=_bit(one.task.outside, bit).astype(np.uint64),
        )
        return match_task(task, protocol, native(), threads=os.cpu_count() or 1)[2]


def match(columns: Columns, params: Params) -> Matched:
    """Match under ``params``. Raises UsageError if there is nothing to match at, or an IoU threshold is 0."""
    thresholds = np.asarray(params.iouThrs, np.float64).tolist()
    ranges = [(float(low), float(high)) for low, high in params.areaRng]
    if not thresholds or not ranges or not params.maxDets:
        raise UsageError("iouThrs, areaRng and maxDets each need one value at least")
    if not min(thresholds) > 0:
        raise UsageError("iouThrs must be above 0: at 0 boxes match that do not touch")
    rounds: dict[tuple[int, int], tuple[_Round, int]] = {}
    for area_rows, threshold_rows in _blocks(len(ranges), thresholds):
        protocol = Protocol(
            name="coco_strict",
            title="COCOeval",
            matching="coco",
            iou_thresholds=tuple(thresholds[row] for row in threshold_rows),
            areas=tuple(Area(str(row), "", *ranges[row]) for row in area_rows),
            max_dets=tuple(params.maxDets),
            interpolation="101-point",
            ignore_marked=False,
            id_zero_is_unmatched=True,
        )
        task = matching_task(columns.dataset, columns.predictions, protocol)
        task = replace(task, outside=out_of_range(columns.area[task.row], protocol))
        found, not_counted, _ = match_task(task, protocol, native(), threads=os.cpu_count() or 1)
        one = _Round(protocol, task, found, not_counted)
        for a, area in enumerate(area_rows):
            for t, threshold in enumerate(threshold_rows):
                rounds[area, threshold] = one, a * len(threshold_rows) + t
    return Matched(columns, len(thresholds), rounds)


def _blocks(areas: int, thresholds: list[float]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield rows of areas and of ascending thresholds, no more of both than a mask has bits."""
    ascending = sorted(range(len(thresholds)), key=thresholds.__getitem__)
    wide = min(len(thresholds), _MOST_THRESHOLDS)
    high = _MASK_BITS // wide
    for first in range(0, len(thresholds), wide):
        for low in range(0, areas, high):
            yield list(range(low, min(low + high, areas))), ascending[first : first + wide]


def _bit(mask: NDArray[np.uint64], bit: int) -> NDArray[np.bool_]:
    return np.asarray(mask & np.uint64(1 << bit), np.bool_)
