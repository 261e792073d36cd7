r"""Bilinear interpolation as two matrices: what RoIAlign and ``crop_and_resize`` have in common.

The value of a feature map at a point is the mean of the four cells around it, each weighted by the product of how near
it is in y and how near it is in x. The weight along one axis is the *hat*: 1 at the cell, 0 one cell away, straight in
between. Because the weight of a cell is a product, a grid of points needs no loop over them: one matrix holds the
weights along y, one those along x, and the values at all points are

    W_y · F · W_xᵀ        for every channel of F by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["hat_weights", "interpolated"]


def hat_weights(at: NDArray[np.floating], cells: int) -> NDArray[np.floating]:
    """Return how much each cell counts at each position along an axis: the shape of ``at``, and ``[cells]`` behind it.

    Cell ``i`` lies at position ``i``. Positions are 0 to ``cells - 1``.

    Examples
    --------
    >>> hat_weights(np.array([1.0, 1.25]), 4).tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 0.75, 0.25, 0.0]]
    """
    distance = np.abs(at[..., None] - np.arange(cells, dtype=at.dtype))
    return np.asarray(np.maximum(1 - distance, 0))


def interpolated(
    feature: NDArray[np.floating], weight_y: NDArray[np.floating], weight_x: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return ``W_y · F · W_xᵀ`` for every channel: ``[ph, pw, C]``.

    Parameters
    ----------
    feature
        One feature map, ``[H, W, C]``.
    weight_y, weight_x
        ``[ph, H]`` and ``[pw, W]``. Cells whose weights are all 0 are not read: most regions are small.
    """
    row, column = (np.flatnonzero(weight.any(axis=0)) for weight in (weight_y, weight_x))
    if not len(row) or not len(column):
        return np.zeros((len(weight_y), len(weight_x), feature.shape[2]), dtype=feature.dtype)
    rows, columns = slice(row[0], row[-1] + 1), slice(column[0], column[-1] + 1)
    across = np.tensordot(weight_y[:, rows], feature[rows, columns], axes=1)  # [ph, columns, C]
    return np.asarray(weight_x[:, columns] @ across)
