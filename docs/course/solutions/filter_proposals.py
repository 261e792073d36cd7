"""Boxes inside the picture that are not too small."""

import numpy as np
import tensorflow as tf


def filter_boxes_loops(box, score, min_size_px):
    kept = []
    for row, (x1, y1, x2, y2) in enumerate(box):
        if x2 - x1 >= min_size_px and y2 - y1 >= min_size_px:
            kept.append(row)
    return np.array([box[row] for row in kept]).reshape(-1, 4), np.array([score[row] for row in kept])


def filter_boxes_numpy(box, score, min_size_px):
    kept = (box[:, 2:] - box[:, :2] >= min_size_px).all(axis=1)
    return box[kept], score[kept]


def filter_boxes_tensorflow(box, score, min_size_px):
    kept = tf.reduce_all(box[:, 2:] - box[:, :2] >= min_size_px, axis=1)
    return tf.boolean_mask(box, kept), tf.boolean_mask(score, kept)


def clip_boxes(box, height_px, width_px):
    return np.clip(box, 0, np.array([width_px, height_px, width_px, height_px], dtype=box.dtype))
