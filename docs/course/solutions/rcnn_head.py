"""A category and a better box for every region."""

import numpy as np
import tensorflow as tf


def box_head_loops(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    logit, delta = [], []
    for region in pooled:
        hidden = np.maximum(region.reshape(-1) @ weight1 + bias1, 0)
        hidden = np.maximum(hidden @ weight2 + bias2, 0)
        logit.append(hidden @ score_weight + score_bias)
        delta.append((hidden @ delta_weight + delta_bias).reshape(-1, 4))
    count = len(pooled)
    return np.array(logit).reshape(count, len(score_bias)), np.array(delta).reshape(count, len(delta_bias) // 4, 4)


def box_head_numpy(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    hidden = np.maximum(pooled.reshape(len(pooled), len(weight1)) @ weight1 + bias1, 0)
    hidden = np.maximum(hidden @ weight2 + bias2, 0)
    delta = hidden @ delta_weight + delta_bias
    return hidden @ score_weight + score_bias, delta.reshape(len(pooled), len(delta_bias) // 4, 4)


def box_head_tensorflow(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    flat = tf.reshape(pooled, (len(pooled), len(weight1)))
    hidden = tf.nn.relu(tf.matmul(flat, weight1) + bias1)
    hidden = tf.nn.relu(tf.matmul(hidden, weight2) + bias2)
    delta = tf.matmul(hidden, delta_weight) + delta_bias
    return tf.matmul(hidden, score_weight) + score_bias, tf.reshape(delta, (len(pooled), len(delta_bias) // 4, 4))
