"""How fast the operators alone are: what ``detbench profile`` measured, which belongs to a machine and not to a model.

Words and rows are those of the profile's own page, :mod:`detbench.report.profile_page`, which shows more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.profile_figures import scale, time_span
from detbench.report.profile_rows import headline, operator_rows, refused_words, standing
from detbench.report.profile_words import interval, machine_rows, milliseconds, significant
from detbench.report.sections.keys import Listed, listed
from detbench.report.tables import UNDEFINED
from detbench.words import brief, counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.report.profile_figures import Span
    from detbench.report.profile_rows import CaseRows, OperatorRows
    from detbench.report.profile_rows import Row as Measured
    from detbench.report.sections.model import Model
    from detbench.timing.document import Profile

__all__ = ["Case", "Machine", "Note", "Operator", "OperatorsView", "Otherwise", "Place", "Row", "operators"]


class Place(NamedTuple):
    """Where a median and its interval stand on a case's axis, as shares of its length; None where it is open."""

    value: float
    low: float | None
    high: float | None


class Row(NamedTuple):
    """An implementation on a case; ``place`` is None where it is refused, which ``reason`` tells."""

    name: str
    median: str = UNDEFINED
    interval: str = ""
    place: Place | None = None
    times_fastest: str = UNDEFINED
    ratio_interval: str = ""
    times_bound: str = UNDEFINED
    reason: str = ""


class Case(NamedTuple):
    """A case with who was timed on it, the fastest first, and who was refused.

    ``bound`` is a share of the axis, None where nothing was counted; ``more`` says how many rows are left out.
    """

    title: str
    axis: list[tuple[float, str]]
    bound: float | None
    rows: list[Row]
    more: str


class Note(NamedTuple):
    """Why an implementation was not timed, and on which case."""

    name: str
    what: str
    where: str


class Otherwise(NamedTuple):
    """In which unusual cases an implementation answers otherwise than the reference, by its own account, and how."""

    name: str
    cases: str
    how: str


class Operator(NamedTuple):
    """An operator: ``sentence`` says who is fastest on its largest case, ``more`` how many cases are left out."""

    name: str
    sentence: str
    cases: list[Case]
    more: str
    otherwise: list[Otherwise]
    notes: list[Note]


class Machine(NamedTuple):
    """What one profile tells: where it was taken, what it shows, and which models were timed there too.

    ``has_name`` is whether the profile names a processor; ``same`` were timed on one of that name, ``other`` on
    another.
    """

    name: str
    has_name: bool
    sentence: str
    facts: list[tuple[str, str]]
    same: Listed | None
    other: Listed | None
    operators: list[Operator]
    left_out: str


class OperatorsView(NamedTuple):
    """What the section shows."""

    machines: list[Machine]


#: The page of a profile shows everything; here so many operators, cases of each and rows of a case are enough.
_MOST_OPERATORS, _MOST_CASES, _MOST_ROWS, _MOST_NOTES = 40, 12, 16, 12

#: With more rows than this in all, an operator's largest case alone is shown.
_MOST_IN_ALL = 1_500

_LONGEST_NAME, _LONGEST_TITLE, _LONGEST_SENTENCE = 60, 120, 400


def operators(models: Sequence[Model], profiles: Sequence[Profile]) -> OperatorsView | None:
    """Return what the section shows, each profile once, or None without a profile."""
    each = [profile for row, profile in enumerate(profiles) if profile not in profiles[:row]]
    return OperatorsView([_machine(models, profile) for profile in each]) if profiles else None


def _machine(models: Sequence[Model], profile: Profile) -> Machine:
    rows = operator_rows(profile)
    sentence, _, _ = headline(rows)
    refused = refused_words(rows) if any(one.largest.timed for one in rows) else ""  # the headline says it otherwise
    is_brief = sum(len(case.by_label) for one in rows for case in one.cases) > _MOST_IN_ALL
    processor, device = profile.environment.get("processor", ""), str(profile.options.get("device", ""))
    timed = [(model, model.result.timing) for model in models if model.result.timing]
    here = [model for model, timing in timed if (timing.processor, timing.device) == (processor, device)]
    there = [model for model, timing in timed if (timing.processor, timing.device) != (processor, device)]
    return Machine(
        name=_plain(_where(processor, device, profile.machine.threads), _LONGEST_TITLE),
        has_name=bool(processor),
        sentence=" ".join(_plain(words, _LONGEST_SENTENCE) for words in (sentence, refused) if words),
        facts=[(name, _plain(value, _LONGEST_NAME)) for name, value in machine_rows(profile.machine)],
        same=listed(here) if processor else None,
        other=listed(there) if processor else None,
        operators=[_operator(one, is_brief=is_brief) for one in rows[:_MOST_OPERATORS]],
        left_out=_left_out(len(rows) - _MOST_OPERATORS, "operator"),
    )


def _where(processor: str, device: str, threads: int) -> str:
    """Return a machine's name in the words of the standings."""
    named = [
        processor or "a processor without a name",
        f"device {device}" if device else "",
        counted(threads, "thread"),
    ]
    return ", ".join(filter(None, named))


def _operator(one: OperatorRows, *, is_brief: bool) -> Operator:
    most = 1 if is_brief else _MOST_CASES
    first = one.largest
    cases = one.cases if len(one.cases) <= most else [first, *(case for case in one.cases if case is not first)]
    notes = [
        Note(_plain(name, _LONGEST_NAME), _plain(what, _LONGEST_SENTENCE), _plain(where, _LONGEST_TITLE))
        for name, what, where in one.notes(absent=False)
    ]
    otherwise = [
        Otherwise(_plain(name, _LONGEST_NAME), _plain(where, _LONGEST_TITLE), _plain(how, _LONGEST_SENTENCE))
        for name, where, how in one.otherwise
    ]
    return Operator(
        name=_plain(one.name, _LONGEST_NAME),
        sentence=_plain(standing(first) or "Nobody was timed.", _LONGEST_SENTENCE),
        cases=[_case(case) for case in cases[:most]],
        more=_left_out(len(cases) - most, "case"),
        otherwise=otherwise[:_MOST_NOTES],
        notes=notes[:_MOST_NOTES],
    )


def _case(case: CaseRows) -> Case:
    axis, bound_ms = time_span(case), case.case.bound_ms
    rows = list(_rows(case, axis))
    return Case(
        title=_plain(case.heading, _LONGEST_TITLE),
        axis=scale(axis, most=2),
        bound=axis.place(bound_ms) if bound_ms > 0 else None,
        rows=rows[:_MOST_ROWS],
        more=_left_out(len(rows) - _MOST_ROWS, "implementation"),
    )


def _rows(case: CaseRows, axis: Span) -> Iterator[Row]:
    """Yield who was timed, the fastest first, then who was refused; why others were not timed is a note."""
    for row in case.timed:
        yield _timed(row, axis, is_fastest=row is case.timed[0])
    for row in case.others:
        if row.status == "refused":
            yield Row(_plain(row.label, _LONGEST_NAME), reason=_plain(row.measurement.reason, _LONGEST_SENTENCE))


def _timed(row: Measured, axis: Span, *, is_fastest: bool) -> Row:
    found = row.summary.p50 if row.summary else None
    low, high = (found.low_ms, found.high_ms) if found else (None, None)
    return Row(
        name=_plain(row.label, _LONGEST_NAME),
        median=milliseconds(row.median_ms),
        interval=interval(found),
        place=Place(
            axis.place(row.median_ms),
            None if low is None else axis.place(low),
            None if high is None else axis.place(high),
        ),
        times_fastest=significant(row.ratio.value) if row.ratio else UNDEFINED,
        ratio_interval="" if is_fastest else interval(row.ratio),
        times_bound=milliseconds(row.times_bound),
    )


def _left_out(count: int, what: str) -> str:
    return f"{counted(count, f'more {what}')}: on the profile's own page." if count > 0 else ""


def _plain(text: str, limit: int) -> str:
    return brief(printable(text), limit)
