"""``detbench baselines``: the recipes that are shipped, what each aims at, and what was measured."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from detbench.detectors.recipes.settings import Measured, Recipe

__all__ = ["baselines"]

_NOT_YET = "not yet measured"


def baselines(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One recipe, or a file of your own; all in a table if not given."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every setting as JSON.")] = False,
    toml: Annotated[bool, typer.Option("--toml", help="Print NAME with every setting, to edit.")] = False,
) -> None:
    """Show the recipes of `train-baseline`: what each aims at, and what was measured.

    \b
    [bold]Examples[/bold]
    detbench baselines
    detbench baselines parking_mobilenet
    detbench baselines parking_small --toml > mine.toml   # then edit it
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, stdout
    from detbench.detectors.recipes.read import read_recipe, recipe_names
    from detbench.detectors.recipes.write import recipe_to_toml
    from detbench.errors import UsageError

    if toml and (json or not name):
        raise UsageError("--toml prints one recipe: give its name, and no --json")
    recipes = {one: read_recipe(one) for one in ([name] if name else recipe_names())}
    if json:
        plain = [_to_dict(one, recipe) for one, recipe in recipes.items()]
        print_json(plain[0] if name else plain)
    elif toml:
        sys.stdout.write(recipe_to_toml(recipes[str(name)]))
    elif name:
        _print_recipe(name, recipes[name], stdout())
    else:
        _print_table(recipes, stdout())


def _to_dict(name: str, recipe: Recipe) -> dict[str, Any]:
    import msgspec

    return {"name": name, **msgspec.to_builtins(recipe)}


def _print_table(recipes: dict[str, Recipe], console: Console) -> None:
    """Print one line a recipe."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in ("name", "aims at", "measured"):
        table.add_column(column, overflow="fold")
    for name, recipe in recipes.items():
        aims = "\n".join(f"{aim.metric} {aim.value:g}" for aim in recipe.aims_at) or "–"
        measured = "\n".join(_scores(recipe.measured)) if recipe.measured else _NOT_YET
        table.add_row(*map(Text, (name, aims, measured)))
    console.print(table)
    console.print(Text("one in full: detbench baselines NAME", "dim"))


def _print_recipe(name: str, recipe: Recipe, console: Console) -> None:
    """Print what a recipe says of itself."""
    from rich.table import Table
    from rich.text import Text

    from detbench.words import printable

    console.print(Text.assemble((printable(name), "bold"), f"  {printable(recipe.title)}"))
    grid = Table.grid(padding=(0, 2))
    measured = recipe.measured
    facts = [
        ("dataset", recipe.dataset),
        ("command", recipe.command),
        ("hardware", recipe.hardware),
        ("network", _network(recipe)),
        ("training", f"{recipe.run.steps:,} steps of {recipe.run.batch_size:,}, {recipe.run.precision}"),
        ("notes", recipe.notes.strip()),
        *(("aims at", f"{aim.metric} {aim.value:g} ({aim.source})") for aim in recipe.aims_at),
        *(("measured", line) for line in (_scores(measured) if measured else [_NOT_YET])),
    ]
    if measured:
        minutes = ", ".join(f"{one:g}" for one in measured.minutes)
        facts.append(("", f"in {minutes} minutes on {measured.hardware}, detbench {measured.detbench}"))
    for title, text in facts:
        if text:
            grid.add_row(Text(title, "bold"), Text(printable(text.replace("\n", " "))))
    console.print(grid)
    console.print(Text("\nevery setting: detbench baselines NAME --toml", "dim"))


def _network(recipe: Recipe) -> str:
    """Return the network in a few words."""
    model = recipe.model
    width = f" (alpha {model.alpha:g})" if model.alpha != 1 else ""
    neck = f"C4, stride {model.stride_px}" if model.neck == "c4" else "FPN, levels {} to {}".format(*model.fpn_levels)
    weights = "ImageNet weights" if model.weights == "imagenet" else "random weights"
    return f"{model.backbone}{width}, {neck}, {weights}"


def _scores(measured: Measured) -> list[str]:
    """Return each score that was measured, of each seed, with its interval."""
    return [
        f"{metric} " + ", ".join(f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in rows)
        for metric, rows in measured.score.items()
    ]
