"""Proposals: from every anchor's decoded box to the few that are looked at again (Ren et al. 2015, section 3.3).

Boxes are ``x1 y1 x2 y2``, continuous: a picture of width W reaches from 0 to W, and so does a box that is cut to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.reference.nms import nms

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["clip_boxes", "filter_boxes", "keep_top_n", "select_proposals"]


def keep_top_n(box: NDArray[Any], score: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the ``count`` boxes of the highest scores, by descending score; of equal scores the lower row first.

    Parameters
    ----------
    box, score
        Float ``[N, 4]`` and ``[N]``. A score that is NaN comes after all others.
    count
        How many; all of them if there are fewer.

    Returns
    -------
    Boxes ``[K, 4]`` and scores ``[K]``.

    Examples
    --------
    >>> box = np.array([[0.0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]])
    >>> keep_top_n(box, np.array([0.5, 0.9, 0.5]), 2)
    (array([[0., 0., 2., 2.],
           [0., 0., 1., 1.]]), array([0.9, 0.5]))
    """
    order = np.argsort(-score, kind="stable")[:count]
    return box[order], score[order]


def clip_boxes(box: NDArray[Any], height_px: float, width_px: float) -> NDArray[Any]:
    """Return the boxes cut to the picture: x to 0 … width, y to 0 … height; ``[N, 4]``.

    A box that lies outside altogether becomes one without area on the border.

    Parameters
    ----------
    box
        Float ``[N, 4]``: ``x1 y1 x2 y2`` in pixels.
    height_px, width_px
        The picture.

    Examples
    --------
    >>> clip_boxes(np.array([[-5.0, 10, 50, 200]]), height_px=100, width_px=40)
    array([[  0.,  10.,  40., 100.]])
    """
    most = np.array([width_px, height_px, width_px, height_px], dtype=box.dtype)
    clipped: NDArray[Any] = np.clip(box, 0, most)
    return clipped


def filter_boxes(box: NDArray[Any], score: NDArray[Any], min_size_px: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the boxes whose sides are both at least ``min_size_px``, in their order, and their scores.

    Parameters
    ----------
    box, score
        Float ``[N, 4]`` and ``[N]``.
    min_size_px
        A side of exactly this much stays. With 0, boxes whose corners are swapped are dropped, those of no area stay.

    Returns
    -------
    Boxes ``[K, 4]`` and scores ``[K]``. A box with NaN is dropped: nothing is at least anything of it.

    Examples
    --------
    >>> filter_boxes(np.array([[0.0, 0, 16, 16], [0, 0, 15, 99]]), np.array([0.5, 0.6]), 16)
    (array([[ 0.,  0., 16., 16.]]), array([0.5]))
    """
    kept = (box[:, 2:] - box[:, :2] >= min_size_px).all(axis=1)
    return box[kept], score[kept]


def select_proposals(
    box: NDArray[Any],
    score: NDArray[Any],
    height_px: float,
    width_px: float,
    pre_nms: int,
    post_nms: int,
    iou_threshold: float,
    min_size_px: float,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the proposals of one picture (or of one level), by descending score.

    In this order: the ``pre_nms`` highest scores are kept (``keep_top_n``), cut to the picture (``clip_boxes``), those
    too small are dropped (``filter_boxes``), and of what overlaps the best is kept (``nms``), until there are
    ``post_nms``. So what is too small has taken a place among the first, and overlap is that of the boxes as they were
    cut.

    Parameters
    ----------
    box, score
        Float ``[N, 4]``, decoded, in pixels, and ``[N]``.
    height_px, width_px
        The picture, without the padding of its canvas.
    pre_nms, post_nms
        12,000 and 2,000 in training, 6,000 and 300 after it (Ren et al. 2015).
    iou_threshold
        A box is dropped if it overlaps a better one by more than this: 0.7.
    min_size_px
        Least side.

    Returns
    -------
    Boxes ``[K, 4]`` and scores ``[K]``, K at most ``post_nms``.

    Examples
    --------
    >>> box = np.array([[-9.0, 0, 10, 10], [0, 0, 10, 9], [30, 0, 31, 9], [15, 0, 25, 10]])
    >>> score = np.array([0.9, 0.8, 0.7, 0.6])
    >>> select_proposals(box, score, 20, 40, pre_nms=4, post_nms=3, iou_threshold=0.7, min_size_px=2)
    (array([[ 0.,  0., 10., 10.],
           [15.,  0., 25., 10.]]), array([0.9, 0.6]))
    """
    box, score = keep_top_n(box, score, pre_nms)
    box, score = filter_boxes(clip_boxes(box, height_px, width_px), score, min_size_px)
    kept = nms(box, score, iou_threshold, limit=post_nms)
    return box[kept], score[kept]
