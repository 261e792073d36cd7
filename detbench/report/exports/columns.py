"""The columns of a leaderboard: what stands above each, and what an entry has in it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.parts.proposals import is_named
from detbench.evaluation.ranking import lower_is_better, why_missing
from detbench.report.glossary import explain
from detbench.report.profile_words import significant
from detbench.report.tables import UNDEFINED, number
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detbench.evaluation.standings.document import Entry, Speed, Standings

__all__ = ["Cell", "Column", "columns_of"]


class Column(NamedTuple):
    """What stands in a column.

    Attributes
    ----------
    key
        The metric's name in the standings, or ``rank``, ``rank_interval``, ``model``, ``median_ms``, ``p90_ms``,
        ``fps``, ``parameters``: no two columns have the same.
    heading, meaning
        What stands above it, and what that is in one to four sentences.
    origin
        Where its numbers come from: ``protocol coco``, ``proposals, protocol coco``, ``timing``, ``model.toml`` …
    is_number
        Whether its cells have values, and are set to the right.
    lower_is_better
        Which end is the better one; None where neither is.
    is_ranking
        Whether the models are ranked by it.
    """

    key: str
    heading: str
    meaning: str
    origin: str
    is_number: bool = True
    lower_is_better: bool | None = None
    is_ranking: bool = False


class Cell(NamedTuple):
    """One number of one model as a reader meets it.

    ``text`` is a dash where there is none, ``reason`` says why; ``value``, ``low`` and ``high`` are what it is sorted
    and drawn by; ``interval`` is ``[low, high]`` as text or empty; ``best`` whether no model has a better one that
    may be compared with it.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    reason: str = ""
    best: bool = False


#: Numbers that say the same of fewer predictions, or of a part of the ground truth: they stand in what has all.
_DETAILS = re.compile(r"AR\d{1,6}|AR[sml]|count_.*|proposal_.*")

#: What of counting and of proposals everybody asks for first.
_COUNTING = ("count_MAE", "count_RMSE")
_PROPOSALS = re.compile(r"proposal_recall50@(\d{1,4})")

_MILLION = 1_000_000


def columns_of(
    standings: Standings, entries: Sequence[Entry], *, every: bool
) -> Iterator[tuple[Column, Callable[[Entry], Cell]]]:
    """Yield each column with what makes an entry's cell."""
    resamples = f"a paired bootstrap of {standings.resamples:,} resamples" if standings.resamples else "no bootstrap"
    yield Column("rank", "rank", f"By {standings.metric or 'nothing'}; equals share a rank.", "ranking"), _rank
    yield (
        Column(
            "rank_interval",
            "ranks",
            "The ranks that the model may have: behind all that are significantly better, before all that are "
            "significantly worse, corrected for the number of models (Holm).",
            f"ranking, {resamples}",
        ),
        _rank_interval,
    )
    yield Column("model", "model", "What its makers call it.", "model.toml", is_number=False), _model
    names = list(dict.fromkeys(name for entry in entries for name in entry.metrics))
    for name in _metrics(names, standings.metric, every=every):
        yield _metric_column(name, names, standings), partial(_metric, name)
    for column, cell in _SPEED:
        yield column, partial(_speed, cell)
    yield _PARAMETERS, _parameters


def _metrics(names: list[str], ranking: str, *, every: bool) -> list[str]:
    """Return what has a column: what ranks, the protocol's numbers, proposals', counts'."""
    if every:
        return names
    own = [name for name in names if not _DETAILS.fullmatch(name)]
    recalls = [name for name in names if re.fullmatch(r"AR\d{1,6}", name)]
    counts = [name for name in _COUNTING if name in names]
    proposals = [name for name in names if _PROPOSALS.fullmatch(name)]
    first = [ranking] if ranking in names else []
    return list(dict.fromkeys([*first, *own, *recalls[-1:], *proposals, *counts]))


def _metric_column(name: str, names: Sequence[str], standings: Standings) -> Column:
    protocol = standings.protocol or {}
    origin = f"protocol {protocol.get('name', 'unnamed')}"
    proposals = _PROPOSALS.fullmatch(name)
    heading = f"recall@{proposals[1]}" if proposals else name.replace("_", " ")
    if is_named(name):
        origin = f"proposals, {origin}"
    return Column(
        key=name,
        heading=heading,
        meaning=explain(name, dict.fromkeys(names), protocol).long,
        origin=origin,
        lower_is_better=lower_is_better(name),
        is_ranking=name == standings.metric,
    )


def _rank(entry: Entry) -> Cell:
    if entry.rank is None:
        return Cell(UNDEFINED, reason=entry.reason)
    return Cell(f"{entry.rank:,}", float(entry.rank))


def _rank_interval(entry: Entry) -> Cell:
    if entry.rank_interval is None:
        return Cell(UNDEFINED, reason=entry.reason)
    low, high = entry.rank_interval
    text = f"{low:,}" if low == high else f"{low:,}–{high:,}"
    return Cell(text, float(low), float(low), float(high))


def _model(entry: Entry) -> Cell:
    return Cell(entry.name)


def _metric(name: str, entry: Entry) -> Cell:
    value = entry.metrics.get(name)
    if value is None:
        alone = bool(entry.metrics) and all(map(is_named, entry.metrics))
        missing = "the result gives no reason" if name in entry.metrics else why_missing(name)
        missing = "it gives proposals alone" if alone and not is_named(name) else missing
        return Cell(UNDEFINED, reason=entry.reasons.get(name, missing))
    low, high = entry.intervals.get(name, (None, None))
    interval = "" if low is None or high is None else f"[{number(low)}, {number(high)}]"
    return Cell(number(value), value, low, high, interval)


_NOT_TIMED = Cell(UNDEFINED, reason="no times were given")


def _speed(cell: Callable[[Speed], Cell], entry: Entry) -> Cell:
    return cell(entry.speed) if entry.speed else _NOT_TIMED


def _timed(value: float, ends: tuple[float, float] | None = None) -> Cell:
    low, high = ends or (None, None)
    interval = "" if ends is None else f"[{significant(ends[0])}, {significant(ends[1])}]"
    return Cell(significant(value), value, low, high, interval)


_SPEED: tuple[tuple[Column, Callable[[Speed], Cell]], ...] = (
    (
        Column(
            "median_ms",
            "median ms",
            "Half of the pictures took no more milliseconds than this, decoding and post-processing included. Times "
            "on different machines are not compared.",
            "timing",
            lower_is_better=True,
        ),
        lambda speed: _timed(speed.median_ms, speed.median_interval_ms),
    ),
    (
        Column(
            "p90_ms",
            "p90 ms",
            "Nine pictures of ten took no more milliseconds than this. Times on different machines are not compared.",
            "timing",
            lower_is_better=True,
        ),
        lambda speed: _timed(speed.p90_ms),
    ),
    (
        Column(
            "fps",
            "FPS",
            "Pictures a second: one over the median time.",
            "timing",
            lower_is_better=False,
        ),
        lambda speed: _timed(speed.fps, speed.fps_interval),
    ),
)

#: No end is better: fewer are cheaper, and more are no merit.
_PARAMETERS = Column("parameters", "parameters", "How many numbers were trained, as its makers say.", "model.toml")


def _parameters(entry: Entry) -> Cell:
    parameters = entry.card.parameters if entry.card else None
    if parameters is None:
        return Cell(UNDEFINED, reason="its makers do not say")
    text = f"{parameters / _MILLION:,.1f} M" if parameters >= _MILLION else f"{parameters:,}"
    return Cell(text, float(parameters), reason=counted(parameters, "parameter"))
