"""What was scored: both tables, who took whom, and the curves. Every part of a result is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate

if TYPE_CHECKING:
    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.intervals import Intervals
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol

__all__ = ["Scored", "score"]


@dataclass(frozen=True)
class Scored:
    """A dataset and predictions for it, matched; ``draws`` is None where no intervals are wanted."""

    dataset: Dataset
    loaded: LoadedPredictions
    matches: Matches
    curves: Accumulated
    draws: Draws | None

    @cached_property
    def intervals(self) -> Intervals | None:
        """Return the intervals of the curves' numbers with their draws, computed when first asked for."""
        from detbench.evaluation.intervals import bootstrap

        return bootstrap(self.matches, self.curves, self.draws) if self.draws else None


def score(dataset: Dataset, loaded: LoadedPredictions, protocol: Protocol, draws: Draws | None) -> Scored:
    """Match predictions with ground truth, once, and draw the curves."""
    matches = match(dataset, loaded.predictions, protocol)
    return Scored(dataset, loaded, matches, accumulate(matches), draws)
