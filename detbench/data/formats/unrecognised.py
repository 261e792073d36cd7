"""What a path holds that is in no known format: said in the sentence that refuses it."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from detbench.data.formats.scanning import exists
from detbench.data.input import foreign
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["unrecognised"]

#: Where a conversion grows until it is whole (named by the records, which build on the formats).
_STAGING_NAME = ".convert"

_PEEK_BYTES = 64 * 2**10
_MOST_FILES = 2000
_DEEPEST = 3

#: How a list of COCO results begins, its first record's keys in any order.
_RESULTS = re.compile(rb'\s*\[\s*\{[^{}]*"(image_id|category_id|bbox|score)"\s*:')

#: A line of ``name x1 y1 x2 y2``, and perhaps ``difficult``: the ground truth of Cartucho's mAP script.
_NAMED_CORNERS = re.compile(rb"\s*[^\s,]*[^\s,\d.][^\s,]*(\s+-?\d+(\.\d+)?){4}(\s+difficult)?\s*")


def unrecognised(path: Path, format_names: Sequence[str]) -> DataError:
    """Return the error for a path in which no format was recognised: what it is, where that can be told."""
    special = _of_folder(path) if path.is_dir() else _of_file(path)
    return special or DataError(
        "no known dataset format was recognised here",
        file=path,
        remedy=f"say --format with one of {', '.join(format_names)}, or name the folder that holds the annotations",
    )


def _of_file(path: Path) -> DataError | None:
    head = _head(path)
    if not head.strip():
        return DataError("is empty", file=path, remedy="restore it from its source")
    if _RESULTS.match(head):
        return DataError(
            "these are predictions (a list of results), not ground truth",
            file=path,
            remedy="give them as PREDICTIONS: detbench eval GROUND_TRUTH PREDICTIONS",
        )
    if path.suffix.lower() == ".json":
        return foreign(head, path)
    return _named_corners(path) if _holds_named_corners(head) else None


def _of_folder(path: Path) -> DataError | None:
    if exists(path / _STAGING_NAME):
        return DataError(
            "holds an unfinished conversion", file=path, remedy="finish it with detbench convert --resume, then read it"
        )
    files = list(islice(_files_in(path, _DEEPEST), _MOST_FILES))
    if not files:
        return DataError("is empty", file=path, remedy="name the folder that holds the dataset")
    if all(file.suffix.lower() in PICTURE_SUFFIXES for file in files):
        return DataError(
            "holds pictures but no annotations",
            file=path,
            remedy="name the folder or the file that holds the annotations too",
        )
    one_a_folder = {file.parent: file for file in files if file.suffix.lower() == ".txt"}
    return _named_corners(path) if any(_holds_named_corners(_head(one)) for one in one_a_folder.values()) else None


def _named_corners(path: Path) -> DataError:
    return DataError(
        "holds ground truth as lines of name x1 y1 x2 y2, a layout that is not read",
        file=path,
        remedy="write it as VOC XML or as CSV (image, x1, y1, x2, y2, category)",
    )


def _holds_named_corners(head: bytes) -> bool:
    lines = [line for line in head.splitlines()[:20] if line.strip()]
    return bool(lines) and all(_NAMED_CORNERS.fullmatch(line) for line in lines)


def _files_in(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the files of a folder and of those within it, ``depth`` folders deep; hidden ones are passed over."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files_in(entry, depth - 1) if depth else ()
        else:
            yield entry


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_PEEK_BYTES)
    except OSError:
        return b""
