"""Rows of predictions that come in pieces, given back image by image: each image with all of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.data.tables import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NONE", "Rows", "WholeImages"]

#: No image.
NONE = -1


class Rows(NamedTuple):
    """Predictions in the order in which they came, as in :class:`~detbench.data.tables.Predictions`; not sorted."""

    image: NDArray[np.int32]
    category: NDArray[np.int32]
    box: NDArray[np.float64]
    score: NDArray[np.float64]
    size_px: NDArray[np.float64]

    def part(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        return Rows(self.image[rows], self.category[rows], self.box[rows], self.score[rows], self.size_px[rows])

    def copy(self) -> Rows:
        """Return the rows in arrays of their own."""
        return self.part(np.arange(len(self.image)))


class WholeImages:
    """Collects rows whose images come one after the other, and knows which images are complete.

    An image is complete when another one has begun, or when :meth:`close` is called.
    """

    def __init__(self, image_count: int) -> None:
        self._seen = np.zeros(image_count, dtype=np.bool_)
        self._open = NONE
        self._pieces: list[Rows] = []
        self._count = 0

    def __len__(self) -> int:
        """Return the number of rows that were not taken yet."""
        return self._count

    def begin(self, image: int) -> bool:
        """Say that the next rows are of ``image``; return False if it was complete already."""
        if self._seen[image]:
            return False
        self._seen[image] = True
        self._open = image
        return True

    def add(self, rows: Rows) -> int:
        """Collect rows; return −1, or the first row whose image was complete already: then nothing is collected."""
        if not len(rows.image):
            return NONE
        starts = np.flatnonzero(np.diff(rows.image, prepend=np.int32(NONE)))
        if rows.image[0] == self._open:
            starts = starts[1:]
        images = rows.image[starts]
        again = self._seen[images]
        first = np.zeros(len(images), dtype=np.bool_)
        first[np.unique(images, return_index=True)[1]] = True
        again |= ~first
        if again.any():
            return int(starts[np.argmax(again)])
        self._seen[images] = True
        self._open = int(rows.image[-1])
        self._pieces.append(rows)
        self._count += len(rows.image)
        return NONE

    def close(self) -> None:
        """Say that the last image is complete."""
        self._open = NONE

    def take(self) -> Predictions:
        """Return the predictions of all complete images, which are let go of here."""
        if not self._count:
            return Predictions.none()
        whole = Rows(*map(np.concatenate, zip(*self._pieces, strict=True)))
        going_on = whole.image == self._open
        complete = int(np.argmax(going_on)) if going_on.any() else len(whole.image)
        rest = whole.part(slice(complete, None))
        self._pieces, self._count = [rest.copy()], len(rest.image)
        done = whole.part(slice(complete))
        return Predictions.grouped(done.image, done.category, done.box, done.score, done.size_px)
