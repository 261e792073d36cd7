"""``model.toml``: what a model's makers say of it, read and bounded."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec

from detbench.errors import DataError
from detbench.evaluation.prediction_folder import CARD
from detbench.evaluation.standings.document import ModelCard
from detbench.files import read_text
from detbench.words import brief, printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEYS", "card_in", "read_model_card"]

#: Nobody says more of a model in its card.
_MOST_BYTES = 2**16
_MOST_PARAMETERS = 10**15

_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Lines = Annotated[list[_Line], msgspec.Meta(max_length=100)]


class _Table(msgspec.Struct, kw_only=True):
    """The file's keys, with the bounds of their values."""

    name: _Line
    authors: _Lines = []
    link: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    parameters: Annotated[int, msgspec.Meta(ge=0, le=_MOST_PARAMETERS)] | None = None
    training_data: _Lines = []
    notes: Annotated[str, msgspec.Meta(max_length=5000)] = ""


#: What a card may say, in the order in which it is read best.
KEYS = tuple(_Table.__struct_fields__)

_ONE_LINE = "one line of 1 to 200 characters in quotes"

#: What a key should be, and how it is written.
_SHOULD = {
    "name": (_ONE_LINE, '"YOLOX-nano"'),
    "authors": ("a list of at most 100 names", '["Zheng Ge", "Songtao Liu"]'),
    "link": ("a link of at most 2,000 characters in quotes", '"https://..."'),
    "parameters": ("a whole number from 0 to 10¹⁵", "910_000"),
    "training_data": ("a list of at most 100 names", '["COCO train2017"]'),
    "notes": ("text of at most 5,000 characters in quotes", '"Input 416 × 416."'),
}

#: What no key is, and the standard library cannot read: longer numbers, and lists in lists.
_TOO_LONG, _TOO_DEEP = re.compile(r"[\da-fA-F_]{4000,}"), re.compile(r"[\[{][^\n]*[\[{][^\n]*[\[{]")


def card_in(folder: Path) -> ModelCard | None:
    """Return what the ``model.toml`` of a folder says, None where there is none.

    Raises DataError if it is no file, or as :func:`read_model_card` does.
    """
    file = folder / CARD
    if not os.path.lexists(file):
        return None
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "is no file"
        raise DataError(problem, file=file, remedy=f"write {CARD} as a text file, or remove it")
    return read_model_card(file)


def read_model_card(path: Path) -> ModelCard:
    """Return what a ``model.toml`` says.

    Raises
    ------
    DataError
        If the file is no TOML, has no name, has a key that is not in :data:`KEYS`, or a value that is of another kind,
        too long, not one line where it should be, or no link; names the file, the key and the remedy.
    """
    table = _table(path)
    for key in table:
        if key not in KEYS:
            raise DataError(f"has an unknown key {brief(key, 60)!r}", file=path, remedy=_nearest(key))
    if "name" not in table:
        raise DataError("has no name", file=path, remedy='say what the model is called: name = "..."')
    try:
        card = msgspec.convert(table, type=_Table)
    except msgspec.ValidationError as error:
        place = str(error).partition(" - at ")[2].strip("`$.")
        key = place.partition("[")[0]
        kind, example = _SHOULD[key]
        kind = _ONE_LINE if place != key else kind  # an entry of a list
        raise DataError(
            f"should be {kind}", file=path, record=place, remedy=f"write it as in {key} = {example}"
        ) from error
    for key in ("name", "authors", "training_data"):
        _require_lines(path, key, getattr(card, key))
    _require_link(path, card.link)
    return ModelCard(**msgspec.structs.asdict(card))


def _table(path: Path) -> dict[str, Any]:
    text = read_text(path, limit_bytes=_MOST_BYTES)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).removesuffix(")").rpartition(" (at ")
        said = f"is not TOML: {brief(printable(what[:1].lower() + what[1:]), 200)}"
        said = "has a key twice" if what == "Cannot overwrite a value" else said
        remedy = 'write lines such as name = "...", each key once'
        raise DataError(said, file=path, record=place.partition(",")[0], remedy=remedy) from error
    except RecursionError as error:
        place = _line_of(_TOO_DEEP, text)
        raise DataError("has lists in lists in lists", file=path, record=place, remedy="no key needs them") from error
    except ValueError as error:  # what the number's digits are counted by is a setting of Python
        place, remedy = _line_of(_TOO_LONG, text), "parameters is the one number, of at most 10¹⁵"
        raise DataError("has a number of thousands of digits", file=path, record=place, remedy=remedy) from error


def _line_of(pattern: re.Pattern[str], text: str) -> str:
    """Return where in a text a pattern is found first, in words; nothing where it is not."""
    found = pattern.search(text)
    return f"line {text.count(chr(10), 0, found.start()) + 1}" if found else ""


def _nearest(key: str) -> str:
    """Return the remedy for a key that is none: the one that may be meant, or all there are."""
    found = difflib.get_close_matches(key.lower().replace("-", "_"), KEYS, n=1)
    return f"write {found[0]}" if found else f"the keys are {', '.join(KEYS)}"


def _require_lines(path: Path, key: str, value: str | list[str]) -> None:
    for text in [value] if isinstance(value, str) else value:
        if not text.strip() or printable(text) != text:
            problem = f"is {brief(printable(text), 40)!r}" if text.strip() else "is blank"
            raise DataError(problem, file=path, record=key, remedy="give one line of letters that can be seen")


def _require_link(path: Path, link: str | None) -> None:
    if link is None:
        return
    try:
        parts = urlsplit(link)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket where an address of six groups should be, a port that there is not
        whole = False
    if not whole or not link.isprintable() or any(c.isspace() or c in '<>"\\' for c in link):
        raise DataError(
            f"is no link: {brief(printable(link), 60)!r}",
            file=path,
            record="link",
            remedy="give one that begins https://",
        )
