"""The worst images and the worst mistakes: what to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.boxes import paired_iou
from detbench.evaluation.metrics.tide import FALSE_POSITIVES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.metrics.tide import Analysis

__all__ = ["ImageErrors", "errors_by_image", "largest_missed", "nearest_truth", "surest_mistakes", "worst_images"]


class ImageErrors(NamedTuple):
    """Of each image, int64 ``[I]``, by rank: ground truths, those missed, and false alarms."""

    truths: NDArray[np.int64]
    missed: NDArray[np.int64]
    false_alarms: NDArray[np.int64]


def errors_by_image(analysis: Analysis, threshold: float) -> ImageErrors:
    """Count what was not found, and what is no object, with the predictions of a score of ``threshold`` or more."""
    task, images = analysis.matches.task, analysis.matches.image_count
    return ImageErrors(
        np.bincount(task.truth_image[analysis.must], minlength=images),
        np.bincount(task.truth_image[analysis.must & ~analysis.found(threshold)], minlength=images),
        np.bincount(task.image[analysis.wrong(threshold)], minlength=images),
    )


def worst_images(errors: ImageErrors, limit: int) -> NDArray[np.intp]:
    """Return ranks of images, those with the most errors first, of equals those with more missed, then by rank."""
    total = errors.missed + errors.false_alarms
    order = np.lexsort((-errors.missed, -total))
    return order[total[order] > 0][:limit]


def surest_mistakes(analysis: Analysis, limit: int) -> dict[str, NDArray[np.intp]]:
    """Return, for each kind of false positive, rows of the highest scores; equals by image, then as in the file."""
    task = analysis.matches.task
    found = {}
    for number, name in enumerate(FALSE_POSITIVES):
        rows = np.flatnonzero(analysis.kind == number)
        if len(rows) > limit:
            least = np.partition(task.score[rows], -limit)[-limit]
            rows = rows[task.score[rows] >= least]
        found[name] = rows[np.lexsort((task.row[rows], task.image[rows], -task.score[rows]))][:limit]
    return found


def largest_missed(analysis: Analysis, threshold: float, limit: int) -> NDArray[np.intp]:
    """Return rows of ground truths of the kind "missed", the largest boxes first; equals by image, as in the file."""
    task = analysis.matches.task
    rows = np.flatnonzero(analysis.missed(threshold))
    return rows[np.lexsort((task.truth_row[rows], task.truth_image[rows], -task.truth_area[rows]))][:limit]


def nearest_truth(analysis: Analysis, row: int) -> tuple[int, float]:
    """Return the ground truth to be found that a prediction overlaps most, −1 if it overlaps none, and the IoU."""
    task = analysis.matches.task
    truths = np.flatnonzero(analysis.must & (task.truth_image == task.image[row]))
    if not len(truths):
        return -1, 0.0
    iou = paired_iou(
        np.broadcast_to(task.box[row], (len(truths), 4)),
        task.truth_box[truths],
        area_a=np.broadcast_to(task.area[row], len(truths)),
        area_b=task.truth_area[truths],
        inclusive=analysis.matches.protocol.inclusive_boxes,
    )
    most = int(np.argmax(iou))
    return (int(truths[most]), float(iou[most])) if iou[most] > 0 else (-1, 0.0)
