"""The native part and its NumPy twins give the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.boxes import pairwise_iou
from detbench.evaluation.matching import match_task
from detbench.evaluation.protocols import PROTOCOLS, Protocol
from detbench.evaluation.resampling_numpy import resample_block
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


@pytest.mark.parametrize(("interpolation", "levels"), [(0, 101), (1, 11), (2, 0)])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([1, 4, 40, 64]), alike=st.booleans())
def test_resampling(interpolation: int, levels: int, seed: int, bits: int, alike: bool) -> None:
    """Average precision and recall of weighted images are equal to rounding, and undefined together.

    ``alike`` makes nearly the same predictions count in neighbouring bits, as the thresholds of an area range do.
    """
    assert _native is not None
    rng = np.random.default_rng(seed)
    images, categories = 9, 3
    counts, truth_counts = rng.integers(0, 60, categories), rng.integers(0, 12, categories)
    n, truths = int(counts.sum()), int(truth_counts.sum())

    def masks(count: int) -> np.ndarray:
        free = rng.integers(0, 2**bits - 1, count, dtype=np.uint64, endpoint=True)
        if not alike:
            return free
        halves = np.array([0, 2**bits - 1, 2 ** (bits // 2) - 1], np.uint64)[rng.integers(0, 3, count)]
        return halves ^ np.where(rng.random(count) < 0.05, free, np.uint64(0))

    columns = {
        "image": rng.integers(0, images, n, dtype=np.int32),
        "rank": rng.integers(0, 12, n, dtype=np.int32),
        "max_dets": np.array([1, 5, 100], np.int32),
        "found": rng.integers(0, 2**bits - 1, n, dtype=np.uint64, endpoint=True),
        "not_counted": masks(n),
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "truth_image": rng.integers(0, images, truths, dtype=np.int32),
        "truth_ignored": masks(truths),
        "truth_offsets": np.concatenate([[0], np.cumsum(truth_counts)]).astype(np.int64),
        "bit_count": bits,
        "levels": np.linspace(0, 1, levels) if levels else np.zeros(0),
        "interpolation": interpolation,
        "weight": rng.integers(0, 4, (images, _native.LANES), dtype=np.uint8),
    }
    shapes = ((categories, bits, _native.LANES), (categories, bits, 3, _native.LANES))
    outputs = [[np.zeros(shape) for shape in shapes] for _ in range(2)]
    for run, (average, recall) in zip((resample_block, _native.resample_block), outputs, strict=True):
        run(**columns, average_precision=average, recall=recall)
    for twin, fast in zip(*outputs, strict=True):
        np.testing.assert_allclose(twin, fast, rtol=0, atol=1e-12)


def test_native_refuses_tables_that_do_not_fit() -> None:
    """A group that leaves its table is refused before anything is read."""
    protocol = PROTOCOLS["coco"]
    task = random_task(0, protocol)
    with pytest.raises(ValueError, match="leaves its table"):
        match_task(replace(task, groups=task.groups + 1000), protocol, _native)
    with pytest.raises(ValueError, match="differ in length"):
        match_task(replace(task, area=task.area[:-1]), protocol, _native)
