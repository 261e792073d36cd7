"""What was compared, as SHA-256: two results can be set side by side where these are equal."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.tasks import image_ranks

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Key, Predictions

__all__ = ["dataset_fingerprint", "predictions_fingerprint"]


def predictions_fingerprint(dataset: Dataset, table: Predictions) -> str:
    """Return the SHA-256 of predictions and of the names of the images and categories that they are on."""
    names: list[list[Key]] = [[*dataset.images.key], [*dataset.categories.name]]
    return _digest(names, [table.image, table.category, table.box, table.score])


def dataset_fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of what scores depend on: image keys, category names, boxes, areas and flags.

    The order of the images does not matter, nor do the file's format and its spelling of numbers.
    """
    truth = dataset.ground_truth
    ranks = image_ranks(dataset.images.key)
    image = ranks[truth.image]
    order = np.argsort(image, kind="stable")
    flags = [truth.crowd, truth.ignore, truth.difficult]
    columns: list[NDArray[Any]] = [image, truth.category, truth.box, truth.area_px, *flags]
    keys: list[Key] = [dataset.images.key[row] for row in np.argsort(ranks)]
    return _digest([keys, [*dataset.categories.name]], [column[order] for column in columns])


def _digest(names: list[list[Key]], columns: list[NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(names, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for column in columns:
        digest.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
