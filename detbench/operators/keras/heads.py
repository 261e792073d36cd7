"""The two heads, given their weights: the rules of :mod:`detbench.operators.reference.heads`, in batches.

A model builds them of layers; these are for the comparison, and say which way the outputs of such layers are laid out.
"""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["box_head", "rpn_head"]


def rpn_head(
    feature: Any,
    kernel: Any,
    bias: Any,
    score_kernel: Any,
    score_bias: Any,
    delta_kernel: Any,
    delta_bias: Any,
) -> tuple[Any, Any]:
    """Return a logit ``[B, H·W·A]`` and four deltas ``[B, H·W·A, 4]`` for every anchor of maps ``[B, H, W, C]``.

    The weights are the reference's: ``[3, 3, C, D]``, ``[D]``, ``[D, A]``, ``[A]``, ``[D, 4A]``, ``[4A]``.
    """
    hidden = ops.relu(ops.conv(feature, kernel, padding="same", data_format="channels_last") + bias)
    logit, delta = ops.matmul(hidden, score_kernel) + score_bias, ops.matmul(hidden, delta_kernel) + delta_bias
    cells = feature.shape[1] * feature.shape[2]
    anchors = score_bias.shape[0]
    return ops.reshape(logit, (-1, cells * anchors)), ops.reshape(delta, (-1, cells * anchors, 4))


def box_head(
    pooled: Any,
    weight1: Any,
    bias1: Any,
    weight2: Any,
    bias2: Any,
    score_weight: Any,
    score_bias: Any,
    delta_weight: Any,
    delta_bias: Any,
) -> tuple[Any, Any]:
    """Return logits ``[B, R, K + 1]`` and deltas ``[B, R, K, 4]`` of pooled regions ``[B, R, ph, pw, C]``."""
    batch, regions = ops.shape(pooled)[:2]
    flat = ops.reshape(pooled, (batch, regions, weight1.shape[0]))
    hidden = ops.relu(ops.matmul(ops.relu(ops.matmul(flat, weight1) + bias1), weight2) + bias2)
    delta = ops.matmul(hidden, delta_weight) + delta_bias
    logit = ops.matmul(hidden, score_weight) + score_bias
    return logit, ops.reshape(delta, (batch, regions, delta_weight.shape[1] // 4, 4))
