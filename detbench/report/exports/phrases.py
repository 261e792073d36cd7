"""What stands above and below a leaderboard in plain text, in every form that it is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.words import brief, counted

if TYPE_CHECKING:
    from detbench.evaluation.standings.document import Standings

__all__ = ["above", "tied_note", "ties"]

_LONGEST_NAME = 80


def above(standings: Standings) -> str:
    """Return what was ranked, on what and how, as a title."""
    data, ranked = standings.dataset, standings.of("ranked")
    if data is None or standings.protocol is None:
        return f"{counted(len(standings.entries), 'model')}, none ranked"
    split = f", {brief(data.split, _LONGEST_NAME)}" if data.split else ""
    return (
        f"{counted(len(ranked), 'model')} on {brief(data.name, _LONGEST_NAME)}{split} "
        f"({counted(data.images, 'image')}), protocol {brief(str(standings.protocol['name']), _LONGEST_NAME)}, "
        f"by {standings.metric or 'name'}"
    )


def ties(standings: Standings) -> set[str]:
    """Return the names of the models that may be the best; none where there is one alone, which needs no mark."""
    tied = {entry.name for entry in standings.of("ranked") if entry.tied_with_leader}
    return tied if len(tied) > 1 else set()


def tied_note(standings: Standings, mark: str) -> str:
    """Return what the mark of ties says, or nothing where none is tied."""
    if not ties(standings):
        return ""
    if not standings.resamples:
        return f"{mark} may be the best: nothing was tested"
    return f"{mark} may be the best: the tests do not tell these models apart (paired bootstrap over images, Holm)"
