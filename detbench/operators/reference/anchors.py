"""Anchors: the boxes that a region proposal network starts from (Ren et al. 2015, section 3.1.1).

Some shapes around the origin, the *reference boxes*, are laid over every cell of the feature map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["anchor_grid", "reference_boxes"]


def reference_boxes(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> NDArray[np.float32]:
    """Return one box for every ratio and scale, around the origin.

    A ratio is height over width, and a scale multiplies the side of the square of the same area::

        width · height = (base · scale)²      height / width = ratio

    so ``width = base · scale / √ratio`` and ``height = base · scale · √ratio``. Nothing is rounded to whole pixels.

    Parameters
    ----------
    base_size_px
        Side of the square at scale 1 and ratio 1.
    scales, ratios
        S and R positive numbers.

    Returns
    -------
    float32 ``[R·S, 4]``: ``x1 y1 x2 y2`` in pixels. All scales of the first ratio come first, then those of the second.

    Examples
    --------
    Twice as high as wide at one scale, a square at the next ratio:

    >>> reference_boxes(16, scales=(1, 2), ratios=(4, 1))
    array([[ -4., -16.,   4.,  16.],
           [ -8., -32.,   8.,  32.],
           [ -8.,  -8.,   8.,   8.],
           [-16., -16.,  16.,  16.]], dtype=float32)
    """
    ratio, scale = np.meshgrid(np.asarray(ratios, float), np.asarray(scales, float), indexing="ij")
    side = base_size_px * scale.ravel()
    width, height = side / np.sqrt(ratio.ravel()), side * np.sqrt(ratio.ravel())
    return np.stack([-width / 2, -height / 2, width / 2, height / 2], axis=1).astype(np.float32)


def anchor_grid(
    reference: NDArray[np.floating], height: int, width: int, stride_px: float, centre: float = 0.5
) -> NDArray[np.floating]:
    """Return the reference boxes moved to every cell of a feature map.

    The boxes of the cell in row ``i`` and column ``j`` lie around ``((j + centre) · stride, (i + centre) · stride)``.

    Parameters
    ----------
    reference
        Float ``[A, 4]``: ``x1 y1 x2 y2`` around the origin, in pixels.
    height, width
        Cells of the feature map.
    stride_px
        Pixels of the picture from one cell to the next.
    centre
        Where in its cell an anchor lies: 0.5 is the middle (Detectron2's offset 0.5), 0 the upper left corner (Luminoth
        and py-faster-rcnn).

    Returns
    -------
    ``[height · width · A, 4]`` in the type of ``reference``: row by row, in it column by column, in it anchor by
    anchor, as the RPN's outputs ``[H, W, A]`` lie in memory. Anchors that leave the picture are not cut.

    Examples
    --------
    One row of two cells, a box of 2 × 4 pixels:

    >>> anchor_grid(np.array([[-1.0, -2, 1, 2]]), height=1, width=2, stride_px=16)
    array([[ 7.,  6.,  9., 10.],
           [23.,  6., 25., 10.]])
    """
    x = (np.arange(width) + centre) * stride_px
    y = (np.arange(height) + centre) * stride_px
    row, column = np.meshgrid(y, x, indexing="ij")
    shift = np.stack([column, row, column, row], axis=-1).astype(reference.dtype)
    grid: NDArray[np.floating] = shift[:, :, None, :] + reference
    return grid.reshape(-1, 4)
