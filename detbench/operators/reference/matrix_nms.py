"""Matrix NMS: decay all scores at once, without taking boxes one after another.

Wang, Zhang, Kong, Li, Shen: *SOLOv2: Dynamic and Fast Instance Segmentation*, NeurIPS 2020, equation 5, on boxes
instead of masks. A box's score is multiplied by the smallest, over the boxes of its category that score higher, of
f(IoU with it) / f(the largest IoU that one itself has with a box that scores higher still): a box that is likely
suppressed decays others less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from detbench.operators.reference.nms import box_area, by_falling_score, iou_of_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = TypeVar("Float", np.float32, np.float64)

__all__ = ["matrix_nms"]


def matrix_nms(
    box: NDArray[Float],
    score: NDArray[Any],
    category: NDArray[np.int32],
    kernel: Literal["gaussian", "linear"] = "gaussian",
    sigma: float = 2.0,
) -> NDArray[Any]:
    """Return the decayed score of every box, in the order of the rows.

    Parameters
    ----------
    box
        Float32 or float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit.
    score
        Floats ``[N]``; the type of the answer. Of equal scores the lower row counts as the higher.
    category
        Int32 ``[N]``: boxes of different categories leave each other alone.
    kernel
        f: ``"gaussian"`` exp(−sigma · IoU²), where sigma multiplies as in the authors' code, or ``"linear"`` 1 − IoU.
    sigma
        As above.

    Returns
    -------
    Scores ``[N]``.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]])
    >>> matrix_nms(box, np.array([0.8, 0.9, 0.7]), np.array([0, 0, 0]), "linear").round(2).tolist()
    [0.16, 0.9, 0.7]
    """
    area = box_area(box)
    decay = np.ones(len(box), dtype=box.dtype)
    for one in np.unique(category):
        order = by_falling_score(score)
        order = order[category[order] == one]
        largest = np.zeros(len(order), dtype=box.dtype)  # IoU of each with a box that scores higher
        for place, row in enumerate(order):
            later = order[place + 1 :]
            iou = iou_of_one(box[row], area[row], box[later], area[later])
            compensate = _kernel(largest[place], kernel, sigma)
            # A box that has a twin above it decays nothing by itself: the twin does, and 0/0 is avoided.
            if compensate > 0:
                decay[later] = np.minimum(decay[later], _kernel(iou, kernel, sigma) / compensate)
            largest[place + 1 :] = np.maximum(largest[place + 1 :], iou)
    return (score * decay).astype(score.dtype)


def _kernel(iou: Any, kernel: Literal["gaussian", "linear"], sigma: float) -> Any:
    return 1 - iou if kernel == "linear" else np.exp(-sigma * iou**2)
