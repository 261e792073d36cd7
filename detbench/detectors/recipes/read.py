"""Reading a recipe: by the name of a shipped one or from a file, with what the command line changes in it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detbench.detectors.recipes.consistency import require_consistent
from detbench.detectors.recipes.overrides import overridden
from detbench.detectors.recipes.settings import Recipe
from detbench.detectors.recipes.shape import Misfit, shaped
from detbench.errors import DataError, UsageError
from detbench.files import read_text, shared_folder
from detbench.words import brief, printable

__all__ = ["read_recipe", "recipe_file", "recipe_names"]

#: No recipe is longer: a resolved one has 4 KB.
_LIMIT_BYTES = 2**20


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that detbench ships, in alphabetical order."""
    return tuple(sorted(path.stem for path in shared_folder("baselines").glob("*.toml")))


def recipe_file(name_or_path: str) -> Path:
    """Return the file of a shipped recipe, or the path itself where it looks like one.

    Raises
    ------
    UsageError
        If it is neither; names the nearest of the shipped recipes.
    """
    names = recipe_names()
    if name_or_path in names:
        return shared_folder("baselines") / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if path.suffix.lower() == ".toml" or len(path.parts) > 1 or path.is_file():
        return path
    near = difflib.get_close_matches(name_or_path[:100], names, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(
        f"there is no recipe {brief(printable(name_or_path), 60)!r}; {meant}"
        f"the recipes are {', '.join(names)}, or a file that ends in .toml"
    )


def read_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change in it what ``overrides`` say, each like ``"optimizer.learning_rate=0.01"``.

    Raises
    ------
    UsageError
        If there is no such recipe, or an override names no setting or gives it a value that it cannot have.
    DataError
        If the file is no recipe: a key is unknown or missing, a value has another kind, or two settings contradict.
    """
    path = recipe_file(name_or_path)
    table = _table(path)
    try:
        shaped(table, Recipe)
    except Misfit as misfit:
        raise DataError(misfit.problem, file=path, record=misfit.place, remedy=misfit.remedy) from misfit
    recipe = shaped(table, Recipe)
    for override in overrides:
        table, recipe = overridden(table, override)
    require_consistent(recipe, file=path, overrides=overrides)
    return recipe


def _table(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds. Raises DataError."""
    try:
        return tomllib.loads(read_text(path, limit_bytes=_LIMIT_BYTES))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"is not TOML ({error})", file=path) from error
    except RecursionError as error:
        raise DataError("is nested too deep for a recipe", file=path) from error
    except ValueError as error:  # an integer of thousands of digits
        raise DataError(f"is not TOML that can be read ({error})", file=path) from error
