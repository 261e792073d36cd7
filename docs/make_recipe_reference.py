"""Write ``docs/reference/recipes.md``: every setting of a recipe with its default, from the settings themselves."""

# ruff: noqa: INP001  a script, not a package

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import msgspec

from detbench.detectors.recipes.settings import Recipe

TARGET = Path(__file__).parent / "reference" / "recipes.md"

HEAD = """# Recipes

A recipe says everything about a baseline: its pictures, its network, how it is trained and how it is scored. It is a
TOML file. `detbench baselines` lists those that are shipped; `detbench baselines NAME --toml` prints one with every
setting, as a run's `recipe.toml` has them.

What a file does not say has the default below. A key that does not exist is an error that names the nearest one, and
so is a value of another kind or out of its range, and two settings that contradict: a list of anchors too many for the
pyramid, a canvas whose sides do not divide by the largest stride, ImageNet weights for a network that has none.

Any setting can be changed on the command line, with a TOML value; a text needs no quotation marks, and `none` means no
value where that is possible:

```console
$ detbench train-baseline bccd_mobilenet --data bccd -o run -s optimizer.learning_rate=0.002 -s optimizer.clip_norm=none
```

Names say their unit: `_px` is pixels of the canvas. Shares are numbers from 0 to 1.

This page is made by `docs/make_recipe_reference.py` from `detbench/detectors/recipes/settings.py`.
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_sections(Recipe, ()))


def _sections(kind: type[msgspec.Struct], keys: tuple[str, ...], many: bool = False) -> list[str]:
    """Return a table's section and those of the tables in it."""
    name = ".".join(keys)
    title = (f"`[[{name}]]`" if many else f"`[{name}]`") if keys else "At the top"
    rows, inner = [], []
    for field in msgspec.structs.fields(kind):
        table, of_many = _table(field.type)
        if table:
            inner += _sections(table, (*keys, field.name), of_many)
        else:
            rows.append(f"| `{field.name}` | {_default(field)} |\n")
    text = re.sub(r"``", "`", inspect.cleandoc(kind.__doc__ or ""))
    head = f"\n## {title}\n\n{text}\n\n| key | default |\n|---|---|\n"
    return [head + "".join(rows), *inner]


def _table(annotation: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """Return the table that a field holds, if it holds one, and whether it holds many."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one, one is not annotation and NoneType not in get_args(annotation)
    return None, False


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be given"
    value = msgspec.to_builtins(field.default)
    if value is None:
        return '`"none"`'
    if isinstance(value, float):
        return f"`{value:.6g}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (tuple, list)):
        return f"`{_listed(value)}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _listed(value: Any) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, (list, tuple)) else f"{value:.6g}"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
