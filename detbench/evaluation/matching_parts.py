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
        self._parts: dict[str, list[NDArray[Any]]] = {}  # 36 bytes a prediction

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
        columns: dict[str, NDArray[Any]] = {
            "category": task.category,
            "image": rank_of_all[task.image],
            "score": task.score,
            "rank": task.rank,
            "found": part.found,
            "not_counted": part.not_counted,
        }
        for name, column in columns.items():
            self._parts.setdefault(name, []).append(column)

    def matches(self) -> Matches:
        """Return all matches, in the order of matching at once; the parts are used up.

        Its task has no boxes, areas, or rows of a table of predictions: those columns, and ``partner``, are empty.
        """
        dataset, protocol = self._dataset, self._protocol
        task = matching_task(dataset, Predictions.none(), protocol)
        category, image = self._taken("category", task.category), self._taken("image", task.image)
        # Stable: an image's predictions of a category come from one part, in their order.
        order = np.argsort(category.astype(np.int64) * max(len(dataset.images), 1) + image, kind="stable")
        category, image = category[order], image[order]
        score, rank = self._taken("score", task.score)[order], self._taken("rank", task.rank)[order]
        found = self._taken("found", task.outside)[order]
        not_counted = self._taken("not_counted", task.outside)[order]
        whole = replace(task, category=category, image=image, score=score, rank=rank)
        counts = len(dataset.images), len(dataset.categories)
        return Matches(protocol, whole, *counts, found, not_counted, partner=np.zeros(0, np.int32))

    def _taken(self, name: str, none: NDArray[Any]) -> NDArray[Any]:
        """Return a column of all parts, which let go of theirs; ``none`` where there are no parts."""
        return np.concatenate(self._parts.pop(name, [none]))
