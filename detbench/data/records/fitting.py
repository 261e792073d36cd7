"""Boxes made to fit their picture: what cannot be a box is dropped, what reaches over the edge is clipped."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import GroundTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.records.tally import Tally

__all__ = ["fit_boxes"]


def fit_boxes(boxes: GroundTruth, size_px: NDArray[np.float64], names: Sequence[str], tally: Tally) -> GroundTruth:
    """Return the boxes that have an area inside their picture, clipped to it.

    Parameters
    ----------
    boxes
        The boxes of some images.
    size_px
        float64 ``[I, 2]``: width and height of every image's picture as stored.
    names
        What to call every image in the tally.
    tally
        Where every dropped and clipped box is counted.
    """
    low, high = boxes.box[:, :2], boxes.box[:, 2:]
    limit = size_px[boxes.image]
    if ((low < high) & (low >= 0) & (high <= limit)).all():
        return boxes
    reason = _reasons(low, high, limit)
    first = boxes.offsets(len(names))
    for row in np.flatnonzero(reason != ""):
        image = int(boxes.image[row])
        corners = " ".join(f"{value:.9g}" for value in boxes.box[row])
        detail = f"x1 y1 x2 y2 = {corners} in a picture of {limit[row, 0]:.0f} × {limit[row, 1]:.0f}"
        tally.note(str(reason[row]), f"{names[image]}, box {row - first[image] + 1}", detail, boxes=1)
    stays = (reason == "") | (reason == "box-outside-image")
    kept = boxes.take(stays)
    columns = {column.name: getattr(kept, column.name) for column in fields(kept)}
    box = np.clip(kept.box, 0.0, np.tile(limit[stays], 2))
    untouched = (box == kept.box).all(axis=1, keepdims=True)
    sides = np.where(untouched, kept.size_px, box[:, 2:] - box[:, :2])
    return GroundTruth(**columns | {"box": box, "size_px": sides})


def _reasons(low: NDArray[np.float64], high: NDArray[np.float64], limit: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return each box's reason not to stay as it is, the first that holds; empty where there is none."""
    finite = np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1)
    with np.errstate(invalid="ignore"):
        reasons = [
            (~finite, "box-not-finite"),
            ((high < low).any(axis=1), "box-negative-size"),
            ((high == low).any(axis=1), "box-zero-area"),
            ((high <= 0).any(axis=1) | (low >= limit).any(axis=1), "box-fully-outside"),
            ((low < 0).any(axis=1) | (high > limit).any(axis=1), "box-outside-image"),
        ]
    return np.select([mask for mask, _ in reasons], [name for _, name in reasons], default="")
