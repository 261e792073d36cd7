"""The standing: who is ahead in one sentence, then the leaderboard, those measured otherwise, and the broken."""

from __future__ import annotations

from itertools import groupby
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.exports.table import leaderboard
from detbench.report.glossary import explain
from detbench.report.sections.headline import headline, plain
from detbench.report.sections.model import MOST_DRAWN
from detbench.words import brief, counted, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from detbench.evaluation.standings.document import Entry, ModelCard, Standings
    from detbench.report.exports.table import Cell, Column, Row
    from detbench.report.sections.headline import Piece

__all__ = ["Aside", "RowView", "Scale", "StandingView", "standing"]

_LONGEST_NOTE = 300
_LONGEST_LIST = 160
_LONGEST_REASON = 500
_LONGEST_HEADLINE = 240

#: An axis is as long as this at least: shares that differ in the fourth digit alone should look alike.
_SHORTEST = 0.02


class Scale(NamedTuple):
    """An axis between two round numbers, for whiskers in a table; ``low_text`` and ``high_text`` stand at its ends."""

    low: float
    high: float
    low_text: str
    high_text: str

    def place(self, value: float) -> float:
        """Return where a value lies, 0 at the low end and 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


class Aside(NamedTuple):
    """A few words under a model's name; ``link`` is empty unless it is one that a browser may follow."""

    text: str
    link: str = ""
    is_standing: bool = False


class RowView(NamedTuple):
    """A model with its cells in the columns' order.

    ``mark`` is None where figures do not draw it; ``page``, an address beside this page, may be empty.
    """

    name: str
    page: str
    mark: int | None
    is_tied: bool
    asides: list[Aside]
    cells: list[Cell]


class StandingView(NamedTuple):
    """What the page opens with.

    ``origins`` are the columns' origins with how many columns each spans; ``scale`` is that of the ranking metric,
    None where no ranked model has it; ``models`` is how many are ranked, ``shown`` how many of the rows figures show.
    ``warnings`` says how many there are, and is empty where there are none.
    ``apart`` are names, what was measured, and why they are apart; ``broken`` names and why.
    """

    kicker: str
    title: str
    sentence: list[Piece]
    is_long: bool
    lead: str
    leader: Cell | None
    metric: str
    scale: Scale | None
    models: int
    shown: int
    columns: list[Column]
    origins: list[tuple[str, int]]
    rows: list[RowView]
    tie_note: str
    warnings: str
    apart: list[tuple[str, str, str]]
    broken: list[tuple[str, str]]


def standing(standings: Standings, pages: Mapping[str, str]) -> StandingView:
    """Return what the page opens with; ``pages`` leads from a model's name to a page of its own."""
    table, ranked = leaderboard(standings), len(standings.of("ranked"))
    sentence, tied = headline(standings), _tied(standings)
    leaders = sum(row.entry.rank == 1 for row in table.rows)
    place = next((place for place, column in enumerate(table.columns) if column.is_ranking), None)
    ranking = [] if place is None else [row.cells[place] for row in table.rows]
    protocol = brief(str((standings.protocol or {}).get("name", "unnamed")), 60)
    on = f", {_data(standings)}, protocol {protocol}" if standings.dataset else ""
    return StandingView(
        kicker=f"detbench leaderboard{on}",
        title=_title(standings),
        sentence=sentence,
        is_long=len(plain(sentence)) > _LONGEST_HEADLINE,
        lead=_lead(standings),
        leader=ranking[0] if ranking and ranking[0].value is not None else None,
        metric=standings.metric,
        scale=_scale(ranking, is_share=not standings.lower_is_better),
        models=ranked,
        shown=min(MOST_DRAWN, len(table.rows)),
        columns=table.columns,
        origins=[(origin, len(list(group))) for origin, group in groupby(map(_origin, table.columns))],
        rows=[_row(row, mark, pages.get(row.entry.name, ""), tied, leaders) for mark, row in enumerate(table.rows)],
        tie_note=_tie_note(standings, ranked, len(tied)),
        warnings=_warnings(standings),
        apart=[(row.entry.name, _measured(row.entry), brief(row.entry.reason, _LONGEST_REASON)) for row in table.apart],
        broken=[(entry.name, brief(entry.reason, _LONGEST_REASON)) for entry in table.broken],
    )


def _data(standings: Standings) -> str:
    data = standings.dataset
    if data is None:
        return "nothing"
    return f"{named(data.name, 60)}{f' ({brief(data.split, 40)})' if data.split else ''}"


def _title(standings: Standings) -> str:
    """Return what a tab says."""
    ranked = standings.of("ranked")
    models = len(standings.alike())
    what = brief(ranked[0].name, 40) if models == len(ranked) == 1 else counted(models, "model")
    return f"{what} on {_data(standings)}"


def _lead(standings: Standings) -> str:
    """Return what it was measured on and how ties are told, in two sentences."""
    data = standings.dataset
    if data is None:
        return ""
    images = counted(data.images, "image")
    objects = f"{counted(data.ground_truths, 'ground truth')} of {counted(data.categories, 'category', 'categories')}"
    text = f"Measured on {images} with {objects}, by {_ranking(standings)}"
    if len(standings.of("ranked")) < 2 or not standings.resamples:  # noqa: PLR2004  one model has nobody to beat
        return text
    return (
        f"{text} Two models are tied where these images cannot tell which of them is better: drawn anew "
        f"{standings.resamples:,} times, the same for both, they leave it in doubt. With more models, more is asked of "
        "each difference (Holm)."
    )


def _warnings(standings: Standings) -> str:
    """Return how many remarks are graver than a note."""
    number = sum(remark.severity != "note" for remark in standings.remarks)
    return counted(number, "warning") if number else ""


def _ranking(standings: Standings) -> str:
    """Return what ranks and what that is, to the end of its last sentence."""
    names = dict.fromkeys(name for entry in standings.alike() for name in entry.metrics)
    meaning = explain(standings.metric, names, standings.protocol).long
    return f"{standings.metric}: {meaning[:1].lower()}{meaning[1:]}"


def _origin(column: Column) -> str:
    """Return what stands above columns of the same origin; how ranks were drawn is said above the table."""
    if column.key == "model":
        return ""
    return column.origin.partition(",")[0] if column.key in {"rank", "rank_interval"} else column.origin


def _row(row: Row, mark: int, page: str, tied: set[str], leaders: int) -> RowView:
    entry = row.entry
    is_tied = entry.name in tied
    return RowView(
        name=entry.name,
        page=page,
        mark=mark if mark < MOST_DRAWN else None,
        is_tied=is_tied and len(tied) > 1,
        asides=[*_stands(entry, tied, leaders), *_said(entry.card)],
        cells=row.cells,
    )


def _stands(entry: Entry, tied: set[str], leaders: int) -> Iterator[Aside]:
    if entry.status == "unranked":
        yield Aside(f"not ranked: {brief(entry.reason, _LONGEST_REASON)}")
    if entry.name in tied:
        leads = "shares the lead" if leaders > 1 else "leads" if len(tied) == 1 else "first, and tied"
        yield Aside(leads if entry.rank == 1 else "tied with the first", is_standing=True)


def _said(card: ModelCard | None) -> Iterator[Aside]:
    """Yield what its makers say of a model."""
    if card is None:
        return
    if card.authors:
        yield Aside(_listed(card.authors))
    if card.training_data:
        yield Aside(f"trained on {_listed(card.training_data)}")
    if card.link and card.link.lower().startswith(("https://", "http://")):
        yield Aside(brief(card.link.partition("://")[2].partition("/")[0], 40), card.link)
    if card.notes:
        yield Aside(brief(card.notes, _LONGEST_NOTE))


def _listed(names: Iterable[str]) -> str:
    return brief(", ".join(names), _LONGEST_LIST)


def _measured(entry: Entry) -> str:
    """Return what a model was measured on, in a few words."""
    data = entry.dataset
    on = f"{named(data.name, 60)}{f' ({brief(data.split, 40)})' if data.split else ''}" if data else "nothing"
    return f"{on}, protocol {brief(entry.protocol, 60)}" if entry.protocol else on


def _tie_note(standings: Standings, models: int, tied: int) -> str:
    """Return what the shade of a row means."""
    if models < 2 or not standings.resamples:  # noqa: PLR2004  one model has nobody to beat
        return ""
    return "Shaded rows are tied with the first." if tied > 1 else "Nobody is tied with the first."


def _tied(standings: Standings) -> set[str]:
    """Return the names of those that may be the first, itself among them; none where nothing was tested."""
    return {entry.name for entry in standings.of("ranked") if standings.resamples and entry.tied_with_leader}


def _scale(cells: Sequence[Cell], *, is_share: bool) -> Scale | None:
    """Return an axis from a round number below all intervals to one above; of shares it stays between 0 and 1."""
    ends = [end for cell in cells for end in (cell.value, cell.low, cell.high) if end is not None]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    span = max(high - low, _SHORTEST * max(abs(high), 1e-9))
    step = _round_up(span / 4)
    start, end = floor(low / step) * step, ceil(high / step) * step
    if is_share:
        start, end = max(start, 0.0), min(end, 1.0)
    if end <= start:
        start, end = start - step, end + step
    digits = max(0, -floor(log10(step)))
    return Scale(start, end, f"{start:.{digits}f}", f"{end:.{digits}f}")


def _round_up(value: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= value), 10 * power)
