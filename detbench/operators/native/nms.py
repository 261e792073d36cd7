"""Non-maximum suppression in C++: the references' answers, to the row.

Arrays that are contiguous and of the right type are read where they lie; others are copied once. Python's lock is
released meanwhile. What is no number is treated as by the references: a score that is NaN comes last, a box with a
corner that is NaN or infinite overlaps nothing.
"""

from __future__ import annotations

import sys
from operator import index
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detbench.errors import UsageError
from detbench.extension import native
from detbench.operators.reference import nms as reference
from detbench.operators.reference import soft_nms as reference_soft

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["batched_nms", "nms", "soft_nms"]

#: Types that are taken as they are.
_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def nms(box: NDArray[Any], score: NDArray[Any], iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    """Return the rows that are kept, by descending score: :func:`detbench.operators.reference.nms.nms`.

    Parameters
    ----------
    box
        Float32 or float64 ``[N, 4]``: ``x1 y1 x2 y2`` in any unit. Other numbers are taken as float64.
    score
        Float32 or float64 ``[N]``, likewise.
    iou_threshold
        A box is dropped if it overlaps a kept one by more than this, 0 to 1; rounded to the type of ``box``.
    limit
        Stop when this many are kept.

    Returns
    -------
    Rows of ``box``, ``[K]``; of equal scores the lower row first.

    Raises
    ------
    UsageError
        If shapes do not fit each other, or the limit is no whole number.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]])
    >>> nms(box, np.array([0.8, 0.9, 0.7]), 0.5).tolist()
    [1, 2]
    """
    box, score = _floats(box), _floats(score)
    _check(box, score=score)
    if (module := native()) is None:
        return reference.nms(box, score, iou_threshold, limit)
    kept: NDArray[np.intp] = module.nms(box, score, None, iou_threshold, _limit(limit))
    return kept


def batched_nms(
    box: NDArray[Any], score: NDArray[Any], category: NDArray[Any], iou_threshold: float, limit: int | None = None
) -> NDArray[np.intp]:
    """Return the rows that are kept where boxes suppress only those of their own category, by descending score.

    The reference is :func:`detbench.operators.reference.nms.batched_nms`. ``category`` is int32 ``[N]``, any numbers;
    ``limit`` counts over all categories; the rest, and what is raised, as in :func:`nms`.
    """
    box, score, category = _floats(box), _floats(score), _int32(category)
    _check(box, score=score, category=category)
    if (module := native()) is None:
        return reference.batched_nms(box, score, category, iou_threshold, limit)
    kept: NDArray[np.intp] = module.nms(box, score, category, iou_threshold, _limit(limit))
    return kept


def soft_nms(
    box: NDArray[Any],
    score: NDArray[Any],
    method: Literal["gaussian", "linear"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    limit: int | None = None,
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the rows that are taken, in the order they are taken, and their decayed scores.

    Parameters, the answer and the rule are those of :func:`detbench.operators.reference.soft_nms.soft_nms`; types as in
    :func:`nms`. Scores differ from the reference's by the rounding of exp.

    Raises
    ------
    UsageError
        As in :func:`nms`; or if there is no such method, or ``sigma`` is not positive.
    """
    if method not in {"gaussian", "linear"}:
        raise UsageError(f"there is no method {method!r} of soft-NMS; there are 'gaussian' and 'linear'")
    if not sigma > 0:
        raise UsageError(f"sigma is {sigma} and should be above 0")
    box, score = _floats(box), _floats(score)
    _check(box, score=score)
    if (module := native()) is None:
        return reference_soft.soft_nms(box, score, method, iou_threshold, sigma, score_threshold, limit)
    row, decayed = module.soft_nms(
        box, score, method == "gaussian", iou_threshold, sigma, score_threshold, _limit(limit)
    )
    return row, decayed


def _floats(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    return np.ascontiguousarray(array, dtype=array.dtype if array.dtype in _TYPES else np.float64)


def _int32(category: NDArray[Any]) -> NDArray[np.int32]:
    """Return categories as they are, or numbered anew: cut to 32 bits, two of them could become one."""
    category = np.asarray(category)
    if not np.can_cast(category.dtype, np.int32) and category.ndim == 1:
        category = np.unique(category, return_inverse=True)[1]
    return np.ascontiguousarray(category, dtype=np.int32)


def _check(box: NDArray[Any], **columns: NDArray[Any]) -> None:
    if box.ndim != 2 or box.shape[1] != 4:  # noqa: PLR2004  corners
        raise UsageError(f"boxes have shape [N, 4], not {list(box.shape)}")
    for name, column in columns.items():
        if column.shape != (len(box),):
            raise UsageError(f"{name} has shape {list(column.shape)} and should have [{len(box)}], one for each box")


def _limit(limit: int | None) -> int:
    if limit is None:
        return sys.maxsize
    try:
        return min(max(index(limit), 0), sys.maxsize)
    except TypeError as error:
        raise UsageError(f"the limit is {limit!r} and should be a whole number, or None") from error
