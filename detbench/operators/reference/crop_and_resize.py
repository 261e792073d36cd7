"""Crop and resize: a small grid of single points from each region, as TensorFlow's ``tf.image.crop_and_resize``.

TensorFlow takes boxes as ``y1 x1 y2 x2`` from 0, the centre of the first cell, to 1, the centre of the last. Which box
a region in pixels is must be chosen, and the choice is heard of too seldom. Here it is

    normalised = pixel / (stride · (cells − 1))            so that    pixel / stride    is the position in cells:

a region of ``n`` strides is ``n`` cells long wherever it lies, and pixel 0 is the centre of cell 0. (RoIAlign has the
centre of cell 0 at half a stride: with the same corners the two look half a cell apart.) Others divide by the size of
the picture, ``stride · cells``, Luminoth among them: their regions shrink a little towards the upper left, but none
that ends with the picture leaves the map.

The first row of points lies on the region's upper edge, the last on its lower edge; a single row lies in the middle.
The map is interpolated at each point; a point outside, by however little, is 0. An axis of one cell has no length to be
normalised by: each point lies on that cell, wherever the region is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.operators.reference.bilinear import hat_weights, interpolated

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["crop_and_resize", "crop_max_pool", "point_weights"]


def crop_and_resize(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
) -> NDArray[np.floating]:
    """Return the values at a grid of points in each region.

    Parameters
    ----------
    feature
        Feature maps, ``[B, H, W, C]``.
    region
        ``[R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture. Where ``x2 < x1`` the crop is mirrored; likewise in y.
    image
        Int32 ``[R]``: on which of the ``B`` maps each region lies.
    stride_px
        How many pixels a cell of the map is wide and high.
    crop_size
        Number of points, down and across.

    Returns
    -------
    ``[R, ph, pw, C]``, in the common type of ``feature`` and ``region``, at least float32.

    Examples
    --------
    A ramp, 0 to 3 from left to right: its value at both edges of the region and in the middle.

    >>> ramp = np.tile(np.arange(4.0)[:, None], (1, 4, 1, 1))
    >>> region = np.array([[8.0, 0, 48, 48]])
    >>> crop_and_resize(ramp, region, np.array([0]), 16, crop_size=(1, 3))[0, 0, :, 0].tolist()
    [0.5, 1.75, 3.0]
    """
    dtype = np.result_type(feature, region, np.float32)
    feature = feature.astype(dtype, copy=False)
    _, height, width, channels = feature.shape
    last = np.array([width - 1, height - 1, width - 1, height - 1], dtype=dtype)
    corner = region.astype(dtype, copy=False) / (dtype.type(stride_px) * np.maximum(last, 1))
    crop = np.empty((len(region), *crop_size, channels), dtype=dtype)
    for row, (x1, y1, x2, y2) in enumerate(corner):
        weight_y = point_weights(y1, y2, height, crop_size[0])
        weight_x = point_weights(x1, x2, width, crop_size[1])
        crop[row] = interpolated(feature[image[row]], weight_y, weight_x)
    return crop


def crop_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
) -> NDArray[np.floating]:
    """Return the greatest of each 2 × 2 points of a crop: RoI pooling as Luminoth does it.

    The points are those of ``crop_and_resize``: from edge to edge of each region, so that the first lie on its upper
    and left edge and the last on its lower and right edge; pixel 0 is the centre of cell 0. A point outside the map is
    0; on an axis of one cell each point lies on that cell.

    Parameters
    ----------
    feature
        Feature maps, ``[B, H, W, C]``.
    region
        ``[R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture. Where ``x2 < x1`` the crop is mirrored; likewise in y.
    image
        Int32 ``[R]``: on which of the ``B`` maps each region lies.
    stride_px
        How many pixels a cell of the map is wide and high.
    crop_size
        Number of points, down and across, before the greatest are taken. Of an odd number the last row or column is
        left out.

    Returns
    -------
    ``[R, ph // 2, pw // 2, C]``, in the common type of ``feature`` and ``region``, at least float32.

    Examples
    --------
    >>> ramp = np.tile(np.arange(4.0)[:, None], (1, 4, 1, 1))
    >>> region = np.array([[0.0, 0, 48, 48]])
    >>> crop_max_pool(ramp, region, np.array([0]), 16, crop_size=(2, 4))[0, 0, :, 0].tolist()
    [1.0, 3.0]
    """
    crop = crop_and_resize(feature, region, image, stride_px, crop_size)
    height, width = crop_size[0] // 2, crop_size[1] // 2
    pairs = crop[:, : 2 * height, : 2 * width].reshape(len(crop), height, 2, width, 2, crop.shape[3])
    return np.asarray(pairs.max(axis=(2, 4)))


def point_weights(start: np.floating, stop: np.floating, cells: int, points: int) -> NDArray[np.floating]:
    """Return how much each cell along an axis counts at each point: ``[points, cells]``; ends are normalised.

    The order of arithmetic is TensorFlow's: an ulp decides whether a point on the edge of the map is outside.
    """
    last = start.dtype.type(cells - 1)
    if points > 1:
        step = (stop - start) * last / start.dtype.type(points - 1)
        at = start * last + np.arange(points, dtype=start.dtype) * step
    else:
        at = np.array([start.dtype.type(0.5) * (start + stop) * last])
    inside = (at >= 0) & (at <= last)
    return np.asarray(hat_weights(np.clip(at, 0, last), cells) * inside[:, None])
