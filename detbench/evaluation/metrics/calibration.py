"""Calibration: whether of the predictions with a score of 0.8, eight in ten are right.

The expected calibration error for detection, by confidence alone (D-ECE): Küppers, Kronenberger, Shantia, Haselhoff,
Multivariate Confidence Calibration for Object Detection, CVPR Workshops 2020, equation 5, as netcal computes it:
``ECE = sum over bins of (n / N) · |precision − mean score|``. Predictions that count are binned by their score; one
is right if it found a ground truth. Bins of equal mass besides: Nguyen and O'Connor, EMNLP 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BIN_COUNT", "Bins", "calibration_error", "equal_mass", "equal_width", "fill", "tally"]

#: netcal's number of bins.
BIN_COUNT = 10


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """B bins of scores and what fell into them.

    Attributes
    ----------
    bounds
        float64 ``[B + 1]``, ascending: bin b holds ``bounds[b] <= score < bounds[b + 1]``, the last its end too.
    index
        intp ``[N]``: the bin of each prediction.
    count, score, right
        float64 ``[B]``: predictions, the sum of their scores, and how many are right.
    """

    bounds: NDArray[np.float64]
    index: NDArray[np.intp]
    count: NDArray[np.float64]
    score: NDArray[np.float64]
    right: NDArray[np.float64]


def equal_width(count: int = BIN_COUNT) -> NDArray[np.float64]:
    """Return the bounds of bins of equal width from 0 to 1: linspace's own values, as in netcal."""
    return np.linspace(0.0, 1.0, count + 1)


def equal_mass(score: NDArray[np.float64], count: int = BIN_COUNT) -> NDArray[np.float64]:
    """Return bounds between which about as many of the scores lie each; equal scores stay together.

    Fewer bins come out where many scores are equal.
    """
    if not len(score):
        return np.array([0.0, 1.0])
    ordered = np.sort(score)
    inner = ordered[[len(ordered) * b // count for b in range(1, count)]]
    return np.unique(np.concatenate(([0.0], inner[inner < ordered[-1]], [1.0])))


def fill(bounds: NDArray[np.float64], score: NDArray[np.float64], right: NDArray[np.bool_]) -> Bins:
    """Put predictions, float64 and bool ``[N]``, scores within 0 to 1, into bins."""
    size = len(bounds) - 1
    index = np.minimum(np.searchsorted(bounds, score, side="right") - 1, size - 1)
    return Bins(bounds, index, *tally(index, size, score, right))


def tally(
    place: NDArray[np.intp], size: int, score: NDArray[np.float64], right: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return float64 ``[3, size]``: at each place the predictions, the sum of their scores, and how many are right."""
    sums = [np.bincount(place, weights, size) for weights in (None, score, right)]
    return np.stack(sums).astype(np.float64)


def calibration_error(
    count: NDArray[np.float64], score: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected calibration error over the first axis, the bins; NaN where nothing is in them.

    A bin's ``(n / N) · |right / n − score / n|`` is ``|right − score| / N``: no empty bin needs care.

    >>> float(calibration_error(np.array([2.0, 0]), np.array([1.2, 0]), np.array([1.0, 0])).round(3))
    0.1
    """
    total = np.asarray(count.sum(axis=0))
    gap = np.abs(right - score).sum(axis=0)
    return np.asarray(np.divide(gap, total, out=np.full(total.shape, np.nan), where=total > 0))
