"""The references themselves: NumPy, written to be read, and the first in every table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from detbench.operators.contract import Implementation, called
from detbench.operators.reference import HOME

if TYPE_CHECKING:
    from detbench.operators.contract import Bound, Case

__all__ = ["IMPLEMENTATIONS"]


def _implementation(function: str, module: str) -> Implementation:
    def bind(case: Case, device: str) -> Bound:
        return called(getattr(import_module(module), function))(case, device)

    return Implementation("numpy", function.replace("_", "-"), bind)


IMPLEMENTATIONS = tuple(_implementation(function, module) for function, module in HOME.items())
