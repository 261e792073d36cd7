"""A CSV of ``image,xmin,ymin,xmax,ymax,category,score`` with a header line; other columns are skipped.

Columns go by name, in any order and case, with the usual other names, separated by commas, semicolons or tabs. Boxes
are taken as detbench's own: continuous, 0-based pixels.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.formats.csv_columns import CORNERS, DELIMITERS, SCORE, places_of
from detbench.data.predictions.raw import CategoryNaming, ImageNaming, RawPredictions
from detbench.data.predictions.text_rows import BLOCK_ROWS, MAX_RESULTS_BYTES, floats
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read"]

_COLUMNS = ("image", *CORNERS, "category", SCORE)
_COLUMNS_OF_PROPOSALS = ("image", *CORNERS, SCORE)

#: No header is longer; the csv module refuses a field much longer than this.
_HEADER_CHARACTERS = 10_000


def read(path: Path, *, class_agnostic: bool = False) -> RawPredictions:
    """Read a CSV of predictions, of proposals if ``class_agnostic``: those need no category column.

    Raises DataError, naming the line.
    """
    text = read_text(path, limit_bytes=MAX_RESULTS_BYTES)
    rows = _rows(text, path)
    header = next(rows, None)
    if header is None:
        raise DataError("is empty", file=path, remedy="write at least the header line")
    at = _columns(header, path, _COLUMNS_OF_PROPOSALS if class_agnostic else _COLUMNS)

    def place(row: int) -> tuple[Path, str]:
        return path, f"line {_line_of(row, text)}"

    image: list[str] = []
    category: list[str] = []
    numbers = [np.zeros((0, 5))]
    while block := list(islice(rows, BLOCK_ROWS)):
        images, categories, number = _read_block(block, at, len(image), place)
        image.extend(images)
        category.extend(categories)
        numbers.append(number)
    number = np.concatenate(numbers)
    return RawPredictions(
        source=path,
        image=image,
        category=category,
        box=number[:, :4].copy(),
        score=number[:, 4].copy(),
        place=place,
        image_naming=ImageNaming.TEXT,
        category_naming=CategoryNaming.NAME,
    )


def _read_block(
    block: list[list[str]], at: dict[str, int], first: int, place: Callable[[int], tuple[Path, str]]
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64]]:
    """Return images, categories and numbers ``[N, 5]`` (the corners, the score); ``first`` is the first one's row."""
    there = [column for column in _COLUMNS if column in at]
    width = max(at[column] for column in there) + 1
    short = next((row for row, columns in enumerate(block) if len(columns) < width), None)
    if short is not None:
        file, record = place(first + short)
        raise DataError(
            f"has {len(block[short])} columns where the header has at least {width}",
            file=file,
            record=record,
            remedy="complete the line, or leave it out",
        )
    pick = itemgetter(*(at[column] for column in there))
    text = dict(zip(there, zip(*map(pick, block), strict=True), strict=True))
    columns = [floats(text[column], lambda row: place(first + row)) for column in (*CORNERS, SCORE)]
    return text["image"], text.get("category", ("",) * len(block)), np.column_stack(columns)


def _reader(text: str) -> Any:
    """Return a reader of a CSV whose fields are separated by what tells most of our columns apart in its first line."""
    lines = io.StringIO(text)
    first = next(filter(str.strip, lines), "")[:_HEADER_CHARACTERS]
    delimiter = max(DELIMITERS, key=lambda one: len(places_of(next(csv.reader([first], delimiter=one), []))))
    lines.seek(0)
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _rows(text: str, path: Path) -> Iterator[list[str]]:
    """Yield the rows that are not empty, the header first. Raises DataError where the text is no CSV."""
    reader = _reader(text)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        raise DataError(f"is not CSV ({error})", file=path, record=f"line {reader.line_num}") from error


def _line_of(row: int, text: str) -> int:
    """Return the line that data row ``row`` ends on: counted again, because only a message needs it."""
    reader = _reader(text)
    next(islice(filter(None, reader), row + 1, None))
    line: int = reader.line_num
    return line


def _columns(header: list[str], path: Path, needed: tuple[str, ...]) -> dict[str, int]:
    """Return column → its place in a row. Raises DataError if one that is needed is missing."""
    at = places_of(header)
    missing = [column for column in needed if column not in at]
    if missing:
        raise DataError(
            f"has no column {', '.join(missing)}; its columns are {', '.join(header)[:200]}",
            file=path,
            record="line 1",
            remedy=f"begin with the line {','.join(needed)}",
        )
    return at
