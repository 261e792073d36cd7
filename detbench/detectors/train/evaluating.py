"""A look at the model on a split: its detections, in pixels of the pictures, scored by our own engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Predictions
from detbench.detectors.input.test_input import TestInput
from detbench.errors import DataError, UsageError
from detbench.evaluation.evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detbench.data.tables import Categories, Dataset
    from detbench.detectors.input.batch import Batch
    from detbench.detectors.recipes.settings import EvaluationSettings, InputSettings
    from detbench.evaluation.results import Result

    Detect = Callable[[Batch], Mapping[str, NDArray[np.generic]]]

__all__ = ["Abandoned", "Evaluation", "as_pixels"]


class Abandoned(Exception):  # noqa: N818  nothing went wrong
    """Somebody asked for an end while pictures were being looked at."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A split to score on: ``category_row`` are its categories' rows, by those of the model."""

    dataset: Dataset
    settings: EvaluationSettings
    test: TestInput
    category_row: NDArray[np.int32]
    name: str

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        categories: Categories,
        settings: EvaluationSettings,
        pictures: InputSettings,
        batch_size: int,
        name: str,
    ) -> Evaluation:
        """Return the evaluation of a model that knows ``categories``.

        Raises
        ------
        UsageError
            If the split lacks one of them, or the protocol has no such metric.
        DataError
            If nothing can be scored on the split, or a picture of it is missing.
        """
        if settings.limit_images is not None:
            dataset = dataset.take_images(range(min(settings.limit_images, len(dataset.images))))
        rows = dataset.categories.row_of_name()
        if lacking := next((known for known in categories.name if known not in rows), None):
            raise UsageError(f"the category {lacking!r:.80} is trained, and the split to evaluate on does not have it")
        row_of = np.array([rows[known] for known in categories.name], dtype=np.int32)
        asked = cls(dataset, settings, TestInput(dataset, pictures, batch_size), row_of, name)
        asked._require_metric()
        asked.test.require_pictures()
        return asked

    def _require_metric(self) -> None:
        """Score nothing, now, so that a metric that there is not is known before hours are spent."""
        metrics, wanted = self._scored(Predictions.none(), intervals=False).metrics, self.settings.metric
        if wanted not in metrics:
            known = ", ".join(metrics)
            raise UsageError(f"the protocol {self.settings.protocol} has no metric {wanted!r:.60}; it has {known}")
        if metrics[wanted] is None:
            raise DataError(
                f"no {wanted} can be computed on this split: it has nothing to be found",
                file=self.dataset.source,
                remedy="name another with --eval-split",
            )

    def __call__(
        self,
        detect: Detect,
        *,
        intervals: bool = False,
        advance: Callable[[int], None] = lambda _count: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Return the score of a model. ``advance`` is told of pictures that were looked at.

        Raises
        ------
        Abandoned
            If ``stopped`` says so between two batches.
        """
        parts = []
        for batch, rows, scale in self.test.batches():
            if stopped():
                raise Abandoned
            parts.append(as_pixels(detect(batch), batch, rows, scale))
            advance(len(rows))
        found = _joined(parts)
        category = self.category_row[found.category]
        return self._scored(Predictions(found.image, category, found.box, found.score), intervals=intervals)

    def _scored(self, predictions: Predictions, *, intervals: bool) -> Result:
        loaded = LoadedPredictions(predictions, self.name, {}, "detections")
        return evaluate(self.dataset, loaded, protocol=self.settings.protocol, name=self.name, intervals=intervals)


def as_pixels(
    found: Mapping[str, NDArray[Any]], batch: Batch, rows: NDArray[np.int64], scale: NDArray[np.float64]
) -> Predictions:
    """Return the detections of a batch in pixels of the stored pictures, cut at their borders; empty ones are dropped.

    ``found`` has ``box`` ``[B, D, 4]`` on the canvas, ``score``, ``category`` and ``valid`` ``[B, D]``; ``rows``
    ``[n]`` and ``scale`` ``[n, 4]`` are of the first n pictures.
    """
    count = len(rows)
    limit = np.tile(batch.size_px[:count, ::-1].astype(np.float64), 2) / scale  # x y x y
    box = found["box"][:count].astype(np.float64) / scale[:, None]
    box = np.clip(box, 0.0, np.round(limit)[:, None])
    valid = found["valid"][:count] & (box[..., 2:] > box[..., :2]).all(axis=-1)
    image = np.broadcast_to(rows[:, None], valid.shape)[valid].astype(np.int32)
    category, score = found["category"][:count][valid], found["score"][:count][valid]
    return Predictions(image, category.astype(np.int32), box[valid], score.astype(np.float64))


def _joined(parts: list[Predictions]) -> Predictions:
    columns = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("image", "category", "box", "score")
    )
    return Predictions(*columns)
