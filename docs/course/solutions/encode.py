"""What a network should answer to turn a reference box into a box."""

import math

import numpy as np
import tensorflow as tf

from solutions.centre_and_size import centre_and_size_numpy, centre_and_size_tensorflow


def logarithm(number):
    """Return the logarithm as NumPy has it: −∞ of 0, NaN of what is below."""
    return math.log(number) if number > 0 else (-math.inf if number == 0 else math.nan)


def encode_loops(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    ours, theirs = centre_and_size_numpy(box).tolist(), centre_and_size_numpy(reference).tolist()
    delta = []
    for (x, y, width, height), (x_ref, y_ref, width_ref, height_ref) in zip(ours, theirs, strict=True):
        offset = [quotient(x - x_ref, width_ref), quotient(y - y_ref, height_ref)]
        ratio = [logarithm(quotient(width, width_ref)), logarithm(quotient(height, height_ref))]
        delta.append([number / variance for number, variance in zip(offset + ratio, variances, strict=True)])
    return np.array(delta, dtype=box.dtype).reshape(-1, 4)


def quotient(a, b):
    """Return a quotient as NumPy has it: ±∞ or NaN of a division by 0."""
    return a / b if b else (math.nan if not a or math.isnan(a) else math.copysign(math.inf, a))


def encode_numpy(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    ours, theirs = centre_and_size_numpy(box), centre_and_size_numpy(reference)
    offset = (ours[:, :2] - theirs[:, :2]) / theirs[:, 2:]
    ratio = np.log(ours[:, 2:] / theirs[:, 2:])
    return np.concatenate([offset, ratio], axis=1) / np.array(variances, dtype=box.dtype)


def encode_tensorflow(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    centre, size = tf.split(centre_and_size_tensorflow(box), 2, axis=1)
    centre_ref, size_ref = tf.split(centre_and_size_tensorflow(reference), 2, axis=1)
    delta = tf.concat([(centre - centre_ref) / size_ref, tf.math.log(size / size_ref)], axis=1)
    return delta / tf.constant(variances, dtype=delta.dtype)
