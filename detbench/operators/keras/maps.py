"""Regions on feature maps: where the map of each lies in a table of all cells, and pooling a few of them at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CHUNK", "Map", "by_chunks", "divided", "on_maps", "own_map"]

#: Regions pooled at a time: what is gathered of 1,000 regions at once would be 16 times the answer.
CHUNK = 32


class Map(NamedTuple):
    """Where the map of each region lies in the table: its first row and its sides in cells; int32 ``[B, R]``."""

    first: Any
    height: Any
    width: Any


def own_map(region: Any) -> Any:
    """Return the number of each region's row, int32 ``[B, R]``."""
    return ops.broadcast_to(ops.arange(ops.shape(region)[0], dtype="int32")[:, None], ops.shape(region)[:2])


def on_maps(features: Sequence[Any], image: Any, level: Any = None) -> tuple[Map, Any]:
    """Return where the map of each region is, and the table of all cells, ``[cells, C]``."""
    batch, channels = ops.shape(features[0])[0], features[0].shape[3]
    if level is None:
        level = ops.zeros_like(image)
    table = ops.concatenate([ops.reshape(feature, (-1, channels)) for feature in features], axis=0)
    sides = np.array([feature.shape[1:3] for feature in features], dtype=np.int32)
    cells = sides.prod(axis=1)
    before = np.cumsum(cells) - cells  # of one picture

    def of_level(number: Any) -> Any:
        return ops.take(ops.convert_to_tensor(number.astype(np.int32)), level, axis=0)

    first = of_level(before) * batch + image * of_level(cells)
    return Map(first, of_level(sides[:, 0]), of_level(sides[:, 1])), table


def divided(number: Any, constant: Any) -> Any:
    """Return ``number / constant``, rounded once.

    Compilers turn a division by a constant into a product with its reciprocal, which is rounded twice, and an ulp
    decides whether a point on the edge of a map is outside. So the divisor is made to look as if it depended on the
    number.
    """
    return number / (constant + 0.0 * number)


def by_chunks(
    pooled: Callable[..., Any], inputs: tuple[Any, ...], output_shape: tuple[int, int, int], dtype: Any
) -> Any:
    """Return ``pooled(*inputs)`` of ``[B, R, …]``, a chunk ``[CHUNK, …]`` at a time: ``[B, R, ph, pw, C]``."""
    regions = inputs[0].shape[1]
    if regions == 0:
        return ops.zeros((ops.shape(inputs[0])[0], 0, *output_shape), dtype)
    size = min(CHUNK, regions)
    padded = -(-regions // size) * size

    def chunks(tensor: Any) -> Any:
        rest = tensor.shape[2:]
        tensor = ops.pad(tensor, ((0, 0), (0, padded - regions), *((0, 0) for _ in rest)))
        return ops.reshape(tensor, (-1, size, *rest))

    def chunk(parts: tuple[Any, ...]) -> Any:
        return ops.cast(ops.reshape(pooled(*parts), (size, *output_shape)), dtype)

    answer = ops.map(chunk, tuple(chunks(tensor) for tensor in inputs))
    return ops.reshape(answer, (-1, padded, *output_shape))[:, :regions]
