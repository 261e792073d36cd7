"""Pictures that lie in records: where each is, not its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Place", "RecordPictures"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one picture lies: shard, record (from 1), first byte, length."""

    shard: Path
    record: int
    offset_bytes: int
    length_bytes: int


@dataclass(frozen=True, slots=True)
class RecordPictures:
    """See :class:`detbench.data.tables.Pictures`."""

    places: tuple[Place, ...]

    def where(self, row: int) -> str:
        """See :class:`detbench.data.tables.Pictures`."""
        return f"{self.places[row].shard}, record {self.places[row].record}"

    def path(self, row: int) -> Path | None:  # noqa: ARG002  no record is a file of its own
        """See :class:`detbench.data.tables.Pictures`."""
        return None

    def size_bytes(self, row: int) -> int:
        """See :class:`detbench.data.tables.Pictures`."""
        return self.places[row].length_bytes

    def read(self, row: int) -> bytes:
        """See :class:`detbench.data.tables.Pictures`."""
        place = self.places[row]
        try:
            with place.shard.open("rb", buffering=0) as file:
                file.seek(place.offset_bytes)
                data = file.read(place.length_bytes)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", file=self.where(row)) from error
        if len(data) != place.length_bytes:
            raise DataError("the picture is cut", file=self.where(row), remedy="convert again")
        return data
