"""Arrays to variables by name: all are checked before one is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MODEL", "assign", "model_places"]

#: What the name of a variable of the model begins with in a file of arrays.
MODEL = "model/"


def model_places(model: Any) -> dict[str, Any]:
    """Return ``model/<path>`` → variable, of every variable of a model, trained or not."""
    return {MODEL + variable.path: variable for variable in model.variables}


def assign(path: Path, arrays: Mapping[str, NDArray[Any]], places: Mapping[str, Any], *, remedy: str) -> None:
    """Give every variable in ``places`` the array of its name that was read from ``path``.

    Raises
    ------
    DataError
        If one is missing, of another shape, or of no variable here; ``remedy`` is what it says to do.
    """
    if missing := next((name for name in places if name not in arrays), None):
        raise DataError("lacks an array that the model has", file=path, record=missing, remedy=remedy)
    if strange := next((name for name in arrays if name not in places), None):
        raise DataError("has an array that the model lacks", file=path, record=strange, remedy=remedy)
    for name, variable in places.items():
        if arrays[name].shape != tuple(variable.shape):
            problem = f"has the shape {arrays[name].shape}, and the model's is {tuple(variable.shape)}"
            raise DataError(problem, file=path, record=name, remedy=remedy)
    for name, variable in places.items():
        variable.assign(arrays[name])
