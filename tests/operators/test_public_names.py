"""``detbench.operators`` offers every operator as a function: native where there is one, the reference elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

import detbench.operators
from detbench.operators.implementations.native import IMPLEMENTATIONS
from detbench.operators.reference import HOME


@pytest.mark.parametrize("name", detbench.operators.__all__)
def test_public_names_are_functions(name: str) -> None:
    """Each name is there, and native exactly where there is a native implementation."""
    function = getattr(detbench.operators, name)
    native = name.replace("_", "-") in {each.operator for each in IMPLEMENTATIONS}
    assert function.__module__.startswith(f"detbench.operators.{'native' if native else 'reference'}.")


def test_every_operator_is_public() -> None:
    """What has a reference has a public name."""
    assert set(detbench.operators.__all__) == set(HOME)
    assert dir(detbench.operators) == sorted(HOME)
    with pytest.raises(AttributeError, match="no attribute 'nsm'"):
        detbench.operators.nsm  # noqa: B018  the access is the test


def test_importing_operators_imports_no_numpy() -> None:
    """The package costs nothing until something of it is used."""
    code = "import sys, detbench.operators; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
