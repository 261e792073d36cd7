"""Which runs are ranked together: the most that were measured alike, and why each other one is not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from detbench.errors import DataError, UsageError
from detbench.evaluation.ranking import lower_is_better, require_rankable, why_missing
from detbench.evaluation.runs import mismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.evaluation.runs import Run

__all__ = ["Group", "group_of"]

#: Beginnings of the names of numbers that are not the protocol's own: they rank where there is no other.
_PARTS = ("count_", "proposal_")

_NO_DRAWS = (
    "it has no draws (draws.npz), and models are ranked by them: evaluate it again with detbench eval -o, without "
    "--no-intervals"
)


class Group(NamedTuple):
    """``ranked`` are row numbers of the runs that are ranked by ``metric``, ascending; of the others, row → why not.

    ``unranked`` were measured alike, ``apart`` otherwise.
    """

    metric: str
    ranked: list[int]
    unranked: dict[int, str]
    apart: dict[int, str]


def group_of(runs: Sequence[Run], metric: str | None, *, allow_mixed: bool) -> Group:
    """Return the largest group of runs that were measured alike, the one whose run comes first among equals.

    Alike means: the same ground truth, protocol, seed and number of resamples. A run without draws cannot be tested
    against the others, and is not ranked; where no run has any, all are ranked by their numbers.

    Raises
    ------
    DataError
        If a run was measured otherwise and not ``allow_mixed``.
    UsageError
        If nothing of the group can be ranked by ``metric``.
    """
    if not runs:
        return Group(metric or "", [], {}, {})
    tested = [row for row, run in enumerate(runs) if run.drawn.resamples] or list(range(len(runs)))
    first = runs[_first_of_most([runs[row] for row in tested], tested)]
    alike: list[int] = []
    unranked: dict[int, str] = {}
    apart: dict[int, str] = {}
    for row, run in enumerate(runs):
        if found := mismatch(run, first):
            if not allow_mixed:
                text = f"was measured {found.words}, and {first.source} {found.reference}"
                raise DataError(text, file=run.source, remedy=f"give runs {found.wanted}, or say --allow-mixed")
            apart[row] = f"it was measured {found.words}, and those that are ranked {found.reference}"
        elif first.drawn.resamples and not run.drawn.resamples:
            unranked[row] = _NO_DRAWS
        else:
            alike.append(row)
    name = _ranking_metric([runs[row] for row in alike], metric)
    if len(alike) > 1:
        unranked |= {row: why for row in alike if (why := _why_undefined(runs[row], name))}
    return Group(name, [row for row in alike if row not in unranked], unranked, apart)


def _first_of_most(runs: Sequence[Run], rows: Sequence[int]) -> int:
    """Return the row of the first run of the largest group."""
    keys = [
        (
            run.document.dataset.fingerprint,
            str(run.document.protocol.get("fingerprint")),
            run.drawn.seed,
            run.drawn.resamples,
        )
        for run in runs
    ]
    often = Counter(keys)
    most = max(often.values())
    return next(row for row, key in zip(rows, keys, strict=True) if often[key] == most)


def _ranking_metric(runs: Sequence[Run], wanted: str | None) -> str:
    """Return what ranks: ``wanted``, which some run must define, or the first of the protocol that some run defines."""
    names = list(dict.fromkeys(name for run in runs for name in run.drawn.metrics or run.document.metrics))
    if wanted is not None:
        require_rankable(wanted, names)
        if all(reasons := [_why_undefined(run, wanted) for run in runs]):
            raise UsageError(f"no model can be ranked: {reasons[0]}")
        return wanted
    names = [name for name in names if lower_is_better(name) is not None]
    own = sorted(names, key=lambda name: name.startswith(_PARTS))
    defined = [name for name in own if any(not _why_undefined(run, name) for run in runs)]
    return next(iter([*defined, *own]), "")


def _why_undefined(run: Run, metric: str) -> str:
    """Return why a run cannot be ranked by a metric, or nothing where it can."""
    if run.document.is_of_proposals_alone and not metric.startswith(_PARTS):
        return f"it gives proposals alone, which have no {metric}"
    if run.document.metrics.get(metric) is None:
        missing = why_missing(metric) if metric not in run.document.metrics else "it is undefined"
        return f"it has no {metric}, which ranks: {run.document.reasons.get(metric, missing)}"
    if run.drawn.resamples and metric not in run.drawn.metrics:
        return f"its draws have no {metric}, which ranks: evaluate it again with detbench eval -o"
    return ""
