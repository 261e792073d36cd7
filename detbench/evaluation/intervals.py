"""Confidence intervals by resampling images: how far the numbers would move on another draw of the same kind.

The nonparametric bootstrap (Efron 1979): images are drawn with replacement, every metric is computed again, and the
interval is between the percentiles of what comes out. Matches do not depend on the draw, so nothing is matched again.
Why a category that a resample lacks keeps its value: docs/decisions/0007-intervals.md.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.draws import LANES, Draws
from detbench.evaluation.metrics.summary import (
    category_metrics,
    named_thresholds,
    resampled_mean,
    summaries,
    value_of,
)
from detbench.evaluation.resampling import block_function, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol

__all__ = ["Intervals", "bootstrap"]

Values = dict[str, "NDArray[np.float64]"]

#: What lies in fewer images than this has no interval: every resample that holds it holds the same.
FEWEST_IMAGES = 2


@dataclass(frozen=True, slots=True)
class Intervals:
    """``metrics`` maps a name to (low, high); ``per_category`` holds a like table a category; ``method`` in words.

    A name is missing where the number is undefined, or where what it counts lies in a single image.
    """

    metrics: dict[str, tuple[float, float]]
    per_category: list[dict[str, tuple[float, float]]]
    method: str


def bootstrap(matches: Matches, curves: Accumulated, *, resamples: int = 1000, seed: int = 0) -> Intervals:
    """Return 95 % percentile intervals of the protocol's numbers and of each category's AP and recall.

    The same matches, ``resamples`` and ``seed`` give the same intervals. A category that a resample has no ground
    truth of keeps its value in ``curves``, the numbers of all the images, in that resample's mean; its own interval
    is over the resamples that have it.
    """
    draws, protocol = Draws(matches.image_count, resamples=resamples, seed=seed), matches.protocol
    compute = _block_of(matches)
    # The native part releases the interpreter's lock; a block's draw depends on its number alone.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(lambda weight: _reduced(protocol, curves, *compute(weight)), draws.blocks()))
    named, per_category = (
        {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
        for parts in zip(*blocks, strict=True)
    )
    images = _image_counts(matches)
    points = [category_metrics(curves, protocol, category) for category in range(matches.category_count)]
    return Intervals(
        metrics=_intervals(
            draws,
            {s.name: named[s.name] for s in summaries(protocol) if images[-1, s.area] >= FEWEST_IMAGES},
            {s.name: value_of(s, curves, protocol) for s in summaries(protocol)},
        ),
        per_category=[
            _intervals(draws, {name: values[category] for name, values in per_category.items()}, points[category])
            if images[category, 0] >= FEWEST_IMAGES
            else {}
            for category in range(matches.category_count)
        ],
        method=draws.method,
    )


def _image_counts(matches: Matches) -> NDArray[np.int64]:
    """Return int64 ``[K + 1, A]``: images with ground truth to be found, of each category and, last, of any."""
    task, areas = matches.task, len(matches.protocol.areas)
    spans = [slice(*ends) for ends in pairwise(matches.truth_offsets())]
    counts = np.zeros((len(spans) + 1, areas), dtype=np.int64)
    for area in range(areas):
        must = task.truth_ignored >> matches.bit(area, 0) & np.uint64(1) == 0
        for row, span in enumerate([*spans, slice(None)]):
            counts[row, area] = len(np.unique(task.truth_image[span][must[span]]))
    return counts


def _reduced(
    protocol: Protocol, curves: Accumulated, average: NDArray[np.float64], recall: NDArray[np.float64]
) -> tuple[Values, Values]:
    """Return a block's numbers, float64 ``[LANES]``, and its categories', float64 ``[K, LANES]``, by name."""
    named = {summary.name: resampled_mean(summary, average, recall, curves) for summary in summaries(protocol)}
    per_category = {"AP": average[:, :, 0].mean(axis=0), "recall": recall[0, :, 0, -1]}
    per_category |= {f"AP{suffix}": average[t, :, 0] for t, suffix in named_thresholds(protocol)}
    return named, per_category


def _intervals(draws: Draws, named: Values, points: Mapping[str, float | None]) -> dict[str, tuple[float, float]]:
    found = {name: draws.interval(points[name], values) for name, values in named.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def _block_of(matches: Matches) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the function from weights, uint8 ``[I, LANES]``, to average precision and recall.

    They are float64 ``[T, K, A, LANES]`` and ``[T, K, A, M, LANES]``.
    """
    protocol = matches.protocol
    axes = (matches.category_count, len(protocol.areas), len(protocol.iou_thresholds))
    run = block_function(
        columns_of(matches),
        bit_count=axes[1] * axes[2],
        interpolation=protocol.interpolation,
        max_dets=protocol.max_dets,
    )

    def compute(weight: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        average, recall = run(weight)
        return (
            average.reshape(*axes, LANES).transpose(2, 0, 1, 3),
            recall.reshape(*axes, -1, LANES).transpose(2, 0, 1, 3, 4),
        )

    return compute
