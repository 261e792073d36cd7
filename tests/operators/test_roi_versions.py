"""RoI pooling in C++ is the reference's, and what people get wrong is refused with a hint."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.errors import DataError, UsageError
from detbench.extension import native
from detbench.operators.catalogue.roi_pooling import OPERATORS
from detbench.operators.contract import Implementation, Mistake, Operator, Wanted, called
from detbench.operators.native import roi_pooling
from detbench.operators.oracle import check

BY_NAME = {operator.name: operator for operator in OPERATORS}
FAST = {name: getattr(roi_pooling, name.replace("-", "_")) for name in BY_NAME}
MISTAKES = [(operator, mistake) for operator in OPERATORS for mistake in operator.mistakes]


@pytest.fixture(autouse=True)
def _built() -> None:
    if native() is None:
        pytest.skip("the native part is not built")


def random_pooling(seed: int, kind: str = "f4") -> dict[str, Any]:
    """Return maps and regions of any size and place; a third of the corners on a grid of half cells."""
    rng = np.random.default_rng(seed)
    images, height, width, channels = rng.integers(1, (4, 12, 12, 40))
    count = int(rng.integers(0, 30))
    region = rng.uniform(-60, 240, (count, 4))
    region = np.where(rng.random((count, 4)) < 1 / 3, np.round(region / 8) * 8, region)
    return {
        "feature": rng.standard_normal((images, height, width, channels)).astype(kind),
        "region": region.astype(kind),
        "image": rng.integers(0, images, count).astype(np.int32),
        "stride_px": float(rng.choice([1, 8, 10, 16])),
    }


@pytest.mark.parametrize("name", FAST)
def test_hard_cases_of_native_pooling(name: str) -> None:
    """All hard cases are answered as the reference answers them."""
    found = check(BY_NAME[name], Implementation("native", name, called(FAST[name])))
    assert found.counterexample is None
    assert found.error < 2e-6


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("name", FAST)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bins=st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_native_pooling_of_anything(name: str, kind: str, seed: int, bins: tuple[int, int]) -> None:
    """Any maps, regions and bins give the reference's numbers, of its type, to rounding."""
    inputs = random_pooling(seed, kind)
    expected, got = (function(*inputs.values(), bins) for function in (BY_NAME[name].reference, FAST[name]))
    assert got.dtype == expected.dtype
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-5 if kind == "f4" else 1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ratio=st.integers(-1, 4), aligned=st.booleans())
def test_native_roi_align_by_every_rule(seed: int, ratio: int, aligned: bool) -> None:
    """Legacy and aligned, with any number of points, are the reference's."""
    inputs = random_pooling(seed)
    rule = {"output_size": (3, 2), "sampling_ratio": ratio, "aligned": aligned}
    expected = BY_NAME["roi-align"].reference(**inputs, **rule)
    assert np.allclose(roi_pooling.roi_align(**inputs, **rule), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FAST)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_pooled_bytes_do_not_depend_on_threads(name: str, seed: int) -> None:
    """One to four threads write the same bytes, into memory of their own or of the caller."""
    inputs = random_pooling(seed)
    once = FAST[name](**inputs, threads=1)
    for threads in (2, 3, 4):
        out = np.full_like(once, np.nan)
        assert FAST[name](**inputs, threads=threads, out=out) is out
        assert out.tobytes() == once.tobytes()


@pytest.mark.parametrize("name", FAST)
def test_anything_that_numpy_accepts_is_pooled(name: str) -> None:
    """Strided maps, small integers, halves, int64 images: copied where they must be, and nothing else changes."""
    inputs = random_pooling(11)
    feature = np.round(inputs["feature"] * 20)
    expected = FAST[name](**inputs | {"feature": feature})
    strided = np.repeat(feature, 2, axis=2)[:, :, ::2]
    for other in (strided, feature.astype(np.int8), feature.astype(np.float16), np.asfortranarray(feature)):
        got = FAST[name](**inputs | {"feature": other, "image": inputs["image"].astype(np.int64)})
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)


def test_nan_is_the_greatest() -> None:
    """A NaN in a map is a NaN in the bins that have it, as in NumPy."""
    inputs = random_pooling(12)
    inputs["feature"][0, 0, 0] = np.nan
    inputs["feature"][:, -1, -1] = np.inf
    expected = BY_NAME["roi-max-pool"].reference(**inputs)
    assert np.array_equal(roi_pooling.roi_max_pool(**inputs), expected, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), points=st.tuples(st.integers(2, 9), st.integers(2, 9)), special=st.booleans())
def test_the_fused_crop_is_the_crop_and_then_its_greatest(seed: int, points: tuple[int, int], special: bool) -> None:
    """Not storing the crop changes no bit of what is made of it, infinities and NaN included."""
    inputs = random_pooling(seed)
    if special:
        feature = inputs["feature"]
        chosen = np.random.default_rng(seed).random(feature.shape)
        feature[chosen < 0.05], feature[chosen > 0.95] = np.nan, -np.inf
    down, across = points[0] // 2, points[1] // 2
    crop = roi_pooling.crop_and_resize(**inputs, crop_size=points)[:, : 2 * down, : 2 * across]
    with np.errstate(invalid="ignore"):
        expected = crop.reshape(len(crop), down, 2, across, 2, crop.shape[3]).max(axis=(2, 4))
    assert np.array_equal(roi_pooling.crop_max_pool(**inputs, crop_size=points), expected, equal_nan=True)


@pytest.mark.parametrize("channels", [48, 50])
@pytest.mark.parametrize("name", FAST)
def test_large_answers_are_those_of_small_parts(name: str, channels: int) -> None:
    """Answers large enough to be written past the caches, if their rows allow it, are the same as in parts."""
    rng = np.random.default_rng(14)
    feature = rng.standard_normal((1, 9, 8, channels), dtype=np.float32)
    size, count = (28, 28), 2_000
    region = rng.uniform(-20, 150, (count, 4)).astype(np.float32)
    pooled = FAST[name](feature, region, np.zeros(count, np.int32), 16.0, size, threads=3)
    assert pooled.nbytes > 64 << 20
    for part in (slice(0, 40), slice(990, 1_010), slice(1_960, 2_000)):
        again = FAST[name](feature, region[part], np.zeros(len(region[part]), np.int32), 16.0, size)
        assert np.array_equal(pooled[part], again)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": np.array([0, 2])}, r"region 1 lies on image 2, and there are 2"),
        ({"image": np.array([-1, 0])}, r"region 0 lies on image -1"),
        ({"image": np.array([0])}, r"regions are \[R, 4\], with an image each"),
        ({"region": np.zeros((2, 5), np.float32)}, r"regions are \[R, 4\]"),
        ({"region": np.array([[0, 0, 1, 1], [0, np.nan, 1, 1]], np.float32)}, r"region 1 has a corner .* not finite"),
        ({"image": np.array([0, 2**32])}, r"region 1 lies on image 4294967296"),
        ({"stride_px": np.nan}, r"both must be above 0"),
        ({"feature": np.zeros((2, 4, 4), np.float32)}, r"feature maps are \[B, H, W, C\]"),
        ({"feature": np.zeros((2, 0, 4, 3), np.float32)}, r"with cells"),
        ({"stride_px": 0.0}, r"both must be above 0"),
        ({"out": np.zeros((2, 7, 7, 3))}, r"out is float64 .* it must be float32"),
    ],
)
def test_native_pooling_refuses_in_a_sentence(name: str, change: dict[str, Any], said: str) -> None:
    """What cannot be pooled is refused with the region's row, and not read out of bounds."""
    inputs = {
        "feature": np.zeros((2, 4, 4, 3), np.float32),
        "region": np.array([[0, 0, 9, 9], [1, 2, 30, 40]], np.float32),
        "image": np.array([0, 1]),
        "stride_px": 16.0,
    }
    with pytest.raises((DataError, UsageError), match=said):
        FAST[name](**inputs | change)


@pytest.mark.parametrize("name", FAST)
def test_an_answer_that_would_overwrite_its_question_is_refused(name: str) -> None:
    """``out`` is memory of its own that may be written to."""
    inputs = random_pooling(14)
    right = FAST[name](**inputs)
    shared = np.zeros(right.size + inputs["feature"].size, right.dtype)
    shared[-inputs["feature"].size :] = inputs["feature"].ravel()
    feature = shared[-inputs["feature"].size :].reshape(inputs["feature"].shape)
    assert np.array_equal(
        FAST[name](**inputs | {"feature": feature}, out=shared[: right.size].reshape(right.shape)), right
    )
    with pytest.raises(UsageError, match="lies in the memory of an input"):
        FAST[name](**inputs | {"feature": feature}, out=shared[-right.size :].reshape(right.shape))
    right.flags.writeable = False
    with pytest.raises(UsageError, match="out is read-only"):
        FAST[name](**inputs, out=right)


@pytest.mark.parametrize("region", [np.zeros(4, np.float32), np.zeros((2, 3), np.float32)])
def test_adaptive_sampling_refuses_regions_of_another_shape(region: np.ndarray) -> None:
    """The length of regions is looked at before their shape."""
    with pytest.raises(DataError, match=r"regions are \[R, 4\]"):
        roi_pooling.roi_align(**random_pooling(15) | {"region": region}, sampling_ratio=0)


def test_without_the_native_part_the_references_answer() -> None:
    """The functions are there without a compiler: the same answers, into the caller's memory if there is some."""
    program = """if True:
        import numpy as np
        from detbench.operators.native import iou, roi_pooling
        feature, region = np.ones((1, 4, 4, 2)), np.array([[0.0, 0, 20, 20]])
        for name in roi_pooling.__all__:
            pool = getattr(roi_pooling, name)
            answer = pool(feature, region, np.array([0]), 16)
            out = np.zeros_like(answer)
            assert pool(feature, region, np.array([0]), 16, out=out) is out
            assert (out == answer).all() and answer.all()
        assert iou.iou(region, region).item() == 1
    """
    environment = os.environ | {"DETBENCH_NO_NATIVE": "1"}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_regions_in_a_wrong_unit_are_not_sampled_for_hours() -> None:
    """Adaptive sampling of a region a million cells long is refused; huge regions of 2 × 2 points are not."""
    region = np.array([[0, 0, 9, 9], [-1e30, 0, 1e30, 50]], np.float32)
    inputs = {**random_pooling(13), "region": region, "image": np.zeros(2, np.int32)}
    with pytest.raises(DataError, match=r"region 1 is .* cells long"):
        roi_pooling.roi_align(**inputs, sampling_ratio=0)
    assert np.isfinite(roi_pooling.roi_align(**inputs)).all()
    assert np.isfinite(roi_pooling.roi_max_pool(**inputs)).all()
    assert np.isfinite(roi_pooling.crop_and_resize(**inputs)).all()
    assert np.isfinite(roi_pooling.crop_max_pool(**inputs)).all()


@pytest.mark.parametrize(("operator", "mistake"), MISTAKES, ids=[f"{o.name}: {m.name}" for o, m in MISTAKES])
def test_a_mistake_in_pooling_is_refused_with_its_hint(operator: Operator, mistake: Mistake) -> None:
    """Each known mistake is refused, by a small counterexample, and told from all others."""
    found = check(operator, Implementation("yours", operator.name, called(mistake.function))).counterexample
    assert found is not None
    assert found.hint == mistake.hint
    assert len(found.case.inputs["region"]) == 1


@pytest.mark.parametrize("operator", OPERATORS, ids=BY_NAME)
def test_timed_pooling_has_its_work_counted(operator: Operator) -> None:
    """Cases to time are of two maps, by number of regions; bytes and operations are what the answer needs."""
    assert operator.timed is not None
    assert operator.work is not None
    cases = operator.timed(Wanted(regions=(2, 20)))
    assert [(case.series, case.size) for case in cases] == [
        ("38 × 50 × 1024", 2),
        ("38 × 50 × 1024", 20),
        ("64 × 64 × 256", 2),
        ("64 × 64 × 256", 20),
    ]
    expected = operator.reference(**cases[2].inputs, **cases[2].settings)
    work = operator.work(cases[2], expected)
    assert work.bytes_moved == 64 * 64 * 256 * 4 + 2 * 5 * 4 + expected.nbytes
    assert 0 < work.operations < expected.size * 2 * 16 * (4 if operator.name == "crop-max-pool" else 1) + 10**6


def test_crops_larger_than_memory_should_be_are_not_timed() -> None:
    """2,000 crops of 1,024 channels would be 1.6 GB."""
    timed = BY_NAME["crop-and-resize"].timed
    assert timed is not None
    assert {(case.series, case.size) for case in timed(Wanted(regions=(300, 2_000)))} == {
        ("38 × 50 × 1024", 300),
        ("64 × 64 × 256", 300),
        ("64 × 64 × 256", 2_000),
    }
