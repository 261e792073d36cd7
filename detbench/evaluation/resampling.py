"""Average precision and recall in every draw of images, from matches or from matches that somebody changed.

Matches do not depend on the draw, so nothing is matched again: a draw gives each image a weight.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.evaluation.draws import LANES
from detbench.evaluation.metrics.curves import LEVELS, by_falling_score
from detbench.evaluation.resampling_numpy import COCO_LEVELS, WHOLE_CURVE, resample_block
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.matching import Matches

__all__ = ["Columns", "block_function", "columns_of", "order_of", "resample"]

_NO_LIMIT = np.iinfo(np.int32).max

_INTERPOLATIONS = {"101-point": COCO_LEVELS, "11-point": 1, "all-point": WHOLE_CURVE}


class Columns(NamedTuple):
    """What a draw is computed from; N predictions and G ground truths, grouped by category, K of them.

    Attributes
    ----------
    image, rank
        int32 ``[N]``, in falling order of score inside a category; equal scores by image, then as in the file.
    found, not_counted
        uint64 ``[N]``: bits as in :class:`~detbench.evaluation.matching.Matches`, or any others.
    offsets, truth_offsets
        int64 ``[K + 1]``: a category's rows are ``offsets[k]`` to ``offsets[k + 1]``.
    truth_image
        int32 ``[G]``.
    truth_ignored
        uint64 ``[G]``: the bits in which it need not be found.
    """

    image: NDArray[np.int32]
    rank: NDArray[np.int32]
    found: NDArray[np.uint64]
    not_counted: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    truth_image: NDArray[np.int32]
    truth_ignored: NDArray[np.uint64]
    truth_offsets: NDArray[np.int64]


def order_of(matches: Matches) -> NDArray[np.intp]:
    """Return intp ``[N]``: the rows of ``matches.task`` in the order of :class:`Columns`."""
    offsets = matches.offsets()
    parts = [begin + by_falling_score(matches.task.score[begin:end]) for begin, end in pairwise(offsets)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.intp)


def columns_of(matches: Matches) -> Columns:
    """Return the columns of matches; to change the masks, take ``order_of(matches)`` and ``_replace``."""
    order, task = order_of(matches), matches.task
    return Columns(
        image=task.image[order],
        rank=task.rank[order],
        found=matches.found[order],
        not_counted=matches.not_counted[order],
        offsets=matches.offsets(),
        truth_image=task.truth_image,
        truth_ignored=task.truth_ignored,
        truth_offsets=matches.truth_offsets(),
    )


def resample(
    columns: Columns,
    draws: Draws,
    *,
    bit_count: int,
    interpolation: str,
    max_dets: Sequence[int | None] = (),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute average precision and recall of every category and bit in each of S draws.

    Whoever asks what a number would be if some predictions were right, or gone, changes ``found`` and
    ``not_counted`` and calls this with the same ``draws``: the values are paired with all others of these draws.
    Rank counts among the predictions of an image and category, and is used for ``max_dets`` alone.

    Parameters
    ----------
    columns
        The matches' or changed ones; only the lowest ``bit_count`` bits are read.
    draws
        Which images each draw holds; images are numbered by rank.
    bit_count
        At most 64.
    interpolation
        ``"101-point"``, ``"11-point"`` or ``"all-point"``.
    max_dets
        Recall counts the predictions of a rank below each; None is no limit.

    Returns
    -------
    float64 ``[K, bits, S]`` and ``[K, bits, M, S]``: average precision at every rank, and recall; NaN where a draw
    has no ground truth to be found. Hand all S values of a number to ``draws.interval``.
    """
    compute = block_function(columns, bit_count=bit_count, interpolation=interpolation, max_dets=max_dets)
    average, recall = zip(*draws.map(lambda _, weight: compute(weight)), strict=True)
    return np.concatenate(average, axis=-1), np.concatenate(recall, axis=-1)


def block_function(
    columns: Columns, *, bit_count: int, interpolation: str, max_dets: Sequence[int | None]
) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the function from weights, uint8 ``[I, LANES]``, to what :func:`resample` returns of these lanes."""
    categories = len(columns.offsets) - 1
    arguments = columns._asdict() | {
        "levels": LEVELS.get(interpolation, np.zeros(0)),
        "interpolation": _INTERPOLATIONS[interpolation],
        "max_dets": np.array([_NO_LIMIT if limit is None else limit for limit in max_dets], dtype=np.int32),
        "bit_count": bit_count,
    }
    run = partial(resample_block, **arguments) if (module := native()) is None else module.Resampler(**arguments).block

    def compute(weight: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        average = np.empty((categories, bit_count, LANES))
        recall = np.empty((categories, bit_count, len(max_dets), LANES))
        run(weight=weight, average_precision=average, recall=recall)
        return average, recall

    return compute
