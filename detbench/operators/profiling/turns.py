"""Samples by turns: in every round each implementation runs once, in an order that is drawn anew.

What disturbs a machine for a while then falls on all of them, and no one always runs after the same other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detbench.timing.clock import timed, undisturbed
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from detbench.operators.contract import Bound, Case, Implementation

__all__ = ["Allowance", "Stepped", "stepped", "take_turns"]

#: A call shorter than this is run once before its sample, and again until so many milliseconds have passed: the threads
#: of its predecessor may still spin for a moment, and its own arrays have left the cache. What takes longer pays for
#: that with a small part of its time.
_SHORT_MS, _SETTLED_MS = 10.0, 1.0

#: A step that takes less is a call of nothing: there was nothing to do.
_NOTHING_MS = 0.002

#: Calls that are not sampled, at the most, before the rounds begin.
_WARM_UP_CALLS = 3


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long an implementation is sampled on a case.

    Samples are taken for ``seconds``, the calls that settle things before them included, but no fewer than ``least``
    and no more than ``most``: 7 are the fewest of which two medians can be compared, and 400 enclose p99. Whoever takes
    longer than ``seconds`` for one call gets ``few``, which say how slow it is and no more; longer than
    ``longest_call_s``, none.
    """

    seconds: float = 0.15
    few: int = 3
    least: int = 7
    most: int = 400

    @property
    def longest_call_s(self) -> float:
        """Four times ``seconds``: what is checked and sampled so slowly takes 16 times ``seconds`` in all."""
        return 4 * self.seconds


@dataclass(slots=True)
class Stepped:
    """An implementation bound to a case, which keeps how long each of its first steps took, and then its samples.

    A time is None where there was nothing to do: a function of NumPy arrays gets the very inputs, and returns the very
    answer.
    """

    bound: Bound
    case: Case
    sent: Any = None
    last: Any = None
    send_ms: float | None = None
    compile_ms: float | None = None
    first_call_ms: float | None = None
    fetch_ms: float | None = None
    samples_ms: list[float] = field(default_factory=list)
    raised: str = ""

    def send(self) -> Any:
        """Return the inputs where the implementation wants them."""
        self.sent, took_ms = timed(self.bound.send)
        self.send_ms = None if self.sent is self.case.inputs else took_ms
        return self.sent

    def compile(self, sent: Any) -> None:
        """Trace and compile."""
        _, took_ms = timed(self.bound.compile, sent)
        self.compile_ms = None if took_ms < _NOTHING_MS else took_ms

    def run(self, sent: Any) -> Any:
        """Return the answer, where the implementation leaves it."""
        self.last, self.first_call_ms = timed(self.bound.run, sent)
        return self.last

    def fetch(self, answer: Any) -> Any:
        """Return the answer in the form of the reference's."""
        fetched, took_ms = timed(self.bound.fetch, answer)
        self.fetch_ms = None if fetched is answer else took_ms
        return fetched

    def sample(self, *, keep: bool = True) -> float:
        """Run once more and return how many milliseconds that took; what it raises is kept, and ends the samples."""
        self.last = None  # its memory is given back before the clock runs, not while
        try:
            self.last, took_ms = timed(self.bound.run, self.sent)
        except (Exception, SystemExit) as error:  # noqa: BLE001  anybody's code may raise anything
            self.raised = raised(error)
            return 0.0
        if keep:
            self.samples_ms.append(took_ms)
        return took_ms


def stepped(implementation: Implementation, kept: list[Stepped]) -> Callable[[Case, str], Bound]:
    """Return an implementation's ``bind`` whose steps are timed; what it binds is put into ``kept``."""

    def bind(case: Case, device: str) -> Bound:
        one = Stepped(implementation.bind(case, device), case)
        kept.append(one)
        return one

    return bind


def take_turns(
    runs: Sequence[Stepped], allowance: Allowance, rng: np.random.Generator, on_turn: Callable[[int], None]
) -> None:
    """Warm up, then sample all of ``runs``; ``on_turn(number)`` is told who is about to run, from 0."""
    enough_ms = 1e3 * allowance.seconds
    spent_ms = [0.0] * len(runs)
    usual_ms = [_warmed_up(run, enough_ms, number, on_turn) for number, run in enumerate(runs)]
    least = [allowance.few if time_ms > enough_ms else allowance.least for time_ms in usual_ms]
    with undisturbed():
        while active := [
            number
            for number, run in enumerate(runs)
            if not run.raised
            and len(run.samples_ms) < allowance.most
            and (len(run.samples_ms) < least[number] or spent_ms[number] < enough_ms)
        ]:
            for number in rng.permutation(active):
                on_turn(number)
                spent_ms[number] += _settle(runs[number], usual_ms[number]) + runs[number].sample()


def _settle(run: Stepped, usual_ms: float) -> float:
    """Run without a sample, until a moment has passed since another ran; return how long that took."""
    settled_ms = 0.0
    while usual_ms < _SHORT_MS and settled_ms < _SETTLED_MS and not run.raised:
        settled_ms += run.sample(keep=False)
    return settled_ms


def _warmed_up(run: Stepped, enough_ms: float, number: int, on_turn: Callable[[int], None]) -> float:
    """Run a few times, for a quarter of the allowance at the most, and return the last time."""
    on_turn(number)
    took_ms, spent_ms = run.first_call_ms or 0.0, 0.0
    for _ in range(_WARM_UP_CALLS):
        if run.raised or spent_ms + took_ms > enough_ms / 4:
            break
        took_ms = run.sample(keep=False)
        spent_ms += took_ms
    return took_ms
