"""What a run goes on from: every weight and everything the optimizer keeps, by name, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from detbench.detectors.checkpoints.assigning import assign, model_places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["model_arrays", "optimizer_arrays", "restore"]


def model_arrays(model: Any) -> dict[str, NDArray[Any]]:
    """Return ``model/<path>`` → values of every variable of the model, trained or not."""
    return {name: as_array(variable) for name, variable in model_places(model).items()}


def optimizer_arrays(optimizer: Optimizer) -> dict[str, NDArray[Any]]:
    """Return ``optimizer/<name>`` → values of what the optimizer keeps."""
    return {name: as_array(slot) for name, slot in _optimizer_places(optimizer).items()}


def restore(path: Path, arrays: Mapping[str, NDArray[Any]], model: Any, optimizer: Optimizer | None = None) -> None:
    """Give a model, and an optimizer, the values that were read from ``path``. Raises DataError if they do not fit."""
    places = model_places(model) | (_optimizer_places(optimizer) if optimizer is not None else {})
    assign(path, arrays, places, remedy="train with the recipe that it was made with")


def _optimizer_places(optimizer: Optimizer) -> dict[str, Any]:
    return {f"optimizer/{name}": slot for name, slot in optimizer.slots.items()}


def as_array(variable: Any) -> NDArray[Any]:
    """Return a variable's values; where it lies on several devices they are the same on each."""
    value = variable.value
    if hasattr(value, "addressable_data"):  # JAX: another process's copies cannot be read from here
        value = value.addressable_data(0)
    return np.array(ops.convert_to_numpy(value))
