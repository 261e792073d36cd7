"""A profile on a terminal: a table for each operator and size, and a counterexample for each that was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.report.profile_refusals import refusal
from detbench.report.profile_rows import operator_rows, standing
from detbench.report.profile_words import NOTHING, beyond_bound, error_words, interval, milliseconds, significant, times
from detbench.report.terminal import plain_head, plain_table, plain_text
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from detbench.report.profile_rows import CaseRows, OperatorRows, Row
    from detbench.timing.comparison import Change, ProfileComparison
    from detbench.timing.document import Profile

__all__ = ["compare_profile_tables", "profile_tables"]

_GAP = "  "

_NARROWEST_NAME = 14


def profile_tables(profile: Profile) -> Iterator[RenderableType]:
    """Yield, for each operator, refusals, a sentence, a table for each case, and the reasons of who is not in it."""
    for place, one in enumerate(operator_rows(profile)):
        if place:
            yield ""
        yield from _operator(one)


def _operator(one: OperatorRows) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(plain_text(one.name).plain, style="bold")
    for row in one.refused:  # what is wrong comes before what is fast: it would be missed under the tables
        yield from _refused(one.name, row)
        yield ""
    if sentence := standing(one.largest):
        yield plain_text(sentence)
        if beyond := beyond_bound(one.largest.case, one.largest.timed[0].times_bound):
            yield plain_text(beyond)
    for case in one.cases:
        if case.timed:
            yield ""
            yield plain_text(_above(case))
            yield _case(case)
    notes = [f"{label}: {what}{f' ({where})' if where else ''}" for label, what, where in one.notes()]
    notes += [f"{label}, {cases}: {how}" for label, cases, how in one.otherwise]
    if notes:
        yield ""
    yield from map(plain_text, notes)


def _above(case: CaseRows) -> str:
    """Return what a table is of."""
    unit = next((row.measurement.error_unit for row in case.timed if row.measurement.error_unit), "")
    return f"{case.heading}{f'; error in {unit}' if unit else ''}"


def _case(case: CaseRows) -> _Numbers:
    rows = []
    for row in case.timed:
        found = row.summary
        cells = (
            milliseconds(found.p50.value_ms if found else None),
            interval(found.p50 if found else None) or NOTHING,
            NOTHING if row.times_bound is None else significant(row.times_bound),
            error_words(row.measurement.error),
            NOTHING if row.ratio is None else significant(row.ratio.value),
        )
        rows.append((row.label, cells))
    return _Numbers(("median\nms", "95 %", "×\nbound", "error", "×\nfastest"), rows, least=1)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A table that Rich renders: its numbers are never cut, an implementation's name takes the columns that are left.

    Where they are too few, the column ``least`` is left out.
    """

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, tuple[str, ...]]]
    least: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out for a console (Rich's protocol)."""
        columns = list(zip(self.heads, *(cells for _, cells in self.rows), strict=True))
        left = options.max_width - sum(len(_GAP) + _width(column) for column in columns)
        if left < _NARROWEST_NAME:
            left += len(_GAP) + _width(columns.pop(self.least))
        table = plain_table()
        table.add_column("implementation"[: max(left, 4)], no_wrap=True, overflow="ellipsis", max_width=max(left, 4))
        for column in columns:
            table.add_column(plain_head(column[0]), justify="right", no_wrap=True)
        for place, (label, _) in enumerate(self.rows):
            table.add_row(plain_text(label), *(column[place + 1] for column in columns))
        yield table


@dataclass(frozen=True, slots=True)
class _Whole:
    """A table that Rich renders: nothing in it is cut; columns that do not fit stand below, after the first again."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out for a console (Rich's protocol)."""
        first, *others = ((head, *cells) for head, *cells in zip(self.heads, *self.rows, strict=True))
        parts, left = [[first]], options.max_width - _width(first)
        for column in others:
            wide = len(_GAP) + _width(column)
            if wide > left and len(parts[-1]) > 1:
                parts.append([first])
                left = options.max_width - _width(first)
            parts[-1].append(column)
            left -= wide
        for part in parts:
            table = plain_table()
            for head, *_ in part:
                table.add_column(plain_text(head), justify="right", overflow="fold")
            for cells in list(zip(*part, strict=True))[1:]:
                table.add_row(*map(plain_text, cells))
            yield table


def _width(column: tuple[str, ...]) -> int:
    return max(len(line) for cell in column for line in cell.split("\n"))


def _refused(operator: str, row: Row) -> Iterator[RenderableType]:
    """Yield the problem, the hint, and the smallest case that shows it."""
    found = row.measurement.counterexample
    if found is None:
        yield plain_text(f"{row.label} is refused: {row.measurement.reason}")
        return
    yield plain_text(f"{row.label} is refused, on {found.case}: {found.problem}")
    if found.hint:
        yield plain_text(f"Hint: {found.hint}")
    shown = refusal(operator, found)
    if shown.rows:
        yield _Whole(shown.heads, shown.rows)
    for name, text in shown.facts:
        yield plain_text(f"  {name}: {text}")


def compare_profile_tables(comparison: ProfileComparison) -> Iterator[RenderableType]:
    """Yield how many became faster and slower, a table for each operator and case, and what was not compared."""
    yield plain_text(_tally(comparison))
    for (operator, case), rows in _by_case(comparison).items():
        yield ""
        yield plain_text(f"{operator}: {case}")
        yield _changes(rows)
    if comparison.unpaired:
        yield ""
    for one in comparison.unpaired:
        yield plain_text(f"not compared: {one.operator}, {one.case}, {one.implementation}: {one.reason}")


def _by_case(comparison: ProfileComparison) -> dict[tuple[str, str], list[Change]]:
    found: dict[tuple[str, str], list[Change]] = {}
    for row in comparison.rows:
        found.setdefault((row.operator, row.case), []).append(row)
    return found


def _tally(comparison: ProfileComparison) -> str:
    """Return the verdicts counted, and what they mean."""
    verdicts = [row.verdict for row in comparison.rows]
    words = ", ".join(f"{verdicts.count(name)} {name}" for name in ("faster", "slower", "not significant"))
    return (
        f"{counted(len(comparison.rows), 'time')} compared: {words}. Significant is a difference of more than "
        f"{100 * comparison.margin:.0f} % at p < 0.05, corrected for their number (Holm)."
    )


def _changes(rows: list[Change]) -> _Numbers:
    several = len({row.device for row in rows}) > 1
    shown = []
    for row in rows:
        name = f"{row.implementation} ({row.device})" if several else row.implementation
        ends = NOTHING if row.low is None or row.high is None else f"[{significant(row.low)}, {significant(row.high)}]"
        cells = (milliseconds(row.old_ms), milliseconds(row.new_ms), times(row.ratio), ends, row.verdict)
        shown.append((name, cells))
    return _Numbers(("old ms", "new ms", "ratio", "95 %", ""), shown, least=3)
