"""Comparing answers: equal or near enough, and if not, what differs first, in words that name the element.

Nothing here raises, whatever an implementation returns: what is no array of numbers is a problem like another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Case, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NEW_MEMORY", "close", "compare_close", "compare_equal", "equal", "names_of"]

#: What an answer of many megabytes costs beyond its counted work, as a clause of ``Work.beyond``.
NEW_MEMORY = "the answer is new memory, whose pages the system clears before they are written"

#: So many numbers are compared at a time: an answer of a hundred megabytes is not copied as float64.
_BLOCK = 1 << 18


def compare_close(
    case: Case, expected: Any, got: Any, *, rtol: float, atol: float, names: tuple[str, ...] = ("the answer",)
) -> Verdict:
    """Return how far ``got`` is from ``expected``: floats within ``atol + rtol · |expected|``, integers equal.

    Parameters
    ----------
    case
        What was asked; not looked at: a comparison has the signature of ``Operator.compare``.
    expected
        The reference's answer: an array, or a tuple of arrays.
    got
        Anything at all. Real numbers of any width will do for floats, integers of any width for integers.
    rtol, atol
        The tolerance. NaN is near NaN alone, and an infinity near itself alone.
    names
        What each array of the answer is called.

    Returns
    -------
    ``error`` is the largest absolute difference; infinite where there is no telling.

    Examples
    --------
    >>> case = Case("two numbers", {})
    >>> compare_close(case, np.array([1.0, 2.0]), [1.0, 2.5], rtol=0, atol=1e-6, names=("score",))
    Verdict(error=0.5, problem='score[1] is 2.5 and should be 2 (1 of 2 numbers is wrong)')
    >>> compare_close(case, np.array([1.0, 2.0]), None, rtol=0, atol=1e-6, names=("score",)).problem
    'score is None and should be an array'
    """
    del case
    verdicts = _parts(expected, got, names, lambda name, ours, theirs: _near(name, ours, theirs, rtol, atol))
    return Verdict(max(each.error for each in verdicts), _first_problem(verdicts))


def compare_equal(case: Case, expected: Any, got: Any, *, names: tuple[str, ...] = ("the answer",)) -> Verdict:
    """Return whether ``got`` is ``expected``, element by element. ``error`` counts the elements that are not.

    The parameters are those of :func:`compare_close`, without a tolerance.

    Examples
    --------
    >>> compare_equal(Case("labels", {}), np.array([1, 0]), np.array([1, -1]), names=("label",))
    Verdict(error=1.0, problem='label[1] is -1 and should be 0 (1 of 2 numbers is wrong)')
    """
    del case
    verdicts = _parts(expected, got, names, _same)
    return Verdict(sum(each.error for each in verdicts), _first_problem(verdicts))


def close(rtol: float, atol: float, *names: str) -> Callable[[Case, Any, Any], Verdict]:
    """Return :func:`compare_close` with its tolerance and names: an operator's ``compare``."""
    return partial(compare_close, rtol=rtol, atol=atol, names=names)


def equal(*names: str) -> Callable[[Case, Any, Any], Verdict]:
    """Return :func:`compare_equal` with its names: an operator's ``compare``."""
    return partial(compare_equal, names=names)


def names_of(compare: Callable[[Case, Any, Any], Verdict]) -> tuple[str, ...]:
    """Return what a comparison that :func:`close` or :func:`equal` made calls each array; nothing of another one."""
    return tuple(compare.keywords["names"]) if isinstance(compare, partial) else ()


def _first_problem(verdicts: list[Verdict]) -> str | None:
    return next((each.problem for each in verdicts if each.problem is not None), None)


def _parts(
    expected: Any, got: Any, names: tuple[str, ...], compare: Callable[[str, NDArray[Any], NDArray[Any]], Verdict]
) -> list[Verdict]:
    """Return the verdict on each array of an answer."""
    if not isinstance(expected, tuple):
        return [_part(names[0], np.asarray(expected), got, compare)]
    if not isinstance(got, tuple | list) or len(got) != len(expected):
        what = f"a {type(got).__name__} of {len(got)}" if isinstance(got, tuple | list) else _called(got)
        wanted = ", ".join(names)
        return [Verdict(np.inf, f"the answer is {what} and should be a tuple of {len(expected)}: {wanted}")]
    return [_part(*each, compare) for each in zip(names, map(np.asarray, expected), got, strict=True)]


def _part(
    name: str, expected: NDArray[Any], got: Any, compare: Callable[[str, NDArray[Any], NDArray[Any]], Verdict]
) -> Verdict:
    """Return the verdict on one array: whether it is one, of the right type and shape, and then what it holds."""
    try:
        array = np.asarray(got)
    except Exception:  # noqa: BLE001  whatever was returned, converting it may raise anything
        return Verdict(np.inf, f"{name} is {_called(got)}, which does not convert to an array")
    if array.dtype.kind not in "fiu":
        is_array = isinstance(got, np.ndarray)
        what = f"an array of {array.dtype}" if is_array or array.ndim else _called(got)
        return Verdict(np.inf, f"{name} is {what} and should be {'one of numbers' if is_array else 'an array'}")
    if array.shape != expected.shape:
        return Verdict(np.inf, f"{name} has the shape {array.shape} and should have {expected.shape}")
    if expected.dtype.kind != "f" and array.dtype.kind == "f" and array.size:
        return Verdict(np.inf, f"{name} holds {array.dtype} and should hold whole numbers, {expected.dtype}")
    with np.errstate(all="ignore"):
        return compare(name, expected, array)


def _near(name: str, expected: NDArray[Any], got: NDArray[Any], rtol: float, atol: float) -> Verdict:
    if expected.dtype.kind != "f":
        return _same(name, expected, got)
    largest, wrong, first = 0.0, 0, -1
    flat, theirs = expected.reshape(-1), got.reshape(-1)
    for begin in range(0, flat.size, _BLOCK):
        want = flat[begin : begin + _BLOCK].astype(np.float64)
        have = theirs[begin : begin + _BLOCK].astype(np.float64)
        difference = np.subtract(have, want)
        most = float(np.abs(difference, out=difference).max())
        if most <= atol:  # nothing to look for, and no NaN among them: this is what most blocks are
            largest = max(largest, most)
            continue
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        difference = np.where(same, 0.0, np.abs(have - want))
        refused = ~same & ~(np.isfinite(want) & (difference <= atol + rtol * np.abs(want)))
        largest = max(largest, float(np.where(np.isnan(difference), np.inf, difference).max()))
        if first < 0 and refused.any():
            first = begin + int(refused.argmax())
        wrong += int(np.count_nonzero(refused))
    return Verdict(largest, _said(name, expected, got, first, wrong))


def _same(name: str, expected: NDArray[Any], got: NDArray[Any]) -> Verdict:
    refused = np.asarray(got != expected)
    if refused.any():
        refused &= ~((got != got) & (expected != expected))  # noqa: PLR0124  NaN alone is not itself
    wrong = int(np.count_nonzero(refused))
    return Verdict(float(wrong), _said(name, expected, got, int(refused.argmax()) if wrong else -1, wrong))


def _said(name: str, expected: NDArray[Any], got: NDArray[Any], first: int, wrong: int) -> str | None:
    """Return what differs first, or None."""
    if not wrong:
        return None
    where = tuple(int(each) for each in np.unravel_index(first, expected.shape))
    place = f"[{', '.join(map(str, where))}]" if where else ""
    ours, theirs = expected[where], got[where]
    # As many digits as it takes to tell them apart.
    digits = next((d for d in (6, 9) if f"{theirs:.{d}g}" != f"{ours:.{d}g}"), 17)
    values = f"{name}{place} is {theirs:.{digits}g} and should be {ours:.{digits}g}"
    many = "" if expected.size == 1 else f" ({wrong} of {expected.size} numbers {'is' if wrong == 1 else 'are'} wrong)"
    return values + many


def _called(thing: object) -> str:
    """Return what a person would call something that is no array."""
    return "None" if thing is None else f"of type {type(thing).__name__}"
