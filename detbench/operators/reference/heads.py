"""The two heads of Faster R-CNN, forwards only: what they compute of a feature map, given their weights.

Arrays are channels last. A convolution is what deep learning calls one: the kernel is not turned round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["box_head", "rpn_head"]


def rpn_head(
    feature: NDArray[np.floating],
    kernel: NDArray[np.floating],
    bias: NDArray[np.floating],
    score_kernel: NDArray[np.floating],
    score_bias: NDArray[np.floating],
    delta_kernel: NDArray[np.floating],
    delta_bias: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return a logit and four deltas for every anchor (Ren et al. 2015, section 3.1).

    A 3 × 3 convolution over the map with a border of zeros, ReLU, and of its D channels two 1 × 1 convolutions.

    Parameters
    ----------
    feature
        Float ``[H, W, C]``.
    kernel, bias
        ``[3, 3, C, D]`` (row, column, from, to) and ``[D]``.
    score_kernel, score_bias
        ``[D, A]`` and ``[A]``: A anchors a cell, one logit each, for a sigmoid.
    delta_kernel, delta_bias
        ``[D, 4A]`` and ``[4A]``: the four deltas of one anchor lie side by side.

    Returns
    -------
    logit
        ``[H·W·A]``: row by row, column by column, anchor by anchor, as
        ``anchor_grid`` lays them.
    delta
        ``[H·W·A, 4]``: ``dx dy dw dh`` in the same order.

    Examples
    --------
    One cell that sees itself through the middle of the kernel, one anchor:

    >>> kernel = np.zeros((3, 3, 1, 1))
    >>> kernel[1, 1] = 2.0
    >>> one, four = np.ones((1, 1)), np.ones((1, 4))
    >>> rpn_head(np.full((1, 1, 1), 3.0), kernel, np.zeros(1), one, np.ones(1), four, np.zeros(4))
    (array([7.]), array([[6., 6., 6., 6.]]))
    """
    height, width, _ = feature.shape
    padded = np.pad(feature, ((1, 1), (1, 1), (0, 0)))
    hidden = np.tile(bias, (height, width, 1))
    for row in range(3):
        for column in range(3):
            hidden = hidden + padded[row : row + height, column : column + width] @ kernel[row, column]
    hidden = np.maximum(hidden, 0)
    logit = hidden @ score_kernel + score_bias
    delta = hidden @ delta_kernel + delta_bias
    return logit.reshape(-1), delta.reshape(-1, 4)


def box_head(
    pooled: NDArray[np.floating],
    weight1: NDArray[np.floating],
    bias1: NDArray[np.floating],
    weight2: NDArray[np.floating],
    bias2: NDArray[np.floating],
    score_weight: NDArray[np.floating],
    score_bias: NDArray[np.floating],
    delta_weight: NDArray[np.floating],
    delta_bias: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return logits and deltas of pooled regions (Girshick 2015, section 2.1; two layers as in Lin et al. 2017).

    Flatten, two fully connected layers with ReLU, and of their D features two linear ones.

    Parameters
    ----------
    pooled
        Float ``[R, ph, pw, C]``; flattened row by row, column by column, channel by channel.
    weight1, bias1, weight2, bias2
        ``[ph·pw·C, D]``, ``[D]``, ``[D, D]``, ``[D]``.
    score_weight, score_bias
        ``[D, K + 1]`` and ``[K + 1]``: the first is background's.
    delta_weight, delta_bias
        ``[D, 4K]`` and ``[4K]``: the four deltas of one category lie side by side.

    Returns
    -------
    logit
        ``[R, K + 1]``, before the softmax.
    delta
        ``[R, K, 4]``.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> logit, delta = box_head(
    ...     np.full((1, 1, 1, 1), 3.0), one, np.zeros(1), one, np.ones(1),
    ...     np.array([[1.0, 2.0]]), np.zeros(2), np.array([[1.0, 2.0, 3.0, 4.0]]), np.zeros(4),
    ... )
    >>> logit, delta
    (array([[4., 8.]]), array([[[ 4.,  8., 12., 16.]]]))
    """
    flat = pooled.reshape(len(pooled), len(weight1))
    hidden = np.maximum(flat @ weight1 + bias1, 0)
    hidden = np.maximum(hidden @ weight2 + bias2, 0)
    logit = hidden @ score_weight + score_bias
    delta = hidden @ delta_weight + delta_bias
    return logit, delta.reshape(len(pooled), delta_weight.shape[1] // 4, 4)
