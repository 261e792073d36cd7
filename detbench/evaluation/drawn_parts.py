"""The numbers of a whole result in each draw: those of the curves, and of the parts whose images are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.intervals import Drawn
from detbench.evaluation.parts.counting import drawn_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.document import Document
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.parts.proposals import ScoredProposals
    from detbench.evaluation.scored import Scored

__all__ = ["drawn_of_proposals", "drawn_values"]


def drawn_values(scored: Scored, document: Document, proposals: ScoredProposals | None = None) -> Drawn | None:
    """Return the numbers of ``document`` in the draws that it was made with; None where there were none."""
    if scored.intervals is None or scored.draws is None:
        return None
    drawn = scored.intervals.drawn
    if proposals is not None:
        drawn = _with(drawn, proposals.drawn, proposals.truth_images)
    if document.counting is None or document.counting.threshold is None:
        return drawn
    counts = {
        name: values
        for name, values in drawn_counts(document.counting, scored.draws).items()
        if document.metrics.get(name) is not None
    }
    return _with(drawn, counts, document.counting.images)


def drawn_of_proposals(proposals: ScoredProposals, draws: Draws | None) -> Drawn | None:
    """Return the numbers of proposals alone in the draws; None where there were none."""
    if draws is None:
        return None
    nothing = Drawn(draws.resamples, draws.seed, {}, {}, {}, np.zeros(0, dtype=np.int64))
    return _with(nothing, proposals.drawn, proposals.truth_images)


def _with(drawn: Drawn, metrics: Mapping[str, NDArray[np.float64]], images: int) -> Drawn:
    """Return draws with more numbers, all of which rest on so many images."""
    metric_images = {**drawn.metric_images, **dict.fromkeys(metrics, images)}
    return replace(drawn, metrics={**drawn.metrics, **metrics}, metric_images=metric_images)
