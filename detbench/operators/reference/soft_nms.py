"""Soft-NMS: lower the scores of boxes that overlap a better one, instead of dropping them.

Bodla, Singh, Chellappa, Davis: *Soft-NMS: Improving Object Detection With One Line of Code*, ICCV 2017, equations 2
and 3. The box that scores highest is taken; the scores of all that are left decay by what they overlap it; then the
highest of the decayed scores is taken, and so on, until no score reaches the threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from detbench.operators.reference.iou import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = TypeVar("Float", np.float32, np.float64)

__all__ = ["soft_nms", "weight"]


@np.errstate(invalid="ignore", over="ignore")  # corners may be infinite
def soft_nms(
    box: NDArray[Float],
    score: NDArray[Any],
    method: Literal["gaussian", "linear"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    limit: int | None = None,
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the rows that are taken, in the order they are taken, and their decayed scores.

    Parameters
    ----------
    box
        Float32 or float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit. The IoU is computed in this type.
    score
        Floats ``[N]``; the type of the scores that are returned. NaN reaches no threshold.
    method
        ``"gaussian"``: a score is multiplied by exp(−IoU²/sigma) for every box taken before. ``"linear"``: by 1 − IoU
        for those that it overlaps by more than ``iou_threshold``, as in the authors' code (the paper's equation has
        equality decay too).
    iou_threshold, sigma
        As above; each is used by one method.
    score_threshold
        A box whose decayed score is below this is not taken.
    limit
        Stop when this many are taken.

    Returns
    -------
    Rows of ``box`` ``[K]`` and scores ``[K]``. Of equal decayed scores the lower row is taken first.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]])
    >>> row, decayed = soft_nms(box, np.array([0.8, 0.9, 0.7]), "linear")
    >>> row.tolist(), decayed.round(2).tolist()
    ([1, 2, 0], [0.9, 0.7, 0.16])
    """
    decayed, lowest = score.copy(), score.dtype.type(score_threshold)
    left = np.flatnonzero(decayed >= lowest)
    taken: list[np.intp] = []
    while len(left) and (limit is None or len(taken) < limit):
        place = np.argmax(decayed[left])
        best, left = left[place], np.delete(left, place)
        taken.append(best)
        decayed[left] *= weight(iou(box[best : best + 1], box[left])[0], method, iou_threshold, sigma)
        left = left[decayed[left] >= lowest]
    row = np.array(taken, dtype=np.intp)
    return row, decayed[row]


def weight(
    overlap: NDArray[Float], method: Literal["gaussian", "linear"], iou_threshold: float, sigma: float
) -> NDArray[Float]:
    """Return what scores are multiplied by, ``[N]``, given the IoUs with the box just taken."""
    if method == "linear":
        linear: NDArray[Float] = np.where(overlap > overlap.dtype.type(iou_threshold), 1 - overlap, 1)
        return linear
    gaussian: NDArray[Float] = np.exp(-(overlap**2) / overlap.dtype.type(sigma))
    return gaussian
