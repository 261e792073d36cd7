"""The second look: each candidate is scored, named and corrected from a picture of its own.

The channels under a candidate are resampled to a fixed grid, reduced by principal components and given to a kernel
machine: random Fourier features (Rahimi & Recht, 2007) with ridge regressions of score, category and correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical.channels import CELL_PX, CHANNELS
from detbench.detectors.classical.symmetry import TURNS, turn_corrections, turn_grids, turn_sizes
from detbench.detectors.classical.templates import ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NEAR", "Examples", "Refiner", "apply_correction", "correction_between", "crop", "fit_refiner"]

#: The grid that a candidate is resampled to, and how much wider than the candidate it is.
_GRID, _CONTEXT = 12, 1.35
_COMPONENTS, _WAVES = 160, 1600
_STRENGTH = 1e-4

#: The kernel's width, as a share of the median distance.
_WIDTH = 1.8

#: A candidate teaches category and correction if it overlaps the truth by this much.
NEAR = 0.35


@dataclass(frozen=True, slots=True)
class Refiner:
    """The fitted second look; ``P`` principal components, ``F`` waves, ``C`` categories.

    ``mean [D]`` and ``basis [D, P]`` project a crop; ``wave [P, F]`` and ``phase [F]`` make features; ``score_*``
    ``[1 + C, F]``, ``[1 + C]`` give objectness and one value a category, ``shift_*`` ``[4, F]``, ``[4]`` the
    correction.
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    wave: NDArray[np.float32]
    phase: NDArray[np.float32]
    score_weight: NDArray[np.float32]
    score_offset: NDArray[np.float32]
    shift_weight: NDArray[np.float32]
    shift_offset: NDArray[np.float32]

    def look(self, crops: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores ``[N, 1 + C]`` and corrections ``[N, 4]`` for crops ``[N, D]``."""
        features = _features(np.matmul(crops - self.mean, self.basis, dtype=np.float32), self.wave, self.phase)
        return features @ self.score_weight.T + self.score_offset, features @ self.shift_weight.T + self.shift_offset


def crop(cells: NDArray[np.float32], box: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """Return the channels under ``[N, 4]`` boxes and the boxes' shapes, ``[N, G · G · CHANNELS + 2]``."""
    centre, size = (box[:, :2] + box[:, 2:]) / 2, np.maximum(box[:, 2:] - box[:, :2], 1.0)
    steps = ((np.arange(_GRID) + 0.5) / _GRID - 0.5) * _CONTEXT
    x, y = ((centre[:, i, None] + steps * size[:, i, None]) * scale / CELL_PX - 0.5 for i in (0, 1))
    rows, columns = cells.shape[:2]
    (row0, row1, dy), (column0, column1, dx) = _neighbours(y, rows), _neighbours(x, columns)
    upper = _mix(cells[row0[:, :, None], column0[:, None]], cells[row0[:, :, None], column1[:, None]], dx[:, None])
    lower = _mix(cells[row1[:, :, None], column0[:, None]], cells[row1[:, :, None], column1[:, None]], dx[:, None])
    grid = _mix(upper, lower, dy[:, :, None]).reshape(len(box), _GRID * _GRID * CHANNELS)
    shape = np.log(size * scale / 40).astype(np.float32) * 6
    return np.concatenate([grid, shape], axis=1)


def _neighbours(
    place: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    low = np.floor(place)
    first = np.clip(low.astype(np.int64), 0, count - 1)
    second = np.clip(low.astype(np.int64) + 1, 0, count - 1)
    return first, second, (place - low).astype(np.float32)


def _mix(one: NDArray[np.float32], other: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return one + (other - one) * share[..., None]


def _features(
    points: NDArray[np.float32], wave: NDArray[np.float32], phase: NDArray[np.float32]
) -> NDArray[np.float32]:
    features: NDArray[np.float32] = np.cos(points @ wave + phase)
    return features


@dataclass(frozen=True, slots=True)
class Examples:
    """What a refiner learns from: crops ``[N, D]``, their IoU with the truth ``[N]``, category ``[N]``, correction."""

    crop: NDArray[np.float32]
    overlap: NDArray[np.float32]
    category: NDArray[np.int64]
    correction: NDArray[np.float32]

    def turned(self, turn: NDArray[np.int64]) -> Examples:
        """Return the examples, each mirrored and transposed as its ``turn`` (``[N]``, 0 to 7) says."""
        crop, correction = self.crop.copy(), self.correction.copy()
        for way in range(1, TURNS):
            rows = np.flatnonzero(turn == way)
            grid = self.crop[rows, :-2].reshape(len(rows), _GRID, _GRID, CHANNELS)
            crop[rows, :-2] = turn_grids(grid, way).reshape(len(rows), -1)
            crop[rows, -2:] = turn_sizes(self.crop[rows, -2:], way)
            correction[rows] = turn_corrections(self.correction[rows], way)
        return Examples(crop, self.overlap, self.category, correction)


def fit_refiner(examples: Examples, category_count: int, rng: np.random.Generator) -> Refiner:
    """Fit the second look."""
    examples = examples.turned(rng.integers(0, TURNS, size=len(examples.crop)))
    mean = examples.crop.mean(axis=0)
    basis, reduced = _principal(examples.crop - mean)
    sample = reduced[rng.permutation(len(reduced))[:500]]
    distance = np.sqrt(((sample[:250, None] - sample[None, -250:]) ** 2).sum(axis=2))
    width = _WIDTH * float(np.median(distance))
    wave = (rng.standard_normal((reduced.shape[1], _WAVES)) / width).astype(np.float32)
    phase = (2 * np.pi * rng.random(_WAVES)).astype(np.float32)
    features = _features(reduced, wave, phase)
    objectness = np.clip((examples.overlap - 0.3) / 0.5, 0, 1)[:, None]
    score = ridge(features, objectness, np.ones(len(features), dtype=np.float32), _STRENGTH)
    near = examples.overlap >= NEAR
    features, category = features[near], examples.category[near]
    named = (np.arange(category_count) == category[:, None]).astype(np.float32)
    taught = np.concatenate([named, examples.correction[near]], axis=1)
    slopes, offsets = ridge(features, taught, np.ones(len(features), dtype=np.float32), 2 * _STRENGTH)
    return Refiner(
        mean,
        basis,
        wave,
        phase,
        np.concatenate([score[0], slopes[:category_count]]),
        np.concatenate([score[1], offsets[:category_count]]),
        slopes[category_count:],
        offsets[category_count:],
    )


def _principal(centred: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the leading principal components ``[D, P]``, softly whitened, and the points in them ``[N, P]``."""
    some = centred[:: max(len(centred) // 4000, 1)]
    covariance = (some.T @ some) / len(some)
    value, vector = np.linalg.eigh(covariance)
    kept = min(_COMPONENTS, len(value))
    value, vector = value[::-1][:kept], vector[:, ::-1][:, :kept]
    basis = vector / np.sqrt(np.sqrt(np.maximum(value, 1e-9)))
    return basis, centred @ basis


def correction_between(box: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what takes ``box`` to ``truth``, ``[N, 4]``: shifts over the size, logarithms of the sizes' ratios."""
    size, wanted = np.maximum(box[:, 2:] - box[:, :2], 1.0), np.maximum(truth[:, 2:] - truth[:, :2], 1.0)
    shift = (truth[:, :2] + truth[:, 2:] - box[:, :2] - box[:, 2:]) / 2 / size
    return np.concatenate([shift, np.log(wanted / size)], axis=1).astype(np.float32)


def apply_correction(box: NDArray[np.float64], correction: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return boxes ``[N, 4]`` corrected, by no more than a factor of 2 in size."""
    size = np.maximum(box[:, 2:] - box[:, :2], 1.0)
    centre = (box[:, :2] + box[:, 2:]) / 2 + np.clip(correction[:, :2], -1, 1) * size
    half = size * np.exp(np.clip(correction[:, 2:].astype(np.float64), -0.7, 0.7)) / 2
    return np.concatenate([centre - half, centre + half], axis=1)
