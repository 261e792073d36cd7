"""Each number of a model less the baseline's, with its interval, p-value and what that says in a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.comparison import CategoryDifference, Difference
from detbench.evaluation.document import COUNTS
from detbench.evaluation.metrics.paired import holm, least_p, opposite_share
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detbench.evaluation.comparison import Verdict
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.runs import Run

__all__ = ["Paired", "category_differences", "metrics_paired", "overall_differences"]

#: p-values below this are called significant; the intervals' level is its complement.
_SIGNIFICANT = 0.05

#: Fewer images than this have no interval.
_FEWEST_IMAGES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """n numbers of a model and of the baseline; NaN where undefined, for the ``reasons``.

    ``model`` and ``baseline`` are float64 ``[n]``, ``drawn`` float64 ``[n, S]`` their difference in every draw,
    ``images`` int64 ``[n]``: in how many there is what is measured; ``p`` float64 ``[n]``.
    """

    names: list[str]
    model: NDArray[np.float64]
    baseline: NDArray[np.float64]
    drawn: NDArray[np.float64]
    images: NDArray[np.int64]
    reasons: list[str]
    draws: Draws

    @property
    def difference(self) -> NDArray[np.float64]:
        """Return float64 ``[n]``: the model's numbers less the baseline's."""
        return self.model - self.baseline

    def p(self) -> NDArray[np.float64]:
        """Return float64 ``[n]``: two-sided p-values, NaN where undefined.

        Draws of few images do not know how few they are: p is at least :func:`~.metrics.paired.least_p`.
        """
        return np.maximum(
            self.draws.p_values(self.difference, self.drawn), [least_p(int(number)) for number in self.images]
        )

    def differences(self, p: NDArray[np.float64], p_holm: NDArray[np.float64]) -> dict[str, Difference]:
        """Return a difference a name, with the p-values ``[n]`` and those that are corrected for their number."""
        point = self.difference
        opposite = opposite_share(point, self.draws.resampled(self.drawn))
        ends = self.draws.intervals(point, self.drawn)
        shares = [not name.startswith(COUNTS) for name in self.names]  # a difference of shares is within −1 to 1
        ends[shares] = ends[shares].clip(-1.0, 1.0)
        ends[self.images < _FEWEST_IMAGES] = np.nan
        equal = (point == 0) & ~np.nan_to_num(self.drawn).any(axis=1)
        found = {}
        for row, name in enumerate(self.names):
            difference, images = _number(point[row]), int(self.images[row])
            verdict = _verdict(difference, float(p_holm[row]), equal=bool(equal[row]))
            found[name] = Difference(
                model=_number(self.model[row]),
                baseline=_number(self.baseline[row]),
                difference=difference,
                low=_number(ends[row, 0]),
                high=_number(ends[row, 1]),
                opposite=_number(opposite[row]),
                p=_number(p[row]),
                p_holm=_number(p_holm[row]),
                verdict=verdict,
                reason=self.reasons[row] if verdict == "undefined" else _too_few(verdict, images),
            )
        return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _verdict(difference: float | None, p_holm: float, *, equal: bool) -> Verdict:
    if difference is None:
        return "undefined"
    if equal:
        return "equal"
    if not p_holm < _SIGNIFICANT:  # nor where no resample defines it
        return "not significant"
    return "higher" if difference > 0 else "lower"


def _too_few(verdict: Verdict, images: int) -> str:
    if verdict == "not significant" and least_p(images) >= _SIGNIFICANT:
        return f"{counted(images, 'image')} cannot show a difference"
    return ""


def metrics_paired(run: Run, first: Run, draws: Draws) -> Paired:
    """Return a run's overall numbers beside the baseline's."""
    names = [name for name in first.drawn.metrics if name in run.drawn.metrics]
    return Paired(
        names=names,
        model=_numbers(run.document.metrics, names),
        baseline=_numbers(first.document.metrics, names),
        drawn=np.stack([run.drawn.metrics[name] - first.drawn.metrics[name] for name in names]),
        images=np.array([first.drawn.metric_images[name] for name in names]),
        reasons=[first.document.reasons.get(name, "") for name in names],
        draws=draws,
    )


def _numbers(metrics: Mapping[str, float | None], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([np.nan if (value := metrics.get(name)) is None else value for name in names], dtype=np.float64)


def overall_differences(paired: Sequence[Paired], ranking: str) -> list[dict[str, Difference]]:
    """Return each model's differences; Holm's correction for the ranking metric, and for all the other metrics."""
    p = [pair.p() for pair in paired]
    every = np.concatenate(p)
    asked_first = np.concatenate([[name == ranking for name in pair.names] for pair in paired])
    corrected = np.empty_like(every)
    for family in (asked_first, ~asked_first):
        corrected[family] = holm(every[family])
    ends = np.cumsum([len(pair.names) for pair in paired])[:-1]
    return [pair.differences(*ps) for pair, *ps in zip(paired, p, np.split(corrected, ends), strict=True)]


def category_differences(run: Run, first: Run, draws: Draws) -> list[CategoryDifference]:
    """Return the differences of each category, with Holm's correction over the categories.

    Proposals alone have none.
    """
    if not run.document.per_category:
        return []
    tables = {}
    for metric in (name for name in first.drawn.per_category if name in run.drawn.per_category):
        paired = _category_paired(run, first, metric, draws)
        p = paired.p()
        tables[metric] = list(paired.differences(p, holm(p)).values())
    return [
        CategoryDifference(
            name=category.name,
            ground_truths=category.ground_truths,
            images=int(first.drawn.category_images[row]),
            metrics={metric: table[row] for metric, table in tables.items()},
        )
        for row, category in enumerate(first.document.per_category)
    ]


def _category_paired(run: Run, first: Run, metric: str, draws: Draws) -> Paired:
    mine, theirs = run.document.per_category, first.document.per_category
    return Paired(
        names=[str(row) for row in range(len(theirs))],  # two categories may have one name
        model=np.concatenate([_numbers(category.metrics, [metric]) for category in mine] or [np.zeros(0)]),
        baseline=np.concatenate([_numbers(category.metrics, [metric]) for category in theirs] or [np.zeros(0)]),
        drawn=run.drawn.per_category[metric] - first.drawn.per_category[metric],
        images=first.drawn.category_images,
        reasons=[category.reasons.get(metric, "") for category in theirs],
        draws=draws,
    )
