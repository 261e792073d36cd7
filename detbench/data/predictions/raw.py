"""Predictions as a file gives them, before its images and categories are joined to a dataset's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.data.tables import Key

__all__ = ["CategoryNaming", "CodedKeys", "ImageNaming", "RawPredictions"]


class ImageNaming(Enum):
    """How a form calls an image."""

    ID = "id"  # exactly the dataset's key, a number or a string
    TEXT = "id or file name"  # the key written as text, or the picture's name
    STEM = "file stem"  # the name of a file that stands for the picture


class CategoryNaming(Enum):
    """How a form calls a category."""

    ID = "id"  # the dataset's own id; a string may also be its name
    NAME = "name"  # the name; a number may also be its id
    INDEX = "position"  # counted from 0 in the order of the ids


@dataclass(frozen=True, slots=True, eq=False)
class CodedKeys:
    """What the rows call images, or categories: each name once, and which of them a row has.

    ``value`` are the names, ``code`` is int32 ``[N]``, places in ``value``.
    """

    value: tuple[Key, ...]
    code: NDArray[np.int32]

    @classmethod
    def of(cls, keys: Sequence[Key] | CodedKeys) -> CodedKeys:
        """Return a column of names, coded if it is not yet."""
        if isinstance(keys, cls):
            return keys
        code = {key: number for number, key in enumerate(dict.fromkeys(keys))}  # type: ignore[arg-type]
        return cls(tuple(code), np.fromiter(map(code.__getitem__, keys), np.int32, len(keys)))  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.code)

    def used(self) -> list[Key]:
        """Return the names that rows have, once each; a file may know more."""
        times = np.bincount(self.code, minlength=len(self.value))
        return [value for value, count in zip(self.value, times.tolist(), strict=True) if count]

    def first(self, key: Key) -> int:
        """Return the first row that has ``key``."""
        return int(np.argmax(self.code == self.value.index(key)))

    def spread(self, number_of: dict[Key, int], missing: int) -> NDArray[np.int32]:
        """Return int32 ``[N]``: each row's name's number, ``missing`` for a name without one."""
        numbers = np.array([number_of.get(value, missing) for value in self.value], np.int32)
        if np.array_equal(numbers, np.arange(len(numbers))):
            return self.code  # the names are in the order of their numbers already
        return numbers.take(self.code)


@dataclass(frozen=True, slots=True, eq=False)
class RawPredictions:
    """One row a prediction, in file order.

    Attributes
    ----------
    source
        The file or folder that was read.
    image, category
        What the file calls them, ``[N]``; how, ``image_naming`` and ``category_naming`` say.
    box
        float64 ``[N, 4]``: ``x1 y1 x2 y2``, continuous, 0-based, in pixels or, where ``relative``, in fractions of the
        picture's width and height.
    score
        float64 ``[N]``.
    size_px
        float64 ``[N, 2]``: width and height, where the form gives them and not the far corner; else None.
    place
        Row → the file and the record in it, for messages.
    """

    source: Path
    image: Sequence[Key] | CodedKeys
    category: Sequence[Key] | CodedKeys
    box: NDArray[np.float64]
    score: NDArray[np.float64]
    place: Callable[[int], tuple[Path, str]]
    image_naming: ImageNaming
    category_naming: CategoryNaming
    relative: bool = False
    size_px: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Return the number of predictions."""
        return len(self.score)

    def check_finite(self) -> None:
        """Raise DataError, naming file and record, at the first score or box that is NaN or infinite."""
        if np.isfinite(self.score).all() and np.isfinite(self.box).all():
            return
        fine = np.isfinite(self.score) & np.isfinite(self.box).all(axis=1)
        row = int(np.argmin(fine))
        file, record = self.place(row)
        number = self.score[row]
        what = (
            f"the score is {number}" if not np.isfinite(number) else f"the box has a side that is {_odd(self.box[row])}"
        )
        raise DataError(what, file=file, record=record, remedy="write finite numbers, or leave the record out")


def _odd(box: NDArray[np.float64]) -> float:
    return float(box[~np.isfinite(box)][0])
