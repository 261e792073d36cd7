"""What draws say of models that they are paired for: how often a difference turns round, which rank a model may have.

All draws are of the same images for every model, so a difference is taken draw by draw and what makes an image hard
for both cancels out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["chance_of_best", "holm", "least_p", "opposite_share", "rank_bounds", "rank_of"]

#: Sums in another order differ by so little.
_ROUNDING = 1e-12


def least_p(images: int) -> float:
    """Return 2 / 2ⁿ for n images: no paired test of two models can give less.

    Were the models alike, swapping them in any of the images would be as likely: of the 2ⁿ ways to do so two (what was
    seen, and its opposite) are at least as extreme as what was seen.
    """
    return min(2.0 * 0.5**images, 1.0)


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


def rank_bounds(values: NDArray[np.float64], p: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Return int64 ``[m, 2]``: the ranks that each model may have, as sure as ``level``.

    ``values`` is float64 ``[m]``, the higher the better, and ``p`` float64 ``[m, m]``: of the difference between two
    models, NaN on the diagonal. A model's rank is not above the number of models that are significantly better, and
    not below the number that are significantly worse; Holm's correction over its m − 1 comparisons makes both hold at
    once (Mogstad, Romano, Shaikh and Wilhelm, Inference for Ranks, Review of Economic Studies 91, 2024). Counting a
    model's rank in every resample is simpler and less honest: close models trade places less often than they should.

    >>> p = np.array([[np.nan, 0.9, 0.001], [0.9, np.nan, 0.001], [0.001, 0.001, np.nan]])
    >>> rank_bounds(np.array([0.5, 0.51, 0.2]), p, 0.95).tolist()
    [[1, 2], [1, 2], [3, 3]]
    """
    told_apart = np.stack([holm(row) for row in p]) < 1 - level
    better = (told_apart & (values > values[:, None])).sum(axis=1)
    worse = (told_apart & (values < values[:, None])).sum(axis=1)
    return np.stack([1 + better, len(values) - worse], axis=1)


def chance_of_best(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[m]``: in what share of the draws ``[m, B]`` each model is the best; equals share the draw.

    >>> chance_of_best(np.array([[0.5, 0.5, 0.1, 0.2], [0.4, 0.5, 0.2, 0.3]]))
    array([0.375, 0.625])
    """
    best = drawn == drawn.max(axis=0)
    return np.asarray((best / best.sum(axis=0)).mean(axis=1))
