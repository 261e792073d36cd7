"""Cards of known datasets: where each comes from, what it should hold, and which numbers to stand beside.

A card is a TOML file in ``datasets/``; its name is the file's stem. Only what is sure stands on a card: a count that
is not known is left out.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.errors import DataError, UsageError
from detbench.files import read_text, shared_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Card", "PublishedResult", "SplitCard", "card", "cards", "read_card"]


@dataclass(frozen=True, slots=True)
class SplitCard:
    """A split and what its files hold; ``difficult`` of the ``boxes`` are marked so. None where it is not known."""

    name: str
    images: int | None = None
    boxes: int | None = None
    difficult: int | None = None


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """Numbers of others to stand beside: whose model, on which split, which metrics, and who says so."""

    model: str
    split: str
    metrics: dict[str, float]
    source: str


@dataclass(frozen=True, slots=True)
class Card:
    """What there is to know about a dataset before it is there.

    Attributes
    ----------
    name
        The card file's stem.
    title, page, licence, citation
        What it is called in full, its source page, what its licence is, and what to cite.
    format
        The format that reads it.
    layout
        The folders as they should lie, a line each.
    box_convention
        What its numbers mean.
    how_to_get
        What to do to have it.
    categories
        Names, in the order of their ids.
    splits, published
        See the classes.
    notes
        What else to know; may be empty.
    """

    name: str
    title: str
    page: str
    licence: str
    format: str
    layout: str
    box_convention: str
    how_to_get: str
    categories: tuple[str, ...]
    citation: str
    splits: tuple[SplitCard, ...]
    published: tuple[PublishedResult, ...] = ()
    notes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain dictionaries, lists, strings and numbers, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def cards() -> tuple[Card, ...]:
    """Return every card, by name. Raises DataError if one is no card."""
    return tuple(read_card(path) for path in sorted(shared_folder("datasets").glob("*.toml")))


def card(name: str) -> Card:
    """Return the card called ``name``. Raises UsageError, listing the names, if there is none."""
    known = {path.stem: path for path in sorted(shared_folder("datasets").glob("*.toml"))}
    if name not in known:
        raise UsageError(f"there is no card {name!r}; the cards are {', '.join(known)}")
    return read_card(known[name])


def read_card(path: Path) -> Card:
    """Read a card. Raises DataError if it is no TOML, or a key is unknown, missing or of another kind."""
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"is not TOML ({error})", file=path) from error
    if "name" in table:
        raise DataError("has a key 'name'", file=path, remedy="a card is called what its file is called")
    _check_keys(table, Card, path, "")
    for key, kind in (("splits", SplitCard), ("published", PublishedResult)):
        for number, entry in enumerate(table.get(key, []), 1):
            _check_keys(entry, kind, path, f"{key} {number}")
    try:
        return msgspec.convert(table | {"name": path.stem}, type=Card)
    except msgspec.ValidationError as error:
        raise DataError(f"is no card ({error})", file=path) from error


def _check_keys(table: object, kind: type, path: Path, record: str) -> None:
    """Raise DataError if ``table`` has a key that ``kind`` lacks: a typing error would else pass in silence."""
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = [key for key in table if key not in known] if isinstance(table, dict) else []
    if unknown:
        raise DataError(
            f"has an unknown key {unknown[0]!r}", file=path, record=record, remedy=f"the keys are {', '.join(known)}"
        )
