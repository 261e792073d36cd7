"""RoI pooling by interpolation, with static shapes: the rules of the references' ``roi_align`` and ``crop_and_resize``.

Every answer is a gather: the cells that a bin is made of are rows of one table, ``[cells, C]``, of all pictures and
levels, and a bin is their weighted sum, a product with a row vector. Work does not depend on how large the maps are,
and regions may lie on different ones.

Positions are computed in float32; the answer has the type of the feature map. No gradient flows into regions.

On TensorFlow's backend ``kernel="auto"`` calls TensorFlow's own ``crop_and_resize`` where it can be called and makes
the same answer of it, several times as fast: a graph runs step by step, and writes what is gathered, 16 times the
answer, to memory and reads it again, forward and backward. The kernel does not exist under XLA, which needs no help: it
merges the steps. There, on other backends, and where ``kernel="portable"`` asks for it, the gather answers. The hard
cases are asked of both.

The gradient is not TensorFlow's: on several threads its ``CropAndResizeGradImage`` adds to a cell without a lock, and
loses some of what it should add. On small maps it is two products with dense matrices instead, across and then down,
since a bin's weights are the product of those of its rows and columns; on large maps, where these would not fit into
memory, one with a sparse matrix. Neither loses anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import keras
import numpy as np
from keras import ops

from detbench.operators.keras.gather import as_float
from detbench.operators.keras.levels import assign_levels
from detbench.operators.keras.maps import Map, by_chunks, divided, on_maps, own_map

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Kernel", "crop_and_resize", "crop_max_pool", "multilevel_roi_align", "roi_align"]

#: Whether TensorFlow's own kernel is called where it can be.
Kernel = Literal["auto", "portable"]

#: Regions further away than this many pixels are as good as infinitely far, and their differences are still numbers.
_FARTHEST_PX = 1e18

#: Numbers of a picture that the gradient by dense matrices may hold between its two products: 32 MB.
_DENSE = 1 << 23


class _Taps(NamedTuple):
    """What each bin takes along one axis: int32 numbers of cells and their weights, ``[B, R, bins, taps]``."""

    cell: Any
    weight: Any


def roi_align(
    feature: Any,
    region: Any,
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    aligned: bool = True,
    image: Any = None,
    kernel: Kernel = "auto",
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
    kernel
        ``"auto"``: TensorFlow's own where it can be called; ``"portable"``: the gather. The answers are the same but
        for rounding. TensorFlow's holds all points of all regions at once: 4 times the answer for 2 × 2 points a bin.

    Returns
    -------
    ``[B, R, ph, pw, C]`` in the type of ``feature``.
    """
    own_maps, image = image is None, own_map(region) if image is None else image
    on, table = on_maps([feature], image)
    corner = divided(ops.stop_gradient(as_float(region)), stride_px)
    taps = _aligned(on, corner, output_size, sampling_ratio, aligned)
    if kernel == "auto" and _tensorflow_can():
        settings: dict[str, Any] = {"output_size": output_size, "sampling_ratio": sampling_ratio, "aligned": aligned}
        where = [feature], [stride_px], region, image, ops.zeros_like(image), (on, *taps)
        return _by_tensorflow("average_of_crops", *where, own_maps=own_maps, **settings)
    return _weighted(table, on, *taps, feature.dtype)


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
    kernel: Kernel = "auto",
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
    kernel
        As in :func:`roi_align`; TensorFlow's takes one map, and is called once for each.
    """
    region = ops.stop_gradient(as_float(region))
    level = assign_levels(region, lowest, lowest + len(features) - 1, canonical_level, canonical_size_px) - lowest
    image = own_map(region)
    on, table = on_maps(features, image, level)
    corner = region / ops.take(as_float(strides_px), level, axis=0)[..., None]
    taps = _aligned(on, corner, output_size, sampling_ratio, True)
    if kernel == "auto" and _tensorflow_can():
        settings: dict[str, Any] = {"output_size": output_size, "sampling_ratio": sampling_ratio, "aligned": True}
        where = features, strides_px, region, image, level, (on, *taps)
        return _by_tensorflow("average_of_crops", *where, **settings)
    return _weighted(table, on, *taps, features[0].dtype)


def crop_and_resize(
    feature: Any,
    region: Any,
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
    image: Any = None,
    kernel: Kernel = "auto",
) -> Any:
    """Return the values at a grid of points in each region, by TensorFlow's rule: ``[B, R, ph, pw, C]``.

    Parameters are those of :func:`roi_align`; ``crop_size`` is the number of points, down and across.
    """
    return _cropped(feature, region, stride_px, crop_size, image, kernel)


def crop_max_pool(
    feature: Any,
    region: Any,
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
    image: Any = None,
    kernel: Kernel = "auto",
) -> Any:
    """Return the greatest of each 2 × 2 points of :func:`crop_and_resize`: ``[B, R, ph // 2, pw // 2, C]``."""
    return _cropped(feature, region, stride_px, crop_size, image, kernel, _greatest_of_pairs)


def _tensorflow_can() -> bool:
    """Return whether TensorFlow's kernels can be called here: on its backend, unless XLA compiles, which has no crop.

    What TensorFlow knows of itself while it traces has no public name. Without that name, the gather answers.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_util  # nothing public says it

    compiles = getattr(control_flow_util, "GraphOrParentsInXlaContext", None)
    return compiles is not None and not compiles(tf.compat.v1.get_default_graph())


def _by_tensorflow(
    name: str,
    features: Sequence[Any],
    strides_px: Sequence[float],
    region: Any,
    image: Any,
    level: Any,
    taps: tuple[Map, _Taps, _Taps],
    *,
    own_maps: bool = True,
    **settings: Any,
) -> Any:
    """Return the answer ``[B, R, ph, pw, C]`` of the function of this name in :mod:`detbench.operators.tensorflow`.

    It is made of ``tf.image.crop_and_resize``, which takes regions of numbers only: others are moved off the map, where
    everything is 0. Each map is asked for the regions of its level. The gradient is made of the taps that the answer
    is the weighted sum of.
    """
    import tensorflow as tf

    from detbench.operators import tensorflow as theirs

    on, down, across = taps
    region = ops.stop_gradient(as_float(region))
    finite = ops.all(ops.isfinite(region), axis=-1, keepdims=True)
    region = ops.where(finite, ops.clip(region, -_FARTHEST_PX, _FARTHEST_PX), -_FARTHEST_PX)
    count, channels = region.shape[1], features[0].shape[3]
    held = count * down.cell.shape[2] * max(feature.shape[2] for feature in features) * channels
    dense = own_maps and held <= _DENSE

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def pooled(*features: Any) -> tuple[Any, Callable[[Any], Any]]:
        flat, maps = tf.reshape(region, (-1, 4)), tf.reshape(image, (-1,))
        answers, numbers = [], []
        for place, (feature, stride_px) in enumerate(zip(features, strides_px, strict=True)):
            number = tf.where(tf.reshape(level, (-1,)) == place)[:, 0] if len(features) > 1 else tf.range(tf.size(maps))
            its = tf.gather(flat, number), tf.gather(maps, number)
            answers.append(getattr(theirs, name)(feature, *its, stride_px=stride_px, **settings))
            numbers.append(tf.cast(number, tf.int32))
        order = tf.math.invert_permutation(tf.concat(numbers, axis=0))
        answer = tf.gather(tf.concat(answers, axis=0), order) if len(features) > 1 else answers[0]

        def gradient(upstream: Any) -> Any:
            if dense:
                upstream = tf.reshape(upstream, (-1, count, *upstream.shape[1:]))
                spread = []
                for place, feature in enumerate(features):
                    weight = tf.where((level == place)[..., None, None], down.weight, 0.0)
                    spread.append(_spread(upstream, _Taps(down.cell, weight), across, feature.shape[1:3]))
                return spread
            index, weight = _all_taps(on.first, on.width, *down, *across)
            sizes = [tf.reduce_prod(tf.shape(feature)[:3]) for feature in features]
            bins, cells = tf.size(index) // index.shape[-1], tf.add_n(sizes)
            number = tf.repeat(tf.range(bins), index.shape[-1])
            place = tf.cast(tf.stack([number, tf.reshape(index, (-1,))], axis=1), tf.int64)
            matrix = tf.SparseTensor(place, tf.reshape(weight, (-1,)), tf.cast(tf.stack([bins, cells]), tf.int64))
            upstream = tf.reshape(upstream, (-1, channels))
            table = tf.split(tf.sparse.sparse_dense_matmul(matrix, upstream, adjoint_a=True), tf.stack(sizes))
            return [tf.reshape(part, tf.shape(feature)) for part, feature in zip(table, features, strict=True)]

        return answer, gradient

    answer = pooled(*(ops.cast(feature, "float32") for feature in features))
    return ops.cast(ops.reshape(answer, (-1, count, *answer.shape[1:])), features[0].dtype)


def _spread(upstream: Any, down: _Taps, across: _Taps, sides: Sequence[int]) -> Any:
    """Return the gradient of maps ``[B, H, W, C]`` from that of bins, ``[B, R, ph, pw, C]``; sides are H and W."""
    (height, width), (regions, high, _, channels) = sides, upstream.shape[1:]
    rows_of = ops.reshape(_all_cells(down, height), (-1, regions * high, height))
    columns = _all_cells(across, width)[:, :, None]  # [B, R, 1, pw, W]
    filled = ops.matmul(ops.swapaxes(columns, -1, -2), upstream)  # [B, R, ph, W, C]
    filled = ops.reshape(filled, (-1, regions * high, width * channels))
    return ops.reshape(ops.matmul(ops.swapaxes(rows_of, -1, -2), filled), (-1, height, width, channels))


def _all_cells(taps: _Taps, cells: int) -> Any:
    """Return what each bin takes of every cell of an axis, 0 where nothing: ``[B, R, bins, cells]``."""
    is_it = ops.cast(taps.cell[..., None] == ops.arange(cells, dtype="int32"), "float32")
    return ops.sum(is_it * taps.weight[..., None], axis=-2)


def _all_taps(first: Any, width: Any, row: Any, row_weight: Any, column: Any, column_weight: Any) -> tuple[Any, Any]:
    """Return the numbers of the cells of each bin in the table and their weights, ``[…, ph, pw, taps]``."""
    row = first[..., None, None] + row * width[..., None, None]
    index = row[..., :, None, :, None] + column[..., None, :, None, :]
    weight = row_weight[..., :, None, :, None] * column_weight[..., None, :, None, :]
    taps = row.shape[-1] * column.shape[-1]
    return tuple(ops.reshape(part, (-1, *row.shape[-3:-1], column.shape[-2], taps)) for part in (index, weight))


def _cropped(
    feature: Any,
    region: Any,
    stride_px: float,
    crop_size: tuple[int, int],
    image: Any,
    kernel: Kernel,
    pooled: Callable[[Any], Any] = lambda crop: crop,
) -> Any:
    """Return ``pooled`` of the crops, which is given ``[n, ph, pw, C]``."""
    own_maps, image = image is None, own_map(region) if image is None else image
    on, table = on_maps([feature], image)
    last = np.maximum(np.array(feature.shape[1:3]) - 1, 1)
    sides_px = as_float((stride_px * last[[1, 0, 1, 0]]).astype(np.float32))
    corner = divided(ops.stop_gradient(as_float(region)), sides_px)
    down = _points(corner[..., 1], corner[..., 3], on.height, crop_size[0])
    across = _points(corner[..., 0], corner[..., 2], on.width, crop_size[1])
    if kernel == "auto" and _tensorflow_can():
        where = [feature], [stride_px], region, image, ops.zeros_like(image), (on, down, across)
        crop = _by_tensorflow("crop_and_resize", *where, own_maps=own_maps, crop_size=crop_size)
        crop = pooled(ops.reshape(crop, (-1, *crop.shape[2:])))
        return ops.reshape(crop, (-1, region.shape[1], *crop.shape[1:]))
    return _weighted(table, on, down, across, feature.dtype, pooled)


def _greatest_of_pairs(crop: Any) -> Any:
    """Return the greatest of each 2 × 2 points of ``[n, ph, pw, C]``; of an odd number the last is left out."""
    height, width = crop.shape[1] // 2 * 2, crop.shape[2] // 2 * 2
    rows = ops.maximum(crop[:, 0:height:2, :width], crop[:, 1:height:2, :width])
    return ops.maximum(rows[:, :, 0::2], rows[:, :, 1::2])


def _aligned(
    on: Map, corner: Any, output_size: tuple[int, int], sampling_ratio: int, aligned: bool
) -> tuple[_Taps, _Taps]:
    """Return what the bins of RoIAlign take, down and across; corners are in cells."""
    corner = corner - (0.5 if aligned else 0.0)
    side = corner[..., 2:] - corner[..., :2]
    side = side if aligned else ops.maximum(side, 1.0)
    down = _bins(corner[..., 1], side[..., 1], on.height, output_size[0], sampling_ratio)
    return down, _bins(corner[..., 0], side[..., 0], on.width, output_size[1], sampling_ratio)


def _bins(start: Any, length: Any, cells: Any, bins: int, points: int) -> _Taps:
    """Return what each bin of an axis takes: the two cells beside each of its points, ``[B, R, bins, 2 · points]``."""
    size = divided(length, bins)[..., None, None]
    number, point = ops.arange(bins, dtype="float32")[:, None], ops.arange(points, dtype="float32")
    at = start[..., None, None] + number * size + divided((point + 0.5) * size, points)
    most = ops.cast(cells, "float32")[..., None, None]
    near = ops.logical_and(at >= -1.0, at <= most)
    taps = _beside(ops.clip(at, 0.0, most - 1.0), cells[..., None, None], near)
    return _Taps(taps.cell, taps.weight / points)


def _points(start: Any, stop: Any, cells: Any, points: int) -> _Taps:
    """Return what each point of an axis takes; ends are normalised: ``[B, R, points, 2]``."""
    last = ops.cast(cells, "float32") - 1.0
    if points > 1:
        step = divided((stop - start) * last, points - 1)
        at = (start * last)[..., None] + ops.arange(points, dtype="float32") * step[..., None]
    else:
        at = (0.5 * (start + stop) * last)[..., None]
    at, last = at[..., None], last[..., None, None]
    inside = ops.logical_and(at >= 0.0, at <= last)
    return _beside(ops.clip(at, 0.0, last), cells[..., None, None], inside)


def _beside(at: Any, cells: Any, counts: Any) -> _Taps:
    """Return the cells before and behind each position and how near they are; what does not count weighs 0."""
    at = ops.where(counts, at, 0.0)  # NaN has no cell
    before = ops.floor(at)
    behind = at - before
    cell = ops.cast(before, "int32")
    weight = ops.where(counts, 1.0 - behind, 0.0), ops.where(counts, behind, 0.0)
    return _Taps(ops.concatenate([cell, ops.minimum(cell + 1, cells - 1)], axis=-1), ops.concatenate(weight, axis=-1))


def _weighted(
    table: Any, on: Map, down: _Taps, across: _Taps, dtype: Any, pooled: Callable[[Any], Any] = lambda bins: bins
) -> Any:
    """Return ``pooled`` of the weighted sums of the cells of each bin, ``[n, ph, pw, C]``: ``[B, R, …, C]``."""
    size, taps = (down.cell.shape[2], across.cell.shape[2]), down.cell.shape[3] * across.cell.shape[3]

    def chunk(*parts: Any) -> Any:
        index, weight = (ops.reshape(part, (-1, taps)) for part in _all_taps(*parts))
        value = ops.matmul(weight[:, None], ops.cast(ops.take(table, index, axis=0), "float32"))
        return pooled(ops.reshape(value, (-1, *size, table.shape[1])))

    shape = pooled(np.zeros((1, *size, table.shape[1]), dtype=np.float32)).shape[1:]
    return by_chunks(chunk, (on.first, on.width, *down, *across), tuple(shape), dtype)
