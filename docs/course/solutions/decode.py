"""The box that a network's answer means."""

import math

import numpy as np
import tensorflow as tf

from solutions.centre_and_size import centre_and_size_numpy, centre_and_size_tensorflow

MAX_LOG_RATIO = math.log(1000 / 16)


def decode_loops(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    box = []
    for told, (x, y, width, height) in zip(delta.tolist(), centre_and_size_numpy(reference).tolist(), strict=True):
        dx, dy, dw, dh = [number * variance for number, variance in zip(told, variances, strict=True)]
        # In this order, for min() keeps its first argument unless the second is less: NaN stays NaN.
        wide = width * math.exp(min(dw, max_log_ratio))
        high = height * math.exp(min(dh, max_log_ratio))
        x_new, y_new = x + dx * width, y + dy * height
        box.append([x_new - wide / 2, y_new - high / 2, x_new + wide / 2, y_new + high / 2])
    return np.array(box, dtype=delta.dtype).reshape(-1, 4)


def decode_numpy(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    ours = centre_and_size_numpy(reference)
    scaled = delta * np.array(variances, dtype=delta.dtype)
    centre = ours[:, :2] + scaled[:, :2] * ours[:, 2:]
    half = ours[:, 2:] * np.exp(np.minimum(scaled[:, 2:], max_log_ratio)) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def decode_tensorflow(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    centre_ref, size_ref = tf.split(centre_and_size_tensorflow(reference), 2, axis=1)
    offset, ratio = tf.split(delta * tf.constant(variances, dtype=delta.dtype), 2, axis=1)
    centre = centre_ref + offset * size_ref
    half = size_ref * tf.exp(tf.minimum(ratio, max_log_ratio)) / 2
    return tf.concat([centre - half, centre + half], axis=1)
