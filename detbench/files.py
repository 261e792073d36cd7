"""Files that appear whole or not at all, and names that cannot lead out of their folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "is_part_of",
    "make_folder",
    "read_bytes",
    "read_text",
    "replacing",
    "replacing_all",
    "require_utf8_name",
    "require_writable",
    "safe_join",
    "sha256_of",
    "shared_folder",
    "write_text",
]

#: Text files larger than this are refused by :func:`read_text`: no annotation of one image is that long.
MAX_TEXT_BYTES = 64 * 2**20


class Opened(Protocol):
    """Opens a file for writing, as :func:`replacing` does."""

    def __call__(self, path: Path, *, durable: bool = True) -> AbstractContextManager[IO[bytes]]:
        """Return the open file."""


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes ``path``'s place only when the block ends without an error.

    The bytes go to a hidden sibling first, are flushed to the disk, and are renamed over ``path``; after an
    error, or a kill, what stood at ``path`` before stands there still. With ``durable`` false the system flushes
    them when it likes: after a power cut the file may be cut too, so it is for what can be made again.

    Raises
    ------
    DataError
        If the file cannot be written (no such folder, no permission, disk full), or is a device or a pipe, whose place
        a file must not take; the sibling is removed.
    """
    with replacing_all() as opened, opened(path, durable=durable) as file:
        yield file


@contextlib.contextmanager
def replacing_all() -> Iterator[Opened]:
    """Give what opens files as :func:`replacing` does: they take their places when the block ends, without an error.

    They do so one after the other, in the order that they were opened in, when all of them are written: what fills the
    disk leaves all of the old ones.

    Raises
    ------
    DataError
        As :func:`replacing`.
    """
    asides: list[tuple[Path, Path]] = []

    @contextlib.contextmanager
    def opened(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
        _require_replaceable(path)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        asides.append((aside, path))
        with _refused(path), aside.open("xb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())

    try:
        yield opened
        for aside, path in asides:
            with _refused(path):
                aside.replace(path)
    finally:
        for aside, _ in asides:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Raise DataError where the block fails to write ``path``."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror or error})", file=path, remedy="nothing was left half-written"
        ) from error


def is_part_of(path: Path, name: str) -> bool:
    """Return whether ``path`` is what :func:`replacing` leaves of a file of that name when it is killed.

    >>> is_part_of(Path(".a.json.0123abcd.part"), "a.json"), is_part_of(Path(".notes.part"), "a.json")
    (True, False)
    """
    middle = path.name.removeprefix(f".{name}.").removesuffix(".part")
    return path.name == f".{name}.{middle}.part" and re.fullmatch(r"[0-9a-f]{8}", middle) is not None


def _require_replaceable(path: Path) -> None:
    """Raise DataError for what is there and no file: a rename would put a file in the place of ``/dev/null``."""
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
    except OSError:  # a loop of links, a folder that may not be entered: writing says it
        return
    if special:
        raise DataError("is a device or a pipe", file=path, remedy="name a file")


def require_writable(path: Path) -> None:
    """Raise DataError if :func:`replacing` could not write ``path``: asked before what takes long, not after."""
    if path.is_dir():
        raise DataError("is a folder", file=path, remedy="name a file in it")
    _require_replaceable(path)
    probe = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=path) from error


def require_utf8_name(path: object) -> None:
    """Raise DataError for a name that is no text: no JSON can hold it, and libraries that want UTF-8 fail on it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise DataError("has a name that is not UTF-8", file=path, remedy="give it another name") from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all. Raises DataError."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes. Raises DataError, naming the file, if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error


def read_text(path: Path, *, limit_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return a UTF-8 (or UTF-8 with BOM) text file's content, with every line end a newline.

    Raises
    ------
    DataError
        If the file cannot be read, is longer than ``limit_bytes``, or is not UTF-8.
    """
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1) if size_bytes <= limit_bytes else b""
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    if max(size_bytes, len(data)) > limit_bytes:  # a pipe and a device have no size
        long = f"{size_bytes:,} bytes long" if size_bytes else "longer"
        raise DataError(f"is {long}, more than the {limit_bytes:,} bytes a text of its kind may be", file=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text (byte {error.start})", file=path, remedy="save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def safe_join(root: Path, name: str, *, file: object, record: str = "") -> Path:
    """Return ``root / name``, refusing a ``name`` that leads out of ``root``.

    ``name`` comes from a data file, so it may be hostile: absolute, with ``..`` parts, a drive, a NUL byte.
    A backslash counts as a separator, because annotation tools on Windows write it.

    Raises
    ------
    DataError
        Naming ``file`` and ``record``, where the name was found.
    """
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    if not name or "\0" in name or plain.startswith("/") or ".." in parts or ":" in parts[0]:
        raise DataError(
            f"the name {name!r} leads out of {root}",
            file=file,
            record=record,
            remedy="use names relative to that folder",
        )
    return root.joinpath(*parts)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they do not exist. Raises DataError if that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"this folder cannot be made ({error.strerror or error})", file=path) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits. Raises DataError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error


def shared_folder(name: str) -> Path:
    """Return the folder of data files that the package carries: ``datasets`` or ``baselines``.

    In an installed package it lies inside ``detbench/``; in a checkout it lies beside it.
    """
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
