"""Running a detector over a dataset: pictures in, a table of predictions out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import Predictions
from detbench.detectors.classical import ClassicalDetector, decode
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset

__all__ = ["predict"]


def predict(
    detector: ClassicalDetector, dataset: Dataset, *, advance: Callable[[int], None] = lambda _n: None
) -> Predictions:
    """Return what ``detector`` finds in the pictures of ``dataset``; its annotations are not looked at.

    Categories are joined by name.

    Raises
    ------
    UsageError
        If the detector knows a category that the dataset lacks.
    DataError
        If a picture is missing or does not decode.
    """
    row_of_name = dataset.categories.row_of_name()
    unknown = [name for name in detector.category_names if name not in row_of_name]
    if unknown:
        known = ", ".join(dataset.categories.name)
        raise UsageError(f"the detector's category {unknown[0]!r} is not among the dataset's: {known}")
    category_row = np.array([row_of_name[name] for name in detector.category_names], dtype=np.int32)
    found = []
    for row in range(len(dataset.images)):
        picture = decode(dataset.pictures.read(row), where=dataset.pictures.where(row))
        found.append(detector.detect(picture))
        advance(1)
    return Predictions(
        image=np.repeat(np.arange(len(found), dtype=np.int32), [len(one.score) for one in found]),
        category=category_row[np.concatenate([[], *(one.category for one in found)]).astype(np.int64)],
        box=np.concatenate([np.zeros((0, 4)), *(one.box for one in found)]),
        score=np.concatenate([np.zeros(0), *(one.score for one in found)]),
    )
