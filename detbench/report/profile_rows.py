"""A profile as rows: who ran what, sorted and compared, read by the page and by the terminal.

All statistics are those of :mod:`detbench.timing.samples`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.report.profile_words import (
    case_words,
    error_words,
    interval,
    listed,
    milliseconds,
    name_of,
    ratio_words,
    significant,
    size_unit,
)
from detbench.timing.samples import ratio, summary, times_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.timing.document import Measurement, Profile, TimedCase
    from detbench.timing.samples import Ratio, Summary

__all__ = ["CaseRows", "OperatorRows", "Row", "headline", "operator_rows", "refused_words", "standing"]

#: So many who were refused are named in a sentence; the others are counted.
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One implementation on one case.

    ``ratio`` is its median over that of the fastest. ``label`` is its name, with the device where there are several.
    """

    label: str
    measurement: Measurement
    summary: Summary | None
    ratio: Ratio | None
    times_bound: float | None

    @property
    def status(self) -> str:
        """What became of it."""
        return self.measurement.status

    @property
    def median_ms(self) -> float:
        """The median of what was timed; infinite where nothing was."""
        return self.summary.p50.value_ms if self.summary else float("inf")


@dataclass(frozen=True, slots=True)
class CaseRows:
    """One timed case: who was timed, the fastest first, and who was not, in the profile's order."""

    case: TimedCase
    timed: list[Row]
    others: list[Row]
    by_label: dict[str, Row]

    @property
    def title(self) -> str:
        """The size, in its unit, and the series."""
        return ", ".join(filter(None, (self.size_words, self.case.series)))

    @property
    def size_words(self) -> str:
        """The size, in its unit."""
        return f"{self.case.size:,} {size_unit(self.case)}"

    @property
    def heading(self) -> str:
        """What a table of the case is of: the size and the series, and its bound."""
        return self.title + (f"; bound {significant(self.case.bound_ms)} ms" if self.case.bound_ms > 0 else "")

    @property
    def in_brackets(self) -> str:
        """The size, in its unit, and the series in brackets: for the middle of a sentence."""
        series = f" ({self.case.series})" if self.case.series else ""
        return f"{self.size_words}{series}"


@dataclass(frozen=True, slots=True)
class OperatorRows:
    """One operator: its cases in the profile's order, and the one to show first.

    That is the case of the largest size; of several the one that most were timed on, then the first.
    """

    name: str
    group: str
    cases: list[CaseRows]

    @property
    def largest(self) -> CaseRows:
        """The case to show first."""
        return max(self.cases, key=lambda found: (bool(found.timed), found.case.size, len(found.timed)))

    @property
    def series(self) -> dict[str, list[CaseRows]]:
        """The cases of each series, by size."""
        found: dict[str, list[CaseRows]] = {}
        for one in sorted(self.cases, key=lambda one: one.case.size):
            found.setdefault(one.case.series, []).append(one)
        return {name: found[name] for name in dict.fromkeys(one.case.series for one in self.cases)}

    @property
    def labels(self) -> list[str]:
        """Everybody who was asked: the fastest on the largest case first, then by the profile's order."""
        first = [row.label for row in self.largest.timed]
        return list(dict.fromkeys([*first, *(row.label for one in self.cases for row in (*one.timed, *one.others))]))

    @property
    def timed_labels(self) -> set[str]:
        """Whoever was timed on one of the cases."""
        return {row.label for one in self.cases for row in one.timed}

    def notes(self, *, absent: bool = True) -> Iterator[tuple[str, str, str]]:
        """Yield label, what, and where for all that was not timed as it was asked; ``absent``: or is not installed.

        Reasons that differ in their numbers alone are told once, with the first one's.
        """
        untold = {"refused"} if absent else {"refused", "absent"}
        rows = [(row, one.title) for one in self.cases for row in one.others if row.status not in untold]
        alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for row, title in rows:
            reason = _why(row.measurement)
            alike.setdefault((row.label, re.sub(r"\d[\d.,]*", "0", reason)), []).append((reason, title))
        for (label, _), told in alike.items():
            reason, title = told[0]
            where = title if len(told) == 1 else f"{title}; the like on {len(told) - 1} more"
            yield label, reason, "" if len(told) == len(self.cases) else where

    @property
    def otherwise(self) -> list[tuple[str, str, str]]:
        """Label, cases and how for what those who are installed answer otherwise by their own account, once each."""
        return list(
            dict.fromkeys(
                (row.label, case_words(trait), how)
                for one in self.cases
                for row in (*one.timed, *one.others)
                if row.status != "absent"
                for trait, how in row.measurement.differs.items()
            )
        )

    @property
    def refused(self) -> list[Row]:
        """Whoever was refused, once each, with the first counterexample."""
        found: dict[str, Row] = {}
        for row in (row for one in self.cases for row in one.others if row.status == "refused"):
            if row.label not in found:
                found[row.label] = row
        return list(found.values())


def _why(found: Measurement) -> str:
    """Return why something was not timed, for a line that begins with its name: what is absent says so itself."""
    if found.status == "absent":
        return found.reason.removeprefix(f"{found.implementation} is ")
    return f"{found.status}: {found.reason}"


def operator_rows(profile: Profile) -> list[OperatorRows]:
    """Return the operators of a profile in its order."""
    several = len({found.device for found in profile.measurements}) > 1
    by_case: dict[tuple[str, str], list[Measurement]] = {}
    for found in profile.measurements:
        by_case.setdefault((found.operator, found.case), []).append(found)
    operators: dict[str, OperatorRows] = {}
    for case in profile.cases:
        one = operators.setdefault(case.operator, OperatorRows(case.operator, case.group, []))
        one.cases.append(_case_rows(case, by_case.get((case.operator, case.name), []), several=several))
    return list(operators.values())


def _case_rows(case: TimedCase, found: list[Measurement], *, several: bool) -> CaseRows:
    timed = [one for one in found if one.status == "timed" and one.samples_ms]
    summaries = {id(one): summary(one) for one in timed}
    timed.sort(key=lambda one: _median_ms(summaries[id(one)]))
    rows = [
        Row(
            _label(one, several=several),
            one,
            summaries[id(one)],
            ratio(one.samples_ms, timed[0].samples_ms),
            times_bound(one, case),
        )
        for one in timed
    ]
    others = [Row(_label(one, several=several), one, None, None, None) for one in found if id(one) not in summaries]
    return CaseRows(case, rows, others, {row.label: row for row in (*rows, *others)})


def _median_ms(found: Summary | None) -> float:
    return found.p50.value_ms if found else float("inf")


def _label(found: Measurement, *, several: bool) -> str:
    return f"{found.implementation} ({found.device})" if several else found.implementation


def standing(one: CaseRows) -> str:
    """Return who is fastest on a case, by how much, and how well it answers, in a sentence; empty if nobody is."""
    if not one.timed:
        return ""
    best = one.timed[0]
    name = name_of(best.label)
    found = best.summary
    took = f"{milliseconds(best.median_ms)} ms {interval(found.p50 if found else None)}".strip()
    start = f"At {one.title}, {name} takes {took}"
    if len(one.timed) == 1:
        return f"{start}{_how_right(best)}; nobody else was timed."
    return f"{start}{_lead(one)}{_how_right(best)}."


def _lead(one: CaseRows) -> str:
    """Return the clause that compares the fastest with the next."""
    second = one.timed[1]
    found = second.ratio
    if found is None:
        return ""
    next_one = f"{name_of(second.label)} ({milliseconds(second.median_ms)} ms)"
    if found.low is not None and found.low <= 1:
        return f"; {next_one} takes {ratio_words(found)} times as long, which is not told apart from the same"
    return f", {ratio_words(found)} times as fast as the next, {next_one}"


def _how_right(best: Row) -> str:
    error, unit = best.measurement.error, best.measurement.error_unit
    if error is None:
        return ""
    if error == 0:
        return ", and answers exactly"
    unbroken = error_words(error).replace("-", "\N{NON-BREAKING HYPHEN}")
    return f"; its error is {unbroken} ({unit or 'largest'})"


def refused_words(operators: list[OperatorRows]) -> str:
    """Return who was refused and where, in a sentence; empty if nobody was."""
    where: dict[str, list[str]] = {}
    for one in operators:
        for row in one.refused:
            where.setdefault(row.label, []).append(one.name)
    if not where:
        return ""
    named = [f"{name_of(label)} ({listed(found)})" for label, found in where.items()]
    if len(named) > _MOST_NAMED:
        named = [*named[:_MOST_NAMED], f"{len(named) - _MOST_NAMED} more"]
    return f"Refused, because the answer was not the reference's: {listed(named)}."


def headline(operators: list[OperatorRows]) -> tuple[str, str, str]:
    """Return the sentence that a page opens with, the figure beside it, and what is under the figure."""
    led = next((one for one in operators if len(one.largest.timed) > 1), None)
    one = led or next((one for one in operators if one.largest.timed), None)
    if one is None:
        refused = refused_words(operators)
        return f"Nothing was timed. {refused}".strip(), "", ""
    case, best = one.largest, one.largest.timed[0]
    if led is None:
        sentence = f"{name_of(best.label)} runs {one.name} of {case.in_brackets} in {milliseconds(best.median_ms)} ms"
        return f"{sentence}{_how_right(best)}.", milliseconds(best.median_ms), f"ms, {one.name}, {case.title}"
    second = case.timed[1]
    found = second.ratio
    value = significant(found.value) if found else ""
    if found is None or (found.low is not None and found.low <= 1):
        sentence = (
            f"{name_of(best.label)} and {name_of(second.label)} run {one.name} of {case.in_brackets} equally fast"
        )
        under = f"ms, {one.name}, {case.title}: {name_of(best.label)}; {name_of(second.label)} is about as fast as that"
        return f"{sentence}{_how_right(best)}.", milliseconds(best.median_ms), under
    sentence = (
        f"{name_of(best.label)} runs {one.name} of {case.in_brackets} in {milliseconds(best.median_ms)} ms, "
        f"{value} times as fast as the next"
    )
    under = f"{one.name}, {case.title}: {name_of(second.label)} over {name_of(best.label)}"
    ends = interval(found)
    return f"{sentence}{_how_right(best)}.", f"{value}×", f"{under}{', interval ' + ends if ends else ''}"
