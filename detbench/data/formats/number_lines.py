"""Annotation files that are nothing but numbers, a box a line: what the drone sets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.formats.numbers import is_coordinate, number
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detbench.data.findings import Findings

__all__ = ["first_line", "number_lines"]

#: How much of a file is looked at to recognise it.
_LOOK_BYTES = 4096


def number_lines(
    path: Path, findings: Findings, *, separator: str | None, columns: int
) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield each line that holds a box, as its record (``"line 3"``) and its first ``columns`` numbers.

    Empty lines are skipped, and separators at a line's end. A line that is short, or holds what is no number, is
    reported as ``record-malformed``, one with NaN or an infinity as ``box-not-finite``, a file that cannot be read as
    ``file-unreadable``; each is left out.
    """
    try:
        text = read_text(path)
    except DataError as error:
        findings.report("file-unreadable", file=path, message=error.problem)
        return
    for count, line in enumerate(text.split("\n"), 1):
        stripped = line.strip().rstrip(separator).rstrip()
        if not stripped:
            continue
        record = f"line {count}"
        words = stripped.split(separator)
        if len(words) < columns:
            message = f"has {len(words)} number{'s' * (len(words) != 1)} where {columns} should be"
            findings.report("record-malformed", file=path, record=record, message=message)
            continue
        try:
            numbers = tuple(map(number, words[:columns]))
        except ValueError as error:
            findings.report("record-malformed", file=path, record=record, message=str(error))
            continue
        odd = next((value for value in numbers if not is_coordinate(value)), None)
        if odd is not None:
            findings.report("box-not-finite", file=path, record=record, message=f"a number of the box is {odd}")
            continue
        yield record, numbers


def first_line(path: Path, *, separator: str | None) -> list[float] | None:
    """Return the numbers of a file's first line that is not empty, to recognise it by. Never raises.

    None if there is no such line, an empty list if it is no line of numbers.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LOOK_BYTES).decode("utf-8-sig")
        line = next((line.strip() for line in text.splitlines() if line.strip()), None)
        return None if line is None else [number(word) for word in line.rstrip(separator).split(separator)]
    except (OSError, ValueError):
        return []
