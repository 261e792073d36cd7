"""The recipe that a run has: a file's, with what the command line changes, and what follows from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from detbench.detectors.recipes.read import read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.detectors.recipes.settings import Recipe

__all__ = ["differences", "resolved_recipe"]

_RATE = "optimizer.learning_rate"

#: What may change when a run goes on: what is only said, how long it is, how often it is kept or looked at.
_FREE = frozenset(
    {
        *("title", "dataset", "command", "hardware", "notes", "aims_at", "measured"),
        *("run.steps", "run.xla", "evaluation.checkpoint_every", "evaluation.every"),
    }
)


def resolved_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return a recipe with what ``overrides`` change in it, and the learning rate scaled to the batch.

    The rate grows with the batch's size (Goyal et al. 2017), unless it is itself among the overrides: then it is taken
    as it is said. Raises DataError and UsageError as :func:`read_recipe` does.
    """
    recipe = read_recipe(name_or_path, overrides)
    before = read_recipe(name_or_path).run.batch_size
    if recipe.run.batch_size == before or any(said.split("=")[0].strip() == _RATE for said in overrides):
        return recipe
    rate = recipe.optimizer.learning_rate * recipe.run.batch_size / before
    return msgspec.structs.replace(recipe, optimizer=msgspec.structs.replace(recipe.optimizer, learning_rate=rate))


def differences(then: Recipe, now: Recipe) -> list[str]:
    """Return what makes a run with the one recipe unable to go on with the other: ``run.seed was 0 and is 1``."""
    was, now_is = dict(_settings(msgspec.to_builtins(then))), dict(_settings(msgspec.to_builtins(now)))
    return [
        f"{name} was {was.get(name)} and is {now_is.get(name)}"
        for name in was | now_is
        if name not in _FREE and was.get(name) != now_is.get(name)
    ]


def _settings(table: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and before + key not in _FREE:
            yield from _settings(value, f"{before}{key}.")
        else:
            yield before + key, value
