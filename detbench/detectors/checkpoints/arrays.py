"""Named arrays in one file: weights and the state of a training run.

The file is an ``.npz`` without pickles that ``numpy.load`` opens too: a ZIP archive of stored members, one ``NAME.npy``
an array in the order of their names, and ``about.json``, which lists them and says what they are. The same content is
the same bytes. A file is read wholly or not at all: every member has its CRC-32, and nothing in the file is believed
before it was compared with the file's own length. Described in ``docs/reference/run-folder.md``.
"""

from __future__ import annotations

import json
import re
import zipfile
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.errors import DataError
from detbench.files import replacing
from detbench.npz import array_head, npz_member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from numpy.typing import NDArray

__all__ = ["SCHEMA", "read_about", "read_arrays", "write_arrays"]

SCHEMA = "detbench.arrays/1"

_ABOUT = "about.json"
_ENDING = ".npy"

#: The kinds of numbers that are stored, in NumPy's words; what is wider than a byte lies in the file little-endian.
_KINDS = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"])

#: Bounds of what is read: a network has thousands of arrays, their names are tens of characters.
_MOST_ARRAYS = 100_000
_LONGEST_NAME = 400
_MOST_AXES = 32
_MOST_ABOUT_BYTES = 64 * 2**20
_LONGEST_HEAD = 1024

#: So much is read at a time: the checksum is computed while the bytes are still in the cache.
_CHUNK_BYTES = 2**20

#: The head of an array as :func:`~detbench.npz.array_head` writes it; its padding is checked by writing it again.
_HEAD = re.compile(rb"\{'descr': '([|<][a-z][0-9])', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}")

_REMEDY = "make it again, or take another copy"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write named arrays to ``path``, whole or not at all.

    Parameters
    ----------
    path
        The file, ``.npz``.
    arrays
        Name → array of numbers or truth values, of any shape. bfloat16, which NumPy has no word for, is stored as
        float32, which holds each of its values.
    about
        What goes with them: what JSON can hold.

    Raises
    ------
    DataError
        If the file cannot be written, or an array is of objects, text or times, or a name leads out of a folder.
    ValueError
        If ``about`` is nothing that JSON holds; an infinite number and NaN are not.
    """
    stored = {name: _stored(path, name, arrays[name]) for name in sorted(arrays)}
    whole = {"schema": SCHEMA, "arrays": list(stored), "about": dict(about)}
    told = json.dumps(whole, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(npz_member(_ABOUT, len(told)), told)
        for name, array in stored.items():
            head = array_head(array.dtype.str, array.shape)
            with archive.open(npz_member(name + _ENDING, len(head) + array.nbytes), "w") as member:
                member.write(head)
                member.write(array.reshape(-1).view(np.uint8).data)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of a file by name, in the order of their names, and what goes with them.

    Raises
    ------
    DataError
        If the file cannot be read, was cut or changed, or holds anything but what :func:`write_arrays` writes.
    """
    return _read(path, arrays=True)


def read_about(path: Path) -> dict[str, Any]:
    """Return what goes with a file's arrays without reading them. Raises DataError."""
    return _read(path, arrays=False)[1]


def _read(path: Path, *, arrays: bool) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked_entries(path, archive)
            about, names = _about(path, archive, entries.pop(_ABOUT))
            # The archive's directory has no checksum: a member that it lost is missed here.
            if names != [name.removesuffix(_ENDING) for name in entries]:
                raise _refusal(path, f"its arrays are not those that {_ABOUT} lists")
            wanted = entries if arrays else {}
            return {name.removesuffix(_ENDING): _array(path, archive, entry) for name, entry in wanted.items()}, about
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot be read ({error.strerror})", file=path) from error
    # What zipfile raises for archives that are cut, changed, encrypted, or of another kind.
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise _refusal(path, f"{error}") from error


def _stored(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as it lies in the file. Raises DataError."""
    if flaw := _flaw_of_name(name + _ENDING):
        raise DataError(f"an array cannot be called {name!r:.80}: {flaw}", file=path)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    plain = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if plain.dtype.str not in _KINDS:
        raise DataError(f"the array {name} is of {array.dtype}, and only numbers are written", file=path)
    return plain


def _flaw_of_name(name: str) -> str:
    """Return what is wrong with a member's name, in words, or nothing."""
    if len(name) > _LONGEST_NAME:
        return "it is too long"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "it has a character that no name here has"
    if any(part in {"", ".", ".."} for part in name.split("/")):
        return "it leads out of a folder"
    return "" if name == _ABOUT or (name.endswith(_ENDING) and name != _ENDING) else f"it does not end in {_ENDING}"


def _checked_entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name, those of arrays and ``about.json``: no byte of them has been read yet."""
    infos = archive.infolist()
    if len(infos) > _MOST_ARRAYS + 1:
        raise _refusal(path, f"it has {len(infos):,} members")
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if flaw := _flaw_of_name(info.filename):
            raise _refusal(path, f"the name {info.filename!r:.80}: {flaw}")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _refusal(path, f"{info.filename} is compressed")
        if info.filename in entries:
            raise _refusal(path, f"{info.filename} is there twice")
        entries[info.filename] = info
    # Members that lie over each other would make a small file a large one.
    if sum(info.file_size for info in infos) > path.stat().st_size:
        raise _refusal(path, "its members are longer than the file")
    if _ABOUT not in entries:
        raise _refusal(path, f"it has no {_ABOUT}")
    return entries


def _about(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[dict[str, Any], Any]:
    """Return what goes with the arrays, and the names of all of them."""
    if entry.file_size > _MOST_ABOUT_BYTES:
        raise _refusal(path, f"{_ABOUT} is {entry.file_size:,} bytes long")
    try:
        whole = json.loads(archive.read(entry), parse_constant=_no_constant)
    except RecursionError as error:
        raise _refusal(path, f"{_ABOUT} is nested too deeply") from error
    if not isinstance(whole, dict) or whole.get("schema") != SCHEMA or not isinstance(whole.get("about"), dict):
        raise _refusal(path, f"its {_ABOUT} is not of the schema {SCHEMA!r}")
    return whole["about"], whole.get("arrays")


def _no_constant(word: str) -> None:
    raise ValueError(f"{_ABOUT} has {word}, which JSON has not")


def _array(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """Return one array, which may be written to."""
    with archive.open(entry) as member:
        start = member.read(10)
        length = int.from_bytes(start[8:], "little")
        head = start + (member.read(length) if length <= _LONGEST_HEAD else b"")
        kind, shape = _kind_and_shape(path, entry.filename, head)
        if entry.file_size - len(head) != prod(shape) * np.dtype(kind).itemsize:
            raise _refusal(path, f"{entry.filename} is not as long as its shape {shape} says")
        array = np.empty(shape, dtype=kind)
        _fill(member, array)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _kind_and_shape(path: Path, name: str, head: bytes) -> tuple[str, tuple[int, ...]]:
    match = _HEAD.match(head, 10)
    if match and (kind := match[1].decode()) in _KINDS:
        axes = [part.strip() for part in match[2].decode().split(",")]
        shape = tuple(int(axis) for axis in axes if axis)
        if len(shape) <= _MOST_AXES and array_head(kind, shape) == head:
            return kind, shape
    raise _refusal(path, f"{name} is no array of numbers")


def _fill(member: IO[bytes], array: NDArray[Any]) -> None:
    """Read an array's values, to the member's end: there its checksum is compared."""
    room = array.reshape(-1).view(np.uint8)
    start = 0
    while chunk := member.read(_CHUNK_BYTES):
        room[start : start + len(chunk)] = np.frombuffer(chunk, np.uint8)
        start += len(chunk)
    if start != len(room):
        raise EOFError("it ends in the middle of an array")


def _refusal(path: Path, problem: str) -> DataError:
    return DataError(f"is not a whole file of arrays: {problem}", file=path, remedy=_REMEDY)
