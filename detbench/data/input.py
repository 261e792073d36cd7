"""What a user names as input: whether it is a file at all, and what it is if it is not what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["foreign", "require_file_or_folder"]

#: How files begin that are often taken for JSON: what they are, and what to do about it.
_BEGINNINGS = (
    (b"\x1f\x8b", "is compressed with gzip", "unpack it first"),
    (b"PK\x03\x04", "is a zip archive", "unpack it first"),
    (b"\xff\xfe", "is UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "save it as UTF-8"),
    (b"<", "is HTML or XML, not JSON", "download it again: this may be the page that says why it failed"),
)


def require_file_or_folder(path: Path) -> None:
    """Raise DataError if there is nothing at ``path``, or a pipe or a device, which might never end."""
    try:
        if path.is_file() or path.is_dir():
            return
        there = path.exists()
    except OSError as error:  # a name that is too long, a folder above that may not be entered
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    if there:
        raise DataError("is a pipe or a device", file=path, remedy="write what it gives to a file first")
    problem = "is a symbolic link that leads nowhere" if path.is_symlink() else "there is no such file or folder"
    raise DataError(problem, file=path)


def foreign(data: bytes, path: Path) -> DataError | None:
    r"""Return the error for bytes that should be JSON and are plainly of another kind, or None if nothing is plain.

    >>> from pathlib import Path
    >>> str(foreign(b"\x1f\x8b\x08", Path("dt.json")))
    'dt.json: is compressed with gzip; unpack it first'
    """
    begin = data[:64].lstrip()
    found = ((problem, remedy) for mark, problem, remedy in _BEGINNINGS if begin.startswith(mark))
    return next((DataError(problem, file=path, remedy=remedy) for problem, remedy in found), None)
