"""IoU, GIoU, DIoU and CIoU in C++ on all cores: :mod:`detbench.operators.reference.iou`'s numbers, to the last bit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError
from detbench.extension import native
from detbench.operators.native.answers import unfilled
from detbench.operators.reference import iou as reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ciou", "diou", "giou", "iou"]


def iou(a: NDArray[np.floating], b: NDArray[np.floating], *, threads: int | None = None) -> NDArray[np.floating]:
    """Return the intersection over union of every box of ``a`` with every box of ``b``.

    Parameters
    ----------
    a, b
        ``[N, 4]`` and ``[M, 4]``: ``x1 y1 x2 y2`` in the same unit; copied unless contiguous and float32, or float64.
    threads
        On how many threads, by default one for every core. The numbers do not depend on it.

    Returns
    -------
    ``[N, M]``, in the common type of ``a`` and ``b``, at least float32.

    Raises
    ------
    DataError
        If ``a`` or ``b`` has another shape.

    Examples
    --------
    >>> iou(np.array([[0.0, 0, 4, 2]]), np.array([[2.0, 0, 6, 2], [4, 0, 8, 2]])).round(3)
    array([[0.333, 0.   ]])
    """
    return _overlaps("iou", a, b, threads)


def giou(a: NDArray[np.floating], b: NDArray[np.floating], *, threads: int | None = None) -> NDArray[np.floating]:
    """Return the generalised IoU of every box of ``a`` with every box of ``b``; see :func:`iou`."""
    return _overlaps("giou", a, b, threads)


def diou(a: NDArray[np.floating], b: NDArray[np.floating], *, threads: int | None = None) -> NDArray[np.floating]:
    """Return the distance IoU of every box of ``a`` with every box of ``b``; see :func:`iou`."""
    return _overlaps("diou", a, b, threads)


def ciou(a: NDArray[np.floating], b: NDArray[np.floating], *, threads: int | None = None) -> NDArray[np.floating]:
    """Return the complete IoU of every box of ``a`` with every box of ``b``; see :func:`iou`."""
    return _overlaps("ciou", a, b, threads)


def _overlaps(name: str, a: NDArray[np.floating], b: NDArray[np.floating], threads: int | None) -> NDArray[np.floating]:
    a, b = np.asarray(a), np.asarray(b)
    dtype = np.result_type(a, b, np.float32)
    first, second = (np.ascontiguousarray(box, dtype=dtype) for box in (a, b))
    for box in (first, second):
        if box.ndim != 2 or box.shape[1] != 4:  # noqa: PLR2004  rows of x1 y1 x2 y2
            raise DataError(f"boxes are [N, 4]; these have the shape {box.shape}")
    module = native()
    if module is None:
        answer: NDArray[np.floating] = getattr(reference, name)(first, second)
        return answer
    angles = [_angle(box) if name == "ciou" else np.empty(0, dtype=dtype) for box in (first, second)]
    out = unfilled((len(first), len(second)), dtype)
    module.box_overlaps(name, first, angles[0], second, angles[1], threads or os.cpu_count() or 1, out)
    return out


def _angle(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the angle whose tangent is width over height: NumPy's last bit of an arc tangent is not C++'s."""
    width, height = (np.fmax(box[:, 2 + axis] - box[:, axis], 0) for axis in (0, 1))
    angle: NDArray[np.floating] = np.arctan2(width, height)
    return angle
