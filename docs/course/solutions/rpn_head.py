"""A score and four numbers for every anchor."""

import numpy as np
import tensorflow as tf


def rpn_head_loops(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    height, width, _ = feature.shape
    logit, delta = [], []
    for row in range(height):
        for column in range(width):
            hidden = bias.copy()
            for down in range(3):
                for right in range(3):
                    i, j = row + down - 1, column + right - 1
                    if 0 <= i < height and 0 <= j < width:
                        hidden += feature[i, j] @ kernel[down, right]
            hidden = np.maximum(hidden, 0)
            logit.append(hidden @ score_kernel + score_bias)
            delta.append(hidden @ delta_kernel + delta_bias)
    return np.array(logit).reshape(-1), np.array(delta).reshape(-1, 4)


def rpn_head_numpy(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    height, width, _ = feature.shape
    padded = np.pad(feature, ((1, 1), (1, 1), (0, 0)))
    hidden = bias
    for down in range(3):
        for right in range(3):
            hidden = hidden + padded[down : down + height, right : right + width] @ kernel[down, right]
    hidden = np.maximum(hidden, 0)
    logit, delta = hidden @ score_kernel + score_bias, hidden @ delta_kernel + delta_bias
    return logit.reshape(-1), delta.reshape(-1, 4)


def rpn_head_tensorflow(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    if not feature.shape[0] * feature.shape[1]:
        return tf.zeros(0), tf.zeros((0, 4))
    hidden = tf.nn.relu(tf.nn.conv2d(feature[None], kernel, strides=1, padding="SAME") + bias)
    logit = tf.tensordot(hidden, score_kernel, axes=1) + score_bias
    delta = tf.tensordot(hidden, delta_kernel, axes=1) + delta_bias
    return tf.reshape(logit, (-1,)), tf.reshape(delta, (-1, 4))
