"""A counterexample as it is written: arrays as lists of numbers, whatever an implementation has returned as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.timing import document
from detbench.words import unbroken

if TYPE_CHECKING:
    from detbench.operators.contract import Counterexample

__all__ = ["plain", "written"]

#: An array of more elements is written as its shape, type and first elements.
_MOST_ELEMENTS = 2_000
_FIRST_ELEMENTS = 100

_LONGEST_TEXT = 200


def written(found: Counterexample) -> document.Counterexample:
    """Return a counterexample in the form of a profile."""
    return document.Counterexample(
        case=found.case.name,
        problem=found.problem,
        hint=found.hint,
        inputs={name: plain(array) for name, array in found.case.inputs.items()},
        settings={name: plain(value) for name, value in found.case.settings.items()},
        expected=plain(found.expected),
        got=plain(found.got),
    )


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has no number for is the text ``nan``, ``inf`` or ``-inf``.

    Examples
    --------
    >>> plain((np.array([[1.0, np.inf]]), np.int32(3), None))
    [[[1.0, 'inf']], 3, None]
    """
    if value is None or isinstance(value, str | bool | int):
        return unbroken(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    try:
        text = " ".join(repr(value).split())[:_LONGEST_TEXT]
    except Exception:  # noqa: BLE001  its __repr__ is anybody's code
        text = type(value).__name__
    return unbroken(text)


def _array(value: np.ndarray) -> Any:
    """Return an array as nested lists, a large one as what it begins with."""
    if value.size > _MOST_ELEMENTS:
        first = plain(value.ravel()[:_FIRST_ELEMENTS].tolist())
        return {"shape": list(value.shape), "type": str(value.dtype), "first": first}
    return plain(value.tolist())
