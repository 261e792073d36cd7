"""Writing predictions as COCO results JSON, which every evaluator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from detbench.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset, Predictions

__all__ = ["write_coco_results"]


def write_coco_results(predictions: Predictions, dataset: Dataset, path: Path) -> None:
    """Write ``predictions`` of ``dataset``'s images, one record a line, in the order of the table.

    Ids are the dataset's own; coordinates are rounded to hundredths of a pixel.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    keys, category_ids = dataset.images.key, dataset.categories.source_id
    lines = [
        msgspec.json.encode(
            {
                "image_id": keys[image],
                "category_id": category_ids[category],
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
    with replacing(path) as file:
        file.write(b"[\n" + b",\n".join(lines) + b"\n]\n" if lines else b"[]\n")
