"""What a piece takes on an input as a detector has it, small enough for loops in Python."""

from __future__ import annotations

import sys
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from detbench.operators.contract import Case, Implementation, Operator, Wanted
from detbench.operators.course.watch import Watch
from detbench.operators.inputs import clustered_boxes, feature_map, regions
from detbench.operators.oracle import judge
from detbench.operators.registry import implementations_of
from detbench.timing.samples import quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Time", "Timed", "realistic", "timed"]

#: A function is called until it has taken so long, so often at most; and fewer times than three only if it is slow.
_ENOUGH_MS, _MOST_CALLS = 200.0, 50
_FEW_CALLS, _SLOW_MS = 3, 2_000.0

#: What is timed beside a learner's, and what it is called there.
_BESIDE = {
    "numpy": "the reference",
    "native": "native",
    "tf.image.non_max_suppression": "TensorFlow's own",
    "tf.crop_and_resize+max": "TensorFlow's own",
    "tf.crop_and_resize+avg": "TensorFlow's own",
    "keras-graph": "Keras, as a graph",
}

_SEED = 5
_STRIDE_PX = 16.0


class Time(msgspec.Struct, frozen=True):
    """The median of a function's times."""

    name: str
    ms: float


class Timed(msgspec.Struct, frozen=True):
    """Times on one input, which ``what`` describes; the first row is what the others are compared with."""

    what: str
    rows: list[Time]


def timed(operator: Operator, case: Case, yours: Mapping[str, Implementation], watch: Watch | None = None) -> Timed:
    """Return the times of ``yours``, of the reference, and of what comes with detbench that is right on ``case``."""
    rows = [Time(name, _median_ms(one, case, watch or Watch())) for name, one in yours.items()]
    for name, label in _BESIDE.items():
        one = implementations_of(operator.name).get(name)
        if one is None or not _at_hand(one) or one.cannot(case) is not None:
            continue
        if judge(operator, one, case)[0].problem is None:
            rows.append(Time(label, _median_ms(one, case, Watch())))
    return Timed(case.name, rows)


def _at_hand(one: Implementation) -> bool:
    """Whether its framework is imported already: that takes seconds, and none is imported to be timed."""
    return all(module in sys.modules for module in one.requires[-1:])


def _median_ms(one: Implementation, case: Case, watch: Watch) -> float:
    bound = one.bind(case, "cpu")
    sent = bound.send()
    bound.compile(sent)
    samples: list[float] = []

    def call() -> float:
        watch.asked(case)
        begin = perf_counter()
        bound.run(sent)
        end = perf_counter()
        watch.answered()
        return (end - begin) * 1000

    call()
    while len(samples) < _MOST_CALLS and sum(samples) < (_SLOW_MS if len(samples) < _FEW_CALLS else _ENOUGH_MS):
        samples.append(call())
    return quantile(samples, 0.5).value_ms


def realistic(operator: Operator) -> Case | None:
    """Return an input to time ``operator`` with, or None where there is none."""
    if operator.name in _INPUTS:
        return _INPUTS[operator.name]()
    if operator.timed is not None:
        first = operator.timed(Wanted(boxes=(1_000,), keep=300, regions=(50,)))[0]
        return replace(first, name=f"{first.series or operator.title}, {first.size:,}")
    return None


def _rng() -> np.random.Generator:
    return np.random.default_rng(_SEED)


def _case(name: str, /, settings: dict[str, Any] | None = None, **inputs: Any) -> Case:
    return Case(name, {key: np.asarray(value) for key, value in inputs.items()}, settings or {})


def _boxes(count: int) -> Any:
    return clustered_boxes(count, 10, _SEED)[0]


def _scored(count: int) -> dict[str, Any]:
    box, score = clustered_boxes(count, 10, _SEED)
    return {"box": box, "score": score}


def _weights(*shapes: tuple[int, ...]) -> list[Any]:
    rng = _rng()
    return [(rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]) + 1)).astype(np.float32) for shape in shapes]


def _anchors() -> Case:
    half = np.outer(np.geomspace(32, 256, 12), [-1.0, -1.0, 1.0, 1.0]).astype(np.float32)
    settings = {"height": 38, "width": 50, "stride_px": _STRIDE_PX}
    return _case("12 anchors on each of 38 × 50 cells", settings, reference=half)


def _coded() -> Case:
    box, reference = _boxes(6_000), _boxes(6_000)[::-1].copy()
    return _case("6,000 boxes", box=box, reference=reference)


def _deltas() -> Case:
    delta = (_rng().standard_normal((6_000, 4)) * 0.2).astype(np.float32)
    return _case("6,000 boxes", delta=delta, reference=_boxes(6_000))


def _pooling(**settings: Any) -> Callable[[], Case]:
    def made() -> Case:
        feature = feature_map(38, 50, 64, _SEED)
        region = regions(50, 38, 50, _STRIDE_PX, _SEED)
        given = {"stride_px": _STRIDE_PX, **settings}
        image = np.zeros(50, dtype=np.int32)
        return _case("50 regions of a map of 38 × 50 × 64", given, feature=feature, region=region, image=image)

    return made


def _rpn() -> Case:
    names = ("kernel", "bias", "score_kernel", "score_bias", "delta_kernel", "delta_bias")
    weights = _weights((3, 3, 32, 32), (32,), (32, 12), (12,), (32, 48), (48,))
    feature = feature_map(19, 25, 32, _SEED)[0]
    return _case("a map of 19 × 25 × 32, 12 anchors a cell", feature=feature, **dict(zip(names, weights, strict=True)))


def _box_head() -> Case:
    names = ("weight1", "bias1", "weight2", "bias2", "score_weight", "score_bias", "delta_weight", "delta_bias")
    weights = _weights((7 * 7 * 16, 64), (64,), (64, 64), (64,), (64, 21), (21,), (64, 80), (80,))
    pooled = feature_map(7, 7, 16 * 50, _SEED).reshape(50, 7, 7, 16)
    return _case("50 regions of 7 × 7 × 16, 20 categories", pooled=pooled, **dict(zip(names, weights, strict=True)))


def _assigned() -> Case:
    anchor, truth = _boxes(4_000), _boxes(4_000)[::200].copy()
    return _case("4,000 anchors, 20 objects", anchor=anchor, truth=truth, state=np.ones(20, dtype=np.int32))


def _sampled() -> Case:
    rng = _rng()
    label = rng.choice(np.array([1, 0, -1], dtype=np.int32), 20_000, p=[0.02, 0.9, 0.08])
    settings = {"count": 256, "positive_share": 0.5}
    return _case("256 of 20,000 anchors", settings, label=label, random=rng.random(20_000, dtype=np.float32))


def _rows() -> Case:
    rng = _rng()
    logit = rng.standard_normal((2_000, 21), dtype=np.float32)
    return _case("2,000 rows, 21 categories", logit=logit, category=rng.integers(0, 21, 2_000).astype(np.int32))


def _differences() -> Case:
    rng = _rng()
    prediction, target = rng.standard_normal((2, 5_000, 4), dtype=np.float32)
    return _case("5,000 × 4 numbers", {"beta": 1.0}, prediction=prediction, target=target)


def _rpn_step() -> Case:
    rng = _rng()
    count = 5_000
    label = rng.choice(np.array([1, 0, -1], dtype=np.int32), count, p=[0.02, 0.03, 0.95])
    delta, target = rng.standard_normal((2, count, 4), dtype=np.float32)
    logit = rng.standard_normal(count, dtype=np.float32)
    return _case("256 or so of 5,000 anchors", logit=logit, delta=delta, label=label, target=target)


_INPUTS: dict[str, Callable[[], Case]] = {
    "anchor-grid": _anchors,
    "centre-and-size": lambda: _case("6,000 boxes", box=_boxes(6_000)),
    "encode": _coded,
    "decode": _deltas,
    "change-order": lambda: _case("6,000 boxes", box=_boxes(6_000)),
    "normalize-boxes": lambda: _case("6,000 boxes", {"height_px": 800, "width_px": 1_333}, box=_boxes(6_000)),
    "rpn-head": _rpn,
    "keep-top-n": lambda: _case("2,000 of 20,000 boxes", {"count": 2_000}, **_scored(20_000)),
    "filter-boxes": lambda: _case("6,000 boxes", {"min_size_px": 16.0}, **_scored(6_000)),
    "nms": lambda: _case("2,000 boxes around 200 objects", {"iou_threshold": 0.7}, **_scored(2_000)),
    "crop-max-pool": _pooling(crop_size=(14, 14)),
    "roi-align": _pooling(output_size=(7, 7), sampling_ratio=2, aligned=True),
    "box-head": _box_head,
    "assign-anchors": _assigned,
    "sample-balanced": _sampled,
    "smooth-l1": _differences,
    "cross-entropy": _rows,
    "rpn-loss": _rpn_step,
}
