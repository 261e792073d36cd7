"""A residual network of a few layers, to be trained from nothing on a CPU in minutes."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers

from detbench.detectors.faster_rcnn.pixels import Pixels

__all__ = ["small_network"]

#: Of each stage from stride 2 on: channels and residual blocks. Objects of 30 to 60 px live at stride 8.
_STAGES = ((16, 0), (32, 1), (64, 3), (128, 2), (256, 1))
_GROUPS = 8


def small_network(normalization: Literal["frozen", "batch", "group"]) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the network and the names of the last layers of its five stages, of strides 2 to 32.

    Plain convolutions only: depthwise ones have few operations but are no faster on a CPU.
    """
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    x = Pixels("tf", name="pixels")(image)
    ends = []
    for number, (channels, blocks) in enumerate(_STAGES, start=1):
        name = f"stage{number}"
        x = _convolved(x, channels, 3, 2, f"{name}_down", normalization)
        x = layers.ReLU(name=f"{name}_down_relu")(x)
        for block in range(1, blocks + 1):
            x = _residual(x, channels, f"{name}_block{block}", normalization)
        ends.append(f"{name}_block{blocks}_relu" if blocks else f"{name}_down_relu")
    return keras.Model(image, x, name="small"), tuple(ends)


def _residual(x: Any, channels: int, name: str, normalization: str) -> Any:
    """Return ``relu(x + f(x))`` with two convolutions in ``f`` (He et al. 2016): ``[B, H, W, channels]``."""
    y = layers.ReLU(name=f"{name}_1_relu")(_convolved(x, channels, 3, 1, f"{name}_1", normalization))
    y = _convolved(y, channels, 3, 1, f"{name}_2", normalization)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def _convolved(x: Any, channels: int, size: int, stride: int, name: str, normalization: str) -> Any:
    """Return a convolution without bias and its normalisation; a picture of even sides keeps its grid at stride 2."""
    x = layers.Conv2D(channels, size, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    if normalization == "group":
        return layers.GroupNormalization(_GROUPS, name=f"{name}_norm")(x)
    return layers.BatchNormalization(momentum=0.97, epsilon=1e-5, name=f"{name}_norm")(x)
