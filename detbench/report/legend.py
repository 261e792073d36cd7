"""What a drawn picture shows: in words, and as the swatches that explain its colours and lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ImageDraw

from detbench.report.drawing import draw_line, font
from detbench.words import brief, counted

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from detbench.report.drawing import Colour, Line
    from detbench.report.selection import Selection

__all__ = ["LINE_NAMES", "caption", "counts_of", "draw_legend", "facts", "legend_height_px"]

#: What each line style means.
LINE_NAMES: dict[Line, str] = {
    "solid": "ground truth",
    "dashed": "difficult",
    "dotted": "crowd",
    "hatched": "ignored",
    "corners": "prediction",
}

_NAMES_IN_CAPTION = 5
_MOST_ENTRIES = 32
_NAME_CHARACTERS = 32
_ROW_PX = 30
_SWATCH_PX = (26, 18)
_TEXT_PX = 15
_NEUTRAL: Colour = (120, 126, 132)


def facts(selection: Selection) -> str:
    """Return what the selection is, in a sentence without its full stop."""
    boxes = sum(len(selection.truth_rows(row)) for row in selection.rows)
    images = counted(len(selection.dataset.images), "image")
    text = f"{len(selection.rows):,} of {images}, {selection.how}" if selection.how else f"all {images}"
    text += f"; {counted(boxes, 'box', 'boxes')}"
    if selection.predictions is not None:
        predicted = sum(len(selection.prediction_rows(row)) for row in selection.rows)
        text += f", {counted(predicted, 'prediction')} with a score of {selection.min_score:g} or more"
    return text


def caption(selection: Selection, row: int) -> str:
    """Return what is on a picture in words: ``"12 boxes: 10 car, 2 bus; 14 predictions"``."""
    tally = selection.tally(row)
    boxes = sum(tally.values())
    text = counted(boxes, "box", "boxes") if boxes else "no boxes"
    if tally:
        named = [f"{count:,} {name}" for name, count in tally.most_common(_NAMES_IN_CAPTION)]
        rest = len(tally) - len(named)
        text += f": {', '.join(named)}" + (f" and {counted(rest, 'more category', 'more categories')}" if rest else "")
    if selection.predictions is not None:
        text += f"; {counted(len(selection.prediction_rows(row)), 'prediction')}"
    return text


def counts_of(boxes: int, predicted: int | None) -> str:
    """Return a category's count for the legend, of its predictions too where some were given.

    >>> counts_of(1200, None), counts_of(12, 14)
    ('1,200', '12 (14 predicted)')
    """
    return f"{boxes:,}" if predicted is None else f"{boxes:,} ({predicted:,} predicted)"


@dataclass(frozen=True, slots=True)
class _Entry:
    x: int
    y: int
    text: str
    colour: Colour
    line: Line | None


def legend_height_px(selection: Selection, width_px: int) -> int:
    """Return how high the legend will be at this width."""
    return max((entry.y for entry in _entries(selection, width_px)), default=-_ROW_PX) + _ROW_PX


def draw_legend(picture: Picture, selection: Selection, left_px: int, top_px: int, width_px: int, ink: Colour) -> None:
    """Draw a swatch for every category and every line style on the shown images, in rows of ``width_px``."""
    draw = ImageDraw.Draw(picture)
    for entry in _entries(selection, width_px):
        x, y = left_px + entry.x, top_px + entry.y + 4
        rect = (x, y, x + _SWATCH_PX[0] - 1, y + _SWATCH_PX[1] - 1)
        if entry.line is None:
            draw.rectangle(rect, fill=entry.colour)
        else:
            draw_line(picture, rect, entry.colour, entry.line, 2)
        where = (x + _SWATCH_PX[0] + 8, y + _SWATCH_PX[1] / 2)
        draw.text(where, entry.text, font=font(_TEXT_PX), fill=ink, anchor="lm")


def _entries(selection: Selection, width_px: int) -> list[_Entry]:
    colours, keys, predicted = selection.colours(), selection.keys(), selection.predicted()
    categories = list(selection.shown_categories())
    wanted: list[tuple[str, Colour, Line | None]] = []
    for category, count in categories[:_MOST_ENTRIES]:
        key = keys[category] and f"{keys[category]}: "
        counts = counts_of(count, predicted[category] if selection.predictions is not None else None)
        name = brief(selection.name_of(category), _NAME_CHARACTERS)
        wanted.append((f"{key}{name} {counts}", colours[category], None))
    if len(categories) > _MOST_ENTRIES:
        rest = counted(len(categories) - _MOST_ENTRIES, "more category", "more categories")
        wanted.append((f"and {rest}", _NEUTRAL, None))
    wanted.extend((f"{LINE_NAMES[line]} {count:,}", _NEUTRAL, line) for line, count in selection.lines().items())
    entries: list[_Entry] = []
    x = y = 0
    for text, colour, line in wanted:
        width = _SWATCH_PX[0] + 8 + round(font(_TEXT_PX).getlength(text)) + 26
        if x and x + width > width_px:
            x, y = 0, y + _ROW_PX
        entries.append(_Entry(x, y, text, colour, line))
        x += width
    return entries
