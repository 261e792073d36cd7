"""The shipped recipes are listed with what they aim at and what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.detectors.recipes.read import read_recipe, recipe_names
from detbench.detectors.recipes.settings import Measured
from detbench.detectors.recipes.write import recipe_to_toml

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]


def test_all(detbench: Command) -> None:
    """Every recipe has a line, which fits 80 columns, with what it aims at."""
    done = detbench("baselines", env_columns=80)
    assert done.returncode == 0, done.stderr
    for name in recipe_names():
        assert name in done.stdout
    assert "AP val 0.379" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_one(detbench: Command) -> None:
    """One recipe says where its data comes from, how it is run, and whose number it aims at."""
    done = detbench("baselines", "carpk_r50_fpn_lpn")
    for part in ("detbench train-baseline carpk_r50_fpn_lpn", "MAE test 13.72 (LPN", "resnet50, FPN, levels 2 to 5"):
        assert part in done.stdout


def test_what_was_measured(detbench: Command, tmp_path: Path) -> None:
    """A recipe says what was measured, of each seed with its interval, and else that nothing was."""
    path = tmp_path / "mine.toml"
    fresh = read_recipe("coco_r50_fpn_1x")
    import msgspec

    measured = Measured(
        hardware="a machine",
        minutes=(8.5, 9.0),
        score={"AP50 test": ((0.8, 0.7, 0.9), (0.81, 0.71, 0.91))},
        seeds=(0, 1),
        detbench="0.1.0",
    )
    for recipe, said in (
        (msgspec.structs.replace(fresh, measured=None), "not yet measured"),
        (msgspec.structs.replace(fresh, measured=measured), "AP50 test 0.800 [0.700, 0.900], 0.810 [0.710, 0.910]"),
    ):
        path.write_text(recipe_to_toml(recipe))
        assert said in detbench("baselines", path).stdout


def test_as_toml(detbench: Command, tmp_path: Path) -> None:
    """What --toml prints is the same recipe again, with every setting."""
    done = detbench("baselines", "parking_mobilenet", "--toml")
    (tmp_path / "mine.toml").write_text(done.stdout)
    assert read_recipe(str(tmp_path / "mine.toml")) == read_recipe("parking_mobilenet")
    assert "smooth_l1_beta" in done.stdout


def test_as_json(detbench: Command) -> None:
    """--json prints every setting, of one recipe or of all."""
    one = json.loads(detbench("baselines", "parking_mobilenet", "--json").stdout)
    assert one["name"] == "parking_mobilenet"
    assert one["model"]["weights"] == "none"
    assert [recipe["name"] for recipe in json.loads(detbench("baselines", "--json").stdout)] == list(recipe_names())


def test_refusals(detbench: Command) -> None:
    """A name that is none is answered with the nearest; --toml alone with what it wants."""
    done = detbench("baselines", "parking_mobilnet")
    assert done.returncode == 2
    assert "did you mean 'parking_mobilenet'" in done.stderr
    assert detbench("baselines", "--toml").returncode == 2
