"""What lies around the rows: lanes across, the road, trees and roofs beside the park."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.park import (
    ASPHALT,
    CLOSED_FROM_M,
    CROSS_LANE_M,
    EAST_M,
    WEST_M,
    Lane,
    Park,
    Style,
    chance,
)
from detbench.data.synthetic.parking.planting import grow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_cross_lanes", "add_surroundings"]

_WHITE = (236, 236, 230)

#: Between the park and the road or the buildings, and the road's width.
_VERGE_M, _ROAD_M = 7.0, 7.4


def add_cross_lanes(park: Park, blocks: list[tuple[float, int]], south: float) -> None:
    """Add the lanes between blocks, with a zebra crossing at every second one."""
    for row, (x, _) in enumerate(blocks[1:]):
        middle = x - CROSS_LANE_M / 2
        if middle < CLOSED_FROM_M:
            park.lanes.append(Lane((middle - 1.6, south), (middle - 1.6, -south), 1))
            park.lanes.append(Lane((middle + 1.6, south), (middle + 1.6, -south), -1))
        if row % 2 == 0:
            for side in (south + 1.0, -south - 4.2):
                for stripe in range(7):
                    left = x - CROSS_LANE_M + 0.25 + stripe * 0.95
                    park.paint.add(shapes.rectangle((left, left + 0.5), (side, side + 3.2)), *_WHITE, 225)


def add_surroundings(park: Park, style: Style, rng: np.random.Generator, south: float) -> None:
    """Add a road with trees on one side, buildings and trees on the other."""
    side = 1 if chance(rng, 0.5) else -1
    near = -south + _VERGE_M
    _add_road(park, style, sorted((side * near, side * (near + _ROAD_M))))
    at = WEST_M
    while at < EAST_M:
        radius = 2.0 + 1.6 * float(rng.random())
        park.trees.append(grow(rng, (at, side * (near - 2.6)), radius, style.leaf))
        at += 7.0 + 6.0 * float(rng.random())
    _add_neighbours(park, style, rng, near, -side)


def _add_road(park: Park, style: Style, y: list[float]) -> None:
    """Add a road along x between two values of y: kerbs, lines, two lanes."""
    x = (WEST_M - 200, EAST_M + 200)
    park.ground.add(shapes.rectangle(x, (y[0] - 0.3, y[1] + 0.3)), *style.kerb, ASPHALT)
    park.ground.add(shapes.rectangle(x, (y[0], y[1])), *style.road, ASPHALT)
    middle = (y[0] + y[1]) / 2
    for dash in range(60):
        at = WEST_M + dash * 6.0
        park.paint.add(shapes.rectangle((at, at + 3.0), (middle - 0.07, middle + 0.07)), *_WHITE, 215)
    for edge in (y[0] + 0.25, y[1] - 0.25):
        park.paint.add(shapes.rectangle(x, (edge - 0.06, edge + 0.06)), *_WHITE, 190)
    for offset, direction in ((-1.8, 1), (1.8, -1)):
        park.lanes.append(Lane((WEST_M, middle + offset), (CLOSED_FROM_M, middle + offset), direction))


def _add_neighbours(park: Park, style: Style, rng: np.random.Generator, near: float, side: int) -> None:
    """Add buildings, and trees between them, from ``near`` metres on, to the side of y that ``side`` says."""
    at = WEST_M
    while at < EAST_M:
        width = 24.0 + 26.0 * float(rng.random())
        if chance(rng, 0.6):
            span = sorted((side * near, side * (near + 19.0)))
            park.roofs.append(((at, at + width), (span[0], span[1]), 4.0 + 3.0 * float(rng.random())))
        else:
            for _ in range(5):
                spot = (at + width * float(rng.random()), side * (near - 1.0 + 14.0 * float(rng.random())))
                park.trees.append(grow(rng, spot, 1.8 + 2.2 * float(rng.random()), style.leaf))
        at += width + 6.0
