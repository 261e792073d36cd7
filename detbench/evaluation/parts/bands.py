"""Curves with a band of intervals around them, and why there is nothing to draw."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws

__all__ = ["NO_IMAGES", "NO_TRUTH", "Band", "ascend", "band_flaw", "with_ends"]

#: Why numbers are undefined.
NO_IMAGES = "there are no images"
NO_TRUTH = "there is no ground truth to be found"


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A number along a curve, and its interval's ends; those are empty where there are no intervals."""

    value: list[float]
    low: list[float] = []
    high: list[float] = []


def with_ends(
    draws: Draws,
    value: list[float],
    drawn: NDArray[np.float64],
    *,
    within: tuple[float, float],
    images: int | None = None,
) -> Band:
    """Return a curve with its intervals, from its values in the draws, float64 ``[len(value), S]``.

    ``within`` and ``images`` are what :meth:`~detbench.evaluation.draws.Draws.interval` takes.
    """
    among = None if images is None else np.full(len(value), images)
    ends = draws.intervals(np.array(value), drawn, within=within, images=among)
    if np.isnan(ends).any():
        return Band(value=value)
    return Band(value=value, low=ends[:, 0].tolist(), high=ends[:, 1].tolist())


def band_flaw(band: Band, points: int, *, least: float | None, most: float | None) -> str:
    """Return what in a curve of ``points`` values between ``least`` and ``most`` cannot be, or nothing."""
    if len(band.value) != points or len(band.low) != len(band.high) or len(band.low) not in {0, points}:
        return "a curve and what it is drawn against differ in length"
    for value in (*band.value, *band.low, *band.high):
        if (least is not None and value < least) or (most is not None and value > most):
            return f"a curve leaves its range at {value}"
    return (
        "" if all(low <= high for low, high in zip(band.low, band.high, strict=True)) else "a curve's band is inverted"
    )


def ascend(values: Iterable[float]) -> bool:
    """Return whether each value is greater than the one before."""
    return all(first < second for first, second in pairwise(values))
