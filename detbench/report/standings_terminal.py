"""Standings for a terminal: who stands where, by what ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.exports.table import leaderboard
from detbench.report.terminal import GAP, plain_head, plain_table, plain_text
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from detbench.evaluation.standings.document import Standings

__all__ = ["StandingsTable", "notes", "standings_table"]

_SHOWN = ("rank", "rank_interval", "model")
_LONGEST_NAME = 60

#: More models without a rank than this are counted.
_MOST_NOTED = 8

#: A name that is folded into less than this is no longer read: what can be missed goes first, in this order.
_MIN_NAME = 12
_INTERVAL = "interval"
_MISSED_LEAST = (_INTERVAL, "rank_interval")


class _Shown(NamedTuple):
    """A column with its cells; ``key`` as a leaderboard's, or ``interval``."""

    key: str
    heading: str
    is_number: bool
    cells: list[str]

    @property
    def width(self) -> int:
        return max(map(len, [*self.heading.split("\n"), *self.cells]))


def standings_table(standings: Standings) -> StandingsTable:
    """Return the models: rank, the ranks that each may have, name, and the number that ranks with its interval."""
    found = leaderboard(standings)
    columns = [
        _Shown(
            column.key,
            column.heading,
            column.is_number,
            [brief(row.cells[place].text, _LONGEST_NAME) for row in found.rows],
        )
        for place, column in enumerate(found.columns)
        if column.key in _SHOWN or column.is_ranking
    ]
    ranking = next((place for place, column in enumerate(found.columns) if column.is_ranking), None)
    intervals = ["" if ranking is None else row.cells[ranking].interval for row in found.rows]
    return StandingsTable([*columns, _Shown(_INTERVAL, "95 % interval", is_number=False, cells=intervals)])


def notes(standings: Standings) -> Iterator[str]:
    """Yield what to know beside the table: why models have no rank, and the remarks."""
    others = [*standings.of("unranked"), *standings.of("apart")]
    for entry in others[:_MOST_NOTED]:
        yield f"note: {brief(entry.name, _LONGEST_NAME)} is not ranked: {entry.reason}"
    if len(others) > _MOST_NOTED:
        yield f"note: nor are {len(others) - _MOST_NOTED} others: see standings.md"
    yield from (f"{remark.severity}: {remark.message}" for remark in standings.remarks)


@dataclass(frozen=True, slots=True)
class StandingsTable:
    """A table that Rich renders: numbers are never cut; where names have no room, columns are left out and named."""

    columns: list[_Shown]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out for a console (Rich's protocol)."""
        shown, missed = list(self.columns), []
        for key in _MISSED_LEAST:
            if _room(shown, options.max_width) < min(_MIN_NAME, _name(shown).width):
                missed += [column for column in shown if column.key == key]
                shown = [column for column in shown if column.key != key]
        table = plain_table()
        for column in shown:
            width = max(_room(shown, options.max_width), 1) if column.key == "model" else None
            table.add_column(
                plain_head(column.heading),
                justify="right" if column.is_number else "left",
                overflow="fold",
                max_width=width,
                no_wrap=width is None,
            )
        for row in zip(*(column.cells for column in shown), strict=True):
            table.add_row(*map(plain_text, row))
        yield table
        if missed:
            names = " and ".join(column.heading for column in missed)
            yield plain_text(f"no room for {names}: see standings.md")


def _name(columns: list[_Shown]) -> _Shown:
    return next(column for column in columns if column.key == "model")


def _room(columns: list[_Shown], width: int) -> int:
    """Return how many columns of the terminal are left for the model's name."""
    return width - sum(len(GAP) + column.width for column in columns if column.key != "model")
