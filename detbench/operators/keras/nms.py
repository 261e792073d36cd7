"""Non-maximum suppression with static shapes: the rule of :mod:`detbench.operators.reference.nms`, exactly.

Boxes are taken by descending score, :data:`BLOCK` at a time. A block is first held against the boxes kept so far, block
by block, then against itself: who is kept within a block is the fixed point of "nobody who is kept overlaps me from
above", which is reached after as many rounds as the longest chain of suppressions has links, usually a few. Memory is
that of two blocks' IoU, not of N × N, and the work stops once every picture has as many as were asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from detbench.operators.keras.gather import best_rows, place_rows, rows
from detbench.operators.keras.iou import Planes, overlap, planes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BLOCK", "batched_nms", "nms"]

#: Boxes in a block.
BLOCK = 256


def nms(box: Any, score: Any, valid: Any, iou_threshold: float, limit: int | None = None) -> tuple[Any, Any]:
    """Return the rows that are kept, by descending score.

    Parameters
    ----------
    box
        ``[B, N, 4]``: ``x1 y1 x2 y2`` in any unit; N is static.
    score, valid
        Float and bool ``[B, N]``: what is not valid is padding.
    iou_threshold
        A box is dropped if it overlaps a kept one by more than this.
    limit
        Rows of the answer: N unless told.

    Returns
    -------
    index
        int32 ``[B, limit]``: rows of ``box``; 0 where there is none.
    valid
        bool ``[B, limit]``: which of them are kept boxes; they come first.

    Notes
    -----
    No gradient flows through it: into the boxes and scores it does by gathering them.

    Examples
    --------
    >>> box = ops.convert_to_tensor([[[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]]])
    >>> index, valid = nms(box, ops.convert_to_tensor([[0.8, 0.9, 0.7]]), ops.ones((1, 3), "bool"), 0.5)
    >>> index.numpy().tolist(), valid.numpy().tolist()
    ([[1, 2, 0]], [[True, True, False]])
    """
    return _greedy(box, score, None, valid, iou_threshold, limit)


def batched_nms(
    box: Any, score: Any, category: Any, valid: Any, iou_threshold: float, limit: int | None = None
) -> tuple[Any, Any]:
    """Return the rows that are kept where boxes suppress only those of their own ``category``, int32 ``[B, N]``.

    Parameters and answer are otherwise :func:`nms`'s; ``limit`` counts over all categories. Categories are compared,
    boxes are not shifted apart: a shift rounds coordinates.
    """
    return _greedy(box, score, category, valid, iou_threshold, limit)


def _greedy(
    box: Any, score: Any, category: Any, valid: Any, iou_threshold: float, limit: int | None
) -> tuple[Any, Any]:
    count, batch = box.shape[1], ops.shape(box)[0]
    asked = count if limit is None else max(limit, 0)
    most = min(asked, count)  # a compiled NMS of no boxes is not risked
    if most == 0:
        return ops.zeros((batch, asked), "int32"), ops.zeros((batch, asked), "bool")
    order = best_rows(ops.stop_gradient(score), valid, count)
    place, kept = _kept_places(
        planes(rows(ops.stop_gradient(box), order)),
        None if category is None else rows(category, order),
        rows(valid, order),
        iou_threshold,
        most,
    )
    found = ops.arange(most, dtype="int32") < kept[:, None]
    index = ops.where(found, rows(order, ops.where(found, place, 0)), 0)
    spare = ((0, 0), (0, asked - most))
    return ops.pad(index, spare), ops.pad(found, spare)


def _kept_places(best: Planes, category: Any, valid: Any, iou_threshold: float, most: int) -> tuple[Any, Any]:
    """Return which of the boxes, which come by descending score, are kept: int32 ``[B, most]``, and how many ``[B]``.

    Places beyond those kept hold that of a box without area behind the last: it suppresses nothing.
    """
    count, batch = valid.shape[1], ops.shape(valid)[0]
    size = min(BLOCK, count)
    blocks, tiles = -(-count // size), -(-most // size)
    slots = tiles * size
    spare = ((0, 0), (0, blocks * size + 1 - count))
    of = _looked_up([best] if category is None else [best, (category,)], spare)
    valid, earlier = ops.pad(valid, spare), _earlier(size)
    number_in_block = ops.arange(size, dtype="int32")

    def step(block: Any, place: Any, kept: Any) -> tuple[Any, Any, Any]:
        here = ops.broadcast_to(block * size + number_in_block, (batch, size))
        ours = of(here)
        above = of(ops.transpose(ops.reshape(place, (-1, tiles, size)), (1, 0, 2)))

        def against(number: Any, alive: Any) -> tuple[Any, Any]:
            hit = _suppresses([ops.take(part, number, axis=1) for part in above], ours, iou_threshold)
            return number + 1, ops.logical_and(alive, ops.logical_not(ops.any(hit, axis=1)))

        filled = (ops.max(kept) + size - 1) // size
        zero = ops.zeros((), "int32")
        alive = ops.while_loop(lambda number, _: number < filled, against, (zero, rows(valid, here)))[1]
        alive = _settled(alive, ops.logical_and(_suppresses(ours, ours, iou_threshold), earlier))
        rank = kept[:, None] + ops.cumsum(ops.cast(alive, "int32"), axis=1) - 1
        place = place_rows(place, ops.where(ops.logical_and(alive, rank < most), rank, slots), here)
        return block + 1, place, ops.minimum(kept + ops.sum(ops.cast(alive, "int32"), axis=1), most)

    def unfinished(block: Any, _place: Any, kept: Any) -> Any:
        return ops.logical_and(block < blocks, ops.any(kept < most))

    nothing = ops.broadcast_to(ops.full((), blocks * size, "int32"), (batch, slots))
    start = (ops.zeros((), "int32"), nothing, ops.zeros((batch,), "int32"))
    _, place, kept = ops.while_loop(unfinished, step, start)
    return place[:, :most], kept


def _looked_up(tables: Sequence[Sequence[Any]], spare: Any) -> Callable[[Any], list[Any]]:
    """Return what looks places ``[…, B, K]`` up: of each table, tensors ``[B, N]``, one tensor ``[tensors, …, B, K]``.

    One gather brings all of a table: in a graph the number of steps decides, they are small.
    """
    flat = [ops.stack([ops.reshape(ops.pad(tensor, spare), (-1,)) for tensor in table]) for table in tables]
    batch, count = ops.shape(tables[0][0])[0], tables[0][0].shape[1] + spare[1][1]
    first = ops.arange(batch, dtype="int32")[:, None] * count
    return lambda place: [ops.take(table, place + first, axis=1) for table in flat]


def _earlier(size: int) -> Any:
    """Return bool ``[1, size, size]``: whether the first is before the second."""
    number = ops.arange(size, dtype="int32")
    return (number[:, None] < number)[None]


def _suppresses(above: list[Any], below: list[Any], iou_threshold: float) -> Any:
    """Return bool ``[B, size, size]``: whether a box of the first overlaps one of the second by too much.

    Each is ``[5, B, size]``, the boxes by coordinate, and ``[1, B, size]`` if there are categories.
    """
    (first, *its), (second, *theirs) = ([part[..., None] for part in above], [part[..., None, :] for part in below])
    hit = overlap(Planes(*(first[k] for k in range(5))), Planes(*(second[k] for k in range(5)))) > iou_threshold
    return ops.logical_and(hit, its[0][0] == theirs[0][0]) if its else hit


def _settled(alive: Any, suppresses: Any) -> Any:
    """Return who is kept of a block: ``suppresses[b, i, j]`` only from above, ``i < j``."""
    weight = ops.cast(suppresses, "float32")

    def step(kept: Any, _: Any) -> tuple[Any, Any]:
        hits = ops.matmul(ops.cast(kept, "float32")[:, None], weight)[:, 0]
        return ops.logical_and(alive, hits == 0), kept

    first = step(alive, alive)
    return ops.while_loop(lambda kept, before: ops.any(kept != before), step, first)[0]
