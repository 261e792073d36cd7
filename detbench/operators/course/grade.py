"""Grading a learner's function: held to the reference on every hard case, and if right, timed beside it."""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import traceback
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from detbench.errors import UsageError
from detbench.operators.catalogue.comparison import names_of
from detbench.operators.contract import Case, Counterexample, Implementation, Mistake, Operator, Verdict, called
from detbench.operators.course.pieces import STEPS, piece_named
from detbench.operators.course.times import Timed, realistic, timed
from detbench.operators.course.watch import Watch
from detbench.operators.course.words import plain, said, shown
from detbench.operators.implementations.yours import of_another_form
from detbench.operators.oracle import answer, check, judge
from detbench.operators.registry import operator_named
from detbench.words import counted, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.operators.contract import Bound

__all__ = ["Grade", "asked_of", "examine", "grade", "parted"]

#: So much of what a function prints is kept.
_MOST_PRINTED = 2_000


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one function.

    Attributes
    ----------
    operator, title, function, step
        What it should do, what it is called, and by which step it is written; the step may be empty.
    status
        ``right``; ``wrong``; ``unwritten``: it returns None; ``missing``: there is no such function.
    cases
        How many hard cases it was asked, or would have been.
    problem, hint
        What is wrong, as a sentence, and what to look at where a known mistake answers alike, or mostly so.
    place, line
        Where in the learner's file it raised, and what stands there.
    case, inputs, settings, expected, got
        The smallest question that it answers wrongly; arrays as nested lists.
    numbers
        The same as text, by name: what a person reads.
    printed
        The beginning of what it printed: of the question that is shown, or of all.
    times
        Where it is right: what it takes on a realistic input, and what others take.
    """

    operator: str
    title: str
    function: str
    step: str = ""
    status: Literal["right", "wrong", "unwritten", "missing"]
    cases: int = 0
    problem: str = ""
    hint: str = ""
    place: str = ""
    line: str = ""
    case: str = ""
    inputs: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    expected: Any = None
    got: Any = None
    numbers: list[tuple[str, str]] = []
    printed: str = ""
    times: Timed | None = None

    @property
    def right(self) -> bool:
        """Whether the function does what it should."""
        return self.status == "right"

    def __repr__(self) -> str:
        """Return what a learner reads in a notebook."""
        return said(self)


class _Printed(io.TextIOBase):
    """A stream that keeps its beginning: a function in an oracle is called hundreds of times."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text[: max(_MOST_PRINTED - len(self.text), 0)]
        return len(text)


def grade(piece: str | int, function: Callable[..., Any], *, time: bool = True) -> Grade:
    """Return what is right or wrong with ``function``; shown as text at the end of a notebook's cell.

    Parameters
    ----------
    piece
        An operator, or a piece of the course: ``"encode"``, ``3``. Where a piece has several functions, the name of
        ``function`` says which it is.
    function
        It takes what the reference takes, by the same names, and returns arrays, lists or tensors.
    time
        Whether to time it where it is right.

    Raises
    ------
    UsageError
        If there is no such piece, or the function's name does not say which part of it it is.

    Examples
    --------
    >>> def change_order(box):
    ...     return box[:, [1, 0, 3, 2]]
    >>> grade("change-order", change_order, time=False).right
    True
    """
    chosen = piece_named(str(piece))
    name = getattr(function, "__name__", type(function).__name__)
    base, step = parted(name)
    parts = chosen.functions()
    operator = next((part for part, known in parts.items() if base in known), None)
    if operator is None and (len(parts) == 1 or chosen.name in parts):
        operator = chosen.name if chosen.name in parts else next(iter(parts))
    if operator is None:
        choices = " or ".join(f'"{part}"' for part in parts)
        raise UsageError(f"{chosen.name} has several functions and {name} is none of them; say grade({choices}, …)")
    return examine(operator_named(operator), function, name, step, time=time)


def parted(name: str) -> tuple[str, str]:
    """Return a function's name without its step, and the step, if it has one.

    Examples
    --------
    >>> parted("encode_loops"), parted("anchor_grid")
    (('encode', 'loops'), ('anchor_grid', ''))
    """
    base, _, ending = name.rpartition("_")
    return (base, ending) if base and ending in STEPS else (name, "")


def examine(
    operator: Operator,
    function: Callable[..., Any],
    name: str,
    step: str = "",
    *,
    time: bool = True,
    watch: Watch | None = None,
) -> Grade:
    """Return the grade of a function that is known to be meant as ``operator``; see :func:`grade`."""
    cases = asked_of(operator, step)
    about: dict[str, Any] = {
        "operator": operator.name,
        "title": operator.title,
        "function": name,
        "step": step,
        "cases": len(cases),
    }
    printed = _Printed()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _found(operator, function, name, cases, watch or Watch(), time=time)
    return Grade(**about, **{"printed": printed.text, **found})


def asked_of(operator: Operator, step: str) -> list[Case]:
    """Return the hard cases that a function of this step is asked: TensorFlow's image operators take no float64."""
    cases = operator.cases()
    if step != "tensorflow":
        return list(cases)
    return [case for case in cases if all(array.dtype != np.float64 for array in case.inputs.values())]


def _found(
    operator: Operator, function: Callable[..., Any], name: str, cases: list[Case], watch: Watch, *, time: bool
) -> dict[str, Any]:
    """Return the fields of a grade that say how the function did."""
    if not callable(function):
        return {"status": "wrong", "problem": f"{name} is of type {type(function).__name__}, not a function."}
    if problem := of_another_form(operator, function, name, cases):
        return {"status": "wrong", "problem": problem}
    if _unwritten(function, cases[0], watch):
        return {"status": "unwritten"}
    yours = Implementation("yours", operator.name, _watched(function, watch))
    if (wrong := check(operator, yours, cases).counterexample) is not None:
        likely = _likely(operator, yours, cases)
        hint = f"{wrong.hint} (That is about other cases.)" if wrong.hint and _raised(wrong) else wrong.hint
        if not hint and likely is not None:
            wrong, hint = _explained(operator, yours, wrong, likely)
        return _refused(operator, function, wrong, hint, watch)
    return _on_a_realistic_input(operator, yours, function, watch) if time else {"status": "right"}


def _refused(
    operator: Operator, function: Callable[..., Any], wrong: Counterexample, hint: str, watch: Watch
) -> dict[str, Any]:
    """Return the fields of a grade that show a counterexample."""
    problem = ("It" + wrong.problem[2:] if wrong.problem.startswith("it ") else wrong.problem) + "."
    place, line = _place(function, wrong.case, watch) if _raised(wrong) else ("", "")
    names = names_of(operator.compare)
    numbers = [*wrong.case.inputs.items(), *wrong.case.settings.items(), *_named("expected", wrong.expected, names)]
    if not place:
        numbers += _named("yours", wrong.got, names)
    return {
        "status": "wrong",
        "problem": problem,
        "hint": hint,
        "place": place,
        "line": line,
        "case": wrong.case.name,
        "inputs": plain(dict(wrong.case.inputs)),
        "settings": plain(dict(wrong.case.settings)),
        "expected": plain(wrong.expected),
        "got": plain(wrong.got),
        "numbers": [(label, shown(value)) for label, value in numbers],
        "printed": _printed_of(function, wrong.case, watch),
    }


def _printed_of(function: Callable[..., Any], case: Case, watch: Watch) -> str:
    """Return what a function prints of one case alone."""
    printed = _Printed()
    with contextlib.redirect_stdout(printed), contextlib.suppress(Exception):
        _watched(function, watch)(case, "cpu").run({key: array.copy() for key, array in case.inputs.items()})
    return printed.text


def _named(whose: str, answer: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return an answer with its label, or each of its arrays where there are several, as many as there should be."""
    if len(names) > 1 and isinstance(answer, tuple | list) and len(answer) == len(names):
        return [(f"{whose} {name}", one) for name, one in zip(names, answer, strict=True)]
    return [(whose, answer)]


def _raised(wrong: Counterexample) -> bool:
    return wrong.problem.startswith("it raises")


@dataclass(frozen=True, slots=True)
class _Likely:
    """The mistake that explains most: the cases that it explains, and of how many that are wrong."""

    mistake: Mistake
    explained: list[Case]
    refused: int


def _likely(operator: Operator, yours: Implementation, cases: list[Case]) -> _Likely | None:
    """Return the mistake that answers most of the refused cases alike, or None if that is not half.

    Who makes a mistake makes it on every case: one that would be wrong where the function is right is not meant.
    """
    right, refused = [], []
    for case in cases:
        verdict, got = judge(operator, yours, case)
        if verdict.problem is None:
            right.append((case, got))
        elif got is not None:
            refused.append((case, got))
    best = None
    for mistake in operator.mistakes:
        if all(_answers(operator, mistake, case, got) for case, got in right):
            alike = [case for case, got in refused if _answers(operator, mistake, case, got)]
            if len(alike) > (len(best.explained) if best else 0):
                best = _Likely(mistake, alike, len(refused))
    return best if best and len(best.explained) * 2 >= len(refused) else None


def _explained(
    operator: Operator, yours: Implementation, wrong: Counterexample, likely: _Likely
) -> tuple[Counterexample, str]:
    """Return a counterexample that a mistake explains, made small as long as it does, and what to say of it.

    What raises stays as it is: its line says more than numbers do.
    """
    mistake = likely.mistake
    many = f"{len(likely.explained)} of the {counted(likely.refused, 'case')} that are wrong"
    if _raised(wrong):
        return wrong, f"{mistake.hint} (That is about other cases: it would explain {many}.)"

    def compare(case: Case, expected: Any, got: Any) -> Verdict:
        verdict = operator.compare(case, expected, got)
        return verdict if _answers(operator, mistake, case, got) else Verdict(verdict.error)

    asked = replace(operator, compare=compare, mistakes=())
    shown_instead = check(asked, yours, likely.explained).counterexample
    if shown_instead is None or _raised(shown_instead):
        return wrong, f"{mistake.hint} (That would explain {many}; this one may be another mistake.)"
    return shown_instead, f"{mistake.hint} (That would explain {many}.)"


def _answers(operator: Operator, mistake: Mistake, case: Case, got: Any) -> bool:
    """Whether a known mistake answers a case as ``got``."""
    wrong = Implementation(mistake.name, operator.name, called(mistake.function))
    try:
        return operator.compare(case, answer(wrong, case), got).problem is None
    except (Exception, SystemExit):  # noqa: BLE001  a mistake may raise where it is one, and ``got`` when looked at
        return False


def _on_a_realistic_input(
    operator: Operator, yours: Implementation, function: Callable[..., Any], watch: Watch
) -> dict[str, Any]:
    case = realistic(operator)
    if case is None:
        return {"status": "right"}
    verdict, _ = judge(operator, yours, case)
    if verdict.problem is not None:
        return {
            "status": "wrong",
            "problem": f"It is right on the small cases, but not on {case.name}: {verdict.problem}.",
            "case": case.name,
        }
    bare = Implementation("yours", operator.name, called(function))
    return {"status": "right", "times": timed(operator, case, {"yours": bare}, watch)}


def _unwritten(function: Callable[..., Any], case: Case, watch: Watch) -> bool:
    try:
        got = _watched(function, watch)(case, "cpu").run({key: array.copy() for key, array in case.inputs.items()})
    except NotImplementedError:
        return True
    except Exception:  # noqa: BLE001  the oracle will meet it again, and says it
        return False
    return got is None


def _watched(function: Callable[..., Any], watch: Watch) -> Callable[[Case, str], Bound]:
    """Return what binds ``function``, tells ``watch``, and makes an exit an error like another."""

    def bind(case: Case, device: str) -> Bound:
        def asked(**given: Any) -> Any:
            watch.asked(case)
            try:
                return function(**given)
            except SystemExit:
                raise RuntimeError("it exits Python") from None
            except (Exception, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001  what is no Exception would end the grader
                raise RuntimeError(f"it raises {raised(error)}") from None
            finally:
                watch.answered()

        return called(asked)(case, device)

    return bind


def _place(function: Callable[..., Any], case: Case, watch: Watch) -> tuple[str, str]:
    """Return the line of the learner's file at which the function raises, and what stands in it."""
    home = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None)
    try:
        _watched(function, watch)(case, "cpu").run({key: array.copy() for key, array in case.inputs.items()})
    except Exception as error:  # noqa: BLE001  this is what is looked for
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == home]
        if frames and frames[-1].lineno is not None:
            number = frames[-1].lineno
            return f"line {number}", linecache.getline(frames[-1].filename, number).strip()
    return "", ""
