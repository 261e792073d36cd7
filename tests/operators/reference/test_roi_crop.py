"""crop_and_resize is TensorFlow's, and crop_max_pool its 2 × 2 maximum."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.operators.catalogue.roi_pooling import OPERATORS
from detbench.operators.reference import crop_and_resize as module
from detbench.operators.reference.crop_and_resize import crop_and_resize, crop_max_pool

if TYPE_CHECKING:
    from detbench.operators.contract import Case

CASES = {case.name: case for operator in OPERATORS if operator.name == "crop-and-resize" for case in operator.cases()}


def tensorflows(feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)) -> Any:
    """Return what TensorFlow makes of regions that are normalised as the reference says."""
    tensorflow = pytest.importorskip("tensorflow")
    last = np.maximum(np.array(feature.shape[2:0:-1]) - 1, 1)
    box = region / (np.float32(stride_px) * np.tile(last, 2).astype(np.float32))
    return tensorflow.image.crop_and_resize(feature, box[:, [1, 0, 3, 2]], image, crop_size).numpy()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_hard_crop_is_tensorflows(case: Case) -> None:
    """Every hard case is TensorFlow's to rounding, with no point on another side of the map's edge."""
    got = crop_and_resize(**case.inputs, **case.settings)
    assert np.allclose(got, tensorflows(**case.inputs, **case.settings), rtol=1e-5, atol=2e-6)


def test_many_crops_are_tensorflows() -> None:
    """A thousand regions that end in, on and beyond the edge of the map, of any number of points."""
    rng = np.random.default_rng(0)
    feature = rng.standard_normal((3, 13, 11, 4), dtype=np.float32)
    region = (rng.integers(-4, 30, (1_000, 4)) * 8).astype(np.float32)
    image = rng.integers(0, 3, 1_000).astype(np.int32)
    for size in [(1, 1), (2, 3), (7, 5), (14, 14)]:
        expected = tensorflows(feature, region, image, 16, size)
        assert np.allclose(crop_and_resize(feature, region, image, 16, size), expected, rtol=1e-5, atol=5e-6), size


def test_the_picture_ends_beyond_the_last_centre() -> None:
    """A region that ends with the picture leaves the map: its last column is 0, as TensorFlow's is."""
    feature = np.ones((1, 4, 4, 1))
    crop = crop_and_resize(feature, np.array([[0.0, 0, 64, 48]]), np.array([0]), 16, (2, 2))
    assert crop[0, :, :, 0].tolist() == [[1, 0], [1, 0]]


def test_max_pooling_halves_a_crop() -> None:
    """Of 2 × 2 points the greatest stays; an odd row or column is left out."""
    rng = np.random.default_rng(1)
    feature = rng.standard_normal((1, 9, 9, 3))
    region, image = np.array([[10.0, 20, 90, 110]]), np.array([0])
    crop = crop_and_resize(feature, region, image, 16, (5, 4))
    pooled = crop_max_pool(feature, region, image, 16, (5, 4))
    assert pooled.shape == (1, 2, 2, 3)
    for p, q in np.ndindex(2, 2):
        assert np.array_equal(pooled[0, p, q], crop[0, 2 * p : 2 * p + 2, 2 * q : 2 * q + 2].max(axis=(0, 1)))


def test_examples_of_crops() -> None:
    """The examples in the docstrings are right."""
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
