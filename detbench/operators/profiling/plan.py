"""What is to be profiled: which operators, and who runs each of them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from detbench.errors import UsageError
from detbench.operators import registry
from detbench.operators.implementations import yours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.operators.contract import Case, Implementation, Operator
    from detbench.timing.document import Status

__all__ = [
    "ALL",
    "Candidate",
    "Task",
    "implementation_names",
    "is_the_reference",
    "missing",
    "plan",
    "subjects",
    "timed_operators",
    "why_not",
]

#: Where comes from what comes with detbench.
OURS = "detbench"

#: What detbench's reference is called among the implementations of an operator.
REFERENCE = "numpy"

#: What is profiled if everything is.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An implementation that is to be run: where it comes from, and whether the user asked for it by name.

    ``problem`` says why it is not there after all, where only loading it could tell.
    """

    implementation: Implementation
    origin: str = OURS
    named: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """An operator, and who runs it."""

    operator: Operator
    candidates: list[Candidate] = field(default_factory=list)


def subjects() -> list[str]:
    """Return everything that can be profiled: ``all``, the groups, the operators."""
    return list(dict.fromkeys((ALL, *registry.GROUPS, *(one.name for one in timed_operators(ALL)))))


def timed_operators(subject: str) -> list[Operator]:
    """Return the operators of a group, the one of this name, or all, in the order of a page.

    A group comes before an operator of the same name: ``nms`` is all of non-maximum suppression.

    Raises
    ------
    UsageError
        If there is nothing of this name, or it is not timed.
    """
    timed = [one for one in registry.operators().values() if one.group and one.timed is not None]
    in_order = sorted(timed, key=lambda one: registry.GROUPS.index(one.group))
    found = [one for one in in_order if subject in {ALL, one.group}] or [one for one in in_order if one.name == subject]
    if found:
        return found
    if subject in registry.operators():
        raise UsageError(f"{subject} is not timed: it takes next to nothing; timed are {_listed(in_order)}")
    raise UsageError(f"there is no operator {subject!r} to profile; there are {_listed(in_order)}")


def _listed(operators: Sequence[Operator]) -> str:
    return ", ".join(dict.fromkeys((ALL, *registry.GROUPS, *(one.name for one in operators))))


def plan(subject: str, names: Sequence[str] = ()) -> list[Task]:
    """Return which operators are run by whom.

    Parameters
    ----------
    subject
        A group, an operator, or ``all``.
    names
        Implementations by name: only they are run; all if there is none. ``FILE.py:FUNCTION`` is one that is run
        beside them; then only the operators that such a function is of are profiled.

    Raises
    ------
    UsageError
        If a name or a file is not what it should be.
    """
    operators = timed_operators(subject)
    places = list(dict.fromkeys(name for name in names if yours.is_place(name)))
    meant = {place: _meant(place, subject, operators) for place in places}
    if places:
        operators = [one for one in operators if one in meant.values()]
    only = [name for name in names if not yours.is_place(name)]
    tasks = {one.name: Task(one, _candidates(one, only)) for one in operators}
    known = {found.implementation.name for task in tasks.values() for found in task.candidates}
    if unknown := [name for name in only if name not in known]:
        there = ", ".join(implementation_names(subject))
        raise UsageError(f"nothing called {unknown[0]!r} runs {subject}; there are {there}; yours is FILE.py:FUNCTION")
    loaded = [(place, yours.load(place, operator)) for place, operator in meant.items()]
    called = Counter((*known, *(found.name for _, found in loaded)))
    for place, one in loaded:
        found = replace(one, name=place) if called[one.name] > 1 else one
        tasks[found.operator].candidates.append(Candidate(found, place, named=True))
    return [task for task in tasks.values() if task.candidates]


def _meant(place: str, subject: str, operators: Sequence[Operator]) -> Operator:
    """Return the operator that a function is of: that which its name ends with, or else the first of what is profiled.

    Raises UsageError if that is not profiled, or nothing says which.
    """
    name = yours.meant_by(place, [one.name for one in timed_operators(ALL)])
    if name is None and subject == ALL:
        usual = f"my_{operators[0].name.replace('-', '_')}"
        raise UsageError(
            f"{place} may be any operator: let the function's name end with one, as {usual} does, or profile that"
            " operator alone"
        )
    found = next((one for one in operators if name in {None, one.name}), None)
    if found is None:
        function = place.rpartition(":")[2]
        raise UsageError(
            f"{function} is named for {name}, which is not part of {subject}; say detbench profile {name}"
            f" --impl {place}"
        )
    return found


def implementation_names(subject: str = ALL) -> list[str]:
    """Return the names of everything that runs an operator of ``subject``; nothing of it is imported."""
    return list(dict.fromkeys(name for one in timed_operators(subject) for name in _known(one.name)))


def _known(operator: str) -> list[str]:
    own = registry.implementations_of(operator)
    return [*own, *(point.implementation for point in yours.entry_points(operator, own))]


def _candidates(operator: Operator, only: Sequence[str]) -> list[Candidate]:
    """Return who runs an operator: what comes with detbench, then what is installed beside it."""
    own = registry.implementations_of(operator.name)
    found = [Candidate(one, named=one.name in only) for one in own.values() if not only or one.name in only]
    for point in yours.entry_points(operator.name, own):
        if not only or point.implementation in only:
            implementation, problem = point.load(operator)
            found.append(Candidate(implementation, point.origin, point.implementation in only, problem))
    return found


def is_the_reference(candidate: Candidate) -> bool:
    """Whether a candidate is the operator's reference itself, which all others are held to."""
    return candidate.origin == OURS and candidate.implementation.name == REFERENCE


def missing(implementation: Implementation) -> list[str]:
    """Return the modules that an implementation wants and that are not installed; none of them is imported."""
    return [name for name in implementation.requires if name not in sys.modules and find_spec(name) is None]


def why_not(candidate: Candidate, case: Case | None, device: str) -> tuple[Status, str] | None:
    """Return why a candidate is not run: on a case, or at all. None where it is."""
    implementation, lacking = candidate.implementation, missing(candidate.implementation)
    if candidate.problem or lacking:
        return "absent", candidate.problem or _not_installed(lacking)
    if device not in implementation.devices:
        return "unsupported", f"it runs on the {' or the '.join(implementation.devices).upper()} only"
    return _unsupported(implementation, case) if case is not None else None


def _not_installed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} are not installed" if others else f"{last} is not installed"


def _unsupported(implementation: Implementation, case: Case) -> tuple[Status, str] | None:
    otherwise = [how for trait, how in implementation.differs.items() if trait in case.traits]
    reason = implementation.cannot(case) or next(iter(otherwise), None)
    return None if reason is None else ("unsupported", reason)
