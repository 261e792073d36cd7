"""As many anchors as a step learns from."""

import numpy as np
import tensorflow as tf


def sample_balanced_loops(label, random, count, positive_share=0.5):
    order = sorted(range(len(label)), key=lambda row: random[row])
    positive = [row for row in order if label[row] > 0][: int(count * positive_share)]
    negative = [row for row in order if label[row] == 0][: count - len(positive)]
    sampled = [-1] * len(label)
    for row in positive + negative:
        sampled[row] = label[row]
    return np.array(sampled, dtype=np.int32)


def sample_balanced_numpy(label, random, count, positive_share=0.5):
    order = np.argsort(random, kind="stable")
    positive = order[label[order] > 0][: int(count * positive_share)]
    negative = order[label[order] == 0][: count - len(positive)]
    taken = np.concatenate([positive, negative])
    sampled = np.full(len(label), -1, dtype=np.int32)
    sampled[taken] = label[taken]
    return sampled


def sample_balanced_tensorflow(label, random, count, positive_share=0.5):
    order = tf.argsort(random, stable=True)
    ranked = tf.gather(label, order)
    positive, negative = ranked > 0, ranked == 0
    # A row is taken if not too many of its kind stand before it: a running count, and no shape that depends on data.
    positive &= tf.cumsum(tf.cast(positive, tf.int32)) <= int(count * positive_share)
    room = count - tf.reduce_sum(tf.cast(positive, tf.int32))
    negative &= tf.cumsum(tf.cast(negative, tf.int32)) <= room
    sampled = tf.where(positive | negative, ranked, -1)
    return tf.scatter_nd(order[:, None], sampled, tf.shape(label))
