"""A counterexample for a reader: its boxes drawn, its rows in a table, and whatever has no rows as text."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.timing.document import Counterexample

__all__ = ["Drawing", "DrawnBox", "Refusal", "refusal"]

#: Operators whose answer is rows of their input.
_KEEPS = ("nms", "batched-nms", "soft-nms")

_CORNERS = 4

#: More rows than this are neither drawn nor listed: the counterexample could not be made small.
_MOST_ROWS = 24

_LONGEST_TEXT = 360

#: More numbers than this, in a table or deeper, are written as shape and first numbers.
_MOST_NUMBERS, _MOST_DEEP, _FIRST = 40, 24, 4

#: Between these float32 is written without a power of ten: NumPy's own bound is lower, and such numbers are longer.
_PLAIN = (1e-4, 1e7)

#: The drawing, in its own units, and the margin that names of boxes need.
_WIDTH, _HEIGHT, _MARGIN = 360.0, 250.0, 26.0

#: A line of names, and the widest that a letter of it is on average.
_LINE, _LETTER = 14.0, 6.5

#: Whole numbers below this are written without a decimal point, and numbers below that may be of float32.
_MOST_WHOLE, _MOST_SINGLE = 1e7, 1e38


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box in the drawing's units, with what is written at its corner; ``look`` is the style sheet's class."""

    x: float
    y: float
    width: float
    height: float
    name: str
    name_x: float
    name_y: float
    look: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes to draw, in the order of drawing."""

    width: float
    height: float
    boxes: list[DrawnBox]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A counterexample: ``heads`` and ``rows`` of a table (empty without rows), ``facts`` as name and text.

    ``kept`` says whether rows are kept or dropped, so that a drawing's legend can say so.
    """

    found: Counterexample
    heads: list[str]
    rows: list[list[str]]
    facts: list[tuple[str, str]]
    drawing: Drawing | None
    kept: bool


def refusal(operator: str, found: Counterexample) -> Refusal:
    """Return what to show of a counterexample to an answer of ``operator``."""
    count = _row_count(found)
    by_row = {name: array for name, array in found.inputs.items() if count and _is_rows(array, count)}
    expected, got = (_per_row(operator, answer, count) for answer in (found.expected, found.got))
    keeps = operator in _KEEPS and expected is not None
    heads, columns = _columns(by_row)
    facts = [(name, _text(array)) for name, array in found.inputs.items() if name not in by_row]
    facts += [(name, _text(value)) for name, value in found.settings.items()]
    if columns and expected is not None:
        heads, columns = [*heads, "reference"], [*columns, expected]
    else:
        facts.append(("the reference answers", _text(found.expected)))
    if columns and got is not None:
        heads, columns = [*heads, "this one"], [*columns, got]
    else:
        facts.append(("this one answers", _text(found.got)))
    rows = [[str(row), *cells] for row, cells in enumerate(zip(*columns, strict=True))] if columns else []
    drawing = _drawing(by_row, _sides(expected, got, count) if keeps else [])
    return Refusal(found, ["row", *heads] if rows else [], rows, facts, drawing, keeps)


def _row_count(found: Counterexample) -> int:
    """Return how many rows the first input of boxes has; 0 if there is none, or too many to be read."""
    boxes: list[Any] = next((array for array in found.inputs.values() if _is_boxes(array)), [])
    return len(boxes) if len(boxes) <= _MOST_ROWS else 0


def _is_boxes(array: Any) -> bool:
    return isinstance(array, list) and bool(array) and all(isinstance(r, list) and len(r) == _CORNERS for r in array)


def _is_rows(array: Any, count: int) -> bool:
    """Whether an input has a box or a number for each row."""
    return isinstance(array, list) and len(array) == count and (_is_boxes(array) or not _is_nested(array))


def _is_nested(array: list[Any]) -> bool:
    return any(isinstance(item, list | dict) for item in array)


def _columns(by_row: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the inputs as columns of text, a box as four of them."""
    heads: list[str] = []
    columns: list[list[str]] = []
    several = sum(map(_is_boxes, by_row.values())) > 1
    for name, array in by_row.items():
        if _is_boxes(array):
            heads += [f"{name} {corner}" if several else corner for corner in ("x1", "y1", "x2", "y2")]
            columns += [[_number(row[corner]) for row in array] for corner in range(_CORNERS)]
        else:
            heads.append(name)
            columns.append([_number(value) for value in array])
    return heads, columns


def _per_row(operator: str, answer: Any, count: int) -> list[str] | None:
    """Return what an answer says of each row; None if it says nothing of single rows."""
    if operator in _KEEPS:
        rows = _kept(answer, count)
        return None if rows is None or not count else [_place(rows, row) for row in range(count)]
    if count and isinstance(answer, list) and len(answer) == count and not _is_nested(answer):
        return [_number(value) for value in answer]
    return None


def _kept(answer: Any, count: int) -> list[int] | None:
    """Return the rows that an answer keeps, in its order; None if it is no such answer."""
    if isinstance(answer, list) and answer and isinstance(answer[0], list):
        answer = answer[0]
    if not isinstance(answer, list):
        return None
    right = all(isinstance(row, int) and not isinstance(row, bool) and 0 <= row < count for row in answer)
    return answer if right else None


def _place(rows: list[int], row: int) -> str:
    places = [str(place + 1) for place, kept in enumerate(rows) if kept == row]
    return f"kept {', '.join(places)}." if places else "dropped"


def _sides(expected: list[str] | None, got: list[str] | None, count: int) -> list[str]:
    """Return each row's look: kept by both, by the reference alone, by the other alone, by none."""
    mine = [text != "dropped" for text in expected or []] or [False] * count
    theirs = [text != "dropped" for text in got or []] or [False] * count
    looks = {(True, True): "both", (True, False): "missed", (False, True): "extra", (False, False): "dropped"}
    return [looks[pair] for pair in zip(mine, theirs, strict=True)]


def _drawing(by_row: dict[str, Any], looks: list[str]) -> Drawing | None:
    """Return the boxes of all inputs, fitted; None where there is none, or one that cannot be drawn."""
    boxes = [
        (row, box, looks[row] if looks else ("both" if place == 0 else "second"), name)
        for place, (name, array) in enumerate((name, array) for name, array in by_row.items() if _is_boxes(array))
        for row, box in enumerate(array)
    ]
    numbers = [value for _, box, _, _ in boxes for value in box]
    if not numbers or not all(_is_finite(value) for value in numbers):
        return None
    xs = [value for _, box, _, _ in boxes for value in (box[0], box[2])]
    ys = [value for _, box, _, _ in boxes for value in (box[1], box[3])]
    span_x, span_y = max(xs) - min(xs), max(ys) - min(ys)
    if not isfinite(span_x) or not isfinite(span_y):
        return None
    inner_x, inner_y = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    scale = min(inner_x / span_x if span_x else inner_x, inner_y / span_y if span_y else inner_y)
    height = max(span_y * scale, 40.0) + 2 * _MARGIN
    left = (_WIDTH - span_x * scale) / 2
    score = by_row.get("score")
    several = len({name for *_, name in boxes}) > 1
    drawn: list[DrawnBox] = []
    for row, box, look, name in boxes:
        x1, x2 = (left + (min(box[0], box[2]) - min(xs)) * scale, left + (max(box[0], box[2]) - min(xs)) * scale)
        y1, y2 = (_MARGIN + (value - min(ys)) * scale for value in (min(box[1], box[3]), max(box[1], box[3])))
        words = f"{name} {row}" if several else str(row)
        if score and not _is_nested(score):
            words += f": {_number(score[row])}"
        name_x, name_y = _free_place(drawn, words, x1, y1)
        x, y, width, height_of_box = (round(value, 1) for value in (x1, y1, x2 - x1, y2 - y1))
        drawn.append(DrawnBox(x, y, width, height_of_box, words, name_x, name_y, look))
    order = {"dropped": 0, "second": 1, "both": 2, "extra": 3, "missed": 4}
    drawn.sort(key=lambda one: order[one.look])
    lowest = max(one.name_y for one in drawn) + 6
    return Drawing(_WIDTH, round(max(height, lowest), 1), drawn)


def _free_place(drawn: list[DrawnBox], words: str, x: float, y: float) -> tuple[float, float]:
    """Return where to write a box's name so that it covers no other: at its corner, beside it, or lines below."""
    x = max(0.0, min(x, _WIDTH - _long(words)))
    at, line = x, y - 4
    while near := [one for one in drawn if abs(one.name_y - line) < _LINE and _meet(one, at, words)]:
        at = max(one.name_x + _long(one.name) for one in near)
        if at + _long(words) > _WIDTH:
            at, line = x, line + _LINE
    return round(at, 1), round(line, 1)


def _meet(one: DrawnBox, x: float, words: str) -> bool:
    return one.name_x < x + _long(words) and x < one.name_x + _long(one.name)


def _long(words: str) -> float:
    """Return how much room a name takes, with the gap after it."""
    return _LETTER * len(words) + _LETTER


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _number(value: Any) -> str:
    """Return a number with the fewest digits that tell it from others of its type, which is float32 as a rule."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return brief(str(value), _LONGEST_TEXT)
    if value == int(value) and abs(value) < _MOST_WHOLE:
        return str(int(value))
    is_single = abs(value) < _MOST_SINGLE and float(np.float32(value)) == value
    if not is_single:
        return f"{value:.9g}"
    low, high = _PLAIN
    single = np.float32(value)
    return np.format_float_positional(single, trim="-") if low <= abs(value) < high else str(single)


def _text(value: Any) -> str:
    """Return what is no row as text: a big array as its shape and its first numbers, anything else whole."""
    if isinstance(value, dict) and {"shape", "type", "first"} <= value.keys():
        return f"{value['type']}, {_beginning(value['shape'], value['first'])}"
    if value is None:
        return "none"
    shape = _shape(value)
    most = _MOST_NUMBERS if len(shape) <= 2 else _MOST_DEEP  # noqa: PLR2004  a table can be read
    if prod(shape) > most:
        return _beginning(shape, _flat(value))
    return brief(_nested(value), _LONGEST_TEXT)


def _beginning(shape: Sequence[int], numbers: Sequence[Any]) -> str:
    return f"{' × '.join(map(str, shape))}: {', '.join(map(_number, numbers[:_FIRST]))}, …"


def _shape(value: Any) -> tuple[int, ...]:
    """Return the sides of nested lists; of lists that are not alike, how many they are."""
    if not isinstance(value, list):
        return ()
    inner = {_shape(item) for item in value}
    return (len(value), *(inner.pop() if len(inner) == 1 else ()))


def _flat(value: Any) -> list[Any]:
    return [one for item in value for one in _flat(item)] if isinstance(value, list) else [value]


def _nested(value: Any) -> str:
    return f"[{', '.join(map(_nested, value))}]" if isinstance(value, list) else _number(value)
