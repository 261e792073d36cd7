"""Sampling: of very many negatives and few positives, a mini-batch of both (Ren et al. 2015, section 3.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sample_balanced"]


def sample_balanced(
    label: NDArray[np.integer], random: NDArray[np.floating], count: int, positive_share: float = 0.5
) -> NDArray[np.int32]:
    """Return the labels of a sample, −1 for what is not in it.

    At most ``⌊count · positive_share⌋`` positives are taken; negatives fill up to ``count``. If there are too few
    positives, more negatives are taken; if there are too few negatives, the sample is smaller.

    Parameters
    ----------
    label
        Integer ``[N]``: above 0 positive, 0 negative, −1 left out already.
    random
        Float ``[N]``: those with the smallest are taken, of equal ones the lower row. The caller draws it, so the
        answer is a function of its input, on every framework the same.
    count
        Rows to take: 256 anchors, 512 regions.
    positive_share
        0.5 for anchors, 0.25 for regions.

    Returns
    -------
    int32 ``[N]``: ``label`` where it was taken, −1 elsewhere.

    Examples
    --------
    >>> label = np.array([1, 1, 1, 0, 0, 0, -1])
    >>> random = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.0])
    >>> sample_balanced(label, random, count=4, positive_share=0.25).tolist()
    [-1, 1, -1, 0, 0, 0, -1]
    """
    order = np.argsort(random, kind="stable")
    positive = order[label[order] > 0][: int(count * positive_share)]
    negative = order[label[order] == 0][: count - len(positive)]
    sampled = np.full(len(label), -1, dtype=np.int32)
    sampled[positive] = label[positive]
    sampled[negative] = 0
    return sampled
