"""Runs to standings: ranks, the ranks that each model may have, who is tied with the first, and who is set apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench import __version__
from detbench.evaluation.draws import Draws
from detbench.evaluation.metrics.paired import rank_of
from detbench.evaluation.pairs import metrics_paired, overall_differences
from detbench.evaluation.ranking import P_VALUE, lower_is_better, rank
from detbench.evaluation.runs import folder_of
from detbench.evaluation.standings.document import Entry, Standings
from detbench.evaluation.standings.entries import entry_of
from detbench.evaluation.standings.group import group_of
from detbench.evaluation.standings.naming import told_apart
from detbench.evaluation.standings.remarks import remarks
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detbench.evaluation.comparison import Difference
    from detbench.evaluation.document import Document
    from detbench.evaluation.runs import Run
    from detbench.evaluation.standings.document import ModelCard, Status
    from detbench.evaluation.standings.group import Group

__all__ = ["standings"]

_P_METHOD = (
    f"{P_VALUE}; Holm's correction over the models compared with the first, and of each model's ranks over all others"
)


def standings(
    runs: Sequence[Run],
    *,
    metric: str | None = None,
    cards: Mapping[str, ModelCard] | None = None,
    broken: Mapping[str, str] | None = None,
    allow_mixed: bool = False,
) -> tuple[Standings, dict[str, Document]]:
    """Rank runs, and return the standings with the full results of all of them, by their entries' names.

    Parameters
    ----------
    runs
        As :func:`~detbench.evaluation.runs.written_run` returns them; without draws, where others
        have some, they are unranked. One alone has rank 1, and nothing is tested.
    metric
        What ranks; by default the protocol's first number. A run that does not define it is unranked.
    cards
        A run's ``source``, or the key in ``broken`` → what its makers say; the card's name is the model's.
    broken
        What gave no run: a folder's name → why, in a sentence.
    allow_mixed
        Set apart what was measured otherwise than most were, instead of refusing it.

    Raises
    ------
    DataError
        If a run was measured otherwise than most were (on another dataset or split, under another protocol, with
        another seed or number of resamples), and not ``allow_mixed``.
    UsageError
        If nothing can be ranked by ``metric``.
    """
    cards, broken = cards or {}, broken or {}
    group = group_of(runs, metric, allow_mixed=allow_mixed)
    measured, broken_names = _named(runs, cards, list(broken))
    ranked = [measured[row] for row in group.ranked]
    draws = _draws(ranked)
    entries = _ranked(ranked, group.metric, draws, cards)
    by_name = {run.name: run for run in ranked}
    others = {
        status: [
            entry_of(measured[row], cards.get(measured[row].source), status, reason=why) for row, why in of.items()
        ]
        for status, of in _not_ranked(group).items()
    }
    missing = [
        Entry(name=name, source=unbroken(source), status="broken", reason=unbroken(why), card=cards.get(source))
        for name, (source, why) in zip(broken_names, broken.items(), strict=True)
    ]
    found = Standings(
        detbench=__version__,
        dataset=ranked[0].document.dataset if ranked else None,
        protocol=ranked[0].document.protocol if ranked else None,
        metric=group.metric,
        lower_is_better=bool(lower_is_better(group.metric)),
        resamples=draws.resamples if draws else 0,
        seed=draws.seed if draws else 0,
        interval_method=draws.method if draws else "",
        p_method=_P_METHOD if draws else "",
        entries=[*entries, *(entry for of in [*others.values(), missing] for entry in sorted(of, key=_name))],
        remarks=remarks(
            [by_name[entry.name] for entry in entries],
            [measured[row] for row in group.unranked],
            [*entries, *others["unranked"]],
            group.metric,
        ),
    )
    return found, {run.name: run.document for run in measured}


def _not_ranked(group: Group) -> dict[Status, dict[int, str]]:
    """Return status → row → why."""
    return {"unranked": group.unranked, "apart": group.apart}


def _name(entry: Entry) -> str:
    return entry.name


def _named(runs: Sequence[Run], cards: Mapping[str, ModelCard], broken: Sequence[str]) -> tuple[list[Run], list[str]]:
    """Return the runs under names of their own, and such names for the folders that gave none."""
    given = [*((run.source, run.name) for run in runs), *((source, source) for source in broken)]
    said = [cards[source].name if source in cards else name for source, name in given]
    names = told_apart(said, [*(folder_of(run.source) for run in runs), *broken])
    named = [replace(run, name=name) for run, name in zip(runs, names, strict=False)]
    return named, names[len(runs) :]


def _draws(ranked: Sequence[Run]) -> Draws | None:
    """Return what the models are compared by; None where there is nothing to compare, or to compare by."""
    if len(ranked) < 2 or not ranked[0].drawn.resamples:  # noqa: PLR2004  one is nothing to compare
        return None
    first = ranked[0]
    return Draws(first.document.dataset.images, resamples=first.drawn.resamples, seed=first.drawn.seed)


class _Place(NamedTuple):
    """Where a run stands; ``best`` and ``behind`` as in :class:`Entry`."""

    run: Run
    rank: int
    rank_interval: tuple[int, int]
    best: float | None = None


def _ranked(ranked: Sequence[Run], metric: str, draws: Draws | None, cards: Mapping[str, ModelCard]) -> list[Entry]:
    """Return the entries by rank, equals by name."""
    places = sorted(_places(ranked, metric, draws), key=lambda place: (place.rank, place.run.name))
    behind = _behind([place.run for place in places], metric, draws)
    return [
        entry_of(
            place.run,
            cards.get(place.run.source),
            "ranked",
            rank=place.rank,
            rank_interval=place.rank_interval,
            tied_with_leader=place.rank_interval[0] == 1,
            best=place.best,
            behind=difference,
        )
        for place, difference in zip(places, behind, strict=True)
    ]


def _places(ranked: Sequence[Run], metric: str, draws: Draws | None) -> list[_Place]:
    if len(ranked) < 2:  # noqa: PLR2004  its number may even be undefined
        return [_Place(run, 1, (1, 1)) for run in ranked]
    if draws is None:  # nothing tells them apart
        sign = -1 if lower_is_better(metric) else 1
        values = np.array([[run.document.metrics[metric]] for run in ranked], dtype=np.float64)
        ranks = rank_of(sign * values)[:, 0]
        return [_Place(run, int(of), (1, len(ranked))) for run, of in zip(ranked, ranks, strict=True)]
    found = rank(ranked, metric, draws)
    best = [None] * len(ranked) if found.best is None else found.best.tolist()
    return [
        _Place(run, int(found.rank[row]), (int(found.between[row, 0]), int(found.between[row, 1])), best[row])
        for row, run in enumerate(ranked)
    ]


def _behind(ordered: Sequence[Run], metric: str, draws: Draws | None) -> list[Difference | None]:
    """Return each run's difference from the first; of the first itself, and where nothing is tested, None."""
    if draws is None:
        return [None] * len(ordered)
    leader, *others = ordered
    paired = [metrics_paired(run, leader, draws) for run in others]
    return [None, *(found[metric] for found in overall_differences(paired, metric))]
