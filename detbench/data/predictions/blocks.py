"""Predictions of a file block by block, so that a file need not fit in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.predictions import arrow_ipc
from detbench.data.predictions.raw import CategoryNaming, CodedKeys, ImageNaming, RawPredictions
from detbench.errors import DataError, UsageError
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_blocks"]

#: How much of a JSON file is read at a time.
_PIECE_BYTES = 4 << 20

#: How many rows of an Arrow file are.
_ROWS = 65_536

_LEAVE_OUT = "leave --stream out"


def read_blocks(path: Path, form: str) -> Iterator[RawPredictions]:
    """Yield the predictions of a file of COCO results or an Arrow file, in file order.

    Raises
    ------
    DataError
        If the file is not what it should be, or can only be read whole; what was yielded before is void.
    UsageError
        If the form cannot be read in blocks.
    """
    if form == "coco":
        return _coco_blocks(path)
    if form == "arrow":
        return _slices(arrow_ipc.read(path))
    raise UsageError(f"predictions of the form {form} cannot be read in a stream; {_LEAVE_OUT}")


def _coco_blocks(path: Path) -> Iterator[RawPredictions]:
    module = native()
    if module is None:
        raise UsageError(f"COCO results are read in a stream by the native part, which was not built; {_LEAVE_OUT}")
    stream = module.PredictionStream(path, _PIECE_BYTES)
    first = 0
    while (columns := stream.next()) is not None:
        xywh = columns["xywh"]
        yield RawPredictions(
            source=path,
            image=_coded(columns["image_id"]),
            category=_coded(columns["category_id"]),
            box=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
            score=columns["score"],
            place=partial(_record, path, first),
            image_naming=ImageNaming.ID,
            category_naming=CategoryNaming.ID,
            size_px=xywh[:, 2:],
        )
        first += len(xywh)
    if stream.unusual:
        text = f"cannot be read in a stream: after record [{first}] it is not plainly a list of COCO results"
        raise DataError(text, file=path, remedy=f"{_LEAVE_OUT}: then it is read, or what is wrong with it is said")


def _record(path: Path, first: int, row: int) -> tuple[Path, str]:
    return path, f"record [{first + row}]"


def _moved(place: Callable[[int], tuple[Path, str]], first: int, row: int) -> tuple[Path, str]:
    return place(first + row)


def _coded(ids: NDArray[np.int64]) -> CodedKeys:
    values, code = np.unique(ids, return_inverse=True)
    return CodedKeys(tuple(values.tolist()), code.astype(np.int32))


def _slices(raw: RawPredictions) -> Iterator[RawPredictions]:
    """Yield a mapped file's rows a block at a time; what is mapped takes memory only while it is looked at."""
    image, category = CodedKeys.of(raw.image), CodedKeys.of(raw.category)
    for first in range(0, len(raw), _ROWS):
        rows = slice(first, first + _ROWS)
        yield RawPredictions(
            source=raw.source,
            image=CodedKeys(image.value, image.code[rows]),
            category=CodedKeys(category.value, category.code[rows]),
            box=raw.box[rows],
            score=raw.score[rows],
            place=partial(_moved, raw.place, first),
            image_naming=raw.image_naming,
            category_naming=raw.category_naming,
            relative=raw.relative,
            size_px=None if raw.size_px is None else raw.size_px[rows],
        )
