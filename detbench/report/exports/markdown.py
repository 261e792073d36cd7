"""Standings as GitHub's Markdown: for a README, an issue, or a comment on a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detbench.report.exports.phrases import above, tied_note, ties
from detbench.report.exports.table import leaderboard
from detbench.report.sections.headline import headline, plain
from detbench.words import brief, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detbench.evaluation.standings.document import Standings
    from detbench.report.exports.columns import Cell, Column

__all__ = ["escaped", "markdown"]

#: Longer names make a table that nobody reads.
_LONGEST_NAME = 80
_LONGEST_REASON = 400

_TIED = "†"

#: What begins or ends emphasis, code, links, tags, formulas, cells and struck-out text.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$])")


def markdown(standings: Standings) -> str:
    """Return a heading, who leads, a table of the models, and lists of the unranked and of what to know."""
    return "\n".join(_lines(standings)) + "\n"


def _lines(standings: Standings) -> Iterator[str]:
    table = leaderboard(standings)
    yield f"### {escaped(above(standings))}"
    yield f"\n{escaped(plain(headline(standings)))}"
    if table.rows:
        yield ""
        yield _line(escaped(column.heading) for column in table.columns)
        yield _line("---:" if column.is_number else "---" for column in table.columns)
        tied = ties(standings)
        for row in table.rows:
            mark = f" {_TIED}" if row.entry.name in tied else ""
            cells = zip(table.columns, row.cells, strict=True)
            yield _line(_cell(column, cell) + (mark if column.key == "model" else "") for column, cell in cells)
        for note in tied_note(standings, _TIED), standings.interval_method:
            if note:
                yield f"\n{escaped(note[:1].upper() + note[1:])}."
    others = {"Not ranked": standings.of("unranked"), "Set apart": standings.of("apart"), "Broken": table.broken}
    for title, entries in others.items():
        if entries:
            yield f"\n{title}:\n"
            for entry in entries:
                yield f"- **{_name(entry.name)}**: {escaped(brief(entry.reason, _LONGEST_REASON))}"
    if standings.remarks:
        yield "\nTo know:\n"
        for remark in standings.remarks:
            yield f"- **{escaped(remark.severity)}**: {escaped(brief(remark.message, _LONGEST_REASON))}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: Column, cell: Cell) -> str:
    if not column.is_number:
        return _name(cell.text)
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {escaped(cell.interval)}" if column.is_ranking and cell.interval else text


def _name(name: str) -> str:
    return escaped(brief(name, _LONGEST_NAME)) or "–"


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is, on one line: no markup, no link, and nobody is called by ``@``.

    >>> escaped("a|b <i> *c* @you #1")
    'a\\|b \\<i\\> \\*c\\* @\u200byou #\u200b1'
    """
    line = _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())).replace("&", "&amp;"))
    line = re.sub(r"((?<!\w)@|#)(?=\w)", "\\1\N{ZERO WIDTH SPACE}", line)
    return re.sub(r"(?i)\b(https?|ftp):(?=/)|\b(www)\.", lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)
