"""What every part of a result gives: numbers with intervals and reasons, and curves with a band around them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws

__all__ = ["NO_IMAGES", "NO_TRUTH", "Band", "Numbers", "ascend", "band_flaw", "with_ends"]

#: Why numbers are undefined.
NO_IMAGES = "there are no images"
NO_TRUTH = "there is no ground truth to be found"


class Numbers(NamedTuple):
    """Numbers for a result's ``metrics``, ``intervals`` and ``reasons``, by name."""

    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A number along a curve, and its interval's ends; those are empty where there are no intervals."""

    value: list[float]
    low: list[float] = []
    high: list[float] = []


def with_ends(draws: Draws, value: list[float], drawn: NDArray[np.float64]) -> Band:
    """Return a curve with its intervals, from its values in the draws, float64 ``[len(value), S]``."""
    ends = [draws.interval(point, values) for point, values in zip(value, drawn, strict=True)]
    defined = [pair for pair in ends if pair is not None]
    if len(defined) < len(value):
        return Band(value=value)
    return Band(value=value, low=[low for low, _ in defined], high=[high for _, high in defined])


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
