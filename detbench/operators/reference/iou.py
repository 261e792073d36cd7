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
    side = _hull(a, b)
    hull = side[..., 0] * side[..., 1]
    return _ratio(intersection, union) - _ratio(hull - union, hull)


def _diou_between(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    centre_a, centre_b = a[..., :2] + _size(a) / 2, b[..., :2] + _size(b) / 2
    apart = centre_a - centre_b
    side = _hull(a, b)
    distance = _ratio((apart * apart).sum(axis=-1), (side * side).sum(axis=-1))
    return _ratio(*_areas(a, b)) - distance


def _areas(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return intersection and union; the intersection is 0 where either box has no area."""
    side = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    has_area = (_size(a) > 0).all(axis=-1) & (_size(b) > 0).all(axis=-1)
    overlapping = (side > 0).all(axis=-1) & has_area
    intersection = np.where(overlapping, side[..., 0] * side[..., 1], 0)
    return intersection, _area(a) + _area(b) - intersection


def _area(box: NDArray[np.floating]) -> NDArray[np.floating]:
    size = _size(box)
    area: NDArray[np.floating] = np.where((size > 0).all(axis=-1), size[..., 0] * size[..., 1], 0)
    return area


def _size(box: NDArray[np.floating]) -> NDArray[np.floating]:
    size: NDArray[np.floating] = box[..., 2:] - box[..., :2]
    return size


def _hull(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return width and height of the smallest box around both, ``[…, 2]``."""
    side = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    hull: NDArray[np.floating] = np.maximum(side, 0)
    return hull


def _shape(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the angle whose tangent is width over height."""
    size = np.maximum(_size(box), 0)
    angle: NDArray[np.floating] = np.arctan2(size[..., 0], size[..., 1])
    return angle


def _ratio(part: NDArray[np.floating], whole: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``part / whole``, and 0 where ``whole`` is not above 0."""
    ratio: NDArray[np.floating] = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return ratio
