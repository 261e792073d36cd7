"""The lines of a CSV of boxes: which files hold some, and what a line's fields say."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.formats.csv_columns import NEEDED, CsvLayout, layout_of
from detbench.data.formats.numbers import number
from detbench.data.formats.scanning import files_with_suffix
from detbench.data.tables import UNKNOWN_LEVEL
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.findings import Findings

__all__ = ["SUFFIXES", "CsvRow", "flag", "level", "optional", "required", "rows_of", "tables_at", "tables_or_error"]

SUFFIXES = (".csv", ".tsv")

_PEEK_BYTES = 64 * 2**10
_MAX_CSV_BYTES = 2 * 2**30
_HIGHEST_LEVEL = 2


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line, as text by our columns' names."""

    file: Path
    line: int
    fields: dict[str, str]

    @property
    def record(self) -> str:
        """Where it is, for messages."""
        return f"line {self.line}"


def tables_at(path: Path) -> list[tuple[Path, CsvLayout]]:
    """Return the CSV files at ``path`` that are tables of boxes, with how to read them."""
    files = [path] if path.is_file() else files_with_suffix(path, *SUFFIXES)
    found = []
    for file in files:
        try:
            found.append((file, _layout(file)))
        except DataError:
            if path.is_file():
                raise
    return found


def _layout(file: Path) -> CsvLayout:
    """Return how to read a file. Raises DataError if it is no table of boxes."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_PEEK_BYTES)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=file) from error
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    try:
        return layout_of(next((line for line in lines if line.strip()), ""))
    except (ValueError, csv.Error) as error:
        raise DataError(str(error), file=file, remedy="write such a header, or name another file") from error


def tables_or_error(path: Path) -> list[tuple[Path, CsvLayout]]:
    """Return :func:`tables_at`. Raises DataError if there is none."""
    tables = tables_at(path)
    if not tables:
        raise DataError(
            "holds no CSV of boxes",
            file=path,
            remedy="name a CSV file with the columns image, xmin, ymin, xmax, ymax, category",
        )
    return tables


def rows_of(file: Path, layout: CsvLayout, findings: Findings) -> Iterator[CsvRow]:
    """Yield the lines that name an image. Raises DataError if the file is no CSV to its end."""
    text = read_text(file, limit_bytes=_MAX_CSV_BYTES)
    reader = csv.reader(io.StringIO(text), delimiter=layout.delimiter)
    needed = 1 + max(layout.place[name] for name in NEEDED)
    is_header = layout.has_header
    try:
        for fields in reader:
            if is_header or not any(map(str.strip, fields)):
                is_header = is_header and not fields
                continue
            record = f"line {reader.line_num}"
            named = {name: fields[at].strip() if at < len(fields) else "" for name, at in layout.place.items()}
            if len(fields) < needed:
                message = f"it has {len(fields)} fields, not {needed}"
                findings.report("record-malformed", file=file, record=record, message=message)
            elif not named["image"]:
                findings.report("record-malformed", file=file, record=record, message="it names no image")
            else:
                yield CsvRow(file, reader.line_num, named)
    except csv.Error as error:
        raise DataError(f"is no CSV ({error})", file=file, record=f"line {reader.line_num}") from error


def required(row: CsvRow, column: str) -> float:
    """Return the number in a field. Raises ValueError, with a clause, if it is none."""
    try:
        return number(row.fields[column])
    except ValueError as error:
        raise ValueError(f"its {column}: {error}") from None


def optional(row: CsvRow, column: str) -> float | None:
    """Return the number in a field, None if it is empty. Raises ValueError."""
    return required(row, column) if row.fields.get(column) else None


def level(row: CsvRow, column: str) -> int:
    """Return 0, 1 or 2; −1 for an empty field; ``true`` and ``false`` are 1 and 0."""
    text = row.fields.get(column, "").lower()
    if text in {"true", "false"}:
        return int(text == "true")
    value = optional(row, column)
    if value is None or value == UNKNOWN_LEVEL:
        return UNKNOWN_LEVEL
    if value not in range(_HIGHEST_LEVEL + 1):
        raise ValueError(f"its {column} is {text[:40]!r}, not 0, 1 or 2")
    return int(value)


def flag(row: CsvRow, column: str) -> bool:
    """Return whether a field is set. Raises ValueError, with a clause, if it is no flag."""
    return level(row, column) > 0
