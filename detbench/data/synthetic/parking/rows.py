"""Rows of bays along an aisle, with what is painted and planted between them."""

from __future__ import annotations

import numpy as np

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.camera import rotation
from detbench.data.synthetic.parking.park import (
    ASPHALT,
    BAY_DEPTH_M,
    CLOSED_FROM_M,
    GRASS,
    LINE_M,
    WEST_M,
    Lane,
    Park,
    Style,
    chance,
)
from detbench.data.synthetic.parking.planting import grow
from detbench.data.synthetic.parking.wear import add_dirt, add_oil

__all__ = ["add_median", "add_module"]


def add_module(park: Park, style: Style, rng: np.random.Generator, y: float, blocks: list[tuple[float, int]]) -> None:
    """Add two rows of bays that face one aisle."""
    aisle = (y + BAY_DEPTH_M, y + BAY_DEPTH_M + style.aisle_m)
    one_way = style.slant > 0
    middle = (aisle[0] + aisle[1]) / 2
    offsets = ((0.0, 1),) if one_way else ((-1.5, 1), (1.5, -1))
    for offset, direction in offsets:
        park.lanes.append(Lane((WEST_M, middle + offset), (CLOSED_FROM_M, middle + offset), direction))
    for x, bays in blocks:
        span = bays * style.bay_m
        _add_row(park, style, rng, (x + 2.2, bays), (y, aisle[0]), facing=-1)
        _add_row(park, style, rng, (x + 2.2, bays), (aisle[1] + BAY_DEPTH_M, aisle[1]), facing=1)
        for row in ((y + 0.3, aisle[0] - 0.2), (aisle[1] + 0.2, aisle[1] + BAY_DEPTH_M - 0.3)):
            for island in ((x, x + 2.0), (x + 2.4 + span, x + 4.4 + span)):
                _add_island(park, style, rng, island, row)
        for offset, direction in offsets:
            for part in (0.2, 0.8):
                for outline in shapes.arrow((x + span * part, middle + offset), (float(direction), 0.0)):
                    park.paint.add(outline, *style.line, 205)
        add_dirt(park, rng, (x, x + span), (y, aisle[1] + BAY_DEPTH_M), middle)


def _add_row(
    park: Park,
    style: Style,
    rng: np.random.Generator,
    start: tuple[float, int],
    ends: tuple[float, float],
    facing: int,
) -> None:
    """Add one row of bays: lines, special bays, and where vehicles stand. ``ends`` is y at the back and the aisle."""
    x, bays = start
    lean = style.slant * BAY_DEPTH_M
    back, front = ends
    room = bays - int(lean / style.bay_m) - (1 if lean else 0)
    heading_y = 1.0 if back > front else -1.0
    cos, sin = rotation(float(np.arctan2(heading_y, -style.slant)))
    special = int(rng.integers(-3, room - 1)) if chance(rng, 0.3) else -9
    for bay in range(room + 1):
        at = x + bay * style.bay_m
        park.paint.add(shapes.strip((at + lean, front), (at, back), LINE_M), *style.line, 225)
        if bay == room:
            break
        outline = [(at, back), (at + style.bay_m, back), (at + style.bay_m + lean, front), (at + lean, front)]
        if bay in (special, special + 1):
            park.paint.add(outline, 46, 92, 168, 150)
        elif bay == special + 2:
            _hatch(park, outline)
            continue
        middle = (at + (style.bay_m + lean) / 2, (back + front) / 2)
        park.bays.append((*middle, cos, sin))
        add_oil(park, rng, (middle[0] + 0.6 * cos, middle[1] + 0.6 * sin))
    if facing < 0 or style.median_m > 0:
        park.paint.add(shapes.strip((x, back), (x + room * style.bay_m, back), LINE_M), *style.line, 225)


def _hatch(park: Park, outline: shapes.Outline) -> None:
    """Paint a bay where nobody may park."""
    (x0, y0), (x1, _), (x2, y2), (x3, _) = outline
    for step in range(1, 7):
        low, high = step / 7, min(step / 7 + 0.16, 1.0)
        left = (x0 + (x3 - x0) * low, y0 + (y2 - y0) * low)
        right = (x1 + (x2 - x1) * high, y0 + (y2 - y0) * high)
        park.paint.add(shapes.strip(left, right, 0.16), 226, 190, 84, 215)


def _add_island(
    park: Park, style: Style, rng: np.random.Generator, x: tuple[float, float], y: tuple[float, float]
) -> None:
    """Add a planted island at the end of a row, perhaps with a tree or a lamp."""
    low, high = min(y), max(y)
    park.ground.add(shapes.capsule(x, (low, high), 0.9), *style.kerb, ASPHALT)
    park.ground.add(shapes.capsule((x[0] + 0.18, x[1] - 0.18), (low + 0.18, high - 0.18), 0.75), *style.grass, GRASS)
    middle = ((x[0] + x[1]) / 2, (low + high) / 2)
    if chance(rng, style.planting * 0.75):
        park.trees.append(grow(rng, middle, 1.5 + 1.5 * float(rng.random()), style.leaf))
    elif chance(rng, style.planting * 0.4):
        for step in (-1.3, 0.0, 1.3):
            park.trees.append(grow(rng, (middle[0], middle[1] + step), 0.62, style.leaf, bush=True))
    elif chance(rng, 0.12):
        park.lamps.append(middle)


def add_median(park: Park, style: Style, rng: np.random.Generator, y: float, blocks: list[tuple[float, int]]) -> None:
    """Add the planted strips between two rows that stand back to back."""
    for x, bays in blocks:
        end = x + bays * style.bay_m + 4.4
        span = (y + 0.15, y + style.median_m - 0.15)
        park.ground.add(shapes.capsule((x, end), span, 0.9), *style.kerb, ASPHALT)
        inner = (span[0] + 0.18, span[1] - 0.18)
        park.ground.add(shapes.capsule((x + 0.18, end - 0.18), inner, 0.75), *style.grass, GRASS)
        at = x + 4.0
        while at < end - 3:
            if chance(rng, style.planting):
                middle = (at, y + style.median_m / 2)
                park.trees.append(grow(rng, middle, 1.6 + 1.7 * float(rng.random()), style.leaf))
            at += 6.0 + 3.0 * float(rng.random())
        park.lamps.append(((x + end) / 2, y + style.median_m / 2))
