"""The oracle: whether an implementation answers as the reference does, and if not, what is wrong with it.

The first case that is answered otherwise is made as small as it can be, and the answers are compared with those of the
known mistakes: who is refused is told what is wrong, not only that something is.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Case, Counterexample, Implementation, Mistake, Operator, Verdict, called
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Answered", "answer", "check", "judge"]

#: Leaving rows out of a case stops after so many trials: a slow implementation is not asked for ever.
_MOST_TRIALS = 400

#: And after so many seconds: some compile anew for every number of rows.
_MOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """How all cases were answered: the largest error, or the counterexample of the first that was refused."""

    error: float
    counterexample: Counterexample | None = None


def answer(implementation: Implementation, case: Case, device: str = "cpu") -> Any:
    """Return the implementation's answer to ``case``, in the form of the reference's."""
    bound = implementation.bind(case, device)
    sent = bound.send()
    bound.compile(sent)
    return bound.fetch(bound.run(sent))


def _copied(case: Case) -> Case:
    return replace(case, inputs={name: array.copy() for name, array in case.inputs.items()})


def judge(operator: Operator, implementation: Implementation, case: Case, device: str = "cpu") -> tuple[Verdict, Any]:
    """Return the verdict on one case, and the answer. What the implementation raises is a problem like another."""
    asked = _copied(case)
    try:
        got = answer(implementation, asked, device)
    except (Exception, SystemExit) as error:  # noqa: BLE001  anybody's code may raise anything: a finding, not a crash
        return Verdict(np.inf, f"it raises {raised(error)}"), None
    for name, array in case.inputs.items():
        if not np.array_equal(asked.inputs[name], array, equal_nan=array.dtype.kind == "f"):
            return Verdict(np.inf, f"it writes into its input {name!r}; work on a copy"), got
    return _compared(operator, case, operator.reference(**case.inputs, **case.settings), got), got


def _compared(operator: Operator, case: Case, expected: Any, got: Any) -> Verdict:
    """Return the operator's verdict; converting what was returned may run anybody's code, which may even exit."""
    try:
        return operator.compare(case, expected, got)
    except (Exception, SystemExit) as error:  # noqa: BLE001  as above
        return Verdict(np.inf, f"the answer does not convert to an array: it raises {raised(error)}")


def check(
    operator: Operator, implementation: Implementation, cases: Iterable[Case] | None = None, device: str = "cpu"
) -> Answered:
    """Return how ``implementation`` answers ``cases``: the operator's hard ones, unless told.

    Cases whose traits it says that it treats otherwise, and those that it says it cannot run, are not asked.
    """
    largest = 0.0
    answered: list[tuple[Case, Any]] = []
    for case in operator.cases() if cases is None else cases:
        if case.traits & implementation.differs.keys() or implementation.cannot(case) is not None:
            continue
        verdict, got = judge(operator, implementation, case, device)
        if verdict.problem is not None:
            return Answered(np.inf, _counterexample(operator, implementation, case, device, verdict, got))
        largest = max(largest, verdict.error)
        answered.append((case, got))
    for case, got in answered:
        expected = operator.reference(**case.inputs, **case.settings)
        if (problem := _compared(operator, case, expected, got).problem) is not None:
            changed = f"its answer was right and has changed since, at a later call: return new arrays; now {problem}"
            return Answered(np.inf, Counterexample(case, expected, got, changed))
    return Answered(largest)


def _counterexample(
    operator: Operator, implementation: Implementation, case: Case, device: str, verdict: Verdict, got: Any
) -> Counterexample:
    """Return the smallest case found that is answered wrongly, and the mistake that answers all cases alike."""
    hint = _hint(operator, implementation, device)
    small, verdict, got = _shrunk(operator, implementation, case, device, verdict, got)
    expected = operator.reference(**small.inputs, **small.settings)
    return Counterexample(small, expected, got, verdict.problem or "", hint)


def _shrunk(
    operator: Operator, implementation: Implementation, case: Case, device: str, verdict: Verdict, got: Any
) -> tuple[Case, Verdict, Any]:
    """Leave out rows, half of them at first, then fewer, as long as the answer stays wrong (ddmin, Zeller 1999)."""
    count = len(case.inputs[case.rows[0]]) if case.rows else 0
    trials, size, until = 0, count // 2, monotonic() + _MOST_SECONDS
    while size and trials < _MOST_TRIALS and monotonic() < until:
        begin, smaller = 0, False
        while begin < count and trials < _MOST_TRIALS and monotonic() < until:
            kept = np.r_[0:begin, min(begin + size, count) : count]
            tried = replace(case, inputs={n: a[kept] if n in case.rows else a for n, a in case.inputs.items()})
            trials += 1
            found, theirs = judge(operator, implementation, tried, device)
            if found.problem is not None and len(kept):
                case, verdict, got, count, smaller = tried, found, theirs, len(kept), True
            else:
                begin += size
        size = size if smaller and size > 1 else size // 2
    return case, verdict, got


def _hint(operator: Operator, implementation: Implementation, device: str) -> str:
    """Return what to say if the implementation answers the hard cases as a known mistake does.

    Cases where it raises are left out: who makes a mistake may also have forgotten that there can be no boxes.
    """
    answers: list[tuple[Case, Any]] = []
    with warnings.catch_warnings(action="ignore"):  # mistakes divide by zero: that is what is wrong with them
        for case in operator.cases():
            if case.traits & implementation.differs.keys() or implementation.cannot(case) is not None:
                continue
            with contextlib.suppress(Exception, SystemExit):
                answers.append((case, answer(implementation, _copied(case), device)))
        return next((mistake.hint for mistake in operator.mistakes if _alike(operator, mistake, answers)), "")


def _alike(operator: Operator, mistake: Mistake, answers: list[tuple[Case, Any]]) -> bool:
    """Whether the answers are the mistake's, and at least one of them is wrong."""
    wrong = Implementation(mistake.name, operator.name, called(mistake.function))
    refused = 0
    for case, got in answers:
        try:
            theirs = answer(wrong, _copied(case))
        except Exception:  # noqa: BLE001  a mistake may raise where the implementation does not
            return False
        if _compared(operator, case, theirs, got).problem is not None:
            return False
        refused += (
            _compared(operator, case, operator.reference(**case.inputs, **case.settings), got).problem is not None
        )
    return refused > 0
