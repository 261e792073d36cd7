"""Anchors: shapes around the origin, laid over every cell."""

import numpy as np
import tensorflow as tf


def reference_boxes(base_size_px, scales, ratios):
    box = []
    for ratio in ratios:
        for scale in scales:
            side = base_size_px * scale
            width, height = side / np.sqrt(ratio), side * np.sqrt(ratio)
            box.append([-width / 2, -height / 2, width / 2, height / 2])
    return np.array(box, dtype=np.float32).reshape(-1, 4)


def anchor_grid_loops(reference, height, width, stride_px, centre=0.5):
    anchor = []
    for row in range(height):
        for column in range(width):
            x, y = (column + centre) * stride_px, (row + centre) * stride_px
            for x1, y1, x2, y2 in reference.tolist():
                anchor.append([x + x1, y + y1, x + x2, y + y2])
    return np.array(anchor, dtype=np.float32).reshape(-1, 4)


def anchor_grid_numpy(reference, height, width, stride_px, centre=0.5):
    x = (np.arange(width) + centre) * stride_px
    y = (np.arange(height) + centre) * stride_px
    row, column = np.meshgrid(y, x, indexing="ij")
    shift = np.stack([column, row, column, row], axis=-1).astype(np.float32)
    return (shift[:, :, None, :] + reference).reshape(-1, 4)


def anchor_grid_tensorflow(reference, height, width, stride_px, centre=0.5):
    x = (tf.range(width, dtype=tf.float32) + centre) * stride_px
    y = (tf.range(height, dtype=tf.float32) + centre) * stride_px
    row, column = tf.meshgrid(y, x, indexing="ij")
    shift = tf.stack([column, row, column, row], axis=-1)
    return tf.reshape(shift[:, :, None, :] + tf.cast(reference, tf.float32), (-1, 4))
