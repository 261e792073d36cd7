"""The native part, or nothing: every function of it has a NumPy twin that gives the same numbers, slower."""

from __future__ import annotations

import os
import warnings
from functools import cache
from types import ModuleType

__all__ = ["native"]


@cache
def native() -> ModuleType | None:
    """Return ``detbench._native``, or None where it was not built; said once, as a warning.

    ``DETBENCH_NO_NATIVE=1`` in the environment leaves it out on purpose, without a warning.
    """
    if os.environ.get("DETBENCH_NO_NATIVE"):
        return None
    try:
        from detbench import _native
    except ImportError:
        warnings.warn(
            "detbench runs without its native part: the same numbers, slower. To build it, install a C++20 compiler "
            "and reinstall detbench",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return _native
