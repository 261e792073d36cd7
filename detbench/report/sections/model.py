"""The models of a page, as its sections are given them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Entry, Standings

__all__ = ["MOST_DRAWN", "Model", "drawn", "models_of"]

#: More curves than this in one figure cannot be told apart.
MOST_DRAWN = 8


class Model(NamedTuple):
    """A model with its full result; ``mark`` is its colour, dash and marker all over the page, by rank from 0.

    Only the first MOST_DRAWN have a mark of their own (``.model-0`` to ``.model-7`` in the style sheet).
    """

    entry: Entry
    result: Document
    mark: int


def models_of(standings: Standings, results: Mapping[str, Document]) -> list[Model]:
    """Return the ranked models in rank order, and then the unranked; ``results`` are by the entries' names."""
    return [Model(entry, results[entry.name], mark) for mark, entry in enumerate(standings.alike())]


def drawn(models: Sequence[Model]) -> Sequence[Model]:
    """Return those that figures show."""
    return models[:MOST_DRAWN]
