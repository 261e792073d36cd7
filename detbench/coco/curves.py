"""Precision, recall and scores at every setting: from matches, or from ``evalImgs``, to pycocotools' arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.evaluation.metrics.curves import by_falling_score, precision_at_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.coco.matched import Matched

__all__ = ["Ordered", "from_images", "from_matches"]


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """One category's predictions in one area range, highest score first.

    Attributes
    ----------
    score, rank
        float64 and int ``[N]``; rank 0 is an image's highest score.
    found, counted
        bool ``[T, N]``: right; right or wrong.
    positives
        How many ground truths are to be found.
    """

    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    found: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    positives: int

    def at(
        self, limit: int, levels: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return precision ``[T, R]``, the largest recall ``[T]`` and scores ``[T, R]`` for one maxDets.

        Where there is something to find, that is: ``positives`` must not be 0.
        """
        within = self.rank < limit
        score, found, counted = self.score[within], self.found[:, within], self.counted[:, within]
        precision, scores = np.zeros((2, len(found), len(levels)))
        recall = np.zeros(len(found))
        for row, (right, judged) in enumerate(zip(found, counted, strict=True)):
            hits = np.flatnonzero(right)
            tp = np.arange(1.0, len(hits) + 1)
            reached = tp / self.positives
            recall[row] = len(hits) / self.positives
            # The denominator is pycocotools' (fp + tp + spacing of 1), at the hits alone: between them precision falls.
            precision[row] = precision_at_levels(reached, tp / (np.cumsum(judged)[hits] + np.spacing(1)), levels)
            scores[row] = _scores_at(reached, hits, score, levels)
        return precision, recall, scores


def _scores_at(
    recall: NDArray[np.float64], hits: NDArray[np.intp], score: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return float64 ``[R]``: the score at which each level is reached, 0 where it is not.

    A level of 0 is reached by the first prediction, whether or not it is right or even counts.
    """
    at = np.append(hits, len(score))[np.searchsorted(recall, levels, side="left")]
    at[levels <= 0] = 0
    return np.asarray(np.append(score, 0.0)[at])


def from_matches(matched: Matched, category: int, area: int, images: NDArray[np.bool_]) -> Ordered:
    """Return a category's predictions in an area range, on the images of the mask ``images``."""
    task = matched.task
    rows = slice(*np.searchsorted(task.category, (category, category + 1)))
    order = rows.start + by_falling_score(task.score[rows])
    order = order[images[task.image[order]]]
    truths = slice(*np.searchsorted(task.truth_category, (category, category + 1)))
    to_find = ~matched.ignored(area, truths) & images[task.truth_image[truths]]
    return Ordered(
        score=task.score[order],
        rank=task.rank[order].astype(np.int64),
        found=matched.found(area, order),
        counted=~matched.not_counted(area, order),
        positives=int(np.count_nonzero(to_find)),
    )


def from_images(entries: Sequence[dict[str, Any] | None], thresholds: int) -> Ordered:
    """Return the predictions of some images' entries of ``evalImgs``, all of one category and area range."""
    there = [entry for entry in entries if entry is not None]
    nothing = np.zeros((thresholds, 0), np.bool_)
    score = np.concatenate([[], *(entry["dtScores"] for entry in there)])
    order = by_falling_score(score)
    ignored = np.concatenate([nothing, *(np.asarray(entry["dtIgnore"], np.bool_) for entry in there)], axis=1)
    matched = np.concatenate([nothing, *(np.asarray(entry["dtMatches"]) != 0 for entry in there)], axis=1)
    rank = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(entry["dtScores"])) for entry in there)])
    return Ordered(
        score=score[order],
        rank=rank[order],
        found=(matched & ~ignored)[:, order],
        counted=~ignored[:, order],
        positives=sum(int(np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0)) for entry in there),
    )
