"""The native part and its NumPy twins give the same numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.boxes import pairwise_iou
from detbench.evaluation.matching import Matches, match_task
from detbench.evaluation.metrics.curves import LEVELS, accumulate_with
from detbench.evaluation.ordering import Side, ordered
from detbench.evaluation.protocols import PROTOCOLS, Protocol
from detbench.evaluation.resampling_numpy import WHOLE_CURVE, resample_block, weighted_sums
from detbench.evaluation.tasks import MatchingTask
from detbench.extension import native

_native = native()
pytestmark = pytest.mark.skipif(_native is None, reason="the native part was not built")


def random_task(seed: int, protocol: Protocol, groups: int = 12) -> MatchingTask:
    """Return groups of coarse boxes, so that IoUs tie and coincide, with crowds, ignored and void ground truth."""
    rng = np.random.default_rng(seed)
    truth_counts, counts = rng.integers(0, 7, groups), rng.integers(1, 9, groups)
    truths, total = int(truth_counts.sum()), int(counts.sum())
    bits = len(protocol.iou_thresholds) * len(protocol.areas)

    def boxes(n: int) -> np.ndarray:
        corner = rng.integers(0, 5, (n, 2)) * 4.0
        return np.concatenate([corner, corner + rng.integers(0, 6, (n, 2)) * 4.0], axis=1)

    def masks(n: int, share: float) -> np.ndarray:
        return np.where(rng.random(n) < share, rng.integers(0, 2**bits, n, dtype=np.uint64), np.uint64(0))

    truth_box, box = boxes(truths), boxes(total)
    crowd = rng.random(truths) < 0.2
    ignored = masks(truths, 0.3)
    ignored[crowd] = np.uint64(2**bits - 1)
    begin, truth_begin = np.cumsum(counts) - counts, np.cumsum(truth_counts) - truth_counts
    nothing = np.zeros(0)
    border = 1.0 if protocol.inclusive_boxes else 0.0
    return MatchingTask(
        truth_row=nothing,
        truth_category=nothing,
        truth_image=nothing,
        truth_box=truth_box,
        truth_area=np.prod(truth_box[:, 2:] - truth_box[:, :2] + border, axis=1),
        truth_ignored=ignored,
        truth_crowd=crowd.astype(np.uint8),
        truth_void=(rng.random(truths) < 0.1).astype(np.uint8),
        row=nothing,
        category=nothing,
        image=nothing,
        box=box,
        area=np.prod(box[:, 2:] - box[:, :2] + border, axis=1),
        outside=masks(total, 0.3),
        score=nothing,
        rank=nothing,
        groups=np.stack([truth_begin, truth_begin + truth_counts, begin, begin + counts], axis=1).astype(np.int64),
    )


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("inclusive", [False, True])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threads=st.integers(1, 4))
def test_matching(name: str, inclusive: bool, seed: int, threads: int) -> None:
    """Found, not counted and partner are equal, whatever the protocol and the number of threads."""
    protocol = PROTOCOLS[name]._replace(inclusive_boxes=inclusive)
    task = random_task(seed, protocol)
    twin, fast = match_task(task, protocol, None), match_task(task, protocol, _native, threads=threads)
    for expected, found in zip(twin, fast, strict=True):
        assert np.array_equal(expected, found)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), inclusive=st.booleans())
def test_iou(seed: int, inclusive: bool) -> None:
    """Every IoU is equal to the last bit: coinciding, touching, empty and inverted boxes, and crowds."""
    rng = np.random.default_rng(seed)
    a, b = (rng.choice([0.0, 0.1, 3.3, 7.0, 7.1, 20.0], (n, 4)) for n in (6, 5))
    crowd = rng.random(5) < 0.3
    area_a, area_b = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    fast = np.empty((6, 5))
    assert _native is not None
    _native.pairwise_iou(a, area_a, b, area_b, crowd.astype(np.uint8), inclusive, fast)
    twin = pairwise_iou(a, b, area_a=area_a, area_b=area_b, crowd_b=crowd, inclusive=inclusive)
    assert np.array_equal(twin, fast)


def random_columns(seed: int, bits: int, *, alike: bool, heavy: bool) -> dict[str, Any]:
    """Return what is resampled, with weights.

    ``alike`` makes nearly the same predictions count in neighbouring bits, as the thresholds of an area range do;
    ``heavy`` makes weights of 255, and hundreds of rows without a find: more than 16 bits hold.
    """
    assert _native is not None
    rng = np.random.default_rng(seed)
    images, categories = 9, 3
    counts, truth_counts = rng.integers(0, 900 if heavy else 60, categories), rng.integers(0, 40, categories)
    n, truths = int(counts.sum()), int(truth_counts.sum())

    def masks(count: int) -> np.ndarray:
        free = rng.integers(0, 2**bits - 1, count, dtype=np.uint64, endpoint=True)
        if not alike:
            return free
        halves = np.array([0, 2**bits - 1, 2 ** (bits // 2) - 1], np.uint64)[rng.integers(0, 3, count)]
        return halves ^ np.where(rng.random(count) < 0.05, free, np.uint64(0))

    found, weight = masks(n) & masks(n), rng.integers(0, 4, (images, _native.LANES), dtype=np.uint8)
    if heavy:
        found[: max(n - 5, 0)] = 0
        weight = np.repeat(np.linspace(0, 255, _native.LANES, dtype=np.uint8)[None], images, axis=0)
    return {
        "image": rng.integers(0, images, n, dtype=np.int32),
        "rank": rng.integers(0, 12, n, dtype=np.int32),
        "max_dets": np.array([1, 5, 100], np.int32),
        "found": found,
        "not_counted": masks(n),
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "truth_image": rng.integers(0, images, truths, dtype=np.int32),
        "truth_ignored": masks(truths),
        "truth_offsets": np.concatenate([[0], np.cumsum(truth_counts)]).astype(np.int64),
        "bit_count": bits,
        "weight": weight,
    }


def both(columns: dict[str, Any], interpolation: str) -> list[list[np.ndarray]]:
    """Return average precision and recall by the twin and by the native part."""
    assert _native is not None
    weight, categories, bits = columns["weight"], len(columns["offsets"]) - 1, columns["bit_count"]
    rest = {name: column for name, column in columns.items() if name != "weight"} | {
        "levels": LEVELS.get(interpolation, np.zeros(0)),
        "interpolation": list(LEVELS).index(interpolation) if interpolation in LEVELS else WHOLE_CURVE,
    }
    shapes = ((categories, bits, _native.LANES), (categories, bits, len(columns["max_dets"]), _native.LANES))
    outputs = [[np.zeros(shape) for shape in shapes] for _ in range(2)]
    for run, (average, recall) in zip(
        (partial(resample_block, **rest), _native.Resampler(**rest).block), outputs, strict=True
    ):
        run(weight=weight, average_precision=average, recall=recall)
    return outputs


@pytest.mark.parametrize("interpolation", ["101-point", "11-point", "all-point"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([1, 4, 40, 64]), alike=st.booleans(), heavy=st.booleans())
def test_resampling(interpolation: str, seed: int, bits: int, alike: bool, heavy: bool) -> None:
    """Average precision of weighted images is equal to rounding, recall to the bit, and both undefined together."""
    columns = random_columns(seed, min(bits, 4) if heavy else bits, alike=alike, heavy=heavy)
    (twin, twin_recall), (fast, fast_recall) = both(columns, interpolation)
    # More may be found here than there is: an area of thousands has its rounding.
    np.testing.assert_allclose(twin, fast, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(twin_recall, fast_recall)


@pytest.mark.parametrize("interpolation", ["101-point", "11-point"])
@pytest.mark.parametrize("truths", [7, 20, 25, 50, 100, 300])
def test_resampling_at_levels_that_rounding_misses(interpolation: str, truths: int) -> None:
    """57 of 100 found do not reach the level 0.57, whose own value is a little more; every count is tried."""
    assert _native is not None
    rng = np.random.default_rng(truths)
    rows = 2 * truths
    found = np.zeros(rows, np.uint64)
    found[rng.permutation(rows)[:truths]] = 1
    columns = {
        "image": rng.permutation(rows).astype(np.int32),
        "rank": np.zeros(rows, np.int32),
        "max_dets": np.array([1], np.int32),
        "found": found,
        "not_counted": np.zeros(rows, np.uint64),
        "offsets": np.array([0, rows]),
        "truth_image": np.full(truths, rows, np.int32),
        "truth_ignored": np.zeros(truths, np.uint64),
        "truth_offsets": np.array([0, truths]),
        "bit_count": 1,
        "weight": np.ones((rows + 1, _native.LANES), np.uint8),
    }
    for first in range(0, truths + 1, _native.LANES):
        # Lane i lacks the images of the last first + i finds: so many fewer are found.
        weight = columns["weight"] = np.ones((rows + 1, _native.LANES), np.uint8)
        for lane in range(_native.LANES):
            gone = np.flatnonzero(found)[::-1][: first + lane]
            weight[columns["image"][gone], lane] = 0
        (twin, _), (fast, _) = both(columns, interpolation)
        np.testing.assert_allclose(twin, fast, rtol=0, atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limit=st.sampled_from([None, 1, 3, 100]), threads=st.integers(1, 4))
def test_ordering(seed: int, limit: int | None, threads: int) -> None:
    """Rows, ranks and groups are equal: ties, images in any order, rows that take no part, nothing at all."""
    rng = np.random.default_rng(seed)
    categories, images = int(rng.integers(1, 5)), int(rng.integers(1, 7))

    def side(count: int, sort: bool) -> Side:
        image = rng.integers(0, images, count, dtype=np.int32)
        return Side(rng.integers(-1, categories, count, dtype=np.int32), np.sort(image) if sort else image)

    truth = side(int(rng.integers(0, 30)), sort=bool(rng.integers(2)))
    predictions = side(int(rng.choice([0, 1, 40, 400])), sort=bool(rng.integers(2)))
    score = rng.choice([-2.5, -0.0, 0.0, 1e-300, 0.3, 0.9, 7.0], len(predictions.image))
    arguments = truth, predictions, score, (categories, images), limit
    for expected, found in zip(ordered(*arguments, None), ordered(*arguments, _native, threads=threads), strict=True):
        assert (expected.dtype, expected.shape) == (found.dtype, found.shape)
        assert np.array_equal(expected, found)


def random_matches(seed: int, protocol: Protocol, truths: int, count: int) -> Matches:
    """Return what matching might have found among ``truths`` and ``count`` rows of three categories."""
    rng = np.random.default_rng(seed)
    bits = len(protocol.iou_thresholds) * len(protocol.areas)
    thresholds = len(protocol.iou_thresholds)
    ranges = np.array([(2**thresholds - 1) << (area * thresholds) for area in range(len(protocol.areas))], np.uint64)

    def masks(rows: int) -> np.ndarray:
        """Return masks of nothing, of whole area ranges, and of anything."""
        whole = np.where(rng.random((rows, len(ranges))) < 0.4, ranges, np.uint64(0))
        free = rng.integers(0, 2**bits, rows, dtype=np.uint64)
        whole = np.bitwise_or.reduce(whole, axis=1)
        return np.where(rng.random(rows) < 0.2, free, np.where(rng.random(rows) < 0.4, np.uint64(0), whole))

    category = np.sort(rng.integers(0, 3, count, dtype=np.int32))
    truth_category = np.sort(rng.integers(0, 3, truths, dtype=np.int32))
    task = random_task(seed, protocol)
    task = replace(
        task,
        truth_category=truth_category,
        truth_image=rng.integers(0, 9, truths, dtype=np.int32),
        truth_ignored=masks(truths),
        category=category,
        score=rng.choice([0.1, 0.25, 0.5, rng.random()], count) if seed % 2 else rng.random(count),
        rank=rng.integers(0, 120, count, dtype=np.int32),
    )
    # Fewer finds than ground truth in every category, area range and threshold, as matching sees to.
    found = np.zeros(count, np.uint64)
    for row in range(3):
        must = np.bitwise_and.reduce(~task.truth_ignored[truth_category == row], initial=np.uint64(2**bits - 1))
        rows = np.flatnonzero(category == row)[: np.count_nonzero(truth_category == row)]
        found[rows] = masks(len(rows)) & must
    return Matches(protocol, task, 9, 4, found, masks(count), np.full(count, -1, np.int32))


ACCUMULATED = {
    **PROTOCOLS,
    "coco_all_points": PROTOCOLS["coco"]._replace(interpolation="all-point", max_dets=(5, None)),
    "coco_11_points": PROTOCOLS["coco"]._replace(interpolation="11-point"),
}


@pytest.mark.parametrize("name", ACCUMULATED)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threads=st.integers(1, 4), size=st.sampled_from([0, 1, 12, 300]))
def test_accumulation(name: str, seed: int, threads: int, size: int) -> None:
    """Curves, averages, recall and counts are equal to the last bit, by every interpolation."""
    matches = random_matches(seed, ACCUMULATED[name], truths=size, count=3 * size)
    twin, fast = accumulate_with(matches, None), accumulate_with(matches, _native, threads=threads)
    for column in fields(twin):
        expected, found = getattr(twin, column.name), getattr(fast, column.name)
        assert np.array_equal(expected, found, equal_nan=column.name != "truth_count"), column.name


@pytest.mark.parametrize("found", [7, 8, 127, 128, 129, 1000, 5003])
def test_areas_under_long_curves(found: int) -> None:
    """The sum over thousands of points is NumPy's pairwise one, last bits included."""
    rng = np.random.default_rng(found)
    matches = random_matches(1, PROTOCOLS["voc2012"], truths=found + 3, count=2 * found)
    hit = np.zeros(2 * found, np.uint64)
    hit[rng.choice(2 * found, found, replace=False)] = 1
    nothing = np.zeros(found + 3)
    task = replace(
        matches.task,
        truth_category=nothing.astype(np.int32),
        truth_ignored=nothing.astype(np.uint64),
        category=np.zeros(2 * found, np.int32),
        score=rng.random(2 * found),
    )
    matches = replace(matches, task=task, found=hit, not_counted=np.zeros_like(hit))
    twin, fast = accumulate_with(matches, None), accumulate_with(matches, _native)
    assert 0 < twin.average_precision[0, 0, 0] < 1
    assert np.array_equal(twin.average_precision, fast.average_precision, equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), images=st.integers(0, 300), columns=st.integers(0, 20))
def test_weighted_sums(seed: int, images: int, columns: int) -> None:
    """Sums over weighted images are equal to rounding, and whole numbers exactly."""
    assert _native is not None
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 256, (images, _native.LANES), dtype=np.uint8)
    out = np.empty((columns, _native.LANES))
    for per_image, tolerance in (
        (rng.normal(size=(images, columns)), 1e-9),
        (rng.integers(-9, 9, (images, columns)) * 1.0, 0),
    ):
        _native.weighted_sums(per_image, weight, out)
        np.testing.assert_allclose(weighted_sums(per_image, weight), out, rtol=0, atol=tolerance)


def test_native_refuses_columns_that_do_not_fit() -> None:
    """Images without a weight, falling offsets and uneven levels are refused before anything is read."""
    assert _native is not None
    columns = random_columns(1, 4, alike=True, heavy=False)
    weight = columns.pop("weight")
    columns |= {"levels": LEVELS["101-point"], "interpolation": 0}
    outputs = {"average_precision": np.empty((3, 4, _native.LANES)), "recall": np.empty((3, 4, 3, _native.LANES))}
    with pytest.raises(ValueError, match="an image has no weight"):
        _native.Resampler(**columns).block(weight=weight[:-2], **outputs)
    with pytest.raises(ValueError, match="another shape"):
        _native.Resampler(**columns | {"bit_count": 5}).block(weight=weight, **outputs)
    for change, message in (
        ({"offsets": columns["offsets"][::-1].copy()}, "offsets do not rise"),
        ({"levels": columns["levels"] ** 2}, "not evenly spaced"),
        ({"max_dets": columns["max_dets"][::-1].copy()}, "do not ascend"),
        ({"image": columns["image"] - 9}, "below 0"),
        ({"bit_count": 65}, "not 1 to 64"),
    ):
        with pytest.raises(ValueError, match=message):
            _native.Resampler(**columns | change)


def test_native_refuses_tables_that_do_not_fit() -> None:
    """A group that leaves its table is refused before anything is read."""
    protocol = PROTOCOLS["coco"]
    task = random_task(0, protocol)
    with pytest.raises(ValueError, match="leaves its table"):
        match_task(replace(task, groups=task.groups + 1000), protocol, _native)
    with pytest.raises(ValueError, match="differ in length"):
        match_task(replace(task, area=task.area[:-1]), protocol, _native)


def test_native_refuses_rows_on_no_image() -> None:
    """An image or a category that is not there is refused before anything is ordered."""
    one, score = np.zeros(1, np.int32), np.ones(1)
    for category, image in ((2, 0), (-2, 0), (0, 1), (0, -1)):
        odd = Side(np.array([category], np.int32), np.array([image], np.int32))
        with pytest.raises(ValueError, match="on no image or of no category"):
            ordered(Side(one, one), odd, score, (1, 1), None, _native)


def test_native_refuses_curves_that_do_not_fit() -> None:
    """Offsets that leave the table are refused before anything is read."""
    matches = random_matches(3, PROTOCOLS["coco"], truths=5, count=9)
    with pytest.raises(ValueError, match="prediction columns differ in length"):
        accumulate_with(replace(matches, found=matches.found[:-1]), _native)
    with pytest.raises(ValueError, match="leave the table"):
        accumulate_with(replace(matches, task=replace(matches.task, truth_ignored=np.zeros(0, np.uint64))), _native)
