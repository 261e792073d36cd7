"""RoI max pooling: the greatest value in each bin of a region (Girshick 2015, *Fast R-CNN*, section 2.1).

The region is rounded to whole cells, and so are its bins: everything that RoIAlign later stopped rounding. The rule is
that of Caffe's layer, which torchvision's ``roi_pool`` keeps:

- Corners are divided by the stride and rounded, halves away from 0. Both ends belong to the region, so that its side is
  ``last - first + 1`` cells, and at least 1.
- Bin ``p`` of ``n`` goes from ``floor(p · side / n)`` up to ``ceil((p + 1) · side / n)``, that cell left out.
  Neighbouring bins may share cells.
- What lies outside the map is left out. A bin that has no cell left is 0.

Quotients are those of whole numbers here. Caffe and torchvision multiply a float by ``p``, which may end a rounding
error above a whole number, and then a bin has a row or column more than the rule says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bin_cells", "roi_max_pool", "rounded"]


def roi_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
) -> NDArray[np.floating]:
    """Return the greatest values in the bins of each region.

    Parameters
    ----------
    feature
        Feature maps, ``[B, H, W, C]``.
    region
        ``[R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture.
    image
        Int32 ``[R]``: on which of the ``B`` maps each region lies.
    stride_px
        How many pixels a cell of the map is wide and high.
    output_size
        Number of bins, down and across.

    Returns
    -------
    ``[R, ph, pw, C]``, in the common type of ``feature`` and ``region``, at least float32.

    Examples
    --------
    A region from cell 0 to cell 2, both included: three columns in two bins share the middle one.

    >>> ramp = np.tile(np.arange(4.0)[:, None], (1, 4, 1, 1))
    >>> region = np.array([[0.0, 0, 32, 32]])
    >>> roi_max_pool(ramp, region, np.array([0]), 16, output_size=(1, 2))[0, 0, :, 0].tolist()
    [1.0, 2.0]
    """
    dtype = np.result_type(feature, region, np.float32)
    feature = feature.astype(dtype, copy=False)
    corner = rounded(region.astype(dtype, copy=False) / dtype.type(stride_px))
    _, height, width, channels = feature.shape
    pooled = np.empty((len(region), *output_size, channels), dtype=dtype)
    for row, (x1, y1, x2, y2) in enumerate(corner):
        below = bin_cells(y1, y2, height, output_size[0])
        across = bin_cells(x1, x2, width, output_size[1])
        # The greatest of a rectangle is the greatest of its rows' greatest: down first, then across.
        rows = np.stack([_greatest(feature[image[row], cells], axis=0) for cells in below])  # [ph, W, C]
        pooled[row] = np.stack([_greatest(rows[:, cells], axis=1) for cells in across], axis=1)
    return pooled


def rounded(value: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the nearest whole numbers, halves away from 0, as C's ``round`` does: NumPy's goes to the even one."""
    whole = np.trunc(value)
    return np.asarray(whole + np.trunc(2 * (value - whole)), dtype=np.int64)


def bin_cells(first: int, last: int, cells: int, bins: int) -> list[slice]:
    """Return the cells of each bin along an axis that has so many cells."""
    side = max(last - first + 1, 1)
    begin = [first + number * side // bins for number in range(bins)]
    end = [first - (-(number + 1) * side // bins) for number in range(bins)]  # ceil(a / b) is -floor(-a / b)
    return [slice(*np.clip(ends, 0, cells)) for ends in zip(begin, end, strict=True)]


def _greatest(value: NDArray[np.floating], axis: int) -> NDArray[np.floating]:
    """Return the greatest along an axis, 0 where there is nothing."""
    return np.asarray(value.max(axis=axis) if value.shape[axis] else value.sum(axis=axis))
