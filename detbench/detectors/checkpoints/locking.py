"""One process writes to a folder at a time: the system's lock, which dies with its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LOCK", "locked"]

#: The file that the lock is on. It stays: were it removed, two processes could hold locks on two files of its name.
LOCK = ".lock"

#: Folders that this process writes to: the system's lock keeps out other processes only.
_LOCKED: set[Path] = set()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from writing to a folder while the block runs. On file systems without locks nothing is kept out.

    Raises
    ------
    DataError
        If another process, or this one, holds the folder, or it cannot be written.
    """
    place = folder.resolve()
    if place in _LOCKED:
        raise _occupied(folder, f"this process, {os.getpid()},")
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=folder) from error
    try:
        _lock(descriptor, folder)
        _LOCKED.add(place)
        with contextlib.suppress(OSError):  # it is said to people only, and the disk may be full
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        _LOCKED.discard(place)
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock, which a forked child does not share. Raises DataError if another process has it."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}:
            return
        said = os.pread(descriptor, 20, 0).decode("ascii", "replace")
        raise _occupied(folder, f"another process, {said}," if said.isdigit() else "another process") from error


def _occupied(folder: Path, who: str) -> DataError:
    return DataError(f"{who} is writing to this run", file=folder, remedy="wait for it, or say another folder")
