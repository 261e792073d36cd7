"""Non-maximum suppression: keep the best of boxes that overlap.

The rule is TensorFlow's ``non_max_suppression``: boxes are taken by descending score, of equal scores the lower row
first; a box is dropped if its IoU with one that was kept is greater than the threshold. A box without area has an
IoU of 0 with every box, so it is neither dropped nor drops another; so has one with a corner that is NaN or infinite.
A score that is NaN comes after all numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from detbench.operators.reference.iou import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = TypeVar("Float", np.float32, np.float64)

__all__ = ["batched_nms", "by_falling_score", "nms"]


@np.errstate(invalid="ignore", over="ignore")  # corners may be infinite
def nms(box: NDArray[Float], score: NDArray[Any], iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    """Return the rows that are kept, by descending score.

    Parameters
    ----------
    box
        Float32 or float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit. The IoU is computed in this type.
    score
        Floats ``[N]``.
    iou_threshold
        A box is dropped if it overlaps a kept one by more than this, 0 to 1; rounded to the type of ``box``.
    limit
        Stop when this many are kept.

    Returns
    -------
    Rows of ``box``, ``[K]``.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]])
    >>> nms(box, np.array([0.8, 0.9, 0.7]), 0.5).tolist()
    [1, 2]
    """
    left = by_falling_score(score)
    threshold = box.dtype.type(iou_threshold)
    kept: list[np.intp] = []
    while len(left) and (limit is None or len(kept) < limit):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[~(iou(box[best : best + 1], box[left])[0] > threshold)]
    return np.array(kept, dtype=np.intp)


def batched_nms(
    box: NDArray[Float],
    score: NDArray[Any],
    category: NDArray[np.int32],
    iou_threshold: float,
    limit: int | None = None,
) -> NDArray[np.intp]:
    """Return the rows that are kept where boxes suppress only those of their own category, by descending score.

    Parameters
    ----------
    box
        Float32 or float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit. The IoU is computed in this type.
    score
        Floats ``[N]``.
    iou_threshold
        A box is dropped if it overlaps a kept one of its category by more than this, 0 to 1; rounded to the type of
        ``box``.
    category
        Int32 ``[N]``: any numbers.
    limit
        So many are kept over all categories: those that score highest.

    Returns
    -------
    Rows of ``box``, ``[K]``; of equal scores the lower row first.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 9]])
    >>> batched_nms(box, np.array([0.8, 0.9, 0.7]), np.array([0, 1, 0]), 0.5).tolist()
    [1, 0]
    """
    kept = np.zeros(len(box), dtype=bool)
    for one in np.unique(category):
        row = np.flatnonzero(category == one)
        kept[row[nms(box[row], score[row], iou_threshold)]] = True
    order = by_falling_score(score)
    return order[kept[order]][: None if limit is None else max(limit, 0)]


def by_falling_score(score: NDArray[Any]) -> NDArray[np.intp]:
    """Return the rows by descending score, ``[N]``: of equal scores the lower row first, NaN after all numbers."""
    return np.argsort(-score, kind="stable")
