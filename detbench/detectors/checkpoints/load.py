"""A run's model as it was trained, on whatever backend Keras has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import open_run
from detbench.detectors.recipes.read import read_recipe
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detbench.detectors.checkpoints.record import RunRecord
    from detbench.detectors.faster_rcnn.model import FasterRCNN
    from detbench.detectors.recipes.settings import Recipe

__all__ = ["LoadedRun", "assign_model", "load_model"]

#: What a name in a file of arrays begins with where it is a variable of the model.
_PREFIX = "model/"


class LoadedRun(NamedTuple):
    """A trained model with what it was made of; ``categories`` are names, the model's numbers count them from 0."""

    model: FasterRCNN
    recipe: Recipe
    categories: tuple[str, ...]
    record: RunRecord


def load_model(path: Path | str, which: Literal["best", "last"] = "best", *, verify: bool = True) -> LoadedRun:
    """Return the model of a run with its best weights, or its last.

    Parameters
    ----------
    path
        The run's folder.
    which
        ``"best"``: with the highest score; ``"last"``: those that the run goes on from.
    verify
        Check the hashes of the run's files first.

    Raises
    ------
    DataError
        If there is no run, it has no such weights yet, a file is broken, or the weights are another model's.
    """
    opened = open_run(path, verify=verify)
    weights, recipe_file = opened.files.get(f"{which}.npz"), opened.files.get("recipe.toml")
    if weights is None:
        other = "last" if which == "best" else "best"
        told = f"take its {other} ones" if f"{other}.npz" in opened.files else "train it for longer"
        raise DataError(f"has no {which} weights yet", file=path, remedy=told)
    if recipe_file is None:
        raise DataError("has no recipe: run.json does not speak of recipe.toml", file=path)
    recipe, record = read_recipe(str(recipe_file)), opened.record
    from detbench.detectors.faster_rcnn.model import build_model  # brings Keras: a broken run is said before

    model = build_model(recipe.model, len(record.categories), recipe.run.seed)
    assign_model(weights, read_arrays(weights)[0], model)
    return LoadedRun(model, recipe, tuple(record.categories), record)


def assign_model(path: Path, arrays: Mapping[str, NDArray[Any]], model: Any) -> None:
    """Give every variable of a model the array of its name that was read from ``path``; other arrays are let be.

    All are checked before one is given.

    Raises
    ------
    DataError
        If one is missing, of another shape, or of no variable of the model.
    """
    places = {_PREFIX + variable.path: variable for variable in model.variables}
    remedy = "take another copy of the run: these weights are not of its recipe"
    if missing := next((name for name in places if name not in arrays), None):
        raise DataError("lacks an array that the model has", file=path, record=missing, remedy=remedy)
    if strange := next((name for name in arrays if name.startswith(_PREFIX) and name not in places), None):
        raise DataError("has an array that the model lacks", file=path, record=strange, remedy=remedy)
    for name, variable in places.items():
        if arrays[name].shape != tuple(variable.shape):
            problem = f"has the shape {arrays[name].shape}, and the model's is {tuple(variable.shape)}"
            raise DataError(problem, file=path, record=name, remedy=remedy)
    for name, variable in places.items():
        variable.assign(arrays[name])
