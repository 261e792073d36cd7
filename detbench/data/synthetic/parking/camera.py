"""The drone's camera: a pinhole above a car park, looking down or somewhat forward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Camera", "rotation"]


def rotation(angle: float) -> tuple[float, float]:
    """Return cosine and sine of ``angle`` (radians), rounded so that every machine's maths library agrees."""
    return round(math.cos(angle), 10), round(math.sin(angle), 10)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera is and what it sees.

    Attributes
    ----------
    centre_m
        The point of the ground, ``x y``, that is seen in the middle of the picture.
    yaw, tilt
        Cosine and sine of the scene's rotation in the picture, and of the angle between the view and straight down.
    scale_px
        Pixels to a metre of ground in the middle of the picture.
    width_px, height_px
        The picture's size.
    """

    centre_m: tuple[float, float]
    yaw: tuple[float, float]
    tilt: tuple[float, float]
    scale_px: float
    width_px: int
    height_px: int

    @property
    def focal_px(self) -> float:
        """The focal length: a drone's wide lens, about 58 degrees over the picture's longer side."""
        return 0.9 * max(self.width_px, self.height_px)

    @property
    def distance_m(self) -> float:
        """From the lens to the ground in the middle of the picture."""
        return self.focal_px / self.scale_px

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points are seen: ``[N, 3]`` metres (x, y, height) to ``[N, 2]`` pixels."""
        right, ahead = self._turned(points_m)
        up = points_m[:, 2]
        cos, sin = self.tilt
        depth = np.maximum(self.distance_m - ahead * sin - up * cos, 1.0)
        factor = self.focal_px / depth
        return np.stack(
            [self.width_px / 2 + right * factor, self.height_px / 2 + (ahead * cos - up * sin) * factor], axis=1
        )

    def depth(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far ``[N, 3]`` points lie along the view, ``[N]`` metres."""
        _, ahead = self._turned(points_m)
        depth: NDArray[np.float64] = self.distance_m - ahead * self.tilt[1] - points_m[:, 2] * self.tilt[0]
        return depth

    def ground(self, x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the ground seen at pixels: two equally shaped arrays to ``[2, ...]`` metres."""
        cos, sin = self.tilt
        right = (x_px - self.width_px / 2) / self.focal_px
        down = (y_px - self.height_px / 2) / self.focal_px
        ahead = down * self.distance_m / (cos + down * sin)
        across = right * (self.distance_m - ahead * sin)
        c, s = self.yaw
        return np.stack([self.centre_m[0] + c * across - s * ahead, self.centre_m[1] + s * across + c * ahead])

    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return bounds of x and of y, in metres, around all ground that is seen."""
        x = np.array([0.0, self.width_px, 0.0, self.width_px])
        y = np.array([0.0, 0.0, self.height_px, self.height_px])
        place = self.ground(x, y)
        low, high = place.min(axis=1) - 2.0, place.max(axis=1) + 2.0
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))

    def sees(self, points_m: NDArray[np.float64], margin_px: float) -> NDArray[np.bool_]:
        """Return which ``[N, 3]`` points fall into the picture or within ``margin_px`` of it."""
        seen = self.project(points_m)
        limit = np.array([self.width_px, self.height_px]) + margin_px
        inside = (seen > -margin_px) & (seen < limit)
        return inside[:, 0] & inside[:, 1]

    def _turned(self, points_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how far points lie to the right of the picture's middle, and towards its lower edge."""
        dx, dy = points_m[:, 0] - self.centre_m[0], points_m[:, 1] - self.centre_m[1]
        c, s = self.yaw
        return c * dx + s * dy, c * dy - s * dx
