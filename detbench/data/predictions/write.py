"""Writing predictions: as COCO results JSON, which every evaluator reads, or as Arrow, which is read fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from detbench.data.predictions import arrow_ipc
from detbench.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset, Predictions

__all__ = ["write_coco_results", "writer_for"]

#: Predictions that are laid out as text at a time: proposals are millions.
_ROWS = 65_536


def writer_for(path: Path) -> Callable[[Predictions, Dataset, Path], None]:
    """Return what writes a file of this name: Arrow by its suffix, COCO results JSON for any other.

    Raises
    ------
    UsageError
        If that needs a package that is not installed: said before there is anything to write.
    """
    if path.suffix.lower() not in arrow_ipc.SUFFIXES:
        return write_coco_results
    arrow_ipc.pyarrow()
    return arrow_ipc.write


def write_coco_results(predictions: Predictions, dataset: Dataset, path: Path) -> None:
    """Write ``predictions`` of ``dataset``'s images, one record a line, in the order of the table.

    Ids are the dataset's own; coordinates are rounded to hundredths of a pixel. A proposal has no category.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    with replacing(path) as file:
        file.write(b"[")
        for first in range(0, len(predictions), _ROWS):
            lines = _lines(predictions.take(slice(first, first + _ROWS)), dataset)
            file.write((b",\n" if first else b"\n") + b",\n".join(lines))
        file.write(b"\n]\n" if len(predictions) else b"]\n")


def _lines(predictions: Predictions, dataset: Dataset) -> list[bytes]:
    keys, category_ids = dataset.images.key, dataset.categories.source_id
    return [
        msgspec.json.encode(
            {
                "image_id": keys[image],
                **({"category_id": category_ids[category]} if category >= 0 else {}),
                "bbox": [round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2)],
                "score": score,
            }
        )
        for image, category, (x1, y1, x2, y2), score in zip(
            predictions.image.tolist(),
            predictions.category.tolist(),
            predictions.box.tolist(),
            predictions.score.tolist(),
            strict=True,
        )
    ]
