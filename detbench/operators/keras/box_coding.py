"""Box coding: the rules of :mod:`detbench.operators.reference.box_coding`, of any leading axes.

All of it is computed in float32 and returned in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from detbench.operators.keras.gather import as_float

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_LOG_RATIO", "centre_and_size", "change_order", "corners", "decode", "encode", "normalize_boxes"]

#: log(1000 / 16), as in the reference.
MAX_LOG_RATIO = 4.135166556742356

_PLAIN = (1.0, 1.0, 1.0, 1.0)


def centre_and_size(box: Any) -> Any:
    """Return ``cx cy w h`` of boxes ``x1 y1 x2 y2``, both ``[…, 4]``."""
    box = as_float(box)
    size = box[..., 2:] - box[..., :2]
    return ops.concatenate([box[..., :2] + size / 2, size], axis=-1)


def corners(centre_size: Any) -> Any:
    """Return ``x1 y1 x2 y2`` of boxes ``cx cy w h``, both ``[…, 4]``."""
    centre_size = as_float(centre_size)
    centre, half = centre_size[..., :2], centre_size[..., 2:] / 2
    return ops.concatenate([centre - half, centre + half], axis=-1)


def encode(box: Any, reference: Any, variances: Sequence[float] = _PLAIN) -> Any:
    """Return ``dx dy dw dh`` of boxes as seen from reference boxes (Ren et al. 2015, equation 2): ``[…, 4]``.

    A box or a reference without area, such as padding, gives infinities or NaN: mask such rows with ``where``, as the
    losses here do; do not multiply them by 0.
    """
    theirs, ours = centre_and_size(box), centre_and_size(reference)
    offset = (theirs[..., :2] - ours[..., :2]) / ours[..., 2:]
    log_ratio = ops.log(theirs[..., 2:] / ours[..., 2:])
    return ops.concatenate([offset, log_ratio], axis=-1) / as_float(variances)


def decode(
    delta: Any, reference: Any, variances: Sequence[float] = _PLAIN, max_log_ratio: float = MAX_LOG_RATIO
) -> Any:
    """Return the boxes that ``delta`` tells from the reference boxes, ``[…, 4]``: the inverse of :func:`encode`.

    Logarithms of sides are cut at ``max_log_ratio`` after they are multiplied by the variances. Leading axes broadcast:
    deltas ``[B, R, K, 4]`` of every category go with regions ``[B, R, 1, 4]``.
    """
    ours = centre_and_size(reference)
    scaled = as_float(delta) * as_float(variances)
    centre = ours[..., :2] + scaled[..., :2] * ours[..., 2:]
    size = ours[..., 2:] * ops.exp(ops.minimum(scaled[..., 2:], max_log_ratio))
    return corners(ops.concatenate([centre, size], axis=-1))


def change_order(box: Any) -> Any:
    """Return ``y1 x1 y2 x2`` of boxes ``x1 y1 x2 y2``, or the other way round: ``[…, 4]``."""
    box = ops.convert_to_tensor(box)
    return ops.stack([box[..., 1], box[..., 0], box[..., 3], box[..., 2]], axis=-1)


def normalize_boxes(box: Any, height_px: float, width_px: float) -> Any:
    """Return boxes ``y1 x1 y2 x2``, corners over the side less one: 0 is the first pixel's centre and 1 the last's."""
    height, width = max(height_px - 1, 1), max(width_px - 1, 1)
    return change_order(as_float(box)) / as_float([height, width, height, width])
