"""Average precision and recall of weighted images, written to be read: the oracle of the native version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COCO_LEVELS", "WHOLE_CURVE", "resample_block", "weighted_sums"]

#: Interpolations by number: COCO's levels of recall, and the area under the whole curve instead of levels.
COCO_LEVELS = 0
WHOLE_CURVE = 2


def resample_block(  # noqa: PLR0913  the native function's columns
    *,
    image: NDArray[np.int32],
    rank: NDArray[np.int32],
    found: NDArray[np.uint64],
    not_counted: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    truth_image: NDArray[np.int32],
    truth_ignored: NDArray[np.uint64],
    truth_offsets: NDArray[np.int64],
    bit_count: int,
    levels: NDArray[np.float64],
    interpolation: int,
    max_dets: NDArray[np.int32],
    weight: NDArray[np.uint8],
    average_precision: NDArray[np.float64],
    recall: NDArray[np.float64],
) -> None:
    """Compute average precision and recall of every category and bit, for each column of ``weight``.

    The native part gives the same recall to the last bit. Average precision differs by rounding, less than 1e-12: it
    walks a curve from its end and adds a precision once, times the levels that it is the best for, where here they
    are added level by level.

    Parameters
    ----------
    image, rank, found, not_counted
        ``[N]``: predictions, grouped by category, in falling order of score; masks as in ``Matches``.
    truth_image, truth_ignored
        ``[G]``: ground truth, grouped by category.
    offsets, truth_offsets
        int64 ``[K + 1]``.
    levels, interpolation
        Recall levels ``[R]``, evenly from 0 to 1; WHOLE_CURVE means the area under the whole curve, and no levels.
    max_dets
        int32 ``[M]``, ascending: recall counts the predictions of a rank below each.
    weight
        uint8 ``[I, lanes]``: how often each image counts.
    average_precision, recall
        float64 ``[K, bits, lanes]`` and ``[K, bits, M, lanes]``, written; NaN where no ground truth is to be found.
    """
    for category in range(len(offsets) - 1):
        rows = slice(offsets[category], offsets[category + 1])
        truths = slice(truth_offsets[category], truth_offsets[category + 1])
        for bit in range(bit_count):
            flag = np.uint64(1 << bit)
            must = truth_image[truths][(truth_ignored[truths] & flag) == 0]
            count = weight[must].sum(axis=0, dtype=np.float64)
            kept = (not_counted[rows] & flag) == 0
            weights = weight[image[rows][kept]].astype(np.float64)
            right = ((found[rows] & flag) != 0)[kept]
            tp = np.cumsum(weights * right[:, None], axis=0)[right]
            total = np.cumsum(weights, axis=0)[right]
            recall[category, bit] = np.nan
            for number, limit in enumerate(max_dets):
                within = weights[right & (rank[rows][kept] < limit)].sum(axis=0)
                np.divide(within, count, out=recall[category, bit, number], where=count > 0)
            for lane, must_find in enumerate(count):
                average_precision[category, bit, lane] = (
                    _average(tp[:, lane], total[:, lane], must_find, levels, interpolation) if must_find else np.nan
                )


def _average(
    tp: NDArray[np.float64], total: NDArray[np.float64], count: float, levels: NDArray[np.float64], interpolation: int
) -> float:
    if not len(tp):
        return 0.0
    reached = tp / count
    # COCO adds the spacing of 1 to the denominator.
    spacing = np.spacing(1) if interpolation == COCO_LEVELS else 0.0
    precision = np.divide(tp, total + spacing, out=np.zeros_like(tp), where=total > 0)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    if interpolation == WHOLE_CURVE:
        return float(np.sum(np.diff(reached, prepend=0.0) * best))
    first = np.searchsorted(reached, levels, side="left")
    at_levels = np.where(first < len(best), best[np.minimum(first, len(best) - 1)], 0.0)
    return float(at_levels.mean())


def weighted_sums(per_image: NDArray[np.float64], weight: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return float64 ``[n, lanes]``: the sums of the columns of ``per_image`` ``[I, n]``, weighted by ``[I, lanes]``.

    Not by a matrix product: its last bits depend on the number of threads.
    """
    return np.asarray(np.einsum("in,il->nl", per_image, weight.astype(np.float64), optimize=False))
