"""Arrow: predictions as columns in a file that is mapped instead of parsed. Reading and writing; needs pyarrow.

A file is Arrow's IPC format, as a file (``.arrow``, ``.feather``) or a stream (``.arrows``). Its columns are
``image`` and ``category`` (dictionaries of the dataset's own ids), ``box`` (four float64: ``x1 y1 x2 y2``, continuous,
0-based pixels), ``score``, and ``size`` (width and height), without which COCO's numbers could differ in the last bit:
see :class:`~detbench.data.tables.Predictions`. ``docs/reference/predictions.md`` describes the format.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.predictions.raw import CategoryNaming, CodedKeys, ImageNaming, RawPredictions
from detbench.errors import DataError, UsageError
from detbench.files import replacing
from detbench.words import brief, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Key, Predictions

__all__ = ["SUFFIXES", "looks_like_arrow", "pyarrow", "read", "write"]

#: Names of IPC files, of Feather's second version, which is the same, and of IPC streams.
_STREAM_SUFFIX = ".arrows"
SUFFIXES = (".arrow", ".feather", _STREAM_SUFFIX)

_FORMAT = "detbench.predictions/1"
_CONVENTION = "x1 y1 x2 y2, pixels, continuous, from 0"
_CORNERS = ("x1", "y1", "x2", "y2")

_FILE_MAGIC = b"ARROW1"
_STREAM_MAGIC = b"\xff\xff\xff\xff"
_FEATHER_1_MAGIC = b"FEA1"

#: Rows that are checked at a time: few enough to stay in the processor's cache.
_BLOCK_ROWS = 32_768

#: How far a size may be from the corners' difference, as a part of the largest coordinate: what float32 loses.
_TOLERANCE = 1e-5

_SHOWN_CHARACTERS = 120


def pyarrow() -> Any:
    """Return the module. Raises UsageError, saying how to install it, where it is missing."""
    try:
        import pyarrow.ipc
    except ImportError as error:
        raise UsageError("Arrow files need pyarrow: pip install 'detbench[arrow]'") from error
    return pyarrow


def looks_like_arrow(beginning: bytes) -> bool:
    """Return whether a file that begins so is Arrow's."""
    return beginning.startswith((_FILE_MAGIC, _STREAM_MAGIC, _FEATHER_1_MAGIC))


def read(path: Path, *, class_agnostic: bool = False) -> RawPredictions:
    """Map an Arrow file, of proposals if ``class_agnostic``: those need no category column.

    Columns of the documented types are not copied.

    Raises
    ------
    DataError
        If it is not Arrow, is damaged, or a column is missing, of another type, or has nulls.
    UsageError
        If pyarrow is not installed.
    """
    table = _table(path, class_agnostic=class_agnostic)
    _require_known_format(table.schema.metadata or {}, path)
    columns = {name: _whole(table, name, path) for name in table.column_names}
    box = _boxes(columns, path)
    return RawPredictions(
        source=path,
        image=_keys(columns["image"], "image", path),
        category=_keys(columns["category"], "category", path) if "category" in columns else _no_category(len(box)),
        box=box,
        score=_floats(columns["score"], "score", path),
        place=lambda row: (path, f"row {row}"),
        image_naming=ImageNaming.ID,
        category_naming=CategoryNaming.ID,
        size_px=_sizes(columns["size"], box, path) if "size" in columns else None,
    )


def write(predictions: Predictions, dataset: Dataset, path: Path) -> None:
    """Write ``predictions`` of ``dataset``'s images, exactly, in the order of the table; ids are the dataset's own.

    Raises
    ------
    DataError
        If the file cannot be written, or the dataset's ids are numbers and strings in one.
    UsageError
        If a prediction has no category, or pyarrow is not installed.
    """
    pa = pyarrow()
    if (predictions.category < 0).any():
        raise UsageError("proposals have no category, and an Arrow file of predictions needs one")
    table = pa.table(
        {
            "image": _dictionary(predictions.image, dataset.images.key, "image", path),
            "category": _dictionary(predictions.category, dataset.categories.source_id, "category", path),
            "box": _lists(predictions.box),
            "size": _lists(predictions.size_px),
            "score": _numbers(predictions.score),
        },
        metadata={"format": _FORMAT, "box": _CONVENTION, "dataset": dataset.name.encode(errors="replace")},
    )
    new = pa.ipc.new_stream if path.suffix.lower() == _STREAM_SUFFIX else pa.ipc.new_file
    with replacing(path) as file, new(file, table.schema) as writer:
        writer.write_table(table)


def _dictionary(rows: NDArray[np.int32], keys: Sequence[Key], name: str, path: Path) -> Any:
    """Return a column of ids: ``keys`` by ``rows``. Raises DataError if no one type holds the keys."""

    def unfit(what: str) -> DataError:
        problem = f"cannot be written: the dataset's {name} ids are {what}"
        return DataError(problem, file=path, remedy="an Arrow column is of one type; write COCO results JSON")

    strings = sum(isinstance(key, str) for key in keys)
    if 0 < strings < len(keys):
        raise unfit("numbers and strings")
    try:
        known = _strings(keys) if strings else _numbers(np.array(keys, np.int64))
    except OverflowError:
        raise unfit("numbers of more than 64 bits") from None
    return pyarrow().DictionaryArray.from_arrays(_numbers(rows), known)


def _strings(texts: Sequence[Any]) -> Any:
    """Return a column of strings: where each ends, and all their bytes."""
    pa = pyarrow()
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, *map(pa.py_buffer, (ends, b"".join(encoded)))])


def _lists(values: NDArray[np.float64]) -> Any:
    return pyarrow().FixedSizeListArray.from_arrays(_numbers(values.ravel()), values.shape[1])


def _numbers(values: NDArray[Any]) -> Any:
    """Return a column of NumPy's numbers as Arrow's, without pandas, which ``pyarrow.array`` would import."""
    pa = pyarrow()
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def _view(column: Any) -> NDArray[Any]:
    """Return Arrow's numbers as NumPy's, without a copy, and without pandas, which ``to_numpy`` would import."""
    values: NDArray[Any] = np.from_dlpack(column)
    return values


def _table(path: Path, *, class_agnostic: bool) -> Any:
    """Return the columns that are used, validated to the last offset. Raises DataError."""
    pa = pyarrow()
    try:
        source = pa.memory_map(os.fsencode(path))
        beginning = source.read(len(_FILE_MAGIC))
        source.seek(0)
        if beginning.startswith(_FEATHER_1_MAGIC):
            raise DataError("is the first version of Feather", file=path, remedy="write it with version 2")
        open_source = pa.ipc.open_file if beginning == _FILE_MAGIC else pa.ipc.open_stream
        with open_source(source) as reader:
            table = reader.read_all()
        table = table.select(_wanted(table.column_names, path, class_agnostic=class_agnostic))
        table.validate(full=True)
        return table.unify_dictionaries()
    except (pa.ArrowException, OSError, MemoryError, UnicodeError) as error:
        reason = brief(printable(str(error).partition("\n")[0]) or type(error).__name__, _SHOWN_CHARACTERS)
        raise DataError(
            f"is not an Arrow file, or is damaged ({reason})", file=path, remedy="write it again"
        ) from error


def _wanted(names: Sequence[str], path: Path, *, class_agnostic: bool) -> list[str]:
    """Return the names of the columns to read, each of which is there once. Raises DataError."""
    boxes = ("box",) if "box" in names else _CORNERS
    optional = {"size", "category"} if class_agnostic else {"size"}
    every = ("image", "category", *boxes, "score", "size")
    wanted = [name for name in every if name in names or name not in optional]
    for name in wanted:
        if (count := list(names).count(name)) != 1:
            has = ", ".join(f"{other!r:.40}" for other in names[:10]) or "none"
            missing = "box" if name in _CORNERS else name
            raise DataError(
                f"has no column {missing!r}; its columns are {has}" if not count else f"has {count} columns {name!r}",
                file=path,
                remedy="predictions need image, category, box (or x1, y1, x2, y2) and score",
            )
    return wanted


def _require_known_format(metadata: dict[bytes, bytes], path: Path) -> None:
    """Raise DataError if the file says that it is of another format, or holds other boxes."""
    for key, known in (("format", _FORMAT), ("box", _CONVENTION)):
        said = metadata.get(key.encode(), known.encode()).decode(errors="replace")
        if said != known:
            raise DataError(
                f"says that its {key} is {said!r:.80}, not {known!r}", file=path, remedy="write it as the pages say"
            )


def _whole(table: Any, name: str, path: Path) -> Any:
    """Return a column in one piece, which it is already in a file of one batch. Raises DataError if it has a null."""
    chunks = table.column(name)
    column = chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
    if column.null_count:
        row = column.is_null().index(True).as_py()
        raise DataError(f"has no {name}", file=path, record=f"row {row}", remedy="write a value, or leave the row out")
    return column


def _named(column: Any) -> str:
    """Return a column's type as it may be printed: the names in it come from the file."""
    return brief(printable(str(column.type)), _SHOWN_CHARACTERS)


def _keys(column: Any, name: str, path: Path) -> CodedKeys:
    """Return what a column calls images or categories."""
    pa = pyarrow()
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    kind = coded.type.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError(
            f"its column {name!r} is of type {_named(column)}", file=path, remedy="ids are whole numbers or strings"
        )
    if coded.dictionary.null_count:
        raise DataError(f"its column {name!r} has a null among its ids", file=path, remedy="name every one")
    known = coded.dictionary
    values = _view(known).tolist() if pa.types.is_integer(kind) else known.to_pylist()
    return CodedKeys(tuple(values), _view(_cast(coded.indices, pa.int32())))


def _no_category(count: int) -> CodedKeys:
    """Return a column of a category that no dataset has."""
    return CodedKeys(("",), np.zeros(count, np.int32))


def _floats(column: Any, name: str, path: Path) -> NDArray[np.float64]:
    """Return a column of numbers as float64 ``[N]``, as it lies in the file if it is float64 there."""
    pa = pyarrow()
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"its column {name!r} is of type {_named(column)}, not float64", file=path)
    return _view(_cast(column, pa.float64()))


def _cast(column: Any, kind: Any) -> Any:
    return column if column.type == kind else column.cast(kind, safe=False)


def _vectors(column: Any, name: str, width: int, path: Path) -> NDArray[np.float64]:
    """Return a column of lists of ``width`` numbers as float64 ``[N, width]``."""
    pa = pyarrow()
    if not (pa.types.is_fixed_size_list(column.type) and column.type.list_size == width):
        raise DataError(
            f"its column {name!r} is of type {_named(column)}", file=path, remedy=f"write lists of {width} float64"
        )
    flat = column.flatten()
    if flat.null_count:
        raise DataError(f"its column {name!r} has a null in a list", file=path, remedy="write a number")
    return _floats(flat, name, path).reshape(-1, width)


def _boxes(columns: dict[str, Any], path: Path) -> NDArray[np.float64]:
    if "box" in columns:
        return _vectors(columns["box"], "box", len(_CORNERS), path)
    return np.column_stack([_floats(columns[name], name, path) for name in _CORNERS])


def _sizes(column: Any, box: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    """Return widths and heights. Raises DataError at a row where they are not those of the box."""
    size_px = _vectors(column, "size", 2, path)
    for start in range(0, len(box), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        if _agree(box[rows], size_px[rows]) or not np.isfinite(box[rows]).all():
            continue  # a box that is not finite is found by the check for those
        row = start + next(n for n in range(_BLOCK_ROWS) if not _agree(box[start + n :][:1], size_px[start + n :][:1]))
        raise DataError(
            f"its size is {size_px[row].tolist()}, and its box {box[row].tolist()}",
            file=path,
            record=f"row {row}",
            remedy="write width and height of the box, or no sizes",
        )
    return size_px


def _agree(box: NDArray[np.float64], size_px: NDArray[np.float64]) -> bool:
    """Return whether sizes are those of the boxes, as closely as float32 says it; not where one is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        close = _TOLERANCE * max(1.0, box.max(), -box.min())
        off = [box[:, side] + size_px[:, side] - box[:, side + 2] for side in (0, 1)]
        return all(bool(one.max() <= close and one.min() >= -close) for one in off)
