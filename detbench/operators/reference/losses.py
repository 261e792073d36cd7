"""Losses of Faster R-CNN (Ren et al. 2015, equation 1; Girshick 2015, equations 1 to 3).

Rows that do not count are left out before anything is computed of them: an encoded target may be infinite or NaN where
there is no truth, and NaN · 0 is NaN. Everything is computed in the float type of the predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.reference.iou import giou_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["binary_cross_entropy", "cross_entropy", "giou_loss", "head_loss", "rpn_loss", "smooth_l1"]


def smooth_l1(
    prediction: NDArray[np.floating], target: NDArray[np.floating], beta: float = 1.0
) -> NDArray[np.floating]:
    """Return the smooth L1 loss of every element (Girshick 2015, equation 3).

    With ``d = |prediction − target|``: ``d² / 2β`` where ``d < β``, ``d − β/2`` elsewhere. Near 0 it is a parabola, so
    its slope vanishes at the target; far away a line of slope 1, so that no outlier outweighs all else.

    Parameters
    ----------
    prediction, target
        Float arrays of one shape.
    beta
        Where the parabola ends. py-faster-rcnn's sigma is ``1/√β``: its RPN's 3 is β = 1/9. With 0 it is the L1 loss.

    Examples
    --------
    >>> smooth_l1(np.array([0.0, 0.5, 1.0, 3.0]), np.zeros(4))
    array([0.   , 0.125, 0.5  , 2.5  ])
    """
    distance = np.abs(prediction - target)
    if beta == 0:
        return distance
    with np.errstate(over="ignore"):  # the parabola is not taken where it overflows
        return np.where(distance < beta, distance * distance / (2 * beta), distance - beta / 2)


def binary_cross_entropy(logit: NDArray[np.floating], label: NDArray[Any]) -> NDArray[np.floating]:
    """Return ``−log`` of the probability that ``logit`` gives to ``label``, element by element.

    ``−y log p − (1 − y) log(1 − p)`` with ``p = 1 / (1 + exp(−z))``, written so that nothing overflows and no logarithm
    sees 0::

        max(z, 0) − z · y + log(1 + exp(−|z|))

    Parameters
    ----------
    logit
        Float, any shape: the score before the sigmoid.
    label
        0 or 1, the same shape.

    Examples
    --------
    >>> binary_cross_entropy(np.array([0.0, 800.0, 800.0]), np.array([1, 1, 0])).round(3).tolist()
    [0.693, 0.0, 800.0]
    """
    wanted = label.astype(logit.dtype)
    loss: NDArray[np.floating] = np.maximum(logit, 0) - logit * wanted + np.log1p(np.exp(-np.abs(logit)))
    return loss


def cross_entropy(logit: NDArray[np.floating], category: NDArray[np.integer]) -> NDArray[np.floating]:
    """Return ``−log`` of the probability that the softmax of ``logit`` gives to ``category``, row by row.

    ``log Σ exp(z) − z[category]``; the row's largest logit is taken from all of them first, which changes nothing but
    keeps ``exp`` from overflowing.

    Parameters
    ----------
    logit
        Float ``[N, K]``: scores before the softmax.
    category
        Integer ``[N]``, 0 to K − 1.

    Returns
    -------
    Float ``[N]``.

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, 0.0], [800.0, 0.0]]), np.array([0, 1])).round(3).tolist()
    [0.693, 800.0]
    """
    shifted = logit - logit.max(axis=1, keepdims=True)
    loss: NDArray[np.floating] = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(logit)), category]
    return loss


def giou_loss(box: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``1 − GIoU`` of each box with the target in its row (Rezatofighi et al. 2019, algorithm 1).

    Parameters
    ----------
    box, target
        Float ``[N, 4]``: boxes, not deltas, in the same unit.

    Returns
    -------
    Float ``[N]``, 0 to 2.

    Examples
    --------
    >>> giou_loss(np.array([[0.0, 0, 2, 2], [0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [4, 0, 6, 2]])).round(3)
    array([0.   , 1.333])
    """
    return 1 - giou_between(box, target)


def rpn_loss(
    logit: NDArray[np.floating],
    delta: NDArray[np.floating],
    label: NDArray[np.integer],
    target: NDArray[np.floating],
    beta: float = 1 / 9,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the loss of a region proposal network over the anchors that were sampled (Ren et al. 2015, equation 1).

    ``objectness = Σ binary cross-entropy / n`` over the sampled, ``regression = Σ smooth L1 / n`` over the positives
    and their four deltas; n is the number *sampled* in both, as in py-faster-rcnn and Detectron2. (The paper divides
    the second by the number of cells and weighs it with λ = 10, which comes to about the same.)

    Parameters
    ----------
    logit
        Float ``[N]``: one an anchor, before the sigmoid.
    delta
        Float ``[N, 4]``.
    label
        Integer ``[N]``: 1 positive, 0 negative, −1 not sampled.
    target
        Float ``[N, 4]``: encoded truths; anything where ``label`` is not 1.
    beta
        Where smooth L1's parabola ends: ``d² / 2β`` where ``d < β``, ``d − β/2`` elsewhere.

    Returns
    -------
    ``(objectness, regression)``, scalars; both 0 if nothing was sampled.

    Examples
    --------
    >>> logit, label = np.array([0.0, 0.0, 9.0]), np.array([1, 0, -1])
    >>> delta, target = np.zeros((3, 4)), np.array([[2.0, 0, 0, 0], [9] * 4, [9] * 4])
    >>> [round(float(loss), 3) for loss in rpn_loss(logit, delta, label, target, beta=1.0)]
    [0.693, 0.75]
    """
    sampled, positive = label >= 0, label > 0
    count = max(int(np.count_nonzero(sampled)), 1)
    objectness = binary_cross_entropy(logit[sampled], positive[sampled]).sum() / count
    regression = smooth_l1(delta[positive], target[positive], beta).sum() / count
    return objectness, regression


def head_loss(
    logit: NDArray[np.floating],
    delta: NDArray[np.floating],
    label: NDArray[np.integer],
    target: NDArray[np.floating],
    beta: float = 1.0,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the loss of the second stage over the regions that were sampled (Girshick 2015, equation 1).

    ``classification = Σ cross-entropy / n`` over the sampled, ``regression = Σ smooth L1 / n`` over the positives, of
    the four deltas of *their own* category; n is the number sampled in both.

    Parameters
    ----------
    logit
        Float ``[N, K + 1]``, before the softmax; the first column is background.
    delta
        Float ``[N, K, 4]``: four for every category, background has none.
    label
        Integer ``[N]``: ``category + 1``, 0 background, −1 not sampled.
    target
        Float ``[N, 4]``: encoded truths; anything where ``label`` is not above 0.
    beta
        Where smooth L1's parabola ends: ``d² / 2β`` where ``d < β``, ``d − β/2`` elsewhere.

    Returns
    -------
    ``(classification, regression)``, scalars; both 0 if nothing was sampled.

    Examples
    --------
    >>> delta = np.array([[[9.0, 9, 9, 9], [1, 0, 0, 0]], [[9, 9, 9, 9], [9, 9, 9, 9]]])
    >>> losses = head_loss(np.zeros((2, 3)), delta, np.array([2, 0]), np.zeros((2, 4)))
    >>> [round(float(loss), 3) for loss in losses]
    [1.099, 0.25]
    """
    sampled, positive = label >= 0, label > 0
    count = max(int(np.count_nonzero(sampled)), 1)
    classification = cross_entropy(logit[sampled], label[sampled]).sum() / count
    own = delta[positive, label[positive] - 1]
    regression = smooth_l1(own, target[positive], beta).sum() / count
    return classification, regression
