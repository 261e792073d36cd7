"""Which sections a page shows, in which order: each gives a view of its models, or has nothing to show."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.categories import categories
from detbench.report.sections.counting import counting
from detbench.report.sections.curves import curves
from detbench.report.sections.errors import errors
from detbench.report.sections.gallery import gallery
from detbench.report.sections.operators import operators
from detbench.report.sections.proposals import proposals
from detbench.report.sections.speed import speed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from detbench.data.tables import Dataset
    from detbench.report.sections.model import Model
    from detbench.timing.document import Profile

__all__ = ["SECTIONS", "Shown", "shown"]

#: The sections that are made of models alone, in the page's order. The template of each is called as it is.
SECTIONS: dict[str, Callable[[Sequence[Model]], object | None]] = {
    "speed": speed,
    "curves": curves,
    "categories": categories,
    "proposals": proposals,
    "errors": errors,
    "counting": counting,
}


class Shown(NamedTuple):
    """The views of the sections that have something to show, by name in order, and the style sheets they need."""

    views: dict[str, object]
    styles: list[str]


def shown(
    models: Sequence[Model],
    names: Iterable[str] = SECTIONS,
    *,
    pictures: Dataset | None = None,
    profiles: Sequence[Profile] = (),
) -> Shown:
    """Return what the sections show of models in rank order; without models there is nothing to show.

    The gallery comes after them, with ``pictures``: the dataset that was measured on, where its pictures are at hand.
    The operators come last, with ``profiles``, where there are any.
    """
    found: dict[str, object | None] = {}
    if models:
        found = {name: SECTIONS[name](models) for name in names}
        found |= {"gallery": gallery(models, pictures), "operators": operators(models, profiles)}
    views = {name: view for name, view in found.items() if view is not None}
    return Shown(views, _styles_of(views))


def _styles_of(names: Iterable[str]) -> list[str]:
    """Return the style sheets that sections have of their own, as names of templates."""
    folder = files("detbench.report").joinpath("templates", "sections")
    return [f"sections/{name}.css" for name in names if folder.joinpath(f"{name}.css").is_file()]
