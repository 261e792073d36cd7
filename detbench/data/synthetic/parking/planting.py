"""Trees and bushes: clumps of leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tree", "grow"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree: leaf clumps ``[K, 4]`` (x, y, z, radius in metres), each with its shade 0..1, and the leaf's colour."""

    clumps: NDArray[np.float64]
    shade: NDArray[np.float64]
    colour: tuple[int, int, int]


def grow(
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
