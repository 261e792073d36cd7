"""Confidence intervals by resampling images: how far the numbers would move on another draw of the same kind.

Every metric is computed again in each of the draws of :mod:`detbench.evaluation.draws`; matches do not depend on a
draw, so nothing is matched again. Which kind of interval, and what becomes of a category that a draw lacks:
docs/decisions/0007-intervals.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import UsageError
from detbench.evaluation.draws import LANES, SHARE, Draws
from detbench.evaluation.metrics.naming import named_thresholds, summaries
from detbench.evaluation.metrics.summary import category_metrics, resampled_mean, value_of
from detbench.evaluation.resampling import block_function, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol

__all__ = ["Drawn", "Intervals", "bootstrap"]

Values = dict[str, "NDArray[np.float64]"]

#: A category's numbers whose draws are kept; under a single threshold the first says all.
COMPARED = ("AP", "AP50")

#: The draws of 20,000 categories take some 3 GB.
MOST_CATEGORIES = 20_000

#: What lies in fewer images than this has no interval: every resample that holds it holds the same.
FEWEST_IMAGES = 2


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


def bootstrap(matches: Matches, curves: Accumulated, draws: Draws) -> Intervals:
    """Return 95 % intervals of the protocol's numbers and of each category's.

    The same matches and draws give the same intervals. A category that a resample has no ground truth of keeps its
    value in ``curves``, the numbers of all the images, in that resample's mean; its own interval is over the
    resamples that have it.

    Raises
    ------
    UsageError
        If there are more than :data:`MOST_CATEGORIES` categories: their draws would not fit in memory.
    """
    if matches.category_count > MOST_CATEGORIES:
        raise UsageError(
            f"intervals are for up to {MOST_CATEGORIES:,} categories, and there are {matches.category_count:,}; "
            "leave them out (--no-intervals)"
        )
    protocol, compute = matches.protocol, _block_of(matches)
    unknown = _without_values(curves)

    def numbers_of(block: int, weight: NDArray[np.uint8]) -> tuple[Values, Values]:
        return _numbers(protocol, curves if draws.is_resampled(block) else unknown, *compute(weight))

    named, per_category = (
        {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
        for parts in zip(*draws.map(numbers_of), strict=True)
    )
    images = _image_counts(matches)
    metric_images = {s.name: int(images[-1, s.area]) for s in summaries(protocol)}
    points = {s.name: value_of(s, curves, protocol) for s in summaries(protocol)}
    return Intervals(
        metrics={
            name: interval
            for name, values in named.items()
            if metric_images[name] >= FEWEST_IMAGES
            and (interval := draws.interval(points[name], values, within=SHARE, images=metric_images[name]))
        },
        per_category=_per_category(draws, curves, protocol, per_category, images),
        method=draws.method,
        drawn=Drawn(
            draws.resamples,
            draws.seed,
            named,
            {name: per_category[name] for name in COMPARED[: len(protocol.iou_thresholds)] if name in per_category},
            metric_images,
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


def _without_values(curves: Accumulated) -> Accumulated:
    """Return curves that know no value.

    A jackknife draw leaves a category out that it lacks: how far the mean moves then is all that is known of how far
    a category of few images may move it.
    """
    average, recall = (np.full_like(values, np.nan) for values in (curves.average_precision, curves.recall))
    return replace(curves, average_precision=average, recall=recall)


def _numbers(
    protocol: Protocol, curves: Accumulated, average: NDArray[np.float64], recall: NDArray[np.float64]
) -> tuple[Values, Values]:
    """Return a block's numbers, float64 ``[LANES]``, and its categories', float64 ``[K, LANES]``, by name."""
    named = {summary.name: resampled_mean(summary, average, recall, curves) for summary in summaries(protocol)}
    # Copies: a view would keep the whole block, of all thresholds and areas, until all blocks are done.
    per_category = {f"AP{suffix}": average[t, :, 0].copy() for t, suffix in named_thresholds(protocol)}
    if (limit := protocol.max_dets[-1]) is not None:
        per_category[f"AR{limit}"] = recall[:, :, 0, -1].mean(axis=0)
    for number, suffix in _areas(protocol):
        per_category[f"AP{suffix}"] = average[:, :, number].mean(axis=0)
        per_category[f"recall{suffix}"] = recall[0, :, number, -1].copy()
    return named, per_category


def _areas(protocol: Protocol) -> list[tuple[int, str]]:
    """Return every area range with its suffix; the first, all areas, has none."""
    return [(number, area.suffix if number else "") for number, area in enumerate(protocol.areas)]


def _per_category(
    draws: Draws, curves: Accumulated, protocol: Protocol, drawn: Values, images: NDArray[np.int64]
) -> list[dict[str, tuple[float, float]]]:
    """Return the intervals of every category by name, of the numbers that it has.

    ``drawn`` is name → float64 ``[K, S]``, ``images`` int64 ``[K + 1, A]``.
    """
    points = [category_metrics(curves, protocol, category) for category in range(len(images) - 1)]
    area_of = {f"{name}{suffix}": number for number, suffix in _areas(protocol) for name in ("AP", "recall")}
    found: list[dict[str, tuple[float, float]]] = [{} for _ in points]
    for name, values in drawn.items():
        own = np.array([metrics.get(name) for metrics in points], dtype=np.float64)
        count = images[:-1, area_of.get(name, 0)]
        ends = draws.intervals(own, values, within=SHARE, images=count)
        for category in np.flatnonzero((count >= FEWEST_IMAGES) & ~np.isnan(ends[:, 0])).tolist():
            low, high = ends[category].tolist()
            found[category][name] = (low, high)
    return found


def _block_of(matches: Matches) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the function from weights, uint8 ``[I, LANES]``, to average precision and recall.

    They are float64 ``[T, K, A, LANES]`` and ``[T, K, A, M, LANES]``.
    """
    protocol = matches.protocol
    axes = (matches.category_count, len(protocol.areas), len(protocol.iou_thresholds))
    limits = len(protocol.max_dets)  # not left to be worked out: without categories it could not be
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
            recall.reshape(*axes, limits, LANES).transpose(2, 0, 1, 3, 4),
        )

    return compute
