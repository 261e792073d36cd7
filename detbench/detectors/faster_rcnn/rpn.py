"""The region proposal network (Ren et al. 2015, section 3.1): its head, its anchors, and the proposals it makes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from detbench.operators.keras.box_coding import decode
from detbench.operators.keras.proposals import select_proposals
from detbench.operators.reference.anchors import anchor_grid, reference_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.recipes.settings import AnchorSettings, RpnSettings

__all__ = ["anchors_of", "build_rpn_head", "in_picture", "propose", "rpn_outputs"]


def build_rpn_head(channels_in: int, channels: int, anchors_per_cell: int) -> keras.Model:
    """Return the head, one for all levels: ``[B, H, W, C]`` to logits ``[B, H, W, A]`` and deltas ``[B, H, W, 4A]``.

    Both answers are float32, whatever is computed before.
    """
    map_ = keras.Input((None, None, channels_in), dtype=keras.config.dtype_policy().compute_dtype, name="rpn_input")
    hidden = layers.Conv2D(channels, 3, padding="same", activation="relu", name="rpn_hidden")(map_)
    logit = layers.Conv2D(anchors_per_cell, 1, dtype="float32", name="rpn_score")(hidden)
    delta = layers.Conv2D(4 * anchors_per_cell, 1, dtype="float32", name="rpn_box")(hidden)
    return keras.Model(map_, [logit, delta], name="rpn_head")


def rpn_outputs(head: keras.Model, maps: Sequence[Any]) -> tuple[Any, Any]:
    """Return the logits ``[B, N]`` and deltas ``[B, N, 4]`` of all anchors, level by level, in their order."""
    outputs = [head(map_) for map_ in maps]
    sizes = [logit.shape[1] * logit.shape[2] * logit.shape[3] for logit, _ in outputs]
    logits = [ops.reshape(logit, (-1, size)) for (logit, _), size in zip(outputs, sizes, strict=True)]
    deltas = [ops.reshape(delta, (-1, size, 4)) for (_, delta), size in zip(outputs, sizes, strict=True)]
    return ops.concatenate(logits, axis=1), ops.concatenate(deltas, axis=1)


def anchors_of(
    maps: Sequence[Any], strides_px: Sequence[int], settings: AnchorSettings
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Return the anchors of maps with static shapes, float32 ``[N, 4]``, and how many there are on each level.

    An anchor's centre is the middle of its cell; all of a cell's sizes at the first ratio come first.
    """
    shapes = tuple((int(map_.shape[1]), int(map_.shape[2])) for map_ in maps)
    return _laid_out(shapes, tuple(strides_px), settings.sizes_px, settings.ratios)


@lru_cache(maxsize=16)
def _laid_out(
    shapes: tuple[tuple[int, int], ...],
    strides_px: tuple[int, ...],
    sizes_px: tuple[tuple[float, ...], ...],
    ratios: tuple[float, ...],
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    grids = [
        anchor_grid(reference_boxes(1.0, sizes, ratios), height, width, stride)
        for (height, width), stride, sizes in zip(shapes, strides_px, sizes_px, strict=True)
    ]
    return np.concatenate(grids).astype(np.float32), tuple(len(grid) for grid in grids)


def in_picture(anchor: NDArray[np.float32], size_px: Any) -> Any:
    """Return which anchors have their centre in the picture, bool ``[B, N]``: the others stand on the canvas' padding.

    Anchors that only cross the picture's border count, as in Detectron2; Ren et al. left them out when training.

    Parameters
    ----------
    anchor
        float32 ``[N, 4]``.
    size_px
        float32 ``[B, 2]``: height and width of the pictures.
    """
    centre = ops.convert_to_tensor((anchor[:, :2] + anchor[:, 2:]) / 2)
    return ops.logical_and(centre[:, 1] < size_px[:, :1], centre[:, 0] < size_px[:, 1:])


def propose(
    logit: Any,
    delta: Any,
    anchor: NDArray[np.float32],
    level_sizes: tuple[int, ...],
    size_px: Any,
    settings: RpnSettings,
    training: bool,
) -> tuple[Any, Any, Any]:
    """Return the proposals of each picture by descending score, which no gradient flows into.

    Parameters
    ----------
    logit, delta
        ``[B, N]`` and ``[B, N, 4]``, as :func:`rpn_outputs` gives them.
    anchor, level_sizes
        As :func:`anchors_of` gives them.
    size_px
        float32 ``[B, 2]``: height and width of the pictures; proposals are cut to them.
    settings, training
        Which ``pre_nms`` and ``post_nms`` count depends on whether the model trains.

    Returns
    -------
    box, score, valid
        ``[B, P, 4]`` in pixels, probabilities ``[B, P]`` and bool ``[B, P]``; 0 where there is none.
    """
    pre_nms, post_nms = settings.pre_nms_test, settings.post_nms_test
    if training:
        pre_nms, post_nms = settings.pre_nms_train, settings.post_nms_train
    box, best, valid = select_proposals(
        decode(ops.stop_gradient(delta), ops.convert_to_tensor(anchor)),
        logit,
        in_picture(anchor, size_px),
        size_px[:, 0],
        size_px[:, 1],
        pre_nms,
        post_nms,
        settings.nms_iou,
        settings.min_size_px,
        level_sizes if len(level_sizes) > 1 else None,
    )
    return box, ops.where(valid, ops.sigmoid(best), 0.0), valid
