"""How wrong the network is, as numbers with a slope."""

import numpy as np
import tensorflow as tf


def smooth_l1_loops(prediction, target, beta=1.0):
    loss = []
    for one, wanted in zip(prediction.reshape(-1).tolist(), target.reshape(-1).tolist(), strict=True):
        distance = abs(one - wanted)
        loss.append(distance**2 / (2 * beta) if distance < beta else distance - beta / 2)
    return np.array(loss, dtype=prediction.dtype).reshape(prediction.shape)


def smooth_l1_numpy(prediction, target, beta=1.0):
    distance = np.abs(prediction - target)
    parabola = distance**2 / (2 * beta) if beta else distance
    return np.where(distance < beta, parabola, distance - beta / 2)


def smooth_l1_tensorflow(prediction, target, beta=1.0):
    distance = tf.abs(prediction - target)
    parabola = distance**2 / (2 * beta) if beta else distance
    return tf.where(distance < beta, parabola, distance - beta / 2)


def cross_entropy(logit, category):
    shifted = logit - logit.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(logit)), category]


def binary_cross_entropy(logit, label):
    """Return the loss of each logit; the exponential is of what is not above 0, so it cannot overflow."""
    return np.maximum(logit, 0) - logit * label + np.log1p(np.exp(-np.abs(logit)))


def rpn_loss(logit, delta, label, target, beta=1 / 9):
    sampled, positive = label >= 0, label == 1
    count = max(np.count_nonzero(sampled), 1)
    objectness = binary_cross_entropy(logit[sampled], positive[sampled]).sum() / count
    regression = smooth_l1_numpy(delta[positive], target[positive], beta).sum() / count
    return objectness, regression
