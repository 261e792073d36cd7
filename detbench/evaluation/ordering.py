"""The order in which matching goes through both sides, and the groups that it meets there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

__all__ = ["Order", "Side", "ordered"]


class Side(NamedTuple):
    """Ground truth or predictions: int32 ``[N]`` each, the category (−1: takes no part) and the image's rank."""

    category: NDArray[np.int32]
    image: NDArray[np.int32]


class Order(NamedTuple):
    """Rows sorted by category, then image; predictions by falling score in it, equal ones in the table's order.

    ``truth_row`` and ``row`` are int64 ``[G]`` and ``[N]``: rows of the tables. ``rank`` is int32 ``[N]``, 0 for the
    highest score of a category in an image. ``groups`` is int64 ``[P, 4]``: first and last + 1 place in ``truth_row``
    and in ``row`` of each category and image with predictions.
    """

    truth_row: NDArray[np.int64]
    row: NDArray[np.int64]
    rank: NDArray[np.int32]
    groups: NDArray[np.int64]


def ordered(
    truth: Side,
    predictions: Side,
    score: NDArray[np.float64],
    counts: tuple[int, int],
    limit: int | None,
    module: ModuleType | None,
    *,
    threads: int | None = None,
) -> Order:
    """Order both sides, by the native ``module`` or its twin.

    ``counts`` are the numbers of categories and of images; each image keeps the ``limit`` highest scores of a
    category.
    """
    if module is None:
        return _ordered(truth, predictions, score, counts[1], limit)
    columns = module.order(
        truth_category=np.ascontiguousarray(truth.category),
        truth_image=np.ascontiguousarray(truth.image),
        category=np.ascontiguousarray(predictions.category),
        image=np.ascontiguousarray(predictions.image),
        score=np.ascontiguousarray(score),
        category_count=counts[0],
        image_count=counts[1],
        limit=np.iinfo(np.int64).max if limit is None else limit,
        threads=threads or os.cpu_count() or 1,
    )
    return Order(*columns)


def _ordered(truth: Side, predictions: Side, score: NDArray[np.float64], image_count: int, limit: int | None) -> Order:
    truth_row = np.lexsort((np.arange(len(truth.image)), truth.image, truth.category))
    truth_row = truth_row[truth.category[truth_row] >= 0]
    row = np.lexsort((np.arange(len(score)), -score, predictions.image, predictions.category))
    row = row[predictions.category[row] >= 0]
    key = _group_key(predictions, row, image_count)
    rank = _rank_in_group(key)
    kept = slice(None) if limit is None else rank < limit
    groups = _groups(_group_key(truth, truth_row, image_count), key[kept])
    return Order(truth_row.astype(np.int64), row[kept].astype(np.int64), rank[kept].astype(np.int32), groups)


def _group_key(side: Side, row: NDArray[np.intp], image_count: int) -> NDArray[np.int64]:
    return side.category[row].astype(np.int64) * max(image_count, 1) + side.image[row]


def _rank_in_group(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64 ``[N]``: how many rows stand before each in its run of equal keys."""
    place = np.arange(len(key))
    first = np.ones(len(key), dtype=np.bool_)
    first[1:] = key[1:] != key[:-1]
    return place - np.maximum.accumulate(np.where(first, place, 0)) if len(key) else place


def _groups(truth_key: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64 ``[P, 4]``, one row for each key that has predictions."""
    keys, begin = np.unique(key, return_index=True)
    end = np.append(begin[1:], len(key))[: len(keys)]
    truth_begin = np.searchsorted(truth_key, keys, side="left")
    truth_end = np.searchsorted(truth_key, keys, side="right")
    return np.stack([truth_begin, truth_end, begin, end], axis=1).astype(np.int64)
