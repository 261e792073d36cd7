"""Matrix NMS: decay all scores at once, without taking boxes one after another.

Wang, Zhang, Kong, Li, Shen: *SOLOv2: Dynamic and Fast Instance Segmentation*, NeurIPS 2020, equation 5, on boxes
instead of masks. A box's score is multiplied by the smallest, over the boxes of its category that score higher, of
f(IoU with it) / f(the largest IoU that one itself has with a box that scores higher still): a box that is likely
suppressed decays others less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from detbench.operators.reference.iou import iou
from detbench.operators.reference.nms import by_falling_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = TypeVar("Float", np.float32, np.float64)

__all__ = ["matrix_nms"]


@np.errstate(invalid="ignore", over="ignore")  # corners may be infinite
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
    decay = np.ones(len(box), dtype=box.dtype)
    falling = by_falling_score(score)
    for one in np.unique(category):
        order = falling[category[falling] == one]
        largest = np.zeros(len(order), dtype=box.dtype)  # IoU of each with a box that scores higher
        for place, row in enumerate(order):
            later = order[place + 1 :]
            overlap = iou(box[row : row + 1], box[later])[0]
            compensate = _kernel(largest[place], kernel, sigma)
            # A box that has a twin above it decays nothing by itself: the twin does, and 0/0 is avoided.
            if compensate > 0:
                decay[later] = np.minimum(decay[later], _kernel(overlap, kernel, sigma) / compensate)
            largest[place + 1 :] = np.maximum(largest[place + 1 :], overlap)
    return (score * decay).astype(score.dtype)


def _kernel(overlap: Any, kernel: Literal["gaussian", "linear"], sigma: float) -> Any:
    return 1 - overlap if kernel == "linear" else np.exp(-sigma * overlap**2)
