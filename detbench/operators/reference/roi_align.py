"""RoIAlign: a small grid of mean values from each region of a feature map (He et al. 2017, *Mask R-CNN*, section 3).

A region is divided into bins, ``ph`` down and ``pw`` across. In each bin lie some points at equal distances; the map is
interpolated at each of them, and their mean is the bin's value. Nothing is rounded to cells: that is what *align* says.

The rule is torchvision's and Detectron2's, to the letter:

- ``aligned=True``: the centre of cell ``i`` lies ``i + 0.5`` strides from the left edge of the picture, so half a cell
  is subtracted from coordinates in cells. ``aligned=False`` is the rule before 2019, half a cell off; it also makes
  each side of a region at least one cell long.
- Point ``s`` of ``n`` in bin ``p`` lies at ``start + p · bin + (s + 0.5) · bin / n``.
- A point more than one cell before the first cell's centre or more than one behind the last's counts as 0. Nearer to
  the map it is moved to the edge.
- ``sampling_ratio=0`` (or less) takes ``n = ceil(side / bins)`` points along each axis, about one in a cell; a side
  without length has none, and its bins are 0.

Points of a bin share their rows and columns, so the mean over them is again a product: the weights along y are averaged
over the points of a bin, those along x likewise, and W_y · F · W_xᵀ (:mod:`detbench.operators.reference.bilinear`) is
not nearly but exactly the mean over all ``n × n`` points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.operators.reference.bilinear import hat_weights, interpolated

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bin_weights", "roi_align"]


def roi_align(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    aligned: bool = True,
) -> NDArray[np.floating]:
    """Return the mean values in the bins of each region.

    Parameters
    ----------
    feature
        Feature maps, ``[B, H, W, C]``.
    region
        ``[R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture. Sides of a negative length are sampled backwards.
    image
        Int32 ``[R]``: on which of the ``B`` maps each region lies.
    stride_px
        How many pixels a cell of the map is wide and high.
    output_size
        Number of bins, down and across.
    sampling_ratio
        Points in a bin along each axis; 0: as many as the region needs.
    aligned
        Whether half a cell is subtracted.

    Returns
    -------
    ``[R, ph, pw, C]``, in the common type of ``feature`` and ``region``, at least float32.

    Examples
    --------
    A ramp, 0 to 3 from left to right: its value at the middle of each half of the region.

    >>> ramp = np.tile(np.arange(4.0)[:, None], (1, 4, 1, 1))
    >>> region = np.array([[8.0, 0, 56, 64]])
    >>> roi_align(ramp, region, np.array([0]), 16, output_size=(1, 2))[0, 0, :, 0].tolist()
    [0.75, 2.25]
    """
    dtype = np.result_type(feature, region, np.float32)
    feature = feature.astype(dtype, copy=False)
    corner = region.astype(dtype, copy=False) / dtype.type(stride_px) - dtype.type(0.5 if aligned else 0)
    shortest = -np.inf if aligned else 1.0
    _, height, width, channels = feature.shape
    pooled = np.empty((len(region), *output_size, channels), dtype=dtype)
    for row, (x1, y1, x2, y2) in enumerate(corner):
        weight_y = bin_weights(y1, max(y2 - y1, dtype.type(shortest)), height, output_size[0], sampling_ratio)
        weight_x = bin_weights(x1, max(x2 - x1, dtype.type(shortest)), width, output_size[1], sampling_ratio)
        pooled[row] = interpolated(feature[image[row]], weight_y, weight_x)
    return pooled


def bin_weights(
    start: np.floating, length: np.floating, cells: int, bins: int, sampling_ratio: int
) -> NDArray[np.floating]:
    """Return how much each cell along an axis counts in each bin, averaged over the bin's points: ``[bins, cells]``."""
    size = length / start.dtype.type(bins)
    points = sampling_ratio if sampling_ratio > 0 else max(int(np.ceil(size)), 0)
    if points == 0:
        return np.zeros((bins, cells), dtype=start.dtype)
    number, point = (np.arange(count, dtype=start.dtype) for count in (bins, points))
    at = start + number[:, None] * size + (point + start.dtype.type(0.5)) * size / start.dtype.type(points)
    near = (at >= -1) & (at <= cells)  # [bins, points]
    weight = hat_weights(np.clip(at, 0, cells - 1), cells) * near[..., None]
    return np.asarray(weight.mean(axis=1, dtype=start.dtype))
