"""Targets: which anchor or region is trained to be what (Ren et al. 2015, section 3.1.2; Girshick 2015, section 2.3).

Truths come padded to a fixed number of rows, each with a state: 1 an object, 0 padding, −1 ignored (a crowd, an object
that is too difficult to judge). Padding counts for nothing. What lies on an ignored truth is neither positive nor
negative: it is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.operators.reference.iou import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assign_anchors", "assign_regions"]


def assign_anchors(
    anchor: NDArray[np.floating],
    truth: NDArray[np.floating],
    state: NDArray[np.integer],
    positive_at: float = 0.7,
    negative_below: float = 0.3,
    low_quality: bool = True,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return what each anchor is trained to be, and which truth it belongs to.

    An anchor is

    * positive if its best IoU with an object is ``≥ positive_at``,
    * with ``low_quality`` also if no anchor overlaps some object more than it does (all that tie), so that every object
      which overlaps an anchor at all has one,
    * negative if its best IoU is ``< negative_below``,
    * left out in between, and if it is not positive and has an IoU ``≥ negative_below`` with an ignored truth.

    Parameters
    ----------
    anchor
        Float ``[N, 4]``.
    truth
        Float ``[M, 4]``, in the same unit.
    state
        Integer ``[M]``: 1 an object, 0 padding, −1 ignored.
    positive_at, negative_below, low_quality
        The rule.

    Returns
    -------
    label
        int32 ``[N]``: 1 positive, 0 negative, −1 left out.
    match
        int32 ``[N]``: the row of the object with the highest IoU, of equal ones the lower row, also where all are 0;
        −1 where there is no object. An anchor that is positive for its low quality keeps *its* best object, which
        need not be the one that it is the best anchor of.

    Notes
    -----
    One truth at a time with the maximum so far: ``N × M`` IoUs of 268,000 anchors would take 100 MB and more.

    Examples
    --------
    The first anchor is the object; the second is the best that the second object has, though far from 0.7:

    >>> anchor = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10], [50, 0, 60, 10]])
    >>> truth = np.array([[0.0, 0, 10, 10], [25, 0, 35, 10], [0, 0, 0, 0]])
    >>> label, match = assign_anchors(anchor, truth, np.array([1, 1, 0]))
    >>> label.tolist(), match.tolist()
    ([1, 1, 0], [0, 1, 0])
    """
    best = np.zeros(len(anchor), dtype=anchor.dtype)
    match = np.full(len(anchor), -1, dtype=np.int32)
    best_of_a_truth = np.zeros(len(anchor), dtype=bool)
    for row in np.flatnonzero(state == 1):
        overlap = iou(anchor, truth[row : row + 1])[:, 0]
        best_of_a_truth |= (overlap == overlap.max(initial=0)) & (overlap > 0)
        better = (overlap > best) | (match < 0)
        best[better], match[better] = overlap[better], row
    positive = (best >= positive_at) & (match >= 0)
    if low_quality:
        positive |= best_of_a_truth
    label = np.where(best < negative_below, 0, -1)
    label[_overlaps_ignored(anchor, truth, state, negative_below)] = -1
    label[positive] = 1
    return label.astype(np.int32), match


def assign_regions(
    region: NDArray[np.floating],
    truth: NDArray[np.floating],
    state: NDArray[np.integer],
    category: NDArray[np.integer],
    positive_at: float = 0.5,
    negative_from: float = 0.0,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the category that each region is trained to have, and which truth it belongs to.

    A region is its best object's category if their IoU is ``≥ positive_at``, background if it is below that and
    ``≥ negative_from``, left out otherwise, and if it is not positive and has an IoU ``≥ positive_at`` with an ignored
    truth. There is no rule of low quality: a region that no object is near needs not be taken for one.

    Parameters
    ----------
    region
        Float ``[N, 4]``: proposals.
    truth
        Float ``[M, 4]``, in the same unit.
    state
        Integer ``[M]``: 1 an object, 0 padding, −1 ignored.
    category
        Integer ``[M]``, from 0.
    positive_at, negative_from
        The rule. Fast R-CNN took its background from 0.1 up, to have harder ones; Faster R-CNN from 0.

    Returns
    -------
    label
        int32 ``[N]``: ``category + 1``, 0 background, −1 left out.
    match
        int32 ``[N]``: the row of the object with the highest IoU, of equal ones the lower row; −1 where there is none.

    Examples
    --------
    >>> region = np.array([[0.0, 0, 10, 9], [20, 0, 30, 10], [40, 0, 50, 10]])
    >>> truth = np.array([[0.0, 0, 10, 10], [40, 0, 50, 10]])
    >>> label, match = assign_regions(region, truth, np.array([1, -1]), np.array([4, 2]))
    >>> label.tolist(), match.tolist()
    ([5, 0, -1], [0, 0, 0])
    """
    best = np.zeros(len(region), dtype=region.dtype)
    match = np.full(len(region), -1, dtype=np.int32)
    for row in np.flatnonzero(state == 1):
        overlap = iou(region, truth[row : row + 1])[:, 0]
        better = (overlap > best) | (match < 0)
        best[better], match[better] = overlap[better], row
    positive = (best >= positive_at) & (match >= 0)
    label = np.where(best >= negative_from, 0, -1)
    label[_overlaps_ignored(region, truth, state, positive_at)] = -1
    label[positive] = category[match[positive]] + 1
    return label.astype(np.int32), match


def _overlaps_ignored(
    box: NDArray[np.floating], truth: NDArray[np.floating], state: NDArray[np.integer], at: float
) -> NDArray[np.bool_]:
    """Return bool ``[N]``: whether a box has an IoU of ``at`` or more with an ignored truth."""
    found = np.zeros(len(box), dtype=bool)
    for row in np.flatnonzero(state == -1):
        found |= iou(box, truth[row : row + 1])[:, 0] >= at
    return found
