"""Whose names are whose: from the arrays of a file to the variables of a backbone.

What a network makes of its weights depends on more than their shapes: how pixels are scaled, where a stride stands,
what batch normalisation adds to a variance. Each backbone here has one way, that of the weights that are easiest to
have: ``keras.applications`` for ResNets and MobileNet, torchvision for MobileNetV2. Weights of the other kind are
converted where that is exact, and refused where it is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np

from detbench.detectors.faster_rcnn.pixels import Pixels
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detbench.detectors.recipes.settings import ModelSettings

__all__ = [
    "Origin",
    "from_keras",
    "from_own",
    "from_torchvision",
    "keras_mobilenet_v2_as_torchvision",
    "refuse_foreign",
    "without_prefix",
]

Origin = Literal["keras", "torchvision", "own"]

#: A variable's name in Keras → a tensor's in PyTorch.
_LEAVES = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

#: MobileNetV2's layers in ``keras.applications`` that are no part of a numbered block → torchvision's modules.
_SINGLE = {
    "Conv1": "features.0.0",
    "bn_Conv1": "features.0.1",
    "expanded_conv_depthwise": "features.1.conv.0.0",
    "expanded_conv_depthwise_BN": "features.1.conv.0.1",
    "expanded_conv_project": "features.1.conv.1",
    "expanded_conv_project_BN": "features.1.conv.2",
    "Conv_1": "features.18.0",
    "Conv_1_bn": "features.18.1",
}
_IN_BLOCK = {
    "expand": "0.0",
    "expand_BN": "0.1",
    "depthwise": "1.0",
    "depthwise_BN": "1.1",
    "project": "2",
    "project_BN": "3",
}

#: What batch normalisation adds to a variance in Keras' MobileNetV2, and in torchvision's.
_KERAS_EPSILON, _TORCH_EPSILON = 1e-3, 1e-5


def refuse_foreign(settings: ModelSettings, origin: Origin) -> None:
    """Raise UsageError, with the reason, for weights that this backbone's network would make nonsense of."""
    if settings.backbone == "small" and origin != "own":
        raise UsageError("the backbone 'small' is detbench's own: it takes weights from an .npz of ours only")
    if origin != "torchvision" or settings.backbone == "mobilenet_v2":
        return
    if settings.backbone == "mobilenet_v1":
        raise UsageError("torchvision has no MobileNet (v1), so a .pth fits no mobilenet_v1; take an .h5 of Keras")
    raise UsageError(
        f"a .pth fits no {settings.backbone}: torchvision's ResNets have the stride in the 3 × 3 convolution and take "
        "other pixels, and this one is that of keras.applications, with the stride in the 1 × 1; with the names of the "
        "one and the grid of the other the features would be wrong; take an .h5 of Keras"
    )


def from_own(path: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """Return the array of the variable ``path`` from a checkpoint of ours."""
    return arrays.get(f"model/{path}")


def from_keras(path: str, number: int, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """Return the array of the variable ``path``, its layer's ``number``-th, from a file of Keras."""
    layer, _, leaf = path.rpartition("/")
    for name in (path, f"{layer}/depthwise_{leaf}", f"{layer}/{number}"):
        if name in arrays:
            return arrays[name]
    return None


def from_torchvision(path: str, depthwise: bool, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """Return the array of MobileNetV2's variable ``path`` from torchvision's, in Keras' order of axes.

    A kernel is ``[out, in, height, width]`` there and ``[height, width, in, out]`` here; a depthwise one is
    ``[channels, 1, height, width]`` there and ``[height, width, channels, 1]`` here.
    """
    layer, _, leaf = path.rpartition("/")
    module = _module(layer)
    tensor = arrays.get(f"{module}.{_LEAVES.get(leaf, leaf)}") if module else None
    if tensor is None or leaf != "kernel":
        return tensor
    return tensor.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)) if tensor.ndim == 4 else tensor  # noqa: PLR2004


def _module(layer: str) -> str | None:
    if block := re.fullmatch(r"block_(\d+)_(\w+)", layer):
        part = _IN_BLOCK.get(block[2])
        return f"features.{int(block[1]) + 1}.conv.{part}" if part else None
    return _SINGLE.get(layer)


def without_prefix(arrays: Mapping[str, NDArray[Any]], known: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of the part of a larger model that holds ``known``: ``module.features.0.0.weight``."""
    names = sorted((name for name in arrays if name == known or name.endswith(f".{known}")), key=len)
    prefix = names[0].removesuffix(known) if names else ""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def keras_mobilenet_v2_as_torchvision(values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return weights that ``keras.applications`` trained, by variable path, for the network as torchvision has it.

    Pixels: Keras' are ``a · x + b`` of torchvision's ``x``, channel by channel. The first convolution takes ``a`` into
    its kernel and what ``b`` sums to into the mean that the normalisation behind it takes away: exact, but where zeros
    stand around the picture, which are grey in Keras and the mean colour here. Variances: Keras adds 1e-3, this network
    1e-5, so they get the difference. The grid: Keras pads a picture below and to the right, and this network above and
    to the left, so a map shows the picture a pixel of the map before it further down and to the right; that is the
    same for every picture, and training takes it into account.
    """
    black_and_white = np.asarray([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(3, axis=3)
    of_keras, of_torch = (
        np.asarray(keras.ops.convert_to_numpy(Pixels(way, dtype="float32")(black_and_white)), np.float64)[0, 0]
        for way in ("tf", "torch")
    )
    scale = (of_keras[1] - of_keras[0]) / (of_torch[1] - of_torch[0])
    shift = of_keras[0] - scale * of_torch[0]
    kernel = values["Conv1/kernel"].astype(np.float64)  # [3, 3, 3, out]
    changed = {
        path: array + np.asarray(_KERAS_EPSILON - _TORCH_EPSILON, array.dtype)
        if path.endswith("/moving_variance")
        else array
        for path, array in values.items()
    }
    changed["Conv1/kernel"] = kernel * scale[:, None]
    changed["bn_Conv1/moving_mean"] = values["bn_Conv1/moving_mean"] - np.einsum("hwio,i->o", kernel, shift)
    return changed
