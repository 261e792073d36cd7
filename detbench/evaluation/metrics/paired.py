"""What draws say of models that they are paired for: how unlikely a difference is, and which rank a model may have.

All draws are of the same images for every model, so a difference is taken draw by draw and what makes an image hard
for both cancels out.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["chance_of_best", "holm", "least_p", "opposite_share", "p_values", "rank_bounds", "rank_of"]

#: Sums in another order differ by so little.
_ROUNDING = 1e-12


def p_values(point: NDArray[np.float64], drawn: NDArray[np.float64], images: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64 ``[n]``: two-sided p-values of n differences, NaN where no draw defines one.

    Parameters
    ----------
    point, drawn
        float64 ``[n]`` and ``[n, B]``: the differences, and their values in B resamples (NaN: undefined there).
    images
        int64 ``[n]``: how many images have what is measured.

    Notes
    -----
    p = 2 · min(1 + #{d* ≤ 0}, 1 + #{d* ≥ 0}) / (B + 1), at most 1: the level at which the percentile interval just
    touches 0 (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15), with 1 added on both
    sides of the fraction, the models' own draw among the others (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, chapter 4). B resamples tell nothing below 2 / (B + 1), and Holm's correction asks for less; so
    where all draws lie on one side, the p of a normal distribution with the draws' standard deviation is taken if it
    is smaller.

    Resamples of few images know nothing of how few they are: p is at least :func:`least_p`.

    >>> drawn = np.array([[0.1, 0.2, 0.3], [0.1, -0.1, 0.2]])
    >>> p_values(np.array([0.2, 0.1]), drawn, np.array([4, 4]))
    array([0.125, 1.   ])
    """
    defined = ~np.isnan(drawn)
    count = defined.sum(axis=1)
    below, above = (drawn <= _ROUNDING).sum(axis=1), (drawn >= -_ROUNDING).sum(axis=1)
    fewer = np.minimum(below, above)
    p = np.minimum(2 * (1 + fewer) / (count + 1), 1.0)
    for row in np.flatnonzero((fewer == 0) & (count > 1)):
        p[row] = min(p[row], _normal_p(float(point[row]), drawn[row, defined[row]]))
    p = np.maximum(p, [least_p(int(number)) for number in images])
    return np.asarray(np.where((count == 0) | np.isnan(point), np.nan, p))


def least_p(images: int) -> float:
    """Return 2 / 2ⁿ for n images: no paired test of two models can give less.

    Were the models alike, swapping them in any of the images would be as likely: of the 2ⁿ ways to do so two (what was
    seen, and its opposite) are at least as extreme as what was seen.
    """
    return min(2.0 * 0.5**images, 1.0)


def _normal_p(point: float, drawn: NDArray[np.float64]) -> float:
    deviation = float(np.std(drawn, ddof=1))
    return erfc(abs(point) / (deviation * sqrt(2))) if deviation > _ROUNDING else 0.0


def opposite_share(point: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[n]``: the share of the draws that give a difference ``[n]`` the other sign, or none.

    NaN where the difference is 0 or undefined, or no draw defines it.
    """
    other_way = np.where(point[:, None] > 0, drawn <= _ROUNDING, drawn >= -_ROUNDING).sum(axis=1)
    count = (~np.isnan(drawn)).sum(axis=1)
    share = np.divide(other_way, count, out=np.full(len(point), np.nan), where=count > 0)
    return np.asarray(np.where(np.isnan(point) | (np.abs(point) <= _ROUNDING), np.nan, share))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted for their number, ``[n]``; NaN stays and does not count.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.06,  nan, 0.06])
    """
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def rank_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 ``[m, B]``: each model's rank in each column of ``values`` (the highest is 1; equals share a rank).

    >>> rank_of(np.array([[0.5], [0.7], [0.5]])).ravel()
    array([2, 1, 2])
    """
    return np.stack([1 + (values > own).sum(axis=0) for own in values])


def rank_bounds(drawn: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Return int64 ``[m, 2]``: between which ranks each model lies in the middle ``level`` of the draws ``[m, B]``.

    ``drawn`` holds no NaN.
    """
    found = rank_of(drawn)
    tails = [(1 - level) / 2, (1 + level) / 2]
    # A rank that was drawn, not a mean of two.
    return np.quantile(found, tails, axis=1, method="inverted_cdf").T.astype(np.int64)


def chance_of_best(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[m]``: in what share of the draws ``[m, B]`` each model is the best; equals share the draw.

    >>> chance_of_best(np.array([[0.5, 0.5, 0.1, 0.2], [0.4, 0.5, 0.2, 0.3]]))
    array([0.375, 0.625])
    """
    best = drawn == drawn.max(axis=0)
    return np.asarray((best / best.sum(axis=0)).mean(axis=1))
