"""Fitting the classical detector on a dataset: sizes, templates, then the second look on what the first one finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical import channels
from detbench.detectors.classical.detector import ClassicalDetector, cell_maps, crops_of, propose
from detbench.detectors.classical.refine import Refiner, apply_correction, correction_between, fit_refiner
from detbench.detectors.classical.templates import Templates, centred_windows, choose_sizes, ridge, scales_of
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset

__all__ = ["fit"]

_TEMPLATES = 9
_STRENGTH = 0.05
_NEGATIVES_AN_IMAGE = 40

#: More images than this do not make a better detector of this kind, only a slower fit.
MOST_IMAGES = 100

_Truth = tuple["NDArray[np.float64]", "NDArray[np.int32]"]


def fit(dataset: Dataset, *, seed: int = 0, advance: Callable[[int], None] = lambda _n: None) -> ClassicalDetector:
    """Return a detector fitted on ``dataset``; ``advance`` counts images, each of them three times.

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
    for _ in range(2):
        refiner = _fit_one(maps, proposals, truth, len(dataset.categories), rng)
        refiners.append(refiner)
        for row in rows:
            box, scale = proposals[row]
            _, shift = refiner.look(crops_of(maps[row], box, scale))
            proposals[row] = apply_correction(box, shift), scale
            advance(1)
    return ClassicalDetector(dataset.categories.name, templates, tuple(refiners))


def _choose_images(dataset: Dataset, rng: np.random.Generator) -> list[int]:
    """Return the rows of the images to fit on, in order."""
    rows = np.arange(len(dataset.images))
    return sorted(rng.permutation(rows)[:MOST_IMAGES].tolist())


def _truth_of(dataset: Dataset, row: int) -> _Truth:
    """Return an image's boxes that have an area and a category, and their categories."""
    table = dataset.ground_truth
    own = (table.image == row) & (table.category >= 0) & ~table.crowd & ~table.ignore
    own &= (table.box[:, 2:] - table.box[:, :2] > 1).all(axis=1)
    return table.box[own], table.category[own]


def _fit_templates(
    blank: Templates,
    maps: dict[int, dict[float, NDArray[np.float32]]],
    truth: dict[int, _Truth],
    rng: np.random.Generator,
) -> Templates:
    """Return the templates with their weights."""
    weights, offsets = [], []
    for size, scale in zip(blank.size_px, blank.scale.tolist(), strict=True):
        positive, negative = [], []
        for row, (box, _) in truth.items():
            cells = maps[row][scale]
            extent = box[:, 2:] - box[:, :2]
            common = np.minimum(extent, size).prod(axis=1)
            alike = common / (extent.prod(axis=1) + size.prod() - common) > 0.55
            centre = (box[:, :2] + box[:, 2:]) / 2
            positive.append(centred_windows(cells, centre[alike], scale))
            limit = np.array([cells.shape[1], cells.shape[0]]) * channels.CELL_PX / scale
            spot = rng.random((_NEGATIVES_AN_IMAGE, 2)) * limit
            here = np.concatenate([spot - size / 2, spot + size / 2], axis=1)
            negative.append(centred_windows(cells, spot[overlaps(here, box).max(axis=1, initial=0) < 0.3], scale))
        yes, no = np.concatenate(positive), np.concatenate(negative)
        features = np.concatenate([yes, no])
        targets = np.concatenate([np.ones((len(yes), 1)), np.zeros((len(no), 1))]).astype(np.float32)
        balance = np.concatenate([np.full(len(yes), 1 / max(len(yes), 1)), np.full(len(no), 1 / max(len(no), 1))])
        weight, offset = ridge(features, targets, balance.astype(np.float32), _STRENGTH)
        weights.append(weight[0])
        offsets.append(offset[0])
    return Templates(blank.size_px, blank.scale, np.stack(weights), np.array(offsets, dtype=np.float32))


def _fit_one(
    maps: dict[int, dict[float, NDArray[np.float32]]],
    proposals: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]],
    truth: dict[int, _Truth],
    category_count: int,
    rng: np.random.Generator,
) -> Refiner:
    """Return a second look fitted on the proposals and what they should have been."""
    crops, overlap, category, correction = [], [], [], []
    for row, (box, scale) in proposals.items():
        true_box, true_category = truth[row]
        crops.append(crops_of(maps[row], box, scale))
        if not len(true_box):
            overlap.append(np.zeros(len(box)))
            category.append(np.zeros(len(box), dtype=np.int64))
            correction.append(np.zeros((len(box), 4), dtype=np.float32))
            continue
        table = overlaps(box, true_box)
        best = table.argmax(axis=1)
        overlap.append(table.max(axis=1))
        category.append(true_category[best].astype(np.int64))
        correction.append(correction_between(box, true_box[best]))
    return fit_refiner(
        np.concatenate(crops),
        np.concatenate(overlap).astype(np.float32),
        np.concatenate(category),
        np.concatenate(correction),
        category_count,
        rng,
    )


def overlaps(box: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU of every box with every other, ``[N, M]``; both with an area."""
    low = np.maximum(box[:, None, :2], other[None, :, :2])
    high = np.minimum(box[:, None, 2:], other[None, :, 2:])
    common = np.maximum(high - low, 0.0).prod(axis=2)
    area, other_area = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (box, other))
    iou: NDArray[np.float64] = common / (area[:, None] + other_area - common)
    return iou
