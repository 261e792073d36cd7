"""The engine that times operators: who is asked, who is right, and what is written of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.operators.catalogue.comparison import compare_close
from detbench.operators.contract import Case, Implementation, Mistake, Operator, Verdict, Wanted, Work, called
from detbench.operators.profiling.plan import Candidate, Task
from detbench.operators.profiling.profile import Run
from detbench.operators.profiling.showing import plain
from detbench.operators.profiling.turns import Allowance, Stepped, take_turns
from detbench.timing.document import Machine, Measurement, Profile

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

MACHINE = Machine(cores=2, threads=2, blas="", copy_bytes_per_s=1e9, operations_per_s=1e9)
SHORT = Allowance(seconds=0.02)


def halved(value: np.ndarray) -> np.ndarray:
    """Return half of each number: an operator that is easy to get right."""
    return value / 2


def _of(numbers: list[float], size: int = 0) -> Case:
    return Case(f"{numbers[:2]}", {"value": np.array(numbers, np.float32)}, rows=("value",), size=size, series="a")


def _compare(case: Case, expected: Any, got: Any) -> Verdict:
    return compare_close(case, expected, got, rtol=0, atol=1e-6)


HALVED = Operator(
    "halved",
    "Halves",
    "nms",
    halved,
    lambda: [_of([2.0]), _of([1.0, -4.0, 0.0, 3.0])],
    _compare,
    "largest difference",
    (Mistake("forgets the sign", lambda value: np.abs(value) / 2, "negative numbers stay negative"),),
    lambda wanted: [_of(np.arange(size, dtype=float).tolist(), size) for size in wanted.boxes],
    lambda case, expected: Work(case.inputs["value"].nbytes + expected.nbytes, case.size, "each number once"),
)


def _run(functions: dict[str, Callable[..., Any]], boxes: tuple[int, ...] = (10,), **changed: Any) -> Run:
    candidates = [
        Candidate(Implementation(name, "halved", called(function)), "a file", named=True)
        for name, function in functions.items()
    ]
    options: dict[str, Any] = {"allowance": SHORT, "machine": MACHINE, "wanted": Wanted(boxes=boxes)} | changed
    return Run([Task(HALVED, candidates)], **options)


def _profiled(run: Run) -> tuple[Profile, dict[str, Measurement]]:
    for _ in run.steps():
        pass
    found = run.profile()
    return found, {one.implementation: one for one in found.measurements}


def test_who_is_right_is_timed_with_its_error_and_its_bound() -> None:
    """Raw samples, the error on this very input, and the work that was counted are written."""
    found, by_name = _profiled(_run({"mine": halved, "rough": lambda value: value / 2 + np.float32(5e-7)}))
    (case,) = found.cases
    assert (case.bytes_moved, case.operations, case.bound_ms) == (80, 10, pytest.approx(8e-5))
    assert (case.shapes, case.size, case.series) == ({"value": [10]}, 10, "a")
    mine, rough = by_name["mine"], by_name["rough"]
    assert (mine.status, mine.error, mine.send_ms, mine.compile_ms, mine.fetch_ms) == ("timed", 0.0, None, None, None)
    assert rough.error == pytest.approx(5e-7, rel=0.2)
    assert len(mine.samples_ms) >= SHORT.least
    assert min(mine.samples_ms) > 0
    assert mine.first_call_ms is not None
    assert found.options["complete"] is True
    assert found.environment["OMP_NUM_THREADS"]


def test_a_known_mistake_is_refused_small_with_its_hint() -> None:
    """The case is made as small as it can be, both answers are shown, and nothing is timed."""
    run = _run({"mine": lambda value: np.abs(value) / 2}, boxes=(10, 20))
    found, by_name = _profiled(run)
    shown = by_name["mine"].counterexample
    assert shown is not None
    assert (shown.inputs, shown.expected, shown.got) == ({"value": [-4.0]}, [-2.0], [2.0])
    assert shown.hint == "negative numbers stay negative"
    assert [one.status for one in found.measurements] == ["refused", "refused"]
    assert found.measurements[0].samples_ms == []
    assert [one.implementation for one in run.refused()] == ["mine"]


def test_a_mistake_on_the_timed_input_alone_is_refused() -> None:
    """Right on all hard cases, wrong from 15 numbers on: timed at 10, refused at 20."""

    def mine(value: np.ndarray) -> np.ndarray:
        return value / 2 if len(value) < 15 else value

    found, _ = _profiled(_run({"mine": mine}, boxes=(10, 20)))
    assert [one.status for one in found.measurements] == ["timed", "refused"]
    shown = found.measurements[1].counterexample
    assert shown is not None
    assert len(shown.inputs["value"]) == 15


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda value: 1 / 0, "it raises ZeroDivisionError"),  # noqa: ARG005
        (lambda value: exit(3), "it raises SystemExit"),  # noqa: ARG005, PLR1722
        (lambda value: np.divide(value, 2, out=value), "it writes into its input 'value'"),
        (lambda value: value > 0, "the answer"),
        (lambda value: None, "the answer is None"),  # noqa: ARG005
        (lambda: None, "it raises TypeError"),
    ],
)
def test_whatever_a_function_does_is_a_finding_and_no_crash(function: Callable[..., Any], said: str) -> None:
    """One that raises, exits, writes into its input, or returns something else is refused and the others are timed."""
    _, by_name = _profiled(_run({"mine": function, "right": halved}))
    assert by_name["mine"].status == "refused"
    assert said in by_name["mine"].reason
    assert by_name["right"].status == "timed"


def test_what_goes_wrong_later_is_found_too() -> None:
    """One that raises, or is wrong, or writes into its input only when it is called again is not timed."""
    calls = {"raises": 0, "wrong": 0, "writes": 0}

    def later(name: str, then: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
        def function(value: np.ndarray) -> np.ndarray:
            calls[name] += 1
            return then(value) if calls[name] > 5 else value / 2

        return function

    def writes(value: np.ndarray) -> np.ndarray:
        value += 1
        return value / 2

    _, by_name = _profiled(
        _run(
            {
                "raises": later("raises", lambda value: value[99]),
                "wrong": later("wrong", lambda value: value),
                "writes": later("writes", writes),
            }
        )
    )
    assert {one.status for one in by_name.values()} == {"refused"}
    assert "called again, it raises IndexError" in by_name["raises"].reason
    assert "called many times, the answer" in by_name["wrong"].reason
    assert "it writes into its input 'value'" in by_name["writes"].reason


def test_who_is_too_slow_is_skipped_with_the_time() -> None:
    """One whose call is longer than is allowed is not sampled, and not called at all at the next size."""
    calls = []

    def slow(value: np.ndarray) -> np.ndarray:
        calls.append(len(value))
        time.sleep(len(value) / 100 if len(value) > 9 else 0)
        return value / 2

    found, _ = _profiled(_run({"slow": slow}, boxes=(10, 1_000)))
    assert [one.status for one in found.measurements] == ["skipped", "skipped"]
    assert found.measurements[0].reason.startswith("one call takes 0.1 s, more than 0.08 s")
    assert found.measurements[1].reason.startswith("one call would take about 10")
    assert max(calls) == 10


def test_no_memory_is_no_wrong_answer() -> None:
    """An implementation that finds no memory is skipped at that size."""

    def hungry(value: np.ndarray) -> np.ndarray:
        if len(value) > 9:
            raise MemoryError("no room for 9 TB")
        return value / 2

    run = _run({"hungry": hungry})
    _, by_name = _profiled(run)
    assert by_name["hungry"].status == "skipped"
    assert "not enough memory" in by_name["hungry"].reason
    assert run.refused() == []


def test_who_cannot_run_here_is_named_with_the_reason() -> None:
    """Not installed, not on this device, not on this case: each says why, and the others are timed."""
    one = Implementation("x", "halved", called(halved))
    fields = {
        "absent": {"requires": ("no_such_module_at_all",)},
        "both": {"requires": ("no_such_module", "no_such_other")},
        "elsewhere": {"devices": ("gpu",)},
        "unable": {"cannot": lambda _: "it takes no lists"},
        "there": {},
    }
    candidates = [
        Candidate(Implementation(name, one.operator, one.bind, **changed)) for name, changed in fields.items()
    ]
    run = Run([Task(HALVED, candidates)], Wanted(boxes=(10,)), machine=MACHINE, allowance=SHORT)
    _, by_name = _profiled(run)
    assert {name: (found.status, found.reason) for name, found in by_name.items()} == {
        "absent": ("absent", "no_such_module_at_all is not installed"),
        "both": ("absent", "no_such_module and no_such_other are not installed"),
        "elsewhere": ("unsupported", "it runs on the GPU only"),
        "unable": ("unsupported", "it takes no lists"),
        "there": ("timed", ""),
    }


def test_what_was_measured_before_an_interrupt_is_kept() -> None:
    """An interrupt in the second case leaves the first whole, and the profile says that it is not complete."""

    def mine(value: np.ndarray) -> np.ndarray:
        if len(value) == 20:
            raise KeyboardInterrupt
        return value / 2

    run = _run({"mine": mine}, boxes=(10, 20))
    with pytest.raises(KeyboardInterrupt):
        _profiled(run)
    found = run.profile()
    assert [case.size for case in found.cases] == [10]
    assert found.options["complete"] is False
    assert "mine on" in run.now


def test_turns_are_taken_by_all_in_every_round_and_the_order_is_the_seed_s() -> None:
    """Nobody is sampled twice before everybody was once; the same seed draws the same order, another one another."""

    def orders(seed: int) -> list[str]:
        told: list[str] = []
        runs = []
        for name in "abc":
            bound = called(lambda value, name=name: (time.sleep(len(value) / 90), told.append(name)))(_of([1.0]), "cpu")
            runs.append(Stepped(bound, _of([1.0]), sent=_of([1.0]).inputs, first_call_ms=1e6))
        take_turns(runs, Allowance(1.0, least=4, most=4), np.random.default_rng(seed), lambda _: None)
        assert {len(run.samples_ms) for run in runs} == {4}
        return told

    first = orders(0)
    assert all(sorted(first[begin : begin + 3]) == ["a", "b", "c"] for begin in range(0, 12, 3))
    assert orders(0) == first
    assert orders(1) != first


def test_any_answer_can_be_written() -> None:
    """Numbers that JSON lacks, large arrays, masks and objects become something that it has."""
    assert plain(np.array([np.nan, -np.inf, 1.5])) == ["nan", "-inf", 1.5]
    assert plain((np.array([True, False]), None, "text")) == [[True, False], None, "text"]
    large = plain(np.zeros((100, 50), np.float32))
    assert (large["shape"], large["type"], len(large["first"])) == ([100, 50], "float32", 100)
    assert plain(object).startswith("<class")


def test_a_slow_first_call_gets_a_second_chance_and_no_more() -> None:
    """What loads at its first call is timed by its second; what is far too slow is not called again."""
    calls: dict[str, int] = {"loads": 0, "slow": 0}

    def taking(name: str, *times_s: float) -> Callable[..., Any]:
        def run(value: np.ndarray) -> np.ndarray:
            if len(value) == 10:
                time.sleep(times_s[min(calls[name], len(times_s) - 1)])
                calls[name] += 1
            return value / 2

        return run

    _, by_name = _profiled(_run({"loads": taking("loads", 0.1, 0.0), "slow": taking("slow", 0.3)}))
    assert by_name["loads"].status == "timed"
    assert (by_name["loads"].first_call_ms or 0) > 80
    assert (by_name["slow"].status, calls["slow"]) == ("skipped", 1)


def test_what_a_first_call_loaded_is_not_expected_of_larger_sizes() -> None:
    """A size is estimated from the medians of smaller ones, not from their first calls."""
    sizes: list[int] = []

    def mine(value: np.ndarray) -> np.ndarray:
        if len(value) >= 10 and len(value) not in sizes:
            sizes.append(len(value))
            time.sleep(0.05 if len(sizes) == 1 else 0)
        return value / 2

    found, _ = _profiled(_run({"mine": mine}, boxes=(10, 1_000)))
    assert [one.status for one in found.measurements] == ["timed", "timed"]


def test_the_reference_is_asked_once_for_a_case_where_it_runs_too() -> None:
    """Its answer is what the others are held to, and its first call is its own measurement's."""
    asked: list[int] = []

    def reference(value: np.ndarray) -> np.ndarray:
        asked.append(len(value))
        time.sleep(0.2 if len(value) == 10 else 0)
        return value / 2

    operator = replace(HALVED, reference=reference)
    own = Candidate(Implementation("numpy", "halved", called(reference)))
    other = Candidate(Implementation("mine", "halved", called(halved)), "a file", named=True)
    run = Run([Task(operator, [own, other])], Wanted(boxes=(10,)), allowance=SHORT, machine=MACHINE)
    _, by_name = _profiled(run)
    assert asked.count(10) == 1
    assert by_name["numpy"].status == "skipped"
    assert by_name["numpy"].error == 0
    assert by_name["mine"].status == "timed"


def test_hints_print_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """A mistake that divides by zero is tried without a word."""
    mistakes = (Mistake("divides", lambda value: value / np.float32(0), "it divides by zero"),)
    operator = replace(HALVED, mistakes=mistakes)
    run = Run(
        [Task(operator, [Candidate(Implementation("mine", "halved", called(lambda value: value)), "a file")])],
        Wanted(boxes=(10,)),
        allowance=SHORT,
        machine=MACHINE,
    )
    _, by_name = _profiled(run)
    assert by_name["mine"].status == "refused"
    assert not recwarn.list
