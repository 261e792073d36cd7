"""Folders of one txt a picture, named like it: YOLO's normalised boxes and Cartucho's absolute ones.

``yolo`` lines are ``category x_centre y_centre width height score`` as Ultralytics writes them (``save_conf=True``):
the category is a position, counted from 0 in the order of the ids, or a name; the rest are fractions of the picture,
so the dataset's pictures must have sizes. ``cartucho`` lines are ``name score x1 y1 x2 y2`` in whole pixels; that tool
holds them against the corners that stand in VOC's XML, and counts both ends in, so they are converted as VOC's are.
A picture without a file has no predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.predictions.raw import CategoryNaming, ImageNaming, RawPredictions
from detbench.data.predictions.text_rows import read_rows, text_files

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.predictions.text_rows import TextRows

__all__ = ["read_cartucho", "read_yolo"]


def read_yolo(path: Path) -> RawPredictions:
    """Read Ultralytics' ``category x_centre y_centre width height score``. Raises DataError, naming file and line."""
    rows = read_rows(text_files(path), layout="category x_centre y_centre width height score")
    centre, half = rows.number[:, 0:2], rows.number[:, 2:4] / 2
    return _named_by_file(
        path, rows, np.hstack([centre - half, centre + half]), rows.number[:, 4].copy(), CategoryNaming.INDEX
    )


def read_cartucho(path: Path) -> RawPredictions:
    """Read ``name score x1 y1 x2 y2``. Raises DataError, naming file and line."""
    rows = read_rows(text_files(path), layout="name score x1 y1 x2 y2")
    box = rows.number[:, 1:].copy()
    box[:, :2] -= 1
    return _named_by_file(path, rows, box, rows.number[:, 0].copy(), CategoryNaming.NAME)


def _named_by_file(
    path: Path,
    rows: TextRows,
    box: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    score: np.ndarray[tuple[int], np.dtype[np.float64]],
    naming: CategoryNaming,
) -> RawPredictions:
    return RawPredictions(
        source=path,
        image=rows.spread([file.stem for file in rows.files]),
        category=rows.name,
        box=box,
        score=score,
        place=rows.place,
        image_naming=ImageNaming.STEM,
        category_naming=naming,
        relative=naming is CategoryNaming.INDEX,
    )
