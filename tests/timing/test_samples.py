"""What samples of a time say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.timing.document import Measurement, TimedCase
from detbench.timing.samples import quantile, rate, summary, times_bound


def _measured(samples_ms: list[float]) -> Measurement:
    return Measurement(
        operator="nms", case="clustered", implementation="native", device="cpu", status="timed", samples_ms=samples_ms
    )


def _case(bound_ms: float) -> TimedCase:
    return TimedCase(
        operator="nms",
        group="nms",
        name="clustered",
        series="",
        size=10,
        settings={},
        shapes={},
        bytes_moved=2_000,
        operations=4_000,
        counts="",
        bound_ms=bound_ms,
    )


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("count", [7, 40, 400])
def test_an_interval_holds_the_true_quantile_in_95_percent_of_runs(q: float, count: int) -> None:
    """Of times with a long tail the interval misses the true quantile in at most 5 % of runs, whatever the count."""
    rng = np.random.default_rng(7)
    true = -math.log(1 - q)
    held = 0
    for samples in rng.exponential(size=(1_000, count)):
        found = quantile(samples.tolist(), q)
        held += (found.low_ms is None or found.low_ms <= true) and (found.high_ms is None or true <= found.high_ms)
    assert held >= 940


@pytest.mark.parametrize(("q", "from_low", "from_high"), [(0.5, 6, 6), (0.9, 2, 36), (0.99, 1, 368)])
def test_few_samples_have_no_bound(q: float, from_low: int, from_high: int) -> None:
    """A bound is None below the number of samples that can enclose the quantile, and there from it on."""
    for count in (from_low, from_high):
        enough, few = quantile(list(range(1, count + 1)), q), quantile(list(range(1, count)) or [1], q)
        if count == from_low:
            assert enough.low_ms is not None
            assert few.low_ms is None or count == 1
        if count == from_high:
            assert enough.high_ms is not None
            assert few.high_ms is None


def test_quantiles_are_those_of_numpy_and_the_order_does_not_matter() -> None:
    """The value is NumPy's quantile of the samples in any order."""
    samples = np.random.default_rng(1).permutation(np.arange(41.0) ** 2).tolist()
    for q in (0.1, 0.5, 0.99):
        assert quantile(samples, q).value_ms == pytest.approx(np.quantile(samples, q))
        assert quantile(samples, q) == quantile(sorted(samples), q)


def test_no_samples_is_an_error_and_a_summary_of_nothing_is_none() -> None:
    """What was not timed has no quantile, no rate and no distance from its bound."""
    with pytest.raises(ValueError, match="no samples"):
        quantile([], 0.5)
    nothing = _measured([])
    assert (summary(nothing), rate(nothing, _case(1.0)), times_bound(nothing, _case(1.0))) == (None, None, None)


def test_rates_and_distance_from_the_bound_are_of_the_median() -> None:
    """2,000 bytes and 4,000 operations in 2 ms are 1 and 2 million a second, 4 times a bound of half a millisecond."""
    found = _measured([1.0, 2.0, 99.0])
    said = rate(found, _case(0.5))
    assert said is not None
    assert (said.bytes_per_s, said.operations_per_s) == (1e6, 2e6)
    assert times_bound(found, _case(0.5)) == 4.0
    assert times_bound(found, _case(0.0)) is None
