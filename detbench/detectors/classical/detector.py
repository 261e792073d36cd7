"""The classical detector: templates propose, the second look decides. Fitted in seconds on a processor, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical import channels
from detbench.detectors.classical.refine import Refiner, apply_correction, crop
from detbench.detectors.classical.templates import Templates, respond
from detbench.operators.native.nms import nms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["ClassicalDetector", "Found", "propose"]

#: How many places of each template go on, and how many candidates an image has after suppression.
_BEST_A_TEMPLATE, _CANDIDATES = 250, 400
_CANDIDATE_IOU, _FINAL_IOU = 0.65, 0.4

#: A prediction below this score is not worth writing down.
_LOWEST_SCORE = 0.02

#: Nor is a box with a side of no more than this.
_SMALLEST_PX = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one picture: boxes float64 ``[N, 4]``, categories ``[N]`` (rows), scores ``[N]`` 0..1."""

    box: NDArray[np.float64]
    category: NDArray[np.int32]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassicalDetector:
    """A fitted detector for the categories that it was fitted with."""

    category_names: tuple[str, ...]
    templates: Templates
    refiners: tuple[Refiner, ...]

    def detect(self, picture: Image.Image) -> Found:
        """Return what is found in ``picture``, by descending score."""
        maps = cell_maps(picture, self.templates)
        box, scale = propose(maps, self.templates)
        for refiner in self.refiners:
            values, shift = refiner.look(crops_of(maps, box, scale))
            box = apply_correction(box, shift)
        size = np.array([picture.width, picture.height] * 2, dtype=np.float64)
        return _decide(np.clip(box, 0.0, size), values)


def _decide(box: NDArray[np.float64], values: NDArray[np.float32]) -> Found:
    """Return what boxes and their values (objectness, then one a category) come to.

    A box that could be of two categories is written twice, each time with its share of the objectness.
    """
    objectness = np.clip(values[:, 0].astype(np.float64), 0.0, 1.0)
    alive = np.flatnonzero((objectness > _LOWEST_SCORE) & (box[:, 2:] - box[:, :2] > _SMALLEST_PX).all(axis=1))
    kept = alive[nms(box[alive], objectness[alive], _FINAL_IOU)]
    share = np.clip(values[kept, 1:].astype(np.float64), 0.0, 1.0)
    score = np.round(objectness[kept, None] * share / np.maximum(share.sum(axis=1, keepdims=True), 1.0), 4)
    row, category = np.nonzero(score > _LOWEST_SCORE)
    order = np.argsort(-score[row, category], kind="stable")
    row, category = row[order], category[order]
    return Found(np.round(box[kept[row]], 2), category.astype(np.int32), score[row, category])


def cell_maps(picture: Image.Image, templates: Templates) -> dict[float, NDArray[np.float32]]:
    """Return the channels at every scale that the templates ask for."""
    return {scale: channels.compute(picture, scale) for scale in sorted(set(templates.scale.tolist()))}


def propose(
    maps: dict[float, NDArray[np.float32]], templates: Templates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the candidates' boxes ``[N, 4]`` and scales ``[N]``, by descending response."""
    boxes, scores, scales = [], [], []
    for scale, cells in maps.items():
        rows = np.flatnonzero(templates.scale == scale)
        response = respond(cells, templates.weight[rows]) + templates.offset[rows]
        for column, row in enumerate(rows):
            flat = _peaks(response[..., column])
            best = flat[:_BEST_A_TEMPLATE]
            y, x = np.divmod(best, response.shape[1])
            centre = np.stack([x, y], axis=1) * channels.CELL_PX / scale
            half = templates.size_px[row] / 2
            boxes.append(np.concatenate([centre - half, centre + half], axis=1))
            scores.append(response[..., column].ravel()[best])
            scales.append(np.full(len(best), scale))
    box, score = np.concatenate(boxes), np.concatenate(scores).astype(np.float64)
    kept = nms(box, score, _CANDIDATE_IOU, limit=_CANDIDATES)
    return box[kept], np.concatenate(scales)[kept]


def _peaks(response: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the flat places where a response is not below its four neighbours, the highest first."""
    edge = np.pad(response, 1, constant_values=-np.inf)
    middle = edge[1:-1, 1:-1]
    peak = (
        (middle >= edge[:-2, 1:-1])
        & (middle >= edge[2:, 1:-1])
        & (middle >= edge[1:-1, :-2])
        & (middle >= edge[1:-1, 2:])
    )
    places = np.flatnonzero(peak)
    return places[np.argsort(-response.ravel()[places], kind="stable")]


def crops_of(
    maps: dict[float, NDArray[np.float32]], box: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return every candidate's crop at its scale, ``[N, D]``."""
    parts = [crop(cells, box[scale == s], s) for s, cells in maps.items()]
    order = np.argsort(np.concatenate([np.flatnonzero(scale == s) for s in maps]), kind="stable")
    return np.concatenate(parts)[order]
