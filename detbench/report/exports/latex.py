"""Standings as a LaTeX table, set with booktabs: for a paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detbench.report.exports.phrases import above, tied_note, ties
from detbench.report.exports.table import leaderboard
from detbench.words import brief, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detbench.evaluation.standings.document import Standings
    from detbench.report.exports.columns import Cell, Column

__all__ = ["escaped", "latex"]

_LONGEST_NAME = 60

_TIED = r"$^\dagger$"

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "-": "-{}",  # two in a row are no dash
    "[": "{[}",  # after the end of a row it would begin an argument
    "]": "{]}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "²": r"\textsuperscript{2}",
    "ⁿ": r"\textsuperscript{n}",
    "’": "'",
    "\N{REPLACEMENT CHARACTER}": "?",
}

#: What is not ASCII, nor a Latin letter with an accent, which every LaTeX sets.
_OTHER_SCRIPTS = re.compile(
    f"[^\\x20-\\x7e\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u017f{''.join(c for c in _ESCAPES if not c.isascii())}]+"
)

_HEAD = r"""% Needs \usepackage{booktabs}, and \usepackage[T1]{fontenc} where names have accents. Names in other
% scripts are set by XeLaTeX and LuaLaTeX with a font that has them; pdfLaTeX sets their code points.
\providecommand{\detbenchtext}[2]{\ifdefined\Umathchar #1\else #2\fi}
\begin{table}
\centering"""

_FOOT = r"""\bottomrule
\end{tabular}
\end{table}"""


def latex(standings: Standings) -> str:
    """Return a floating table of the models, the ranked first: the best of each column in bold, ties marked."""
    return "\n".join(_lines(standings)) + "\n"


def _lines(standings: Standings) -> Iterator[str]:
    table, tied = leaderboard(standings), ties(standings)
    notes = [above(standings), standings.interval_method]
    caption = [f"{escaped(note)}." for note in notes if note]
    caption += [f"{_TIED}{escaped(note)}." for note in [tied_note(standings, "").strip()] if note]
    yield _HEAD
    yield rf"\caption{{{' '.join(caption)}}}"
    yield r"\label{tab:leaderboard}"
    yield rf"\begin{{tabular}}{{{''.join('r' if column.is_number else 'l' for column in table.columns)}}}"
    yield r"\toprule"
    yield _line(escaped(column.heading) for column in table.columns)
    yield r"\midrule"
    for row in table.rows:
        mark = _TIED if row.entry.name in tied else ""
        cells = zip(table.columns, row.cells, strict=True)
        yield _line(_cell(column, cell) + (mark if column.key == "model" else "") for column, cell in cells)
    yield _FOOT


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(column: Column, cell: Cell) -> str:
    if not column.is_number:
        return escaped(brief(cell.text, _LONGEST_NAME))
    text = rf"\textbf{{{escaped(cell.text)}}}" if cell.best else escaped(cell.text)
    return rf"{text} {{\scriptsize {escaped(cell.interval)}}}" if column.is_ranking and cell.interval else text


def escaped(text: str) -> str:
    r"""Return text that LaTeX sets as it is, on one line.

    >>> escaped("a_b & 50 % {x}"), escaped("naïve 模型")
    ('a\\_b \\& 50 \\% \\{x\\}', 'naïve \\detbenchtext{模型}{U+6A21 U+578B}')
    """
    line = printable(" ".join(text.split()))
    parts = re.split(f"({_OTHER_SCRIPTS.pattern})", line)
    return "".join(
        _other(part) if place % 2 else "".join(_ESCAPES.get(c, c) for c in part) for place, part in enumerate(parts)
    )


def _other(text: str) -> str:
    return rf"\detbenchtext{{{text}}}{{{' '.join(f'U+{ord(c):04X}' for c in text)}}}"
