"""``model.toml``: what a model's makers say of it, read and bounded."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec

from detbench.errors import DataError
from detbench.evaluation.standings.document import ModelCard
from detbench.files import read_text
from detbench.words import brief, in_words, printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEYS", "read_model_card"]

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
        message, _, place = str(error).partition(" - at ")
        problem = re.sub("^expected", "should be", in_words(message))
        raise DataError(problem, file=path, record=place.strip("`$.")) from error
    for key in ("name", "authors", "training_data"):
        _require_lines(path, key, getattr(card, key))
    _require_link(path, card.link)
    return ModelCard(**msgspec.structs.asdict(card))


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, limit_bytes=_MOST_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DataError(f"is not TOML ({brief(str(error), 200)})", file=path) from error


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
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # a bracket where an address of six groups should be
        whole = False
    if not whole or not link.isprintable() or any(c.isspace() or c in '<>"\\' for c in link):
        raise DataError(
            f"is no link: {brief(printable(link), 60)!r}",
            file=path,
            record="link",
            remedy="give one that begins https://",
        )
