"""Which sections a page shows, in which order: each gives a view of its models, or has nothing to show."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detbench.report.sections.model import Model

__all__ = ["SECTIONS", "Shown", "shown"]

#: The sections that are made of models alone, in the page's order. Each is a module here with a function of its name.
SECTIONS = ("speed", "curves", "categories", "proposals", "errors", "counting")


class Shown(NamedTuple):
    """The views of the sections that have something to show, by name in order, and the style sheets they need."""

    views: dict[str, object]
    styles: list[str]


def shown(models: Sequence[Model], names: Iterable[str] = SECTIONS) -> Shown:
    """Return what the sections show of models in rank order; without models there is nothing to show."""
    views: dict[str, object] = {}
    for name in names if models else ():
        path = f"{__package__}.{name}"
        if find_spec(path) is not None and (view := getattr(import_module(path), name)(models)) is not None:
            views[name] = view
    return Shown(views, styles_of(views))


def styles_of(names: Iterable[str]) -> list[str]:
    """Return the style sheets that sections have of their own, as names of templates."""
    folder = files("detbench.report").joinpath("templates", "sections")
    return [f"sections/{name}.css" for name in names if folder.joinpath(f"{name}.css").is_file()]
