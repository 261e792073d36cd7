"""What a MODEL is, told by its name and by what lies there, and the adapter before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DataError, UsageError
from detbench.operators.implementations.yours import is_place

if TYPE_CHECKING:
    from detbench.detectors.adapters.contract import Adapter, Wanted

__all__ = ["KINDS", "kind_of", "open_model"]

#: What a model can be → what a person calls it.
KINDS = {
    "classical": "the classical detector, fitted here or kept in a .npz file",
    "function": "FILE.py:FUNCTION",
    "onnx": "an ONNX detector",
    "run": "a training run's folder",
    "saved-model": "a TensorFlow SavedModel",
}

#: What a training run's folder holds.
_RUN_RECORD = "run.json"


def kind_of(model: str) -> str:
    """Return which of :data:`KINDS` a model is. Raises DataError if there is no such thing, or it is of no kind."""
    path = Path(model)
    if model == "classical" or path.suffix.lower() == ".npz":
        return "classical"
    if is_place(model) and ".py" in model:
        return "function"
    if not path.exists():
        raise DataError("there is no such file or folder", file=model, remedy=f"give {_listed()}")
    if path.is_file():
        if path.suffix.lower() == ".onnx":
            return "onnx"
        raise DataError("is no model that can be run", file=model, remedy=f"give {_listed()}")
    from detbench.detectors.adapters.saved_model import is_saved_model

    if (path / _RUN_RECORD).is_file():
        return "run"
    if is_saved_model(path):
        return "saved-model"
    raise DataError(
        f"holds neither {_RUN_RECORD}, as a training run's folder does, nor saved_model.pb",
        file=model,
        remedy=f"give {_listed()}",
    )


def _listed() -> str:
    *most, last = KINDS.values()
    return f"{', '.join(most)}, or {last}"


def open_model(model: str, wanted: Wanted, *, adapter: str | None = None) -> Adapter:
    """Return the adapter of a model that is kept somewhere.

    Parameters
    ----------
    model
        A training run's folder, a fitted ``.npz``, an ONNX file, a SavedModel's folder, or ``FILE.py:FUNCTION``.
    wanted
        What it is asked for.
    adapter
        Which adapter an ONNX file goes through; None recognises it.

    Raises
    ------
    DataError
        If there is no such model, or it is cut, damaged, or of no known kind.
    UsageError
        If it cannot do what is asked for, or a package is not installed.
    """
    kind, path = kind_of(model), Path(model)
    if adapter is not None and kind != "onnx":
        raise UsageError(f"--adapter is for ONNX files; {model} is {KINDS[kind]}")
    if kind == "onnx":
        from detbench.detectors.adapters.onnx_generic import open_onnx

        return open_onnx(path, wanted, adapter)
    if kind == "saved-model":
        from detbench.detectors.adapters.saved_model import SavedModelAdapter

        return SavedModelAdapter(path, wanted)
    if kind == "function":
        from detbench.detectors.adapters.function import FunctionAdapter

        return FunctionAdapter(model, wanted)
    if kind == "run":
        from detbench.detectors.train.backend import choose_backend

        choose_backend()
        from detbench.detectors.adapters.ours import OurAdapter

        return OurAdapter(path, wanted)
    from detbench.detectors.adapters.classical import ClassicalAdapter
    from detbench.detectors.classical import load

    return ClassicalAdapter(load(path), wanted, path)
