"""Confidence intervals by resampling images: how far the numbers would move on another draw of the same kind.

The nonparametric bootstrap (Efron 1979): images are drawn with replacement, every metric is computed again, and the
interval is between the percentiles of what comes out. Matches do not depend on the draw, so nothing is matched again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.metrics.curves import LEVELS, by_falling_score
from detbench.evaluation.metrics.summary import named_thresholds, resampled_mean, summaries
from detbench.evaluation.resampling_numpy import WHOLE_CURVE, resample_block
from detbench.extension import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches

__all__ = ["Intervals", "bootstrap"]

#: Resamples that are computed together; the native part's lanes.
LANES = 16
LEVEL_OF_CONFIDENCE = 0.95

_INTERPOLATIONS = {"101-point": 0, "11-point": 1, "all-point": WHOLE_CURVE}


@dataclass(frozen=True, slots=True)
class Intervals:
    """``metrics`` maps a name to (low, high); ``per_category`` holds a like table a category; ``method`` in words."""

    metrics: dict[str, tuple[float, float]]
    per_category: list[dict[str, tuple[float, float]]]
    method: str


def bootstrap(matches: Matches, *, resamples: int = 1000, seed: int = 0) -> Intervals:
    """Return 95 % percentile intervals of the protocol's numbers and of each category's AP and recall.

    The same matches, ``resamples`` and ``seed`` give the same intervals. A category that a resample has no ground
    truth of is left out of that resample's mean, as it would be in a dataset without it.
    """
    protocol = matches.protocol
    average, recall = _resampled(matches, resamples, seed)
    metrics = {
        summary.name: interval
        for summary in summaries(protocol)
        # Resamples are counted at the largest maxDets alone: AR1 and AR10 have no interval.
        if not (summary.of_recall and summary.max_dets != len(protocol.max_dets) - 1)
        and (interval := _percentiles(resampled_mean(summary, average, recall)))
    }
    per_category = []
    for category in range(matches.category_count):
        whole = {"AP": average[:, category, 0].mean(axis=0), "recall": recall[0, category, 0]}
        whole |= {f"AP{suffix}": average[t, category, 0] for t, suffix in named_thresholds(protocol)}
        per_category.append({name: i for name, values in whole.items() if (i := _percentiles(values))})
    method = f"95 % percentile bootstrap over images, {resamples} resamples, seed {seed}"
    return Intervals(metrics, per_category, method)


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float] | None:
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    tail = (1 - LEVEL_OF_CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def _resampled(matches: Matches, resamples: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return average precision and recall, float64 ``[T, K, A, resamples]``."""
    protocol, task = matches.protocol, matches.task
    bits = len(protocol.iou_thresholds) * len(protocol.areas)
    offsets = matches.offsets()
    order = np.concatenate(
        [offsets[k] + by_falling_score(task.score[offsets[k] : offsets[k + 1]]) for k in range(matches.category_count)]
        or [np.zeros(0, dtype=np.intp)]
    )
    run = resample_block if (module := native()) is None else module.resample_block
    columns = {
        "image": task.image[order],
        "found": matches.found[order],
        "not_counted": matches.not_counted[order],
        "offsets": offsets,
        "truth_image": task.truth_image,
        "truth_ignored": task.truth_ignored,
        "truth_offsets": matches.truth_offsets(),
        "levels": LEVELS.get(protocol.interpolation, np.zeros(0)),
        "interpolation": _INTERPOLATIONS[protocol.interpolation],
        "bit_count": bits,
    }

    def one_block(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        average = np.empty((matches.category_count, bits, LANES))
        recall = np.empty_like(average)
        weight = _weights(matches.image_count, seed, number)
        run(**columns, weight=weight, average_precision=average, recall=recall)
        return average, recall

    # The native part releases the interpreter's lock; a block's draw depends on its number alone.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(one_block, range(-(-resamples // LANES))))
    shape = (matches.category_count, len(protocol.areas), len(protocol.iou_thresholds), -1)
    average, recall = (
        np.concatenate(parts, axis=2)[..., :resamples].reshape(shape).transpose(2, 0, 1, 3)
        for parts in zip(*blocks, strict=True)
    )
    return average, recall


def _weights(image_count: int, seed: int, block: int) -> NDArray[np.uint8]:
    """Return uint8 ``[I, LANES]``: how often each image is drawn. A block has a generator of its own."""
    generator = np.random.default_rng([seed, block])
    weight = np.empty((image_count, LANES), dtype=np.uint8)
    for lane in range(LANES):
        drawn = generator.integers(0, image_count, image_count)
        weight[:, lane] = np.minimum(np.bincount(drawn, minlength=image_count), 255)
    return weight
