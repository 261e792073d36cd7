"""Boxes made to fit their picture: what cannot be a box is dropped, what reaches over the edge is clipped."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import GroundTruth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.records.tally import Tally

__all__ = ["fit_boxes"]


def fit_boxes(boxes: GroundTruth, width_px: int, height_px: int, tally: Tally, where: str) -> GroundTruth:
    """Return the boxes of one picture that have an area inside it, clipped to it.

    Parameters
    ----------
    boxes
        The image's own boxes.
    width_px, height_px
        The picture's size as stored.
    tally
        Where every dropped and clipped box is counted.
    where
        What to call the image there.
    """
    box = boxes.box
    size = np.array([width_px, height_px], dtype=np.float64)
    low, high = box[:, :2], box[:, 2:]
    if (low < high).all() and (low >= 0).all() and (high <= size).all():
        return boxes
    reason = _reasons(low, high, size)
    for row in np.flatnonzero(reason != ""):
        corners = " ".join(f"{value:g}" for value in box[row])
        detail = f"x1 y1 x2 y2 = {corners} in a picture of {width_px} × {height_px}"
        tally.note(str(reason[row]), f"{where}, box {row + 1}", detail, boxes=1)
    kept = boxes.take((reason == "") | (reason == "box-outside-image"))
    columns = {column.name: getattr(kept, column.name) for column in fields(kept)}
    return GroundTruth(**columns | {"box": np.clip(kept.box, 0.0, np.tile(size, 2))})


def _reasons(low: NDArray[np.float64], high: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return each box's reason not to stay as it is, the first that holds; empty where there is none."""
    finite = np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1)
    with np.errstate(invalid="ignore"):
        reasons = [
            (~finite, "box-not-finite"),
            ((high < low).any(axis=1), "box-negative-size"),
            ((high == low).any(axis=1), "box-zero-area"),
            ((high <= 0).any(axis=1) | (low >= size).any(axis=1), "box-fully-outside"),
            ((low < 0).any(axis=1) | (high > size).any(axis=1), "box-outside-image"),
        ]
    return np.select([mask for mask, _ in reasons], [name for _, name in reasons], default="")
