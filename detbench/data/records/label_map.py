"""Which number stands for which category in the records: as JSON, and as the TF Object Detection API's pbtxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detbench.data.tables import Key  # noqa: TC001  msgspec reads annotations at run time
from detbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Categories

__all__ = ["LABEL_MAP_SCHEMA", "Entry", "LabelMap"]

LABEL_MAP_SCHEMA = "detbench.label_map/1"

_HIGHEST = 2**31 - 1


class Entry(msgspec.Struct, frozen=True):
    """A category: its number in the records, from 1; its name; the id that the source gives it."""

    label: int
    name: str
    source_id: Key


class LabelMap(msgspec.Struct, frozen=True):
    """Every category of a conversion, in the order of the source's table."""

    schema: str
    categories: tuple[Entry, ...]

    @classmethod
    def of(cls, categories: Categories) -> LabelMap:
        """Return the map of a dataset's categories.

        The source's own ids are kept where all are distinct positive integers, so that COCO's 1 to 90 with its holes
        fits every COCO label map; otherwise the categories are numbered from 1 in their order.

        Raises
        ------
        DataError
            If a name cannot be written as UTF-8.
        """
        ids = categories.source_id
        kept = all(type(key) is int and 0 < key <= _HIGHEST for key in ids) and len(set(ids)) == len(ids)
        labels = [int(key) for key in ids] if kept else range(1, len(ids) + 1)
        for name in (*categories.name, *map(str, ids)):
            if not name.isprintable() and not _is_utf8(name):
                raise DataError(f"the category name {name!r} is no text that can be written", remedy="rename it")
        return cls(LABEL_MAP_SCHEMA, tuple(map(Entry, labels, categories.name, ids)))

    def label_of_row(self) -> NDArray[np.int64]:
        """Return int64 ``[C + 1]``: the label of every category's row, and 0 at the end, where row −1 finds it."""
        return np.array([*(entry.label for entry in self.categories), 0], dtype=np.int64)

    def to_json(self) -> bytes:
        """Return indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def to_pbtxt(self) -> str:
        """Return the map as the TF Object Detection API reads it, by label."""
        items = sorted(self.categories, key=lambda entry: entry.label)
        return "".join(f'item {{\n  id: {entry.label}\n  name: "{_quoted(entry.name)}"\n}}\n' for entry in items)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    """Return text as it stands between double quotes in protobuf's text format."""
    return "".join(
        f"\\{character}" if character in '"\\' else character if character >= " " else f"\\{ord(character):03o}"
        for character in text
    )
