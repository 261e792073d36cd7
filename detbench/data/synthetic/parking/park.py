"""What a car park is: its parts, and the choices that make one differ from another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.shapes import Shapes

if TYPE_CHECKING:
    from detbench.data.synthetic.parking.planting import Tree

__all__ = [
    "ASPHALT",
    "BAY_DEPTH_M",
    "CLOSED_FROM_M",
    "CROSS_LANE_M",
    "EAST_M",
    "GRASS",
    "ISLAND_M",
    "LINE_M",
    "WEST_M",
    "Lane",
    "Park",
    "Style",
    "chance",
    "choose_style",
]

#: The park's ends, and where its closed part begins: no vehicle stands or drives east of that.
WEST_M, CLOSED_FROM_M, EAST_M = -125.0, 95.0, 230.0
BAY_DEPTH_M, CROSS_LANE_M, ISLAND_M, LINE_M = 5.1, 6.8, 2.2, 0.13

#: Kinds of ground, for the texture that goes over them: how much of it is grass, 0 to 255.
ASPHALT, GRASS = 0, 255


def chance(rng: np.random.Generator, share: float) -> bool:
    """Return True in ``share`` of all cases."""
    return bool(rng.random() < share)


@dataclass(frozen=True, slots=True)
class Lane:
    """A straight line that vehicles drive along, towards +x or +y if ``direction`` is 1."""

    start_m: tuple[float, float]
    end_m: tuple[float, float]
    direction: int


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
class Style:
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


def choose_style(rng: np.random.Generator) -> Style:
    """Return the choices for a new park."""
    grey = int(rng.integers(78, 138))
    warm = int(rng.integers(-3, 7))
    grass = ((92, 112, 62), (104, 118, 66), (124, 120, 78), (78, 104, 58))[int(rng.integers(4))]
    leaf = ((62, 92, 44), (74, 100, 46), (54, 82, 50), (92, 104, 48))[int(rng.integers(4))]
    slant = float(rng.choice([0.36, 0.58])) if chance(rng, 0.35) else 0.0
    dark = max(grey - int(rng.integers(10, 26)), 62)
    return Style(
        asphalt=(grey + warm, grey + warm // 2, grey - warm // 2),
        road=(dark, dark, dark + 2),
        kerb=(172, 168, 160),
        grass=grass,
        line=(232, 230, 222) if chance(rng, 0.8) else (226, 190, 84),
        leaf=leaf,
        slant=slant,
        bay_m=2.55 * float(np.sqrt(1 + slant * slant)),
        aisle_m=5.2 if slant else 6.4,
        median_m=float(rng.choice([0.0, 2.2, 3.0])),
        planting=float(rng.choice([0.25, 0.5, 0.85])),
    )
