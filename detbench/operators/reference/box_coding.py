"""Box coding: what a detector regresses is a box told from another (Ren et al. 2015, equation 2).

Boxes are ``x1 y1 x2 y2``, continuous: a width is ``x2 − x1``, without a pixel more. Everything is computed in the float
type of the input and returned in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MAX_LOG_RATIO", "centre_and_size", "change_order", "corners", "decode", "encode", "normalize_boxes"]

#: A decoded side is at most 62.5 times its reference's (Detectron2's limit: 1,000 pixels from a stride of 16).
MAX_LOG_RATIO = math.log(1000 / 16)


def centre_and_size(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``cx cy w h`` of boxes ``x1 y1 x2 y2``, both ``[N, 4]`` in the same unit.

    A box whose corners are swapped has negative sides.

    Examples
    --------
    >>> centre_and_size(np.array([[10.0, 20, 30, 60]]))
    array([[20., 40., 20., 40.]])
    """
    size = box[:, 2:] - box[:, :2]
    return np.concatenate([box[:, :2] + size / 2, size], axis=1)


def corners(centre_size: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``x1 y1 x2 y2`` of boxes ``cx cy w h``, both ``[N, 4]``: the inverse of ``centre_and_size``.

    Examples
    --------
    >>> corners(np.array([[20.0, 40, 20, 40]]))
    array([[10., 20., 30., 60.]])
    """
    centre, half = centre_size[:, :2], centre_size[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def encode(
    box: NDArray[np.floating], reference: NDArray[np.floating], variances: Sequence[float] = (1.0, 1.0, 1.0, 1.0)
) -> NDArray[np.floating]:
    """Return each box as seen from the reference box in its row (Ren et al. 2015, equation 2).

    ::

        dx = (cx − cx_ref) / w_ref / variance_x      dw = log(w / w_ref) / variance_w
        dy = (cy − cy_ref) / h_ref / variance_y      dh = log(h / h_ref) / variance_h

    Parameters
    ----------
    box, reference
        Float ``[N, 4]`` in the same unit; ``reference`` are anchors or proposals.
    variances
        What the four deltas are divided by, so that all have about the same spread: Fast R-CNN's head takes
        ``(0.1, 0.1, 0.2, 0.2)``.

    Returns
    -------
    ``[N, 4]``: ``dx dy dw dh``, no unit. A box with a side of 0 has the logarithm −∞, one with a side below 0 NaN; a
    reference without area gives ±∞ or NaN. Such rows are to be left out of a loss, not multiplied by 0.

    Examples
    --------
    A quarter of its width to the right, and twice as wide:

    >>> encode(np.array([[0.0, 0, 40, 20]]), np.array([[5.0, 0, 25, 20]])).round(3)
    array([[0.25 , 0.   , 0.693, 0.   ]])
    """
    theirs, ours = centre_and_size(box), centre_and_size(reference)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        offset = (theirs[:, :2] - ours[:, :2]) / ours[:, 2:]
        log_ratio = np.log(theirs[:, 2:] / ours[:, 2:])
    return np.concatenate([offset, log_ratio], axis=1) / np.asarray(variances, dtype=box.dtype)


def decode(
    delta: NDArray[np.floating],
    reference: NDArray[np.floating],
    variances: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    max_log_ratio: float = MAX_LOG_RATIO,
) -> NDArray[np.floating]:
    """Return the boxes that ``delta`` tells from the reference boxes: the inverse of ``encode``.

    ::

        cx = cx_ref + dx · variance_x · w_ref      w = w_ref · exp(min(dw · variance_w, max_log_ratio))

    and the same for y and h.

    Parameters
    ----------
    delta
        Float ``[N, 4]``: ``dx dy dw dh``.
    reference
        Float ``[N, 4]``.
    variances
        Those that the deltas were divided by.
    max_log_ratio
        An untrained network may answer anything, and ``exp`` of it overflows: logarithms of sides are cut here, from
        above only, after they are multiplied by the variances.

    Returns
    -------
    ``[N, 4]``, ``x1 y1 x2 y2``, not cut to the picture. NaN in a delta is NaN in the two corners that it enters;
    an offset too large for the type is an infinite corner.

    Examples
    --------
    >>> decode(np.array([[0.25, 0, np.log(2), 0]]), np.array([[5.0, 0, 25, 20]]))
    array([[ 0.,  0., 40., 20.]])
    """
    ours = centre_and_size(reference)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = delta * np.asarray(variances, dtype=delta.dtype)
        centre = ours[:, :2] + scaled[:, :2] * ours[:, 2:]
        size = ours[:, 2:] * np.exp(np.minimum(scaled[:, 2:], max_log_ratio))
        return corners(np.concatenate([centre, size], axis=1))


def change_order(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``y1 x1 y2 x2`` of boxes ``x1 y1 x2 y2``, or the other way round: ``[N, 4]``.

    TensorFlow's image operators take the former.

    Examples
    --------
    >>> change_order(np.array([[1.0, 2, 3, 4]]))
    array([[2., 1., 4., 3.]])
    """
    return box[:, [1, 0, 3, 2]]


def normalize_boxes(box: NDArray[np.floating], height_px: float, width_px: float) -> NDArray[np.floating]:
    """Return boxes as ``tf.image.crop_and_resize`` takes them: ``y1 x1 y2 x2`` between 0 and 1.

    Its rule is that 0 is the centre of the first pixel and 1 that of the last, so a corner is divided by the side
    *less one*, not by the side. On a side of one pixel there is nothing to divide by: the corner stays.

    Parameters
    ----------
    box
        Float ``[N, 4]``: ``x1 y1 x2 y2`` in pixels; one beyond the last pixel's centre comes out above 1.
    height_px, width_px
        Sides of the picture, or of the feature map if ``box`` is counted in its cells.

    Examples
    --------
    >>> normalize_boxes(np.array([[10.0, 5, 40, 20]]), height_px=21, width_px=41)
    array([[0.25, 0.25, 1.  , 1.  ]])
    """
    height, width = max(height_px - 1, 1), max(width_px - 1, 1)
    return change_order(box) / np.array([height, width, height, width], dtype=box.dtype)
