"""The second stage (Girshick 2015): what is pooled of each region, and its category and box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

from detbench.operators.keras.box_coding import decode
from detbench.operators.keras.gather import best_rows, rows
from detbench.operators.keras.nms import batched_nms
from detbench.operators.keras.proposals import clip_boxes
from detbench.operators.keras.roi_pooling import crop_max_pool, multilevel_roi_align, roi_align

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.detectors.recipes.settings import DetectionSettings, HeadSettings

__all__ = ["build_region_head", "detections", "head_outputs", "pool"]


def build_region_head(
    channels_in: int, settings: HeadSettings, category_count: int, conv5: keras.Model | None
) -> keras.Model:
    """Return the head: pooled regions ``[n, ph, pw, C]`` to logits ``[n, K + 1]`` and deltas ``[n, 4K]``, float32.

    The background is the first of the ``K + 1``; of a head that is agnostic of categories there are 4 deltas.
    """
    shape = (*settings.output_size, channels_in)
    pooled = keras.Input(shape, dtype=keras.config.dtype_policy().compute_dtype, name="head_input")
    if conv5 is not None:
        hidden = layers.GlobalAveragePooling2D(name="head_mean")(conv5(pooled))
    else:
        hidden = layers.Flatten(name="head_flat")(pooled)
        for number in (1, 2):
            hidden = layers.Dense(settings.width, activation="relu", name=f"head_hidden{number}")(hidden)
    boxes = 1 if settings.class_agnostic else category_count
    logit = layers.Dense(category_count + 1, dtype="float32", name="head_score")(hidden)
    delta = layers.Dense(4 * boxes, dtype="float32", name="head_box")(hidden)
    return keras.Model(pooled, [logit, delta], name="region_head")


def pool(maps: Sequence[Any], region: Any, strides_px: Sequence[int], lowest_level: int, settings: HeadSettings) -> Any:
    """Return ``[B, R, ph, pw, C]`` of maps ``[B, H, W, C]``, the finest first, and regions ``[B, R, 4]`` in pixels.

    On a pyramid each region is pooled from the level of its size (Lin et al. 2017, equation 1).
    """
    height, width = settings.output_size
    if settings.pooling == "crop_max":
        return crop_max_pool(maps[0], region, strides_px[0], (2 * height, 2 * width))
    if len(maps) == 1:
        return roi_align(maps[0], region, strides_px[0], (height, width), settings.sampling_ratio)
    return multilevel_roi_align(maps, region, strides_px, (height, width), settings.sampling_ratio, lowest=lowest_level)


def head_outputs(head: keras.Model, pooled: Any, training: bool) -> tuple[Any, Any]:
    """Return the logits ``[B, R, K + 1]`` and deltas ``[B, R, K, 4]`` (or 1 for K) of ``[B, R, ph, pw, C]``."""
    count = pooled.shape[1]
    logit, delta = head(ops.reshape(pooled, (-1, *pooled.shape[2:])), training=training)
    return ops.reshape(logit, (-1, count, logit.shape[1])), ops.reshape(delta, (-1, count, delta.shape[1] // 4, 4))


def detections(
    logit: Any,
    delta: Any,
    region: Any,
    valid: Any,
    size_px: Any,
    head: HeadSettings,
    settings: DetectionSettings,
) -> tuple[Any, Any, Any, Any]:
    """Return what is found in each picture, by descending score.

    The best pairs of region and category are decoded, cut to the picture and suppressed by category.

    Parameters
    ----------
    logit, delta
        As :func:`head_outputs` gives them.
    region, valid
        ``[B, R, 4]`` and bool ``[B, R]``.
    size_px
        float32 ``[B, 2]``: height and width of the pictures.

    Returns
    -------
    box, score, category, valid
        ``[B, D, 4]``, ``[B, D]``, int32 ``[B, D]`` and bool ``[B, D]``; 0, and the category −1, where none is.
    """
    count, categories = region.shape[1], logit.shape[2] - 1
    score = ops.reshape(ops.softmax(logit, axis=-1)[..., 1:], (-1, count * categories))
    enough = ops.logical_and(ops.repeat(valid, categories, axis=1), score >= settings.min_score)
    best = best_rows(score, enough, min(settings.candidates, count * categories))
    owner, category = best // categories, best % categories
    delta = ops.reshape(delta, (-1, count * delta.shape[2], 4))
    delta = rows(delta, owner if head.class_agnostic else best)
    box = clip_boxes(decode(delta, rows(region, owner), head.variances), size_px[:, 0], size_px[:, 1])
    score, enough = rows(score, best), rows(enough, best)
    index, found = batched_nms(box, score, category, enough, settings.nms_iou, settings.limit)
    return (
        ops.where(found[..., None], rows(box, index), 0.0),
        ops.where(found, rows(score, index), 0.0),
        ops.where(found, rows(category, index), -1),
        found,
    )
