"""Which framework runs the model: chosen once in a process, before Keras is imported."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from detbench.errors import UsageError

__all__ = ["BACKENDS", "choose_backend"]

#: Keras's backends that the model runs on, with the module that each needs.
BACKENDS = ("tensorflow", "jax", "torch")

_INSTALL = {
    "tensorflow": 'pip install "detbench[cpu]", or "detbench[gpu]"',
    "jax": "pip install jax",
    "torch": "pip install torch",
}


def choose_backend(asked: str | None = None) -> str:
    """Make Keras use a backend, and return its name: the one asked for, or KERAS_BACKEND's, or TensorFlow.

    Raises
    ------
    UsageError
        If there is no such backend, it or Keras is not installed, or Keras runs on another one in this process.
    """
    name = asked or os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in BACKENDS:
        raise UsageError(f"there is no backend {name!r}; say one of {', '.join(BACKENDS)}")
    if find_spec("keras") is None:
        raise UsageError(f"the baseline needs Keras, which is not installed; {_INSTALL['tensorflow']}")
    if find_spec(name) is None:
        raise UsageError(f"the backend {name} is not installed; {_INSTALL[name]}")
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" in sys.modules:
        running = sys.modules["keras"].config.backend()
        if running != name:
            raise UsageError(f"Keras already runs on {running} in this process; start another one for {name}")
    return name
