"""TensorFlow's own operators under the references' signatures, as functions of tensors, for a single picture.

Where their rule is another, ``implementations/tensorflow.py`` says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

__all__ = [
    "average_of_crops",
    "combined_nms",
    "crop_and_resize",
    "crop_max_pool",
    "nms",
    "padded_nms",
    "soft_nms",
]


def nms(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> Any:
    """Return ``tf.image.non_max_suppression``'s rows, int32 ``[K]``."""
    return tf.image.non_max_suppression(_y_first(box), score, _most(box, limit), iou_threshold)


def padded_nms(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> tuple[Any, Any]:
    """Return ``NonMaxSuppressionV4``'s rows, int32 ``[limit]``, and how many of them count: its shape is static."""
    index, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=_y_first(box),
        scores=score,
        max_output_size=_most(box, limit),
        iou_threshold=iou_threshold,
        score_threshold=float("-inf"),
        pad_to_max_output_size=True,
    )
    return index, count


def combined_nms(
    box: Any, score: Any, category: Any, categories: int, iou_threshold: float, limit: int | None = None
) -> tuple[Any, Any]:
    """Return ``tf.image.combined_non_max_suppression``'s scores, ``[limit]``, and how many of them count.

    It returns no rows: where scores differ they say which row was kept.

    Parameters
    ----------
    category, categories
        int32 ``[N]`` below ``categories``, which is static: each category has a column of scores.
    """
    column = tf.where(tf.one_hot(category, categories, on_value=True, off_value=False), score[:, None], float("-inf"))
    most = _most(box, limit)
    kept = tf.image.combined_non_max_suppression(
        _y_first(box)[None, :, None], column[None], most, most, iou_threshold, float("-inf"), clip_boxes=False
    )
    return kept.nmsed_scores[0], kept.valid_detections[0]


def soft_nms(
    box: Any, score: Any, sigma: float = 0.5, score_threshold: float = 0.001, limit: int | None = None
) -> tuple[Any, Any]:
    """Return the rows and scores of ``tf.image.non_max_suppression_with_scores``: Gaussian soft-NMS.

    Its weight is ``exp(−IoU² / (2 · sigma))``: its sigma is half of the paper's. Its ``iou_threshold`` drops boxes
    besides; at 1 it drops none. Its scores must be greater than the threshold, not equal: it is given the next number
    below.
    """
    below = np.nextafter(np.float32(score_threshold), np.float32(-np.inf))
    return tuple(
        tf.image.non_max_suppression_with_scores(
            _y_first(box), score, _most(box, limit), 1.0, below, soft_nms_sigma=sigma / 2
        )
    )


def crop_and_resize(
    feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)
) -> Any:
    """Return ``tf.image.crop_and_resize``, ``[R, ph, pw, C]``, of regions in pixels."""
    last = tf.constant([max(side - 1, 1) for side in feature.shape[1:3]] * 2, tf.float32)
    return tf.image.crop_and_resize(feature, _y_first(region) / (stride_px * last), image, crop_size)


def crop_max_pool(
    feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)
) -> Any:
    """Return the greatest of each 2 × 2 points of a crop, ``[R, ph // 2, pw // 2, C]``."""
    return tf.nn.max_pool2d(crop_and_resize(feature, region, image, stride_px, crop_size), 2, 2, "VALID")


def average_of_crops(
    feature: Any,
    region: Any,
    image: Any,
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    aligned: bool = True,
) -> Any:
    """Return RoIAlign, made of a crop with as many points as it has and an average: ``[R, ph, pw, C]``.

    The corners of a crop are points, those of RoIAlign lie half a point outside. Its points are clamped to the map up
    to one cell outside, a crop's are 0: so the map gets a border of one cell, the same as its edge.
    """
    points = [bins * sampling_ratio for bins in output_size]
    bordered = tf.pad(feature, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    corner = _y_first(region) / stride_px - (0.5 if aligned else 0.0)
    side = corner[:, 2:] - corner[:, :2]
    side = side if aligned else tf.maximum(side, 1.0)
    half = side / tf.constant([2.0 * count for count in points])
    last = tf.constant([side + 1.0 for side in feature.shape[1:3]])
    begin, end = (corner[:, :2] + half + 1) / last, (corner[:, :2] + side - half + 1) / last
    crop = tf.image.crop_and_resize(bordered, tf.concat([begin, end], axis=1), image, points)
    return tf.nn.avg_pool2d(crop, sampling_ratio, sampling_ratio, "VALID")


def _y_first(box: Any) -> Any:
    return tf.gather(box, [1, 0, 3, 2], axis=1)


def _most(box: Any, limit: int | None) -> int:
    return int(box.shape[0]) if limit is None else max(limit, 0)
