"""The statistics of a comparison, against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.evaluation.metrics.paired import chance_of_best, holm, least_p, opposite_share, rank_bounds


@pytest.mark.parametrize(("images", "least"), [(0, 1), (1, 1), (2, 0.5), (5, 0.0625), (6, 0.03125)])
def test_few_images_cannot_show_a_difference(images: int, least: float) -> None:
    """N images give no p below 2 / 2ⁿ, the sign test's least."""
    assert least_p(images) == least


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


def test_a_model_may_have_any_rank_that_the_tests_leave_it() -> None:
    """Two that are not told apart share two ranks; Holm's correction is over each model's own comparisons."""
    values = np.array([0.5, 0.4, 0.1])
    p = np.full((3, 3), np.nan)
    p[0, 1] = p[1, 0] = 0.2
    p[0, 2] = p[2, 0] = 0.02
    p[1, 2] = p[2, 1] = 0.04
    # 0.02 twice is below 0.05 for the first; 0.04 twice is not for the second; the last has 0.04 and 0.04.
    np.testing.assert_array_equal(rank_bounds(values, p, 0.95), [[1, 2], [1, 3], [3, 3]])
    np.testing.assert_array_equal(rank_bounds(-values, p, 0.95), [[2, 3], [1, 3], [1, 1]])
    np.testing.assert_array_equal(rank_bounds(values, np.where(np.isnan(p), p, 0.6), 0.95), [[1, 3]] * 3)


def test_the_best_is_counted_in_the_draws() -> None:
    """The first is best in 7 draws of 8 and the last never; equals share a draw."""
    np.testing.assert_allclose(chance_of_best(np.array([[0.5] * 8, [0.4] * 7 + [0.6], [0.1] * 8])), [7 / 8, 1 / 8, 0])
    np.testing.assert_allclose(chance_of_best(np.array([[0.5] * 4, [0.5] * 4, [0.2] * 4])), [0.5, 0.5, 0])
