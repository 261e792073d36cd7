"""The native NMS keeps the reference's rows, whatever the boxes; and the oracle tells right answers from wrong ones."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.errors import UsageError
from detbench.extension import native
from detbench.operators.catalogue.nms import OPERATORS
from detbench.operators.contract import Case, Implementation, Wanted, called
from detbench.operators.implementations.native import IMPLEMENTATIONS
from detbench.operators.inputs import clustered_boxes, random_boxes
from detbench.operators.native import nms as fast
from detbench.operators.oracle import check
from detbench.operators.reference import matrix_nms as matrix
from detbench.operators.reference import nms as reference
from detbench.operators.reference import soft_nms as soft
from detbench.timing.clock import timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.operators.contract import Mistake, Operator

BY_NAME = {operator.name: operator for operator in OPERATORS}
GREEDY = ["nms", "batched-nms"]
NATIVE = {each.operator: each for each in IMPLEMENTATIONS if each.operator in BY_NAME}
MISTAKES = [(operator, mistake) for operator in OPERATORS for mistake in operator.mistakes]

needs_native = pytest.mark.skipif(native() is None, reason="the native part was not built")

#: What a corner or a score may be that is no ordinary number.
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 1e-310, 1e38, -1e38, 1e300]

THRESHOLDS = [0.0, 0.01, 0.03, 0.1, 0.3, 1 / 3, 0.5, 0.7, 0.9, 1.0]


def grid_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return boxes on a coarse grid, some of them without area, some the wrong way round."""
    corner = rng.integers(-15, 20, (count, 2)).astype(float)
    return np.concatenate([corner, corner + rng.integers(-2, 12, (count, 2))], axis=1)


def boxes_of_all_sizes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return boxes whose sides lie between a millionth and a million, most of them with neighbours."""
    side = 10.0 ** rng.uniform(-6, 6, (max(count // 4, 1), 1))
    corner = rng.normal(0, 2, (len(side), 2)) * side
    of = rng.integers(0, len(side), count)
    whole = np.concatenate([corner, corner + side * np.exp(rng.normal(0, 0.7, corner.shape))], axis=1)[of]
    return whole + side[of] * rng.normal(0, 0.12, (count, 4))


def far_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return small boxes a million units away, where float32 has sixteenths."""
    corner = 1e6 + rng.integers(0, 40, (count, 2)) / 16
    return np.concatenate([corner, corner + rng.integers(0, 12, (count, 2)) / 16], axis=1)


def odd_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return boxes some of whose corners are no ordinary numbers."""
    box = grid_boxes(rng, count)
    odd = rng.random(box.shape) < 0.05
    box[odd] = rng.choice(ODD, odd.sum())
    return box


def tiny_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return boxes whose areas have few bits in float32, or in float64."""
    return grid_boxes(rng, count) * rng.choice([1e-22, 1e-160])


MAKERS = [grid_boxes, boxes_of_all_sizes, far_boxes, odd_boxes, tiny_boxes]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_reference_answers_its_own_cases(name: str) -> None:
    """Every comparison accepts the reference."""
    operator = BY_NAME[name]
    assert check(operator, Implementation("reference", name, called(operator.reference))).error == 0


@needs_native
@pytest.mark.parametrize("name", GREEDY)
def test_native_answers_the_hard_cases_to_the_row(name: str) -> None:
    """No row differs, not even by rounding."""
    for case in BY_NAME[name].cases():
        theirs = getattr(reference, name.replace("-", "_"))(**case.inputs, **case.settings)
        ours = getattr(fast, name.replace("-", "_"))(**case.inputs, **case.settings)
        np.testing.assert_array_equal(ours, theirs, case.name)
        assert ours.dtype == np.intp


@needs_native
def test_native_soft_nms_answers_the_hard_cases_to_rounding() -> None:
    """The same rows, and scores within some roundings."""
    answered = check(BY_NAME["soft-nms"], NATIVE["soft-nms"])
    assert answered.counterexample is None
    assert answered.error < 1e-6


@pytest.mark.parametrize(("operator", "mistake"), MISTAKES, ids=[f"{o.name}: {m.name}" for o, m in MISTAKES])
def test_every_mistake_is_refused_with_its_own_hint(operator: Operator, mistake: Mistake) -> None:
    """The counterexample is small, and the hint is that of the mistake and of no other."""
    found = check(operator, Implementation(mistake.name, operator.name, called(mistake.function))).counterexample
    assert found is not None
    assert found.hint == mistake.hint
    assert found.problem
    assert len(found.case.inputs["box"]) <= 4


@pytest.mark.slow
@needs_native
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    count=st.sampled_from([0, 1, 2, 30, 129, 400]),
    maker=st.sampled_from(MAKERS),
    threshold=st.sampled_from([*THRESHOLDS, -0.1, -0.0, 1.5, np.nan]),
    levels=st.sampled_from([1, 3, 1_000_000]),
    types=st.tuples(*[st.sampled_from([np.float32, np.float64])] * 2),
)
def test_native_keeps_the_reference_s_rows(
    seed: int, count: int, maker: Callable[..., np.ndarray], threshold: float, levels: int, types: tuple[Any, Any]
) -> None:
    """On any boxes and scores: ties, no area, all sizes, not a number, thresholds that make no sense."""
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        box = maker(rng, count).astype(types[0])
    score = (rng.integers(0, levels, count) / levels).astype(types[1])
    score[rng.random(count) < 0.05] = rng.choice([np.nan, np.inf, -np.inf, -0.0])
    category = rng.integers(-2, 3, count).astype(np.int32)
    for limit in (None, int(rng.integers(0, count + 2))):
        theirs = reference.nms(box, score, threshold, limit)
        np.testing.assert_array_equal(fast.nms(box, score, threshold, limit), theirs)
        theirs = reference.batched_nms(box, score, category, threshold, limit)
        np.testing.assert_array_equal(fast.batched_nms(box, score, category, threshold, limit), theirs)


@needs_native
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    maker=st.sampled_from([grid_boxes, boxes_of_all_sizes]),
    method=st.sampled_from(["gaussian", "linear"]),
    types=st.tuples(*[st.sampled_from([np.float32, np.float64])] * 2),
)
def test_native_soft_nms_takes_what_the_reference_takes(
    seed: int, maker: Callable[..., np.ndarray], method: str, types: tuple[Any, Any]
) -> None:
    """Its answer is accepted on any boxes; rounding may exchange rows whose decayed scores are the same."""
    rng = np.random.default_rng(seed)
    inputs = {"box": maker(rng, 80).astype(types[0]), "score": (rng.integers(0, 40, 80) / 40).astype(types[1])}
    limit = None if rng.random() < 0.5 else int(rng.integers(0, 60))
    rules = {"method": method, "iou_threshold": 0.3, "sigma": 0.5, "score_threshold": 0.01, "limit": limit}
    ours, theirs = fast.soft_nms(**inputs, **rules), soft.soft_nms(**inputs, **rules)
    verdict = BY_NAME["soft-nms"].compare(Case("drawn", inputs, rules), theirs, ours)
    assert verdict.problem is None
    assert ours[1].dtype == theirs[1].dtype


@needs_native
@pytest.mark.slow
@pytest.mark.parametrize("name", GREEDY)
def test_native_keeps_the_reference_s_rows_of_what_is_timed(name: str) -> None:
    """Up to 50,000 boxes, to the row."""
    operator = BY_NAME[name]
    assert operator.timed is not None
    for case in operator.timed(Wanted()):
        theirs = operator.reference(**case.inputs, **case.settings)
        np.testing.assert_array_equal(getattr(fast, name.replace("-", "_"))(**case.inputs, **case.settings), theirs)


@needs_native
@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.05, 0.5])
def test_native_keeps_the_reference_s_rows_without_a_limit(threshold: float) -> None:
    """10,000 boxes, most of them kept."""
    for box, score in (random_boxes(10_000, 1), clustered_boxes(10_000, 20, 1)):
        np.testing.assert_array_equal(fast.nms(box, score, threshold), reference.nms(box, score, threshold))


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_calls_at_the_same_time_do_not_disturb_each_other(threads: int) -> None:
    """Python's lock is released: every thread gets the answer that it would get alone."""
    inputs = [clustered_boxes(3_000, 20, seed) for seed in range(threads)]
    alone = [fast.nms(*each, 0.5).tobytes() for each in inputs]
    found: list[set[bytes]] = [set() for _ in inputs]

    def work(one: int) -> None:
        found[one] = {fast.nms(*inputs[one], 0.5).tobytes() for _ in range(5)}

    helpers = [threading.Thread(target=work, args=(one,)) for one in range(threads)]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    assert found == [{each} for each in alone]


@needs_native
@pytest.mark.parametrize("name", GREEDY)
@pytest.mark.parametrize("maker", [grid_boxes, boxes_of_all_sizes])
def test_laws_that_hold_whatever_the_boxes(name: str, maker: Callable[..., np.ndarray]) -> None:
    """Kept boxes are kept again; permuted rows permute the answer; powers of two scale it not at all."""
    rng = np.random.default_rng(3)
    box, score = maker(rng, 500).astype(np.float32), rng.permutation(500).astype(np.float32)
    more = (rng.integers(0, 3, 500).astype(np.int32),) if name == "batched-nms" else ()
    function = getattr(fast, name.replace("-", "_"))
    kept = function(box, score, *more, 0.4)
    again = function(box[kept], score[kept], *(each[kept] for each in more), 0.4)
    assert again.tolist() == list(range(len(kept)))
    order = rng.permutation(500)
    permuted = function(box[order], score[order], *(each[order] for each in more), 0.4)
    assert order[permuted].tolist() == kept.tolist()
    assert function(box * np.float32(2**-7), score * 4, *more, 0.4).tolist() == kept.tolist()


@needs_native
def test_moving_all_boxes_by_a_whole_number_changes_nothing() -> None:
    """Where coordinates are small whole numbers no corner is rounded."""
    rng = np.random.default_rng(8)
    box, score = grid_boxes(rng, 400).astype(np.float32), rng.permutation(400).astype(np.float32)
    for by in (-4096, 333, 1 << 20):
        assert fast.nms(box + np.float32(by), score, 0.3).tolist() == fast.nms(box, score, 0.3).tolist()


@needs_native
def test_arrays_of_another_layout_or_type_are_taken() -> None:
    """Slices, Fortran order, integers and read-only arrays give the same rows; nothing is written."""
    box, score = clustered_boxes(200, 20, 0)
    kept = fast.nms(box, score, 0.5).tolist()
    twice, spread = np.repeat(box, 2, axis=0)[::2], np.repeat(score, 2)[::2]
    assert fast.nms(twice, spread, 0.5).tolist() == kept
    assert fast.nms(np.asfortranarray(box), score, 0.5).tolist() == kept
    whole = np.round(box).astype(np.int64)
    assert fast.nms(whole, score, 0.5).tolist() == reference.nms(whole.astype(float), score, 0.5).tolist()
    box.flags.writeable = score.flags.writeable = False
    assert fast.nms(box, score, 0.5).tolist() == kept


@needs_native
@needs_native
@pytest.mark.parametrize(("side", "threshold"), [(10, 0.05), (1000, 0.021), (16000, 0.021)])
def test_a_low_threshold_costs_no_more_than_the_reference(side: float, threshold: float) -> None:
    """Boxes that are the largest of a size class are kept in few cells: once, this took a minute and a gigabyte."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, side * 200, (2000, 2))
    box = np.concatenate([corner, corner + side * rng.uniform(0.5, 1, (2000, 2))], axis=1).astype(np.float32)
    score = rng.random(2000, dtype=np.float32)
    expected, reference_ms = timed(reference.nms, box, score, threshold)
    kept, native_ms = timed(fast.nms, box, score, threshold)
    assert np.array_equal(kept, expected)
    assert native_ms < reference_ms


def test_categories_are_not_cut_to_32_bits() -> None:
    """Of int64, two that are equal in their lower half are two still; so are fractions."""
    box, score = np.tile(np.array([[0.0, 0, 10, 10]]), (4, 1)), np.array([0.9, 0.8, 0.7, 0.6])
    category = np.array([0, 2**32, 2**33, 0])
    assert fast.batched_nms(box, score, category, 0.5).tolist() == [0, 1, 2]
    assert fast.batched_nms(box, score, np.array([0.25, 0.5, 0.75, 0.25]), 0.5).tolist() == [0, 1, 2]


def test_shapes_that_do_not_fit_are_refused_in_a_sentence() -> None:
    """The message names the shape that there is and the one that there should be."""
    box, score = clustered_boxes(5, 5, 0)
    with pytest.raises(UsageError, match=r"boxes have shape \[N, 4\], not \[5, 2\]"):
        fast.nms(box[:, :2], score, 0.5)
    with pytest.raises(UsageError, match=r"score has shape \[4\] and should have \[5\]"):
        fast.nms(box, score[:4], 0.5)
    with pytest.raises(UsageError, match="category has shape"):
        fast.batched_nms(box, score, np.zeros(3, dtype=np.int32), 0.5)
    with pytest.raises(UsageError, match="there is no method 'cubic'"):
        fast.soft_nms(box, score, "cubic")
    with pytest.raises(UsageError, match="sigma is 0 and should be above 0"):
        fast.soft_nms(box, score, sigma=0)


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        ([0, 2], None),
        ([True, False, True, False], "the answer is a mask"),
        ([0.0, 2.0], "holds float64"),
        ([[0], [2]], r"shape \(2, 1\)"),
        (None, "should be one column|shape"),
        ([0, 7], "row 7 at place 2, and there are 4 boxes"),
        ([0, 0, 2], "row 0 is there twice, again at place 2"),
        ([2, 0], r"row 0 \(score 0.9\) comes after row 2 \(score 0.7\)"),
        ([0, 1, 2], "row 1 is kept at place 2, and it overlaps row 0, which is kept before, by 0.8: more than 0.5"),
        ([0], "row 2 is missing at place 2: nothing that was kept overlaps it by more than 0.5"),
        ([2], "row 0 is missing at place 1"),
        ([], "row 0 is missing at place 1"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong_with_it(got: Any, problem: str | None) -> None:
    """The comparison names the row, the place and the overlap."""
    box = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10], [20, 0, 30, 9]], dtype=np.float32)
    case = Case("four", {"box": box, "score": np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32)},
                {"iou_threshold": 0.5, "limit": None})  # fmt: skip
    verdict = BY_NAME["nms"].compare(case, np.array([0, 2]), got)
    if problem is None:
        assert verdict.problem is None
    else:
        assert verdict.problem is not None
        assert re.search(problem, verdict.problem)


def test_an_answer_that_differs_by_rounding_is_accepted_and_counted() -> None:
    """An IoU of 0.7 at a threshold of 0.7 is a matter of float32; one of a half at a half is not."""
    box = np.array([[0, 0, 10, 10], [0, 0, 10, 7]], dtype=np.float32)
    case = Case("rounded", {"box": box, "score": np.array([0.9, 0.8], dtype=np.float32)},
                {"iou_threshold": 0.7, "limit": None})  # fmt: skip
    verdict = BY_NAME["nms"].compare(case, np.array([0, 1]), np.array([0]))
    assert (verdict.error, verdict.problem) == (1.0, None)


def test_matrix_nms_equals_its_definition_as_matrices() -> None:
    """The authors' code builds all pairs at once; the reference goes row by row."""
    rng = np.random.default_rng(2)
    box = grid_boxes(rng, 50)
    score, category = rng.permutation(50) / 50, rng.integers(0, 3, 50).astype(np.int32)
    order = np.argsort(-score)
    same = category[order][:, None] == category[order][None]
    overlap = np.triu([[plain_iou(a, b) for b in box[order]] for a in box[order]], 1) * same
    largest = overlap.max(axis=0)[:, None]
    decay = np.exp(-2.0 * (overlap**2 - largest**2)).min(axis=0)
    np.testing.assert_allclose(matrix.matrix_nms(box, score, category)[order], score[order] * decay, rtol=1e-12)


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the IoU of two boxes, 0 if one has no area."""
    sides = [max(min(a[k + 2], b[k + 2]) - max(a[k], b[k]), 0.0) for k in (0, 1)]
    areas = [max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) for box in (a, b)]
    common = sides[0] * sides[1]
    return float(common / (sum(areas) - common)) if common > 0 else 0.0


def test_lists_are_taken_and_a_limit_is_a_whole_number() -> None:
    """What NumPy makes an array of will do; a limit of one and a half boxes is said to be none."""
    box, score = [[0.0, 0, 10, 10], [0, 0, 10, 8]], [0.5, 0.9]
    assert fast.nms(box, score, 0.5).tolist() == [1]
    assert fast.batched_nms(box, score, [0, 1], 0.5).tolist() == [1, 0]
    assert fast.nms(box, score, 0.9, limit=np.int64(1)).tolist() == [1]
    with pytest.raises(UsageError, match=r"the limit is 1\.5"):
        fast.nms(box, score, 0.5, limit=1.5)
