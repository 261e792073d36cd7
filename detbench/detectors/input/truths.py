"""A picture's boxes, moved as its pixels are: scaled, cropped, mirrored; and which of them still count."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.plan import Plan

__all__ = ["IGNORED", "OBJECT", "PADDING", "Truths", "moved"]

#: The states of a box in a batch.
OBJECT, PADDING, IGNORED = 1, 0, -1


class Truths(NamedTuple):
    """The boxes of one picture: float ``[n, 4]`` ``x1 y1 x2 y2`` in pixels, int32 ``[n]``, int32 ``[n]``."""

    box: NDArray[np.floating]
    category: NDArray[np.int32]
    state: NDArray[np.int32]


def moved(truths: Truths, picture_px: tuple[int, int], plan: Plan, min_visible: float) -> Truths:
    """Return the boxes (float64, pixels of the stored picture) on the canvas (float32), in the same order.

    A box is cut at the edge of the picture, then at the edge of the window. One of which less than ``min_visible`` of
    what the picture shows is left is ignored; one without area, before or after, is left out.
    """
    if not len(truths.box):
        return Truths(truths.box.astype(np.float32), truths.category, truths.state)
    width_px, height_px = picture_px
    shown = np.clip(truths.box, 0.0, np.array([width_px, height_px] * 2, dtype=np.float64))
    left, top = plan.x, plan.y
    cut = np.clip(shown, [left, top] * 2, [left + plan.width, top + plan.height] * 2)
    across, down = plan.scale
    box = (cut - ([left, top] * 2)) * ([across, down] * 2)
    high, wide = plan.size
    if plan.flip_x:
        box[:, [0, 2]] = wide - box[:, [2, 0]]
    if plan.flip_y:
        box[:, [1, 3]] = high - box[:, [3, 1]]
    # Rounding may have left a corner a little outside.
    small = np.clip(box, 0.0, [wide, high] * 2).astype(np.float32)
    kept = np.flatnonzero((small[:, 0] < small[:, 2]) & (small[:, 1] < small[:, 3]))
    seen = _area(cut[kept]) >= min_visible * _area(shown[kept])
    state = np.where(seen, truths.state[kept], np.int32(IGNORED))
    return Truths(small[kept], truths.category[kept], state)


def _area(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas of boxes ``[n, 4]``."""
    return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
