"""Matches made from parts: predictions come some images at a time, are matched, and their boxes are let go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.tables import Predictions
from detbench.evaluation.matching import Matches, match
from detbench.evaluation.tasks import image_ranks, matching_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset
    from detbench.evaluation.protocols import Protocol

__all__ = ["MatchesInParts"]


class MatchesInParts:
    """Matches of predictions that are never together; the numbers are those of matching them at once, to the bit.

    An image's matches depend on its own boxes alone, so that images may come in any order, each with all of its
    predictions.
    """

    def __init__(self, dataset: Dataset, protocol: Protocol) -> None:
        self._dataset = dataset
        self._protocol = protocol
        self._ranks = image_ranks(dataset.images.key)
        # Category, image's rank, score, rank, found and not_counted: 36 bytes a prediction.
        self._columns = [_Column(kind) for kind in (np.int32, np.int32, np.float64, np.int32, np.uint64, np.uint64)]

    def add(self, predictions: Predictions) -> None:
        """Match all the predictions of some images, none of which was added before."""
        images = predictions.images()
        if not len(images):
            return
        local = np.searchsorted(images, predictions.image).astype(np.int32)
        of_these = self._dataset.take_images(images.astype(np.intp))
        part = match(of_these, replace(predictions, image=local), self._protocol)
        # Ranks among these images ascend with ranks among all.
        rank_of_all = np.sort(self._ranks[images])
        task = part.task
        columns: tuple[NDArray[Any], ...] = (
            task.category,
            rank_of_all[task.image],
            task.score,
            task.rank,
            part.found,
            part.not_counted,
        )
        for column, values in zip(self._columns, columns, strict=True):
            column.extend(values)

    def matches(self) -> Matches:
        """Return all matches, in the order of matching at once; the parts are used up.

        Its task has no boxes, areas, or rows of a table of predictions: those columns, and ``partner``, are empty.
        """
        dataset, protocol = self._dataset, self._protocol
        task = matching_task(dataset, Predictions.none(), protocol)
        category, image = self._columns[0].values(), self._columns[1].values()
        # Stable: an image's predictions of a category come from one part, in their order.
        key = category.astype(np.int64) * max(len(dataset.images), 1) + image
        order = np.argsort(key, kind="stable")
        del key, category, image
        category, image, score, rank, found, not_counted = (
            self._columns.pop(0).values()[order] for _ in range(len(self._columns))
        )
        whole = replace(task, category=category, image=image, score=score, rank=rank)
        counts = len(dataset.images), len(dataset.categories)
        return Matches(protocol, whole, *counts, found, not_counted, partner=np.zeros(0, np.int32))


class _Column:
    """A column that grows by large pieces.

    Pieces so large come from the system and go back to it: what grows and is let go in small ones leaves the
    process's memory full of holes. What a piece does not hold yet takes no memory.
    """

    _PIECE = 1 << 23

    def __init__(self, dtype: type[np.generic]) -> None:
        self._dtype = dtype
        self._pieces: list[NDArray[Any]] = []
        self._used = self._PIECE  # of the last piece

    def extend(self, values: NDArray[Any]) -> None:
        """Add values at the end."""
        while len(values):
            if self._used == self._PIECE:
                self._pieces.append(np.empty(self._PIECE, self._dtype))
                self._used = 0
            fits = min(len(values), self._PIECE - self._used)
            self._pieces[-1][self._used : self._used + fits] = values[:fits]
            self._used += fits
            values = values[fits:]

    def values(self) -> NDArray[Any]:
        """Return all values; not to be written to."""
        if not self._pieces:
            return np.empty(0, self._dtype)
        last = self._pieces[-1][: self._used]
        return np.concatenate([*self._pieces[:-1], last]) if len(self._pieces) > 1 else last
