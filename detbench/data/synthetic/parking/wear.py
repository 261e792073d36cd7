"""What years of use leave on asphalt: oil, tyre marks, patches, cracks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from detbench.data.synthetic.parking import shapes
from detbench.data.synthetic.parking.park import Park, chance

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_dirt", "add_oil"]


def add_oil(park: Park, rng: np.random.Generator, at: tuple[float, float]) -> None:
    """Add a stain where engines stand, to every other bay."""
    if chance(rng, 0.5):
        park.dirt.add(shapes.blob(at, 0.25 + 0.45 * float(rng.random()), rng), int(rng.integers(25, 90)))


def add_dirt(
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
            for first, second in pairwise(points):
                park.dirt.add(shapes.strip(first, second, 0.2), 62)
    if chance(rng, 0.5):
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
