"""Box arithmetic that everything shares. A box is float64 ``x1 y1 x2 y2``, pixels, continuous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["paired_iou", "pairwise_iou"]


def pairwise_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    area_a: NDArray[np.float64] | None = None,
    area_b: NDArray[np.float64] | None = None,
    crowd_b: NDArray[np.bool_] | None = None,
    inclusive: bool = False,
) -> NDArray[np.float64]:
    """Return the intersection over union of every box of ``a`` with every box of ``b``.

    Parameters
    ----------
    a, b
        float64 ``[N, 4]`` and ``[M, 4]``.
    area_a, area_b
        float64 ``[N]`` and ``[M]``: areas to use instead of those of the corners.
    crowd_b
        bool ``[M]``: for a crowd region the union is ``a``'s area alone (COCO).
    inclusive
        Count both border pixels, as if a side were ``x2 − x1 + 1`` (Pascal VOC's arithmetic on its own corners).

    Returns
    -------
    float64 ``[N, M]``; 0 where the boxes do not overlap or where a union is 0.

    Examples
    --------
    >>> pairwise_iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3], [2, 0, 4, 2]])).round(4).tolist()
    [[0.1429, 0.0]]
    """
    return _iou(
        a[:, None],
        b[None],
        None if area_a is None else area_a[:, None],
        None if area_b is None else area_b[None],
        None if crowd_b is None else crowd_b[None],
        inclusive=inclusive,
    )


def paired_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    area_a: NDArray[np.float64] | None = None,
    area_b: NDArray[np.float64] | None = None,
    inclusive: bool = False,
) -> NDArray[np.float64]:
    """Return float64 ``[N]``: the intersection over union of each box of ``a`` with the box of ``b`` in its row.

    Both are float64 ``[N, 4]``; ``area_a``, ``area_b`` ``[N]`` and ``inclusive`` as in :func:`pairwise_iou`.

    Examples
    --------
    >>> paired_iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3]])).round(4).tolist()
    [0.1429]
    """
    return _iou(a, b, area_a, area_b, None, inclusive=inclusive)


def _iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_a: NDArray[np.float64] | None,
    area_b: NDArray[np.float64] | None,
    crowd_b: NDArray[np.bool_] | None,
    *,
    inclusive: bool,
) -> NDArray[np.float64]:
    """Return the intersection over union of boxes whose leading axes are broadcast against each other."""
    border = 1.0 if inclusive else 0.0
    side = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + border
    intersection = np.where((side > 0).all(axis=-1), side[..., 0] * side[..., 1], 0.0)
    size_a = np.prod(a[..., 2:] - a[..., :2] + border, axis=-1) if area_a is None else area_a
    size_b = np.prod(b[..., 2:] - b[..., :2] + border, axis=-1) if area_b is None else area_b
    union = size_a + size_b - intersection
    if crowd_b is not None:
        union = np.where(crowd_b, size_a, union)
    overlapping = (intersection > 0) & (union > 0)
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=overlapping))
