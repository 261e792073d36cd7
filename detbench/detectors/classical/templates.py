"""The first look: one linear template for each typical box size, slid over the whole picture.

A template is trained by ridge regression, in closed form, on windows around boxes against windows beside them: the
whitened gradient histograms of Hariharan et al., "Discriminative Decorrelation" (2012), over all channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical.channels import CELL_PX, CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WINDOW", "Templates", "centred_windows", "choose_sizes", "respond", "ridge", "scales_of"]

#: A template's window, in cells to each side.
WINDOW = 12

#: A box's longer side fills this many pixels of the window at the scale that it is looked for at.
_FILLED_PX = 42.0

#: Scales are rounded to half octaves, and pictures are never enlarged more than this.
_STEPS_AN_OCTAVE, _LARGEST_SCALE = 2, 2.0


@dataclass(frozen=True, slots=True)
class Templates:
    """Sizes ``[K, 2]`` (width, height; pixels), scales ``[K]``, weights ``[K, W · W · CHANNELS]``, offsets."""

    size_px: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float32]
    offset: NDArray[np.float32]


def choose_sizes(size_px: NDArray[np.float64], weight: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return ``count`` typical sizes of boxes ``[N, 2]`` with weights ``[N]``.

    K-means on the sizes' logarithms, started on quantiles of the shape.
    """
    points = np.log(np.maximum(size_px, 1.0))
    count = min(count, len(np.unique(points, axis=0)))
    order = np.argsort(points[:, 0] - points[:, 1] + 0.01 * points.sum(axis=1), kind="stable")
    centres = points[order[(np.arange(count) * len(order) + len(order) // 2) // count]]
    for _ in range(25):
        nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        filled = [row for row in range(count) if (nearest == row).any()]
        centres[filled] = [np.average(points[nearest == row], axis=0, weights=weight[nearest == row]) for row in filled]
    return np.exp(centres)


def scales_of(size_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scale at which each of ``[K, 2]`` sizes is looked for."""
    steps = np.round(np.log2(_FILLED_PX / size_px.max(axis=1)) * _STEPS_AN_OCTAVE) / _STEPS_AN_OCTAVE
    scale: NDArray[np.float64] = np.minimum(2.0**steps, _LARGEST_SCALE)
    return scale


def centred_windows(cells: NDArray[np.float32], centre_px: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """Return the windows around ``[N, 2]`` points of the picture, ``[N, W · W · CHANNELS]``, zeros outside."""
    padded = _padded(cells)
    column, row = np.round(centre_px * scale / CELL_PX).astype(np.int64).T
    row, column = np.clip(row, 0, cells.shape[0]), np.clip(column, 0, cells.shape[1])
    steps = np.arange(WINDOW)
    window: NDArray[np.float32] = padded[row[:, None, None] + steps[:, None], column[:, None, None] + steps]
    return window.reshape(len(row), WINDOW * WINDOW * CHANNELS)


def respond(cells: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the response of ``[K, W · W · CHANNELS]`` weights around every cell corner, ``[R + 1, C + 1, K]``."""
    padded = _padded(cells)
    rows, columns = cells.shape[0] + 1, cells.shape[1] + 1
    along = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1).transpose(0, 1, 3, 2)
    flat = np.ascontiguousarray(along).reshape(padded.shape[0], columns, WINDOW * CHANNELS)
    kernel = weight.reshape(len(weight), WINDOW, WINDOW * CHANNELS)
    total = np.zeros((rows * columns, len(weight)), dtype=np.float32)
    for step in range(WINDOW):
        total += flat[step : step + rows].reshape(rows * columns, -1) @ kernel[:, step].T
    return total.reshape(rows, columns, len(weight))


def ridge(
    features: NDArray[np.float32], targets: NDArray[np.float32], weights: NDArray[np.float32], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weighted ridge regression of ``[N, T]`` targets on ``[N, D]`` features: ``[T, D]`` and ``[T]``.

    ``strength`` is the penalty as a share of the features' mean variance.
    """
    share = (weights / weights.sum())[:, None]
    mean, target_mean = (features * share).sum(axis=0), (targets * share).sum(axis=0)
    root = np.sqrt(share)
    centred, wanted = (features - mean) * root, (targets - target_mean) * root
    covariance = centred.T @ centred
    covariance[np.diag_indices_from(covariance)] += strength * float(np.trace(covariance)) / len(covariance) + 1e-9
    solution = np.linalg.solve(covariance, centred.T @ wanted)
    slopes = np.ascontiguousarray(solution.T)
    return slopes, (target_mean - slopes @ mean).astype(np.float32)


def _padded(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    half = WINDOW // 2
    return np.pad(cells, ((half, half), (half, half), (0, 0)))
