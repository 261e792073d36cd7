"""Text files of one prediction a line, many files to a folder: the part that several forms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["TextRows", "floats", "read_rows", "text_files"]

#: Results of a whole test set are longer than an annotation of one image.
MAX_RESULTS_BYTES = 2**31

#: Rows are turned into columns this many at a time: a list a row for the whole file would cost more in the garbage
#: collector than in reading.
BLOCK_ROWS = 8192

#: How many files a message names.
_SHOWN = 3

#: A name and five numbers.
_COLUMNS = 6


@dataclass(frozen=True, slots=True, eq=False)
class TextRows:
    """The lines of several files, one row each, in the files' order.

    ``name`` is what stands before the five numbers of a line; ``number`` is float64 ``[N, 5]``, as they stand;
    ``file`` (a row of ``files``) and ``line`` (from 1), int64 ``[N]``, say where a row was.
    """

    files: tuple[Path, ...]
    name: tuple[str, ...]
    number: NDArray[np.float64]
    file: NDArray[np.int64]
    line: NDArray[np.int64]

    def place(self, row: int) -> tuple[Path, str]:
        """Return the file and the line of ``row``."""
        return self.files[self.file[row]], f"line {self.line[row]}"

    def spread(self, of_file: Sequence[str]) -> list[str]:
        """Return one value a row from one value a file."""
        return [of_file[file] for file in self.file.tolist()]


def text_files(path: Path) -> tuple[Path, ...]:
    """Return the ``.txt`` files of a folder by name, or the one file that ``path`` is. Raises DataError if none."""
    if path.is_file():
        return (path,)
    found = tuple(sorted(child for child in path.glob("*.txt") if child.is_file()))
    if not found:
        single = sorted(child for child in path.iterdir() if child.suffix.lower() in {".json", ".csv"})
        remedy = "name the folder that holds the predictions' files"
        if single:
            remedy = f"give the file itself, {' or '.join(str(child) for child in single[:_SHOWN])}"
        raise DataError("holds no .txt file", file=path, remedy=remedy)
    return found


def read_rows(files: Sequence[Path], *, layout: str) -> TextRows:
    """Read lines of a name, which may hold spaces, and five numbers; empty lines are skipped.

    ``layout`` says in words what a line should be, for the message. Raises DataError, naming file and line.
    """
    name: list[str] = []
    numbers = [np.zeros((0, _COLUMNS - 1))]
    lines = [np.zeros(0, np.int64)]
    counts: list[int] = []
    for file in files:
        text = read_text(file, limit_bytes=MAX_RESULTS_BYTES).split("\n")
        counts.append(0)
        for start in range(0, len(text), BLOCK_ROWS):
            names, number, line = _read_block(file, text[start : start + BLOCK_ROWS], start + 1, layout)
            name.extend(names)
            numbers.append(number)
            lines.append(line)
            counts[-1] += len(line)
    file_of = np.repeat(np.arange(len(files), dtype=np.int64), counts)
    return TextRows(tuple(files), tuple(name), np.concatenate(numbers), file_of, np.concatenate(lines))


def _read_block(
    file: Path, text: list[str], first: int, layout: str
) -> tuple[Sequence[str], NDArray[np.float64], NDArray[np.int64]]:
    """Return names, numbers ``[N, 5]`` and line numbers of some lines, of which the first is line ``first``."""
    split = [line.strip().rsplit(None, _COLUMNS - 1) for line in text]
    line = first + np.flatnonzero(np.fromiter(map(bool, split), np.bool_, len(split)))
    rows = [columns for columns in split if columns]

    def place(row: int) -> tuple[Path, str]:
        return file, f"line {line[row]}"

    odd = next((row for row, columns in enumerate(rows) if len(columns) != _COLUMNS), None)
    if odd is not None:
        raise DataError(
            f"has {len(rows[odd])} column{'s' * (len(rows[odd]) != 1)} where {_COLUMNS} should be",
            file=file,
            record=place(odd)[1],
            remedy=f"write each line as {layout!r}",
        )
    if not rows:
        return (), np.zeros((0, _COLUMNS - 1)), line
    names, *columns = zip(*rows, strict=True)
    return names, np.column_stack([floats(column, place) for column in columns]), line


def floats(column: Sequence[str], place: Callable[[int], tuple[Path, str]]) -> NDArray[np.float64]:
    """Return a column of text as float64 ``[N]``. Raises DataError, naming file and record, at what is no number."""
    try:
        return np.fromiter(map(float, column), np.float64, len(column))
    except ValueError:
        row, odd = next((row, text) for row, text in enumerate(column) if not _is_number(text))
        file, record = place(row)
        raise DataError(
            f"{odd[:40]!r} is not a number", file=file, record=record, remedy="write numbers with a decimal point"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
