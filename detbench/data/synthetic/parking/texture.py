"""Texture that is fixed to the ground: noise tiles that repeat, sampled where each pixel looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.camera import Camera

__all__ = ["Surface", "make_tiles", "of_ground"]

_TILE = 256
_FINE_PX_A_M, _MIDDLE_PX_A_M, _COARSE_PX_A_M = 11.0, 2.6, 0.35

#: Slow changes are sampled at every so many pixels and enlarged.
_SPARSE = 8


@dataclass(frozen=True, slots=True)
class Surface:
    """Factors for the ground's colours, ``[H, W]`` around 1, and how much of the paint is left, 0..1."""

    asphalt: NDArray[np.float32]
    grass: NDArray[np.float32]
    wear: NDArray[np.float32]


def make_tiles(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return three noise tiles of mean 0 and deviation 1, ``[3, T, T]``: fine, middle, coarse."""
    tiles = []
    for rounds in (1, 3, 4):
        tile = rng.integers(0, 256, size=(_TILE, _TILE)).astype(np.float64)
        for _ in range(rounds):
            for axis in (0, 1):
                tile = (np.roll(tile, 1, axis) + 2 * tile + np.roll(tile, -1, axis)) / 4
        tile -= tile.mean()
        tiles.append(tile / np.sqrt((tile * tile).mean()))
    return np.stack(tiles).astype(np.float32)


def of_ground(tiles: NDArray[np.float32], camera: Camera) -> Surface:
    """Return the surface that ``camera`` sees."""
    width, height = camera.width_px, camera.height_px
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    place = camera.ground(x, y)
    fine = _sample(tiles[0], place, _FINE_PX_A_M)
    sparse = place[:, ::_SPARSE, ::_SPARSE]
    middle = _enlarge(_bilinear(tiles[1], sparse, _MIDDLE_PX_A_M), (width, height))
    coarse = _enlarge(_bilinear(tiles[2], sparse, _COARSE_PX_A_M), (width, height))
    asphalt = 1 + 0.045 * fine + 0.022 * middle + 0.04 * coarse
    grass = 1 + 0.12 * fine + 0.09 * middle + 0.10 * coarse
    wear = np.clip(0.86 + 0.14 * fine + 0.13 * middle + 0.10 * coarse, 0.15, 1.0)
    return Surface(asphalt, grass, wear)


def _sample(tile: NDArray[np.float32], place: NDArray[np.float64], px_a_m: float) -> NDArray[np.float32]:
    """Return the tile's nearest values at places ``[2, ...]``."""
    row, column = np.floor(place[1] * px_a_m).astype(np.int32), np.floor(place[0] * px_a_m).astype(np.int32)
    flat = (row & (_TILE - 1)) * _TILE + (column & (_TILE - 1))
    values: NDArray[np.float32] = tile.ravel()[flat]
    return values


def _bilinear(tile: NDArray[np.float32], place: NDArray[np.float64], px_a_m: float) -> NDArray[np.float32]:
    """Return the tile's values at places ``[2, ...]``, interpolated."""
    x, y = place[0] * px_a_m, place[1] * px_a_m
    left, top = np.floor(x), np.floor(y)
    dx, dy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    c0, r0 = left.astype(np.int64) % _TILE, top.astype(np.int64) % _TILE
    c1, r1 = (c0 + 1) % _TILE, (r0 + 1) % _TILE
    upper = tile[r0, c0] * (1 - dx) + tile[r0, c1] * dx
    lower = tile[r1, c0] * (1 - dx) + tile[r1, c1] * dx
    mixed: NDArray[np.float32] = upper * (1 - dy) + lower * dy
    return mixed


def _enlarge(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))
