"""p-values of differences: they say what the intervals say."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.evaluation.draws import Draws
from detbench.evaluation.metrics.student import student_p

DRAWS = Draws(200, resamples=500, seed=0)


def means(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Return the mean of per-image ``values`` ``[I, n]`` in every draw, ``[n, S]``."""
    return DRAWS.sums(values) / DRAWS.sums(np.ones((len(values), 1)))


@pytest.mark.parametrize(
    ("t", "degrees", "p"), [(12.706, 1, 0.05), (4.303, 2, 0.05), (2.776, 4, 0.05), (2.042, 30, 0.05), (5.598, 4, 0.005)]
)
def test_student_s_table(t: float, degrees: float, p: float) -> None:
    """The points of the printed tables, on both sides; in the far tail scipy.stats.t.sf's."""
    both = student_p(np.array([t, -t]), np.array([degrees, degrees], dtype=np.float64))
    np.testing.assert_allclose(both, p, rtol=1e-3)
    far = student_p(np.array([20.0, 8.0, 3.5]), np.array([63.0, 63.0, 2.5]))
    np.testing.assert_allclose(far, [5.55504e-29, 3.56793e-11, 0.05234555], 1e-5)


def test_below_a_twentieth_is_an_interval_without_zero() -> None:
    """Of 2,000 means near 0, those with p below 0.05 are those whose 95 % interval leaves 0 out."""
    per_image = np.random.default_rng(0).normal(0.1, 1, (200, 2000))
    points, drawn = per_image.mean(axis=0), means(per_image)
    ends, p = DRAWS.intervals(points, drawn), DRAWS.p_values(points, drawn)
    without_zero = (ends[:, 0] > 0) | (ends[:, 1] < 0)
    assert 300 < without_zero.sum() < 1000
    clear = np.abs(p - 0.05) > 0.001  # the intervals' point of Student's t is good to a part in a hundred
    np.testing.assert_array_equal((p < 0.05)[clear], without_zero[clear])
    np.testing.assert_allclose(DRAWS.p_values(-points, -drawn), p, rtol=1e-9)


def test_equals_have_p_1_and_what_nothing_moves_has_p_0() -> None:
    """All draws 0, but for rounding; all draws the difference itself; none defined."""
    drawn = np.zeros((3, DRAWS.size))
    drawn[0, ::2] = 1e-17
    drawn[1] = 0.25
    drawn[2] = np.nan
    np.testing.assert_array_equal(DRAWS.p_values(np.array([0.0, 0.25, 0.1]), drawn), [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(DRAWS.p_values(np.array([np.nan]), drawn[:1]), [np.nan])


def test_a_number_and_a_middle_on_two_sides_of_zero_tell_nothing() -> None:
    """Where the bias is larger than the number, p is 1: the interval holds the number at every level."""
    drawn = np.full((1, DRAWS.size), 0.3) + np.linspace(-0.01, 0.01, DRAWS.size)
    assert DRAWS.p_values(np.array([0.1]), drawn) == [1.0]
