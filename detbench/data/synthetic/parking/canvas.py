"""Layers that are painted three times too large and reduced: smooth edges from integer polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OVERSAMPLING", "Layer", "hull", "to_canvas"]

OVERSAMPLING = 3

#: What has fewer is no area.
_CORNERS = 3


def to_canvas(points_px: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return picture coordinates ``[N, 2]`` as whole canvas pixels, within what Pillow can draw."""
    return np.floor(np.clip(points_px * OVERSAMPLING, -20000, 20000)).astype(np.int64)


def hull(points: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the convex hull of whole-numbered points (Andrew's monotone chain)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < _CORNERS:
        return ordered

    def half(chain: list[tuple[int, int]]) -> list[tuple[int, int]]:
        kept: list[tuple[int, int]] = []
        for x, y in chain:
            while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (y - kept[-2][1]) <= (kept[-1][1] - kept[-2][1]) * (
                x - kept[-2][0]
            ):
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return half(ordered) + half(ordered[::-1])


class Layer:
    """One canvas: RGB, or a mask of one channel; ``fill`` is what it starts with."""

    def __init__(self, size_px: tuple[int, int], mode: str, fill: int | tuple[int, int, int] = 0) -> None:
        self.image = Image.new(mode, (size_px[0] * OVERSAMPLING, size_px[1] * OVERSAMPLING), fill)
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, corners: list[tuple[int, int]], value: int | tuple[int, int, int]) -> None:
        """Fill a polygon given in canvas pixels."""
        if len(corners) >= _CORNERS:
            self._draw.polygon(corners, fill=value)

    def disc(self, centre: tuple[float, float], radius: float, value: int | tuple[int, int, int]) -> None:
        """Fill a disc; centre and radius are in picture pixels."""
        x, y, r = (int(v * OVERSAMPLING) for v in (*centre, radius))
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=value)

    def share(self, blur_px: float = 0.0) -> NDArray[np.float32]:
        """Return a mask at the picture's size, ``[H, W]``, 0..1, softened."""
        return self.reduced(blur_px) * np.float32(1 / 255)

    def reduced(self, blur_px: float = 0.0) -> NDArray[np.float32]:
        """Return the layer at the picture's size, ``[H, W]`` or ``[H, W, 3]``, 0..255, softened."""
        small = self.image.reduce(OVERSAMPLING)
        if blur_px:
            small = small.filter(ImageFilter.GaussianBlur(blur_px))
        return np.asarray(small, dtype=np.float32)
