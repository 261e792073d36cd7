"""A box as its centre and its sides, and back."""

import numpy as np
import tensorflow as tf


def centre_and_size_loops(box):
    answer = [[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1] for x1, y1, x2, y2 in box.tolist()]
    return np.array(answer, dtype=box.dtype).reshape(-1, 4)


def centre_and_size_numpy(box):
    size = box[:, 2:] - box[:, :2]
    return np.concatenate([box[:, :2] + size / 2, size], axis=1)


def centre_and_size_tensorflow(box):
    first, last = tf.split(box, 2, axis=1)
    size = last - first
    return tf.concat([first + size / 2, size], axis=1)


def corners(centre_size):
    centre, half = centre_size[:, :2], centre_size[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)
