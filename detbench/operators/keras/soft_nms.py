"""NMS that lowers scores: the rules of :mod:`detbench.operators.reference.soft_nms` and ``matrix_nms``, in batches."""

from __future__ import annotations

from typing import Any, Literal

from keras import ops

from detbench.operators.keras.gather import as_float, best_rows, rows
from detbench.operators.keras.iou import overlap, planes

__all__ = ["matrix_nms", "soft_nms"]


def soft_nms(
    box: Any,
    score: Any,
    valid: Any,
    method: Literal["gaussian", "linear"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    limit: int | None = None,
) -> tuple[Any, Any, Any]:
    """Return the rows that are taken, in the order they are taken, and their decayed scores (Bodla et al. 2017).

    Parameters
    ----------
    box, score, valid
        ``[B, N, 4]``, float ``[B, N]``, bool ``[B, N]``.
    method, iou_threshold, sigma, score_threshold
        As in the reference.
    limit
        Rows of the answer: N unless told. Each costs a step, one after another.

    Returns
    -------
    index, score, valid
        int32, float32 and bool ``[B, limit]``; 0 where there is none.
    """
    count, batch = box.shape[1], ops.shape(box)[0]
    asked = count if limit is None else max(limit, 0)
    if min(asked, count) == 0:
        return ops.zeros((batch, asked), "int32"), ops.zeros((batch, asked)), ops.zeros((batch, asked), "bool")
    boxes, number = planes(ops.stop_gradient(box)), ops.arange(count, dtype="int32")
    slot = ops.arange(asked, dtype="int32")

    def left(decayed: Any) -> Any:
        return decayed >= score_threshold  # NaN is not

    def step(place: Any, decayed: Any, index: Any, taken: Any, found: Any) -> tuple[Any, ...]:
        open_ = left(decayed)
        best = ops.cast(ops.argmax(ops.where(open_, decayed, -float("inf")), axis=1), "int32")[:, None]
        here = ops.logical_and(slot == place, ops.any(open_, axis=1)[:, None])
        index = ops.where(here, best, index)
        taken = ops.where(here, rows(decayed, best), taken)
        one = type(boxes)(*(rows(plane, best) for plane in boxes))
        decayed = decayed * _weight(overlap(one, boxes), method, iou_threshold, sigma)
        gone = number == best
        return place + 1, ops.where(gone, -float("inf"), decayed), index, taken, ops.logical_or(found, here)

    def unfinished(place: Any, decayed: Any, *_: Any) -> Any:
        return ops.logical_and(place < asked, ops.any(left(decayed)))

    start = ops.where(valid, as_float(ops.stop_gradient(score)), -float("inf"))
    empty = ops.zeros((batch, asked), "int32"), ops.zeros((batch, asked), "float32"), ops.zeros((batch, asked), "bool")
    _, _, index, taken, found = ops.while_loop(unfinished, step, (ops.zeros((), "int32"), start, *empty))
    return index, taken, found


def matrix_nms(
    box: Any,
    score: Any,
    category: Any,
    valid: Any,
    kernel: Literal["gaussian", "linear"] = "gaussian",
    sigma: float = 2.0,
) -> Any:
    """Return the decayed score of every box, float32 ``[B, N]``, in the order of the rows; 0 where not valid.

    Wang et al. 2020, equation 5, as the reference has it. The IoU of all pairs is held: N² floats a picture.
    """
    if box.shape[1] == 0:
        return as_float(score)
    order = best_rows(score, valid, box.shape[1])
    best, group = planes(rows(box, order)), rows(ops.where(valid, category, -1), order)
    number = ops.arange(box.shape[1], dtype="int32")
    above = ops.logical_and(number[:, None] < number, group[..., None] == group[:, None])
    pair = ops.where(above, overlap(best.at(..., None), best.at(..., None, slice(None))), 0.0)
    compensate = _kernel(ops.max(pair, axis=1), kernel, sigma)[..., None]  # of the box above, [B, N, 1]
    # A box that has a twin above it decays nothing by itself: the twin does, and 0/0 is avoided.
    decays = ops.logical_and(above, compensate > 0)
    ratio = _kernel(pair, kernel, sigma) / ops.where(compensate > 0, compensate, 1.0)
    decay = ops.min(ops.where(decays, ratio, 1.0), axis=1)
    decay = rows(ops.minimum(decay, 1.0), ops.argsort(order, axis=-1))
    return ops.where(valid, as_float(score) * decay, 0.0)


def _weight(pair: Any, method: str, iou_threshold: float, sigma: float) -> Any:
    if method == "linear":
        return ops.where(pair > iou_threshold, 1 - pair, 1.0)
    return ops.exp(-(pair * pair) / sigma)


def _kernel(pair: Any, kernel: str, sigma: float) -> Any:
    return 1 - pair if kernel == "linear" else ops.exp(-sigma * (pair * pair))
