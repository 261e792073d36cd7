"""RoI pooling with static shapes: the rules of the references' ``roi_align``, ``crop_and_resize``, ``roi_max_pool``.

Every answer is a gather: the cells that a bin is made of are rows of one table, ``[cells, C]``, of all pictures and
levels, and a bin is their weighted sum (a product with a row vector) or their maximum. Work does not depend on how
large the maps are, and regions may lie on different ones. It is done :data:`CHUNK` regions at a time: what is gathered
of 1,000 regions at once would be 16 times the answer.

Positions are computed in float32; the answer has the type of the feature map. No gradient flows into regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from keras import ops

from detbench.operators.keras.gather import as_float
from detbench.operators.keras.levels import assign_levels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CHUNK", "crop_and_resize", "crop_max_pool", "multilevel_roi_align", "roi_align", "roi_max_pool"]

#: Regions pooled at a time.
CHUNK = 32


class _Taps(NamedTuple):
    """What each bin takes along one axis: int32 numbers of cells and their weights, ``[B, R, bins, taps]``."""

    cell: Any
    weight: Any


class _Map(NamedTuple):
    """Where the map of each region lies in the table: its first row and its sides in cells; int32 ``[B, R]``."""

    first: Any
    height: Any
    width: Any


def roi_align(
    feature: Any,
    region: Any,
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    aligned: bool = True,
    image: Any = None,
) -> Any:
    """Return the mean values in the bins of each region (He et al. 2017), by the rule of Detectron2 and torchvision.

    Parameters
    ----------
    feature
        ``[B, H, W, C]``; H, W and C are static.
    region
        ``[B, R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture; R is static. Padding is pooled too, whatever it says.
    stride_px
        How many pixels a cell is wide and high.
    output_size
        Number of bins, down and across.
    sampling_ratio
        Points in a bin along each axis, above 0: as many as a region needs is not a static number.
    aligned
        Whether half a cell is subtracted.
    image
        int32 ``[B, R]``: on which map each region lies; that of its own row unless told.

    Returns
    -------
    ``[B, R, ph, pw, C]`` in the type of ``feature``.
    """
    on, table = _on_maps([feature], region, image)
    corner = _divided(ops.stop_gradient(as_float(region)), stride_px)
    return _aligned(table, on, corner, output_size, sampling_ratio, aligned, feature.dtype)


def multilevel_roi_align(
    features: Sequence[Any],
    region: Any,
    strides_px: Sequence[float],
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    *,
    lowest: int = 2,
    canonical_level: int = 4,
    canonical_size_px: float = 224.0,
) -> Any:
    """Return :func:`roi_align`, aligned, of each region on the level of the pyramid that its size assigns it to.

    Parameters
    ----------
    features, strides_px
        Maps ``[B, H, W, C]`` of the levels from ``lowest`` up, and how many pixels a cell of each is wide.
    region
        ``[B, R, 4]`` in pixels.
    output_size, sampling_ratio
        As in :func:`roi_align`.
    lowest, canonical_level, canonical_size_px
        As in :func:`~detbench.operators.keras.levels.assign_levels`.
    """
    region = ops.stop_gradient(as_float(region))
    level = assign_levels(region, lowest, lowest + len(features) - 1, canonical_level, canonical_size_px) - lowest
    on, table = _on_maps(features, region, None, level)
    corner = region / ops.take(as_float(strides_px), level, axis=0)[..., None]
    return _aligned(table, on, corner, output_size, sampling_ratio, True, features[0].dtype)


def crop_and_resize(
    feature: Any, region: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14), image: Any = None
) -> Any:
    """Return the values at a grid of points in each region, by TensorFlow's rule: ``[B, R, ph, pw, C]``.

    Parameters are those of :func:`roi_align`; ``crop_size`` is the number of points, down and across.
    """
    on, table = _on_maps([feature], region, image)
    region = ops.stop_gradient(as_float(region))
    last = np.maximum(np.array(feature.shape[1:3]) - 1, 1)
    corner = _divided(region, as_float((stride_px * last[[1, 0, 1, 0]]).astype(np.float32)))
    down = _points(corner[..., 1], corner[..., 3], on.height, crop_size[0])
    across = _points(corner[..., 0], corner[..., 2], on.width, crop_size[1])
    return _weighted(table, on, down, across, feature.dtype)


def crop_max_pool(
    feature: Any, region: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14), image: Any = None
) -> Any:
    """Return the greatest of each 2 × 2 points of :func:`crop_and_resize`: ``[B, R, ph // 2, pw // 2, C]``."""
    crop = crop_and_resize(feature, region, stride_px, crop_size, image)
    height, width = crop_size[0] // 2, crop_size[1] // 2
    pairs = ops.reshape(
        crop[:, :, : 2 * height, : 2 * width], (*ops.shape(crop)[:2], height, 2, width, 2, crop.shape[-1])
    )
    return ops.max(pairs, axis=(3, 5))


def roi_max_pool(
    feature: Any, region: Any, stride_px: float, output_size: tuple[int, int] = (7, 7), image: Any = None
) -> Any:
    """Return the greatest values in the bins of each region (Girshick 2015), rounded to cells: ``[B, R, ph, pw, C]``.

    Parameters are those of :func:`roi_align`.

    Notes
    -----
    A bin may have any number of cells, which is no static shape. So the maxima of all windows whose sides are powers of
    2 are computed first, and a bin is the greatest of four of them that together cover it (a sparse table: Bender and
    Farach-Colton 2000). The table is (⌊log₂ H⌋ + 1)(⌊log₂ W⌋ + 1) times the feature map: 49 times for 64 × 64.
    """
    on, _ = _on_maps([feature], region, image)
    windows, table = _windows(feature)
    corner = _rounded(_divided(ops.stop_gradient(as_float(region)), stride_px))
    down = _bin_windows(corner[..., 1], corner[..., 3], feature.shape[1], output_size[0])
    across = _bin_windows(corner[..., 0], corner[..., 2], feature.shape[2], output_size[1])

    def chunk(first: Any, width: Any, below: Any, beside: Any) -> Any:
        # below and beside: [n, bins, 4] - first and last window, its power of two, whether there is any cell
        power = below[:, :, None, 2] * windows + beside[:, None, :, 2]
        start = (power * ops.shape(feature)[0] * (feature.shape[1] * feature.shape[2])) + first[:, None, None]
        row, column = below[:, :, None, :2, None], beside[:, None, :, None, :2]
        index = start[..., None, None] + row * width[:, None, None, None, None] + column
        greatest = ops.max(ops.take(table, ops.reshape(index, (-1, 4)), axis=0), axis=1)
        any_cell = ops.reshape(below[:, :, None, 3] * beside[:, None, :, 3], (-1, 1)) > 0
        return ops.where(any_cell, greatest, ops.cast(0, greatest.dtype))

    return _by_chunks(chunk, (on.first, on.width, down, across), output_size, feature.shape[3], feature.dtype)


def _on_maps(features: Sequence[Any], region: Any, image: Any, level: Any = None) -> tuple[_Map, Any]:
    """Return where the map of each region is, and the table of all cells, ``[cells, C]``."""
    batch, channels = ops.shape(features[0])[0], features[0].shape[3]
    if image is None:
        image = ops.broadcast_to(ops.arange(ops.shape(region)[0], dtype="int32")[:, None], ops.shape(region)[:2])
    if level is None:
        level = ops.zeros_like(image)
    table = ops.concatenate([ops.reshape(feature, (-1, channels)) for feature in features], axis=0)
    sides = np.array([feature.shape[1:3] for feature in features], dtype=np.int32)
    cells = sides.prod(axis=1)
    before = np.cumsum(cells) - cells  # of one picture

    def of_level(number: Any) -> Any:
        return ops.take(ops.convert_to_tensor(number.astype(np.int32)), level, axis=0)

    first = of_level(before) * batch + image * of_level(cells)
    return _Map(first, of_level(sides[:, 0]), of_level(sides[:, 1])), table


def _aligned(
    table: Any, on: _Map, corner: Any, output_size: tuple[int, int], sampling_ratio: int, aligned: bool, dtype: Any
) -> Any:
    corner = corner - (0.5 if aligned else 0.0)
    side = corner[..., 2:] - corner[..., :2]
    side = side if aligned else ops.maximum(side, 1.0)
    down = _bins(corner[..., 1], side[..., 1], on.height, output_size[0], sampling_ratio)
    across = _bins(corner[..., 0], side[..., 0], on.width, output_size[1], sampling_ratio)
    return _weighted(table, on, down, across, dtype)


def _bins(start: Any, length: Any, cells: Any, bins: int, points: int) -> _Taps:
    """Return what each bin of an axis takes: the two cells beside each of its points, ``[B, R, bins, 2 · points]``."""
    size = _divided(length, bins)[..., None, None]
    number, point = ops.arange(bins, dtype="float32")[:, None], ops.arange(points, dtype="float32")
    at = start[..., None, None] + number * size + _divided((point + 0.5) * size, points)
    most = ops.cast(cells, "float32")[..., None, None]
    near = ops.logical_and(at >= -1.0, at <= most)
    taps = _beside(ops.clip(at, 0.0, most - 1.0), cells[..., None, None], near)
    return _Taps(taps.cell, taps.weight / points)


def _points(start: Any, stop: Any, cells: Any, points: int) -> _Taps:
    """Return what each point of an axis takes; ends are normalised: ``[B, R, points, 2]``."""
    last = ops.cast(cells, "float32") - 1.0
    if points > 1:
        step = _divided((stop - start) * last, points - 1)
        at = (start * last)[..., None] + ops.arange(points, dtype="float32") * step[..., None]
    else:
        at = (0.5 * (start + stop) * last)[..., None]
    at, last = at[..., None], last[..., None, None]
    inside = ops.logical_and(at >= 0.0, at <= last)
    return _beside(ops.clip(at, 0.0, last), cells[..., None, None], inside)


def _divided(number: Any, constant: Any) -> Any:
    """Return ``number / constant``, rounded once.

    Compilers turn a division by a constant into a product with its reciprocal, which is rounded twice, and an ulp
    decides whether a point on the edge of a map is outside. So the divisor is made to look as if it depended on the
    number.
    """
    return number / (constant + 0.0 * number)


def _beside(at: Any, cells: Any, counts: Any) -> _Taps:
    """Return the cells before and behind each position and how near they are; what does not count weighs 0."""
    at = ops.where(counts, at, 0.0)  # NaN has no cell
    before = ops.floor(at)
    behind = at - before
    cell = ops.cast(before, "int32")
    weight = ops.where(counts, 1.0 - behind, 0.0), ops.where(counts, behind, 0.0)
    return _Taps(ops.concatenate([cell, ops.minimum(cell + 1, cells - 1)], axis=-1), ops.concatenate(weight, axis=-1))


def _weighted(table: Any, on: _Map, down: _Taps, across: _Taps, dtype: Any) -> Any:
    """Return the weighted sums of the cells of each bin, ``[B, R, ph, pw, C]``."""
    size, taps = (down.cell.shape[2], across.cell.shape[2]), down.cell.shape[3] * across.cell.shape[3]

    def chunk(first: Any, width: Any, row: Any, row_weight: Any, column: Any, column_weight: Any) -> Any:
        row = first[:, None, None] + row * width[:, None, None]
        index = ops.reshape(row[:, :, None, :, None] + column[:, None, :, None, :], (-1, taps))
        weight = ops.reshape(row_weight[:, :, None, :, None] * column_weight[:, None, :, None, :], (-1, 1, taps))
        return ops.matmul(weight, ops.cast(ops.take(table, index, axis=0), "float32"))

    return _by_chunks(chunk, (on.first, on.width, *down, *across), size, table.shape[1], dtype)


def _by_chunks(
    pooled: Callable[..., Any], inputs: tuple[Any, ...], output_size: tuple[int, int], channels: int, dtype: Any
) -> Any:
    """Return ``pooled(*inputs)`` of ``[B, R, …]``, a chunk ``[CHUNK, …]`` at a time: ``[B, R, ph, pw, C]``."""
    regions = inputs[0].shape[1]
    if regions == 0:
        return ops.zeros((ops.shape(inputs[0])[0], 0, *output_size, channels), dtype)
    size = min(CHUNK, regions)
    padded = -(-regions // size) * size

    def chunks(tensor: Any) -> Any:
        rest = tensor.shape[2:]
        tensor = ops.pad(tensor, ((0, 0), (0, padded - regions), *((0, 0) for _ in rest)))
        return ops.reshape(tensor, (-1, size, *rest))

    def chunk(parts: tuple[Any, ...]) -> Any:
        return ops.cast(ops.reshape(pooled(*parts), (size, *output_size, channels)), dtype)

    answer = ops.map(chunk, tuple(chunks(tensor) for tensor in inputs))
    return ops.reshape(answer, (-1, padded, *output_size, channels))[:, :regions]


def _windows(feature: Any) -> tuple[int, Any]:
    """Return the greatest value of every window that begins at a cell and has powers of 2 as sides.

    A table ``[powers · B · H · W, C]`` of row powers by column powers, and the number of column powers. A window that
    does not fit holds the maximum of what is left of it.
    """
    down = _doubled(feature, axis=1)
    both = [window for rows in down for window in _doubled(rows, axis=2)]
    table = ops.concatenate([ops.reshape(window, (-1, feature.shape[3])) for window in both], axis=0)
    return len(both) // len(down), table


def _doubled(feature: Any, axis: int) -> list[Any]:
    cells, windows = feature.shape[axis], [feature]
    while 2 ** len(windows) <= cells:
        half = 2 ** (len(windows) - 1)
        later = ops.minimum(ops.arange(cells, dtype="int32") + half, cells - 1)
        windows.append(ops.maximum(windows[-1], ops.take(windows[-1], later, axis=axis)))
    return windows


def _rounded(value: Any) -> Any:
    """Return the nearest whole numbers, halves away from 0, int32."""
    whole = ops.trunc(value)
    return ops.cast(whole + ops.trunc(2 * (value - whole)), "int32")


def _bin_windows(first: Any, last: Any, cells: int, bins: int) -> Any:
    """Return the two windows that cover each bin of an axis: int32 ``[B, R, bins, 4]``.

    The first cell of each, the power of 2 that they are long, and whether the bin has any cell.
    """
    side = ops.maximum(last - first + 1, 1)[..., None]
    number = ops.arange(bins, dtype="int32")
    begin = first[..., None] + number * side // bins
    end = first[..., None] + ((number + 1) * side + bins - 1) // bins
    begin, end = (ops.clip(each, 0, cells) for each in (begin, end))
    length = end - begin
    power = ops.zeros_like(length)
    for exponent in range(1, cells.bit_length()):
        power = power + ops.cast(length >= 2**exponent, "int32")
    behind = ops.take(ops.convert_to_tensor([2**exponent for exponent in range(cells.bit_length())]), power, axis=0)
    start = ops.minimum(begin, cells - 1), ops.clip(end - ops.cast(behind, "int32"), 0, cells - 1)
    return ops.stack([*start, power, ops.cast(length > 0, "int32")], axis=-1)
