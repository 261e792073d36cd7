"""How much boxes have in common: the rules of :mod:`detbench.operators.reference.iou`, in batches.

All of it is computed in float32. A box without area has an IoU of 0 with every box.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from keras import ops

from detbench.operators.keras.gather import as_float

__all__ = ["Planes", "ciou", "diou", "giou", "giou_between", "iou", "overlap", "planes"]


#: The smallest float32 that is not subnormal.
_SMALLEST = 1.1754943508222875e-38


class Planes(NamedTuple):
    """Boxes by coordinate, so that no step strides over the other three: four tensors and the area, of one shape."""

    x1: Any
    y1: Any
    x2: Any
    y2: Any
    area: Any

    def at(self, *key: Any) -> Planes:
        """Return what indexing each tensor gives: ``planes.at(..., None)`` adds an axis."""
        return Planes(*(plane[key] for plane in self))


def planes(box: Any) -> Planes:
    """Return boxes ``[…, 4]`` by coordinate, float32 ``[…]``.

    A box whose area is not a finite number above 0 becomes the point 0, 0, which shares no area with any box: so it
    need not be looked for again.
    """
    box = as_float(box)
    side = box[..., 2:] - box[..., :2]
    area = side[..., 0] * side[..., 1]
    has_area = ops.logical_and(ops.all(side > 0, axis=-1), ops.logical_and(area > 0, ops.isfinite(area)))
    box = ops.where(has_area[..., None], box, 0.0)
    return Planes(box[..., 0], box[..., 1], box[..., 2], box[..., 3], ops.where(has_area, area, 0.0))


def overlap(a: Planes, b: Planes) -> Any:
    """Return the IoU of boxes whose shapes broadcast.

    Where the union is 0 so is the intersection: no division by 0 has to be looked for, which takes a CPU long.
    """
    intersection = _intersection(a, b)
    return intersection / ops.maximum(a.area + b.area - intersection, _SMALLEST)


def iou(a: Any, b: Any) -> Any:
    """Return the intersection over union of every box of ``a`` with every box of ``b``.

    Parameters
    ----------
    a, b
        ``[B, N, 4]`` and ``[B, M, 4]``: ``x1 y1 x2 y2`` in the same unit.

    Returns
    -------
    float32 ``[B, N, M]``: ``intersection / (area_a + area_b − intersection)``.

    Examples
    --------
    >>> iou([[[0.0, 0, 4, 2]]], [[[2.0, 0, 6, 2], [4, 0, 8, 2]]]).numpy().round(3).tolist()
    [[[0.3330000042915344, 0.0]]]
    """
    return overlap(planes(a).at(..., None), planes(b).at(..., None, slice(None)))


def giou(a: Any, b: Any) -> Any:
    """Return the generalised IoU (Rezatofighi et al. 2019, algorithm 1): shapes as in :func:`iou`."""
    return giou_between(*_pairs(a, b))


def diou(a: Any, b: Any) -> Any:
    """Return the distance IoU (Zheng et al. 2020, equation 7): shapes as in :func:`iou`."""
    return _diou_between(*_pairs(a, b))


def ciou(a: Any, b: Any) -> Any:
    """Return the complete IoU (Zheng et al. 2020, equations 8 to 11): shapes as in :func:`iou`."""
    first, second = _pairs(a, b)
    difference = _shape(first) - _shape(second)
    v = difference * difference * (4 / math.pi**2)
    alpha = ops.divide_no_nan(v, 1 - overlap(planes(first), planes(second)) + v)
    return _diou_between(first, second) - alpha * v


def giou_between(a: Any, b: Any) -> Any:
    """Return the generalised IoU of boxes ``[…, 4]`` whose leading axes broadcast; it has a derivative."""
    first, second = planes(a), planes(b)
    intersection = _intersection(first, second)
    union = first.area + second.area - intersection
    side = _hull(a, b)
    hull = side[..., 0] * side[..., 1]
    return ops.divide_no_nan(intersection, union) - ops.divide_no_nan(hull - union, hull)


def _diou_between(a: Any, b: Any) -> Any:
    apart = (a[..., :2] + (a[..., 2:] - a[..., :2]) / 2) - (b[..., :2] + (b[..., 2:] - b[..., :2]) / 2)
    side = _hull(a, b)
    distance = ops.divide_no_nan(ops.sum(apart * apart, axis=-1), ops.sum(side * side, axis=-1))
    return overlap(planes(a), planes(b)) - distance


def _pairs(a: Any, b: Any) -> tuple[Any, Any]:
    """Return ``[B, N, 1, 4]`` and ``[B, 1, M, 4]``."""
    return as_float(a)[..., :, None, :], as_float(b)[..., None, :, :]


def _intersection(a: Planes, b: Planes) -> Any:
    width = ops.minimum(a.x2, b.x2) - ops.maximum(a.x1, b.x1)
    height = ops.minimum(a.y2, b.y2) - ops.maximum(a.y1, b.y1)
    return ops.maximum(width, 0.0) * ops.maximum(height, 0.0)


def _hull(a: Any, b: Any) -> Any:
    """Return width and height of the smallest box around both, ``[…, 2]``."""
    return ops.maximum(ops.maximum(a[..., 2:], b[..., 2:]) - ops.minimum(a[..., :2], b[..., :2]), 0.0)


def _shape(box: Any) -> Any:
    """Return the angle whose tangent is width over height."""
    size = ops.maximum(box[..., 2:] - box[..., :2], 0.0)
    return ops.arctan2(size[..., 0], size[..., 1])
