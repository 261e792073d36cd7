"""Sampling a mini-batch: the rule of :mod:`detbench.operators.reference.sampling`, in batches."""

from __future__ import annotations

from typing import Any

from keras import ops

from detbench.operators.keras.gather import as_float, best_rows, place_rows, rows

__all__ = ["sample_balanced"]


def sample_balanced(label: Any, random: Any, count: int, positive_share: float = 0.5) -> Any:
    """Return the labels of a sample, −1 for what is not in it: int32 ``[B, N]``.

    Parameters
    ----------
    label
        int32 ``[B, N]``: above 0 positive, 0 negative, −1 left out already (padding too).
    random
        Float ``[B, N]``, drawn by the caller: those with the smallest are taken, of equal ones the lower row.
    count, positive_share
        At most ``⌊count · positive_share⌋`` positives, and negatives up to ``count``. Static.
    """
    label = ops.cast(label, "int32")
    most, size = int(count * positive_share), label.shape[1]
    if size == 0:
        return label
    rank = -as_float(random)
    sampled, taken = ops.full_like(label, -1), None
    for wanted, rows_wanted in ((label > 0, min(most, size)), (label == 0, min(count, size))):
        if rows_wanted == 0:
            continue
        index = best_rows(rank, wanted, rows_wanted)
        found = rows(wanted, index)
        if taken is not None:  # what positives leave
            found = ops.logical_and(found, ops.arange(rows_wanted, dtype="int32") < count - taken)
        taken = ops.sum(ops.cast(found, "int32"), axis=1, keepdims=True)
        sampled = place_rows(sampled, ops.where(found, index, size), rows(label, index))
    return sampled
