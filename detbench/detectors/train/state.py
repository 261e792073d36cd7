"""What a run goes on from: every weight and everything the optimizer keeps, by name, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["model_arrays", "optimizer_arrays", "restore"]


def model_arrays(model: Any) -> dict[str, NDArray[Any]]:
    """Return ``model/<path>`` → values of every variable of the model, trained or not."""
    return {f"model/{variable.path}": as_array(variable) for variable in model.variables}


def optimizer_arrays(optimizer: Optimizer) -> dict[str, NDArray[Any]]:
    """Return ``optimizer/<name>`` → values of what the optimizer keeps."""
    return {f"optimizer/{name}": as_array(slot) for name, slot in optimizer.slots.items()}


def restore(path: Path, arrays: Mapping[str, NDArray[Any]], model: Any, optimizer: Optimizer | None = None) -> None:
    """Give a model, and an optimizer, the values that were read from ``path``; all are checked before one is given.

    Raises
    ------
    DataError
        If one is missing, of another shape, or of no variable here.
    """
    places = {f"model/{variable.path}": variable for variable in model.variables}
    if optimizer is not None:
        places |= {f"optimizer/{name}": slot for name, slot in optimizer.slots.items()}
    remedy = "train with the recipe that it was made with"
    if missing := next((name for name in places if name not in arrays), None):
        raise DataError("lacks an array that the model has", file=path, record=missing, remedy=remedy)
    if strange := next((name for name in arrays if name not in places), None):
        raise DataError("has an array that the model lacks", file=path, record=strange, remedy=remedy)
    for name, variable in places.items():
        if arrays[name].shape != tuple(variable.shape):
            shapes = f"has the shape {arrays[name].shape}, and the model's is {tuple(variable.shape)}"
            raise DataError(shapes, file=path, record=name, remedy=remedy)
    for name, variable in places.items():
        variable.assign(arrays[name])


def as_array(variable: Any) -> NDArray[Any]:
    """Return a variable's values; where it lies on several devices they are the same on each."""
    value = variable.value
    if hasattr(value, "addressable_data"):  # JAX: another process's copies cannot be read from here
        value = value.addressable_data(0)
    return np.array(ops.convert_to_numpy(value))
