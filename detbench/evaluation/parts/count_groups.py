"""Errors of counts of some of the images, or of some of the objects, with their intervals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from detbench.evaluation.metrics.counting import (
    GAME_LEVELS,
    LIMITS,
    cell_errors,
    correlation_columns,
    error_columns,
    expected,
    numbers,
    predicted_at,
)
from detbench.evaluation.metrics.sums import PerImage, sums_of_draws
from detbench.words import counted, unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counting import Tally

__all__ = ["RANGE", "CountGroup", "Group", "all_images", "by_category", "by_density", "expected_counts", "results"]

#: Ends of the ranges of true counts by which images are shown apart; after the last comes one without end.
_DENSITIES = (0, 1, 5, 10, 20, 50, 100, 200)

#: How such a range is called.
RANGE = re.compile(r"\d{1,4}( to \d{1,4}| and more)?")

_NOT_IN_CATEGORY = "it has no ground truth to be found"

#: Why a number is undefined where the others are not.
_UNDEFINED = {
    "count_relative_error": "no image has an object, and the error is relative to their number",
    "count_correlation": "true or predicted counts are the same on every image",
}

Count = Annotated[int, msgspec.Meta(ge=0)]


class CountGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Errors of some counts.

    ``name`` is a category, a range of true counts, or what is counted; ``images`` is how many the errors are the mean
    over; ``objects`` and ``predicted`` are sums over them, the latter whole but for expected counts. ``metrics``,
    ``intervals`` and ``reasons`` are as in the result.
    """

    name: str
    images: Count
    objects: Count
    predicted: float
    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


class Group(NamedTuple):
    """Counts to compare: ``true`` and ``predicted`` are ``[n]``, of the images whose ranks ``image`` holds.

    ``among_all``: the errors are the mean over all images, and those not in ``image`` have none; else it is over the
    images that are there. ``more`` are further columns ``[n, m]`` for :func:`~...metrics.counting.numbers`, and
    ``reasons`` says why those that are not there are undefined. ``undefined`` says why nothing is defined.
    """

    name: str
    image: NDArray[np.int32]
    true: NDArray[np.int64]
    predicted: NDArray[np.float64]
    among_all: bool = True
    more: Sequence[NDArray[np.float64]] = ()
    reasons: dict[str, str] = {}  # noqa: RUF012  never changed
    undefined: str = ""


def all_images(of: Tally, threshold: float, undefined: str) -> Group:
    """Return the counts of all images at a threshold, with correlation, and GAME where every box has a cell."""
    true, predicted = of.true(), predicted_at(of, threshold).astype(np.float64)
    cells = [cell_errors(of, threshold, level) for level in GAME_LEVELS]
    sizeless = int(np.isnan(cells[0]).sum())
    why = f"the size of {counted(sizeless, 'image')} with boxes is not known, so the boxes have no cell"
    return Group(
        "all",
        _every(of),
        true,
        predicted,
        more=[correlation_columns(true, predicted), *([] if sizeless else [error[:, None] for error in cells])],
        reasons={f"count_GAME{level}": why for level in GAME_LEVELS} if sizeless else {},
        undefined=undefined,
    )


def expected_counts(of: Tally, undefined: str) -> Group:
    """Return the counts of all images that the scores lead to expect; undefined where a score is no probability."""
    true, sums = of.true(), expected(of)
    if sums is None:
        sums, undefined = np.zeros(len(true)), "a score lies outside 0 to 1, and is no probability"
    return Group("expected", _every(of), true, sums, more=[correlation_columns(true, sums)], undefined=undefined)


def by_density(of: Tally, threshold: float) -> Iterator[Group]:
    """Yield the counts of the images of each range of true counts that has some."""
    true, predicted = of.true(), predicted_at(of, threshold).astype(np.float64)
    place = np.searchsorted(_DENSITIES, true)
    for number in np.unique(place):
        low = _DENSITIES[number - 1] + 1 if number else 0
        high = _DENSITIES[number] if number < len(_DENSITIES) else None
        name = f"{low} and more" if high is None else f"{low}" if low == high else f"{low} to {high}"
        image = np.flatnonzero(place == number).astype(np.int32)
        yield Group(name, image, true[image], predicted[image], among_all=False)


def by_category(names: Sequence[str], of: Tally, threshold: float) -> Iterator[Group]:
    """Yield each category's counts, on the images that have it, truly or as predicted; the others have no error."""
    kept = of.score >= threshold
    truth, found = (
        _by_image(category, image, len(names))
        for category, image in ((of.truth_category, of.truth_image), (of.category[kept], of.image[kept]))
    )
    for name, truths, predictions in zip(names, truth, found, strict=True):
        image, place = np.unique(np.concatenate([truths, predictions]), return_inverse=True)
        true = np.bincount(place[: len(truths)], minlength=len(image))
        predicted = np.bincount(place[len(truths) :], minlength=len(image)).astype(np.float64)
        yield Group(unbroken(name), image, true, predicted, undefined="" if len(truths) else _NOT_IN_CATEGORY)


def results(groups: Sequence[Group], image_count: int, draws: Draws | None) -> list[CountGroup]:
    """Return the groups' numbers, with intervals where there are draws; what lies in one image has none."""
    every = PerImage(np.arange(image_count, dtype=np.int32), np.ones((image_count, 1)))
    # The first row of sums counts the images of the group, which a group that stands alone is divided by.
    sides = [PerImage(group.image, _columns(group)) for group in groups]
    drawn = sums_of_draws(draws, [every, *sides]) if draws is not None else []
    found = []
    for number, (group, side) in enumerate(zip(groups, sides, strict=True), start=1):
        among = every if group.among_all else side
        values = {}
        if drawn and not among.in_one_image:
            values = numbers(drawn[0 if group.among_all else number][0], drawn[number][1:])
        points = numbers(among.total()[0], side.total()[1:])
        found.append(_result(group, len(among.image), points, values, draws))
    return found


def _columns(group: Group) -> NDArray[np.float64]:
    return np.hstack([np.ones((len(group.image), 1)), error_columns(group.true, group.predicted), *group.more])


def _result(
    group: Group,
    images: int,
    points: dict[str, NDArray[np.float64]],
    values: dict[str, NDArray[np.float64]],
    draws: Draws | None,
) -> CountGroup:
    """Return a group's numbers from each name's value, ``[1]``, and its values in the draws, ``[S]``."""
    metrics: dict[str, float | None] = dict.fromkeys([*points, *group.reasons])
    metrics |= {name: float(point[0]) for name, point in points.items() if not (group.undefined or np.isnan(point[0]))}
    intervals = {
        name: ends
        for name, drawn in values.items()
        if draws is not None and (ends := draws.interval(metrics[name], drawn, within=LIMITS[name])) is not None
    }
    why = group.reasons | _UNDEFINED
    return CountGroup(
        name=group.name,
        images=images,
        objects=int(group.true.sum()),
        predicted=float(group.predicted.sum()),
        metrics=metrics,
        intervals=intervals,
        reasons={name: group.undefined or why[name] for name, value in metrics.items() if value is None},
    )


def _every(of: Tally) -> NDArray[np.int32]:
    return np.arange(of.image_count, dtype=np.int32)


def _by_image(category: NDArray[np.int32], image: NDArray[np.int32], count: int) -> list[NDArray[np.int32]]:
    """Return the images of each category's objects."""
    order = np.argsort(category, kind="stable")
    return np.split(image[order], np.searchsorted(category[order], np.arange(1, count))) if count else []
