"""RoI max pooling follows Caffe's rule, in whole numbers."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.operators.reference import roi_max_pool as module
from detbench.operators.reference.roi_max_pool import roi_max_pool, rounded


def c_round(value: float) -> int:
    """Return what C's ``round`` does."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def cell_by_cell(feature: Any, region: Any, image: Any, stride_px: float, bins: tuple[int, int]) -> Any:
    """Return Caffe's loops, with floats for the sides of bins."""
    _, height, width, channels = feature.shape
    pooled = np.zeros((len(region), *bins, channels), feature.dtype)
    for row, corners in enumerate(region):
        x1, y1, x2, y2 = (c_round(float(each) / stride_px) for each in corners)
        size_y, size_x = max(y2 - y1 + 1, 1) / bins[0], max(x2 - x1 + 1, 1) / bins[1]
        for p, q in np.ndindex(*bins):
            ys = [min(max(y1 + end, 0), height) for end in (math.floor(p * size_y), math.ceil((p + 1) * size_y))]
            xs = [min(max(x1 + end, 0), width) for end in (math.floor(q * size_x), math.ceil((q + 1) * size_x))]
            cells = feature[image[row], ys[0] : ys[1], xs[0] : xs[1]]
            if cells.size:
                pooled[row, p, q] = cells.max(axis=(0, 1))
    return pooled


@pytest.mark.parametrize("bins", [(1, 1), (2, 3), (7, 7)])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_then_columns_are_the_loop_over_cells(bins: tuple[int, int], seed: int) -> None:
    """The greatest of rows, then of columns, is the greatest of the rectangle; regions on halves, outside, inverted."""
    rng = np.random.default_rng(seed)
    feature = rng.standard_normal((2, 6, 8, 2), dtype=np.float32)
    region = (rng.integers(-8, 24, (10, 4)) * 8).astype(np.float32)
    image = rng.integers(0, 2, 10).astype(np.int32)
    assert np.array_equal(
        roi_max_pool(feature, region, image, 16, bins), cell_by_cell(feature, region, image, 16, bins)
    )


def test_halves_are_rounded_away_from_zero() -> None:
    """C's round: not to even, and not always up; the greatest float below a half is not a half."""
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert rounded(np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.4, -0.4, 2.6])).tolist() == [1, 2, 3, -1, -2, 0, 0, 3]
    assert rounded(np.array([below, -below])).tolist() == [0, 0]


def test_both_ends_belong_to_the_region() -> None:
    """A region whose corners fall on one cell is that cell."""
    feature = np.arange(12.0).reshape(1, 3, 4, 1)
    assert roi_max_pool(feature, np.array([[17.0, 17, 20, 20]]), np.array([0]), 16, (1, 1)).item() == 5


def test_bins_without_cells_are_zero() -> None:
    """Off the map there is nothing, and nothing is 0, also where all values are below it."""
    feature = np.full((1, 3, 4, 1), -2.0)
    pooled = roi_max_pool(feature, np.array([[-32.0, 0, 31, 47]]), np.array([0]), 16, (1, 5))
    assert pooled[0, 0, :, 0].tolist() == [0, 0, -2, -2, -2]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_values_is_all_that_counts(seed: int) -> None:
    """What keeps the order of values (here, twice a value and 1) may be done before pooling or after."""
    rng = np.random.default_rng(seed)
    feature = rng.standard_normal((1, 12, 12, 2))
    corner = rng.uniform(0, 70, (5, 2))
    region = np.concatenate([corner, corner + rng.uniform(0, 70, (5, 2))], axis=1)
    image = np.zeros(5, np.int32)
    assert np.array_equal(
        roi_max_pool(2 * feature + 1, region, image, 16), 2 * roi_max_pool(feature, region, image, 16) + 1
    )


def test_example_of_roi_max_pool() -> None:
    """The example in the docstring is right."""
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
