"""What is to be done with one picture: a window of it, its size on the canvas, mirrored or not, its colours.

A plan is made of whole numbers, from the picture's size and the settings alone, before the picture is read; every
reader carries out the same plan, and the boxes are moved by the same whole numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.recipes.settings import InputSettings

__all__ = ["WORDS", "Plan", "plan_for_testing", "plan_for_training"]

#: How many random words a plan for training takes.
WORDS = 8

#: A JPEG can be decoded at these parts of its size, for less than decoding it whole and making it smaller.
_REDUCTIONS = (8, 4, 2)

#: What the eye sees of red, green and blue as light (ITU-R BT.601).
_LIGHT = np.array([0.299, 0.587, 0.114])
_MIDDLE, _WHITE = 127.5, 255.0


class Plan(NamedTuple):
    """What is to be done with one picture.

    ``x, y, width, height`` – the window of the stored picture, pixels. ``size`` – height and width that the window gets
    on the canvas. ``reduction`` – 1, 2, 4 or 8: a JPEG is decoded at this part of its size first.
    ``flip_x, flip_y`` – mirrored left to right, top to bottom. ``colour`` – float32 ``[3, 4]``: what red, green and
    blue are made of, and what is added; None leaves them.
    """

    x: int
    y: int
    width: int
    height: int
    size: tuple[int, int]
    reduction: int = 1
    flip_x: bool = False
    flip_y: bool = False
    colour: NDArray[np.float32] | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """What a pixel of the stored picture is long on the canvas: horizontally, vertically."""
        return self.size[1] / self.width, self.size[0] / self.height


def plan_for_testing(width_px: int, height_px: int, settings: InputSettings) -> Plan:
    """Return the plan of a picture that is scaled to fit on the test canvas, whole and as it is."""
    canvas = settings.test_canvas_px
    scale = min(_base_scale(width_px, height_px, settings), canvas[0] / height_px, canvas[1] / width_px)
    height = min(_scaled(height_px, scale), canvas[0])
    width = min(_scaled(width_px, scale), canvas[1])
    return Plan(0, 0, width_px, height_px, (height, width), _reduction(width_px / width, height_px / height))


def plan_for_training(width_px: int, height_px: int, settings: InputSettings, uniform: NDArray[np.float64]) -> Plan:
    """Return the plan of a picture with the random numbers ``uniform``, float64 ``[WORDS]`` in [0, 1).

    Every number has its own use, drawn or not, so that a setting that is changed leaves the other numbers as they are.
    """
    flip_x, flip_y, scaling, across, down, *colour = uniform.tolist()
    low, high = settings.scale
    scale = _base_scale(width_px, height_px, settings) * low * (high / low) ** scaling
    x, width, canvas_width = _window(width_px, settings.train_canvas_px[1], scale, across)
    y, height, canvas_height = _window(height_px, settings.train_canvas_px[0], scale, down)
    reduction = _reduction(width / canvas_width, height / canvas_height)
    size = canvas_height, canvas_width
    mirrored = flip_x < settings.flip, flip_y < settings.flip_vertical
    return Plan(x, y, width, height, size, reduction, *mirrored, _colour(settings, *colour))


def _base_scale(width_px: int, height_px: int, settings: InputSettings) -> float:
    """Return the scale before any random one: by the lengths of the sides, or to fill the test canvas."""
    if settings.short_side_px is None:
        scale = min(settings.test_canvas_px[0] / height_px, settings.test_canvas_px[1] / width_px)
    else:
        scale = settings.short_side_px / min(width_px, height_px)
        if settings.long_side_px is not None:
            scale = min(scale, settings.long_side_px / max(width_px, height_px))
    return scale if settings.enlarge else min(scale, 1.0)


def _scaled(side_px: int, scale: float) -> int:
    return max(round(side_px * scale), 1)


def _window(side_px: int, canvas_px: int, scale: float, where: float) -> tuple[int, int, int]:
    """Return (start, length, length on the canvas) along one axis: all of it, or a random part where it is too long."""
    scaled = _scaled(side_px, scale)
    if scaled <= canvas_px:
        return 0, side_px, scaled
    length = min(max(round(canvas_px / scale), 1), side_px)
    return math.floor(where * (side_px - length + 1)), length, canvas_px


def _reduction(across: float, down: float) -> int:
    """Return the largest part of its size that a JPEG can be decoded at without being smaller than it is to be."""
    return next((part for part in _REDUCTIONS if part <= min(across, down)), 1)


def _colour(settings: InputSettings, bright: float, strong: float, full: float) -> NDArray[np.float32] | None:
    """Return the matrix of saturation about a pixel's own light, then contrast about the middle, then brightness."""
    if not (settings.brightness or settings.contrast or settings.saturation):
        return None
    brightness = settings.brightness * (2 * bright - 1)
    contrast = 1 + settings.contrast * (2 * strong - 1)
    saturation = 1 + settings.saturation * (2 * full - 1)
    mixing = contrast * (saturation * np.eye(3) + (1 - saturation) * _LIGHT)
    added = _MIDDLE * (1 - contrast) + _WHITE * brightness
    return np.column_stack([mixing, np.full(3, added)]).astype(np.float32)
