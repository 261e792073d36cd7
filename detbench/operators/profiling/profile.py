"""One run of ``detbench profile``: each case is asked of everybody, every answer is checked, and who is right is timed.

No process is started and no thread of ours runs beside what is timed. Frameworks keep pools of threads that may spin
for a moment after a call; :mod:`.turns` says what is done about that.
"""

from __future__ import annotations

import gc
from dataclasses import asdict, dataclass, field, replace
from math import log
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace as with_changed

from detbench import __version__
from detbench.environment import environment
from detbench.operators import oracle
from detbench.operators.contract import Counterexample, Wanted, Work
from detbench.operators.profiling.plan import OURS, is_the_reference, missing, why_not
from detbench.operators.profiling.showing import plain, written
from detbench.operators.profiling.turns import Allowance, Stepped, stepped, take_turns
from detbench.timing.clock import set_aside, timed
from detbench.timing.document import Measurement, Profile, TimedCase
from detbench.timing.machine import bound_ms, measure_machine, processor, thread_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detbench.operators.contract import Case, Operator
    from detbench.operators.profiling.plan import Candidate, Task
    from detbench.timing.document import Machine, Status

__all__ = ["Run"]

#: The reference must answer, or nobody can be checked; it may take so many times the longest call of the others.
_PATIENCE = 20

#: A first call that takes no more than so many times the longest is not the last word.
_SECOND_CHANCE = 2

#: What compiles for every shape of its inputs.
_COMPILING = frozenset({"tensorflow", "keras", "jax"})

#: What an implementation raises where memory is too small, by the name of the type: that is no wrong answer.
_NO_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")


@dataclass(slots=True)
class Run:
    """A profile in the making.

    Parameters
    ----------
    tasks
        Which operators, and who runs each.
    wanted
        The sizes, and the seed of inputs and turns.
    device
        ``"cpu"`` or ``"gpu"``.
    allowance
        How long each implementation is sampled on each case.
    machine
        What bounds them; this machine's processors are measured if it is not given.
    on_check
        Is told in a few words whose answer is checked next, never while somebody is timed.
    """

    tasks: Sequence[Task]
    wanted: Wanted = field(default_factory=Wanted)
    device: str = "cpu"
    allowance: Allowance = field(default_factory=Allowance)
    machine: Machine | None = None
    options: dict[str, Any] = field(default_factory=dict)
    on_check: Callable[[str], None] = lambda _: None
    now: str = field(default="", init=False)
    _work: list[tuple[Task, Case]] = field(default_factory=list, init=False)
    _cases: list[TimedCase] = field(default_factory=list, init=False)
    _measurements: list[Measurement] = field(default_factory=list, init=False)
    _checked: dict[tuple[str, str], Counterexample | None] = field(default_factory=dict, init=False)
    _history: dict[tuple[str, str, str], dict[int, float]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Have the inputs drawn."""
        self._work = [(task, case) for task in self.tasks for case in (task.operator.timed or _no_case)(self.wanted)]

    def __len__(self) -> int:
        """Return how many cases there are."""
        return len(self._work)

    @property
    def done(self) -> int:
        """How many cases have been measured."""
        return len(self._cases)

    def steps(self) -> Iterator[None]:
        """Measure case after case, and pause after each; what is done by then is in :meth:`profile`."""
        if self.machine is None:
            self.say("the machine")
            self.machine = measure_machine()
        rng = np.random.default_rng(self.wanted.seed)
        try:
            for task, case in self._work:
                set_aside()
                timed_case, measurements = _Question(self, task, case, self.machine).answered(rng)
                self._cases.append(timed_case)
                self._measurements.extend(measurements)
                yield
        finally:
            gc.unfreeze()

    def say(self, what: str) -> None:
        """Keep what runs now in :attr:`now`, and tell it to whoever waits."""
        self.now = what
        self.on_check(what)

    def refused(self) -> list[Measurement]:
        """Return, once for each that was asked for by name and refused, its first measurement."""
        found = {(one.operator, one.implementation): one for one in reversed(self._measurements) if _is_refused(one)}
        return [one for key, one in reversed(found.items()) if key in self._named]

    @property
    def _named(self) -> set[tuple[str, str]]:
        """Operator and name of each that was asked for by name."""
        return {
            (task.operator.name, one.implementation.name) for task in self.tasks for one in task.candidates if one.named
        }

    def not_run(self) -> list[Measurement]:
        """Return, once for each that was asked for by name and never could run, its first measurement.

        What is absent for one operator is told; what runs one operator need not be able to run all others.
        """
        named = self._named
        found: dict[tuple[str, str], list[Measurement]] = {}
        for one in self._measurements:
            found.setdefault((one.operator, one.implementation), []).append(one)
        able = {name for (_, name), all_of_it in found.items() if not all(map(_is_out, all_of_it))}
        return [
            first
            for key, (first, *others) in found.items()
            if key in named and all(map(_is_out, (first, *others))) and (first.status == "absent" or key[1] not in able)
        ]

    def profile(self) -> Profile:
        """Return what has been measured so far."""
        if self.machine is None:
            self.machine = measure_machine()
        modules = dict.fromkeys(
            name
            for task in self.tasks
            for one in task.candidates
            if not missing(one.implementation)
            for name in one.implementation.requires
        )
        facts = environment(("numpy", *modules)) | {"processor": processor()} | thread_settings()
        options = {
            **{name: plain(value) for name, value in asdict(self.wanted).items()},
            "device": self.device,
            "seconds": self.allowance.seconds,
            "complete": self.done == len(self),
        }
        return Profile(
            detbench=__version__,
            environment=facts,
            machine=self.machine,
            options=self.options | options,
            cases=list(self._cases),
            measurements=list(self._measurements),
        )

    def counterexample(self, operator: Operator, candidate: Candidate) -> Counterexample | None:
        """Return what an implementation answers wrongly of the hard cases; they are asked once.

        What comes with detbench and compiles is held to them by its tests alone: it would compile for each of them, for
        minutes in all.
        """
        key = (operator.name, candidate.implementation.name)
        if key not in self._checked:
            self.say(f"{operator.name}: {candidate.implementation.name}, hard cases")
            compiles = candidate.origin == OURS and not _COMPILING.isdisjoint(candidate.implementation.requires)
            cases = () if compiles else operator.cases()
            answered = oracle.check(operator, candidate.implementation, cases, self.device)
            self._checked[key] = answered.counterexample
        return self._checked[key]

    def took(self, case: Case, operator: str, name: str, time_ms: float) -> None:
        """Remember how long a call took at this size; what is told later holds."""
        self._history.setdefault((operator, name, case.series), {})[case.size] = time_ms

    def estimate_ms(self, case: Case, operator: str, name: str) -> float:
        """Return how long a call should take, from the last two smaller sizes of the series; 0 without any.

        With two of them the time is taken to grow by the same power of the size, with one in proportion to it, and
        never by more: an NMS that stops at its limit grows no further, and is rather asked in vain than not at all.
        """
        known = self._history.get((operator, name, case.series), {})
        smaller = sorted(one for one in known.items() if 0 < one[0] < case.size)
        if not smaller:
            return 0.0
        size, time_ms = smaller[-1]
        power = 1.0
        if len(smaller) > 1 and smaller[-2][1] > 0:
            power = min(max(0.0, log(time_ms / smaller[-2][1]) / log(size / smaller[-2][0])), 1.0)
        return time_ms * float((case.size / size) ** power)


def _no_case(_: Wanted) -> Sequence[Case]:
    return ()


def _is_refused(one: Measurement) -> bool:
    return one.status == "refused"


def _is_out(one: Measurement) -> bool:
    """Whether it could not run, whatever its speed and its answer."""
    return one.status in {"absent", "unsupported"}


@dataclass(slots=True)
class _Question:
    """A case, asked of all who run its operator."""

    run: Run
    task: Task
    case: Case
    machine: Machine
    reference: Stepped | None = None

    def answered(self, rng: np.random.Generator) -> tuple[TimedCase, list[Measurement]]:
        """Return the case with what was counted of it, and a measurement for each implementation."""
        operator, case = self.task.operator, self.case
        patience_s = _PATIENCE * self.run.allowance.longest_call_s
        estimate_s = self.run.estimate_ms(case, operator.name, "") / 1e3
        if estimate_s > patience_s:
            reason = (
                f"the reference would take about {estimate_s:.0f} s to say what is right, more than {patience_s:g} s"
            )
            return self._timed_case(Work(0, 0, "")), [self._without(c, "skipped", reason) for c in self.task.candidates]
        self.run.say(f"{operator.name}: the reference on {case.name}")
        expected = self._expected()
        work = operator.work(case, expected) if operator.work else Work(0, 0, "")
        checked = [self._check(candidate, _knowing(operator, case, expected)) for candidate in self.task.candidates]
        right = [(one, bound, error) for one, bound, error in checked if not isinstance(bound, Measurement)]
        names = [f"{operator.name}: {one.implementation.name} on {case.name}" for one, _, _ in right]

        def on_turn(number: int) -> None:
            self.run.now = names[number]

        take_turns([bound for _, bound, _ in right], self.run.allowance, rng, on_turn)
        for one, bound, _ in right:
            if bound.samples_ms:
                self.run.took(case, operator.name, one.implementation.name, median(bound.samples_ms))
        return self._timed_case(work), [
            bound if isinstance(bound, Measurement) else self._measured(one, bound, error, expected)
            for one, bound, error in checked
        ]

    def _expected(self) -> Any:
        """Return the reference's answer. Where the reference is a candidate, this is its first call, too."""
        operator, case = self.task.operator, self.case
        candidate = next((one for one in self.task.candidates if is_the_reference(one)), None)
        if candidate is None:
            expected, took_ms = timed(lambda: operator.reference(**case.inputs, **case.settings))
        else:
            self.reference = bound = Stepped(candidate.implementation.bind(case, self.run.device), case)
            expected = bound.fetch(bound.run(bound.send()))
            took_ms = bound.first_call_ms or 0.0
        self.run.took(case, operator.name, "", took_ms)
        return expected

    def _check(self, candidate: Candidate, operator: Operator) -> tuple[Candidate, Stepped | Measurement, float]:
        """Return the implementation, bound and right on the hard cases and this one, or why it is not timed."""
        implementation, name = candidate.implementation, candidate.implementation.name
        if (why := why_not(candidate, self.case, self.run.device)) is not None:
            return candidate, self._without(candidate, *why), np.inf
        if self.reference is not None and is_the_reference(candidate):
            return self._affordable(candidate, self.reference, 0.0)
        if (found := self.run.counterexample(operator, candidate)) is not None:
            return candidate, self._refused(candidate, found), np.inf
        longest_s = self.run.allowance.longest_call_s
        estimate_s = self.run.estimate_ms(self.case, operator.name, name) / 1e3
        if estimate_s > longest_s:
            reason = f"one call would take about {estimate_s:.1f} s, more than {longest_s:g} s"
            return candidate, self._without(candidate, "skipped", reason), np.inf
        self.run.say(f"{operator.name}: {name} on {self.case.name}, checked")
        kept: list[Stepped] = []
        asked = replace(implementation, bind=stepped(implementation, kept))
        verdict, got = oracle.judge(operator, asked, self.case, self.run.device)
        if verdict.problem is not None:
            return candidate, self._wrong(candidate, operator, verdict.problem, got), np.inf
        return self._affordable(candidate, kept[-1], verdict.error)

    def _affordable(
        self, candidate: Candidate, bound: Stepped, error: float
    ) -> tuple[Candidate, Stepped | Measurement, float]:
        """Return the implementation as it is, or that it is skipped: a call takes too long.

        A first call may have to load, to allocate and to plan; if it takes not much too long, the second is asked.
        """
        longest_s, took_ms = self.run.allowance.longest_call_s, bound.first_call_ms or 0.0
        if longest_s < took_ms / 1e3 <= _SECOND_CHANCE * longest_s:
            took_ms = bound.sample(keep=False)
        self.run.took(self.case, self.task.operator.name, candidate.implementation.name, took_ms)
        if took_ms / 1e3 <= longest_s:
            return candidate, bound, error
        reason = f"one call takes {took_ms / 1e3:.1f} s, more than {longest_s:g} s"
        return candidate, self._without(candidate, "skipped", reason, steps=bound, error=error), np.inf

    def _wrong(self, candidate: Candidate, operator: Operator, problem: str, got: Any) -> Measurement:
        """Return what is written of an answer to the timed case that is not the reference's."""
        if any(name in problem for name in _NO_MEMORY):
            return self._without(candidate, "skipped", f"there is not enough memory: {problem}")
        found = oracle.check(operator, candidate.implementation, [self.case], self.run.device).counterexample
        if found is None:  # right when asked again: that is a fault too, but there is nothing smaller to show
            expected = operator.reference(**self.case.inputs, **self.case.settings)
            found = Counterexample(self.case, expected, got, f"{problem}; asked again, it is right")
        return self._refused(candidate, found)

    def _refused(self, candidate: Candidate, found: Counterexample) -> Measurement:
        reason = f"{found.case.name}: {found.problem}"
        return with_changed(self._without(candidate, "refused", reason), counterexample=written(found))

    def _measured(self, candidate: Candidate, bound: Stepped, error: float, expected: Any) -> Measurement:
        """Return the samples, if the last answer was right too."""
        if bound.raised:
            return self._without(candidate, "refused", f"{self.case.name}: called again, it raises {bound.raised}")
        verdict = self.task.operator.compare(self.case, expected, bound.bound.fetch(bound.last))
        changed = [name for name, array in self.case.inputs.items() if not _same(bound.case.inputs[name], array)]
        if changed or verdict.problem is not None:
            problem = f"it writes into its input {changed[0]!r}" if changed else verdict.problem
            return self._without(candidate, "refused", f"{self.case.name}: called many times, {problem}")
        return with_changed(
            self._without(candidate, "timed", "", steps=bound, error=max(error, verdict.error)),
            samples_ms=[round(time_ms, 6) for time_ms in bound.samples_ms],
        )

    def _without(
        self,
        candidate: Candidate,
        status: Status,
        reason: str,
        *,
        steps: Stepped | None = None,
        error: float | None = None,
    ) -> Measurement:
        """Return a measurement without samples."""
        names = ("send_ms", "compile_ms", "first_call_ms", "fetch_ms")
        times = {name: getattr(steps, name) for name in names} if steps else {}
        return Measurement(
            operator=self.task.operator.name,
            case=self.case.name,
            implementation=candidate.implementation.name,
            device=self.run.device,
            status=status,
            reason=reason,
            differs=dict(candidate.implementation.differs),
            error=error,
            error_unit=self.task.operator.error_unit,
            **times,
        )

    def _timed_case(self, work: Work) -> TimedCase:
        operator, case = self.task.operator, self.case
        return TimedCase(
            operator=operator.name,
            group=operator.group,
            name=case.name,
            series=case.series,
            size=case.size,
            settings={name: plain(value) for name, value in case.settings.items()},
            shapes={name: list(array.shape) for name, array in case.inputs.items()},
            bytes_moved=work.bytes_moved,
            operations=work.operations,
            counts=work.counts,
            bound_ms=bound_ms(self.machine, work.bytes_moved, work.operations),
            beyond=work.beyond,
        )


def _knowing(operator: Operator, case: Case, expected: Any) -> Operator:
    """Return the operator with a reference that knows the answer to ``case``, and works out all others."""

    def reference(**asked: Any) -> Any:
        if all(asked.get(name) is array for name, array in case.inputs.items()):
            return expected
        return operator.reference(**asked)

    return replace(operator, reference=reference)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=b.dtype.kind == "f")
