"""VOC results: a file a category, ``comp4_det_test_<category>.txt``, of ``image score x1 y1 x2 y2`` lines.

The category is what the file's name ends in after an underscore; the longest of the dataset's names that fits is
taken, so that names may hold underscores themselves. An image is a stem, as in VOC's lists. Coordinates are VOC's,
1-based and inclusive, so the mins lose 1 and the maxes stay, exactly as in the ground truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.predictions.raw import CategoryNaming, ImageNaming, RawPredictions
from detbench.data.predictions.text_rows import read_rows, text_files
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["category_of", "read"]


def read(path: Path, category_names: Sequence[str]) -> RawPredictions:
    """Read a folder of VOC result files, or one of them. Raises DataError, naming file and line."""
    files = text_files(path)
    categories = [category_of(file, category_names) for file in files]
    for file, category in zip(files, categories, strict=True):
        if not category:
            raise DataError(
                "its name does not end in _<category>.txt",
                file=file,
                remedy="name the files as in comp4_det_test_car.txt, or keep other files elsewhere",
            )
    rows = read_rows(files, layout="image score x1 y1 x2 y2")
    box = rows.number[:, 1:].copy()
    box[:, :2] -= 1
    return RawPredictions(
        source=path,
        image=rows.name,
        category=rows.spread(categories),
        box=box,
        score=rows.number[:, 0].copy(),
        place=rows.place,
        image_naming=ImageNaming.STEM,
        category_naming=CategoryNaming.NAME,
    )


def category_of(file: Path, category_names: Sequence[str]) -> str:
    """Return the category in a result file's name, ``""`` if there is none."""
    fitting = [name for name in category_names if file.stem == name or file.stem.endswith(f"_{name}")]
    if fitting:
        return max(fitting, key=len)
    return file.stem.rpartition("_")[2] if "_" in file.stem else ""
