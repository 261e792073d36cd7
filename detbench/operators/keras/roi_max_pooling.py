"""RoI max pooling with static shapes: the rule of the reference's ``roi_max_pool``, a gather of maxima of windows."""

from __future__ import annotations

from typing import Any

from keras import ops

from detbench.operators.keras.gather import as_float
from detbench.operators.keras.maps import by_chunks, divided, on_maps, own_map

__all__ = ["roi_max_pool"]


def roi_max_pool(
    feature: Any, region: Any, stride_px: float, output_size: tuple[int, int] = (7, 7), image: Any = None
) -> Any:
    """Return the greatest values in the bins of each region (Girshick 2015), rounded to cells: ``[B, R, ph, pw, C]``.

    Parameters are those of :func:`~detbench.operators.keras.roi_pooling.roi_align`; there is one kernel.

    Notes
    -----
    A bin may have any number of cells, which is no static shape. So the maxima of all windows whose sides are powers of
    2 are computed first, and a bin is the greatest of four of them that together cover it (a sparse table: Bender and
    Farach-Colton 2000). The table is (⌊log₂ H⌋ + 1)(⌊log₂ W⌋ + 1) times the feature map: 49 times for 64 × 64.
    XLA takes seconds to compile it for a large map.
    """
    on, _ = on_maps([feature], own_map(region) if image is None else image)
    windows, table = _windows(feature)
    corner = _rounded(divided(ops.stop_gradient(as_float(region)), stride_px))
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

    return by_chunks(chunk, (on.first, on.width, down, across), (*output_size, feature.shape[3]), feature.dtype)


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
