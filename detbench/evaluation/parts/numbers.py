"""Numbers with their intervals and reasons, and how every part of a result makes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.evaluation.draws import SHARE
from detbench.evaluation.intervals import FEWEST_IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counted import Counted

__all__ = ["Numbers", "defined", "enough_images", "intervals_of", "truth_images"]


class Numbers(NamedTuple):
    """Name → number or None, name → interval (may be missing), name → why a number is None."""

    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


def defined(value: float) -> float | None:
    """Return a plain number, None for NaN."""
    return None if math.isnan(value) else float(value)


def intervals_of(
    draws: Draws | None,
    metrics: Mapping[str, float | None],
    values: Mapping[str, NDArray[np.float64]],
    within: tuple[float, float] = SHARE,
    images: Mapping[str, int] | None = None,
) -> dict[str, tuple[float, float]]:
    """Return the intervals of ``metrics`` from ``values``, ``[S]`` each; none without draws.

    ``within`` and ``images``, a number of images each, are what :meth:`~detbench.evaluation.draws.Draws.interval`
    takes.
    """
    names = [name for name in values if metrics[name] is not None]
    if draws is None or not names:
        return {}
    points = np.array([metrics[name] for name in names], dtype=np.float64)
    among = None if images is None else np.array([images[name] for name in names])
    ends = draws.intervals(points, np.stack([values[name] for name in names]), within=within, images=among)
    return {name: (low, high) for name, (low, high) in zip(names, ends.tolist(), strict=True) if not math.isnan(low)}


def enough_images(counted: Counted) -> NDArray[np.bool_]:
    """Return bool ``[K + 1]``: the ground truth of each category, and last of all, is in enough images to resample."""
    return np.asarray(truth_images(counted) >= FEWEST_IMAGES)


def truth_images(counted: Counted) -> NDArray[np.int64]:
    """Return int64 ``[K + 1]``: in how many images there is ground truth of each category, and last of any."""
    categories = len(counted.truths)
    # Both are sorted: inside a category by image.
    category = np.repeat(np.arange(categories), counted.truths)
    first = np.ones(len(category), dtype=np.bool_)
    first[1:] = (category[1:] != category[:-1]) | (counted.truth_image[1:] != counted.truth_image[:-1])
    return np.append(np.bincount(category[first], minlength=categories), len(np.unique(counted.truth_image)))
