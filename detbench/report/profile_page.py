"""The HTML page of a profile: one file, no network, readable without a script, the same bytes for the same profile."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec.structs import replace

from detbench import __version__
from detbench.files import write_text
from detbench.report import profile_words as words
from detbench.report.profile_figures import MARKS, Span, marks, roofline, scale, time_plot, time_span
from detbench.report.profile_refusals import refusal
from detbench.report.profile_rows import headline, operator_rows, refused_words, standing
from detbench.report.templating import embedded, inline, page_environment
from detbench.words import counted, unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import Environment

    from detbench.report.profile_rows import CaseRows, OperatorRows
    from detbench.timing.document import Machine, Profile

__all__ = ["render_profile_page", "write_profile_page"]

#: A profile of more bytes than this stands in its page without the single samples.
_MOST_EMBEDDED_BYTES = 400_000

_LONGEST_HEADLINE = 240

#: What a profile says of a variable that has no value.
_NOT_SET = "not set"

#: A table has no more columns of sizes than this, unless one series alone has.
_MOST_COLUMNS = 6


def write_profile_page(profile: Profile, path: Path | str) -> None:
    """Write the page of ``profile`` to ``path``, whole or not at all. Raises DataError."""
    write_text(Path(path), render_profile_page(profile))


def render_profile_page(profile: Profile) -> str:
    """Return the page of ``profile``: HTML that holds everything it shows, and the profile itself as JSON."""
    operators = operator_rows(profile)
    mark = marks(operators)
    sentence, figure, under = headline(operators)
    groups = list(dict.fromkeys(one.group for one in operators))
    kept, has_samples = _embeddable(profile)
    page = _environment().get_template("profile.html.j2")
    text = page.render(
        profile=profile,
        version=__version__,
        style=inline("page.css", "profile.css"),
        script=inline("page.js"),
        headline=sentence,
        is_long=len(sentence) > _LONGEST_HEADLINE,
        figure=figure,
        under=under,
        operators=operators,
        lead=_lead(operators),
        refused=refused_words(operators),
        groups=[_group(name, operators, mark) for name in groups],
        roofs=list(_roofs(groups, operators, profile.machine, mark)),
        refusals=[
            (one, row, refusal(one.name, row.measurement.counterexample) if row.measurement.counterexample else None)
            for one in operators
            for row in one.refused
        ],
        shapes=MARKS,
        mark=mark,
        factors=_factors(operators),
        machine_rows=words.machine_rows(profile.machine),
        option_rows=[
            (name.replace("_", " "), "all" if name == "implementations" and not value else _plain(value))
            for name, value in profile.options.items()
        ],
        environment_rows=_environment_rows(profile),
        how=_how(profile),
        has_samples=has_samples,
        embedded=embedded(kept),
    )
    return unbroken(text)


@cache
def _environment() -> Environment:
    environment = page_environment()
    environment.filters |= {
        "ms": words.milliseconds,
        "significant": words.significant,
        "times": words.times,
        "interval": words.interval,
        "ends": words.ends,
        "error": words.error_words,
        "work": words.counted_work,
        "beyond": lambda case: words.beyond_bound(case.case, case.timed[0].times_bound) if case.timed else "",
        "percent": lambda share: f"{share * 100:.2f}%",
        "standing": standing,
        "parts": _parts,
        "width": _width,
        "time_span": time_span,
        "scale": scale,
    }
    return environment


def _embeddable(profile: Profile) -> tuple[Profile, bool]:
    """Return the profile as it stands in the page, and whether that is all of it."""
    if len(msgspec.json.encode(profile)) <= _MOST_EMBEDDED_BYTES:
        return profile, True
    return replace(profile, measurements=[replace(one, samples_ms=[]) for one in profile.measurements]), False


def _group(name: str, operators: Sequence[OperatorRows], mark: dict[str, int]) -> dict[str, Any]:
    """Return a group's title, its operators with their figures, and where they stand below the roof."""
    own = [one for one in operators if one.group == name]
    return {
        "title": words.group_title(name),
        "lead": _lead(own),
        "operators": [(one, _panels(one, mark)) for one in own],
    }


def _roofs(
    groups: Sequence[str], operators: Sequence[OperatorRows], machine: Machine, mark: dict[str, int]
) -> Iterator[tuple[str, Markup]]:
    """Yield each group's title and where its operators stand below the roof, if anything was counted."""
    for name in groups:
        if figure := roofline([one for one in operators if one.group == name], machine, mark):
            yield words.group_title(name), Markup(figure)  # noqa: S704  vector escapes its texts


def _parts(one: OperatorRows) -> list[list[tuple[str, list[CaseRows]]]]:
    """Return the series of an operator in tables that are not too wide, about as many in each."""
    series = list(one.series.items())
    tables = max(1, min(ceil(len(one.cases) / _MOST_COLUMNS), len(series)))
    each = ceil(len(series) / tables)
    return [series[first : first + each] for first in range(0, len(series), each)]


def _width(part: list[tuple[str, list[CaseRows]]]) -> int:
    return sum(len(cases) for _, cases in part)


def _panels(one: OperatorRows, mark: dict[str, int]) -> list[tuple[str, Markup]]:
    """Return a figure for each series of an operator, all on the same axes."""
    series = {name: cases for name, cases in one.series.items() if any(case.timed for case in cases)}
    sizes = sorted({case.case.size for cases in series.values() for case in cases if case.timed})
    shown = [case for cases in series.values() for case in cases]
    values = [row.median_ms for case in shown for row in case.timed]
    span = Span.of([*values, *(case.case.bound_ms for case in shown if case.case.bound_ms > 0)])
    unit = words.size_unit(one.largest.case)
    return [
        (name or one.name, Markup(time_plot(cases, sizes, span, mark, unit)))  # noqa: S704  vector escapes its texts
        for name, cases in series.items()
    ]


def _lead(operators: Sequence[OperatorRows]) -> str:
    """Return who is fastest how often, in a sentence; empty where nobody was timed."""
    wins = Counter(one.largest.timed[0].label for one in operators if one.largest.timed)
    if not wins:
        return "Nothing was timed."
    total = sum(wins.values())
    if total == 1:
        return ""
    told = [f"{words.name_of(label)} in {count}" for label, count in wins.most_common(3)]
    rest = total - sum(count for _, count in wins.most_common(3))
    if rest:
        told.append(f"others in {rest}")
    return f"Of {total} operators, each at its largest size, the fastest is {words.listed(told)}."


def _factors(operators: Sequence[OperatorRows]) -> Span:
    """Return the axis of times over the fastest, for all operators."""
    return Span.of([1.0, *(row.ratio.value for one in operators for row in one.largest.timed if row.ratio)])


def _environment_rows(profile: Profile) -> list[tuple[str, str]]:
    """Return versions and variables by name; those that are not set share a row."""
    given = {name: value for name, value in profile.environment.items() if value != _NOT_SET}
    unset = sorted(profile.environment.keys() - given.keys())
    rows = [("detbench", profile.detbench), *sorted(given.items())]
    return [*rows, (_NOT_SET, ", ".join(unset))] if unset else rows


def _how(profile: Profile) -> str:
    """Return how many samples there are, in a clause."""
    counts = [len(one.samples_ms) for one in profile.measurements if one.samples_ms]
    if not counts:
        return "There are no samples."
    least, most = min(counts), max(counts)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"There are {counted(sum(counts), 'sample')}, {each} for each implementation and case."


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None | "" | [] | ():
            return "none"
        case list() | tuple():
            return ", ".join(map(_plain, value))
        case int():
            return f"{value:,}"
        case _:
            return str(value)
