"""How much two boxes have in common: IoU, and what was made of it to tell boxes apart that have nothing in common.

Boxes are ``x1 y1 x2 y2``, continuous: a width is ``x2 − x1``, without a pixel more. A box without area
(``x2 ≤ x1`` or ``y2 ≤ y1``, or a corner that is NaN) counts as an area of 0 and has an IoU of 0 with every box,
itself included. Everything is computed in the float type of the input; float32 areas overflow from sides of 1e19.

Each function ``[N, 4], [M, 4] → [N, M]`` stands on one that takes any two arrays ``[…, 4]`` whose leading axes
broadcast, which losses use row by row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ciou", "diou", "giou", "giou_between", "iou"]


def iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the intersection over union of every box of ``a`` with every box of ``b`` (Jaccard 1912).

    Parameters
    ----------
    a, b
        Float ``[N, 4]`` and ``[M, 4]`` in the same unit.

    Returns
    -------
    ``[N, M]``, 0 to 1: ``intersection / (area_a + area_b − intersection)`` in this order of arithmetic, which is
    TensorFlow's; boxes that only touch have 0.

    Examples
    --------
    Half of each box is shared: a third of the union.

    >>> iou(np.array([[0.0, 0, 4, 2]]), np.array([[2.0, 0, 6, 2], [4, 0, 8, 2]])).round(3)
    array([[0.333, 0.   ]])
    """
    intersection, union = _areas(a[:, None], b[None])
    return _ratio(intersection, union)


def giou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the generalised IoU of every box of ``a`` with every box of ``b`` (Rezatofighi et al. 2019, algorithm 1).

    ``GIoU = IoU − (hull − union) / hull``, where ``hull`` is the area of the smallest box around both: what is lost is
    the part of it that belongs to neither.

    Parameters
    ----------
    a, b
        Float ``[N, 4]`` and ``[M, 4]`` in the same unit.

    Returns
    -------
    ``[N, M]``, −1 to 1; the IoU itself where the hull has no area.

    Examples
    --------
    Side by side, then with a gap as wide as a box:

    >>> giou(np.array([[0.0, 0, 2, 2]]), np.array([[2.0, 0, 4, 2], [4, 0, 6, 2]])).round(3)
    array([[ 0.   , -0.333]])
    """
    return giou_between(a[:, None], b[None])


def diou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the distance IoU of every box of ``a`` with every box of ``b`` (Zheng et al. 2020, equation 7).

    ``DIoU = IoU − d² / c²``: ``d`` is the distance between the centres, ``c`` the diagonal of the smallest box around
    both. torchvision adds 1e-7 to ``c²``; here a ``c`` of 0 takes nothing away.

    Parameters
    ----------
    a, b
        Float ``[N, 4]`` and ``[M, 4]`` in the same unit.

    Returns
    -------
    ``[N, M]``, −1 to 1.

    Examples
    --------
    >>> diou(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [2, 0, 4, 2]])).round(3)
    array([[ 1. , -0.2]])
    """
    return _diou_between(a[:, None], b[None])


def ciou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the complete IoU of every box of ``a`` with every box of ``b`` (Zheng et al. 2020, equations 8 to 11).

    ::

        CIoU = DIoU − alpha · v
        v = 4/π² · (atan(w_a / h_a) − atan(w_b / h_b))²
        alpha = v / (1 − IoU + v)

    ``v`` says how far the shapes differ, ``alpha`` how much that counts: the more, the better the boxes overlap
    already. Of equal shapes ``v`` is 0, and so is ``alpha`` (the formula says 0/0 if the boxes are equal too). A later
    version of the paper sets alpha to 0 below an IoU of 0.5; here, as in torchvision, it is not. torchvision adds 1e-7
    to its divisors instead of guarding them.

    Parameters
    ----------
    a, b
        Float ``[N, 4]`` and ``[M, 4]`` in the same unit. Of a box without area, a side below 0 counts as 0, and the
        shape is ``atan2(w, h)``: 0 for a point, π/2 for a line along x.

    Returns
    -------
    ``[N, M]``, −2 to 1.

    Examples
    --------
    The same centre and area, one lying and one standing:

    >>> ciou(np.array([[0.0, 1, 4, 3]]), np.array([[1.0, 0, 3, 4], [0, 1, 4, 3]])).round(3)
    array([[0.3, 1. ]])
    """
    first, second = a[:, None], b[None]
    difference = _shape(first) - _shape(second)
    v = difference * difference * (4 / math.pi**2)
    intersection, union = _areas(first, second)
    alpha = _ratio(v, 1 - _ratio(intersection, union) + v)
    return _diou_between(first, second) - alpha * v


def giou_between(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the generalised IoU of boxes ``[…, 4]`` whose leading axes broadcast: see :func:`giou`."""
    intersection, union = _areas(a, b)
    width, height = _hull(a, b)
    hull = width * height
    return _ratio(intersection, union) - _ratio(hull - union, hull)


def _diou_between(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    x = _middle(a[..., 0], a[..., 2]) - _middle(b[..., 0], b[..., 2])
    y = _middle(a[..., 1], a[..., 3]) - _middle(b[..., 1], b[..., 3])
    width, height = _hull(a, b)
    return _ratio(*_areas(a, b)) - _ratio(x * x + y * y, width * width + height * height)


def _areas(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return intersection and union. The side of an intersection is at most either box's, so no area gives no area."""
    width = _length(np.maximum(a[..., 0], b[..., 0]), np.minimum(a[..., 2], b[..., 2]))
    height = _length(np.maximum(a[..., 1], b[..., 1]), np.minimum(a[..., 3], b[..., 3]))
    intersection = width * height
    return intersection, _area(a) + _area(b) - intersection


def _area(box: NDArray[np.floating]) -> NDArray[np.floating]:
    return _length(box[..., 0], box[..., 2]) * _length(box[..., 1], box[..., 3])


def _hull(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return width and height of the smallest box around both."""
    width = _length(np.minimum(a[..., 0], b[..., 0]), np.maximum(a[..., 2], b[..., 2]))
    height = _length(np.minimum(a[..., 1], b[..., 1]), np.maximum(a[..., 3], b[..., 3]))
    return width, height


def _shape(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the angle whose tangent is width over height."""
    angle: NDArray[np.floating] = np.arctan2(_length(box[..., 0], box[..., 2]), _length(box[..., 1], box[..., 3]))
    return angle


def _middle(low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.floating]:
    return low + (high - low) / 2


def _length(low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``high − low``, and 0 where that is negative or NaN (``fmax`` prefers a number to NaN)."""
    length: NDArray[np.floating] = np.fmax(high - low, 0)
    return length


def _ratio(part: NDArray[np.floating], whole: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``part / whole``, and 0 where ``whole`` is not above 0."""
    ratio: NDArray[np.floating] = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return ratio
