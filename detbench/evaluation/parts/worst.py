"""The worst images and mistakes of a result, in a reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from detbench.evaluation.metrics.worst import (
    errors_by_image,
    largest_missed,
    nearest_truth,
    surest_mistakes,
    worst_images,
)
from detbench.evaluation.tasks import image_ranks
from detbench.words import unbroken

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.evaluation.metrics.tide import Analysis

__all__ = ["Box", "Missed", "Mistake", "Object", "Worst", "WorstImage", "find_worst"]

Count = Annotated[int, msgspec.Meta(ge=0)]

#: ``x1 y1 x2 y2``, pixels, continuous, 0-based.
Box = tuple[float, float, float, float]


class WorstImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image, and its errors at the operating point."""

    image: int | str
    file_name: str
    ground_truths: Count
    missed: Count
    false_positives: Count


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """A ground truth: its category and its box, ``x1 y1 x2 y2`` in pixels."""

    category: str
    box: Box


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A false positive.

    ``ground_truth`` is what it is about: the ground truth whose category or place was meant, that was found already,
    or that a box on the background overlaps most; None if it overlaps none. ``iou`` is that of the two boxes.
    """

    image: int | str
    file_name: str
    category: str
    box: Box
    score: float
    iou: float
    ground_truth: Object | None


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A ground truth that was missed."""

    image: int | str
    file_name: str
    category: str
    box: Box


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at first: at most ``limit`` images, false positives of each kind, and missed ground truths.

    ``images`` fall by the number of errors at the operating point, equals by those missed, then by key;
    ``false_positives`` is a list a kind, by falling score; ``missed`` falls by the box's area. Equals come by image
    key, then as in the file.
    """

    limit: Count
    images: list[WorstImage]
    false_positives: dict[str, list[Mistake]]
    missed: list[Missed]


def find_worst(analysis: Analysis, dataset: Dataset, at: float, limit: int) -> Worst:
    """Return the part of a result; ``at`` is the operating point's threshold."""
    describe, counts = _Describe(analysis, dataset), errors_by_image(analysis, at)
    images = []
    for rank in worst_images(counts, limit).tolist():
        key, file_name = describe.image(rank)
        truths, missed, false_positives = (int(column[rank]) for column in counts)
        images.append(
            WorstImage(
                image=key,
                file_name=file_name,
                ground_truths=truths,
                missed=missed,
                false_positives=false_positives,
            )
        )
    mistakes = surest_mistakes(analysis, limit)
    return Worst(
        limit=limit,
        images=images,
        false_positives={
            kind: [describe.false_positive(row) for row in rows.tolist()] for kind, rows in mistakes.items()
        },
        missed=[describe.missed(row) for row in largest_missed(analysis, at, limit).tolist()],
    )


class _Describe:
    """Rows of a task in a reader's words."""

    def __init__(self, analysis: Analysis, dataset: Dataset) -> None:
        self._analysis, self._task, self._images = analysis, analysis.matches.task, dataset.images
        self._row_of_rank = np.argsort(image_ranks(dataset.images.key))
        self._names = dataset.categories.name

    def image(self, rank: int) -> tuple[int | str, str]:
        """Return an image's key and file name."""
        row = int(self._row_of_rank[rank])
        key = self._images.key[row]
        return unbroken(key) if isinstance(key, str) else key, unbroken(self._images.file_name[row])

    def false_positive(self, row: int) -> Mistake:
        """Return a prediction's mistake."""
        truth, iou = int(self._analysis.target[row]), float(self._analysis.iou[row])
        if truth < 0:
            truth, iou = nearest_truth(self._analysis, row)
        key, file_name = self.image(int(self._task.image[row]))
        return Mistake(
            image=key,
            file_name=file_name,
            category=self._category(int(self._task.category[row])),
            box=_box(self._task.box[row].tolist()),
            score=float(self._task.score[row]),
            iou=iou,
            ground_truth=None if truth < 0 else self._object(truth),
        )

    def missed(self, truth: int) -> Missed:
        """Return a ground truth that was missed."""
        key, file_name = self.image(int(self._task.truth_image[truth]))
        lost = self._object(truth)
        return Missed(image=key, file_name=file_name, category=lost.category, box=lost.box)

    def _object(self, truth: int) -> Object:
        category = self._category(int(self._task.truth_category[truth]))
        return Object(category=category, box=_box(self._task.truth_box[truth].tolist()))

    def _category(self, row: int) -> str:
        return unbroken(self._names[row])


def _box(corners: list[float]) -> Box:
    x1, y1, x2, y2 = corners
    return x1, y1, x2, y2
