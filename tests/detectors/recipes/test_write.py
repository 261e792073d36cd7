"""A recipe that was written says every setting, and reads back as the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.detectors.recipes.read import read_recipe, recipe_names
from detbench.detectors.recipes.settings import Measured, Published, Recipe
from detbench.detectors.recipes.shape import shaped
from detbench.detectors.recipes.write import recipe_to_toml, training_fingerprint

_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_numbers = st.floats(0, 1e9, allow_subnormal=True)
_measured = st.builds(
    Measured,
    hardware=_texts,
    minutes=st.lists(_numbers, max_size=2).map(tuple),
    score=st.dictionaries(_texts, st.lists(st.tuples(_numbers, _numbers, _numbers), max_size=2).map(tuple), max_size=2),
    seeds=st.lists(st.integers(0, 9), max_size=2).map(tuple),
    detbench=_texts,
)
_recipes = st.builds(
    Recipe,
    title=_texts,
    dataset=_texts,
    command=_texts,
    hardware=_texts,
    notes=_texts,
    aims_at=st.lists(st.builds(Published, metric=_texts, value=_numbers, source=_texts), max_size=2).map(tuple),
    measured=st.none() | _measured,
)


@settings(deadline=None)
@given(_recipes)
def test_it_reads_back(recipe: Recipe) -> None:
    """Every text and number comes back as it was."""
    assert shaped(tomllib.loads(recipe_to_toml(recipe)), Recipe) == recipe


@settings(max_examples=30, deadline=None)  # the first draw takes long on a busy machine
@given(st.data())
def test_every_setting_reads_back(data: st.DataObject) -> None:
    """Settings without a value, lists of lists and words come back too."""
    recipe = Recipe(title="t", dataset="d", command="c", hardware="h")
    changed: dict[str, Any] = {
        "optimizer": {"clip_norm": data.draw(st.none() | st.floats(1e-9, 10))},
        "model": {"anchors": {"sizes_px": data.draw(st.lists(st.lists(st.floats(1, 99))))}},
        "input": {"short_side_px": data.draw(st.none() | st.integers(1, 999))},
        "run": {"xla": data.draw(st.booleans()), "seed": data.draw(st.integers(0, 2**40))},
    }
    recipe = msgspec.convert(msgspec.to_builtins(recipe) | changed, Recipe)
    assert shaped(tomllib.loads(recipe_to_toml(recipe)), Recipe) == recipe


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_read_back(name: str, tmp_path: Path) -> None:
    """A resolved recipe is a recipe file: the same recipe, and the same bytes when written again."""
    recipe = read_recipe(name)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_to_toml(recipe), encoding="utf-8")
    assert read_recipe(str(path)) == recipe
    assert recipe_to_toml(read_recipe(str(path))) == path.read_text(encoding="utf-8")


def _leaves(table: dict[str, Any], keys: str = "") -> set[str]:
    return {
        leaf
        for key, value in table.items()
        for leaf in (_leaves(value, f"{keys}{key}.") if isinstance(value, dict) else {keys + key})
    }


def test_every_setting_is_written() -> None:
    """Nothing is left to a default: a later version's defaults change no run of today."""
    recipe = read_recipe("parking_mobilenet")
    written = _leaves(tomllib.loads(recipe_to_toml(recipe)))
    assert _leaves(msgspec.to_builtins(recipe)) - written <= {"measured"}


def test_the_fingerprint_is_of_what_trains() -> None:
    """What is said of a recipe and what is done after training leave it alone; what trains changes it."""
    name = "parking_mobilenet"
    before = training_fingerprint(read_recipe(name))
    same = ["title=x", "notes=y", "model.detections.limit=10", "model.rpn.post_nms_test=7", "evaluation.every=3"]
    assert training_fingerprint(read_recipe(name, same)) == before
    for override in ("run.seed=1", "run.steps=900", "optimizer.momentum=0.8", "evaluation.train_split=all"):
        assert training_fingerprint(read_recipe(name, [override])) != before
    assert training_fingerprint(read_recipe(name, ["model.rpn.channels=65"])) != before
