"""Anybody's function as a model: ``path/to/file.py:detect``.

It is called with one picture, uint8 ``[H, W, 3]``, RGB, and returns three columns: boxes ``[N, 4]``, ``x1 y1 x2 y2`` in
pixels of the picture; scores ``[N]``; and categories ``[N]``, names or rows. Rows are those of a list of names
``CATEGORIES`` in the same file, of ``--categories``, or of the dataset, in this order. The code runs in this process,
with the rights of whoever runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.contract import Detections, Facts, ModelError
from detbench.errors import DataError, UsageError
from detbench.operators.implementations.yours import function_of
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Picture, Wanted

__all__ = ["FunctionAdapter"]

#: What a function returns: three columns.
_COLUMNS = 3

#: A name of a file's own list of names.
_LIST = "CATEGORIES"


class FunctionAdapter:
    """A function in a file. Raises DataError if it cannot be had, UsageError on what no function can be asked for."""

    def __init__(self, place: str, wanted: Wanted) -> None:
        path, _, name = place.rpartition(":")
        if not path or not name.isidentifier():
            path, name = place.removesuffix(":"), ""
        function = function_of(Path(path), name)
        if wanted.batch_size > 1:
            raise UsageError(f"{place} takes one picture at a time; leave --batch-size out")
        if wanted.device != "auto":
            raise UsageError(f"{place} chooses its device itself; leave --device out")
        self._function, self._min_score = function, wanted.min_score
        listed = wanted.naming.names if wanted.naming else _listed(function, Path(path))
        self._names: list[str] | None = list(listed) if listed is not None else None
        self._row_of = {name: row for row, name in enumerate(listed or ())}
        self._closed = wanted.naming is not None or listed is not None
        self.facts = Facts("function", "its own", 1, (Path(path),), {"function": name})

    @property
    def categories(self) -> list[str] | None:
        """The names that the file lists, or that the function has said so far; None where it says rows."""
        return self._names

    def prepare(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8]]:
        """See :class:`.contract.Adapter`. The function gets a copy: what it does to it is its own affair."""
        return [picture.pixels.copy() for picture in pictures]

    def forward(self, batch: list[NDArray[np.uint8]]) -> list[Any]:
        """See :class:`.contract.Adapter`."""
        try:
            return [self._function(picture) for picture in batch]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: the run is not the function's to end
            raise ModelError(f"raises {raised(error)}") from error

    def finish(self, raw: list[Any], batch: list[NDArray[np.uint8]]) -> list[Detections]:
        """See :class:`.contract.Adapter`. A box that lies beside the picture is an error: a scale was forgotten."""
        try:
            return [self._detections(one, picture) for one, picture in zip(raw, batch, strict=True)]
        except ModelError:
            raise
        except Exception as error:  # an answer's own methods: __iter__, __array__, cpu
            raise ModelError(f"returns what raises {raised(error)} when it is read") from error

    def _detections(self, answer: Any, picture: NDArray[np.uint8]) -> Detections:
        try:
            columns = list(answer)
        except TypeError:
            columns = []
        if isinstance(answer, (str, dict)) or len(columns) != _COLUMNS:
            what = (
                f"{len(columns)} columns" if columns and not isinstance(answer, (str, dict)) else type(answer).__name__
            )
            raise ModelError(f"returns {what} and should return three: boxes, scores, categories")
        box = _boxes(columns[0])
        score = _column(_numbers(columns[1], "scores"), "scores", len(box))
        category = self._rows(columns[2], len(box))
        _check_inside(box, picture)
        order = np.argsort(-score, kind="stable")
        if self._min_score is not None:
            order = order[score[order] >= self._min_score]
        return Detections(box[order], score[order], category[order])

    def _rows(self, given: Any, count: int) -> NDArray[np.int32]:
        """Return the rows of categories that are given by name or by row. Raises ModelError."""
        category = _column(np.asarray(_plain(given)), "categories", count)
        if not count:
            return np.zeros(0, dtype=np.int32)
        if category.dtype.kind in "US" or (category.dtype == object and isinstance(category[0], str)):
            return self._rows_of_names([str(one) for one in category])
        with np.errstate(invalid="ignore"):  # what is no number is no whole one either, and is told below
            rows = category.astype(np.int64) if category.dtype.kind in "iuf" else None
        if rows is None or (rows != category).any():
            raise ModelError("gives categories that are neither names nor rows")
        most = len(self._names) if self._names is not None else np.iinfo(np.int32).max
        if rows.min() < 0 or rows.max() >= most:
            odd = int(rows.min()) if rows.min() < 0 else int(rows.max())
            last = f", of {most} that go from 0" if self._names is not None else ""
            raise ModelError(f"gives category {odd}, which is no row{last}")
        return rows.astype(np.int32)

    def _rows_of_names(self, names: list[str]) -> NDArray[np.int32]:
        """Return the rows of names, those that are new at the end of the list."""
        if self._names is None:
            self._names = []
        for name in dict.fromkeys(names):
            if name in self._row_of:
                continue
            if self._closed:
                raise ModelError(f"gives category {name!r}, which is not in its list of names")
            if not name.isascii() and _unwritable(name):
                raise ModelError(f"gives a category {name!r}, which cannot be written as UTF-8")
            self._row_of[name] = len(self._names)
            self._names.append(name)
        return np.array([self._row_of[name] for name in names], dtype=np.int32)


def _listed(function: Any, path: Path) -> tuple[str, ...] | None:
    """Return the names that the function's file lists, None where it has no list. Raises DataError."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    found = getattr(module, _LIST, None)
    if found is None:
        return None
    names = found if isinstance(found, (list, tuple)) and all(isinstance(one, str) for one in found) else ()
    if len(set(names)) < len(names) or not names or any(map(_unwritable, names)):
        raise DataError(f"{_LIST} should be a list of names, each once", file=path)
    return tuple(names)


def _unwritable(name: str) -> bool:
    """Whether a text holds half of a character, which no file can: a file's name that was decoded wrongly may."""
    return any("\ud800" <= character <= "\udfff" for character in name)


def _plain(array: Any) -> Any:
    """Return an array or a tensor as what NumPy takes: PyTorch's may lie on a device, with a gradient."""
    for method in ("detach", "cpu"):
        if hasattr(array, method):
            array = getattr(array, method)()
    return array


def _numbers(given: Any, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(_plain(given), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"gives {what} that are no array of numbers") from error


def _boxes(given: Any) -> NDArray[np.float64]:
    box = _numbers(given, "boxes")
    if box.size == 0:
        return box.reshape(0, 4)
    if box.ndim != 2 or box.shape[1] != 4:  # noqa: PLR2004  corners
        raise ModelError(f"gives boxes of shape {list(box.shape)} and should give [N, 4]: x1 y1 x2 y2")
    return box


def _column(column: NDArray[Any], what: str, count: int) -> NDArray[Any]:
    if column.size == 0 and count == 0:
        return column.reshape(0)
    if column.shape != (count,):
        raise ModelError(f"gives {what} of shape {list(column.shape)} and should give [{count}], one for each box")
    return column


def _check_inside(box: NDArray[np.float64], picture: NDArray[np.uint8]) -> None:
    """Raise ModelError at the first box that lies beside the picture; one that reaches over its edge is fine."""
    height, width = picture.shape[:2]
    beside = (box[:, 0] >= width) | (box[:, 1] >= height) | (box[:, 2] <= 0) | (box[:, 3] <= 0)
    if not beside.any():
        return
    first = box[int(np.argmax(beside))]
    corners = " ".join(f"{value:g}" for value in np.round(first, 2).tolist())
    raise ModelError(
        f"gives the box {corners}, which lies beside the picture of {width} x {height} px; give x1 y1 x2 y2 in pixels "
        "of the picture as it was given"
    )
