"""Inputs to time operators with, drawn to resemble a detector's output. The same seed, the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CANVAS_PX", "clustered_boxes", "distinct_scores", "feature_map", "random_boxes", "regions"]

#: Width and height of the picture: Faster R-CNN's usual 1,333 × 800.
CANVAS_PX = (1_333.0, 800.0)

#: Sides of objects, as the median and the spread of their logarithm: from about 15 to 500 pixels.
_SIDE_PX, _SIDE_SPREAD = 80.0, 0.8

#: How far boxes of one object lie from it: the standard deviation of each edge, in its sides.
_JITTER = 0.12


def clustered_boxes(
    count: int, per_object: int, seed: int, *, canvas_px: tuple[float, float] = CANVAS_PX
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``count`` boxes around ``count / per_object`` objects: float32 ``[N, 4]``, and scores ``[N]``.

    A box scores the higher the nearer it is to its object, with noise, as a detector's do. No two scores are equal.
    """
    rng = np.random.default_rng([seed, count, per_object])
    objects = max(count // per_object, 1)
    truth = _boxes_at(rng, objects, canvas_px)
    of = rng.integers(0, objects, count)
    sides = np.tile(truth[:, 2:] - truth[:, :2], 2)
    offset = rng.normal(0.0, _JITTER, (count, 4))
    box = _inside(truth[of] + offset * sides[of], canvas_px)
    return box, distinct_scores(-np.abs(offset).sum(axis=1) + rng.normal(0.0, _JITTER, count))


def random_boxes(
    count: int, seed: int, *, canvas_px: tuple[float, float] = CANVAS_PX
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``count`` boxes anywhere, float32 ``[N, 4]``, and scores ``[N]`` that have nothing to do with them."""
    rng = np.random.default_rng([seed, count])
    return _inside(_boxes_at(rng, count, canvas_px), canvas_px), distinct_scores(rng.random(count))


def distinct_scores(rank_by: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 scores between 0 and 1 in the order of ``rank_by``, no two of them equal."""
    score = np.empty(len(rank_by), dtype=np.float32)
    score[np.argsort(rank_by, kind="stable")] = (np.arange(len(rank_by)) + 0.5) / max(len(rank_by), 1)
    return score


def feature_map(height: int, width: int, channels: int, seed: int) -> NDArray[np.float32]:
    """Return float32 ``[1, H, W, C]``: what a ReLU leaves, half of it zeros."""
    rng = np.random.default_rng([seed, height, width, channels])
    return np.maximum(rng.standard_normal((1, height, width, channels), dtype=np.float32), 0.0)


def regions(count: int, height: int, width: int, stride_px: float, seed: int) -> NDArray[np.float32]:
    """Return ``count`` regions, float32 ``[R, 4]`` in pixels, on a map of so many cells of ``stride_px``."""
    rng = np.random.default_rng([seed, count, height, width])
    canvas_px = (width * stride_px, height * stride_px)
    return _inside(_boxes_at(rng, count, canvas_px), canvas_px)


def _boxes_at(rng: np.random.Generator, count: int, canvas_px: tuple[float, float]) -> NDArray[np.float64]:
    side = _SIDE_PX * np.exp(rng.normal(0.0, _SIDE_SPREAD, (count, 1)))
    shape = np.exp(rng.normal(0.0, 0.35, (count, 1)))
    half = np.minimum(np.concatenate([side * shape, side / shape], axis=1), canvas_px) / 2
    centre = rng.uniform(0.0, 1.0, (count, 2)) * canvas_px
    return np.concatenate([centre - half, centre + half], axis=1)


def _inside(box: NDArray[np.float64], canvas_px: tuple[float, float]) -> NDArray[np.float32]:
    """Return the boxes cut to the canvas, float32."""
    return np.clip(box, 0.0, np.tile(canvas_px, 2)).astype(np.float32)
