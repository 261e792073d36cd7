"""Matching written to be read: the oracle of the native version, and what runs where that was not built.

COCO: cocoapi, ``COCOeval.evaluateImg``. Pascal VOC: the devkit's ``VOCevaldet.m``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.boxes import pairwise_iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.protocols import Protocol
    from detbench.evaluation.tasks import MatchingTask

__all__ = ["match_group"]

#: COCO lowers a threshold of 1 by this much, so that equal boxes match under rounding.
_ALMOST_ONE = 1 - 1e-10


def match_group(
    task: MatchingTask,
    protocol: Protocol,
    group: NDArray[np.int64],
    found: NDArray[np.uint64],
    not_counted: NDArray[np.uint64],
    partner: NDArray[np.int32],
) -> None:
    """Match one group (a row of ``task.groups``) and write the outcome into the last three, ``[N]`` each."""
    truths, rows = slice(*group[:2]), slice(*group[2:])
    iou = pairwise_iou(
        task.box[rows],
        task.truth_box[truths],
        area_a=task.area[rows],
        area_b=task.truth_area[truths],
        crowd_b=task.truth_crowd[truths].astype(np.bool_),
        inclusive=protocol.inclusive_boxes,
    )
    take = _take_best_only if protocol.matching == "voc" else _take_best_free
    for bit in range(len(protocol.areas) * len(protocol.iou_thresholds)):
        threshold = min(protocol.iou_thresholds[bit % len(protocol.iou_thresholds)], _ALMOST_ONE)
        reaches = (iou > threshold) if protocol.iou_above else (iou >= threshold)
        flag = np.uint64(1 << bit)
        ignored = (task.truth_ignored[truths] & flag) != 0
        taken = take(iou, reaches, ignored, task.truth_crowd[truths] != 0)
        for offset, truth in enumerate(taken):
            row = group[2] + offset
            outside = task.outside[row] & flag
            if truth == _NOTHING:
                not_counted[row] |= outside
                continue
            if truth == _TAKEN_ALREADY:
                continue
            if bit == 0:
                partner[row] = group[0] + truth
            if ignored[truth]:
                not_counted[row] |= flag
            elif task.truth_void[group[0] + truth]:
                not_counted[row] |= outside
            else:
                found[row] |= flag


_NOTHING = -1
_TAKEN_ALREADY = -2


def _take_best_free(
    iou: NDArray[np.float64], reaches: NDArray[np.bool_], ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> list[int]:
    """Each prediction takes the free ground truth of greatest IoU, the last among equals, counted before ignored."""
    free = np.ones(iou.shape[1], dtype=np.bool_)
    taken = []
    for overlaps, can in zip(iou, reaches, strict=True):
        counted = np.flatnonzero(can & free & ~ignored)
        candidates = counted if len(counted) else np.flatnonzero(can & (free | crowd) & ignored)
        if not len(candidates):
            taken.append(_NOTHING)
            continue
        best = int(candidates[overlaps[candidates] == overlaps[candidates].max()][-1])
        free[best] = False
        taken.append(best)
    return taken


def _take_best_only(
    iou: NDArray[np.float64], reaches: NDArray[np.bool_], ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> list[int]:
    """Each prediction looks at the ground truth of greatest IoU, the first among equals, and at no other.

    Only where that is too far away a crowd may excuse it: VOC has none, and they must take nothing from objects.
    """
    free = np.ones(iou.shape[1], dtype=np.bool_)
    taken = []
    for overlaps, can in zip(iou, reaches, strict=True):
        best = int(np.argmax(np.where(crowd, -1.0, overlaps))) if not crowd.all() else _NOTHING
        if best == _NOTHING or not can[best]:
            in_crowd = can & crowd
            taken.append(int(np.argmax(np.where(in_crowd, overlaps, -1.0))) if in_crowd.any() else _NOTHING)
        elif ignored[best]:
            taken.append(best)
        elif free[best]:
            free[best] = False
            taken.append(best)
        else:
            taken.append(_TAKEN_ALREADY)
    return taken
