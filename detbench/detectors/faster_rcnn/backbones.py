"""Backbones: from a picture to one map a stride, cut where the neck needs it, frozen as the recipe says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import keras

from detbench.detectors.faster_rcnn.pretrained_networks import (
    CONV5_BEGINS_BEHIND,
    mobilenet_v1,
    mobilenet_v2,
    resnet,
)
from detbench.detectors.faster_rcnn.small_network import small_network
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import ModelSettings

__all__ = ["HIGHEST_LEVEL", "Backbone", "backbone_levels", "build_backbone"]

#: The last stage of every network has stride 2⁵.
HIGHEST_LEVEL = 5

_LOWEST_OF_A_PYRAMID = 2


class Backbone(NamedTuple):
    """A backbone and what else its weights are for.

    ``maps`` – from uint8 ``[B, H, W, 3]`` to a list of maps ``[B, H / stride, W / stride, C]``, the finest first.
    ``conv5`` – the last stage, from maps of stride 16 to maps of stride 32, where regions go through it; else None.
    ``pretrained`` – the network from the picture to the last layer that is used, that ImageNet weights are loaded into.
    """

    maps: keras.Model
    conv5: keras.Model | None
    pretrained: keras.Model


def backbone_levels(settings: ModelSettings) -> tuple[int, ...]:
    """Return the levels whose maps the backbone gives; a map of level ``k`` has stride ``2 ** k``.

    Raises
    ------
    UsageError
        Of a pyramid, levels that cannot be.
    """
    if settings.neck == "c4":
        return (settings.stride_px.bit_length() - 1,)
    lowest, highest = settings.fpn_levels
    if not _LOWEST_OF_A_PYRAMID <= lowest <= min(highest, HIGHEST_LEVEL) or highest > HIGHEST_LEVEL + 1:
        raise UsageError(
            f"fpn_levels ({lowest}, {highest}) are not levels of a pyramid; take two of 2 to 6, the lower first"
        )
    return tuple(range(lowest, min(highest, HIGHEST_LEVEL) + 1))


def build_backbone(settings: ModelSettings) -> Backbone:
    """Return the backbone of a model, with weights that are yet to be drawn or loaded.

    Raises
    ------
    UsageError
        For settings that contradict each other.
    """
    is_resnet = settings.backbone in {"resnet50", "resnet101"}
    if settings.normalization == "group" and settings.backbone != "small":
        raise UsageError(f"{settings.backbone} has no group normalization; take normalization = 'frozen' or 'batch'")
    with_conv5 = settings.head.kind == "conv5"
    if with_conv5 and not (
        is_resnet and settings.neck == "c4" and settings.stride_px == 2 ** (CONV5_BEGINS_BEHIND + 1)
    ):
        raise UsageError("a head of kind 'conv5' needs a ResNet with neck = 'c4' and stride_px = 16")
    network, ends = _network(settings)
    _freeze(network, ends, settings)
    maps = [network.get_layer(ends[level - 1]).output for level in backbone_levels(settings)]
    backbone = keras.Model(network.input, maps, name="backbone")
    if not with_conv5:
        return Backbone(backbone, None, backbone)
    before = network.get_layer(ends[CONV5_BEGINS_BEHIND]).output
    return Backbone(backbone, keras.Model(before, network.output, name="conv5"), network)


def _network(settings: ModelSettings) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the whole network and the names of the last layers of its stages."""
    if settings.backbone == "small":
        return small_network(settings.normalization)
    if settings.backbone == "mobilenet_v1":
        return mobilenet_v1(settings.alpha)
    if settings.backbone == "mobilenet_v2":
        return mobilenet_v2(settings.alpha)
    return resnet(settings.backbone)


def _freeze(network: keras.Model, ends: tuple[str, ...], settings: ModelSettings) -> None:
    """Keep the first stages as they are, and batch normalisation everywhere if it is frozen.

    A batch normalisation that is not trainable also uses the statistics it was given when the model trains: so Keras
    has it.
    """
    stage = 0
    for layer in network.layers:  # in the order of the computation
        still = stage < settings.frozen_stages
        if still or (settings.normalization == "frozen" and isinstance(layer, keras.layers.BatchNormalization)):
            layer.trainable = False
        if stage < len(ends) and layer.name == ends[stage]:
            stage += 1
