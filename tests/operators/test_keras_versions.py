"""The operators in keras.ops answer as the references do, on every backend, in batches, compiled once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detbench.operators.contract import Case, Implementation
from detbench.operators.implementations.keras import IMPLEMENTATIONS, NAMES
from detbench.operators.oracle import check
from detbench.operators.reference.nms import nms as reference_nms
from detbench.operators.reference.roi_align import roi_align as reference_roi_align
from detbench.operators.registry import operator_named

pytest.importorskip("tensorflow")
pytest.importorskip("keras")

SWEEP = Path(__file__).parent / "backends" / "sweep.py"
BY_NAME = {(each.name, each.operator): each for each in IMPLEMENTATIONS}


@pytest.fixture
def tf() -> Any:
    """TensorFlow, imported when a test needs it."""
    return pytest.importorskip("tensorflow")


def some_boxes(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes and scores on a coarse grid: ties and boxes without area are frequent."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 30, size=(count, 2))
    box = np.concatenate([corner, corner + rng.integers(0, 12, size=(count, 2))], axis=1)
    return box.astype(np.float32), (rng.integers(0, 8, size=count) / 8).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["graph", "xla", "jax", "torch"])
def test_every_hard_case_is_answered_as_the_reference_does(how: str) -> None:
    """On TensorFlow as a graph and on PyTorch; in batches, with padding.

    Under XLA and on JAX every operator is compiled for the groups of cases that represent it: that of the most cases
    (degenerate ones among them, batched, with padding), each with a trait that those before lack, such as ties, and
    that of the usual settings. The sweep says how they are chosen.
    """
    pytest.importorskip({"graph": "tensorflow", "xla": "tensorflow"}.get(how, how))
    done = subprocess.run([sys.executable, SWEEP, how], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    operators = json.loads(done.stdout.splitlines()[-1])
    assert {name: each["problems"] for name, each in operators.items() if each["problems"]} == {}
    assert {each.operator for each in IMPLEMENTATIONS} == set(operators)
    assert all(each["asked"] > 1 for each in operators.values())
    if how == "graph":
        graphs = [each for each in IMPLEMENTATIONS if each.name == "keras-graph"]
        cases = {
            each.operator: [c for c in operator_named(each.operator).cases() if not each.cannot(c)] for each in graphs
        }
        assert all(operators[name]["asked"] >= len(each) for name, each in cases.items())


@pytest.mark.parametrize("operator", ["iou", "nms", "roi-align", "assign-anchors", "rpn-loss"])
def test_a_graph_answers_a_hard_case(operator: str) -> None:
    """Through the same door as the profile."""
    found = check(operator_named(operator), BY_NAME["keras-graph", operator], operator_named(operator).cases()[1:2])
    assert found.counterexample is None, found.counterexample


@pytest.mark.slow
@pytest.mark.parametrize("operator", sorted({each.operator for each in IMPLEMENTATIONS}))
def test_the_door_is_the_same_for_all(operator: str) -> None:
    """Bound one by one, as the profile does it: two hard cases of every operator, as a graph."""
    found = check(operator_named(operator), BY_NAME["keras-graph", operator], operator_named(operator).cases()[:2])
    assert found.counterexample is None, found.counterexample


def test_the_implementations_are_those_of_the_backend_that_is_chosen() -> None:
    """Without importing Keras: KERAS_BACKEND decides."""
    script = (
        "import sys; from detbench.operators.implementations.keras import IMPLEMENTATIONS as found;"
        "print(*sorted({each.name for each in found}), 'keras' in sys.modules)"
    )
    for backend, names in NAMES.items():
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stdout.split() == [*sorted(names), "False"]


def bound(implementation: Implementation, case: Case) -> Any:
    """Return the implementation, compiled for the case."""
    found = implementation.bind(case, "cpu")
    found.compile(found.send())
    return found


def test_nms_is_exact_over_many_blocks() -> None:
    """More boxes than a block holds, and more kept than a block holds: the reference's rows, ties included."""
    box, score = some_boxes(0, 1_000)
    box = box * np.float32(9)
    for limit in (None, 300):
        case = Case("many", {"box": box, "score": score}, {"iou_threshold": 0.6, "limit": limit})
        kept = bound(BY_NAME["keras-graph", "nms"], case)
        want = reference_nms(box, score, 0.6, limit)
        assert len(want) > 256
        assert np.array_equal(kept.fetch(kept.run(kept.send())), want)


def test_compiled_once_nms_serves_other_boxes(tf: Any) -> None:
    """Values of the same shape and any batch size do not trace again."""
    from detbench.operators.keras.nms import nms

    traces = 0

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, 40, 4)), tf.TensorSpec((None, 40)), tf.TensorSpec((None, 40), tf.bool),
        ],
    )  # fmt: skip
    def compiled(box: Any, score: Any, valid: Any) -> Any:
        nonlocal traces
        traces += 1
        return nms(box, score, valid, 0.5, 10)

    for batch in (1, 3):
        pictures = [some_boxes(seed, 40) for seed in range(batch)]
        box, score = (np.stack(part) for part in zip(*pictures, strict=True))
        index, valid = (part.numpy() for part in compiled(box, score, np.ones((batch, 40), dtype=bool)))
        for picture in range(batch):
            assert np.array_equal(index[picture][valid[picture]], reference_nms(box[picture], score[picture], 0.5, 10))
    assert traces == 1


def test_roi_align_of_a_pyramid_is_that_of_each_regions_level() -> None:
    """One gather from all levels equals one RoIAlign a level, picture by picture."""
    from detbench.operators.keras.roi_pooling import multilevel_roi_align
    from detbench.operators.reference.levels import assign_levels

    rng = np.random.default_rng(0)
    strides_px = (4.0, 8.0, 16.0, 32.0)
    features = [rng.standard_normal((2, int(512 // s), int(640 // s), 3)).astype(np.float32) for s in strides_px]
    corner = rng.uniform(0, 400, (2, 40, 2))
    region = np.concatenate([corner, corner + np.exp(rng.uniform(3, 6.8, (2, 40, 1)))], axis=2).astype(np.float32)
    answer = np.asarray(multilevel_roi_align(features, region, strides_px))
    for picture in range(2):
        level = assign_levels(region[picture])
        assert set(level) == {2, 3, 4, 5}
        for k in range(2, 6):
            rows = np.flatnonzero(level == k)
            image = np.full(len(rows), picture, dtype=np.int32)
            want = reference_roi_align(features[k - 2], region[picture, rows], image, strides_px[k - 2])
            assert np.allclose(answer[picture, rows], want, atol=1e-4)


def test_proposals_of_a_pyramid_are_chosen_level_by_level() -> None:
    """The best of each level are kept, and boxes of different levels leave each other alone."""
    from detbench.operators.keras.proposals import select_proposals

    twin = [10.0, 10.0, 60.0, 60.0]
    box = np.array([[twin, [0, 0, 30, 30], twin, [100, 100, 190, 190]]], dtype=np.float32)
    score = np.array([[0.9, 0.8, 0.7, 0.6]], dtype=np.float32)
    settings = {"pre_nms": 1, "post_nms": 3, "iou_threshold": 0.5, "min_size_px": 1.0}
    valid = np.ones((1, 4), dtype=bool)
    kept, kept_score, found = select_proposals(box, score, valid, [200.0], [200.0], **settings, level_sizes=(2, 2))
    assert np.asarray(found).tolist() == [[True, True, False]]
    assert np.asarray(kept)[0, :2].tolist() == [twin, twin]
    assert np.asarray(kept_score)[0].round(6).tolist() == pytest.approx([0.9, 0.7, 0.0])


def numeric_gradient(function: Any, at: np.ndarray, places: list[tuple[int, ...]], step: float = 1e-2) -> list[float]:
    """Return central differences at some places."""
    slopes = []
    for place in places:
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        slopes.append((float(function(up)) - float(function(down))) / (2 * step))
    return slopes


def test_the_derivative_of_roi_align_is_the_numeric_one(tf: Any) -> None:
    """With respect to the feature map, through the loop over chunks; none flows into regions."""
    from detbench.operators.keras.roi_pooling import roi_align

    rng = np.random.default_rng(0)
    feature = rng.standard_normal((2, 6, 7, 2)).astype(np.float32)
    region = rng.uniform(0, 90, (2, 40, 4)).astype(np.float32)
    weight = rng.standard_normal((2, 40, 3, 3, 2)).astype(np.float32)

    def total(feature: Any, region: Any) -> Any:
        return tf.reduce_sum(roi_align(feature, region, 16.0, (3, 3)) * weight)

    watched, regions = tf.Variable(feature), tf.Variable(region)
    with tf.GradientTape() as tape:
        value = tf.function(total, autograph=False)(watched, regions)
    slope, none = tape.gradient(value, [watched, regions])
    slope = tf.convert_to_tensor(slope).numpy()
    places = [(0, 0, 0, 0), (0, 3, 3, 1), (1, 5, 6, 0), (1, 2, 4, 1)]
    want = numeric_gradient(lambda at: total(tf.constant(at), tf.constant(region)), feature, places)
    assert [float(slope[place]) for place in places] == pytest.approx(want, abs=2e-2)
    assert none is None


@pytest.mark.slow
def test_no_part_of_a_gradient_is_lost_where_regions_overlap(tf: Any) -> None:
    """On several threads TensorFlow's own gradient of crops loses some: both kernels' are the same, every time."""
    from detbench.operators.keras import roi_pooling

    rng = np.random.default_rng(0)
    feature = tf.constant(rng.standard_normal((1, 12, 12, 128)).astype(np.float32))
    corner = rng.uniform(0, 90, (1, 300, 2))
    region = tf.constant(np.concatenate([corner, corner + rng.uniform(20, 100, (1, 300, 2))], axis=2), tf.float32)
    for pool in (roi_pooling.roi_align, roi_pooling.crop_and_resize):

        def slope(kernel: str, pool: Any = pool) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(feature)
                total = tf.reduce_sum(pool(feature, region, 16.0, (7, 7), kernel=kernel))
            return tf.convert_to_tensor(tape.gradient(total, feature)).numpy()

        want = slope("portable")
        assert all(np.allclose(slope("auto"), want, rtol=1e-4, atol=1e-3) for _ in range(5))


def test_under_xla_the_kernel_that_it_lacks_is_not_called(tf: Any) -> None:
    """Regions that are no numbers are 0 by either kernel, and a compiled function has no need to choose."""
    from detbench.operators.keras.roi_pooling import roi_align

    feature = tf.ones((1, 4, 4, 1))
    region = tf.constant(
        [[[0.0, 0, 60, 60], [np.nan, 0, 9, 9], [-3e38, 0, 3e38, np.inf], [9e30, 9e30, 9.1e30, 9.1e30]]]
    )
    want = [1.0, 0.0, 0.0, 0.0]
    for way in ({"jit_compile": True}, {"jit_compile": False}):
        answer = tf.function(lambda at: roi_align(feature, at, 16.0, (2, 2)), autograph=False, **way)(region)
        assert answer.numpy().mean(axis=(2, 3, 4))[0].tolist() == pytest.approx(want)


def test_losses_have_a_derivative_where_targets_are_not_numbers(tf: Any) -> None:
    """Rows that are not positive may have any target: their derivative is 0, that of the others is the numeric one."""
    from detbench.operators.keras.losses import head_loss, rpn_loss

    rng = np.random.default_rng(0)
    label = np.array([[1, 0, -1, 1], [0, -1, -1, -1]], dtype=np.int32)
    target = rng.standard_normal((2, 4, 4)).astype(np.float32)
    target[label != 1] = [np.nan, np.inf, -np.inf, 0]
    for loss, shapes in ((rpn_loss, ((2, 4), (2, 4, 4))), (head_loss, ((2, 4, 3), (2, 4, 2, 4)))):
        logit, delta = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)

        def total(logit: Any, delta: Any, loss: Any = loss) -> Any:
            return tf.reduce_sum(tf.add_n(loss(logit, delta, label, target)))

        watched = tf.constant(logit), tf.constant(delta)
        with tf.GradientTape() as tape:
            tape.watch(watched)
            value = total(*watched)
        slopes = [each.numpy() for each in tape.gradient(value, watched)]
        assert all(np.isfinite(each).all() for each in slopes)
        assert not slopes[0][label < 0].any()
        assert not slopes[1][label < 1].any()
        place = (0, 0) if logit.ndim == 2 else (0, 0, 1)
        want = numeric_gradient(lambda at, d=delta, t=total: t(tf.constant(at), tf.constant(d)), logit, [place])
        assert float(slopes[0][place]) == pytest.approx(want[0], abs=1e-2)


def test_half_precision_is_kept_by_pooling_and_by_nothing_else() -> None:
    """Regions stay float32, or coordinates beyond 256 would be rounded; a pooled map has the type of the map."""
    import keras

    from detbench.operators.keras.box_coding import decode
    from detbench.operators.keras.roi_pooling import roi_align

    half = keras.ops.ones((1, 8, 8, 2), "bfloat16")
    region = keras.ops.convert_to_tensor([[[1001.0, 1001, 1030, 1030], [3, 3, 60, 60]]])
    pooled = roi_align(half, region, 16.0)
    assert keras.backend.standardize_dtype(pooled.dtype) == "bfloat16"
    assert np.asarray(keras.ops.cast(pooled[0, 1], "float32")).tolist() == np.ones((7, 7, 2)).tolist()
    box = decode(keras.ops.zeros((1, 2, 4), "bfloat16"), region)
    assert np.asarray(box)[0, 0].tolist() == [1001.0, 1001.0, 1030.0, 1030.0]


@pytest.mark.slow
def test_the_docstrings_examples_run() -> None:
    """What the documentation shows is what happens."""
    import doctest
    from importlib import import_module

    tried = [doctest.testmod(import_module(f"detbench.operators.keras.{name}")) for name in ("gather", "iou", "nms")]
    assert all(each.attempted and not each.failed for each in tried)
