"""The statistics of a comparison, against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.evaluation.metrics.paired import chance_of_best, holm, least_p, opposite_share, p_values, rank_bounds

MANY = np.array([1000])


def one_p(point: float, drawn: list[float], images: int = 1000) -> float:
    """Return the p-value of one difference."""
    return float(p_values(np.array([point]), np.array([drawn]), np.array([images]))[0])


def test_p_is_the_share_on_the_other_side_twice() -> None:
    """Of 999 draws 9 are below 0: p is 2 · 10 / 1000, whichever side; undefined draws do not count."""
    drawn = [-0.1] * 9 + [0.1] * 990
    assert one_p(0.1, drawn) == pytest.approx(0.02)
    assert one_p(-0.1, [-value for value in drawn]) == pytest.approx(0.02)
    assert one_p(0.1, [*drawn, float("nan")]) == pytest.approx(0.02)
    assert np.isnan(one_p(0.1, [float("nan")]))
    assert np.isnan(one_p(float("nan"), drawn))


def test_no_difference_is_certain_not_to_be_significant() -> None:
    """All draws 0, or 0 but for rounding: p is 1."""
    assert one_p(0.0, [0.0] * 100) == 1.0
    assert one_p(0.0, [1e-17, -1e-17] * 50) == 1.0


def test_beyond_the_draws_p_is_the_normal_tails() -> None:
    """No draw is below 0: the p of 4 standard deviations, 6.3e-5; but never more than the draws say, 2 / (B + 1)."""
    normal = np.random.default_rng(0).normal(0, 1, 1000)
    normal = (normal - normal.mean()) / normal.std(ddof=1)
    assert (normal + 4 > 0).all()
    assert one_p(4.0, list(normal + 4)) == pytest.approx(6.334e-5, rel=1e-3)
    assert one_p(1.0, [0.1, 1.9] * 500) == pytest.approx(2 / 1001)


@pytest.mark.parametrize(("images", "least"), [(0, 1), (1, 1), (2, 0.5), (5, 0.0625), (6, 0.03125)])
def test_few_images_cannot_show_a_difference(images: int, least: float) -> None:
    """Whatever the draws say, n images give no p below 2 / 2ⁿ: the sign test's least."""
    assert least_p(images) == least
    assert one_p(0.5, [0.5, 0.50001] * 500, images) == least


def test_holm_is_the_textbooks() -> None:
    """Sorted, times the tests that are left, never falling, at most 1; what is undefined does not count as a test."""
    p = np.array([0.005, np.nan, 0.04, 0.03, 0.01])
    np.testing.assert_allclose(holm(p), [0.02, np.nan, 0.06, 0.06, 0.03])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert holm(np.zeros(0)).size == 0


def test_the_opposite_is_counted_on_the_other_side_of_the_difference() -> None:
    """Draws of another sign, and of none, are the opposite; a difference of 0 has no opposite."""
    drawn = np.array([[0.1, 0.2, -0.1, 0.0]] * 3)
    np.testing.assert_allclose(opposite_share(np.array([0.1, -0.1, 0.0]), drawn), [0.5, 0.75, np.nan])


def test_ranks_are_those_of_the_draws() -> None:
    """The first is best in 7 draws of 8 and the last never; equals share the better rank and the draw."""
    drawn = np.array([[0.5] * 8, [0.4] * 7 + [0.6], [0.1] * 8])
    np.testing.assert_array_equal(rank_bounds(drawn, 0.95), [[1, 2], [1, 2], [3, 3]])
    np.testing.assert_array_equal(rank_bounds(drawn, 0.70), [[1, 1], [2, 2], [3, 3]])
    np.testing.assert_allclose(chance_of_best(drawn), [7 / 8, 1 / 8, 0])
    equal = np.array([[0.5] * 4, [0.5] * 4, [0.2] * 4])
    np.testing.assert_array_equal(rank_bounds(equal, 0.95), [[1, 1], [1, 1], [3, 3]])
    np.testing.assert_allclose(chance_of_best(equal), [0.5, 0.5, 0])
