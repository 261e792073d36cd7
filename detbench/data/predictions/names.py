"""Names of pictures, compared: with and without folder, suffix and leading zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.formats.scanning import stem_of
from detbench.data.pictures import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detbench.data.tables import Key

__all__ = ["base_name", "picture_stem", "rows_of", "unique_rows", "without_zeros"]


def picture_stem(name: str) -> str:
    r"""Return ``name`` without its suffix, with ``/`` between folders.

    >>> picture_stem("a\\frame.0001.JPG")
    'a/frame.0001'
    """
    return stem_of(name.replace("\\", "/").removeprefix("./"), PICTURE_SUFFIXES)


def base_name(stem: str) -> str:
    """Return what follows the last ``/``."""
    return stem.rpartition("/")[2]


def without_zeros(stem: str) -> str:
    """Return a stem of nothing but digits without leading zeros, ``""`` for any other.

    >>> without_zeros("000139"), without_zeros("img000139")
    ('139', '')
    """
    return (stem.lstrip("0") or "0") if stem.isascii() and stem.isdigit() else ""


def rows_of(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return name → the rows that have it; the empty name is none."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name:
            rows.setdefault(name, []).append(row)
    return {name: tuple(found) for name, found in rows.items()}


def unique_rows(names: Sequence[str]) -> dict[Key, int]:
    """Return name → row, for the names that only one row has."""
    return {name: rows[0] for name, rows in rows_of(names).items() if len(rows) == 1}
