"""Numbers with their intervals and reasons, and how every part of a result makes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.evaluation.intervals import FEWEST_IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counted import Counted

__all__ = ["Numbers", "defined", "enough_images", "intervals_of"]


class Numbers(NamedTuple):
    """Name → number or None, name → interval (may be missing), name → why a number is None."""

    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


def defined(value: float) -> float | None:
    """Return a plain number, None for NaN."""
    return None if math.isnan(value) else float(value)


def intervals_of(
    draws: Draws | None, metrics: Mapping[str, float | None], values: Mapping[str, NDArray[np.float64]]
) -> dict[str, tuple[float, float]]:
    """Return the intervals of ``metrics`` from ``values``, ``[S]`` each; none without draws."""
    if draws is None:
        return {}
    ends = {name: draws.interval(metrics[name], drawn) for name, drawn in values.items()}
    return {name: pair for name, pair in ends.items() if pair is not None}


def enough_images(counted: Counted) -> NDArray[np.bool_]:
    """Return bool ``[K + 1]``: the ground truth of each category, and last of all, is in enough images to resample."""
    categories = len(counted.truths)
    category = np.repeat(np.arange(categories), counted.truths)
    pairs = np.unique(np.stack([category, counted.truth_image]), axis=1)
    images = np.append(np.bincount(pairs[0], minlength=categories), len(np.unique(counted.truth_image)))
    return np.asarray(images >= FEWEST_IMAGES)
