"""A piece of a picture around one mistake, with the boxes that it is about: small enough to stand in a page."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from detbench.report.drawing import COLOURS, Mark, draw_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image as Picture

    from detbench.evaluation.parts.worst import Box
    from detbench.report.drawing import Colour, Line

__all__ = ["MAX_BYTES", "Crop", "Drawn", "crop", "window_around"]

#: No crop is longer, as JPEG.
MAX_BYTES = 24_000

#: How large a crop is drawn at most, and how much a small one is enlarged: beyond that there is nothing more to see.
_FIT_PX = (320, 240)
_MAX_ENLARGED = 3.0

#: What is shown around the boxes: twice their extent, and never less than so much.
_CONTEXT = 2.0
_MIN_SIDE_PX = 96

#: A corner farther away than this is not seen, wherever it is.
_FAR_PX = 1e7

#: Tried in turn until the crop is short enough; then at half the size.
_QUALITIES = (82, 70, 55, 40, 25)

#: Colours that every kind of colour blindness tells apart, and besides another line and a tag: as ``detbench show``.
_LOOKS: dict[str, tuple[Colour, Line]] = {"truth": (COLOURS[1], "solid"), "found": (COLOURS[0], "corners")}


class Drawn(NamedTuple):
    """A box to draw, ``x1 y1 x2 y2`` in the picture's pixels, what it is (``truth`` or ``found``) and its tag."""

    box: Box
    what: str
    tag: str


class Crop(NamedTuple):
    """A crop as a JPEG ``data:`` URI, and its size in pixels."""

    uri: str
    width_px: int
    height_px: int


def crop(picture: Picture, boxes: Sequence[Drawn]) -> Crop:
    """Return the piece of an RGB ``picture`` around ``boxes``, with them on it; the same bytes for the same pixels."""
    window = window_around([each.box for each in boxes], picture.size)
    width, height = window[2] - window[0], window[3] - window[1]
    scale = min(_FIT_PX[0] / width, _FIT_PX[1] / height, _MAX_ENLARGED)
    data = b""
    while not data:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # A large window is cut and made smaller in one step: no copy of it in full size.
        piece = picture.resize(size, Image.Resampling.LANCZOS, box=window, reducing_gap=2.0)
        draw_marks(piece, [_mark(each, window, size) for each in boxes])
        data = _short_enough(piece)
        scale /= 2
    return Crop(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", *size)


def window_around(boxes: Sequence[Box], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the window, in whole pixels within a picture of ``size``, that shows ``boxes`` and what is around them.

    It is moved inwards at the picture's edge; of boxes outside the picture it shows the edge that is nearest.

    Examples
    --------
    >>> window_around([(100, 100, 200, 150)], (640, 480))
    (50, 75, 250, 175)
    >>> window_around([(0, 0, 4, 4)], (640, 480)), window_around([(700, 900, 800, 950)], (640, 480))
    ((0, 0, 96, 96), (544, 384, 640, 480))
    """
    spans = []
    for axis, length in enumerate(size):
        ends = [min(max(each, 0.0), float(length)) for box in boxes for each in (box[axis], box[axis + 2])]
        low, high = (min(ends), max(ends)) if ends else (0.0, float(length))
        side = min(length, max(_MIN_SIDE_PX, math.ceil(_CONTEXT * (high - low))))
        start = min(max(0, math.floor((low + high - side) / 2)), length - side)
        spans.append((start, start + side))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def _mark(each: Drawn, window: tuple[int, int, int, int], size: tuple[int, int]) -> Mark:
    """Return a box in the crop's pixels."""
    across, down = size[0] / (window[2] - window[0]), size[1] / (window[3] - window[1])
    x1, y1, x2, y2 = (min(max(corner, -_FAR_PX), _FAR_PX) for corner in each.box)
    left, top = window[:2]
    colour, line = _LOOKS[each.what]
    box = ((x1 - left) * across, (y1 - top) * down, (x2 - left) * across, (y2 - top) * down)
    return Mark(box, colour, line, key=each.tag)


def _short_enough(picture: Picture) -> bytes:
    """Return a picture as JPEG in the best quality that is short enough, or nothing where none is."""
    for quality in _QUALITIES:
        target = io.BytesIO()
        picture.save(target, format="JPEG", quality=quality, subsampling=0, optimize=True)
        if target.tell() <= MAX_BYTES:
            return target.getvalue()
    return b""
