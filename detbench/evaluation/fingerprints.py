"""What was compared, as SHA-256: two results can be set side by side where these are equal."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.tasks import image_ranks

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Key, Predictions

__all__ = ["PredictionsDigest", "dataset_fingerprint", "predictions_fingerprint"]


#: How one prediction is hashed.
_RECORD = np.dtype([("category", "<i4"), ("box", "<f8", 4), ("score", "<f8")])

#: Records that are laid out at a time.
_ROWS = 65_536


class PredictionsDigest:
    """The SHA-256 of predictions, taken in image by image: their order inside an image matters, no image's does.

    It is the hash of the names of all images and categories and of the hashes of the images with predictions.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._names: list[list[Key]] = [[*dataset.images.key], [*dataset.categories.name]]
        self._of_image: dict[int, bytes] = {}

    def add(self, table: Predictions) -> None:
        """Take in all the predictions of some images."""
        bounds = np.append(np.flatnonzero(np.diff(table.image, prepend=np.int32(-1))), len(table))
        first = 0
        while first < len(bounds) - 1:
            last = max(int(np.searchsorted(bounds, bounds[first] + _ROWS, side="right")) - 1, first + 1)
            self._add(table, bounds[first : last + 1])
            first = last

    def _add(self, table: Predictions, bounds: NDArray[np.int64]) -> None:
        """Take in some images whole: the rows from each of ``bounds`` to the next."""
        rows = slice(bounds[0], bounds[-1])
        records = np.empty(bounds[-1] - bounds[0], dtype=_RECORD)
        records["category"], records["box"], records["score"] = table.category[rows], table.box[rows], table.score[rows]
        data = records.view(np.uint8).data
        ends = ((bounds - bounds[0]) * _RECORD.itemsize).tolist()
        for image, span in zip(table.image[bounds[:-1]].tolist(), pairwise(ends), strict=True):
            self._of_image[image] = hashlib.sha256(data[slice(*span)]).digest()

    def hexdigest(self) -> str:
        """Return the hash of all that was taken in."""
        digest = _of_names(self._names)
        for image in sorted(self._of_image):
            digest.update(image.to_bytes(8, "little") + self._of_image[image])
        return digest.hexdigest()


def predictions_fingerprint(dataset: Dataset, table: Predictions) -> str:
    """Return the SHA-256 of predictions and of the names of the images and categories that they are on."""
    digest = PredictionsDigest(dataset)
    digest.add(table)
    return digest.hexdigest()


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
    digest = _of_names(names)
    for column in columns:
        digest.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _of_names(names: list[list[Key]]) -> hashlib._Hash:
    return hashlib.sha256(json.dumps(names, ensure_ascii=False).encode("utf-8", "surrogatepass"))
