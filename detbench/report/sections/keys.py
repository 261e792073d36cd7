"""How models are called and told apart in figures: a short name, a mark, and perhaps a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.model import MOST_DRAWN
from detbench.words import counted, named, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.report.sections.model import Model

__all__ = ["Key", "Listed", "key_of", "left_out", "listed", "marked"]

#: A legend stays a legend with names up to this long.
_MAX_NAME = 40

#: A sentence names so many models and counts the others.
_MOST_LISTED = 8


class Key(NamedTuple):
    """A model in a legend: ``mark`` is 0 to 7, None beyond the models that figures show; ``value`` may be empty."""

    name: str
    mark: int | None
    value: str = ""


class Listed(NamedTuple):
    """Models that a sentence is about: the names of the first, and how many more there are."""

    names: list[str]
    more: int


def key_of(model: Model, value: str = "") -> Key:
    """Return a model's key; its name is fit for one line."""
    name = named(printable(model.entry.name), _MAX_NAME)
    return Key(name, model.mark if model.mark < MOST_DRAWN else None, value)


def marked(models: Sequence[Model]) -> list[Model]:
    """Return those that have a mark of their own: only they are drawn."""
    return [model for model in models if model.mark < MOST_DRAWN]


def listed(models: Sequence[Model]) -> Listed | None:
    """Return models as a sentence names them, or None if there are none."""
    names = [key_of(model).name for model in models[:_MOST_LISTED]]
    return Listed(names, len(models) - len(names)) if names else None


def left_out(models: Sequence[Model]) -> str:
    """Return a sentence on the models that figures do not show; empty if they show all."""
    shown = len(marked(models))
    if shown == len(models):
        return ""
    return f"Of {counted(len(models), 'model')}, figures show those among the first {MOST_DRAWN} of the leaderboard."
