"""Which categories are taken for which, a matrix for each model: all with the same rows and columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.keys import Key, key_of
from detbench.words import counted, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.evaluation.parts.errors import Confusion, Errors
    from detbench.report.sections.model import Model

__all__ = ["SHADES", "Confusions", "Matrix", "MatrixCell", "MatrixRow", "confusions"]

#: The style sheet has so many shades of what is right, ``right-0`` to ``right-4``, and as many of what is ``wrong``.
SHADES = 5

#: A matrix of more categories than this is not read; the others are one row and one column.
_MOST_CATEGORIES = 15

#: Matrices of so many rows stand beside each other.
_MOST_SMALL = 8

_MOST_OF_A_NAME = 24

#: No object, in the place of a ground truth; nothing found, in the place of a prediction.
_NOTHING = -1

#: The categories that have no row of their own.
_OTHERS = -2


class MatrixCell(NamedTuple):
    """A count with the class of its shade and a sentence; all are empty where the count is 0."""

    look: str = ""
    text: str = ""
    title: str = ""


class MatrixRow(NamedTuple):
    """The ground truths of one category, or where none is."""

    name: str
    cells: list[MatrixCell]


class Matrix(NamedTuple):
    """One model's matrix; ``mistakes`` says how many ground truths it takes for another category."""

    key: Key
    mistakes: str
    rows: list[MatrixRow]


class Confusions(NamedTuple):
    """The matrices; ``columns`` are the names of what is predicted, and ``folded`` says who has a row of their own.

    ``is_small``: they have room beside each other.
    """

    columns: list[str]
    matrices: list[Matrix]
    iou: str
    folded: str
    is_small: bool


def confusions(having: Sequence[tuple[Model, Errors]]) -> Confusions | None:
    """Return a matrix for each model, or None where nothing was matched with anything."""
    if not any(found.confusion.cells for _, found in having):
        return None
    names = [category.name for category in having[0][0].result.per_category]
    kept = _kept([found.confusion for _, found in having], len(names))
    others = len(names) - len(kept)
    lines = [*kept, *([_OTHERS] if others else []), _NOTHING]
    called = {place: named(names[place], _MOST_OF_A_NAME) for place in kept}
    called[_OTHERS] = counted(others, "other")
    return Confusions(
        columns=[called.get(line, "not found") for line in lines],
        matrices=[_matrix(model, found.confusion, lines, called) for model, found in having],
        iou=f"{having[0][1].confusion.iou:.2f}",
        folded=f"The {len(kept)} categories that are confused most have rows of their own." if others else "",
        is_small=len(lines) <= _MOST_SMALL,
    )


def _kept(found: Sequence[Confusion], categories: int) -> list[int]:
    """Return the categories with most confusion over all models, in the dataset's order; then those seen most."""
    confused: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for cell in (cell for one in found for cell in one.cells):
        both = {place for place in (cell.ground_truth, cell.predicted) if place is not None}
        seen.update(dict.fromkeys(both, cell.count))
        if cell.ground_truth is not None and cell.predicted is not None and cell.ground_truth != cell.predicted:
            confused.update(dict.fromkeys(both, cell.count))
    order = sorted(range(categories), key=lambda place: (-confused[place], -seen[place], place))
    return sorted(order[:_MOST_CATEGORIES])


def _matrix(model: Model, found: Confusion, lines: Sequence[int], called: dict[int, str]) -> Matrix:
    counts: Counter[tuple[int, int]] = Counter()
    among_others = mistakes = 0
    for cell in found.cells:
        truth, predicted = _line(cell.ground_truth, lines), _line(cell.predicted, lines)
        counts[truth, predicted] += cell.count
        if cell.ground_truth != cell.predicted and _NOTHING not in (truth, predicted):
            mistakes += cell.count
            among_others += cell.count if truth == predicted == _OTHERS else 0
    rows = [
        MatrixRow(called.get(truth, "no object"), list(_cells(truth, counts, lines, called, among_others)))
        for truth in lines
    ]
    return Matrix(key_of(model), f"{counted(mistakes, 'object')} taken for another category", rows)


def _line(category: int | None, lines: Sequence[int]) -> int:
    if category is None:
        return _NOTHING
    return category if category in lines else _OTHERS


def _cells(
    truth: int, counts: Counter[tuple[int, int]], lines: Sequence[int], called: dict[int, str], among_others: int
) -> Iterator[MatrixCell]:
    """Yield a row's cells: shares are of its ground truths, in the row of no object of what was predicted."""
    of_row = sum(counts[truth, line] for line in lines)
    for predicted in lines:
        count = counts[truth, predicted]
        if not count:
            yield MatrixCell()
            continue
        whole = of_row if truth != _NOTHING else sum(counts[line, predicted] for line in lines)
        kind = "right" if truth == predicted else "wrong"
        look = f"{kind}-{min(int(count / whole * SHADES), SHADES - 1)}"
        share = f"{count:,} of {whole:,} ({count / whole:.0%})"
        if truth == _NOTHING:
            yield MatrixCell(look, f"{count:,}", f"{called[predicted]} where no such object is: {share} predicted")
        elif predicted == _NOTHING:
            yield MatrixCell(look, f"{count:,}", f"{called[truth]} not found: {share}")
        elif truth == predicted == _OTHERS and among_others:
            title = f"{called[truth]}: {count - among_others:,} right, {among_others:,} taken for another of them"
            yield MatrixCell(look, f"{count:,}", title)
        else:
            yield MatrixCell(look, f"{count:,}", f"{called[truth]} predicted as {called[predicted]}: {share}")
