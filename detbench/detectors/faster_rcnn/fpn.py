"""The feature pyramid (Lin et al. 2017, "Feature Pyramid Networks for Object Detection", figure 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_fpn"]


def build_fpn(channels_in: Sequence[int], levels: Sequence[int], channels: int, highest: int) -> keras.Model:
    """Return the network from the backbone's maps to the pyramid's, the finest first.

    A 1 × 1 convolution brings each map to ``channels``; from the coarsest down, each is enlarged twice (nearest cell)
    and added to the next finer one; a 3 × 3 convolution smooths every sum. Levels above the backbone's are every second
    cell of the one below, what the paper makes with max-pooling of size 1 and stride 2; only the RPN uses them.

    Parameters
    ----------
    channels_in, levels
        Channels and levels of the backbone's maps ``[B, H / 2^level, W / 2^level, C]``, consecutive, the finest first.
        ``H`` and ``W`` divide by the coarsest stride.
    channels
        Of every map of the pyramid.
    highest
        Of the pyramid's levels.
    """
    dtype = keras.config.dtype_policy().compute_dtype
    maps = [
        keras.Input((None, None, count), dtype=dtype, name=f"fpn_input{level}")
        for count, level in zip(channels_in, levels, strict=True)
    ]
    merged: Any = None
    outputs: list[Any] = []
    for map_, level in reversed(list(zip(maps, levels, strict=True))):
        lateral = layers.Conv2D(channels, 1, name=f"fpn_lateral{level}")(map_)
        if merged is not None:
            larger = layers.UpSampling2D(2, name=f"fpn_larger{level}")(merged)
            lateral = layers.Add(name=f"fpn_sum{level}")([lateral, larger])
        merged = lateral
        outputs.insert(0, layers.Conv2D(channels, 3, padding="same", name=f"fpn_output{level}")(merged))
    for level in range(levels[-1] + 1, highest + 1):
        outputs.append(layers.MaxPooling2D(1, 2, name=f"fpn_output{level}")(outputs[-1]))
    return keras.Model(maps, outputs, name="fpn")
