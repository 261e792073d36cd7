"""Predictions that were read: the table, where it came from, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.words import brief, counted

if TYPE_CHECKING:
    from detbench.data.tables import Predictions

__all__ = ["LoadedPredictions"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPredictions:
    """Predictions, where they came from, and what was left out.

    ``source`` is the path as given, ``format`` the form's name, ``dropped`` how many predictions were left out for
    which reason (``"image unknown"``, ``"category unknown"``); empty where all are there.
    """

    predictions: Predictions
    source: str
    dropped: dict[str, int]
    format: str

    def __repr__(self) -> str:
        """Return one line: the form, counts, the source's name."""
        dropped = f", {sum(self.dropped.values()):,} dropped" if self.dropped else ""
        name = brief(Path(self.source).name, 60)
        return f"<LoadedPredictions {name} ({self.format}): {counted(len(self.predictions), 'box', 'boxes')}{dropped}>"
