"""The boxes with the highest scores."""

import numpy as np
import tensorflow as tf


def keep_top_n_loops(box, score, count):
    # sorted() leaves equals in their order; NaN is put last by hand, for it is neither more nor less than anything.
    order = sorted(range(len(score)), key=lambda row: (np.isnan(score[row]), -score[row]))[:count]
    return np.array([box[row] for row in order]).reshape(-1, 4), np.array([score[row] for row in order])


def keep_top_n_numpy(box, score, count):
    order = np.argsort(-score, kind="stable")[:count]
    return box[order], score[order]


def keep_top_n_tensorflow(box, score, count):
    ranked = tf.where(tf.math.is_nan(score), tf.cast(-np.inf, score.dtype), score)
    _, order = tf.math.top_k(ranked, k=min(count, len(score)))
    return tf.gather(box, order), tf.gather(score, order)
