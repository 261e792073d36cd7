"""A car park as a plan: rows of bays, lanes, islands, trees, lamps, the road and the roof beside it.

Rows run along x. A block of bays ends in planted islands; cross lanes separate the blocks. East of
``CLOSED_FROM_M`` the park is closed: no vehicle stands or drives there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.camera import rotation
from detbench.data.synthetic.parking.shapes import Shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLOSED_FROM_M", "Lane", "Park", "Tree", "plan_park"]

CLOSED_FROM_M = 95.0
_WEST_M, _EAST_M = -125.0, 230.0
_BAY_DEPTH_M, _CROSS_LANE_M = 5.1, 6.8
_LINE_M = 0.13

#: Kinds of ground, for the texture that goes over them.
ASPHALT, GRASS = 0, 255


@dataclass(frozen=True, slots=True)
class Lane:
    """A straight line that vehicles drive along, towards +x or +y if ``direction`` is 1."""

    start_m: tuple[float, float]
    end_m: tuple[float, float]
    direction: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree: leaf clumps ``[K, 4]`` (x, y, z, radius in metres), each with its shade 0..1, and the leaf's colour."""

    clumps: NDArray[np.float64]
    shade: NDArray[np.float64]
    colour: tuple[int, int, int]


@dataclass(slots=True)
class Park:
    """Everything that stands still.

    ``ground`` has values (red, green, blue, kind of ground); ``paint`` (red, green, blue, opacity); ``dirt``
    (darkness); ``bays`` are ``x y cos sin`` of a parked vehicle's middle and heading; ``lamps`` ``x y``.
    """

    ground: Shapes = field(default_factory=Shapes)
    paint: Shapes = field(default_factory=Shapes)
    dirt: Shapes = field(default_factory=Shapes)
    bays: list[tuple[float, float, float, float]] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    lamps: list[tuple[float, float]] = field(default_factory=list)
    roofs: list[tuple[tuple[float, float], tuple[float, float], float]] = field(default_factory=list)
    depth_m: float = 0.0


@dataclass(frozen=True, slots=True)
class _Style:
    """One park's choices."""

    asphalt: tuple[int, int, int]
    road: tuple[int, int, int]
    kerb: tuple[int, int, int]
    grass: tuple[int, int, int]
    line: tuple[int, int, int]
    leaf: tuple[int, int, int]
    slant: float
    bay_m: float
    aisle_m: float
    median_m: float
    planting: float


def plan_park(rng: np.random.Generator) -> Park:
    """Return a new car park."""
    style = _choose_style(rng)
    park = Park()
    park.ground.add(shapes.rectangle((_WEST_M - 200, _EAST_M + 200), (-300, 300)), *style.grass, GRASS)
    modules = int(rng.integers(3, 6))
    pitch = 2 * _BAY_DEPTH_M + style.aisle_m + style.median_m
    park.depth_m = modules * pitch - style.median_m
    south = -park.depth_m / 2
    _pave(park, style, south)
    blocks = _blocks(style, rng)
    for module in range(modules):
        y = south + module * pitch
        _add_module(park, style, rng, y, blocks)
        if module + 1 < modules and style.median_m > 0:
            _add_median(park, style, rng, y + 2 * _BAY_DEPTH_M + style.aisle_m, blocks)
    _add_cross_lanes(park, blocks, south)
    _add_surroundings(park, style, rng, south)
    return park


def _choose_style(rng: np.random.Generator) -> _Style:
    grey = int(rng.integers(78, 138))
    warm = int(rng.integers(-3, 7))
    grass = ((92, 112, 62), (104, 118, 66), (124, 120, 78), (78, 104, 58))[int(rng.integers(4))]
    leaf = ((62, 92, 44), (74, 100, 46), (54, 82, 50), (92, 104, 48))[int(rng.integers(4))]
    slant = float(rng.choice([0.36, 0.58])) if rng.random() < 0.35 else 0.0
    dark = max(grey - int(rng.integers(10, 26)), 62)
    return _Style(
        asphalt=(grey + warm, grey + warm // 2, grey - warm // 2),
        road=(dark, dark, dark + 2),
        kerb=(172, 168, 160),
        grass=grass,
        line=(232, 230, 222) if rng.random() < 0.8 else (226, 190, 84),
        leaf=leaf,
        slant=slant,
        bay_m=2.55 * float(np.sqrt(1 + slant * slant)),
        aisle_m=5.2 if slant else 6.4,
        median_m=float(rng.choice([0.0, 2.2, 3.0])),
        planting=float(rng.choice([0.25, 0.5, 0.85])),
    )


def _blocks(style: _Style, rng: np.random.Generator) -> list[tuple[float, int]]:
    """Return the west end and the number of bays of each block along a row."""
    blocks, x = [], _WEST_M
    while x < _EAST_M - 20:
        bays = int(rng.integers(9, 16))
        blocks.append((x, bays))
        x += bays * style.bay_m + 2 * 2.2 + _CROSS_LANE_M
    return blocks


def _pave(park: Park, style: _Style, south: float) -> None:
    """Lay the pavement and the asphalt."""
    x = (_WEST_M - _CROSS_LANE_M, _EAST_M + _CROSS_LANE_M)
    park.ground.add(shapes.rectangle((x[0] - 2, x[1] + 2), (south - 2.2, -south + 2.2)), 158, 152, 144, ASPHALT)
    park.ground.add(shapes.rectangle((x[0] - 0.2, x[1] + 0.2), (south - 0.25, -south + 0.25)), *style.kerb, ASPHALT)
    park.ground.add(shapes.rectangle(x, (south, -south)), *style.asphalt, ASPHALT)


def _add_module(park: Park, style: _Style, rng: np.random.Generator, y: float, blocks: list[tuple[float, int]]) -> None:
    """Add two rows of bays that face one aisle."""
    aisle = (y + _BAY_DEPTH_M, y + _BAY_DEPTH_M + style.aisle_m)
    one_way = style.slant > 0
    middle = (aisle[0] + aisle[1]) / 2
    offsets = ((0.0, 1),) if one_way else ((-1.5, 1), (1.5, -1))
    for offset, direction in offsets:
        park.lanes.append(Lane((_WEST_M, middle + offset), (CLOSED_FROM_M, middle + offset), direction))
    for x, bays in blocks:
        span = bays * style.bay_m
        _add_row(park, style, rng, (x + 2.2, bays), (y, aisle[0]), facing=-1)
        _add_row(park, style, rng, (x + 2.2, bays), (aisle[1] + _BAY_DEPTH_M, aisle[1]), facing=1)
        for row in ((y + 0.3, aisle[0] - 0.2), (aisle[1] + 0.2, aisle[1] + _BAY_DEPTH_M - 0.3)):
            for island in ((x, x + 2.0), (x + 2.4 + span, x + 4.4 + span)):
                _add_island(park, style, rng, island, row)
        for offset, direction in offsets:
            for part in (0.2, 0.8):
                for outline in shapes.arrow((x + span * part, middle + offset), (float(direction), 0.0)):
                    park.paint.add(outline, *style.line, 205)
        _add_dirt(park, rng, (x, x + span), (y, aisle[1] + _BAY_DEPTH_M), middle)


def _add_row(
    park: Park,
    style: _Style,
    rng: np.random.Generator,
    start: tuple[float, int],
    ends: tuple[float, float],
    facing: int,
) -> None:
    """Add one row of bays: lines, special bays, and where vehicles stand. ``ends`` is y at the back and the aisle."""
    x, bays = start
    lean = style.slant * _BAY_DEPTH_M
    back, front = ends
    room = bays - int(lean / style.bay_m) - (1 if lean else 0)
    heading_y = 1.0 if back > front else -1.0
    cos, sin = rotation(float(np.arctan2(heading_y, -style.slant)))
    special = int(rng.integers(-3, room - 1)) if rng.random() < 0.3 else -9
    for bay in range(room + 1):
        at = x + bay * style.bay_m
        park.paint.add(shapes.strip((at + lean, front), (at, back), _LINE_M), *style.line, 225)
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
        if rng.random() < 0.5:
            spot = (middle[0] + 0.6 * cos, middle[1] + 0.6 * sin)
            park.dirt.add(shapes.blob(spot, 0.25 + 0.45 * float(rng.random()), rng), int(rng.integers(25, 90)))
    if facing < 0 or style.median_m > 0:
        park.paint.add(shapes.strip((x, back), (x + room * style.bay_m, back), _LINE_M), *style.line, 225)


def _hatch(park: Park, outline: shapes.Outline) -> None:
    """Paint a bay where nobody may park."""
    (x0, y0), (x1, _), (x2, y2), (x3, _) = outline
    for step in range(1, 7):
        low, high = step / 7, min(step / 7 + 0.16, 1.0)
        left = (x0 + (x3 - x0) * low, y0 + (y2 - y0) * low)
        right = (x1 + (x2 - x1) * high, y0 + (y2 - y0) * high)
        park.paint.add(shapes.strip(left, right, 0.16), 226, 190, 84, 215)


def _add_island(
    park: Park, style: _Style, rng: np.random.Generator, x: tuple[float, float], y: tuple[float, float]
) -> None:
    """Add a planted island at the end of a row, perhaps with a tree or a lamp."""
    low, high = min(y), max(y)
    park.ground.add(shapes.capsule(x, (low, high), 0.9), *style.kerb, ASPHALT)
    park.ground.add(shapes.capsule((x[0] + 0.18, x[1] - 0.18), (low + 0.18, high - 0.18), 0.75), *style.grass, GRASS)
    middle = ((x[0] + x[1]) / 2, (low + high) / 2)
    draw = rng.random()
    if draw < style.planting * 0.75:
        park.trees.append(_grow(rng, middle, 1.5 + 1.5 * float(rng.random()), style.leaf))
    elif draw < style.planting:
        for step in (-1.3, 0.0, 1.3):
            park.trees.append(_grow(rng, (middle[0], middle[1] + step), 0.62, style.leaf, bush=True))
    elif draw > 0.93:
        park.lamps.append(middle)


def _add_median(park: Park, style: _Style, rng: np.random.Generator, y: float, blocks: list[tuple[float, int]]) -> None:
    """Add the planted strips between two rows that stand back to back."""
    for x, bays in blocks:
        end = x + bays * style.bay_m + 4.4
        span = (y + 0.15, y + style.median_m - 0.15)
        park.ground.add(shapes.capsule((x, end), span, 0.9), *style.kerb, ASPHALT)
        inner = (span[0] + 0.18, span[1] - 0.18)
        park.ground.add(shapes.capsule((x + 0.18, end - 0.18), inner, 0.75), *style.grass, GRASS)
        at = x + 4.0
        while at < end - 3:
            if rng.random() < style.planting:
                middle = (at, y + style.median_m / 2)
                park.trees.append(_grow(rng, middle, 1.6 + 1.7 * float(rng.random()), style.leaf))
            at += 6.0 + 3.0 * float(rng.random())
        park.lamps.append(((x + end) / 2, y + style.median_m / 2))


def _add_cross_lanes(park: Park, blocks: list[tuple[float, int]], south: float) -> None:
    """Add the lanes between blocks, with a zebra crossing at every second one."""
    for row, (x, _) in enumerate(blocks[1:]):
        middle = x - _CROSS_LANE_M / 2
        if middle < CLOSED_FROM_M:
            park.lanes.append(Lane((middle - 1.6, south), (middle - 1.6, -south), 1))
            park.lanes.append(Lane((middle + 1.6, south), (middle + 1.6, -south), -1))
        if row % 2 == 0:
            for side in (south + 1.0, -south - 4.2):
                for stripe in range(7):
                    left = x - _CROSS_LANE_M + 0.25 + stripe * 0.95
                    park.paint.add(shapes.rectangle((left, left + 0.5), (side, side + 3.2)), 236, 236, 230, 225)


def _add_surroundings(park: Park, style: _Style, rng: np.random.Generator, south: float) -> None:
    """Add a road with trees on one side, and a building or trees on the other."""
    side = 1 if rng.random() < 0.5 else -1
    near = -south + 7.0
    road = sorted((side * near, side * (near + 7.4)))
    x = (_WEST_M - 200, _EAST_M + 200)
    park.ground.add(shapes.rectangle(x, (road[0] - 0.3, road[1] + 0.3)), *style.kerb, ASPHALT)
    park.ground.add(shapes.rectangle(x, (road[0], road[1])), *style.road, ASPHALT)
    middle = sum(road) / 2
    for dash in range(60):
        at = _WEST_M + dash * 6.0
        park.paint.add(shapes.rectangle((at, at + 3.0), (middle - 0.07, middle + 0.07)), 236, 236, 230, 215)
    for edge in (road[0] + 0.25, road[1] - 0.25):
        park.paint.add(shapes.rectangle(x, (edge - 0.06, edge + 0.06)), 236, 236, 230, 190)
    for offset, direction in ((-1.8, 1), (1.8, -1)):
        park.lanes.append(Lane((_WEST_M, middle + offset), (CLOSED_FROM_M, middle + offset), direction))
    at = _WEST_M
    while at < _EAST_M:
        radius = 2.0 + 1.6 * float(rng.random())
        park.trees.append(_grow(rng, (at, side * (near - 2.6)), radius, style.leaf))
        at += 7.0 + 6.0 * float(rng.random())
    at = _WEST_M
    while at < _EAST_M:
        width = 24.0 + 26.0 * float(rng.random())
        if rng.random() < 0.6:
            span = sorted((-side * (-south + 7.0), -side * (-south + 26.0)))
            park.roofs.append(((at, at + width), (span[0], span[1]), 4.0 + 3.0 * float(rng.random())))
        else:
            for _ in range(5):
                spot = (at + width * float(rng.random()), -side * (-south + 6.0 + 14.0 * float(rng.random())))
                park.trees.append(_grow(rng, spot, 1.8 + 2.2 * float(rng.random()), style.leaf))
        at += width + 6.0


def _add_dirt(
    park: Park, rng: np.random.Generator, x: tuple[float, float], y: tuple[float, float], middle: float
) -> None:
    """Add tyre marks, patches of newer asphalt and cracks to a block."""
    for offset in (-2.3, -0.7, 0.7, 2.3):
        park.dirt.add(shapes.strip((x[0], middle + offset), (x[1], middle + offset), 0.45), int(rng.integers(8, 26)))
    for _ in range(int(rng.integers(1, 4))):
        at = x[0] + (x[1] - x[0]) * float(rng.random())
        bend = float(rng.choice([-1.0, 1.0]))
        for track in (0.0, 1.5):
            points = [
                (at + step * 0.9 + track * 0.2, middle - 2 + track + bend * 0.11 * step * step) for step in range(7)
            ]
            for first, second in zip(points, points[1:], strict=False):
                park.dirt.add(shapes.strip(first, second, 0.2), 62)
    if rng.random() < 0.5:
        at = x[0] + (x[1] - x[0]) * float(rng.random())
        size = (2.0 + 4.0 * float(rng.random()), 1.5 + 3.0 * float(rng.random()))
        low = y[0] + (y[1] - y[0] - size[1]) * float(rng.random())
        park.dirt.add(shapes.rectangle((at, at + size[0]), (low, low + size[1])), int(rng.integers(18, 60)))
    for _ in range(3):
        spot = (x[0] + (x[1] - x[0]) * float(rng.random()), y[0] + (y[1] - y[0]) * float(rng.random()))
        for _ in range(6):
            step = (spot[0] + 1.4 * float(rng.random()) - 0.3, spot[1] + 1.2 * float(rng.random()) - 0.6)
            park.dirt.add(shapes.strip(spot, step, 0.06), 110)
            spot = step


def _grow(
    rng: np.random.Generator,
    at: tuple[float, float],
    radius: float,
    leaf: tuple[int, int, int],
    *,
    bush: bool = False,
) -> Tree:
    """Return a tree or a bush: clumps of leaves inside a flattened ball, low ones first."""
    count = 14 if bush else int(22 + 16 * radius)
    direction = rng.random((count, 3)) * 2 - 1
    norm = np.sqrt((direction**2).sum(axis=1, keepdims=True))
    inside = direction / np.maximum(norm, 0.2) * np.sqrt(rng.random((count, 1)))
    middle = 0.4 if bush else 2.0 + radius * 0.9
    place = np.array([*at, middle]) + inside * np.array([radius * 0.82, radius * 0.82, radius * (0.5 if bush else 0.7)])
    place[:, 2] = np.maximum(place[:, 2], 0.2)
    size = radius * (0.2 + 0.2 * rng.random((count, 1)))
    clumps = np.concatenate([place, size], axis=1)
    order = np.argsort(clumps[:, 2], kind="stable")
    tint = rng.integers(-12, 13, size=3)
    colour = tuple(int(c) for c in np.clip(np.array(leaf) + tint, 20, 160))
    shade = (inside[:, 2] * 0.35 + 0.5 + 0.3 * (rng.random(count) - 0.5))[order]
    return Tree(clumps[order], shade, (colour[0], colour[1], colour[2]))
