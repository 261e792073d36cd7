"""A car park as a plan: blocks of bays in rows along x, with cross lanes between the blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.park import (
    ASPHALT,
    BAY_DEPTH_M,
    CROSS_LANE_M,
    EAST_M,
    GRASS,
    ISLAND_M,
    WEST_M,
    Park,
    Style,
    choose_style,
)
from detbench.data.synthetic.parking.rows import add_median, add_module
from detbench.data.synthetic.parking.surroundings import add_cross_lanes, add_surroundings

if TYPE_CHECKING:
    import numpy as np

__all__ = ["plan_park"]


def plan_park(rng: np.random.Generator) -> Park:
    """Return a new car park."""
    style = choose_style(rng)
    park = Park()
    park.ground.add(shapes.rectangle((WEST_M - 200, EAST_M + 200), (-300, 300)), *style.grass, GRASS)
    modules = int(rng.integers(3, 6))
    pitch = 2 * BAY_DEPTH_M + style.aisle_m + style.median_m
    park.depth_m = modules * pitch - style.median_m
    south = -park.depth_m / 2
    _pave(park, style, south)
    blocks = _blocks(style, rng)
    for module in range(modules):
        y = south + module * pitch
        add_module(park, style, rng, y, blocks)
        if module + 1 < modules and style.median_m > 0:
            add_median(park, style, rng, y + 2 * BAY_DEPTH_M + style.aisle_m, blocks)
    add_cross_lanes(park, blocks, south)
    add_surroundings(park, style, rng, south)
    return park


def _blocks(style: Style, rng: np.random.Generator) -> list[tuple[float, int]]:
    """Return the west end and the number of bays of each block along a row."""
    blocks, x = [], WEST_M
    while x < EAST_M - 20:
        bays = int(rng.integers(9, 16))
        blocks.append((x, bays))
        x += bays * style.bay_m + 2 * ISLAND_M + CROSS_LANE_M
    return blocks


def _pave(park: Park, style: Style, south: float) -> None:
    """Lay the pavement and the asphalt."""
    x = (WEST_M - CROSS_LANE_M, EAST_M + CROSS_LANE_M)
    park.ground.add(shapes.rectangle((x[0] - 2, x[1] + 2), (south - 2.2, -south + 2.2)), 158, 152, 144, ASPHALT)
    park.ground.add(shapes.rectangle((x[0] - 0.2, x[1] + 0.2), (south - 0.25, -south + 0.25)), *style.kerb, ASPHALT)
    park.ground.add(shapes.rectangle(x, (south, -south)), *style.asphalt, ASPHALT)
