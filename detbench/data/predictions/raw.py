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

__all__ = ["CategoryNaming", "ImageNaming", "RawPredictions"]


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
    image: Sequence[Key]
    category: Sequence[Key]
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
        fine = np.isfinite(self.score) & np.isfinite(self.box).all(axis=1)
        if fine.all():
            return
        row = int(np.argmin(fine))
        file, record = self.place(row)
        number = self.score[row]
        what = (
            f"the score is {number}" if not np.isfinite(number) else f"the box has a side that is {_odd(self.box[row])}"
        )
        raise DataError(what, file=file, record=record, remedy="write finite numbers, or leave the record out")


def _odd(box: NDArray[np.float64]) -> float:
    return float(box[~np.isfinite(box)][0])
