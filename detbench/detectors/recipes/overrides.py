"""Settings changed on the command line: ``optimizer.learning_rate=0.01``."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

from detbench.detectors.recipes.settings import Recipe
from detbench.detectors.recipes.shape import NONE, Misfit, kind_at, shaped, takes_text
from detbench.errors import UsageError
from detbench.words import brief, printable, unbroken

__all__ = ["overridden"]


def overridden(table: dict[str, Any], override: str) -> tuple[dict[str, Any], Recipe]:
    """Return ``table``, a recipe as it stands in its file, with one setting changed, and the recipe that it makes.

    What follows the first ``=`` is a TOML value: ``0.01``, ``[0.8, 1.25]``, ``{ channels = 64 }`` (which changes those
    settings of the table that it names). A text needs no quotation marks; ``none`` is no value.

    Raises
    ------
    UsageError
        Naming the override, if there is no such setting or it cannot have the value.
    """
    override = unbroken(override)
    named, equals, text = override.partition("=")
    keys = tuple(part.strip() for part in named.split("."))
    if not equals or not all(keys):
        raise _refused(override, "is not of the form table.setting=value, like optimizer.learning_rate=0.01")
    try:
        value = _value(text.strip(), kind_at(Recipe, keys))
        changed = copy.deepcopy(table)
        _put(changed, keys, value)
        return changed, shaped(changed, Recipe)
    except Misfit as misfit:
        remedy = f"; {misfit.remedy}" if misfit.remedy else ""
        raise _refused(override, f"{misfit.place or 'the recipe'} {misfit.problem}{remedy}") from misfit


def _value(text: str, kind: Any) -> Any:
    """Return what ``text`` says in TOML; the text itself where that is no TOML, or where a text is wanted."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError) as error:
        if takes_text(kind) or text == NONE:
            return text
        raise Misfit("the value", f"{brief(printable(text), 60)!r} cannot be read as TOML") from error
    if parsed.keys() != {"value"}:
        raise Misfit("the value", "has more than one line")
    return text if takes_text(kind) and not isinstance(parsed["value"], str) else parsed["value"]


def _put(table: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Change one setting of ``table``; a table changes only what it names."""
    if len(keys) == 1 and not isinstance(value, dict):
        table[keys[0]] = value
        return
    if not isinstance(table.get(keys[0]), dict):  # absent, or "none"
        table[keys[0]] = {}
    inner = table[keys[0]]
    for rest, entry in [(keys[1:], value)] if keys[1:] else [((key,), entry) for key, entry in value.items()]:
        _put(inner, rest, entry)


def _refused(override: str, why: str) -> UsageError:
    return UsageError(f"override {brief(printable(override), 80)!r}: {why}")
