"""Fitting the classical detector on a dataset: sizes, templates, then the second look on what the first one finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical import channels
from detbench.detectors.classical.detector import ClassicalDetector, cell_maps, crops_of, propose
from detbench.detectors.classical.refine import (
    NEAR,
    Examples,
    Refiner,
    apply_correction,
    correction_between,
    fit_refiner,
)
from detbench.detectors.classical.symmetry import turn_grids
from detbench.detectors.classical.templates import WINDOW, Templates, centred_windows, choose_sizes, ridge, scales_of
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset

__all__ = ["fit", "steps_of"]

_TEMPLATES = 9
_STRENGTH = 0.05
_NEGATIVES_AN_IMAGE, _MOST_WINDOWS = 40, 2500

#: A box teaches a template if it would overlap the template's own by this IoU in the same place; a window is a
#: negative if it overlaps every box by less than that.
_ALIKE, _APART = 0.55, 0.3

#: How many proposals near a box, and away from all, a second look learns from.
_NEAR_EXAMPLES, _FAR_EXAMPLES = 9000, 7000

#: How many second looks follow each other, each on the boxes that the one before has corrected.
_LOOKS = 2

#: More images than this do not make a better detector of this kind, only a slower fit.
MOST_IMAGES = 100

#: By image row: boxes and categories; channels by scale; boxes and scales.
Truths = dict[int, tuple["NDArray[np.float64]", "NDArray[np.int32]"]]
Maps = dict[int, dict[float, "NDArray[np.float32]"]]
Proposals = dict[int, tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


def fit(dataset: Dataset, *, seed: int = 0, advance: Callable[[int], None] = lambda _n: None) -> ClassicalDetector:
    """Return a detector fitted on ``dataset``; ``advance`` counts :func:`steps_of` steps.

    Raises
    ------
    DataError
        If the dataset has no boxes to learn from, or a picture does not decode.
    """
    rng = np.random.default_rng(seed)
    rows = _choose_images(dataset, rng)
    truth = {row: _truth_of(dataset, row) for row in rows}
    boxes = np.concatenate([box for box, _ in truth.values()]) if truth else np.zeros((0, 4))
    if not len(boxes):
        raise DataError("has no boxes to learn from", file=dataset.source, remedy="fit on another split")
    category = np.concatenate([own for _, own in truth.values()])
    rarity = 1 / np.sqrt(np.bincount(category))[category]
    size_px = choose_sizes(boxes[:, 2:] - boxes[:, :2], rarity, _TEMPLATES)
    blank = Templates(size_px, scales_of(size_px), np.zeros((0, 0), np.float32), np.zeros(0, np.float32))
    pictures = {row: channels.decode(dataset.pictures.read(row), where=dataset.pictures.where(row)) for row in rows}
    maps = {}
    for row in rows:
        maps[row] = cell_maps(pictures[row], blank)
        advance(1)
    templates = _fit_templates(blank, maps, truth, rng)
    proposals = {row: propose(maps[row], templates) for row in rows}
    refiners: list[Refiner] = []
    for _ in range(_LOOKS):
        refiner = _fit_refiner(maps, proposals, truth, len(dataset.categories), rng)
        refiners.append(refiner)
        for row in rows:
            box, scale = proposals[row]
            _, shift = refiner.look(crops_of(maps[row], box, scale))
            proposals[row] = apply_correction(box, shift), scale
            advance(1)
    return ClassicalDetector(dataset.categories.name, templates, tuple(refiners))


def steps_of(dataset: Dataset) -> int:
    """Return how many steps :func:`fit` will report for ``dataset``."""
    return (1 + _LOOKS) * min(len(dataset.images), MOST_IMAGES)


def _choose_images(dataset: Dataset, rng: np.random.Generator) -> list[int]:
    """Return the rows of the images to fit on, in order."""
    rows = np.arange(len(dataset.images))
    return sorted(rng.permutation(rows)[:MOST_IMAGES].tolist())


def _truth_of(dataset: Dataset, row: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return an image's boxes that have an area and a category, and their categories."""
    table = dataset.ground_truth
    own = (table.image == row) & (table.category >= 0) & ~table.crowd & ~table.ignore
    own &= (table.box[:, 2:] - table.box[:, :2] > 1).all(axis=1)
    return table.box[own], table.category[own]


def _fit_templates(blank: Templates, maps: Maps, truth: Truths, rng: np.random.Generator) -> Templates:
    """Return the templates with their weights."""
    weights, offsets = [], []
    for size, scale in zip(blank.size_px, blank.scale.tolist(), strict=True):
        parts = [_windows_of(maps[row][scale], box, size, scale, rng) for row, (box, _) in truth.items()]
        yes = _with_mirrors(np.concatenate([positive for positive, _ in parts]))
        no = np.concatenate([negative for _, negative in parts])
        yes = yes[rng.permutation(len(yes))[:_MOST_WINDOWS]]
        targets = np.repeat(np.array([[1], [0]], dtype=np.float32), [len(yes), len(no)], axis=0)
        balance = np.repeat(np.array([1 / max(len(yes), 1), 1 / max(len(no), 1)], np.float32), [len(yes), len(no)])
        weight, offset = ridge(np.concatenate([yes, no]), targets, balance, _STRENGTH)
        weights.append(weight[0])
        offsets.append(offset[0])
    return Templates(blank.size_px, blank.scale, np.stack(weights), np.array(offsets, dtype=np.float32))


def _windows_of(
    cells: NDArray[np.float32],
    box: NDArray[np.float64],
    size: NDArray[np.float64],
    scale: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return an image's windows around boxes of about ``size``, and windows where no box of that size is."""
    extent = box[:, 2:] - box[:, :2]
    common = np.minimum(extent, size).prod(axis=1)
    alike = common / (extent.prod(axis=1) + size.prod() - common) > _ALIKE
    limit = np.array([cells.shape[1], cells.shape[0]]) * channels.CELL_PX / scale
    spot = rng.random((_NEGATIVES_AN_IMAGE, 2)) * limit
    here = np.concatenate([spot - size / 2, spot + size / 2], axis=1)
    apart = overlaps(here, box).max(axis=1, initial=0) < _APART
    centre = (box[alike, :2] + box[alike, 2:]) / 2
    return centred_windows(cells, centre, scale), centred_windows(cells, spot[apart], scale)


def _with_mirrors(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the windows and their three mirror images."""
    grid = windows.reshape(len(windows), WINDOW, WINDOW, channels.CHANNELS)
    return np.concatenate([turn_grids(grid, turn).reshape(windows.shape) for turn in range(4)])


def _fit_refiner(
    maps: Maps, proposals: Proposals, truth: Truths, category_count: int, rng: np.random.Generator
) -> Refiner:
    """Return a second look fitted on proposals and what they should have been.

    Of the proposals near a box and of those that are not, so many are drawn, rare categories more often, that the
    time to fit does not depend on the dataset's size.
    """
    told = {row: _compared(box, *truth[row]) for row, (box, _) in proposals.items()}
    overlap, category, correction = (np.concatenate([told[row][i] for row in proposals]) for i in range(3))
    near, far = np.flatnonzero(overlap >= NEAR), np.flatnonzero(overlap < NEAR)
    if not len(near):
        raise DataError("has no boxes that the templates find", remedy="fit on another split, or on more images")
    rarity = 1 / np.sqrt(np.bincount(category[near], minlength=category_count)[category[near]])
    drawn = rng.choice(near, size=min(_NEAR_EXAMPLES, 4 * len(near)), p=rarity / rarity.sum())
    chosen = np.sort(np.concatenate([drawn, rng.permutation(far)[: min(_FAR_EXAMPLES, 2 * len(drawn))]]))
    crops, start = [], 0
    for row, (box, scale) in proposals.items():
        own = chosen[(chosen >= start) & (chosen < start + len(box))] - start
        unique, back = np.unique(own, return_inverse=True)
        crops.append(crops_of(maps[row], box[unique], scale[unique])[back])
        start += len(box)
    examples = Examples(np.concatenate(crops), overlap[chosen], category[chosen], correction[chosen])
    return fit_refiner(examples, category_count, rng)


def _compared(
    box: NDArray[np.float64], true_box: NDArray[np.float64], true_category: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Return each box's IoU with the true box that it overlaps most, that one's category, and the correction."""
    if not len(true_box):
        count = len(box)
        return np.zeros(count, np.float32), np.zeros(count, np.int64), np.zeros((count, 4), np.float32)
    table = overlaps(box, true_box)
    best = table.argmax(axis=1)
    return (
        table.max(axis=1, initial=0).astype(np.float32),
        true_category[best].astype(np.int64),
        correction_between(box, true_box[best]),
    )


def overlaps(box: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU of every box with every other, ``[N, M]``; both with an area."""
    low = np.maximum(box[:, None, :2], other[None, :, :2])
    high = np.minimum(box[:, None, 2:], other[None, :, 2:])
    common = np.maximum(high - low, 0.0).prod(axis=2)
    area, other_area = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (box, other))
    iou: NDArray[np.float64] = common / (area[:, None] + other_area - common)
    return iou
