"""Models compared: which is ahead, by how much, and whether other images of the kind could turn it round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench import __version__
from detbench.errors import UsageError
from detbench.evaluation.comparison import Comparison, Contestant
from detbench.evaluation.draws import Draws
from detbench.evaluation.pairs import category_differences, metrics_paired, overall_differences
from detbench.evaluation.ranking import P_VALUE, lower_is_better, rank, require_rankable
from detbench.evaluation.results import Result
from detbench.evaluation.runs import evaluated_runs, remarks_on, require_alike, written_runs
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Unpack

    from detbench.data.tables import Dataset
    from detbench.evaluation.comparison import CategoryDifference, Difference
    from detbench.evaluation.runs import Options, Run

__all__ = ["compare"]

_LONGEST_LIST = 300

_P_METHOD = f"{P_VALUE}; Holm's correction within the ranking metric, the other metrics, and each model's categories"


def compare(
    *runs: Result | Path | str,
    ground_truth: Dataset | Path | str | None = None,
    baseline: str | None = None,
    metric: str | None = None,
    per_category: bool = True,
    **options: Unpack[Options],
) -> Comparison:
    """Compare models with a baseline on the same ground truth, by a paired bootstrap over images.

    Parameters
    ----------
    runs
        Two or more: folders that ``detbench eval -o`` wrote, or the ``result.json`` in them, or results of
        :func:`~detbench.evaluation.evaluate.evaluate`; with ``ground_truth``, predictions, which are evaluated.
    ground_truth, **options
        What to evaluate predictions on, and how: ``protocol``, ``split``, ``resamples``, ``seed`` and what else
        :func:`~detbench.evaluation.evaluate.evaluate` takes.
    baseline
        The name, or the path as given, of the model that the others are compared with; by default the first.
    metric
        What ranks; by default the protocol's first number.
    per_category
        Whether to compare each category too.

    Raises
    ------
    DataError
        If a run cannot be read, has no draws, or was not measured as the first was: on another dataset or split,
        under another protocol, with another seed or number of resamples.
    UsageError
        If there are fewer than two runs, two of the same name, or no such baseline or metric.
    """
    if len(runs) < 2:  # noqa: PLR2004  one is nothing to compare
        raise UsageError("compare takes two runs or more")
    if ground_truth is None and options:
        raise UsageError(f"without ground truth nothing is evaluated, so {', '.join(options)} cannot be chosen")
    found = written_runs(runs) if ground_truth is None else evaluated_runs(_paths(runs), ground_truth, options)
    require_alike(found)
    first = _baseline(found, baseline)
    name = _ranking_metric(found, metric)
    draws = Draws(first.document.dataset.images, resamples=first.drawn.resamples, seed=first.drawn.seed)
    others = [run for run in found if run is not first]
    overall = overall_differences([metrics_paired(run, first, draws) for run in others], name)
    categories = [category_differences(run, first, draws) if per_category else [] for run in others]
    compared = dict(zip((run.name for run in others), zip(overall, categories, strict=True), strict=True))
    return Comparison(
        detbench=__version__,
        dataset=first.document.dataset,
        protocol=first.document.protocol,
        metric=name,
        lower_is_better=bool(lower_is_better(name)),
        baseline=first.name,
        resamples=draws.resamples,
        seed=draws.seed,
        interval_method=draws.method,
        p_method=_P_METHOD,
        models=_contestants(found, first, name, draws, compared),
        remarks=remarks_on(found),
    )


def _paths(runs: Sequence[Result | Path | str]) -> list[Path | str]:
    paths = [run for run in runs if not isinstance(run, Result)]
    if len(paths) < len(runs):
        raise UsageError("with ground truth, give files of predictions and not results")
    return paths


def _baseline(runs: Sequence[Run], wanted: str | None) -> Run:
    for run in runs:
        if wanted in (None, run.name, run.source):
            return run
    raise UsageError(f"there is no model {wanted!r:.200} to compare with; there are {_list(run.name for run in runs)}")


def _ranking_metric(runs: Sequence[Run], wanted: str | None) -> str:
    """Return the metric that ranks: one that every run has, in its result and in its draws. Raises UsageError."""
    shared = [name for name in runs[0].drawn.metrics if all(name in run.drawn.metrics for run in runs)]
    if not shared:
        why = "one has proposals alone, and another none"
        if all(run.document.proposals for run in runs):
            why = "their proposals were counted otherwise; evaluate all with the same --proposal-counts"
        raise UsageError(f"the runs have no number in common: {why}")
    name = require_rankable(wanted, shared)
    for run in runs:
        if run.document.metrics.get(name) is None:
            why = run.document.reasons.get(name, "it is undefined")
            raise UsageError(f"no model can be ranked by {name}: {why}")
    return name


def _list(names: Iterable[str]) -> str:
    return brief(", ".join(names), _LONGEST_LIST)


def _contestants(
    runs: Sequence[Run],
    first: Run,
    metric: str,
    draws: Draws,
    compared: Mapping[str, tuple[dict[str, Difference], list[CategoryDifference]]],
) -> list[Contestant]:
    """Return the models by rank, equals in the order they were given in."""
    values, ranks, between, best = rank(runs, metric, draws)
    if best is None:
        raise UsageError(f"no model can be ranked by {metric}: no resample defines it")
    found = []
    for row in np.argsort(ranks, kind="stable").tolist():
        run, facts = runs[row], runs[row].document.predictions
        differences, categories = compared.get(run.name, ({}, []))
        found.append(
            Contestant(
                name=run.name,
                predictions=facts.source,
                fingerprint=facts.fingerprint,
                detbench=run.document.detbench,
                value=float(values[row]),
                interval=run.document.intervals.get(metric),
                rank=int(ranks[row]),
                rank_interval=(int(between[row, 0]), int(between[row, 1])),
                best=float(best[row]),
                same_predictions=facts.fingerprint == first.document.predictions.fingerprint,
                differences=differences,
                per_category=categories,
            )
        )
    return found
