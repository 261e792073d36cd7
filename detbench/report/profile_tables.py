"""A profile on a terminal: a table for each operator and size, and a counterexample for each that was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.report.profile_refusals import refusal
from detbench.report.profile_rows import operator_rows, standing
from detbench.report.profile_words import NOTHING, error_words, interval, milliseconds, significant, times
from detbench.report.terminal import plain_table, plain_text
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from detbench.report.profile_rows import CaseRows, OperatorRows, Row
    from detbench.timing.comparison import Change, ProfileComparison
    from detbench.timing.document import Profile

__all__ = ["compare_profile_tables", "profile_tables"]

_NARROWEST_NAME = 10


def profile_tables(profile: Profile) -> Iterator[RenderableType]:
    """Yield, for each operator, a sentence, a table for each case, the reasons of who is not in it, and refusals."""
    for place, one in enumerate(operator_rows(profile)):
        if place:
            yield ""
        yield from _operator(one)


def _operator(one: OperatorRows) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(plain_text(one.name).plain, style="bold")
    if sentence := standing(one.largest):
        yield plain_text(sentence)
    for case in one.cases:
        if case.timed:
            yield ""
            yield plain_text(_above(case))
            yield _case(case)
    notes = list(one.notes)
    if notes:
        yield ""
    for label, what, where in notes:
        yield plain_text(f"{label}: {what}{f' ({where})' if where else ''}")
    for row in one.refused:
        yield ""
        yield from _refused(one.name, row)


def _above(case: CaseRows) -> str:
    """Return what a table is of."""
    bound = f"; bound {significant(case.case.bound_ms)} ms" if case.case.bound_ms > 0 else ""
    unit = next((row.measurement.error_unit for row in case.timed if row.measurement.error_unit), "")
    return f"{case.title}{bound}{f'; error in {unit}' if unit else ''}"


def _case(case: CaseRows) -> Table:
    table = _table("median ms", "95 %", "× bound", "error", "× fastest", named="implementation")
    for row in case.timed:
        found = row.summary
        cells = (
            milliseconds(found.p50.value_ms if found else None),
            interval(found.p50 if found else None) or NOTHING,
            NOTHING if row.times_bound is None else significant(row.times_bound),
            error_words(row.measurement.error),
            NOTHING if row.ratio is None else significant(row.ratio.value),
        )
        table.add_row(plain_text(row.label), *cells)
    return table


def _table(*numbers: str, named: str) -> Table:
    """Return a table whose first column takes what the others leave, and whose ``numbers`` are never cut."""
    table = plain_table()
    table.add_column(named, no_wrap=True, overflow="ellipsis", min_width=_NARROWEST_NAME)
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    return table


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
        table = plain_table()
        for head in shown.heads:
            table.add_column(plain_text(head), justify="right", overflow="fold")
        for cells in shown.rows:
            table.add_row(*map(plain_text, cells))
        yield table
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


def _changes(rows: list[Change]) -> Table:
    table = _table("old ms", "new ms", "ratio", "95 %", named="implementation")
    table.add_column("", no_wrap=True)
    several = len({row.device for row in rows}) > 1
    for row in rows:
        name = f"{row.implementation} ({row.device})" if several else row.implementation
        ends = NOTHING if row.low is None or row.high is None else f"[{significant(row.low)}, {significant(row.high)}]"
        cells = (milliseconds(row.old_ms), milliseconds(row.new_ms), times(row.ratio), ends, row.verdict)
        table.add_row(plain_text(name), *cells)
    return table
