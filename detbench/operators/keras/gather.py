"""Rows by their number, and rows by their score, in batches."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["as_float", "best_rows", "place_rows", "rows"]


def as_float(number: Any) -> Any:
    """Return a tensor of float32: boxes are not computed in half precision, whatever the layers around them do."""
    return ops.cast(ops.convert_to_tensor(number), "float32")


def rows(table: Any, index: Any) -> Any:
    """Return ``table[b, index[b, k]]``: ``[B, K, …]`` from ``[B, N, …]`` and int32 ``[B, K]``.

    The batch is flattened first: ``take_along_axis`` with a broadcast index gathers number by number, not row by row,
    which takes seven times as long.

    Examples
    --------
    >>> table = ops.convert_to_tensor([[[0.0, 1], [2, 3]], [[4, 5], [6, 7]]])
    >>> rows(table, ops.convert_to_tensor([[1], [0]])).numpy().tolist()
    [[[2.0, 3.0]], [[4.0, 5.0]]]
    """
    count = table.shape[1]
    first = ops.arange(ops.shape(table)[0], dtype="int32")[:, None] * count
    return ops.take(ops.reshape(table, (-1, *table.shape[2:])), index + first, axis=0)


def best_rows(score: Any, valid: Any, count: int) -> Any:
    """Return the rows of the ``count`` highest scores, int32 ``[B, count]``, by descending score.

    Of equal scores the lower row is first, NaN comes after all numbers, and what is not valid comes last.

    Parameters
    ----------
    score, valid
        Float and bool ``[B, N]``.
    count
        At most N.
    """
    score = as_float(score)
    lowest = -3.4028235e38  # what is −∞ scores as the lowest number, to stand before NaN
    key = ops.where(ops.isnan(score), -float("inf"), ops.maximum(score, lowest))
    key = ops.where(key == 0, 0.0, key)  # some sort −0 below 0
    key = ops.where(valid, key, -float("inf"))
    if keras.backend.backend() == "torch":  # its top_k promises no order of equal scores
        return ops.argsort(-key, axis=-1)[:, :count]
    return ops.cast(ops.top_k(key, count)[1], "int32")


def place_rows(empty: Any, place: Any, value: Any) -> Any:
    """Return ``empty`` ``[B, K]`` with ``value[b, n]`` at ``[b, place[b, n]]``; a place of K or more is nowhere."""
    count = empty.shape[1]
    padded = ops.pad(empty, ((0, 0), (0, 1)))
    first = ops.arange(ops.shape(empty)[0], dtype="int32")[:, None] * (count + 1)
    flat = ops.reshape(ops.minimum(place, count) + first, (-1, 1))
    placed = ops.scatter_update(ops.reshape(padded, (-1,)), flat, ops.reshape(value, (-1,)))
    return ops.reshape(placed, (-1, count + 1))[:, :count]
