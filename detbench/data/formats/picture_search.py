"""Finding the pictures that annotations speak of, beneath the dataset's folders and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.decoding import read_header
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError
from detbench.files import safe_join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["PictureSearch", "fill_sizes", "size_px"]

#: Larger sides than this are typing errors: no picture format holds them.
_LARGEST_SIDE_PX = 10**7

#: How many of a name's last parts are tried where the whole name is not there.
_LAST_PARTS = 8


@dataclass(frozen=True, slots=True)
class _Listing:
    """A folder's pictures by name, by name in lower case, and by stem."""

    by_name: dict[str, Path]
    by_lower: dict[str, Path]
    by_stem: dict[str, Path]


@dataclass(slots=True)
class PictureSearch:
    """Finds pictures by name or by stem in ``folders``, the first that has it; each folder is listed once."""

    folders: tuple[Path, ...]
    _listings: dict[Path, _Listing] = field(default_factory=dict)
    _moved: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def beneath(cls, *folders: Path | None) -> PictureSearch:
        """Return a search of those of ``folders`` that are there, in order."""
        return cls(tuple(dict.fromkeys(f for f in folders if f is not None and f.is_dir())))

    def holds_any(self) -> bool:
        """Return whether any picture lies directly in one of the folders."""
        return any(self._listing(folder).by_name for folder in self.folders)

    def by_stem(self, stem: str, *, file: object, record: str = "") -> Path | None:
        """Return the picture whose name without its ending is ``stem``. Raises DataError on a name with ``..``."""
        for folder in self.folders:
            wanted = safe_join(folder, stem, file=file, record=record)
            found = self._listing(wanted.parent).by_stem.get(wanted.name)
            if found is not None:
                return found
        return None

    def by_name(self, name: str, *, file: object, record: str = "") -> Path | None:
        r"""Return the picture called ``name``, or None.

        Upper and lower case are told apart only where both are there. A name that starts elsewhere
        (``/home/pi/images/1.jpg``, ``C:\images\1.jpg``) is looked for by its last parts, so that datasets
        survive being moved; one picture is given to one such name only.

        Raises
        ------
        DataError
            If the name has ``..`` parts or a NUL byte.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
        if not parts:
            return None
        found = self._look_up(parts, file, record)
        if found is not None:
            return found
        for start in range(max(1, len(parts) - _LAST_PARTS), len(parts)):
            found = self._look_up(parts[start:], file, record)
            if found is not None and self._moved.setdefault(found, name) == name:
                return found
        return None

    def _look_up(self, parts: list[str], file: object, record: str) -> Path | None:
        if ":" in parts[0] and len(parts) > 1:
            return None  # a Windows drive: its last parts are tried
        for folder in self.folders:
            wanted = safe_join(folder, "/".join(parts), file=file, record=record)
            listing = self._listing(wanted.parent)
            found = listing.by_name.get(wanted.name) or listing.by_lower.get(wanted.name.lower())
            if found is not None:
                return found
        return None

    def _listing(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            self._listings[folder] = _list(folder)
        return self._listings[folder]


def _list(folder: Path) -> _Listing:
    """List a folder's pictures; one that is not there, or may not be read, has none."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if not e.name.startswith(".") and e.is_file())
    except OSError:
        names = []
    pictures = [name for name in names if PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES]
    by_stem: dict[str, Path] = {}
    for name in pictures:
        by_stem.setdefault(PurePosixPath(name).stem, folder / name)
    return _Listing(
        {name: folder / name for name in pictures}, {name.lower(): folder / name for name in pictures}, by_stem
    )


def size_px(value: float | None) -> int:
    """Return a side of a picture as an integer, 0 (not known) for what no side can be."""
    if value is None or not 0 < value <= _LARGEST_SIDE_PX:  # also false for NaN
        return 0
    return round(value)


def fill_sizes(
    sizes_px: Iterable[tuple[int, int]], paths: Sequence[Path | None]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return widths and heights, int32 ``[I]``, taking from a picture's header those that are 0.

    A picture that is missing or unreadable keeps its zeros: ``detbench check`` says so.
    """
    filled = [
        (width, height) if width and height else _header_size(path)
        for (width, height), path in zip(sizes_px, paths, strict=True)
    ]
    table = np.asarray(filled, dtype=np.int32).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def _header_size(path: Path | None) -> tuple[int, int]:
    if path is None:
        return 0, 0
    try:
        header = read_header(path)
    except DataError:
        return 0, 0
    return header.width_px, header.height_px
