"""What is counted of predictions as they go by: all that a result says of them without their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.regions import inside_regions
from detbench.evaluation.tasks import evaluated_categories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["Tally", "tally"]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts of predictions; those of different images add up.

    Attributes
    ----------
    predictions, proposals
        All, and those of no category.
    images
        Images with at least one.
    of_category
        int64 ``[K]``.
    inside_regions
        Those that the protocol drops for lying inside ignored regions.
    taking_part
        Those that would be matched, were there no maxDets.
    """

    predictions: int
    proposals: int
    images: int
    of_category: NDArray[np.int64]
    inside_regions: int
    taking_part: int

    def __add__(self, other: Tally) -> Tally:
        """Return the counts of both; no image has predictions in both."""
        return Tally(
            self.predictions + other.predictions,
            self.proposals + other.proposals,
            self.images + other.images,
            self.of_category + other.of_category,
            self.inside_regions + other.inside_regions,
            self.taking_part + other.taking_part,
        )


def tally(dataset: Dataset, predictions: Predictions, protocol: Protocol) -> Tally:
    """Count ``predictions`` of some or all images of ``dataset``."""
    category = predictions.category
    inside = inside_regions(dataset, predictions, protocol)[1]
    taking_part = evaluated_categories(dataset.categories, protocol)[category] & ~inside
    return Tally(
        predictions=len(predictions),
        proposals=int(np.count_nonzero(category < 0)),
        images=len(predictions.images()),
        of_category=np.bincount(category[category >= 0], minlength=len(dataset.categories)),
        inside_regions=int(np.count_nonzero(inside)),
        taking_part=int(np.count_nonzero(taking_part)),
    )
