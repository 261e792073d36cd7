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

from detbench.evaluation.metrics.curves import LEVELS, by_falling_score
from detbench.evaluation.metrics.summary import (
    category_metrics,
    named_thresholds,
    resampled_mean,
    summaries,
    value_of,
)
from detbench.evaluation.resampling_numpy import WHOLE_CURVE, resample_block
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol

__all__ = ["Drawn", "Intervals", "bootstrap"]

Values = dict[str, "NDArray[np.float64]"]

#: Resamples that are computed together; the native part's lanes.
LANES = 16
LEVEL_OF_CONFIDENCE = 0.95

#: A category's numbers whose draws are kept; under a single threshold the first says all.
COMPARED = ("AP", "AP50")

#: What lies in fewer images than this has no interval: every resample that holds it holds the same.
FEWEST_IMAGES = 2

#: Sums in another order differ by so little; an end that misses the number by less is the number.
_ROUNDING = 1e-12

_NO_LIMIT = np.iinfo(np.int32).max

_INTERPOLATIONS = {"101-point": 0, "11-point": 1, "all-point": WHOLE_CURVE}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The numbers in each of the S draws: what two models on the same ground truth are compared by.

    Attributes
    ----------
    resamples, seed
        With the number of images they make the :class:`~detbench.evaluation.draws.Draws` that the values are of.
    metrics
        Name → float64 ``[S]``, NaN where a draw does not define the number.
    per_category
        Name → float64 ``[K, S]``, likewise; of the category's numbers those in COMPARED.
    metric_images, category_images
        In how many images there is ground truth to be found: of each metric's sizes, and int64 ``[K]`` of each
        category.
    """

    resamples: int
    seed: int
    metrics: Mapping[str, NDArray[np.float64]]
    per_category: Mapping[str, NDArray[np.float64]]
    metric_images: Mapping[str, int]
    category_images: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """``metrics`` maps a name to (low, high); ``per_category`` holds a like table a category; ``method`` in words.

    A name is missing where the number is undefined, or where what it counts lies in a single image. ``drawn`` holds
    the values that the intervals were made of.
    """

    metrics: dict[str, tuple[float, float]]
    per_category: list[dict[str, tuple[float, float]]]
    method: str
    drawn: Drawn


def bootstrap(matches: Matches, curves: Accumulated, *, resamples: int = 1000, seed: int = 0) -> Intervals:
    """Return 95 % percentile intervals of the protocol's numbers and of each category's AP and recall.

    The same matches, ``resamples`` and ``seed`` give the same intervals. A category that a resample has no ground
    truth of keeps its value in ``curves``, the numbers of all the images, in that resample's mean; its own interval
    is over the resamples that have it.
    """
    compute, protocol = _block_of(matches), matches.protocol
    # The native part releases the interpreter's lock; a block's draw depends on its number alone.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        weights = (_weights(matches.image_count, seed, number) for number in range(-(-resamples // LANES)))
        blocks = list(pool.map(lambda weight: _reduced(protocol, curves, *compute(weight)), weights))
    named, per_category = (
        {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
        for parts in zip(*blocks, strict=True)
    )
    images = _image_counts(matches)
    points = [category_metrics(curves, protocol, category) for category in range(matches.category_count)]
    return Intervals(
        metrics=_intervals(
            {s.name: named[s.name][:resamples] for s in summaries(protocol) if images[-1, s.area] >= FEWEST_IMAGES},
            {s.name: value_of(s, curves, protocol) for s in summaries(protocol)},
        ),
        per_category=[
            _intervals({name: values[category, :resamples] for name, values in per_category.items()}, points[category])
            if images[category, 0] >= FEWEST_IMAGES
            else {}
            for category in range(matches.category_count)
        ],
        method=f"95 % percentile bootstrap over images, {resamples} resamples, seed {seed}",
        drawn=Drawn(
            resamples,
            seed,
            named,
            {name: per_category[name] for name in COMPARED[: len(protocol.iou_thresholds)] if name in per_category},
            {s.name: int(images[-1, s.area]) for s in summaries(protocol)},
            images[:-1, 0],
        ),
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


def _intervals(named: Values, points: Mapping[str, float | None]) -> dict[str, tuple[float, float]]:
    tail = (1 - LEVEL_OF_CONFIDENCE) / 2
    found = {}
    for name, values in named.items():
        defined = values[~np.isnan(values)]
        if defined.size:
            ends = np.quantile(defined, [tail, 1 - tail])
            low, high = (_same_bits(float(end), points[name]) for end in ends)
            found[name] = (low, high)
    return found


def _same_bits(end: float, point: float | None) -> float:
    """Return the number itself for an end that misses it by rounding alone."""
    return point if point is not None and abs(end - point) < _ROUNDING else end


def _block_of(matches: Matches) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the function from weights, uint8 ``[I, LANES]``, to average precision and recall.

    They are float64 ``[T, K, A, LANES]`` and ``[T, K, A, M, LANES]``.
    """
    protocol, task = matches.protocol, matches.task
    axes = (matches.category_count, len(protocol.areas), len(protocol.iou_thresholds))
    bits, limits = axes[1] * axes[2], len(protocol.max_dets)
    offsets = matches.offsets()
    order = np.concatenate(
        [offsets[k] + by_falling_score(task.score[offsets[k] : offsets[k + 1]]) for k in range(axes[0])]
        or [np.zeros(0, dtype=np.intp)]
    )
    run = resample_block if (module := native()) is None else module.resample_block
    columns = {
        "image": task.image[order],
        "rank": task.rank[order],
        "found": matches.found[order],
        "not_counted": matches.not_counted[order],
        "offsets": offsets,
        "truth_image": task.truth_image,
        "truth_ignored": task.truth_ignored,
        "truth_offsets": matches.truth_offsets(),
        "levels": LEVELS.get(protocol.interpolation, np.zeros(0)),
        "interpolation": _INTERPOLATIONS[protocol.interpolation],
        "max_dets": np.array([_NO_LIMIT if limit is None else limit for limit in protocol.max_dets], dtype=np.int32),
        "bit_count": bits,
    }

    def compute(weight: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        average = np.empty((axes[0], bits, LANES))
        recall = np.empty((axes[0], bits, limits, LANES))
        run(**columns, weight=weight, average_precision=average, recall=recall)
        return (
            average.reshape(*axes, LANES).transpose(2, 0, 1, 3),
            recall.reshape(*axes, limits, LANES).transpose(2, 0, 1, 3, 4),
        )

    return compute


def _weights(image_count: int, seed: int, block: int) -> NDArray[np.uint8]:
    """Return uint8 ``[I, LANES]``: how often each image is drawn. A block has a generator of its own."""
    generator = np.random.default_rng([seed, block])
    weight = np.empty((image_count, LANES), dtype=np.uint8)
    for lane in range(LANES):
        drawn = generator.integers(0, image_count, image_count)
        weight[:, lane] = np.minimum(np.bincount(drawn, minlength=image_count), 255)
    return weight
