"""The leaderboard as a table of text: read by the page, and by every form that it is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.exports.columns import Cell, Column, columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.evaluation.standings.document import Entry, Standings

__all__ = ["Cell", "Column", "Row", "Table", "leaderboard"]


class Row(NamedTuple):
    """One model, with a cell a column."""

    entry: Entry
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """The leaderboard: ``rows`` are the ranked by rank, then the unranked; ``broken`` have no result.

    ``apart``, those measured otherwise, have cells in the same columns; a number under another protocol is another
    number.
    """

    columns: list[Column]
    rows: list[Row]
    apart: list[Row]
    broken: list[Entry]


def leaderboard(standings: Standings, *, every: bool = False) -> Table:
    """Return the leaderboard; ``every`` gives each metric a column, also those that few ask for.

    A column is left out in which no model has a number; what was measured on other data, or under another protocol,
    has no column of its own unless nothing is ranked.
    """
    alike, apart = standings.alike(), standings.of("apart")
    shown = [*alike, *(entry for entry in apart if not alike or _is_alike(entry, standings))]
    found = [
        (column, cell)
        for column, cell in columns_of(standings, shown, every=every)
        if any(cell(entry).value is not None for entry in shown) or column.is_ranking or not column.is_number
    ]
    cells = [_marked(column, [cell(entry) for entry in alike], alike) for column, cell in found]
    return Table(
        columns=[column for column, _ in found],
        rows=[Row(entry, [column[place] for column in cells]) for place, entry in enumerate(alike)],
        apart=[Row(entry, [cell(entry) for _, cell in found]) for entry in apart],
        broken=standings.of("broken"),
    )


def _is_alike(entry: Entry, standings: Standings) -> bool:
    """Return whether an entry's numbers are of the ranked ones' data and protocol, for all that sets it apart."""
    if entry.dataset is None or standings.dataset is None or standings.protocol is None:
        return False
    same_data = entry.dataset.fingerprint == standings.dataset.fingerprint
    return same_data and entry.protocol == standings.protocol["name"]


def _marked(column: Column, cells: list[Cell], entries: Sequence[Entry]) -> list[Cell]:
    """Return the cells with the best marked; of one model nothing is the best, nor of times on several machines."""
    values = [cell.value for cell in cells if cell.value is not None]
    machines = {entry.speed.machine for entry in entries if entry.speed}
    if column.lower_is_better is None or len(values) < 2 or (column.origin == "timing" and len(machines) > 1):  # noqa: PLR2004
        return cells
    best = min(values) if column.lower_is_better else max(values)
    return [cell._replace(best=cell.value == best) for cell in cells]
