"""Mistakes that people make with NMS and batched NMS, each a function that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Mistake
from detbench.operators.reference.iou import iou
from detbench.operators.reference.nms import batched_nms, by_falling_score, nms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["BATCHED_MISTAKES", "NMS_MISTAKES"]


def _greedy(
    order: NDArray[np.intp], box: NDArray[Any], dropped: Callable[[NDArray[Any], NDArray[Any]], Any], limit: int | None
) -> NDArray[np.intp]:
    """Return greedy NMS in ``order``; ``dropped(one [1, 4], others [N, 4])`` says which go."""
    kept: list[np.intp] = []
    while len(order) and (limit is None or len(kept) < limit):
        kept.append(order[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            gone = np.asarray(dropped(box[order[:1]], box[order[1:]])).reshape(-1)
        order = order[1:][~gone]
    return np.array(kept, dtype=np.intp)


def _sides(box: NDArray[Any], extra: float = 0.0) -> Any:
    return box[:, 2:] - box[:, :2] + box.dtype.type(extra)


def _common(one: NDArray[Any], others: NDArray[Any], extra: float = 0.0) -> Any:
    """Return width and height of what one box shares with others, negative where it shares nothing."""
    sides = np.minimum(one[:, 2:], others[:, 2:]) - np.maximum(one[:, :2], others[:, :2])
    return sides + others.dtype.type(extra)


def _inclusive(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    def dropped(one: NDArray[Any], others: NDArray[Any]) -> Any:
        common = np.maximum(_common(one, others, 1.0), 0).prod(axis=1)
        union = _sides(one, 1.0).prod(axis=1) + _sides(others, 1.0).prod(axis=1) - common
        return np.divide(common, union) > np.float32(iou_threshold)

    return _greedy(by_falling_score(score), box, dropped, limit)


def _at_threshold(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    return _greedy(by_falling_score(score), box, lambda a, b: iou(a, b) >= box.dtype.type(iou_threshold), limit)


def _unsorted(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    return nms(box, np.zeros_like(score), iou_threshold, limit)


def _ascending(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    return nms(box, -score, iou_threshold, limit)


def _higher_row(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    order = np.argsort(score, kind="stable")[::-1]
    return _greedy(order, box, lambda a, b: iou(a, b) > box.dtype.type(iou_threshold), limit)


def _zero_over_zero(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    def dropped(one: NDArray[Any], others: NDArray[Any]) -> Any:
        common = np.maximum(_common(one, others), 0).prod(axis=1)
        union = _sides(one).prod(axis=1) + _sides(others).prod(axis=1) - common
        return ~(np.divide(common, union) <= box.dtype.type(iou_threshold))

    return _greedy(by_falling_score(score), box, dropped, limit)


def _by_dropped(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> Any:
    order = by_falling_score(score)
    overlap = np.triu(iou(box[order], box[order]), 1) > box.dtype.type(iou_threshold)
    return order[~overlap.any(axis=0)][:limit]


def _looked_at(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    best = by_falling_score(score)[:limit]
    return best[nms(box[best], score[best], iou_threshold)]


def _without_limit(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    del limit
    return nms(box, score, iou_threshold)


def _over_smaller(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    def dropped(one: NDArray[Any], others: NDArray[Any]) -> Any:
        smaller = np.minimum(_sides(one).prod(axis=1), _sides(others).prod(axis=1))
        return np.maximum(_common(one, others), 0).prod(axis=1) > smaller * box.dtype.type(iou_threshold)

    return _greedy(by_falling_score(score), box, dropped, limit)


def _union_too_large(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    def dropped(one: NDArray[Any], others: NDArray[Any]) -> Any:
        both = _sides(one).prod(axis=1) + _sides(others).prod(axis=1)
        return np.maximum(_common(one, others), 0).prod(axis=1) > both * box.dtype.type(iou_threshold)

    return _greedy(by_falling_score(score), box, dropped, limit)


def _not_clamped(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    def dropped(one: NDArray[Any], others: NDArray[Any]) -> Any:
        common = _common(one, others).prod(axis=1)
        union = _sides(one).prod(axis=1) + _sides(others).prod(axis=1) - common
        return np.divide(common, union) > box.dtype.type(iou_threshold)

    return _greedy(by_falling_score(score), box, dropped, limit)


def _widths_as_corners(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    corners = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
    return nms(corners, score, iou_threshold, limit)


def _mask(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.bool_]:
    mask = np.zeros(len(box), dtype=bool)
    mask[nms(box, score, iou_threshold, limit)] = True
    return mask


def _by_row(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    return np.sort(nms(box, score, iou_threshold, limit))


def _places(box: Any, score: Any, iou_threshold: float, limit: int | None = None) -> NDArray[np.intp]:
    return np.argsort(by_falling_score(score))[nms(box, score, iou_threshold, limit)]


NMS_MISTAKES = (
    Mistake(
        "inclusive", _inclusive, "You add 1 to the sides, as if corners were whole pixels. Here a width is x2 − x1."
    ),
    Mistake("at the threshold", _at_threshold, "A box goes if its IoU is greater than the threshold (>), not equal."),
    Mistake("not sorted", _unsorted, "You take the boxes in the order of their rows. Take the highest score first."),
    Mistake("rising", _ascending, "You begin with the lowest score; np.argsort rises. Sort the negated scores."),
    Mistake(
        "higher row",
        _higher_row,
        "Of equal scores you take the higher row first: a reversed sort reverses ties too. Use "
        'np.argsort(-score, kind="stable").',
    ),
    Mistake(
        "0/0",
        _zero_over_zero,
        "Boxes without area are lost: their IoU is 0/0, NaN, and no comparison with NaN is true. Their IoU is 0: drop "
        "what is greater than the threshold instead of keeping what is not.",
    ),
    Mistake(
        "dropped boxes drop",
        _by_dropped,
        "A box that was dropped still drops others. Only boxes that are kept may.",
    ),
    Mistake(
        "limit first", _looked_at, "You look at the best `limit` boxes only. The limit counts boxes that are kept."
    ),
    Mistake("no limit", _without_limit, "You do not stop at the limit."),
    Mistake("over the smaller", _over_smaller, "You divide by the area of the smaller box. IoU divides by the union."),
    Mistake(
        "union too large",
        _union_too_large,
        "You divide by the sum of both areas. It has the intersection twice: subtract it once.",
    ),
    Mistake(
        "two negatives",
        _not_clamped,
        "Boxes diagonally apart seem to overlap: a negative width times a negative height. Raise both to 0 first.",
    ),
    Mistake(
        "widths as corners",
        _widths_as_corners,
        "You read the boxes as x y width height; they are x1 y1 x2 y2.",
    ),
    Mistake("mask", _mask, "You return a mask. Return the rows, by descending score."),
    Mistake("by row", _by_row, "You return the right rows in the order of the table. Return them by descending score."),
    Mistake(
        "places",
        _places,
        "You return places in the sorted order. Look them up in it: order[place] is the row.",
    ),
)


def _all_alike(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    del category
    return nms(box, score, iou_threshold, limit)


def _shifted(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    step = box.max(initial=0) + 1
    return nms(box + (category[:, None] * step).astype(box.dtype), score, iou_threshold, limit)


def _shifted_too_little(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    return nms(box + category[:, None].astype(box.dtype), score, iou_threshold, limit)


def _limit_each(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    kept = [np.zeros(0, dtype=np.intp)]
    for one in np.unique(category):
        row = np.flatnonzero(category == one)
        kept.append(row[nms(box[row], score[row], iou_threshold, limit)])
    rows = np.sort(np.concatenate(kept))
    return rows[by_falling_score(score[rows])]


def _one_after_another(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    kept = batched_nms(box, score, category, iou_threshold, limit)
    return kept[np.argsort(category[kept], kind="stable")]


def _batched_at_threshold(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    return batched_nms(box, score, category, float(np.nextafter(box.dtype.type(iou_threshold), -1)), limit)


def _batched_higher_row(box: Any, score: Any, category: Any, iou_threshold: float, limit: int | None = None) -> Any:
    back = slice(None, None, -1)
    return len(box) - 1 - batched_nms(box[back], score[back], category[back], iou_threshold, limit)


BATCHED_MISTAKES = (
    Mistake("categories ignored", _all_alike, "Boxes drop boxes of other categories. Look at each category by itself."),
    Mistake(
        "shifted",
        _shifted,
        "You shift each category by the largest coordinate, so that categories cannot overlap. With negative "
        "coordinates they can, and in float32 a large shift rounds the corners. Look at each category by itself.",
    ),
    Mistake(
        "shifted too little",
        _shifted_too_little,
        "You shift each category by less than the boxes extend, so categories overlap still.",
    ),
    Mistake("limit for each", _limit_each, "The limit counts over all categories; you give each category its own."),
    Mistake(
        "one category after another",
        _one_after_another,
        "You return one category after another. Return the rows by descending score over all categories.",
    ),
    Mistake(
        "at the threshold",
        _batched_at_threshold,
        "A box goes if its IoU is greater than the threshold (>), not equal.",
    ),
    Mistake("higher row", _batched_higher_row, "Of equal scores you take the higher row first; take the lower."),
)
