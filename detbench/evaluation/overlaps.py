"""Which predictions and ground truths of an image overlap, whatever their categories.

Matching looks inside a category. To say what went wrong with a prediction that found nothing, one must look at the
ground truth of the other categories too: one more pass over the images.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.boxes import paired_iou
from detbench.extension import native

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches
    from detbench.evaluation.protocols import Protocol
    from detbench.evaluation.tasks import MatchingTask

__all__ = ["Overlaps", "find_overlaps", "overlaps_of"]

#: Pairs of a prediction and a ground truth that the NumPy twin looks at together; 100 MB or so.
_PAIRS_AT_ONCE = 1_000_000


class Overlaps(NamedTuple):
    """P pairs of a prediction and a ground truth of the same image.

    Sorted by image, inside it by prediction (in the task's order), then by ground truth (in the file's order).

    Attributes
    ----------
    prediction, truth
        int32 ``[P]``: rows in the task.
    iou
        float64 ``[P]``.
    """

    prediction: NDArray[np.int32]
    truth: NDArray[np.int32]
    iou: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> Overlaps:
        """Return the pairs where ``chosen``, bool ``[P]``, holds."""
        return Overlaps(self.prediction[chosen], self.truth[chosen], self.iou[chosen])


def overlaps_of(matches: Matches, at_least: float) -> Overlaps:
    """Return the pairs of IoU ``at_least`` or more with ground truth that must be found in the first area range."""
    must = np.flatnonzero(matches.task.truth_ignored & np.uint64(1) == 0)
    return find_overlaps(
        matches.task, matches.protocol, must, matches.image_count, at_least, native(), threads=os.cpu_count() or 1
    )


def find_overlaps(
    task: MatchingTask,
    protocol: Protocol,
    truths: NDArray[np.intp],
    image_count: int,
    at_least: float,
    module: ModuleType | None,
    *,
    threads: int = 1,
) -> Overlaps:
    """Return the pairs of IoU ``at_least`` (above 0) or more, by the native ``module`` or its twin.

    ``truths`` are the rows of ``task`` that are looked at. None is taken for a crowd: the union is a true one.
    """
    truth_row = truths[np.lexsort((task.truth_row[truths], task.truth_image[truths]))].astype(np.int32)
    row = np.argsort(task.image, kind="stable").astype(np.int32)
    images = np.arange(image_count + 1)
    truth_offsets = np.searchsorted(task.truth_image[truth_row], images).astype(np.int64)
    offsets = np.searchsorted(task.image[row], images).astype(np.int64)
    if module is not None:
        return Overlaps(
            *module.overlaps(
                truth_box=task.truth_box,
                truth_area=task.truth_area,
                truth_row=truth_row,
                truth_offsets=truth_offsets,
                box=task.box,
                area=task.area,
                row=row,
                offsets=offsets,
                at_least=at_least,
                inclusive=protocol.inclusive_boxes,
                threads=threads,
            )
        )
    truths_of = np.diff(truth_offsets)[task.image[row]]
    ends = np.cumsum(truths_of)
    cuts = np.searchsorted(ends, np.arange(_PAIRS_AT_ONCE, ends[-1] if len(ends) else 0, _PAIRS_AT_ONCE))
    parts = []
    for chunk in np.split(np.arange(len(row)), cuts):
        counts = truths_of[chunk]
        prediction = np.repeat(row[chunk], counts)
        first = truth_offsets[task.image[prediction]]
        place = np.arange(len(prediction)) - np.repeat(np.cumsum(counts) - counts, counts)
        truth = truth_row[first + place]
        iou = paired_iou(
            task.box[prediction],
            task.truth_box[truth],
            area_a=task.area[prediction],
            area_b=task.truth_area[truth],
            inclusive=protocol.inclusive_boxes,
        )
        parts.append(Overlaps(prediction, truth, iou).take(iou >= at_least))
    return Overlaps(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
