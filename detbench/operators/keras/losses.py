"""Losses: the rules of :mod:`detbench.operators.reference.losses`, in batches, with a derivative everywhere.

They are computed in float32. Rows that do not count are replaced before anything is computed of them: an encoded target
may be infinite or NaN where there is no truth, and NaN · 0 is NaN, in a derivative too.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from detbench.operators.keras.gather import as_float
from detbench.operators.keras.iou import giou_between

__all__ = ["binary_cross_entropy", "cross_entropy", "giou_loss", "head_loss", "rpn_loss", "smooth_l1"]


def smooth_l1(prediction: Any, target: Any, beta: float = 1.0) -> Any:
    """Return the smooth L1 loss of every element (Girshick 2015, equation 3); with a ``beta`` of 0 the L1 loss."""
    distance = ops.abs(as_float(prediction) - as_float(target))
    if beta == 0:
        return distance
    return ops.where(distance < beta, distance * distance / (2 * beta), distance - beta / 2)


def binary_cross_entropy(logit: Any, label: Any) -> Any:
    """Return ``−log`` of the probability that the sigmoid of ``logit`` gives to ``label``, 0 or 1, element by element.

    ``softplus(z) − z · y``: softplus does not overflow, and its derivative is the sigmoid at 0 too.
    """
    logit = as_float(logit)
    return ops.softplus(logit) - logit * as_float(label)


def cross_entropy(logit: Any, category: Any) -> Any:
    """Return ``−log`` of the probability that the softmax of ``logit`` ``[…, K]`` gives to ``category`` ``[…]``."""
    logit = as_float(logit)
    own = ops.take_along_axis(logit, ops.cast(category, "int32")[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logit, axis=-1) - own


def giou_loss(box: Any, target: Any) -> Any:
    """Return ``1 − GIoU`` of each box with the target in its row, ``[…]`` of ``[…, 4]``."""
    return 1 - giou_between(as_float(box), as_float(target))


def rpn_loss(logit: Any, delta: Any, label: Any, target: Any, beta: float = 1 / 9) -> tuple[Any, Any]:
    """Return the loss of a region proposal network over the anchors that were sampled (Ren et al. 2015, equation 1).

    Parameters
    ----------
    logit, delta
        ``[B, N]`` and ``[B, N, 4]``.
    label
        int32 ``[B, N]``: 1 positive, 0 negative, −1 not sampled.
    target
        ``[B, N, 4]``: encoded truths; anything where ``label`` is not 1.
    beta
        See :func:`smooth_l1`.

    Returns
    -------
    objectness, regression
        float32 ``[B]``: each picture's, divided by the number sampled in it. Their mean is the batch's.
    """
    sampled, positive = label >= 0, label > 0
    entropy = binary_cross_entropy(ops.where(sampled, as_float(logit), 0.0), positive)
    return _mean_over(sampled, entropy), _regression(sampled, positive, as_float(delta), target, beta)


def head_loss(logit: Any, delta: Any, label: Any, target: Any, beta: float = 1.0) -> tuple[Any, Any]:
    """Return the loss of the second stage over the regions that were sampled (Girshick 2015, equation 1).

    Parameters
    ----------
    logit, delta
        ``[B, N, K + 1]``, background first, and ``[B, N, K, 4]``.
    label
        int32 ``[B, N]``: ``category + 1``, 0 background, −1 not sampled.
    target
        ``[B, N, 4]``: encoded truths; anything where ``label`` is not above 0.
    beta
        See :func:`smooth_l1`.

    Returns
    -------
    classification, regression
        float32 ``[B]``: each picture's, divided by the number sampled in it.
    """
    label = ops.cast(label, "int32")
    sampled, positive = label >= 0, label > 0
    entropy = cross_entropy(ops.where(sampled[..., None], as_float(logit), 0.0), ops.maximum(label, 0))
    own = ops.maximum(label - 1, 0)[..., None, None]
    own_delta = ops.take_along_axis(as_float(delta), ops.repeat(own, 4, axis=-1), axis=-2)[..., 0, :]
    return _mean_over(sampled, entropy), _regression(sampled, positive, own_delta, target, beta)


def _regression(sampled: Any, positive: Any, delta: Any, target: Any, beta: float) -> Any:
    """Return the sum over positives of the smooth L1 loss, over the number sampled: ``[B]``."""
    chosen = positive[..., None]
    loss = smooth_l1(ops.where(chosen, delta, 0.0), ops.where(chosen, as_float(target), 0.0), beta)
    return _mean_over(sampled, ops.sum(loss, axis=-1))


def _mean_over(sampled: Any, loss: Any) -> Any:
    """Return the sum of ``loss`` where sampled over the number sampled, 0 where that is 0: ``[B]`` of ``[B, N]``."""
    count = ops.maximum(ops.sum(ops.cast(sampled, "float32"), axis=-1), 1.0)
    return ops.sum(ops.where(sampled, loss, 0.0), axis=-1) / count
