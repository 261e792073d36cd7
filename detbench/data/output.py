"""A folder that appears whole or not at all: where the commands that write datasets write them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.formats import FORMAT_NAMES, get_format, recognise
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detbench.data.formats.base import Writer

__all__ = ["new_folder", "writer_of"]


def writer_of(format_name: str) -> Writer:
    """Return what writes a format. Raises UsageError if it can only be read, or is none."""
    chosen = get_format(format_name)
    if chosen.write is None:
        writable = ", ".join(name for name in FORMAT_NAMES if get_format(name).write is not None)
        raise UsageError(f"{chosen.name} can be read, not written; say --to with one of {writable}")
    return chosen.write


@contextlib.contextmanager
def new_folder(
    path: Path,
    *,
    sources: Sequence[Path],
    overwrite: bool = False,
    ours: Callable[[Path], object] = recognise,
    kind: str = "dataset",
) -> Iterator[Path]:
    """Yield a hidden folder of ``path``'s name to write to, which takes ``path``'s place when the block ends well.

    After an error what stood at ``path`` stands there still, and the hidden folder is gone. ``ours`` says whether
    a folder is of the ``kind`` that may be overwritten.

    Raises
    ------
    DataError
        If ``path`` holds something and ``overwrite`` is not set, or holds nothing of that kind (so that a slip of the
        hand cannot empty a home folder), or holds or is held by one of ``sources``; if it cannot be written.
    """
    try:
        target = path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError, up to Python 3.12
        raise DataError("is a link that leads back to itself", file=path, remedy="name another folder") from error
    _check_target(path, target, sources, overwrite=overwrite)
    _check_kind(path, target, ours, kind)
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    fresh = aside / target.name
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if target.exists():
            if hasattr(os, "sync"):
                os.sync()  # Writers leave flushing to the system, and what is good is about to be given up for this.
            target.rename(aside / "old")
        fresh.rename(target)
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror or error})", file=path, remedy="nothing was left half-written"
        ) from error
    finally:
        if (aside / "old").exists() and not target.exists():
            (aside / "old").rename(target)
        shutil.rmtree(aside, ignore_errors=True)


def _check_target(path: Path, target: Path, sources: Sequence[Path], *, overwrite: bool) -> None:
    for source in sources:
        place = source.resolve()
        if target == place or target in place.parents:
            raise DataError(f"holds what is read, {source}", file=path, remedy="write to another folder")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise DataError("is there already", file=path, remedy="write to an empty folder, or say --overwrite")


def _check_kind(path: Path, target: Path, ours: Callable[[Path], object], kind: str) -> None:
    """Raise DataError if something else than a folder of a kind would be overwritten."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not target.is_dir() or not ours(target):
        raise DataError(f"is no {kind}, so it is not overwritten", file=path, remedy="remove it yourself")
