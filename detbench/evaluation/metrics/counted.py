"""Predictions that count, each right or wrong, at the protocol's lowest IoU threshold in its first area range.

What a prediction at a score threshold, or its score itself, is worth is asked of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches

__all__ = ["Counted", "counted"]

_FIRST_BIT = np.uint64(1)


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """N predictions and G ground truths, both sorted by category; K categories.

    Attributes
    ----------
    category, image
        int32 ``[N]``; images are ranks by key.
    score
        float64 ``[N]``.
    right
        bool ``[N]``: it found a ground truth.
    offsets
        int64 ``[K + 1]``: category k has rows ``offsets[k]`` to ``offsets[k + 1]``.
    truth_image
        int32 ``[G]``: of the ground truth that must be found.
    truth_offsets
        int64 ``[K + 1]``.
    """

    category: NDArray[np.int32]
    image: NDArray[np.int32]
    score: NDArray[np.float64]
    right: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    truth_image: NDArray[np.int32]
    truth_offsets: NDArray[np.int64]

    @property
    def truths(self) -> NDArray[np.int64]:
        """Return int64 ``[K]``: how many ground truths of each category must be found."""
        return np.diff(self.truth_offsets)


def counted(matches: Matches) -> Counted:
    """Return the predictions that count and the ground truth that must be found."""
    task, categories = matches.task, np.arange(matches.category_count + 1)
    counts = matches.not_counted & _FIRST_BIT == 0
    must = task.truth_ignored & _FIRST_BIT == 0
    category = task.category[counts]
    return Counted(
        category=category,
        image=task.image[counts],
        score=task.score[counts],
        right=(matches.found[counts] & _FIRST_BIT) != 0,
        offsets=np.searchsorted(category, categories).astype(np.int64),
        truth_image=task.truth_image[must],
        truth_offsets=np.searchsorted(task.truth_category[must], categories).astype(np.int64),
    )
