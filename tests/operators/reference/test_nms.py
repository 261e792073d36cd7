"""Non-maximum suppression follows TensorFlow's rule."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.operators.reference import nms as module
from detbench.operators.reference.matrix_nms import matrix_nms
from detbench.operators.reference.nms import batched_nms, nms
from detbench.operators.reference.soft_nms import soft_nms

UNIT = [0.0, 0.0, 10.0, 10.0]


def rows(box: list[list[float]], score: list[float], threshold: float = 0.5, limit: int | None = None) -> list[int]:
    """Return the rows that are kept, as a list."""
    kept = nms(np.array(box, dtype=np.float64).reshape(-1, 4), np.array(score), threshold, limit=limit)
    return [int(row) for row in kept]


def random_boxes(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes and scores on a coarse grid: ties and boxes without area are frequent."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 30, size=(count, 2)).astype(float)
    return np.concatenate([corner, corner + rng.integers(0, 12, size=(count, 2))], axis=1), rng.integers(
        0, 8, size=count
    ) / 8


def test_keeps_the_best_of_overlapping_boxes() -> None:
    """Of two boxes that overlap by more than the threshold, the higher score stays; others stay too."""
    assert rows([UNIT, [0, 0, 10, 8], [20, 0, 30, 10]], [0.8, 0.9, 0.7]) == [1, 2]


def test_of_equal_scores_the_lower_row_stays() -> None:
    """Ties are broken by the row."""
    assert rows([UNIT, UNIT, UNIT], [0.5, 0.5, 0.5]) == [0]


def test_an_iou_equal_to_the_threshold_does_not_suppress() -> None:
    """The IoU must be greater than the threshold: [0, 0, 10, 10] and [0, 0, 10, 5] overlap by exactly a half."""
    assert rows([UNIT, [0, 0, 10, 5]], [0.9, 0.8], 0.5) == [0, 1]
    assert rows([UNIT, [0, 0, 10, 5]], [0.9, 0.8], 0.4999) == [0]


def test_boxes_without_area_neither_suppress_nor_are_suppressed() -> None:
    """A box without area has IoU 0 even with itself."""
    flat = [5.0, 5.0, 5.0, 9.0]
    assert rows([flat, flat, UNIT], [0.9, 0.8, 0.7], 0.0) == [0, 1, 2]


def test_a_suppressed_box_suppresses_nothing() -> None:
    """In a chain, the third box survives because the second, which it overlaps, is gone."""
    assert rows([UNIT, [0, 4, 10, 14], [0, 8, 10, 18]], [0.9, 0.8, 0.7], 0.3) == [0, 2]


def test_the_limit_counts_kept_boxes() -> None:
    """Suppressed boxes do not use up the limit."""
    assert rows([UNIT, UNIT, [20, 0, 30, 10], [40, 0, 50, 10]], [0.9, 0.8, 0.7, 0.6], limit=2) == [0, 2]


def test_no_boxes_keep_none() -> None:
    """An empty table gives an empty index."""
    assert rows([], []) == []


def test_what_is_no_number_comes_last_and_overlaps_nothing() -> None:
    """A score that is NaN ranks after all others; a corner that is NaN or infinite leaves no overlap."""
    assert rows([UNIT, UNIT, [20, 0, 30, 10]], [np.nan, -np.inf, 0.5]) == [2, 1]
    assert rows([UNIT, [0, 0, np.inf, 10], [0, 0, np.inf, 10], [0, np.nan, 10, 10]], [0.9, 0.8, 0.7, 0.6], 0.1) == [
        *range(4)
    ]


def test_categories_leave_each_other_alone() -> None:
    """Kept rows are ordered over all categories, and the limit counts over all of them."""
    box, score = np.array([UNIT, UNIT, UNIT, UNIT]), np.array([0.6, 0.9, 0.8, 0.7])
    category = np.array([-1, 7, -1, 7], dtype=np.int32)
    assert batched_nms(box, score, category, 0.5).tolist() == [1, 2]
    assert batched_nms(box, score, category, 0.5, limit=1).tolist() == [1]
    assert batched_nms(box, score, category, 0.5, limit=0).tolist() == []


def test_soft_nms_takes_the_highest_of_the_decayed_scores() -> None:
    """A box with an IoU of 0.8 keeps a fifth of its score by the linear method, exp(−1.28) of it by the gaussian."""
    box, score = np.array([UNIT, [0, 0, 10, 8], [40, 0, 50, 10]]), np.array([0.9, 0.8, 0.5])
    row, decayed = soft_nms(box, score, "linear")
    assert row.tolist() == [0, 2, 1]
    np.testing.assert_allclose(decayed, [0.9, 0.5, 0.16])
    np.testing.assert_allclose(soft_nms(box, score)[1], [0.9, 0.5, 0.8 * np.exp(-1.28)])


def test_matrix_nms_decays_less_by_what_is_decayed_itself() -> None:
    """The third box overlaps the second by 7/13, which overlaps the first by 2/3: the first decays it more."""
    box = np.array([UNIT, [0, 2, 10, 12], [0, 5, 10, 15]])
    found = matrix_nms(box, np.ones(3), np.zeros(3, dtype=np.int32), "linear")
    np.testing.assert_allclose(found, [1, 1 / 3, 2 / 3])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))
def test_equals_the_definition_pair_by_pair(seed: int, threshold: float) -> None:
    """The kept rows are those that no kept row with precedence overlaps by more than the threshold."""
    box, score = random_boxes(seed)
    kept: list[int] = []
    for row in sorted(range(len(box)), key=lambda i: (-score[i], i)):
        if all(plain_iou(box[row], box[other]) <= threshold for other in kept):
            kept.append(row)
    assert nms(box, score, threshold).tolist() == kept


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the IoU of two boxes, 0 if one has no area."""
    area_a, area_b = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    if area_a <= 0 or area_b <= 0:
        return 0.0
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    return float(common / (area_a + area_b - common))


@pytest.mark.slow
def test_equals_tensorflow() -> None:
    """TensorFlow's own operator keeps the same rows."""
    tf = pytest.importorskip("tensorflow")
    for seed in range(5):
        box, score = random_boxes(seed)
        theirs = tf.image.non_max_suppression(box[:, [1, 0, 3, 2]].astype("f"), score.astype("f"), len(box), 0.5)
        assert nms(box, score, 0.5).tolist() == theirs.numpy().tolist()


def test_the_docstring_example_runs() -> None:
    """What the documentation shows is what happens."""
    assert doctest.testmod(module).failed == 0
