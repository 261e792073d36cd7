"""Boxes on a picture, drawn to the pixel: one line style for each kind of box, a name tag where it fits."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.Image import Image as Picture

__all__ = ["COLOURS", "REGION", "Colour", "Line", "Mark", "colour_of", "draw_line", "draw_marks", "font", "ink_on"]

Colour = tuple[int, int, int]

#: How a box's border is drawn: plain, difficult, crowd, ignored region, prediction.
Line = Literal["solid", "dashed", "dotted", "hatched", "corners"]

#: Okabe and Ito's palette without its black, in an order in which neighbours differ also in lightness; then the same
#: hues lighter or darker. Told apart with every common kind of colour blindness (Okabe & Ito 2008).
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (255, 214, 138),
    (178, 223, 247),
    (120, 214, 186),
    (244, 190, 220),
    (255, 166, 112),
)
REGION: Colour = (208, 208, 208)

_DARK: Colour = (16, 18, 20)
_LIGHT: Colour = (255, 255, 255)
_PAD_PX = 3

#: How wide a border is once the picture is shown, and how wide that is: a page's tile.
_SHOWN_LINE_PX, _SHOWN_PX = 2, 600
_MAX_NAME = 28

_Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """One box to draw: ``x1 y1 x2 y2`` in the drawn picture's pixels, and tag texts, the longest first.

    ``key`` is a tag that is written even where the box is smaller, because its colour alone would not tell enough.
    """

    box: tuple[float, float, float, float]
    colour: Colour
    line: Line = "solid"
    tags: tuple[str, ...] = ()
    key: str = ""


def colour_of(rank: int) -> Colour:
    """Return the colour of the category of this rank; a rank below 0 is a region of no category."""
    return COLOURS[rank % len(COLOURS)] if rank >= 0 else REGION


def ink_on(colour: Colour) -> Colour:
    """Return black or white, whichever is read more easily on ``colour`` (by its relative luminance)."""
    red, green, blue = ((part / 255) ** 2.2 for part in colour)
    return _DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else _LIGHT  # noqa: PLR2004  WCAG


@cache
def font(size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return DejaVu Sans, which matplotlib carries and which knows many scripts, or Pillow's own font."""
    found = importlib.util.find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    if found is not None and found.origin is not None:
        file = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name
        if file.is_file():
            return ImageFont.truetype(str(file), size_px)
    return ImageFont.load_default(size_px)


def draw_marks(picture: Picture, marks: Sequence[Mark]) -> None:
    """Draw ``marks`` on an RGB picture in place: large boxes first, then every tag that finds room."""
    clipped = [(mark, _rect(mark, picture)) for mark in marks]
    visible = [(mark, rect) for mark, rect in clipped if rect is not None]
    visible.sort(key=lambda item: -(item[1][2] - item[1][0]) * (item[1][3] - item[1][1]))
    for mark, rect in visible:
        if mark.line == "hatched":
            _hatch(picture, rect, mark.colour)
        draw_line(picture, rect, mark.colour, mark.line, _line_px(picture, rect))
    taken: list[_Rect] = []
    size_px = max(11, min(22, round(max(picture.size) / 60)))
    for mark, rect in visible:
        _tag(picture, mark, rect, taken, size_px)


def _line_px(picture: Picture, rect: _Rect) -> int:
    """Return the border's width: two pixels once the picture is shown some 600 wide, less around a small box.

    A small box keeps half of its side free, so that the border does not hide what it is around.
    """
    side = min(rect[2] - rect[0], rect[3] - rect[1]) + 1
    return max(1, min(math.ceil(max(picture.size) * _SHOWN_LINE_PX / _SHOWN_PX), side // 4))


def _rect(mark: Mark, picture: Picture) -> _Rect | None:
    """Return the box in whole pixels within the picture, both ends drawn; None if it is inside out or outside."""
    x1, y1, x2, y2 = mark.box
    if not (x1 <= x2 and y1 <= y2 and x1 < picture.width and y1 < picture.height and x2 > 0 and y2 > 0):
        return None  # also for NaN
    left, top = max(int(x1), 0), max(int(y1), 0)
    right, bottom = min(round(x2) - 1, picture.width - 1), min(round(y2) - 1, picture.height - 1)
    return left, top, max(right, left), max(bottom, top)


def draw_line(picture: Picture, rect: _Rect, colour: Colour, line: Line, width_px: int) -> None:
    """Draw a border inside ``rect`` (both ends included) with a casing, which shows it on any ground.

    The casing is dark, and white around a prediction, which often lies on the ground truth of its own colour.
    """
    pieces = list(_pieces(rect, line, width_px))
    casing = (*_LIGHT, 210) if line == "corners" else (*_DARK, 150)
    draw = ImageDraw.Draw(picture, "RGBA")
    for left, top, right, bottom in pieces:
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=casing)
    for piece in pieces:
        draw.rectangle(piece, fill=colour)


def _pieces(rect: _Rect, line: Line, width_px: int) -> Iterator[_Rect]:
    """Yield the rectangles that a border is made of."""
    left, top, right, bottom = rect
    w = min(width_px - 1, right - left, bottom - top)
    thick = w if line != "corners" else min(w + 1, right - left, bottom - top)
    for begin, end in _runs(left, right, line, width_px):
        yield begin, top, end, top + thick
        yield begin, bottom - thick, end, bottom
    for begin, end in _runs(top, bottom, line, width_px):
        yield left, begin, left + thick, end
        yield right - thick, begin, right, end


def _runs(start: int, stop: int, line: Line, width_px: int) -> Iterator[tuple[int, int]]:
    """Yield the drawn stretches of a side from ``start`` to ``stop``, both ends included."""
    length = stop - start + 1
    if line == "solid":
        yield start, stop
    elif line == "corners":
        arm = max(2, min(round(length * 0.3), 26))
        yield start, min(start + arm - 1, stop)
        yield max(stop - arm + 1, start), stop
    else:
        on, off = (width_px, width_px + 3) if line == "dotted" else (4 * width_px + 3, 2 * width_px + 3)
        # Dashes are stretched evenly, so that every corner is drawn.
        count = max(1, round((length - on) / (on + off)))
        step = (length - on) / count
        begins = [start + round(i * step) for i in range(count + 1)] if length > on else [start]
        for begin in begins:
            yield begin, min(begin + on - 1, stop)


def _hatch(picture: Picture, rect: _Rect, colour: Colour) -> None:
    left, top, right, bottom = rect
    width, height = right - left + 1, bottom - top + 1
    veil = Image.new("L", (width, height), 46)
    lines = ImageDraw.Draw(veil)
    for x in range(-height, width, 12):
        lines.line((x, height, x + height, 0), fill=150, width=2)
    picture.paste(Image.new("RGB", (width, height), colour), (left, top), veil)


def _tag(picture: Picture, mark: Mark, rect: _Rect, taken: list[_Rect], size_px: int) -> None:
    """Write the longest of the tags that fits on the box and on no other tag; above, or below a prediction."""
    left, top, right, bottom = rect
    face = font(size_px, bold=True)
    height = size_px + 2 * _PAD_PX - 1
    below = mark.line == "corners"
    within = bottom - top + 1 >= height
    for text in (*(mark.tags if within else ()), *((mark.key,) if mark.key else ())):
        name = " ".join(text.split())
        short = name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
        width = round(face.getlength(short)) + 2 * _PAD_PX
        if width > right - left + 1 and text != mark.key:
            continue
        inside = bottom - height + 1 if below else top
        for y in (bottom + 1 if below else top - height, *((inside,) if within else ())):
            place = (left, y, left + width - 1, y + height - 1)
            if (
                y >= 0
                and place[2] < picture.width
                and place[3] < picture.height
                and not any(_overlap(place, other) for other in taken)
            ):
                taken.append(place)
                draw = ImageDraw.Draw(picture)
                draw.rectangle(place, fill=mark.colour)
                draw.text((left + _PAD_PX, y + height / 2), short, font=face, fill=ink_on(mark.colour), anchor="lm")
                return


def _overlap(a: _Rect, b: _Rect) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]
