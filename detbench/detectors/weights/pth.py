"""Files of tensors that PyTorch wrote (``torch.save``), read without PyTorch and without running anything in them.

Two formats: since 1.6 a ZIP archive of stored members, ``data.pkl`` with the names and one ``data/KEY`` a storage; and
before that several pickles in a row, then the storages (``torch/serialization.py``, ``_legacy_save``).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from detbench.detectors.weights.pickled import Global, NotPlain, Persistent, TensorView, read_pickle
from detbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_pth"]

#: Larger files hold no backbone.
_LARGEST_BYTES = 4 * 2**30

#: How a ZIP archive starts.
_ZIPPED = b"PK\x03\x04"

#: ``_legacy_save`` starts with this number, and with this version of the protocol.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001

#: What a storage's type is called → NumPy's word for an element.
_KINDS = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}

#: Tensors lie in dictionaries of dictionaries, at most so deep: ``{"state_dict": {"layer1.0.weight": …}}``.
_DEEPEST = 4
_MOST_AXES = 8

_REMEDY = "save the model's state_dict() with torch.save, or take another copy"


class _Storage(NamedTuple):
    """What tensors lie in: its key in the file, NumPy's word for an element, and how many there are."""

    key: str
    kind: str
    length: int


def read_pth(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a ``.pth`` or ``.pt`` file by name; names of dictionaries within it are joined by dots.

    bfloat16 becomes float32. Arrays may not be written to.

    Raises
    ------
    DataError
        If the file cannot be read, was cut, or holds more than tensors, plain values and dictionaries of them.
    """
    try:
        with path.open("rb") as file:
            _require_size(path.stat().st_size)
            zipped = file.read(len(_ZIPPED)) == _ZIPPED
            file.seek(0)
            arrays = _zipped(file, path) if zipped else _legacy(io.BytesIO(file.read()))
    except NotPlain as error:
        raise DataError(f"is no file of tensors: {error}", file=path, remedy=_REMEDY) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot be read ({error.strerror})", file=path) from error
    # What zipfile raises for archives that are cut, changed, encrypted, or of another kind.
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"is no whole file of tensors: {error}", file=path, remedy=_REMEDY) from error
    if not arrays:
        raise DataError("holds no tensor", file=path, remedy=_REMEDY)
    return arrays


def _require_size(size_bytes: int) -> None:
    if size_bytes > _LARGEST_BYTES:
        raise NotPlain(f"it is {size_bytes:,} bytes long, and no backbone is")


def _zipped(file: IO[bytes], path: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise NotPlain("it is compressed, and PyTorch compresses nothing")
        # Members that lie over each other would make a small file a large one.
        if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
            raise NotPlain("its members are longer than the file")
        pickles = [name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise NotPlain(f"it has {len(pickles)} members data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        big = f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") == b"big"
        said, _ = read_pickle(io.BytesIO(archive.read(pickles[0])))

        def data(storage: _Storage) -> bytes:
            name = f"{folder}data/{storage.key}"
            if name not in entries:
                raise NotPlain(f"it has no member {name[:100]!r}")
            return archive.read(name)

        return _arrays(said, data, big=big)


def _legacy(file: io.BytesIO) -> dict[str, NDArray[Any]]:
    if read_pickle(file)[0] != _MAGIC or read_pickle(file)[0] != _PROTOCOL:
        raise NotPlain("it starts like none")
    system, _ = read_pickle(file)
    big = isinstance(system, dict) and system.get("little_endian") is False
    said, named = read_pickle(file)
    storages = {storage.key: storage for storage in map(_storage_of, named)}
    keys, _ = read_pickle(file)
    if not isinstance(keys, list) or set(keys) != storages.keys():
        raise NotPlain("its list of storages is another than that of its tensors")
    bytes_of: dict[str, bytes] = {}
    for key in keys:
        if int.from_bytes(file.read(8), "big" if big else "little") != storages[key].length:
            raise NotPlain(f"the storage {key[:100]!r} is not as long as its tensors say")
        bytes_of[key] = file.read(min(storages[key].length * _itemsize(storages[key].kind), _LARGEST_BYTES))
    return _arrays(said, lambda storage: bytes_of[storage.key], big=big)


def _itemsize(kind: str) -> int:
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def _elements(data: bytes, storage: _Storage, *, big: bool) -> NDArray[Any]:
    """Return a storage's elements in this machine's byte order."""
    _, kind, count = storage
    if len(data) != count * _itemsize(kind):
        raise NotPlain(f"a storage of {count:,} elements has {len(data):,} bytes: the file was cut or changed")
    order: Literal["<", ">"] = ">" if big else "<"
    if kind == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(data, f"{order}u2").astype(np.uint32) << 16).view(np.float32)
    stored = np.frombuffer(data, np.dtype(kind).newbyteorder(order))
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _arrays(said: Any, data: Callable[[_Storage], bytes], *, big: bool) -> dict[str, NDArray[Any]]:
    """Return every tensor in what a pickle said, by its name; ``data`` gives a storage's bytes."""
    if not isinstance(said, dict):
        raise NotPlain(f"it holds a {type(said).__name__}, and no dictionary of tensors")
    read: dict[_Storage, NDArray[Any]] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for name, view in _views(said, "", _DEEPEST, set()):
        storage = _storage_of(view.storage)
        if storage not in read:
            read[storage] = _elements(data(storage), storage, big=big)
        arrays[name] = _array(view, name, read[storage])
    return arrays


def _views(table: dict[Any, Any], prefix: str, deeper: int, seen: set[int]) -> Iterator[tuple[str, TensorView]]:
    """Yield the tensors of a dictionary and of those in it; each dictionary once, which may lie in many places."""
    seen.add(id(table))
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, TensorView):
            yield name, value
        elif isinstance(value, dict) and deeper and id(value) not in seen:
            yield from _views(value, f"{name}.", deeper - 1, seen)


def _array(view: TensorView, name: str, elements: NDArray[Any]) -> NDArray[Any]:
    """Return the elements of a tensor, after it is sure that all of them lie in its storage."""
    shape, stride, offset = view.shape, view.stride, view.offset
    whole = isinstance(shape, tuple) and isinstance(stride, tuple) and len(shape) == len(stride) <= _MOST_AXES
    if not whole or not all(type(n) is int and n >= 0 for n in (*shape, *stride, offset)):
        raise NotPlain(f"the tensor {name[:100]!r} has no shape")
    count = prod(shape)
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if count > len(elements) or (count and last >= len(elements)):
        raise NotPlain(f"the tensor {name[:100]!r} leads outside its storage")
    if not count:
        return np.zeros(shape, elements.dtype)
    # The stride of an axis with one element is never gone, and may be more than a machine's word holds.
    steps = [step * elements.itemsize if side > 1 else 0 for side, step in zip(shape, stride, strict=True)]
    return np.lib.stride_tricks.as_strided(elements[offset:], shape, steps, writeable=False)


def _storage_of(named: Any) -> _Storage:
    """Return what is said about a storage."""
    parts = named.parts if isinstance(named, Persistent) else ()
    match parts:
        case ("storage", Global("torch", kind), str(key), str(), int(count), *more) if (
            kind in _KINDS and count >= 0 and more in ([], [None])
        ):
            return _Storage(key, _KINDS[kind], count)
    raise NotPlain("a tensor lies in no storage of a kind that is known")
