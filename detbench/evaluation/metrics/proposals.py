"""Proposal recall against the number of proposals: how much a second stage could still find.

Proposals have no category: every ground truth that must be found counts, and a proposal may take any. Hosang et al.
2016, "What makes for effective detection proposals?"; AR is COCO's, the mean over IoU 0.50 to 0.95.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detbench.data.tables import Categories
from detbench.evaluation.matching import match
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.protocols import Protocol

__all__ = ["MOST_PROPOSALS", "ProposalRecall", "proposal_metrics", "proposal_recall"]

#: Recall is computed for every count up to this one.
MOST_PROPOSALS = 2000

#: The counts that have a metric of their own, and the IoU thresholds that are named beside the mean.
_NAMED_COUNTS = (100, 300, 1000)
_NAMED_THRESHOLDS = {0.5: "50", 0.7: "70"}


@dataclass(frozen=True, slots=True, eq=False)
class ProposalRecall:
    """Recall of the first k proposals of every image.

    Attributes
    ----------
    protocol
        Whose IoU thresholds (T) and area ranges (A) the axes are.
    recall
        float64 ``[T, A, K]``: entry ``k − 1`` is with at most k proposals an image; NaN without ground truth.
    truth_count
        int64 ``[A]``: ground truths that must be found, those in images without proposals too.
    proposals_per_image
        int64 ``[I]``: how many proposals each image has, which may be fewer than k.
    """

    protocol: Protocol
    recall: NDArray[np.float64]
    truth_count: NDArray[np.int64]
    proposals_per_image: NDArray[np.int64]

    def at(self, count: int, *, threshold: float | None = None, area: int = 0) -> float:
        """Return recall with ``count`` proposals at one IoU threshold, or the mean over all of them (AR)."""
        column = self.recall[:, area, min(count, self.recall.shape[2]) - 1]
        chosen = column if threshold is None else column[[self.protocol.iou_thresholds.index(threshold)]]
        return float(np.mean(chosen))

    def images_with_fewer_than(self, count: int) -> int:
        """Return how many images have fewer than ``count`` proposals."""
        return int(np.count_nonzero(self.proposals_per_image < count))


def proposal_recall(dataset: Dataset, proposals: Predictions, *, most: int = MOST_PROPOSALS) -> ProposalRecall:
    """Match proposals with the ground truth of all categories together, and count.

    An image's proposals are taken by falling score; among equal scores by category, then in the file's order, as
    pycocotools does with ``useCats = 0``. Greedy matching of the first k is the beginning of the matching of all, so
    one matching gives every k. Images without proposals stay in the denominator.
    """
    # exact: np.linspace's 0.7 is the nearest double to 0.7
    protocol = msgspec.structs.replace(PROTOCOLS["coco"], name="proposals", title="Proposals", max_dets=(most,))
    matches = match(*_without_categories(dataset, proposals), protocol)
    counts = _must_find(matches)
    recall = np.full((len(protocol.iou_thresholds), len(protocol.areas), most), np.nan)
    for area in range(recall.shape[1]):
        for threshold in range(recall.shape[0]) if counts[area] else ():
            found = (matches.found >> matches.bit(area, threshold)) & np.uint64(1) != 0
            first_found = np.bincount(matches.task.rank[found], minlength=most)
            recall[threshold, area] = np.cumsum(first_found) / counts[area]
    per_image = np.bincount(proposals.image, minlength=len(dataset.images)).astype(np.int64)
    return ProposalRecall(protocol, recall, counts, per_image)


def proposal_metrics(recall: ProposalRecall) -> dict[str, float | None]:
    """Return ``proposal_AR@k``, ``proposal_recall50@k`` and ``proposal_recall70@k`` for 100, 300 and 1,000."""
    values: dict[str, float | None] = {}
    thresholds = {
        value: suffix
        for value in recall.protocol.iou_thresholds
        if (suffix := _NAMED_THRESHOLDS.get(round(value, 10))) is not None
    }
    for count in _NAMED_COUNTS:
        values[f"proposal_AR@{count}"] = recall.at(count)
        for threshold, suffix in thresholds.items():
            values[f"proposal_recall{suffix}@{count}"] = recall.at(count, threshold=threshold)
    return {name: None if value is None or np.isnan(value) else value for name, value in values.items()}


def _without_categories(dataset: Dataset, proposals: Predictions) -> tuple[Dataset, Predictions]:
    """Return both sides with one category; regions of no category stay what they are."""
    truth = dataset.ground_truth
    known = truth.category >= 0
    one = replace(truth, category=np.where(known, 0, -1).astype(np.int32))
    merged = replace(dataset, categories=Categories(("object",), (1,)), ground_truth=one)
    order = np.lexsort((np.arange(len(proposals)), proposals.category, proposals.image))
    columns = {name: getattr(proposals, name)[order] for name in ("image", "box", "score", "size_px")}
    return merged, replace(proposals, category=np.zeros(len(order), dtype=np.int32), **columns)


def _must_find(matches: Matches) -> NDArray[np.int64]:
    areas = range(len(matches.protocol.areas))
    bits = [(matches.task.truth_ignored >> matches.bit(area, 0)) & np.uint64(1) for area in areas]
    return np.array([np.count_nonzero(bit == 0) for bit in bits], dtype=np.int64)
