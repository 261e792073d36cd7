"""The networks that ImageNet weights exist for, from ``keras.applications``, with names and grids as the weights have.

Each function returns the network, from uint8 pictures to its last map, and the names of the last layers of its five
stages, of strides 2, 4, 8, 16 and 32. Layers have the names that ``keras.applications`` gives them, so its weights
files match by name.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from detbench.detectors.faster_rcnn.pixels import Convention, Pixels

__all__ = ["CONV5_BEGINS_BEHIND", "mobilenet_v1", "mobilenet_v2", "resnet"]

_RESNETS = {"resnet50": (keras.applications.ResNet50, 6), "resnet101": (keras.applications.ResNet101, 23)}

#: Which stage of a ResNet the last one, conv5, stands on: the fourth, of stride 16.
CONV5_BEGINS_BEHIND = 3


def resnet(name: str) -> tuple[keras.Model, tuple[str, ...]]:
    """Return a ResNet (He et al. 2016): conv1 has stride 2, conv2 to conv5 have strides 4 to 32."""
    make, blocks = _RESNETS[name]
    network = make(include_top=False, weights=None, input_tensor=_pixels("caffe"))
    ends = ("conv1_relu", "conv2_block3_out", "conv3_block4_out", f"conv4_block{blocks}_out", "conv5_block3_out")
    return _of_a_tensor(network), ends


def mobilenet_v1(alpha: float) -> tuple[keras.Model, tuple[str, ...]]:
    """Return MobileNet (Howard et al. 2017), as keras.applications trained it."""
    network = keras.applications.MobileNet(
        alpha=alpha, include_top=False, weights=None, input_tensor=_pixels("tf"), dropout=0.0
    )
    return _of_a_tensor(network), tuple(f"conv_pw_{number}_relu" for number in (1, 3, 5, 11, 13))


def mobilenet_v2(alpha: float) -> tuple[keras.Model, tuple[str, ...]]:
    """Return MobileNetV2 (Sandler et al. 2018), as torchvision trained it.

    Keras' network differs from torchvision's in two ways that its weights feel. Batch normalisation adds 1e-3 to the
    variance, torchvision's 1e-5. And at stride 2 Keras pads a picture of even sides below and to the right, torchvision
    on all sides, of which only the pixels above and to the left are ever used: ``((1, 0), (1, 0))``. Here torchvision's
    way is taken, at any even canvas. All its tensors map in order. Weights that Keras trained fit after 0.00099 is
    added to their variances; their grid is off by a pixel at each stride, which costs them little.

    A stage ends with the widened map before the next stride, not with the block's narrow output: it has six times the
    channels, went through a ReLU, and costs no more than the 1 × 1 convolution that makes it. SSDLite takes the same
    (Sandler et al. 2018, section 6.2).
    """
    padded = layers.ZeroPadding2D(((1, 0), (1, 0)), name="Conv1_pad")(_pixels("torch"))
    network = keras.applications.MobileNetV2(alpha=alpha, include_top=False, weights=None, input_tensor=padded)
    network = keras.models.clone_model(network, clone_function=_as_torchvision)
    return _of_a_tensor(network), (*(f"block_{number}_expand_relu" for number in (1, 3, 6, 13)), "out_relu")


def _as_torchvision(layer: Any) -> Any:
    """Return a layer of MobileNetV2 as torchvision has it."""
    changed: dict[str, Any] = {}
    if isinstance(layer, layers.BatchNormalization):
        changed = {"epsilon": 1e-5}
    elif isinstance(layer, layers.ZeroPadding2D):
        changed = {"padding": ((1, 0), (1, 0))}
    elif layer.name == "Conv1":
        changed = {"padding": "valid"}  # it is padded before
    return type(layer).from_config({**layer.get_config(), **changed})


def _of_a_tensor(network: keras.Model) -> keras.Model:
    """Return the same network for pictures as they are: ``keras.applications`` expects a list of one tensor.

    Keras warns of every call that gives it the tensor alone.
    """
    return keras.Model(network.inputs[0], network.output, name=network.name)


def _pixels(convention: Convention) -> Any:
    return Pixels(convention, name="pixels")(keras.Input((None, None, 3), dtype="uint8", name="image"))
