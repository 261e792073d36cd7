"""The numbers of a whole result in each draw: those of the curves, and of the parts whose images are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from detbench.evaluation.parts.counting import drawn_counts

if TYPE_CHECKING:
    from detbench.evaluation.document import Document
    from detbench.evaluation.intervals import Drawn
    from detbench.evaluation.scored import Scored

__all__ = ["drawn_values"]


def drawn_values(scored: Scored, document: Document) -> Drawn | None:
    """Return the numbers of ``document`` in the draws that it was made with; None where there were none."""
    if scored.intervals is None or scored.draws is None:
        return None
    drawn = scored.intervals.drawn
    if document.counting is None or document.counting.threshold is None:
        return drawn
    counts = {
        name: values
        for name, values in drawn_counts(document.counting, scored.draws).items()
        if document.metrics.get(name) is not None
    }
    images = dict.fromkeys(counts, document.counting.images)
    return replace(drawn, metrics={**drawn.metrics, **counts}, metric_images={**drawn.metric_images, **images})
