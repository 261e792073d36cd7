"""RoIAlign follows torchvision's rule, and its laws."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.operators.reference import bilinear
from detbench.operators.reference import roi_align as module
from detbench.operators.reference.crop_and_resize import crop_and_resize
from detbench.operators.reference.roi_align import roi_align


def drawn(seed: int, count: int = 8, spread: float = 120.0) -> tuple[Any, Any, Any]:
    """Return two maps of 6 × 8 cells, regions about them, and their images."""
    rng = np.random.default_rng(seed)
    feature = rng.standard_normal((2, 6, 8, 3), dtype=np.float32)
    corner = rng.uniform(-40, 120, (count, 2))
    region = np.concatenate([corner, corner + rng.uniform(-10, spread, (count, 2))], axis=1).astype(np.float32)
    return feature, region, rng.integers(0, 2, count).astype(np.int32)


def bilinear_value(feature: Any, y: Any, x: Any) -> Any:
    """Return the value at one point, by four corners and no matrix: torchvision's ``bilinear_interpolate``."""
    height, width, _ = feature.shape
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(feature.shape[2])
    y, x = max(y, 0), max(x, 0)
    top, left = min(int(y), height - 1), min(int(x), width - 1)
    y, x = (y if top < height - 1 else top), (x if left < width - 1 else left)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    part_y, part_x = y - top, x - left
    upper = (1 - part_x) * feature[top, left] + part_x * feature[top, right]
    lower = (1 - part_x) * feature[below, left] + part_x * feature[below, right]
    return (1 - part_y) * upper + part_y * lower


def point_by_point(
    feature: Any, region: Any, image: Any, stride_px: float, bins: Any, ratio: int, aligned: bool
) -> Any:
    """Return RoIAlign as torchvision's loops have it, in float32 positions."""
    f4 = np.float32
    pooled = np.zeros((len(region), *bins, feature.shape[3]))
    for row, corners in enumerate(region):
        x1, y1, x2, y2 = corners / f4(stride_px) - f4(0.5 if aligned else 0)
        least = f4(-np.inf if aligned else 1)
        size = [max(y2 - y1, least) / f4(bins[0]), max(x2 - x1, least) / f4(bins[1])]
        count = [ratio or max(int(np.ceil(each)), 0) for each in size]
        for p, q in np.ndindex(*bins):
            for s, t in np.ndindex(*count):
                y = y1 + f4(p) * size[0] + (f4(s) + f4(0.5)) * size[0] / f4(count[0])
                x = x1 + f4(q) * size[1] + (f4(t) + f4(0.5)) * size[1] / f4(count[1])
                pooled[row, p, q] += bilinear_value(feature[image[row]], y, x) / (count[0] * count[1])
    return pooled


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_matrices_are_the_loop_over_points(ratio: int, aligned: bool, seed: int) -> None:
    """The separable form is the mean over all points, one by one, whatever the rule."""
    feature, region, image = drawn(seed, 4)
    expected = point_by_point(feature, region, image, 16, (2, 3), ratio, aligned)
    assert np.allclose(roi_align(feature, region, image, 16, (2, 3), ratio, aligned), expected, atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_regions_are_pooled_by_themselves(seed: int) -> None:
    """Regions in another order give the same rows in that order."""
    feature, region, image = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(region))
    assert np.array_equal(
        roi_align(feature, region[order], image[order], 16), roi_align(feature, region, image, 16)[order]
    )


@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
def test_a_constant_stays_within_the_map(ratio: int) -> None:
    """A map of one value gives that value in every bin of a region inside it."""
    feature = np.full((1, 9, 9, 2), 3.5, np.float32)
    region = np.array([[20, 30, 100, 90], [17, 9, 18, 140]], np.float32)
    assert np.allclose(roi_align(feature, region, np.zeros(2, np.int32), 16, sampling_ratio=ratio), 3.5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ratio=st.integers(0, 3))
def test_a_ramp_is_itself_at_the_middle_of_bins(seed: int, ratio: int) -> None:
    """Of a map that rises by a constant, a bin is the value at its middle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:12, :10].astype(np.float64)
    feature = np.stack([3 * y - 2 * x + 1], axis=2)[None]
    x1, y1 = rng.uniform(16, 60, 2)
    width, height = rng.uniform(5, 60, 2)
    region = np.array([[x1, y1, x1 + width, y1 + height]])
    middle_y = (y1 + height * (np.arange(4) + 0.5) / 4) / 16 - 0.5
    middle_x = (x1 + width * (np.arange(3) + 0.5) / 3) / 16 - 0.5
    expected = 3 * middle_y[:, None] - 2 * middle_x + 1
    assert np.allclose(roi_align(feature, region, np.array([0]), 16, (4, 3), ratio)[0, :, :, 0], expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), down=st.integers(-2, 2), right=st.integers(-2, 2))
def test_map_and_regions_may_move_together(seed: int, down: int, right: int) -> None:
    """A map moved by whole cells, and regions by as many strides, give the same values."""
    feature, region, image = drawn(seed)
    wide = np.pad(feature, ((0, 0), (9, 9), (9, 9), (0, 0)))
    inner = region + 9 * 16
    moved = np.roll(wide, (down, right), axis=(1, 2))
    shift = np.array([right, down, right, down], np.float32) * 16
    assert np.allclose(roi_align(moved, inner + shift, image, 16), roi_align(wide, inner, image, 16), atol=2e-4)


def test_the_edge_reaches_a_cell_beyond_the_map() -> None:
    """A point exactly a cell before the first or behind the last cell is the edge's value; farther away it is 0."""
    feature = np.full((1, 4, 4, 1), 2.0)
    at = np.array([-1.0, -1.001, 4.0, 4.001])
    region = np.stack([at * 16, np.full(4, 24.0), (at + 1) * 16, np.full(4, 40.0)], axis=1)
    value = roi_align(feature, region, np.zeros(4, int), 16, (1, 1), 1)[:, 0, 0, 0]
    assert value.tolist() == [2.0, 0.0, 2.0, 0.0]


def test_the_old_rule_is_half_a_cell_off_and_at_least_a_cell_long() -> None:
    """Legacy regions are those of the new rule half a cell to the lower right; small ones are made a cell long."""
    feature, region, image = drawn(3, spread=200)
    region[:, 2:] = region[:, :2] + 16 + np.abs(region[:, 2:])
    assert np.allclose(
        roi_align(feature, region, image, 16, aligned=False), roi_align(feature, region + 8, image, 16), atol=1e-5
    )
    small, whole = np.array([[40, 30, 41, 30]], np.float32), np.array([[40, 30, 56, 46]], np.float32)
    both = [roi_align(feature, each, image[:1], 16, aligned=False) for each in (small, whole)]
    assert np.array_equal(*both)


def test_adaptive_sampling_of_a_side_without_length_is_nothing() -> None:
    """ceil(0) is no point at all: 0, as torchvision has it; a negative ratio means adaptive there, and here."""
    feature, _, image = drawn(5)
    flat = np.array([[40, 30, 40, 60]], np.float32)
    assert not roi_align(feature, flat, image[:1], 16, sampling_ratio=0).any()
    assert roi_align(feature, flat, image[:1], 16, sampling_ratio=2).any()
    region = np.array([[3, 5, 100, 60]], np.float32)
    both = [roi_align(feature, region, image[:1], 16, sampling_ratio=each) for each in (0, -1)]
    assert np.array_equal(*both)


def test_a_crop_of_points_is_the_mean_of_tensorflows() -> None:
    """RoIAlign with two points a bin is crop_and_resize at these points, averaged, half a cell moved, on a padded map.

    TensorFlow has zeros outside the map, so one cell of its edge is added on each side.
    """
    feature, region, image = drawn(6, 30, 50)
    side = region[:, 2:] - region[:, :2]
    inner = np.concatenate(
        [region[:, :2] + side / 28, region[:, 2:] - side / 28], axis=1
    )  # first and last of 14 points
    padded = np.pad(feature, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    crop = crop_and_resize(padded, inner + 16 - 8, image, 16, (14, 14))
    mean = crop.reshape(len(crop), 7, 2, 7, 2, 3).mean(axis=(2, 4))
    assert np.allclose(mean, roi_align(feature, region, image, 16), atol=2e-5)


def test_types_are_kept() -> None:
    """Float64 stays float64; halves and small integers are pooled as float32."""
    feature, region, image = drawn(7)
    kinds = {kind: roi_align(feature.astype(kind), region, image, 16).dtype for kind in ("f2", "f4", "f8", "u1")}
    assert kinds == {"f2": np.float32, "f4": np.float32, "f8": np.float64, "u1": np.float32}


@pytest.mark.parametrize("tried", [module, bilinear])
def test_examples_of_roi_align(tried: Any) -> None:
    """The examples in the docstrings are right."""
    found = doctest.testmod(tried)
    assert found.attempted
    assert not found.failed
