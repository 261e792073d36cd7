"""What samples of a time say: quantiles with intervals, and how far they are from what bounds them.

A time has no distribution that could be named: it has a floor, a tail, and now and then a second hump. So intervals are
those of order statistics, which hold for any distribution: the number of samples below the true q-quantile is binomial
with probability q, hence two samples, counted from below, enclose it with a known probability (David and Nagaraja,
Order Statistics, 2003, section 7.1). They hold for samples that are independent; a machine that turns busy for a while
makes neighbours alike, which is why implementations are timed by turns and not one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, inf, lgamma, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.timing.document import Measurement, TimedCase

__all__ = ["LEVEL", "Quantile", "Rate", "Ratio", "Summary", "quantile", "rate", "ratio", "summary", "times_bound"]

#: How often an interval holds what it is of.
LEVEL = 0.95

#: The level of each of two intervals that are to hold at once as often as that (Bonferroni).
_LEVEL_OF_EACH = 1 - (1 - LEVEL) / 2


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a time in milliseconds.

    ``low_ms`` and ``high_ms`` enclose the true one in at least 95 % of runs. A bound is None where no sample is far
    enough out to be one: the median has both from 6 samples on, p90 its upper one from 36, p99 from 368.
    """

    value_ms: float
    low_ms: float | None
    high_ms: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Three quantiles of ``count`` samples."""

    p50: Quantile
    p90: Quantile
    p99: Quantile
    count: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """One median over another; ``low`` and ``high`` enclose the true ratio, None below 7 samples of either."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Rate:
    """What was counted of a case, over the median time."""

    bytes_per_s: float
    operations_per_s: float


def quantile(samples_ms: Sequence[float], q: float, *, level: float = LEVEL) -> Quantile:
    """Return the ``q``-quantile of samples, between neighbours on a straight line, and what encloses it.

    Parameters
    ----------
    samples_ms
        One or more times, in any order.
    q
        Between 0 and 1, both excluded.
    level
        How often the interval holds the true quantile, at least.

    Raises
    ------
    ValueError
        If there is no sample.

    Examples
    --------
    >>> quantile([3.0, 1.0, 2.0], 0.5)
    Quantile(value_ms=2.0, low_ms=None, high_ms=None)
    >>> quantile(range(1, 101), 0.5)
    Quantile(value_ms=50.5, low_ms=40, high_ms=61)
    """
    if not samples_ms:
        raise ValueError("there are no samples")
    in_order = sorted(samples_ms)
    place = q * (len(in_order) - 1)
    below = int(place)
    above = min(below + 1, len(in_order) - 1)
    value = in_order[below] + (place - below) * (in_order[above] - in_order[below])
    low, high = _enclosing(len(in_order), q, (1 - level) / 2)
    return Quantile(value, None if low is None else in_order[low], None if high is None else in_order[high])


def ratio(samples_ms: Sequence[float], under_ms: Sequence[float]) -> Ratio:
    """Return the median of ``samples_ms`` over that of ``under_ms``, with an interval of at least 95 %.

    Raises
    ------
    ValueError
        If there is no sample of one of them.

    Examples
    --------
    >>> ratio([2.0] * 9, [1.0] * 9)
    Ratio(value=2.0, low=2.0, high=2.0)
    """
    over, under = (quantile(taken, 0.5, level=_LEVEL_OF_EACH) for taken in (samples_ms, under_ms))
    value = over.value_ms / under.value_ms if under.value_ms > 0 else inf
    if over.low_ms is None or over.high_ms is None or not under.low_ms or not under.high_ms:
        return Ratio(value, None, None)
    return Ratio(value, over.low_ms / under.high_ms, over.high_ms / under.low_ms)


@cache
def _enclosing(count: int, q: float, tail: float) -> tuple[int | None, int | None]:
    """Return which of ``count`` samples in order (from 0) enclose the q-quantile, with ``tail`` left on each side.

    With B ~ Bin(count, q) samples below the quantile, sample i (from 0) is above it if B ≤ i: the lower bound is the
    last i with P(B ≤ i) ≤ tail; the upper one the first i with P(B > i) ≤ tail.
    """
    low = high = None
    at_most = 0.0
    for i in range(count):
        at_most += exp(
            lgamma(count + 1) - lgamma(i + 1) - lgamma(count - i + 1) + i * log(q) + (count - i) * log(1 - q)
        )
        if at_most <= tail:
            low = i
        if high is None and 1 - at_most <= tail:
            high = i
    return low, high


def summary(measurement: Measurement) -> Summary | None:
    """Return a measurement's median, p90 and p99; None where nothing was timed."""
    samples_ms = measurement.samples_ms
    if not samples_ms:
        return None
    p50, p90, p99 = (quantile(samples_ms, q) for q in (0.5, 0.9, 0.99))
    return Summary(p50, p90, p99, len(samples_ms))


def times_bound(measurement: Measurement, case: TimedCase) -> float | None:
    """Return how many times its case's bound the median is; None where nothing was timed or nothing counted."""
    found = summary(measurement)
    return found.p50.value_ms / case.bound_ms if found and case.bound_ms > 0 else None


def rate(measurement: Measurement, case: TimedCase) -> Rate | None:
    """Return the counted bytes and operations of the case over the median; None where nothing was timed."""
    found = summary(measurement)
    if found is None or found.p50.value_ms <= 0:
        return None
    median_s = found.p50.value_ms / 1_000
    return Rate(case.bytes_moved / median_s, case.operations / median_s)
