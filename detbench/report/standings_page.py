"""The HTML page of standings: one file, no network, readable without a script, the same bytes for the same models."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from detbench import __version__
from detbench.report.profile_figures import MARKS
from detbench.report.sections.model import MOST_DRAWN, models_of
from detbench.report.sections.provenance import provenance
from detbench.report.sections.shown import shown
from detbench.report.sections.standing import standing
from detbench.report.templating import embedded, inline, page_environment
from detbench.report.terms import terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings
    from detbench.timing.document import Profile

__all__ = ["render_page"]

#: With numbers of categories longer than so many characters, those stand in standings.json alone, and not in the page.
_MOST_EMBEDDED = 300_000

#: About as many characters as one number takes.
_A_NUMBER = 24


def render_page(
    standings: Standings,
    results: Mapping[str, Document],
    *,
    pages: Mapping[str, str] | None = None,
    pictures: Dataset | None = None,
    profiles: Sequence[Profile] = (),
) -> str:
    """Return the page of ``standings``: HTML that holds everything it shows, and the standings as JSON.

    ``results`` are those of the ranked and unranked entries, by name; ``pages`` leads from a model's name to a
    page of its own, beside this one; ``pictures`` is the dataset that was measured on, where its pictures are to be
    shown; ``profiles`` are timings of operators to show beside those of the models.
    """
    models = models_of(standings, results)
    first = standing(standings, pages or {})
    sections = shown(models, pictures=pictures, profiles=profiles)
    kept, is_whole = _embeddable(standings)
    page = _environment().get_template("standings.html.j2")
    return page.render(
        version=__version__,
        style=inline("page.css", "models.css", "sections/legend.css", "standings.css", *sections.styles),
        script=inline("page.js"),
        shapes=MARKS[:MOST_DRAWN],
        standing=first,
        sections=list(sections.views),
        provenance=provenance(standings, results),
        terms=terms(sections.views, several=True),
        embedded=embedded(kept),
        is_whole=is_whole,
        **sections.views,
    )


def _embeddable(standings: Standings) -> tuple[Standings, bool]:
    """Return the standings that go into the page, and whether they are all: many models' many categories are long."""
    if sum(len(name) + _A_NUMBER for entry in standings.entries for name in entry.categories) <= _MOST_EMBEDDED:
        return standings, True
    return replace(standings, entries=[replace(entry, categories={}) for entry in standings.entries]), False


@cache
def _environment() -> Environment:
    return page_environment()
