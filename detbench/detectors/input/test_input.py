"""What a model is tested on: every picture of a dataset once, whole, in the dataset's order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.decoding import header_of
from detbench.detectors.input.checks import check_boxes
from detbench.detectors.input.examples import Tables, testing_examples
from detbench.detectors.input.pixels import require_size
from detbench.detectors.input.readers import plain_batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset
    from detbench.detectors.input.batch import Batch
    from detbench.detectors.recipes.settings import InputSettings

__all__ = ["TestInput"]


class TestInput:
    """Batches of a dataset's pictures, each scaled to fit on the test canvas.

    Parameters
    ----------
    dataset
        The dataset, from any format.
    settings
        The recipe's ``[input]``.
    batch_size
        Pictures in a batch; the last is filled up with grey canvases.

    Raises
    ------
    DataError
        If the dataset has no image, a box that is not finite or ends before it begins, or more boxes in an image than
        ``max_truths``.
    """

    __test__ = False  # not a test, whatever its name is to pytest

    def __init__(self, dataset: Dataset, settings: InputSettings, batch_size: int) -> None:
        check_boxes(dataset, settings.max_truths)
        self.dataset = dataset
        self.batch_size = batch_size
        self._examples = testing_examples(Tables(dataset), settings)

    def require_pictures(self) -> None:
        """Look at every picture's header, so that one that is missing is known before hours are spent.

        Raises
        ------
        DataError
            If a picture is missing, is none, or has another size than its annotation says.
        """
        pictures = self.dataset.pictures
        for row in range(len(self.dataset.images)):
            found = header_of(pictures, row)
            width_px, height_px = self._examples.tables.size_px[row].tolist()
            require_size((found.width_px, found.height_px), (width_px, height_px), pictures.where(row))

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self.dataset.images) / self.batch_size)

    def batches(self, *, workers: int | None = None) -> Iterator[tuple[Batch, NDArray[np.int64], NDArray[np.float64]]]:
        """Yield (batch, rows, scale): ``rows`` int64 ``[n]`` of the images, ``scale`` float64 ``[n, 4]``, n ≤ batch.

        A box on a canvas, divided by its ``scale``, is in pixels of the stored picture. The last batch has its full
        shape; what lies beyond the n-th canvas in it is no picture.

        Raises
        ------
        DataError
            If a picture is missing, does not decode in full, or has another size than its annotation says.
        """
        images = range(len(self.dataset.images))
        steps = [images[first : first + self.batch_size] for first in images[:: self.batch_size]]
        batches = plain_batches(self._examples, steps, self.batch_size, workers=workers)
        for rows, batch in zip(steps, batches, strict=True):
            scale = [self._examples.at(row).plan.scale * 2 for row in rows]
            yield batch, np.array(rows, dtype=np.int64), np.array(scale, dtype=np.float64)
