"""Every reference is a page that runs: its examples are right, and it answers in the float type that it is asked in."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

from detbench.operators.reference import FUNCTIONS, HOME
from detbench.operators.registry import operators

MODULES = [f"detbench.operators.reference.{name}" for name in FUNCTIONS]


@pytest.mark.parametrize("module", [*MODULES, "detbench.operators.catalogue.comparison"])
def test_examples_are_right(module: str) -> None:
    """The doctests of a module pass, and there are some."""
    done = doctest.testmod(import_module(module))
    assert done.failed == 0
    assert done.attempted > 0


@pytest.mark.parametrize("function", HOME)
def test_every_function_has_an_example_and_is_an_operator(function: str) -> None:
    """Each operator's docstring shows it at work, and the registry knows it by the same name with hyphens."""
    reference = getattr(import_module(HOME[function]), function)
    assert ">>>" in reference.__doc__
    assert operators()[function.replace("_", "-")].reference is reference


def test_every_operator_is_a_reference() -> None:
    """The registry has no operator beyond those that are listed."""
    assert {name.replace("-", "_") for name in operators()} == set(HOME)


@pytest.mark.parametrize("operator", operators().values(), ids=operators())
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_answers_have_the_type_of_the_question(operator: object, kind: type) -> None:
    """Floats come back in the type they went in with, and answers in double precision agree with single."""
    for case in operator.cases():
        if not any(array.dtype.kind == "f" for array in case.inputs.values()):
            continue
        inputs = {n: array.astype(kind) if array.dtype.kind == "f" else array for n, array in case.inputs.items()}
        with np.errstate(all="ignore"):
            answer = operator.reference(**inputs, **case.settings)
        for part in answer if isinstance(answer, tuple) else (answer,):
            assert np.asarray(part).dtype.kind in "iu" or np.asarray(part).dtype == kind
