"""A contact sheet: many small pictures with their boxes on one, with captions and a legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from detbench.report.canvas import canvas_of
from detbench.report.drawing import draw_marks, font
from detbench.report.legend import caption, draw_legend, facts, legend_height_px

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.Image import Image as Picture

    from detbench.report.drawing import Colour
    from detbench.report.selection import Selection

__all__ = ["contact_sheet"]

_PAPER: Colour = (251, 250, 247)
_MOUNT: Colour = (236, 234, 228)
_INK: Colour = (27, 29, 31)
_SOFT: Colour = (92, 97, 102)

_MARGIN_PX = 40
_GAP_PX = 24
_HEAD_PX = 92
_CAPTION_PX = 52
_CELL_PX = (440, 330)
_SMALL_CELL_PX = (260, 195)
#: More pictures than this get smaller cells.
_FEW = 30


def contact_sheet(selection: Selection, *, advance: Callable[[int], None] = lambda _n: None) -> Picture:
    """Return the sheet, RGB, every line as high as its highest picture; ``advance`` is told of each one drawn."""
    cell = _CELL_PX if len(selection.rows) <= _FEW else _SMALL_CELL_PX
    columns = max(1, min(len(selection.rows), max(2, round(math.sqrt(1.2 * len(selection.rows))))))
    pictures = list(_drawn(selection, cell, advance))
    lines = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in line) for line in lines]
    inner = max(columns * (cell[0] + _GAP_PX) - _GAP_PX, 2 * _CELL_PX[0])
    legend_top = _MARGIN_PX + _HEAD_PX + sum(heights) + len(lines) * (_CAPTION_PX + _GAP_PX)
    height = legend_top + legend_height_px(selection, inner) + _MARGIN_PX
    sheet = Image.new("RGB", (inner + 2 * _MARGIN_PX, height), _PAPER)
    _head(sheet, selection, inner)
    top = _MARGIN_PX + _HEAD_PX
    for line_number, (line, line_height) in enumerate(zip(lines, heights, strict=True)):
        for column, picture in enumerate(line):
            left = _MARGIN_PX + column * (cell[0] + _GAP_PX)
            _mount(sheet, picture, (left, top), (cell[0], line_height))
            row = selection.rows[line_number * columns + column]
            _caption(sheet, selection, row, (left, top + line_height + 8), cell[0])
        top += line_height + _CAPTION_PX + _GAP_PX
    draw_legend(sheet, selection, _MARGIN_PX, legend_top, inner, _INK)
    return sheet


def _drawn(selection: Selection, cell: tuple[int, int], advance: Callable[[int], None]) -> Iterator[Picture]:
    colours, keys = selection.colours(), selection.keys()
    for row in selection.rows:
        canvas = canvas_of(selection.dataset, row, cell)
        draw_marks(canvas.picture, selection.marks(row, canvas.scale, colours, keys))
        yield canvas.picture
        advance(1)


def _head(sheet: Picture, selection: Selection, width_px: int) -> None:
    draw = ImageDraw.Draw(sheet)
    dataset = selection.dataset
    title = f"{dataset.name}, {dataset.split}" if dataset.split else dataset.name
    draw.text((_MARGIN_PX, _MARGIN_PX), _cut(title, 28, width_px, bold=True), font=font(28, bold=True), fill=_INK)
    draw.text((_MARGIN_PX, _MARGIN_PX + 44), _cut(facts(selection), 16, width_px), font=font(16), fill=_SOFT)


def _mount(sheet: Picture, picture: Picture, corner: tuple[int, int], cell: tuple[int, int]) -> None:
    """Put a picture in the middle of its cell."""
    left, top = corner
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left, top, left + cell[0] - 1, top + cell[1] - 1), fill=_MOUNT)
    sheet.paste(picture, (left + (cell[0] - picture.width) // 2, top + (cell[1] - picture.height) // 2))


def _caption(sheet: Picture, selection: Selection, row: int, corner: tuple[int, int], width_px: int) -> None:
    images = selection.dataset.images
    name = (images.file_name[row] or str(images.key[row])).rsplit("/", 1)[-1]
    draw = ImageDraw.Draw(sheet)
    draw.text(corner, _cut(name, 14, width_px, bold=True), font=font(14, bold=True), fill=_INK)
    text = _cut(caption(selection, row), 13, width_px)
    draw.text((corner[0], corner[1] + 20), text, font=font(13), fill=_SOFT)


def _cut(text: str, size_px: int, width_px: int, *, bold: bool = False) -> str:
    """Return as much of ``text`` as fits, on one line, with an ellipsis if it is not all."""
    plain = " ".join(text.split())[:400]
    face = font(size_px, bold=bold)
    if face.getlength(plain) <= width_px:
        return plain
    while plain and face.getlength(plain + "…") > width_px:
        plain = plain[:-1]
    return plain + "…"
