"""What the weights begin with: drawn with NumPy, so the same on every backend, and each kernel from its own name."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
from keras import layers

if TYPE_CHECKING:
    import keras

__all__ = ["draw_kernels"]

#: Standard deviations of the layers that answer (Ren et al. 2015, section 3.1.3; Girshick 2015, section 2.3).
_ANSWERING = {"rpn_hidden": 0.01, "rpn_score": 0.01, "rpn_box": 0.001, "head_score": 0.01, "head_box": 0.001}


def draw_kernels(model: keras.Model, seed: int) -> None:
    """Draw the kernels of all convolutions and dense layers of a model from normal distributions around 0.

    The layers that answer have the deviations that the papers give, those of the pyramid ``1 / √inputs`` (they are
    followed by no ReLU), all others ``√(2 / inputs)`` (He et al. 2015). A kernel depends on ``seed`` and the path of
    its variable alone. Biases and normalisations begin as Keras has them: shifts of 0 and factors of 1.
    """
    for layer in model._flatten_layers(include_self=False):  # noqa: SLF001 – of all layers, also those within layers
        if not isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
            continue
        kernel = layer.kernel
        inputs = math.prod(kernel.shape[:2] if isinstance(layer, layers.DepthwiseConv2D) else kernel.shape[:-1])
        gain = 1.0 if layer.name.startswith("fpn_") else 2.0
        deviation = _ANSWERING.get(layer.name, math.sqrt(gain / inputs))
        name = hashlib.sha256(kernel.path.encode()).digest()
        random = np.random.Generator(np.random.Philox(key=[seed, int.from_bytes(name[:8], "little")]))
        kernel.assign(random.standard_normal(tuple(kernel.shape), dtype=np.float32) * np.float32(deviation))
