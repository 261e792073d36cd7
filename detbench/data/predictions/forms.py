"""The forms that predictions come in, and telling them apart by a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.predictions.arrow_ipc import SUFFIXES, looks_like_arrow
from detbench.data.predictions.text_rows import text_files
from detbench.data.predictions.voc_results import category_of
from detbench.errors import DataError
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["FORMS", "recognise_form"]

#: Name → what a person calls it.
FORMS = {
    "coco": "COCO results JSON",
    "arrow": "Arrow IPC or Feather file",
    "csv": "CSV with a score column",
    "voc": "VOC result files, one a category",
    "yolo": "YOLO txt with scores, one a picture",
    "cartucho": "name score x1 y1 x2 y2, one txt a picture",
}

#: How many files of a folder are looked into, and how much of each.
_LOOK_FILES = 50
_LOOK_BYTES = 4096

_SHOWN_CHARACTERS = 60

_SIX = 6


def recognise_form(path: Path, category_names: Sequence[str]) -> str:
    """Return the form that ``path`` is in, one of :data:`FORMS`. Raises DataError if it cannot be told."""
    remedy = f"say which form it is with --predictions-format: {', '.join(FORMS)}"
    if path.is_dir() or path.suffix.lower() == ".txt":
        return _text_form(path, category_names, remedy)
    if path.suffix.lower() in SUFFIXES or looks_like_arrow(_first_bytes(path)):
        return "arrow"
    if path.suffix.lower() == ".json" or _beginning(path).lstrip("\ufeff \t\r\n")[:1] in {"[", "{"}:
        return "coco"
    if path.suffix.lower() == ".csv" or "," in _beginning(path).partition("\n")[0]:
        return "csv"
    raise DataError("is no known form of predictions", file=path, remedy=remedy)


def _text_form(path: Path, category_names: Sequence[str], remedy: str) -> str:
    """Return the form of a folder's txt files, or of one, by their names and first lines. Raises DataError."""
    known = set(category_names)
    files = text_files(path)
    if all(category_of(file, category_names) in known for file in files):
        return "voc"
    for file in files[:_LOOK_FILES]:
        line = _beginning(file).strip().partition("\n")[0]
        if not line:
            continue
        if form := _form_of_line(line.rsplit(None, _SIX - 1), known):
            return form
        text = f"the line {brief(line, _SHOWN_CHARACTERS)!r} is of no known form of predictions"
        raise DataError(text, file=file, remedy=remedy)
    return "yolo"  # nothing but empty files: no predictions, in whatever form


def _form_of_line(parts: list[str], known: set[str]) -> str | None:
    """Return the form of one line, None if it is none or could be two."""
    try:
        numbers = [float(part) for part in parts[1:]]
    except ValueError:
        return None
    if len(parts) != _SIX:
        return None
    if all(0 <= number <= 1 for number in numbers):
        return "yolo" if parts[0].isdecimal() else None
    return "cartucho" if parts[0] in known or not parts[0].isdecimal() else None


def _beginning(path: Path) -> str:
    """Return the first characters of a file, whatever they are."""
    return _first_bytes(path).decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LOOK_BYTES)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
