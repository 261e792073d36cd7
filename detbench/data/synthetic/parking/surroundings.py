"""What lies around the rows: lanes across, the road, trees and roofs beside the park."""

from __future__ import annotations


from typing import TYPE_CHECKING

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.park import ASPHALT, CLOSED_FROM_M, CROSS_LANE_M, EAST_M, WEST_M, Lane, Park, Style, chance
from detbench.data.synthetic.parking.planting import grow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_cross_lanes", "add_surroundings"]


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
                    park.paint.add(shapes.rectangle((left, left + 0.5), (side, side + 3.2)), 236, 236, 230, 225)


def add_surroundings(park: Park, style: Style, rng: np.random.Generator, south: float) -> None:
    """Add a road with trees on one side, and a building or trees on the other."""
    side = 1 if chance(rng, 0.5) else -1
    near = -south + 7.0
    road = sorted((side * near, side * (near + 7.4)))
    x = (WEST_M - 200, EAST_M + 200)
    park.ground.add(shapes.rectangle(x, (road[0] - 0.3, road[1] + 0.3)), *style.kerb, ASPHALT)
    park.ground.add(shapes.rectangle(x, (road[0], road[1])), *style.road, ASPHALT)
    middle = sum(road) / 2
    for dash in range(60):
        at = WEST_M + dash * 6.0
        park.paint.add(shapes.rectangle((at, at + 3.0), (middle - 0.07, middle + 0.07)), 236, 236, 230, 215)
    for edge in (road[0] + 0.25, road[1] - 0.25):
        park.paint.add(shapes.rectangle(x, (edge - 0.06, edge + 0.06)), 236, 236, 230, 190)
    for offset, direction in ((-1.8, 1), (1.8, -1)):
        park.lanes.append(Lane((WEST_M, middle + offset), (CLOSED_FROM_M, middle + offset), direction))
    at = WEST_M
    while at < EAST_M:
        radius = 2.0 + 1.6 * float(rng.random())
        park.trees.append(grow(rng, (at, side * (near - 2.6)), radius, style.leaf))
        at += 7.0 + 6.0 * float(rng.random())
    at = WEST_M
    while at < EAST_M:
        width = 24.0 + 26.0 * float(rng.random())
        if chance(rng, 0.6):
            span = sorted((-side * (-south + 7.0), -side * (-south + 26.0)))
            park.roofs.append(((at, at + width), (span[0], span[1]), 4.0 + 3.0 * float(rng.random())))
        else:
            for _ in range(5):
                spot = (at + width * float(rng.random()), -side * (-south + 6.0 + 14.0 * float(rng.random())))
                park.trees.append(grow(rng, spot, 1.8 + 2.2 * float(rng.random()), style.leaf))
        at += width + 6.0
