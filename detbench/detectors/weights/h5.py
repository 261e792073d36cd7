"""Weights that Keras wrote: ``.h5`` of earlier versions, ``.weights.h5``, and ``.keras``. No layer is made from them.

An array's name is ``LAYER/VARIABLE``: ``conv1/kernel`` in the earlier format, and ``conv1/0`` in the later one, which
numbers a layer's variables.
"""

from __future__ import annotations

import io
import zipfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_h5", "read_keras"]

#: Larger files hold no backbone.
_LARGEST_BYTES = 4 * 2**30

#: A data set that is compressed, or was never written to, is longer than its place in the file.
_MOST_EXPANDED = 16

#: Layers lie in blocks, and those in blocks: a path of this many parts is no network's, and takes for ever to follow.
_DEEPEST = 32

#: A network has thousands of layers.
_MOST_ENTRIES = 100_000

_WEIGHTS = "model.weights.h5"
_REMEDY = "write it again with Keras' save_weights, or take another copy"


def read_h5(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.h5`` or ``.weights.h5`` file by layer and variable.

    Raises
    ------
    DataError
        If the file cannot be read, is no HDF5, or leads to other files.
    """
    _require_size(path, _size_bytes(path))
    return _read(path, path)


def read_keras(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a ``.keras`` file by layer and variable; what it says about layers is not looked at.

    Raises
    ------
    DataError
        As for :func:`read_h5`, or if it is no archive with weights.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(_WEIGHTS)
            _require_size(path, entry.file_size)
            _require_room([entry.file_size], _size_bytes(path))
            return _read(path, io.BytesIO(archive.read(entry)))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot be read ({error.strerror})", file=path) from error
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"is no .keras file with weights ({error})", file=path, remedy=_REMEDY) from error


def _require_size(path: Path, size_bytes: int) -> None:
    if size_bytes > _LARGEST_BYTES:
        raise DataError(f"has {size_bytes:,} bytes of weights, more than {_LARGEST_BYTES:,}", file=path)


def _read(path: Path, source: Path | io.BytesIO) -> dict[str, NDArray[Any]]:
    import h5py

    size_bytes = len(source.getbuffer()) if isinstance(source, io.BytesIO) else _size_bytes(source)
    try:
        with h5py.File(source, "r") as file:
            found = dict(_earlier(file) if _is_earlier(file) else _later(file))
            _require_room([data.nbytes for data in found.values()], size_bytes)
            return {name: _array(name, data) for name, data in found.items()}
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    # What h5py raises for a file that is cut, changed or of another kind.
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"is no HDF5 file of weights ({error})", file=path, remedy=_REMEDY) from error


def _require_room(lengths_bytes: list[int], size_bytes: int) -> None:
    """Raise ValueError if what is to be read is far longer than its place in the file."""
    if sum(lengths_bytes) > _MOST_EXPANDED * size_bytes:
        raise ValueError("what is in it is far longer than the file")


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _is_earlier(file: Any) -> bool:
    return "layer_names" in file.attrs or "model_weights" in file


def _earlier(file: Any) -> list[tuple[str, Any]]:
    """Return the data sets of the earlier format, by the last two parts of the name: ``conv1/kernel:0``."""
    root = file if "layer_names" in file.attrs else file["model_weights"]
    found = []
    for layer in _texts(root, "layer_names"):
        group = _inside(root, layer)
        for name in _texts(group, "weight_names"):
            parts = name.partition(":")[0].split("/")
            found.append(("/".join(parts[-2:] if len(parts) > 1 else [layer, *parts]), _inside(group, name)))
    return found


def _texts(group: Any, attribute: str) -> list[str]:
    """Return a list of names; one that is too long for an attribute is dealt to ``weight_names0``, ``…1``."""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in part]


def _inside(group: Any, name: str) -> Any:
    """Return what lies under ``name`` in this file, and nothing of another."""
    import h5py

    for part in name.split("/"):
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise KeyError(f"{name[:100]} is not in it")
        group = group[part]
    return group


def _later(file: Any) -> list[tuple[str, Any]]:
    """Return the data sets of the later format, by their layer's name and their number: ``conv1/0``.

    ``layers/conv2d_3/vars/0`` is the first variable of the layer that the attribute ``name`` of ``vars`` names. Only
    what is in the file itself is visited: links to other files are not followed.
    """
    import h5py

    found, seen = [], count(1)

    def visit(path: str, item: Any) -> None:
        parts = path.split("/")
        if len(parts) > _DEEPEST or next(seen) > _MOST_ENTRIES:
            raise ValueError("it is nested deeper, or has more in it, than a file of weights")
        if isinstance(item, h5py.Dataset) and parts[-2:-1] == ["vars"]:
            layer = item.parent.attrs.get("name", parts[-3] if len(parts) > 2 else "")  # noqa: PLR2004
            found.append((f"{layer}/{parts[-1]}", item))

    file.visititems(visit)
    return found


def _array(name: str, data: Any) -> NDArray[Any]:
    import h5py

    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external or data.dtype.kind not in "biuf":
        raise ValueError(f"{name[:100]} is no array of numbers in this file")
    array: NDArray[Any] = np.asarray(data[()])
    return array
