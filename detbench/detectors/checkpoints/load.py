"""A run's model as it was trained, on whatever backend Keras has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.assigning import MODEL, assign, model_places
from detbench.detectors.checkpoints.run_folder import open_run
from detbench.detectors.recipes.read import read_recipe
from detbench.errors import DataError

if TYPE_CHECKING:
    from detbench.detectors.checkpoints.record import RunRecord
    from detbench.detectors.faster_rcnn.model import FasterRCNN
    from detbench.detectors.recipes.settings import Recipe

__all__ = ["LoadedRun", "load_model"]


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
    # The last state has what the optimizer keeps beside them.
    arrays = {name: array for name, array in read_arrays(weights)[0].items() if name.startswith(MODEL)}
    remedy = "take another copy of the run: these weights are not of its recipe"
    assign(weights, arrays, model_places(model), remedy=remedy)
    return LoadedRun(model, recipe, tuple(record.categories), record)
