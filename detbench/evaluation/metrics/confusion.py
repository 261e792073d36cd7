"""The confusion matrix: which category was taken for which, background among them.

At a score threshold, whatever the category: predictions by falling score, each takes the free ground truth of
greatest IoU that reaches the threshold, of equals the one of its own category, then the first of the file. One
prediction takes one ground truth. That is COCO's matching without categories, and what FiftyOne does with
``classwise=False``. Ultralytics' ConfusionMatrix goes by falling IoU instead; Detectron2 has none. Score goes first
here because detectors often give one box several categories: their IoUs are equal, and the category that was meant
is that of the highest score.

Crowds and ignored ground truth are left out, and so are the predictions that the protocol does not count because they
lie on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.metrics.tide import Analysis

__all__ = ["BACKGROUND", "confusion"]

#: The row of ground truth that is none, and the column of predictions that were not made.
BACKGROUND = -1


def confusion(analysis: Analysis, threshold: float) -> NDArray[np.int64]:
    """Return int64 ``[C, 3]``: category of the ground truth, predicted category, count; cells of 0 are left out.

    Sorted by the two categories. BACKGROUND stands for predictions on nothing, and for ground truth without one.
    """
    task = analysis.matches.task
    accepted = analysis.counts & (task.score >= threshold)
    predictions, truths = _matched(analysis, accepted)
    accepted[predictions] = False
    missed = analysis.must.copy()
    missed[truths] = False
    pairs = [
        (task.truth_category[truths], task.category[predictions]),
        (np.full(np.count_nonzero(accepted), BACKGROUND), task.category[accepted]),
        (task.truth_category[missed], np.full(np.count_nonzero(missed), BACKGROUND)),
    ]
    cells = np.concatenate([np.stack(pair, axis=1) for pair in pairs]).astype(np.int64)
    kinds, counts = np.unique(cells, axis=0, return_counts=True)
    return np.concatenate((kinds, counts[:, None]), axis=1)


def _matched(analysis: Analysis, accepted: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows of predictions and of the ground truths that they take, one to one."""
    task, protocol = analysis.matches.task, analysis.matches.protocol
    threshold, iou = protocol.iou_thresholds[0], analysis.overlaps.iou
    reaches = iou > threshold if protocol.iou_above else iou >= threshold
    prediction, truth, iou = analysis.overlaps.take(reaches & accepted[analysis.overlaps.prediction])
    other = task.category[prediction] != task.truth_category[truth]
    order = np.lexsort((task.truth_row[truth], other, -iou, task.row[prediction], -task.score[prediction]))
    busy, taken, pairs = set(), set(), []
    for p, t in zip(prediction[order].tolist(), truth[order].tolist(), strict=True):
        if p not in busy and t not in taken:
            busy.add(p)
            taken.add(t)
            pairs.append((p, t))
    rows = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
