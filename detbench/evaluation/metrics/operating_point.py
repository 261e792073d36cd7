"""Precision, recall and F1 of the predictions whose score reaches a threshold, and the threshold of the best F1.

``precision = TP / (TP + FP)``, ``recall = TP / (TP + FN)``, ``F1 = 2 TP / (2 TP + FP + FN)``: van Rijsbergen,
Information Retrieval, 1979. Over several categories the counts are added up first (micro average).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counted import Counted

__all__ = ["Rates", "Sweep", "best", "counts_at", "drawn_counts", "rates", "sweep"]

#: Points of a curve: so many evenly spaced in score, and so many in recall.
_EVEN_POINTS = 101
_RECALL_POINTS = 98


class Rates(NamedTuple):
    """Precision, recall and F1, float64 of one shape; NaN where undefined.

    Precision is undefined where nothing is accepted, recall and F1 where there is nothing to be found.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


class Sweep(NamedTuple):
    """Scores of a category's predictions, or of all, ascending, and what is to be found; N and M long.

    ``score`` float64 ``[N]`` of all that count, ``right`` float64 ``[M]`` of those that found a ground truth.
    """

    score: NDArray[np.float64]
    right: NDArray[np.float64]
    truths: int

    def rates_at(self, thresholds: NDArray[np.float64]) -> Rates:
        """Return the rates of the predictions whose score is a threshold or more, ``[T]`` each."""
        accepted = len(self.score) - np.searchsorted(self.score, thresholds, side="left")
        right = len(self.right) - np.searchsorted(self.right, thresholds, side="left")
        return rates(right, accepted, np.full(len(thresholds), self.truths))

    def thresholds(self, *also: float) -> NDArray[np.float64]:
        """Return at most 200 ascending thresholds to draw a curve at, those of ``also`` among them.

        Evenly spaced scores show where predictions are accepted; the scores at evenly spaced recalls show what that
        does, however a detector's scores lie. Scores within 0 to 1 are drawn from 0 to 1.
        """
        if not len(self.score):
            return np.zeros(0)
        low, high = float(self.score[0]), float(self.score[-1])
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        places = np.linspace(0, len(self.right) - 1, _RECALL_POINTS if len(self.right) else 0).astype(np.intp)
        return np.unique(np.concatenate((np.linspace(low, high, _EVEN_POINTS), self.right[places], also)))


def rates(right: NDArray[np.integer], accepted: NDArray[np.integer], truths: NDArray[np.integer]) -> Rates:
    """Return precision, recall and F1 from true positives, accepted predictions and ground truths, of one shape.

    >>> rates(np.array([3]), np.array([4]), np.array([5])).f1.round(3).tolist()
    [0.667]
    """
    undefined = np.full(np.shape(right), np.nan)
    return Rates(
        np.divide(right, accepted, out=undefined.copy(), where=accepted > 0),
        np.divide(right, truths, out=undefined.copy(), where=truths > 0),
        np.divide(2 * right, accepted + truths, out=undefined.copy(), where=truths > 0),
    )


def sweep(counted: Counted, category: int | None = None) -> Sweep:
    """Return the sorted scores of a category, or of all of them."""
    rows = slice(None) if category is None else slice(counted.offsets[category], counted.offsets[category + 1])
    score, right = counted.score[rows], counted.right[rows]
    truths = counted.truths.sum() if category is None else counted.truths[category]
    return Sweep(np.sort(score), np.sort(score[right]), int(truths))


def best(swept: Sweep) -> float | None:
    """Return the threshold of the greatest F1, the highest of equals; None where no prediction is right.

    Only the scores of true positives are looked at: between two of them, a lower threshold adds false positives.
    """
    if not len(swept.right) or not swept.truths:
        return None
    f1 = swept.rates_at(swept.right).f1
    return float(swept.right[np.flatnonzero(f1 == f1.max())[-1]])


def counts_at(counted: Counted, threshold: float) -> NDArray[np.int64]:
    """Return int64 ``[3, K]``: true positives, accepted predictions and ground truths of each category."""
    accepted = counted.score >= threshold
    categories = len(counted.truths)
    return np.stack(
        [
            np.bincount(counted.category[accepted & counted.right], minlength=categories),
            np.bincount(counted.category[accepted], minlength=categories),
            counted.truths,
        ]
    )


def drawn_counts(counted: Counted, threshold: float, draws: Draws) -> NDArray[np.int64]:
    """Return int64 ``[3, K, S]``: :func:`counts_at` the same threshold in each draw of images."""
    accepted = np.flatnonzero(counted.score >= threshold)
    right = accepted[counted.right[accepted]]
    categories = np.arange(len(counted.truths) + 1)
    columns = [(counted.image[rows], np.searchsorted(counted.category[rows], categories)) for rows in (right, accepted)]
    columns.append((counted.truth_image, counted.truth_offsets))
    blocks = [np.stack([_sums(weight[image], ends) for image, ends in columns]) for weight in draws.blocks()]
    return np.concatenate(blocks, axis=2)


def _sums(weight: NDArray[np.uint8], offsets: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return int64 ``[K, LANES]``: sums of the rows ``offsets[k]`` to ``offsets[k + 1]`` of ``[n, LANES]``."""
    sums = np.zeros((len(offsets) - 1, weight.shape[1]), dtype=np.int64)
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])  # reduceat gives an empty stretch its next row
    if len(filled):
        sums[filled] = np.add.reduceat(weight, offsets[filled], axis=0, dtype=np.int64)
    return sums
