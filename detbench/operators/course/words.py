"""A grade as text of 79 columns, and values as a person reads them."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.words import counted, printable

if TYPE_CHECKING:
    from detbench.operators.course.grade import Grade
    from detbench.operators.course.times import Timed

__all__ = ["plain", "said", "shown", "table"]

WIDTH = 79
_INDENT = "  "

#: Of an array with more numbers than this, or of more than two axes and this many, the first ones are shown.
_MOST_NUMBERS, _MOST_DEEP, _FIRST = 40, 24, 4

#: Columns that a value has beside its name: the longest is positive_share.
_VALUE_WIDTH = WIDTH - 18

#: So many lines of what a function printed are shown, equal ones in a row once.
_MOST_PRINTED = 10


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: arrays as nested lists, what is no number as text."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    array = _array(value)
    return f"a {type(value).__name__}" if array is None else plain(array.tolist())


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    """Return anything that may have been returned as an array of numbers, or None if it is none."""
    try:
        array = np.asarray(value)
    except (Exception, SystemExit):  # noqa: BLE001  a conversion may raise anything
        return None
    return array if array.dtype.kind in "biuf" else None


def shown(value: Any) -> str:
    """Return a value as text: arrays with seven digits, an empty one with its shape.

    Examples
    --------
    >>> shown(np.array([[0.5, 1 / 3]], dtype=np.float32)), shown(np.zeros((0, 4))), shown((0.5, None))
    ('[[0.5, 0.3333333]]', 'empty, 0 × 4', '(0.5, None)')
    """
    if isinstance(value, tuple):
        parts = [shown(one) for one in value]
        arrays = any(getattr(one, "ndim", 0) for one in value)
        return "\n".join(parts) if arrays else f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    array = _array(value)
    if array is None:
        return f"a {type(value).__name__}"
    if not array.size:
        return f"empty, {' × '.join(map(str, array.shape))}"
    if array.size > (_MOST_NUMBERS if array.ndim <= 2 else _MOST_DEEP):  # noqa: PLR2004  a table can be read
        first = ", ".join(_number(one) for one in array.reshape(-1)[:_FIRST])
        return textwrap.fill(f"{array.dtype}, {' × '.join(map(str, array.shape))}: {first}, …", _VALUE_WIDTH)
    text = np.array2string(
        array,
        max_line_width=_VALUE_WIDTH,
        separator=", ",
        threshold=array.size,
        formatter={"float_kind": _number, "int_kind": str},
    )
    return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())


def _number(number: np.generic | float) -> str:
    return f"{number:.7g}"


def said(grade: Grade) -> str:
    """Return a grade in words, as lines of at most 79 columns."""
    if grade.status == "missing":
        lines = _wrapped(f"{grade.function} is not there yet.")
    elif grade.status == "unwritten":
        lines = _wrapped(f"{grade.function} is not written yet: it returns None.")
    elif grade.status == "right":
        lines = _wrapped(f"{grade.function} is right on all {counted(grade.cases, 'case')}.")
        lines += table(grade.times) if grade.times is not None else []
    else:
        lines = [*_wrapped(f"{grade.function} is wrong{_on(grade)}."), *_wrapped(grade.problem, _INDENT)]
        lines += _numbers(grade)
        if grade.place:
            lines += ["", *_wrapped(f"{grade.place}: {grade.line}", _INDENT)]
        if grade.hint:
            lines += ["", *_wrapped(f"Hint: {grade.hint}", _INDENT)]
    if grade.printed:
        first = [line for line, _ in groupby(grade.printed.rstrip("\n").split("\n"))][:_MOST_PRINTED]
        lines += ["", f"{_INDENT}It printed:", *(f"{_INDENT}| {printable(line)[: WIDTH - 4]}" for line in first)]
    return "\n".join(lines)


def _on(grade: Grade) -> str:
    return f" on the case “{grade.case}”" if grade.case and grade.numbers else ""


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        printable(text), WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _numbers(grade: Grade) -> list[str]:
    """Return the counterexample, names in a column."""
    if not grade.numbers:
        return []
    wide = max(len(label) for label, _ in grade.numbers)
    lines = [""]
    for label, text in grade.numbers:
        rows = text.split("\n")
        lines += [f"{_INDENT}{label:<{wide}}  {rows[0]}", *(f"{_INDENT}{'':<{wide}}  {row}" for row in rows[1:])]
    return lines


def table(times: Timed) -> list[str]:
    """Return what each took, and how many times as fast as the first it is."""
    lines = ["", f"{_INDENT}{times.what}:"]
    slowest = times.rows[0].ms
    wide = max(len(row.name) for row in times.rows)
    for row in times.rows:
        beside = f"{_ratio(slowest / row.ms)} × as fast" if row is not times.rows[0] else ""
        lines.append(f"{_INDENT}{row.name:<{wide}}  {_time(row.ms):>10}  {beside:>17}".rstrip())
    return lines


def _ratio(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"  # noqa: PLR2004  two digits are enough


def _time(ms: float) -> str:
    if ms >= 1000:  # noqa: PLR2004  a second
        return f"{ms / 1000:.2f} s"
    return f"{ms:.2f} ms" if ms >= 0.1 else f"{ms * 1000:.1f} µs"  # noqa: PLR2004  below, the zeros hide the digits
