"""Every operator's catalogue: its cases are answered by its reference, its mistakes are refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.errors import UsageError
from detbench.operators import oracle
from detbench.operators.catalogue.comparison import compare_close, compare_equal
from detbench.operators.contract import Case, Implementation, Wanted, called
from detbench.operators.registry import GROUPS, implementations_of, operator_named, operators

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.operators.contract import Mistake, Operator

# Mistakes divide by zero: that is what is wrong with them.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

#: Timed cases, but small ones.
FEW = Wanted(boxes=(50, 200), keep=20, regions=(3, 5))

everything = list(operators().values())
each_operator = pytest.mark.parametrize("operator", everything, ids=lambda operator: operator.name)
each_mistake = pytest.mark.parametrize(
    ("operator", "mistake"),
    [pytest.param(one, mistake, id=f"{one.name}: {mistake.name}") for one in everything for mistake in one.mistakes],
)


class Unwilling:
    """Something that converts to nothing."""

    def __array__(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise RuntimeError("no")

    def __len__(self) -> int:
        """Refuse."""
        raise RuntimeError("no")


GARBAGE: list[Any] = [
    None,
    1,
    np.nan,
    "text",
    [],
    (),
    {},
    [[1, 2], [3]],
    (None,),
    (1, 2, 3),
    Unwilling(),
    (Unwilling(), Unwilling()),
    10**400,
    lambda: 0,
    np.array([None, 1]),
    np.array(["a"]),
    np.array([1j]),
    np.array([True]),
    np.array(["2020"], dtype="datetime64[Y]"),
    np.zeros((2, 2)),
    np.full(3, np.nan),
    np.zeros((1, 4), np.float16),
    np.array([2**64 - 1], np.uint64),
]


def as_implementation(function: Callable[..., Any], operator: Operator) -> Implementation:
    """Return a function as what the oracle asks."""
    return Implementation("mine", operator.name, called(function))


@each_operator
def test_references_pass_their_own_cases(operator: Operator) -> None:
    """The reference answers every case, keeps its inputs as they are, and its error is 0."""
    found = oracle.check(operator, as_implementation(operator.reference, operator))
    assert found.counterexample is None
    assert found.error == 0


@each_mistake
def test_mistakes_are_refused_with_their_own_hint(operator: Operator, mistake: Mistake) -> None:
    """Each mistake is refused, and who makes it is told this mistake and no other."""
    found = oracle.check(operator, as_implementation(mistake.function, operator))
    assert found.counterexample is not None
    assert found.counterexample.hint == mistake.hint


class Mute(Exception):  # noqa: N818  it is thrown as it is
    """Says nothing, and cannot be asked."""

    def __str__(self) -> str:
        """Refuse."""
        raise RuntimeError("no")


class Leaving:
    """Ends the program when it is converted."""

    def __array__(self, *_: object, **__: object) -> None:
        """Exit, and say that all is well."""
        raise SystemExit(0)


def _mute(**_: Any) -> None:
    raise Mute


@pytest.mark.parametrize(
    ("function", "problem"),
    [(_mute, "it raises Mute: what it says cannot be read"), (lambda **_: Leaving(), "it raises SystemExit: 0")],
)
def test_whatever_is_raised_is_a_finding(function: Callable[..., Any], problem: str) -> None:
    """An error that cannot be printed, and an answer that exits when it is looked at, end no program."""
    operator = operator_named("nms")
    found = oracle.check(operator, as_implementation(function, operator)).counterexample
    assert found is not None
    assert problem in found.problem


@pytest.mark.parametrize("name", ["nms", "encode"])
def test_answers_that_change_later_are_refused(name: str) -> None:
    """Who writes every answer into the same array spoils those that were given before."""
    operator, kept = operator_named(name), np.empty(10_000, dtype=np.float32 if name == "encode" else np.intp)

    def answered(**given: Any) -> np.ndarray:
        right = operator.reference(**given)
        place = kept[: right.size].reshape(right.shape)
        place[...] = right
        return place

    found = oracle.check(operator, as_implementation(answered, operator)).counterexample
    assert found is not None
    assert "has changed since" in found.problem


def _halved_scores(box: Any, score: Any, **more: Any) -> Any:
    return operator_named("nms").reference(box, score.astype(np.float16), **more)


def _fewer_than_asked(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> Any:
    limit = limit - 1 if limit is not None and limit > 100 else limit or None
    return operator_named("nms").reference(box, score, iou_threshold, limit)


def _as_type(dtype: Any) -> Callable[..., Any]:
    def answered(box: Any, score: Any, category: Any, **more: Any) -> Any:
        return operator_named("batched-nms").reference(box, score, category.astype(dtype), **more)

    return answered


def _few_points(feature: Any, region: Any, image: Any, *, sampling_ratio: int = 2, **more: Any) -> Any:
    return operator_named("roi-align").reference(feature, region, image, sampling_ratio=min(sampling_ratio, 3), **more)


def _whole_stride(feature: Any, region: Any, image: Any, stride_px: float, **more: Any) -> Any:
    return operator_named("roi-align").reference(feature, region, image, int(stride_px), **more)


def _rounded_share(label: Any, random: Any, count: int, positive_share: float = 0.5) -> Any:
    share = np.round(count * positive_share) / max(count, 1)
    return operator_named("sample-balanced").reference(label, random, count, share)


def _halved_numbers(label: Any, random: Any, count: int, positive_share: float = 0.5) -> Any:
    return operator_named("sample-balanced").reference(label, random.astype(np.float16), count, positive_share)


def _with_epsilon(box: Any, reference: Any, **more: Any) -> Any:
    return operator_named("encode").reference(box, reference + np.array([0, 0, 1e-6, 1e-6], np.float32), **more)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("nms", _halved_scores),
        ("nms", _fewer_than_asked),
        ("batched-nms", _as_type(np.uint8)),
        ("batched-nms", _as_type(np.int16)),
        ("batched-nms", _as_type(np.float32)),
        ("roi-align", _few_points),
        ("roi-align", _whole_stride),
        ("sample-balanced", _rounded_share),
        ("sample-balanced", _halved_numbers),
        ("encode", _with_epsilon),
    ],
)
def test_what_is_nearly_right_is_refused_too(name: str, function: Callable[..., Any]) -> None:
    """Mistakes of narrow types, of limits and of epsilons, none of them among the known ones."""
    operator = operator_named(name)
    assert oracle.check(operator, as_implementation(function, operator)).counterexample is not None


@each_operator
def test_mistakes_have_names_and_sentences(operator: Operator) -> None:
    """Within an operator no two mistakes share a name or a hint, and hints are sentences."""
    assert len({mistake.name for mistake in operator.mistakes}) == len(operator.mistakes)
    assert len({mistake.hint for mistake in operator.mistakes}) == len(operator.mistakes)
    assert all(mistake.hint.endswith(".") for mistake in operator.mistakes)


@each_operator
def test_cases_have_names_and_start_simply(operator: Operator) -> None:
    """Case names are unique, and what can be left out has one first axis."""
    cases = operator.cases()
    assert len({case.name for case in cases}) == len(cases)
    assert all(len({len(case.inputs[name]) for name in case.rows}) <= 1 for case in cases)
    assert "empty" not in cases[0].traits


@each_operator
def test_cases_are_the_same_every_time(operator: Operator) -> None:
    """The hard cases are drawn from fixed seeds."""
    for one, other in zip(operator.cases(), operator.cases(), strict=True):
        assert one.name == other.name
        assert all(np.array_equal(one.inputs[k], other.inputs[k], equal_nan=True) for k in one.inputs)


@each_operator
def test_comparing_never_raises(operator: Operator) -> None:
    """Whatever is answered, the verdict is a problem, in words."""
    for case in operator.cases():
        expected = operator.reference(**case.inputs, **case.settings)
        assert operator.compare(case, expected, expected).problem is None
        parts = len(expected) if isinstance(expected, tuple) else 0
        for got in [*GARBAGE, *([tuple(garbage for _ in range(parts)) for garbage in GARBAGE] if parts else [])]:
            verdict = operator.compare(case, expected, got)
            assert verdict.problem is None or (verdict.problem and "\n" not in verdict.problem)


@each_operator
def test_nothing_is_no_answer(operator: Operator) -> None:
    """None is refused by every operator, in every case."""
    for case in operator.cases():
        expected = operator.reference(**case.inputs, **case.settings)
        assert operator.compare(case, expected, None).problem is not None


@each_operator
def test_groups_are_timed_with_counted_work(operator: Operator) -> None:
    """What is in a group has timed cases with a size, a series and counted work; the rest has none."""
    if not operator.group:
        assert operator.timed is None
        return
    assert operator.group in GROUPS
    assert operator.timed is not None
    assert operator.work is not None
    for case in operator.timed(FEW):
        assert case.size > 0
        assert case.series
    case = min(operator.timed(FEW), key=lambda timed: timed.size)
    work = operator.work(case, operator.reference(**case.inputs, **case.settings))
    assert work.bytes_moved > 0
    assert work.operations > 0
    assert work.counts
    assert work.beyond
    assert not work.beyond.endswith(".")


@each_operator
def test_the_reference_is_an_implementation(operator: Operator) -> None:
    """The first implementation of every operator is its reference."""
    first = next(iter(implementations_of(operator.name).values()))
    assert first.name == "numpy"
    case = operator.cases()[0]
    assert operator.compare(case, oracle.answer(first, case), oracle.answer(first, case)).problem is None


def test_unknown_operators_are_refused_with_the_known() -> None:
    """A name that is no operator's is answered with those that are."""
    with pytest.raises(UsageError, match=r"no operator 'nsm'; there are .*anchor-grid"):
        operator_named("nsm")


def test_a_counterexample_is_small() -> None:
    """Of sixty boxes one is left that shows what is wrong."""
    operator = operator_named("encode")
    drawn = next(case for case in operator.cases() if case.name == "drawn")
    wrong = as_implementation(operator.mistakes[0].function, operator)
    found = oracle.check(operator, wrong, [drawn]).counterexample
    assert found is not None
    assert len(found.case.inputs["box"]) == 1


def test_writing_into_the_input_is_refused() -> None:
    """An answer may be right and still have spoilt what was asked."""
    operator = operator_named("clip-boxes")

    def in_place(box: Any, height_px: float, width_px: float) -> Any:
        return np.clip(box, 0, np.array([width_px, height_px] * 2, np.float32), out=box)

    found = oracle.check(operator, as_implementation(in_place, operator)).counterexample
    assert found is not None
    assert "writes into its input 'box'" in found.problem


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        ([1.0, 2.5], "score[1] is 2.5 and should be 2 (1 of 2 numbers is wrong)"),
        ([1.0, np.nan], "score[1] is nan and should be 2 (1 of 2 numbers is wrong)"),
        ([9.0, 9.0], "score[0] is 9 and should be 1 (2 of 2 numbers are wrong)"),
        ([1.0, 2.00001], "score[1] is 2.00001 and should be 2 (1 of 2 numbers is wrong)"),
        (np.ones((2, 1)), "score has the shape (2, 1) and should have (2,)"),
        (None, "score is None and should be an array"),
        ("text", "score is of type str and should be an array"),
        (np.array([True, False]), "score is an array of bool and should be one of numbers"),
    ],
)
def test_the_first_difference_is_said(got: object, problem: str) -> None:
    """A verdict names the first element that differs, what it is and what it should be."""
    verdict = compare_close(Case("c", {}), np.array([1.0, 2.0]), got, rtol=0, atol=1e-6, names=("score",))
    assert verdict.problem == problem


def test_the_first_difference_is_found_beyond_the_first_block() -> None:
    """Large answers are compared in blocks; the element is named all the same."""
    expected = np.zeros((1000, 600), np.float32)
    got = expected.copy()
    got[999, 7] = 1
    verdict = compare_close(Case("c", {}), expected, got, rtol=0, atol=1e-6)
    assert verdict.problem == "the answer[999, 7] is 1 and should be 0 (1 of 600000 numbers is wrong)"
    assert verdict.error == 1


def test_parts_of_an_answer_are_named() -> None:
    """Of a tuple the part that differs is said; a tuple of another length is no answer."""
    expected = (np.array([1, 0]), np.array([0, 0]))
    compare = lambda got: compare_equal(Case("c", {}), expected, got, names=("label", "match")).problem  # noqa: E731
    assert compare((np.array([1, 0]), np.array([0, 3]))) == "match[1] is 3 and should be 0 (1 of 2 numbers is wrong)"
    assert compare((np.array([1, 0]),)) == "the answer is a tuple of 1 and should be a tuple of 2: label, match"
    assert compare((np.array([1.0, 0.0]), expected[1])) == "label holds float64 and should hold whole numbers, int64"


def test_infinities_and_nan_equal_themselves() -> None:
    """NaN is near NaN and an infinity near itself, and nothing else is."""
    expected = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert compare_close(Case("c", {}), expected, expected.copy(), rtol=1, atol=1) == replace(
        compare_equal(Case("c", {}), expected, expected), error=0.0
    )
    for got in ([0, np.inf, -np.inf], [np.nan, 3e38, -np.inf], [np.nan, np.inf, np.inf]):
        assert compare_close(Case("c", {}), expected, np.array(got, np.float32), rtol=1, atol=1).problem is not None
