"""What an operator is, and what a way to run one.

Every operator has a reference that is written to be read, hard cases, a comparison, and a list of mistakes that people
make with it. An implementation (fast, a framework's, a peer's, yours) answers the same cases by the same signature,
``implementation(**case.inputs, **case.settings)``; :mod:`detbench.operators.oracle` holds it to the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Bound",
    "Case",
    "Counterexample",
    "Implementation",
    "Mistake",
    "Operator",
    "Verdict",
    "Wanted",
    "Work",
    "called",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One question to an operator.

    Parameters
    ----------
    name
        What is hard about it, as a noun: ``"equal scores"``.
    inputs
        Arrays by the name of the parameter: what moves to a device. Floats are float32 unless the case is about that.
    settings
        The other parameters, Python numbers and tuples: static where something is compiled.
    rows
        Names of the inputs that share their first axis: rows can be left out of all of them at once and the case still
        means something. Empty where nothing can be left out.
    traits
        What an implementation may say that it does otherwise: ``"score ties"``, ``"no area"``.
    size, series
        Where a timed case stands in a plot: so many boxes or regions, on the line of this name.
    """

    name: str
    inputs: Mapping[str, NDArray[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    size: int = 0
    series: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far an answer is from the reference's.

    ``error`` is in the operator's own unit (``Operator.error_unit``); ``problem`` is a clause that says what differs
    first, or None where the answer is accepted.
    """

    error: float
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that people make: a function that makes it, with the reference's signature, and what to tell them."""

    name: str
    function: Callable[..., Any]
    hint: str


@dataclass(frozen=True, slots=True)
class Work:
    """What an answer cannot be had without, counted, not measured.

    ``counts`` says in a clause what was counted; ``beyond``, in another, what an implementation must do besides, or
    cannot do at the machine's rates: why it may take several times its bound.
    """

    bytes_moved: int
    operations: int
    counts: str
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to time: numbers of boxes, how many NMS keeps at most, numbers of regions, and the seed of the inputs."""

    boxes: tuple[int, ...] = (1_000, 10_000, 50_000)
    keep: int = 2_000
    regions: tuple[int, ...] = (300, 1_000, 2_000)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: its reference, and everything that an implementation is held to.

    Parameters
    ----------
    name, title
        ``"roi-align"``; ``"RoIAlign"``.
    group
        What ``detbench profile`` calls it by: ``nms``, ``roi-pooling``, ``iou``, ``anchors``; empty: it is not timed.
    reference
        ``reference(**case.inputs, **case.settings)``; an array or a tuple of arrays.
    cases
        The hard cases, small, the simplest first.
    compare
        ``compare(case, expected, got)``; must not raise whatever ``got`` is: a wrong shape or type is a problem too.
    error_unit
        What ``Verdict.error`` is counted in: ``"rows"``, ``"largest difference"``.
    mistakes
        Each of them is refused by at least one of ``cases``.
    timed
        The cases to time, by size, within a series.
    work
        ``work(case, expected)``.
    """

    name: str
    title: str
    group: str
    reference: Callable[..., Any]
    cases: Callable[[], Sequence[Case]]
    compare: Callable[[Case, Any, Any], Verdict]
    error_unit: str
    mistakes: tuple[Mistake, ...] = ()
    timed: Callable[[Wanted], Sequence[Case]] | None = None
    work: Callable[[Case, Any], Work] | None = None


class Bound(Protocol):
    """An implementation that knows its case and its device; the profile times each step by itself."""

    def send(self) -> Any:
        """Return the inputs where the implementation wants them, all of them arrived."""

    def compile(self, sent: Any) -> None:
        """Trace and compile, where that can be done before the first call."""

    def run(self, sent: Any) -> Any:
        """Return the answer where the implementation leaves it, complete: a device is waited for."""

    def fetch(self, answer: Any) -> Any:
        """Return the answer in the form of the reference's."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """A way to run an operator.

    Parameters
    ----------
    name, operator
        ``"native"``; the operator's name.
    bind
        ``bind(case, device)`` with ``"cpu"`` or ``"gpu"``. A framework is imported there, not before.
    requires
        Modules that must be there; without one of them the implementation is said to be absent.
    devices
        Where it can run.
    differs
        Trait → how its rule differs there, as a clause: cases of that trait are not asked of it, and the page says so.
    cannot
        ``cannot(case)``: why this case cannot be run at all, as a clause, or None.
    """

    name: str
    operator: str
    bind: Callable[[Case, str], Bound]
    requires: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    differs: Mapping[str, str] = field(default_factory=dict)
    cannot: Callable[[Case], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A case that an implementation gets wrong, as small as it could be made."""

    case: Case
    expected: Any
    got: Any
    problem: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Called:
    """A function of NumPy arrays, bound: nothing to send, to compile or to fetch."""

    function: Callable[..., Any]
    case: Case

    def send(self) -> Mapping[str, NDArray[Any]]:
        return self.case.inputs

    def compile(self, sent: Any) -> None:
        """Do nothing."""

    def run(self, sent: Mapping[str, NDArray[Any]]) -> Any:
        return self.function(**sent, **self.case.settings)

    def fetch(self, answer: Any) -> Any:
        return answer


def called(function: Callable[..., Any]) -> Callable[[Case, str], Bound]:
    """Return what binds a function of NumPy arrays that has the reference's signature."""
    return lambda case, _: _Called(function, case)
