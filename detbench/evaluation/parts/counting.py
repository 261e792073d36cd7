"""Counting: errors of the number of objects, at a threshold that was chosen elsewhere, and against every threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from detbench.evaluation.metrics.counting import (
    LIMITS,
    NUMBERS,
    correlation_columns,
    curve,
    error_columns,
    least_mae,
    numbers,
    predicted_at,
    predicted_at_each,
    tally,
)
from detbench.evaluation.parts.bands import NO_IMAGES, NO_TRUTH, Band, ascend, band_flaw, with_ends
from detbench.evaluation.parts.count_groups import (
    RANGE,
    CountGroup,
    all_images,
    by_category,
    by_density,
    expected_counts,
    results,
)
from detbench.evaluation.parts.numbers import Numbers
from detbench.evaluation.tasks import image_ranks
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counting import Curve, Tally
    from detbench.evaluation.protocols import Protocol

__all__ = [
    "CountCurve",
    "CountPoint",
    "CountThreshold",
    "CountTotals",
    "Counting",
    "CountingWanted",
    "CountsOfImages",
    "by_group",
    "counting",
    "flaw",
]

#: A curve has no more points than about twice this.
_POINTS = 100

#: So many points of a curve are resampled at a time, which bounds the memory.
_POINTS_AT_A_TIME = 32

Count = Annotated[int, msgspec.Meta(ge=0)]


class CountThreshold(msgspec.Struct, frozen=True, kw_only=True):
    """The score from which a prediction is counted, and where it comes from.

    ``source`` is ``given`` or ``tuned``. Tuned: ``split`` is what it was chosen on, of which ``images`` images and the
    ``predictions`` named; ``mae`` is the error there, the least that any threshold gives.
    """

    value: float
    source: str
    split: str | None = None
    predictions: str | None = None
    images: Count | None = None
    mae: float | None = None


class CountingWanted(NamedTuple):
    """How to count: with which threshold, or none, and how many images it was chosen on that are judged too."""

    threshold: CountThreshold | None = None
    shared_images: int = 0


class CountTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts at the threshold, over all images.

    ``predicted`` objects in all; ``over`` and ``under``: the surplus and the shortfall of the images, each summed, so
    that one does not make up for the other; ``images_over``, ``images_under`` and ``images_exact`` are all images.
    """

    predicted: Count
    over: Count
    under: Count
    images_over: Count
    images_under: Count
    images_exact: Count


class CountPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The errors at one threshold."""

    threshold: float
    mae: float
    rmse: float
    bias: float


class CountCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Errors against the score threshold, ascending: exact, at some 200 of the scores if there are more."""

    threshold: list[float]
    mae: Band
    rmse: Band
    bias: Band


class CountsOfImages(msgspec.Struct, frozen=True, kw_only=True):
    """Each image's counts, by ascending id; ``predicted`` is empty where there is no threshold."""

    image: list[int | str]
    true: list[Count]
    predicted: list[Count]


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """How well objects are counted; the numbers at the threshold are the result's metrics ``count_…``.

    Attributes
    ----------
    images, objects
        All images, those without objects too, and the ground truths that are counted.
    threshold, totals
        None where no threshold was given or chosen: then there are no ``count_…`` metrics either.
    hindsight
        The point of least MAE on the very images that are judged: what the best threshold could give, not what a
        detector reached. None where nothing is there to count.
    expected
        Counts without a threshold: the sum of an image's scores, taken as probabilities.
    curve
        Errors against the threshold; empty where nothing is there to count.
    by_density, by_category
        At the threshold: by true count of the image, and by category in the dataset's order; empty without one.
    per_image
        What plots are drawn from.
    reason
        Why nothing can be counted; empty where something can.
    """

    images: Count
    objects: Count
    threshold: CountThreshold | None
    totals: CountTotals | None
    hindsight: CountPoint | None
    expected: CountGroup
    curve: CountCurve
    by_density: list[CountGroup]
    by_category: list[CountGroup]
    per_image: CountsOfImages
    reason: str


def counting(
    dataset: Dataset, predictions: Predictions, wanted: CountingWanted, protocol: Protocol, draws: Draws | None
) -> tuple[Counting, Numbers]:
    """Count, and return the part with the ``count_…`` numbers at the threshold, of which there are none without one."""
    of, threshold = tally(dataset, predictions, protocol), wanted.threshold
    true = of.true()
    reason = "" if true.any() else NO_TRUTH if of.image_count else NO_IMAGES
    groups = [expected_counts(of, reason)]
    densities, categories = [], []
    if threshold is not None:
        groups.append(all_images(of, threshold.value, reason))
        densities = list(by_density(of, threshold.value))
        categories = list(by_category(dataset.categories.name, of, threshold.value))
    expectation, *at_threshold = results([*groups, *densities, *categories], of.image_count, draws)
    split = 1 + len(densities)
    points = None if reason else curve(of)
    predicted = None if threshold is None else predicted_at(of, threshold.value)
    part = Counting(
        images=of.image_count,
        objects=int(true.sum()),
        threshold=threshold,
        totals=None if predicted is None else _totals(predicted, true),
        hindsight=None if points is None else _point(points, least_mae(points)),
        expected=expectation,
        curve=_drawn(of, points, draws),
        by_density=at_threshold[1:split],
        by_category=at_threshold[split:],
        per_image=_per_image(dataset, true, predicted),
        reason=reason,
    )
    whole = at_threshold[0] if at_threshold else None
    return part, Numbers({}, {}, {}) if whole is None else Numbers(whole.metrics, whole.intervals, whole.reasons)


def drawn_counts(part: Counting, draws: Draws) -> dict[str, NDArray[np.float64]]:
    """Return the numbers at the threshold in each draw, ``[S]`` each, from the counts of the images; no GAME."""
    true, predicted = np.array(part.per_image.true), np.array(part.per_image.predicted, dtype=np.float64)
    columns = [np.ones((len(true), 1)), error_columns(true, predicted), correlation_columns(true, predicted)]
    sums = draws.sums(np.hstack(columns))
    return numbers(sums[0], sums[1:])


def _totals(predicted: NDArray[np.int64], true: NDArray[np.int64]) -> CountTotals:
    error = predicted - true
    return CountTotals(
        predicted=int(predicted.sum()),
        over=int(error[error > 0].sum()),
        under=int(-error[error < 0].sum()),
        images_over=int(np.count_nonzero(error > 0)),
        images_under=int(np.count_nonzero(error < 0)),
        images_exact=int(np.count_nonzero(error == 0)),
    )


def _point(points: Curve, place: int) -> CountPoint:
    columns = (points.threshold, points.mae, points.rmse, points.bias)
    threshold, mae, rmse, bias = (float(column[place]) for column in columns)
    return CountPoint(threshold=threshold, mae=mae, rmse=rmse, bias=bias)


def _drawn(of: Tally, points: Curve | None, draws: Draws | None) -> CountCurve:
    """Return the curve, thinned, with a band around it where there are draws and more than one image."""
    if points is None:
        return CountCurve(threshold=[], mae=Band(value=[]), rmse=Band(value=[]), bias=Band(value=[]))
    chosen = _thinned(points)
    threshold = points.threshold[chosen]
    columns = [column[chosen].tolist() for column in (points.mae, points.rmse, points.bias)]
    bands = [Band(value=column) for column in columns]
    if draws is not None and of.image_count > 1:
        drawn = np.concatenate(list(_resampled(of, threshold, draws)), axis=1)
        bands = [
            with_ends(draws, column, values, within=LIMITS[name])
            for name, column, values in zip(NUMBERS, columns, drawn, strict=False)
        ]
    return CountCurve(threshold=threshold.tolist(), mae=bands[0], rmse=bands[1], bias=bands[2])


def _thinned(points: Curve) -> NDArray[np.intp]:
    """Return which points to keep, thresholds ascending: all, or some evenly by score, some by number, and the least.

    Of a detector that writes all it has, most scores lie near 0, and the counts that matter far above.
    """
    last = len(points.threshold) - 1
    if last < 2 * _POINTS:
        return np.arange(last, -1, -1)
    by_number = np.linspace(0, last, _POINTS).round().astype(np.intp)
    scores = np.linspace(points.threshold[0], points.threshold[last], _POINTS)
    by_score = np.searchsorted(-points.threshold, -scores).clip(0, last)
    return np.unique(np.concatenate([by_number, by_score, [least_mae(points)]]))[::-1]


def _resampled(of: Tally, threshold: NDArray[np.float64], draws: Draws) -> Iterator[NDArray[np.float64]]:
    """Yield float64 ``[3, P, S]``: MAE, RMSE and bias in every draw, for some P of the thresholds at a time."""
    true, one = of.true(), np.ones((of.image_count, 1))
    for first in range(0, len(threshold), _POINTS_AT_A_TIME):
        some = threshold[first : first + _POINTS_AT_A_TIME]
        errors = [error_columns(true, counts)[:, :3] for counts in predicted_at_each(of, some).astype(np.float64)]
        sums = draws.sums(np.hstack([one, *errors]))
        absolute, squared, error = (sums[column::3] / sums[0] for column in (1, 2, 3))
        yield np.stack([absolute, np.sqrt(squared), error])


def _per_image(dataset: Dataset, true: NDArray[np.int64], predicted: NDArray[np.int64] | None) -> CountsOfImages:
    order = np.argsort(image_ranks(dataset.images.key))
    return CountsOfImages(
        image=[unbroken(key) if isinstance(key, str) else key for key in map(dataset.images.key.__getitem__, order)],
        true=true.tolist(),
        predicted=[] if predicted is None else predicted.tolist(),
    )


def by_group(part: Counting) -> list[tuple[str, CountGroup]]:
    """Return the categories' numbers, and those of expected counts, each with what stands before its names."""
    return [("expected/", part.expected), *((f"category/{group.name}/", group) for group in part.by_category)]


def flaw(part: Counting) -> str:
    """Return what in the part cannot be, in words, or nothing."""
    if not _is_said(part.threshold):
        return "it is not said where the threshold of the counts comes from"
    odd = next((group.name for group in part.by_density if not RANGE.fullmatch(group.name)), None)
    return _flaw_of_numbers(part) if odd is None else f"{odd!r:.60} is no range of counts"


def _flaw_of_numbers(part: Counting) -> str:
    counts, curve_of = part.per_image, part.curve
    if not len(counts.image) == len(counts.true) == part.images or len(counts.predicted) not in {0, part.images}:
        return "the counts of images differ in number from the images"
    if sum(counts.true) != part.objects:
        return "the counts of images do not add up to the objects"
    if not ascend(curve_of.threshold):
        return "the thresholds of the counts do not ascend"
    for band, least in ((curve_of.mae, 0), (curve_of.rmse, 0), (curve_of.bias, None)):
        if found := band_flaw(band, len(curve_of.threshold), least=least, most=None):
            return found
    for group in (part.expected, *part.by_density, *part.by_category):
        for name, (low, high) in group.intervals.items():
            if low > high:
                return f"the interval of {name} of {group.name!r:.60} is {[low, high]}"
    return ""


def _is_said(threshold: CountThreshold | None) -> bool:
    """Return whether it is said where a threshold comes from."""
    if threshold is None or threshold.source == "given":
        return True
    return threshold.source == "tuned" and threshold.split is not None and threshold.images is not None
