"""Non-maximum suppression: keep the best of boxes that overlap.

The rule is TensorFlow's ``non_max_suppression``: boxes are taken by descending score, of equal scores the lower row
first; a box is dropped if its IoU with one that was kept is greater than the threshold. A box without area has an
IoU of 0 with every box, so it is neither dropped nor drops another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["nms"]


def nms(
    box: NDArray[np.float64], score: NDArray[np.float64], iou_threshold: float, *, limit: int | None = None
) -> NDArray[np.intp]:
    """Return the rows that are kept, by descending score.

    Parameters
    ----------
    box
        Float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit.
    score
        Float64 ``[N]``.
    iou_threshold
        A box is dropped if it overlaps a kept one by more than this, 0 to 1.
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
    left = np.argsort(-score, kind="stable")
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    kept: list[np.intp] = []
    while len(left) and (limit is None or len(kept) < limit):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[_iou_of_one(box[best], area[best], box[left], area[left]) <= iou_threshold]
    return np.array(kept, dtype=np.intp)


def _iou_of_one(
    one: NDArray[np.float64], one_area: np.float64, box: NDArray[np.float64], area: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the IoU of one box with each of ``box``, ``[N]``; 0 where either has no area."""
    width = np.minimum(one[2], box[:, 2]) - np.maximum(one[0], box[:, 0])
    height = np.minimum(one[3], box[:, 3]) - np.maximum(one[1], box[:, 1])
    common = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    has_area = (area > 0) & (one_area > 0)
    iou: NDArray[np.float64] = np.divide(common, one_area + area - common, out=np.zeros_like(area), where=has_area)
    return iou
