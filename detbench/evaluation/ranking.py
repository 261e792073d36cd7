"""Models by rank: what can rank them, which end of it is the better one, and which ranks the draws allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.errors import UsageError
from detbench.evaluation.metrics.paired import chance_of_best, least_p, rank_bounds, rank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.runs import Run

__all__ = ["P_VALUE", "Ranking", "lower_is_better", "rank", "require_rankable", "why_missing"]

#: Errors of counts: the smaller the better; of a bias neither end is.
_LOWER_IS_BETTER = ("count_MAE", "count_RMSE", "count_relative_error", "count_GAME")
_NEITHER_IS_BETTER = ("count_bias",)

_LEVEL = 0.95

#: How a difference is tested, in words.
P_VALUE = "two-sided, 1 less the level at which the interval just reaches 0; at least 2 / 2ⁿ for n images"


def lower_is_better(metric: str) -> bool | None:
    """Return whether the lowest is the best; None where neither end is.

    >>> lower_is_better("AP"), lower_is_better("count_MAE"), lower_is_better("count_bias")
    (False, True, None)
    """
    return None if metric in _NEITHER_IS_BETTER else metric.startswith(_LOWER_IS_BETTER)


def require_rankable(metric: str | None, names: Sequence[str]) -> str:
    """Return what ranks of the metrics that can, ``names``: ``metric``, or the first. Raises UsageError."""
    can_rank = [name for name in names if lower_is_better(name) is not None]
    name = next(iter(can_rank), "") if metric is None else metric
    if name not in can_rank:
        raise UsageError(f"no model can be ranked by {name!r:.60}; choose one of {', '.join(can_rank)}")
    return name


def why_missing(metric: str) -> str:
    """Return why a result may lack a number that others have.

    >>> why_missing("proposal_AR@100"), why_missing("count_MAE"), why_missing("AP")
    ('no proposals were given', 'objects were not counted', 'the result does not have it')
    """
    reasons = {"proposal_": "no proposals were given", "count_": "objects were not counted"}
    return next((why for start, why in reasons.items() if metric.startswith(start)), "the result does not have it")


class Ranking(NamedTuple):
    """The ranks of m models in the order that they were given in.

    ``value`` is float64 ``[m]``, the metric; ``rank`` int64 ``[m]``: 1 is the best and equals share a rank;
    ``between`` int64 ``[m, 2]``: the ranks that each may have; ``best`` float64 ``[m]``: the share of the resamples in
    which each is the best, None where no resample defines the metric of all.
    """

    value: NDArray[np.float64]
    rank: NDArray[np.int64]
    between: NDArray[np.int64]
    best: NDArray[np.float64] | None


def rank(runs: Sequence[Run], metric: str, draws: Draws) -> Ranking:
    """Return the ranks of runs that were measured alike, all of which define the metric."""
    sign = -1 if lower_is_better(metric) else 1
    values = sign * np.array([run.document.metrics[metric] for run in runs], dtype=np.float64)
    drawn = sign * np.stack([run.drawn.metrics[metric] for run in runs])
    between = rank_bounds(values, _pairwise(values, drawn, runs[0].drawn.metric_images[metric], draws), _LEVEL)
    resampled = draws.resampled(drawn)
    resampled = resampled[:, ~np.isnan(resampled).any(axis=0)]
    best = chance_of_best(resampled) if resampled.size else None
    return Ranking(sign * values, rank_of(values[:, None])[:, 0], between, best)


def _pairwise(
    values: NDArray[np.float64], drawn: NDArray[np.float64], images: int, draws: Draws
) -> NDArray[np.float64]:
    """Return float64 ``[m, m]``: p of the difference between any two of m models, NaN on the diagonal."""
    p = np.full((len(values), len(values)), np.nan)
    for row in range(len(values) - 1):
        rest = slice(row + 1, None)
        p[row, rest] = np.maximum(draws.p_values(values[rest] - values[row], drawn[rest] - drawn[row]), least_p(images))
        p[rest, row] = p[row, rest]
    return p
