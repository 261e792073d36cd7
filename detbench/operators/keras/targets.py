"""Targets: the rules of :mod:`detbench.operators.reference.targets`, in batches.

One truth at a time with the maximum so far: the IoU of 268,000 anchors with 100 truths, several times over in
temporaries, does not fit a cache and hardly a small machine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from detbench.operators.keras.gather import as_float, rows
from detbench.operators.keras.iou import Planes, overlap, planes

__all__ = ["assign_anchors", "assign_regions"]


#: Added to an IoU that does not count: what is left is below 0 whatever it was.
_NEVER = -4.0


class _Found(NamedTuple):
    """What is known of each box, ``[B, N]``: see :func:`_look_at_truths`."""

    best: Any
    match: Any
    most_of_a_truth: Any
    ignored: Any


def assign_anchors(
    anchor: Any,
    truth: Any,
    state: Any,
    positive_at: float = 0.7,
    negative_below: float = 0.3,
    low_quality: bool = True,
) -> tuple[Any, Any]:
    """Return what each anchor is trained to be, and which truth it belongs to (Ren et al. 2015, section 3.1.2).

    Parameters
    ----------
    anchor
        ``[N, 4]``, or ``[B, N, 4]`` if they differ between pictures.
    truth, state
        ``[B, M, 4]`` and int32 ``[B, M]``: 1 an object, 0 padding, −1 ignored.
    positive_at, negative_below, low_quality
        As in the reference.

    Returns
    -------
    label, match
        int32 ``[B, N]``: 1 positive, 0 negative, −1 left out; the row of the best object, −1 where there is none.
    """
    found = _look_at_truths(anchor, truth, state)
    positive = ops.logical_and(found.best >= positive_at, found.match >= 0)
    if low_quality:
        positive = ops.logical_or(positive, found.most_of_a_truth)
    negative = ops.logical_and(found.best < negative_below, found.ignored < negative_below)
    return ops.where(positive, 1, ops.where(negative, 0, -1)), found.match


def assign_regions(
    region: Any,
    truth: Any,
    state: Any,
    category: Any,
    positive_at: float = 0.5,
    negative_from: float = 0.0,
) -> tuple[Any, Any]:
    """Return the category that each region is trained to have, and which truth it belongs to.

    Parameters
    ----------
    region
        ``[B, N, 4]``. Regions that are padding get a label like others: they are left out where it is known that they
        are padding, ``where(valid, label, -1)``.
    truth, state, category
        ``[B, M, 4]``, int32 ``[B, M]`` and int32 ``[B, M]``.
    positive_at, negative_from
        As in the reference.

    Returns
    -------
    label, match
        int32 ``[B, N]``: ``category + 1``, 0 background, −1 left out; the row of the best object, or −1.
    """
    found = _look_at_truths(region, truth, state)
    positive = ops.logical_and(found.best >= positive_at, found.match >= 0)
    negative = ops.logical_and(found.best >= negative_from, found.ignored < positive_at)
    label = ops.where(negative, 0, -1)
    if truth.shape[1]:
        category = rows(ops.cast(category, "int32"), ops.maximum(found.match, 0))
        label = ops.where(positive, category + 1, label)
    return label, found.match


def _look_at_truths(box: Any, truth: Any, state: Any) -> _Found:
    """Return what the rules ask of each box.

    Its highest IoU with an object; that object's row; whether no box has a higher IoU with some object; its highest IoU
    with an ignored truth.

    A truth's kind is added to its IoU, so that what is not asked for is below every start and loses each maximum:
    comparisons and choices, element by element, take a CPU several times as long as sums and maxima. Truths behind the
    last that is no padding are not looked at.
    """
    ours, theirs = planes(ops.stop_gradient(box)), planes(ops.stop_gradient(truth))
    if len(ours.x1.shape) == 1:
        ours = ours.at(None)
    count = truth.shape[1]
    none = ops.zeros_like(as_float(theirs.x1[:, :1])) if count else ops.zeros((ops.shape(truth)[0], 1))
    zero = none + ops.zeros_like(ours.x1)  # [B, N]
    start = _Found(zero - 1.0, ops.cast(zero, "int32") - 1, zero - 1.0, zero)
    if count == 0 or ours.x1.shape[1] == 0:
        return _Found(zero, start.match, zero > 0, zero)
    state = ops.cast(state, "int32")
    if_object = ops.where(state == 1, 0.0, _NEVER)
    if_ignored = ops.where(state == -1, 0.0, _NEVER)

    def step(row: Any, *before: Any) -> tuple[Any, ...]:
        so_far = _Found(*before)
        one = Planes(*(ops.take(plane, row, axis=1)[:, None] for plane in theirs))
        pair = overlap(ours, one)
        on_object = pair + ops.take(if_object, row, axis=1)[:, None]
        highest = ops.max(on_object, axis=1, keepdims=True)
        behind = on_object - ops.where(highest > 0, highest, float("inf"))  # 0 where there is no better one
        return (
            row + 1,
            ops.maximum(so_far.best, on_object),
            ops.where(on_object > so_far.best, row, so_far.match),
            ops.maximum(so_far.most_of_a_truth, behind),
            ops.maximum(so_far.ignored, pair + ops.take(if_ignored, row, axis=1)[:, None]),
        )

    used = ops.max(ops.where(state == 0, 0, ops.arange(1, count + 1, dtype="int32")))
    loop = ops.while_loop(lambda row, *_: row < used, step, (ops.zeros((), "int32"), *start))
    found = _Found(*loop[1:])
    return found._replace(best=ops.maximum(found.best, 0.0), most_of_a_truth=found.most_of_a_truth == 0)
