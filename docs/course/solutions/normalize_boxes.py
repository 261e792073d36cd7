"""Boxes in the coordinates of crop_and_resize."""

import numpy as np
import tensorflow as tf


def normalize_boxes_loops(box, height_px, width_px):
    height, width = max(height_px - 1, 1), max(width_px - 1, 1)
    answer = [[y1 / height, x1 / width, y2 / height, x2 / width] for x1, y1, x2, y2 in box]
    return np.array(answer, dtype=box.dtype).reshape(-1, 4)


def normalize_boxes_numpy(box, height_px, width_px):
    height, width = max(height_px - 1, 1), max(width_px - 1, 1)
    return box[:, [1, 0, 3, 2]] / np.array([height, width, height, width], dtype=box.dtype)


def normalize_boxes_tensorflow(box, height_px, width_px):
    height, width = max(height_px - 1, 1), max(width_px - 1, 1)
    return tf.gather(box, [1, 0, 3, 2], axis=1) / tf.constant([height, width, height, width], dtype=box.dtype)
