"""Writing a recipe: resolved, with every setting, so that it can be read without knowing any default."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from detbench.detectors.recipes.settings import EvaluationSettings, Recipe
from detbench.detectors.recipes.shape import NONE

__all__ = ["recipe_to_toml", "training_fingerprint"]


def recipe_to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML with every setting in it; read back it is the same recipe.

    A setting without a value is written ``"none"``; ``measured`` is left out where nothing was.
    """
    plain = msgspec.to_builtins(recipe)
    if plain["measured"] is None:
        del plain["measured"]
    return "\n".join(_lines(plain, ())).strip("\n") + "\n"


def _lines(table: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    """Return a table's lines: its values first, since what follows the head of another table belongs to that."""
    values = {key: value for key, value in table.items() if not _is_tables(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    if keys and (lines or not table):
        lines = ["", f"[{'.'.join(map(_key, keys))}]", *lines]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _lines(value, (*keys, key))
        elif _is_tables(value):
            for one in value:
                lines += ["", f"[[{'.'.join(map(_key, (*keys, key)))}]]", *_lines(one, ())]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value))


def _key(key: str) -> str:
    bare = key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if bare else _text(key)


def _value(value: Any) -> str:
    match value:
        case None:
            return f'"{NONE}"'
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return str(value)


def _text(text: str) -> str:
    """Return a TOML string on one line: JSON's escapes are TOML's too, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def training_fingerprint(recipe: Recipe) -> str:
    """Return the SHA-256 of what changes training: two recipes that train alike have the same.

    What is said about a recipe is not in it, nor what is done with the trained model: its detections, the test's
    proposals, when it is evaluated. A setting that has its default does not enter, so that one added later changes no
    older recipe's (docs/decisions/0012).
    """
    said = {"title", "dataset", "command", "hardware", "notes", "aims_at", "measured"}
    usual = msgspec.to_builtins(Recipe(title="", dataset="", command="", hardware=""))
    plain = {key: value for key, value in msgspec.to_builtins(recipe).items() if key not in said}
    plain["evaluation"] = {"train_split": recipe.evaluation.train_split}
    usual["evaluation"] = {"train_split": EvaluationSettings().train_split}
    for one in (plain["model"], usual["model"]):
        del one["detections"], one["rpn"]["pre_nms_test"], one["rpn"]["post_nms_test"]
    return hashlib.sha256(json.dumps(_unlike(plain, usual), sort_keys=True).encode()).hexdigest()


def _unlike(table: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from its default, tables within tables."""
    unlike: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            if inner := _unlike(value, usual[key]):
                unlike[key] = inner
        elif value != usual[key]:
            unlike[key] = value
    return unlike
