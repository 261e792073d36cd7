"""Turns and mirrors: a vehicle from above is as good upside down, so every example is worth eight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical.channels import SINES, TURNED_SIGN

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TURNS", "turn_corrections", "turn_grids", "turn_sizes"]

TURNS = 8


def turn_grids(grid: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Return channels ``[N, G, G, CHANNELS]`` mirrored and transposed as ``turn``'s bits say."""
    sign = np.ones(grid.shape[3], dtype=np.float32)
    if turn & 1:
        grid, sign = grid[:, :, ::-1], sign * SINES
    if turn & 2:
        grid, sign = grid[:, ::-1], sign * SINES
    if turn & 4:
        grid, sign = grid.transpose(0, 2, 1, 3), sign * TURNED_SIGN
    return grid * sign


def turn_sizes(size: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Return widths and heights ``[N, 2]`` after ``turn``."""
    return size[:, ::-1] if turn & 4 else size


def turn_corrections(correction: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Return corrections ``[N, 4]`` (shift x, shift y, log width, log height) after ``turn``."""
    sign = np.array([-1 if turn & 1 else 1, -1 if turn & 2 else 1, 1, 1], dtype=np.float32)
    turned = correction * sign
    return turned[:, [1, 0, 3, 2]] if turn & 4 else turned
