"""Pictures on the disk: where they are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PICTURE_SUFFIXES", "FolderPictures", "LaterPictures"]

#: File name endings that count as pictures when a folder is searched, lower case.
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".mpo"})


@dataclass(frozen=True, slots=True)
class FolderPictures:
    """Pictures that are files; None marks one that could not be found, ``names`` what was looked for."""

    paths: tuple[Path | None, ...]
    names: tuple[str, ...]

    def where(self, row: int) -> str:
        """See :class:`detbench.data.tables.Pictures`."""
        return str(self.paths[row] or self.names[row])

    def path(self, row: int) -> Path | None:
        """See :class:`detbench.data.tables.Pictures`."""
        return self.paths[row]

    def size_bytes(self, row: int) -> int:
        """See :class:`detbench.data.tables.Pictures`."""
        path = self._found(row)
        try:
            return path.stat().st_size
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error

    def read(self, row: int) -> bytes:
        """See :class:`detbench.data.tables.Pictures`."""
        path = self._found(row)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _read_all(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error

    def _found(self, row: int) -> Path:
        path = self.paths[row]
        if path is None:
            raise DataError(
                "the picture is missing", file=self.names[row], remedy="put it where the annotation says it is"
            )
        return path


class LaterPictures:
    """Pictures that ``seek`` finds, called when the first is asked for."""

    def __init__(self, seek: Callable[[], FolderPictures]) -> None:
        self._seek = seek

    @cached_property
    def _found(self) -> FolderPictures:
        return self._seek()

    def where(self, row: int) -> str:
        """See :class:`detbench.data.tables.Pictures`."""
        return self._found.where(row)

    def path(self, row: int) -> Path | None:
        """See :class:`detbench.data.tables.Pictures`."""
        return self._found.path(row)

    def size_bytes(self, row: int) -> int:
        """See :class:`detbench.data.tables.Pictures`."""
        return self._found.size_bytes(row)

    def read(self, row: int) -> bytes:
        """See :class:`detbench.data.tables.Pictures`."""
        return self._found.read(row)


def _read_all(descriptor: int) -> bytes:
    """Return a file's bytes in one call where the system gives them so: a third of the time of a file object."""
    size_bytes = os.fstat(descriptor).st_size
    data = os.read(descriptor, size_bytes)
    while len(data) < size_bytes:
        more = os.read(descriptor, size_bytes - len(data))
        if not more:
            break
        data += more
    return data
