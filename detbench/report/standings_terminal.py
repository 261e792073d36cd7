"""Standings for a terminal: who stands where, by what ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.report.exports.table import leaderboard
from detbench.report.terminal import plain_head, plain_table, plain_text
from detbench.words import brief

if TYPE_CHECKING:
    from rich.table import Table

    from detbench.evaluation.standings.document import Standings

__all__ = ["standings_table"]

_SHOWN = ("rank", "rank_interval", "model")
_LONGEST_NAME = 60


def standings_table(standings: Standings) -> Table:
    """Return the models: rank, the ranks that each may have, name, and the number that ranks with its interval."""
    found = leaderboard(standings)
    places = [place for place, column in enumerate(found.columns) if column.key in _SHOWN or column.is_ranking]
    table = plain_table()
    for place in places:
        column = found.columns[place]
        table.add_column(plain_head(column.heading), justify="right" if column.is_number else "left", overflow="fold")
    table.add_column(plain_head("95 % interval"))
    for row in found.rows:
        cells = [row.cells[place] for place in places]
        texts = [brief(cell.text, _LONGEST_NAME) for cell in cells]
        table.add_row(*map(plain_text, [*texts, cells[-1].interval]))
    return table
