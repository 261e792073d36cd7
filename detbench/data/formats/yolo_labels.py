"""One line of a YOLO text file: a class and four fractions of the picture, or a polygon."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detbench.data.formats.numbers import number

__all__ = ["YoloLine", "line_text", "parse_line"]

_BOX_VALUES = 5
_SMALLEST_POLYGON = 7


@dataclass(frozen=True, slots=True)
class YoloLine:
    """One line: the class's number, ``cx cy width height`` as fractions, and whether it was a polygon."""

    category: int
    fractions: tuple[float, float, float, float]
    is_polygon: bool


def parse_line(text: str, *, keypoints: bool = False) -> YoloLine:
    """Return one line's content. Raises ValueError, with a clause, if it is none."""
    words = text.split()
    values = [number(word) for word in words]
    if not keypoints and len(values) == _BOX_VALUES + 1:
        raise ValueError(
            "it has six values, the last a score: these are predictions, not ground truth; "
            "give them as predictions, or take the scores out"
        )
    is_polygon = not keypoints and len(values) >= _SMALLEST_POLYGON and len(values) % 2 == 1
    if not is_polygon and len(values) != _BOX_VALUES and not (keypoints and len(values) > _BOX_VALUES):
        raise ValueError(f"it has {len(values)} values, not class, x centre, y centre, width and height")
    if not (0 <= values[0] < 2**31 and values[0].is_integer()):
        raise ValueError(f"its class {words[0][:40]!r} is not a number from 0 up")
    x, y = values[1::2], values[2::2]
    if is_polygon and all(map(math.isfinite, values)):
        box = ((min(x) + max(x)) / 2, (min(y) + max(y)) / 2, max(x) - min(x), max(y) - min(y))
        return YoloLine(int(values[0]), box, is_polygon=True)
    return YoloLine(int(values[0]), (values[1], values[2], values[3], values[4]), is_polygon=False)


def line_text(category: int, box: tuple[float, float, float, float], width_px: int, height_px: int) -> str:
    """Return the line of a box (``x1 y1 x2 y2``, pixels); 12 digits keep it to a billionth of a pixel.

    Examples
    --------
    >>> line_text(0, (0.0, 0.0, 50.0, 20.0), 100, 40)
    '0 0.25 0.25 0.5 0.5'
    """
    x1, y1, x2, y2 = box
    fractions = ((x1 + x2) / 2 / width_px, (y1 + y2) / 2 / height_px, (x2 - x1) / width_px, (y2 - y1) / height_px)
    return " ".join([str(category), *(f"{value:.12g}" for value in fractions)])
