"""The steps of a piece beside each other: what loops take, what arrays take, and what a framework takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detbench.errors import UsageError
from detbench.operators.contract import Implementation, called
from detbench.operators.course.grade import Grade, examine, parted
from detbench.operators.course.pieces import STEPS
from detbench.operators.course.times import Timed, realistic, timed
from detbench.operators.course.words import table
from detbench.operators.registry import operator_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["Steps", "steps"]

_NAMES = {"loops": "loops", "numpy": "NumPy", "tensorflow": "TensorFlow"}


@dataclass(frozen=True, slots=True, repr=False)
class Steps:
    """What :func:`steps` found: the grade of each function that was timed or refused, and the times."""

    grades: tuple[Grade, ...]
    times: Timed | None

    @property
    def right(self) -> bool:
        """Whether all steps are there and right."""
        return len(self.grades) == len(STEPS) and all(one.right for one in self.grades)

    def __repr__(self) -> str:
        """Return what a learner reads in a notebook."""
        wrong = [repr(one) for one in self.grades if not one.right]
        times = "\n".join(table(self.times)[1:]) if self.times is not None else ""
        return "\n\n".join([*wrong, *([times] if times else [])])


def steps(operator: str, yours: Sequence[Callable[..., Any]], otherwise: ModuleType | None = None) -> Steps:
    """Return the times of the steps of one operator, of those that are right.

    Parameters
    ----------
    operator
        ``"encode"``.
    yours
        Functions whose names end in ``_loops``, ``_numpy`` or ``_tensorflow``.
    otherwise
        Where to take a step from that is not written yet: a module with functions of the same names.
    """
    chosen = operator_named(operator)
    own = {parted(one.__name__)[1]: one for one in yours}
    if "" in own:
        raise UsageError(f"the name of {own[''].__name__} does not say its step; let it end in _{', _'.join(STEPS)}")
    grades: list[Grade] = []
    right: dict[str, Implementation] = {}
    for step in STEPS:
        names = f"{operator.replace('-', '_')}_{step}"
        solution = getattr(otherwise, names, None)
        for function, whose in ((own.get(step), "yours"), (solution, "the solution")):
            if function is None:
                continue
            found = examine(chosen, function, function.__name__, step, time=False)
            if found.status == "unwritten" and whose == "yours" and solution is not None:
                continue
            grades.append(found)
            if found.right:
                right[f"{_NAMES[step]}, {whose}"] = Implementation(step, operator, called(function))
            break
    case = realistic(chosen)
    times = timed(chosen, case, right) if right and case is not None else None
    return Steps(tuple(grades), times)
