"""Overlaps of boxes in C++ are the reference's to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.errors import DataError
from detbench.extension import native
from detbench.operators.native import iou as fast
from detbench.operators.reference import iou as reference

NAMES = ["iou", "giou", "diou", "ciou"]


@pytest.fixture(autouse=True)
def _built() -> None:
    if native() is None:
        pytest.skip("the native part is not built")


def random_pairs(seed: int, kind: str) -> tuple[Any, Any]:
    """Return boxes of which many coincide, touch, are empty or inverted, and some are not finite."""
    rng = np.random.default_rng(seed)
    values = [0.0, 0.1, 3.3, 7.0, 7.1, 20.0, -5.0, 1e12, np.nan, np.inf]
    odds = np.array([3, 3, 3, 3, 3, 3, 2, 0.3, 0.1, 0.1])
    return tuple(
        np.where(
            rng.random((count, 4)) < 0.5,
            rng.choice(values, (count, 4), p=odds / odds.sum()),
            rng.uniform(-10, 30, (count, 4)),
        ).astype(kind)
        for count in rng.integers(0, 90, 2)
    )


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threads=st.integers(1, 4))
def test_overlaps_are_equal_to_the_last_bit(name: str, kind: str, seed: int, threads: int) -> None:
    """Any boxes, NaN and infinity among them, on any number of threads."""
    a, b = random_pairs(seed, kind)
    with np.errstate(all="ignore"):
        expected = getattr(reference, name)(a, b)
    got = getattr(fast, name)(a, b, threads=threads)
    assert got.dtype == expected.dtype
    assert np.array_equal(got, expected, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_many_boxes_are_shared_by_threads(name: str) -> None:
    """More pairs than one thread takes at a time: rows are where they belong."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 900, (900, 2)).astype(np.float32)
    a = np.concatenate([corner, corner + rng.uniform(1, 90, (900, 2)).astype(np.float32)], axis=1)
    b = a[::4]
    assert np.array_equal(getattr(fast, name)(a, b, threads=4), getattr(reference, name)(a, b))


@pytest.mark.parametrize("name", NAMES)
def test_boxes_of_any_type_overlap(name: str) -> None:
    """Whole numbers, strided rows and mixed floats are converted as NumPy would."""
    a, b = np.array([[0, 0, 4, 2], [1, 1, 3, 5]]), np.array([[2, 0, 6, 2]])
    expected = getattr(reference, name)(a.astype(np.float64), b.astype(np.float64))
    for other in (a, np.asfortranarray(a), np.repeat(a, 2, axis=0)[::2]):
        assert np.array_equal(getattr(fast, name)(other, b), expected)
    assert getattr(fast, name)(a.astype(np.float32), b.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_table_of_boxes_is_refused(name: str) -> None:
    """A single box and boxes of five numbers are refused with their shape."""
    for wrong in (np.zeros(4), np.zeros((2, 5))):
        with pytest.raises(DataError, match=r"boxes are \[N, 4\]"):
            getattr(fast, name)(wrong, np.zeros((1, 4)))
