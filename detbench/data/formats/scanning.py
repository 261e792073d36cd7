"""Looking around in a folder: its files and folders by name, and the order in which splits are listed."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "child_folder",
    "exists",
    "files_with_suffix",
    "folders_in",
    "holds_suffix",
    "is_split_name",
    "name_of",
    "ordered_splits",
    "parent_of",
    "stem_of",
]

#: Split names in the order in which they are listed; a year or a number may follow (``train2017``).
_SPLIT_ORDER = (
    re.compile(r"train(ing)?[-_]?\d*", re.IGNORECASE),
    re.compile(r"val(id|idation)?[-_]?\d*", re.IGNORECASE),
    re.compile(r"test[-_]?\d*", re.IGNORECASE),
)


def exists(path: Path) -> bool:
    """Return whether something is at ``path``; a name too long for any file, as data may hold, is at no place."""
    try:
        return path.exists()
    except OSError:
        return False


def files_with_suffix(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files directly in ``folder`` whose names end in one of ``suffixes`` (lower case), sorted by name.

    Hidden files are left out: macOS leaves ``._name.xml`` beside ``name.xml`` in archives. A folder that is not
    there has no files.
    """
    try:
        with os.scandir(folder) as entries:
            return [folder / name for name in sorted(_names(entries, suffixes))]
    except OSError:
        return []


def holds_suffix(folder: Path, *suffixes: str) -> bool:
    """Return whether :func:`files_with_suffix` would find any, without listing them all."""
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in _names(entries, suffixes))
    except OSError:
        return False


def _names(entries: Iterable[os.DirEntry[str]], suffixes: tuple[str, ...]) -> Iterator[str]:
    return (e.name for e in entries if e.name.lower().endswith(suffixes) and e.name[0] != "." and e.is_file())


def folders_in(folder: Path) -> list[Path]:
    """Return the folders directly in ``folder`` that are not hidden, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            found = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(found)]


def child_folder(folder: Path, *names: str) -> Path | None:
    """Return the first of ``names`` (lower case) that is a folder in ``folder``, whatever its upper and lower case."""
    by_name = {child.name.lower(): child for child in folders_in(folder)}
    return next((by_name[name] for name in names if name in by_name), None)


def is_split_name(name: str) -> bool:
    """Return whether a folder or a file called ``name`` is likely to hold a split: train, val, test and the like."""
    return any(pattern.fullmatch(name) for pattern in _SPLIT_ORDER)


def ordered_splits(names: Iterable[str]) -> tuple[str, ...]:
    """Return split names in the order train, val, test, others; equal ranks by name."""

    def rank(name: str) -> tuple[int, str]:
        places = (place for place, pattern in enumerate(_SPLIT_ORDER) if pattern.fullmatch(name))
        return next(places, len(_SPLIT_ORDER)), name

    return tuple(sorted(names, key=rank))


def parent_of(folder: Path) -> Path:
    """Return the folder above, named as the user named ``folder``: ``..`` for ``.``."""
    return folder.parent if folder.name not in {"", ".."} else folder / ".."


def name_of(path: Path) -> str:
    """Return what to call the dataset at ``path``: its folder's name, or its file's without the ending."""
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.stem


def stem_of(name: str, suffixes: Iterable[str]) -> str:
    """Return ``name`` without its ending, if the ending is one of ``suffixes`` (lower case), else ``name``."""
    suffix = PurePosixPath(name).suffix
    return name[: -len(suffix)] if suffix and suffix.lower() in suffixes else name
