"""The order of TensorFlow's image operators."""

import numpy as np
import tensorflow as tf


def change_order_loops(box):
    return np.array([[y1, x1, y2, x2] for x1, y1, x2, y2 in box], dtype=box.dtype).reshape(-1, 4)


def change_order_numpy(box):
    return box[:, [1, 0, 3, 2]]


def change_order_tensorflow(box):
    return tf.gather(box, [1, 0, 3, 2], axis=1)
