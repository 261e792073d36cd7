"""Which sections a page shows, in the issue's order: each gives a view of its models, or has nothing to show."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detbench.data.tables import Dataset
    from detbench.report.sections.model import Model

__all__ = ["SECTIONS", "Shown", "shown"]

#: The sections in the page's order. Each is a module here with a function of its name, which is given the models.
SECTIONS = ("speed", "curves", "categories", "proposals", "errors", "counting", "gallery")

#: Those that are given the dataset with its pictures too, or None.
_OF_PICTURES = frozenset({"gallery"})


class Shown(NamedTuple):
    """The views of the sections that have something to show, by name in order, and the style sheets they need."""

    views: dict[str, object]
    styles: list[str]


def shown(models: Sequence[Model], names: Iterable[str] = SECTIONS, *, pictures: Dataset | None = None) -> Shown:
    """Return what the sections show of models in rank order; without models there is nothing to show.

    ``pictures`` is the dataset that was measured on, where its pictures are at hand.
    """
    views: dict[str, object] = {}
    for name in names if models else ():
        path = f"{__package__}.{name}"
        if find_spec(path) is None:
            continue
        given = (models, pictures) if name in _OF_PICTURES else (models,)
        if (view := getattr(import_module(path), name)(*given)) is not None:
            views[name] = view
    return Shown(views, styles_of(views))


def styles_of(names: Iterable[str]) -> list[str]:
    """Return the style sheets that sections have of their own, as names of templates."""
    folder = files("detbench.report").joinpath("templates", "sections")
    return [f"sections/{name}.css" for name in names if folder.joinpath(f"{name}.css").is_file()]
