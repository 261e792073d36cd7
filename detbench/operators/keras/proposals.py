"""Proposals: the rules of :mod:`detbench.operators.reference.proposals`, in batches, with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from detbench.operators.keras.gather import as_float, best_rows, rows
from detbench.operators.keras.nms import batched_nms, nms

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["clip_boxes", "filter_boxes", "keep_top_n", "select_proposals"]


def keep_top_n(box: Any, score: Any, valid: Any, count: int) -> tuple[Any, Any, Any]:
    """Return the ``count`` boxes of the highest scores, by descending score; of equal scores the lower row first.

    ``[B, N, 4]``, ``[B, N]`` and bool ``[B, N]`` become ``[B, K, 4]``, ``[B, K]`` and bool ``[B, K]``, K at most
    ``count``.
    """
    index = best_rows(score, valid, min(max(count, 0), box.shape[1]))
    return rows(box, index), rows(score, index), rows(valid, index)


def clip_boxes(box: Any, height_px: Any, width_px: Any) -> Any:
    """Return boxes ``[B, N, 4]`` cut to their pictures, whose sides are numbers or ``[B]``."""
    height, width = as_float(height_px), as_float(width_px)
    most = ops.stack([width, height, width, height], axis=-1)
    return ops.minimum(ops.maximum(as_float(box), 0.0), most[:, None] if len(most.shape) > 1 else most)


def filter_boxes(box: Any, valid: Any, min_size_px: float) -> Any:
    """Return which boxes are valid and have both sides at least ``min_size_px``: bool ``[B, N]``."""
    return ops.logical_and(valid, ops.all(box[..., 2:] - box[..., :2] >= min_size_px, axis=-1))


def select_proposals(
    box: Any,
    score: Any,
    valid: Any,
    height_px: Any,
    width_px: Any,
    pre_nms: int,
    post_nms: int,
    iou_threshold: float,
    min_size_px: float,
    level_sizes: Sequence[int] | None = None,
) -> tuple[Any, Any, Any]:
    """Return the proposals of each picture, by descending score: top-n, clip, filter, NMS, in this order.

    Parameters
    ----------
    box, score, valid
        ``[B, N, 4]`` decoded, in pixels; ``[B, N]``; bool ``[B, N]``.
    height_px, width_px
        The pictures without the padding of their canvas: numbers, or ``[B]``.
    pre_nms, post_nms, iou_threshold, min_size_px
        As in the reference.
    level_sizes
        How many of the N rows belong to each level of a pyramid, level by level. ``pre_nms`` is then taken of each
        level, and boxes suppress only those of their own (Lin et al. 2017).

    Returns
    -------
    box, score, valid
        ``[B, post_nms, 4]``, ``[B, post_nms]`` and bool ``[B, post_nms]``; 0 where there is none. No gradient flows.
    """
    box, score = ops.stop_gradient(as_float(box)), ops.stop_gradient(as_float(score))
    begin, best = 0, []
    for size in level_sizes or (box.shape[1],):
        part = slice(begin, begin + size)
        best.append(keep_top_n(box[:, part], score[:, part], valid[:, part], pre_nms))
        begin += size
    sizes = [level[1].shape[1] for level in best]
    box, score, valid = (ops.concatenate(parts, axis=1) for parts in zip(*best, strict=True))
    box = clip_boxes(box, height_px, width_px)
    valid = filter_boxes(box, valid, min_size_px)
    if len(sizes) == 1:
        index, found = nms(box, score, valid, iou_threshold, post_nms)
    else:
        level = ops.concatenate([ops.full((size,), number, "int32") for number, size in enumerate(sizes)])
        level = ops.broadcast_to(level, ops.shape(score))
        index, found = batched_nms(box, score, level, valid, iou_threshold, post_nms)
    if box.shape[1] == 0:
        return ops.zeros((ops.shape(box)[0], post_nms, 4)), ops.zeros((ops.shape(box)[0], post_nms)), found
    return ops.where(found[..., None], rows(box, index), 0.0), ops.where(found, rows(score, index), 0.0), found
