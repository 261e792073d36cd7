"""Pictures made to fit what a model takes: scaled, laid on a canvas, and boxes taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Placed", "letterboxed", "scaled", "stretched"]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A picture on its canvas, uint8 ``[h, w, 3]``: what it was multiplied by and moved by, in x and in y."""

    canvas: NDArray[np.uint8]
    scale: tuple[float, float]
    shift_px: tuple[float, float]
    size_px: tuple[int, int]

    def back(self, box: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return boxes of the canvas, float64 ``[N, 4]``, in pixels of the picture."""
        moved: NDArray[np.float64] = box.astype(np.float64) - np.array(self.shift_px * 2, dtype=np.float64)
        moved /= np.array(self.scale * 2, dtype=np.float64)
        return moved

    def clipped(self, box: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return boxes of the canvas in pixels of the picture, and no further than its edges."""
        return np.clip(self.back(box), 0.0, np.array([*self.size_px, *self.size_px], dtype=np.float64))


def letterboxed(
    picture: NDArray[np.uint8], canvas_px: tuple[int, int], *, fill: int, centred: bool, enlarge: bool = True
) -> Placed:
    """Return a picture ``[H, W, 3]`` scaled to fit a canvas of ``(height, width)``, its sides in proportion.

    The scale is exact and sides are rounded down, as in YOLOX; Pillow's bilinear filter averages where it reduces.
    """
    height, width = picture.shape[:2]
    scale = min(canvas_px[0] / height, canvas_px[1] / width)
    if not enlarge:
        scale = min(scale, 1.0)
    h, w = max(int(height * scale), 1), max(int(width * scale), 1)
    top, left = ((canvas_px[0] - h) // 2, (canvas_px[1] - w) // 2) if centred else (0, 0)
    canvas = np.full((*canvas_px, 3), fill, dtype=np.uint8)
    canvas[top : top + h, left : left + w] = _resized(picture, w, h)
    return Placed(canvas, (scale, scale), (left, top), (width, height))


def stretched(picture: NDArray[np.uint8], canvas_px: tuple[int, int]) -> Placed:
    """Return a picture drawn out over a whole canvas of ``(height, width)``."""
    height, width = picture.shape[:2]
    canvas = _resized(picture, canvas_px[1], canvas_px[0])
    return Placed(canvas, (canvas_px[1] / width, canvas_px[0] / height), (0, 0), (width, height))


def scaled(picture: NDArray[np.uint8], short_px: int, long_px: int) -> Placed:
    """Return a picture whose short side is ``short_px`` long, or less so that the long one is at most ``long_px``."""
    height, width = picture.shape[:2]
    scale = min(short_px / min(height, width), long_px / max(height, width))
    return stretched(picture, (max(round(height * scale), 1), max(round(width * scale), 1)))


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
