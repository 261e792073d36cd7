"""Outlines on the ground, in metres: what a car park is painted with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.camera import rotation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Shapes", "arrow", "blob", "capsule", "rectangle", "strip"]

Outline = list[tuple[float, float]]

#: Bounds of x and of y, in metres.
Window = tuple[tuple[float, float], tuple[float, float]]

_LONG_M = 20.0


@dataclass(slots=True)
class Shapes:
    """Many outlines with a value each (a colour, an opacity), all in one array for the camera."""

    outlines: list[Outline] = field(default_factory=list)
    values: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, outline: Outline, *value: int) -> None:
        """Add one outline."""
        self.outlines.append(outline)
        self.values.append(value)

    def corners(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return all corners ``[N, 3]`` with height 0, and int64 ``[S + 1]`` offsets.

        Long outlines are cut to ``window``: they may reach behind the camera, where nothing can be projected.
        """
        cut = [_clipped(outline, window) if _is_long(outline) else outline for outline in self.outlines]
        offsets = np.cumsum([0, *(len(outline) for outline in cut)])
        flat = np.array([corner for outline in cut for corner in outline], dtype=np.float64).reshape(-1, 2)
        return np.concatenate([flat, np.zeros((len(flat), 1))], axis=1), offsets


def _is_long(outline: Outline) -> bool:
    return abs(outline[0][0] - outline[2][0]) + abs(outline[0][1] - outline[2][1]) > _LONG_M


def _clipped(outline: Outline, window: Window) -> Outline:
    """Return the part of a convex outline inside ``window`` (Sutherland–Hodgman), or one corner of it if none is."""
    kept = outline
    for axis in (0, 1):
        for limit, sign in ((window[axis][0], 1.0), (window[axis][1], -1.0)):
            inside: Outline = []
            for first, second in zip(kept, kept[1:] + kept[:1], strict=True):
                a, b = sign * (first[axis] - limit), sign * (second[axis] - limit)
                if a >= 0:
                    inside.append(first)
                if (a >= 0) != (b >= 0):
                    part = a / (a - b)
                    inside.append((first[0] + part * (second[0] - first[0]), first[1] + part * (second[1] - first[1])))
            kept = inside
    return kept or [(window[0][0], window[1][0])]


def rectangle(x: tuple[float, float], y: tuple[float, float]) -> Outline:
    """Return an upright rectangle."""
    return [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]


def strip(start: tuple[float, float], end: tuple[float, float], width: float) -> Outline:
    """Return a straight line of some width."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.sqrt(dx * dx + dy * dy)) or 1.0
    nx, ny = -dy / length * width / 2, dx / length * width / 2
    return [
        (start[0] + nx, start[1] + ny),
        (end[0] + nx, end[1] + ny),
        (end[0] - nx, end[1] - ny),
        (start[0] - nx, start[1] - ny),
    ]


def capsule(x: tuple[float, float], y: tuple[float, float], radius: float) -> Outline:
    """Return an upright rectangle with rounded corners."""
    outline = []
    for cx, cy, first in (
        (x[1] - radius, y[1] - radius, 0),
        (x[0] + radius, y[1] - radius, 4),
        (x[0] + radius, y[0] + radius, 8),
        (x[1] - radius, y[0] + radius, 12),
    ):
        for step in range(5):
            cos, sin = rotation((first + step) * np.pi / 8)
            outline.append((cx + radius * cos, cy + radius * sin))
    return outline


def blob(centre: tuple[float, float], radius: float, rng: np.random.Generator) -> Outline:
    """Return an uneven round patch."""
    reach = radius * (0.6 + 0.6 * rng.random(11))
    turns = [rotation(step * 2 * np.pi / 11) for step in range(11)]
    return [(centre[0] + r * cos, centre[1] + r * sin) for r, (cos, sin) in zip(reach.tolist(), turns, strict=True)]


def arrow(tip: tuple[float, float], heading: tuple[float, float]) -> list[Outline]:
    """Return a lane arrow, 3.4 m long: its shaft and its head."""
    c, s = heading

    def at(ahead: float, left: float) -> tuple[float, float]:
        return tip[0] + c * ahead - s * left, tip[1] + s * ahead + c * left

    shaft = [at(-3.4, 0.09), at(-1.2, 0.09), at(-1.2, -0.09), at(-3.4, -0.09)]
    return [shaft, [at(-1.3, 0.42), at(0.0, 0.0), at(-1.3, -0.42)]]
