"""Which anchors are objects, and which are not."""

import numpy as np
import tensorflow as tf

from solutions.apply_nms import overlap


def assign_anchors_loops(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    objects = [row for row in range(len(truth)) if state[row] == 1]
    ignored = [row for row in range(len(truth)) if state[row] == -1]
    iou = {(n, m): overlap(anchor[n], truth[m]) for n in range(len(anchor)) for m in objects + ignored}
    most = {m: max((iou[n, m] for n in range(len(anchor))), default=0) for m in objects}
    label, match = [], []
    for n in range(len(anchor)):
        best = max(objects, key=lambda m: iou[n, m], default=-1)  # of equals max() takes the first
        best_iou = iou[n, best] if objects else 0
        best_of_one = any(iou[n, m] == most[m] > 0 for m in objects)
        if best_iou >= positive_at or (low_quality and best_of_one):
            label.append(1)
        elif best_iou < negative_below and all(iou[n, m] < negative_below for m in ignored):
            label.append(0)
        else:
            label.append(-1)
        match.append(best)
    return np.array(label, dtype=np.int32), np.array(match, dtype=np.int32)


def pairwise(a, b):
    """Return the IoU of every box of ``a`` with every box of ``b``, ``[N, M]``."""
    side = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    common = np.prod(np.maximum(side, 0), axis=2)
    area_a, area_b = (np.prod(np.maximum(box[:, 2:] - box[:, :2], 0), axis=1) for box in (a, b))
    common[(area_a[:, None] == 0) | (area_b[None] == 0)] = 0
    union = area_a[:, None] + area_b[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def assign_anchors_numpy(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    iou = pairwise(anchor, truth)
    objects = np.flatnonzero(state == 1)
    to_object, to_ignored = iou[:, objects], iou[:, state == -1]
    best = to_object.max(axis=1, initial=0)
    positive = (best >= positive_at) & bool(len(objects))
    if low_quality:
        most = to_object.max(axis=0, initial=0)
        positive |= ((to_object == most) & (to_object > 0)).any(axis=1)
    background = (best < negative_below) & (to_ignored < negative_below).all(axis=1)
    label = np.where(positive, 1, np.where(background, 0, -1))
    match = objects[to_object.argmax(axis=1)] if len(objects) else np.full(len(anchor), -1)
    return label.astype(np.int32), match.astype(np.int32)


def pairwise_tensorflow(a, b):
    side = tf.minimum(a[:, None, 2:], b[None, :, 2:]) - tf.maximum(a[:, None, :2], b[None, :, :2])
    area_a, area_b = (tf.reduce_prod(tf.maximum(box[:, 2:] - box[:, :2], 0), axis=1) for box in (a, b))
    both = (area_a[:, None] > 0) & (area_b[None] > 0)
    common = tf.where(both, tf.reduce_prod(tf.maximum(side, 0), axis=2), 0)
    return tf.math.divide_no_nan(common, area_a[:, None] + area_b[None] - common)


def assign_anchors_tensorflow(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    # Rows of no object get an IoU of −1 instead of being left out: the shapes stay what they are.
    iou = pairwise_tensorflow(anchor, truth)
    padding = -tf.ones([len(anchor), 1], dtype=iou.dtype)
    to_object = tf.concat([tf.where(state[None] == 1, iou, -1), padding], axis=1)
    to_ignored = tf.reduce_max(tf.concat([tf.where(state[None] == -1, iou, -1), padding], axis=1), axis=1)
    best = tf.reduce_max(to_object, axis=1)
    positive = best >= positive_at
    if low_quality:
        most = tf.reduce_max(to_object, axis=0)
        positive |= tf.reduce_any((to_object == most) & (to_object > 0), axis=1)
    background = (best < negative_below) & (to_ignored < negative_below)
    label = tf.where(positive, 1, tf.where(background, 0, -1))
    match = tf.where(best < 0, -1, tf.argmax(to_object, axis=1, output_type=tf.int32))
    return label, match
