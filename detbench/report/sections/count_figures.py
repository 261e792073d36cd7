"""The figures of counts: predicted against true, the error against the threshold, and by density."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import ceil, log, log10
from typing import TYPE_CHECKING

from detbench.report.sections.plots import band, curve, finished, frame, grid, mark_at
from detbench.report.vector import default_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from detbench.evaluation.parts.bands import Band
    from detbench.evaluation.parts.counting import Counting
    from detbench.report.sections.model import Model

__all__ = ["DOTS", "MAE", "by_density", "by_threshold", "predicted_against_true"]

MAE = "count_MAE"

#: Radii of dots in a figure's units, from one picture to the most that lie at one place.
DOTS = (2.2, 3.0, 4.0, 5.2, 6.6)

#: The largest dot stands for no fewer pictures than this.
_LEAST_LARGEST = 16

#: More dots than about this are put together by cells of a grid of so many a side.
_MOST_DOTS, _CELLS = 400, 30

#: A figure ends so far above the error of counting nothing: how much worse a threshold is does not matter.
_ABOVE_NOTHING = 1.25

#: Counts are taken just above the highest score, too, where nothing is left.
_ROUNDING = 1e-6

_MOST_TICKS = 6
_SHARES = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}


def _ticks(most: float) -> dict[float, str]:
    """Return round numbers from 0 to the first that is not below ``most``.

    Examples
    --------
    >>> list(_ticks(44)), list(_ticks(3.2))
    ([0.0, 10.0, 20.0, 30.0, 40.0, 50.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    """
    power = 10.0 ** ceil(log10(most) - 1) if most > 0 else 1.0
    step = next(s * power for s in (0.1, 0.2, 0.5, 1.0, 2.0) if most <= _MOST_TICKS * s * power)
    return {round(n * step, 9): f"{n * step:,.6g}" for n in range(max(ceil(most / step - 1e-9), 1) + 1)}


@default_settings()
def predicted_against_true(model: Model, part: Counting, most: int) -> Markup:
    """Return a dot for each picture, larger where several have the same counts; both axes end at ``most``."""
    figure, axes = frame(3.4, 3.4, left_in=0.42, right_in=0.16, bottom_in=0.46, top_in=0.32)
    ticks = _ticks(most)
    axes.set(xlim=(0, max(ticks)), ylim=(0, max(ticks)))
    grid(axes, ticks, ticks)
    axes.plot([0, max(ticks)], [0, max(ticks)], gid="curve behind", clip_on=False)
    _name_axes(axes, "true", "predicted")
    dots = _gathered(part, max(ticks))
    largest = max(_LEAST_LARGEST, *dots.values())
    sizes: dict[int, list[tuple[float, float]]] = {}
    for place, pictures in sorted(dots.items()):
        size = round((len(DOTS) - 1) * log(pictures) / log(largest))
        sizes.setdefault(size, []).append(place)
    for size, places in sorted(sizes.items(), reverse=True):  # the small ones on top
        x, y = zip(*places, strict=True)
        axes.plot(x, y, "o", ls="none", gid=f"mark model-{model.mark} dot-{size}", clip_on=False)
    return finished(figure, "Predicted against true number of objects, a dot for each picture", {})


def _gathered(part: Counting, last: float) -> Counter[tuple[float, float]]:
    """Return how many pictures lie at each place, or in each cell of a grid where there are too many places."""
    counts = part.per_image
    places = Counter((float(true), float(found)) for true, found in zip(counts.true, counts.predicted, strict=True))
    side = last / _CELLS
    if len(places) <= _MOST_DOTS or side <= 1:
        return places
    cells: Counter[tuple[float, float]] = Counter()
    for (true, found), pictures in places.items():
        cells[(true // side + 0.5) * side, (found // side + 0.5) * side] += pictures
    return cells


@default_settings()
def by_threshold(counted: Sequence[tuple[Model, Counting]]) -> Markup:
    """Return the mean absolute error against the score threshold with its band; a marker where counts are taken."""
    nothing = max(part.objects / part.images for _, part in counted)
    taken = [error for model, _ in counted if (error := model.result.metrics.get(MAE)) is not None]
    ticks = _ticks(max(_ABOVE_NOTHING * nothing, *taken) if taken else _ABOVE_NOTHING * nothing)
    top = max(ticks)
    figure, axes = frame(5.2, 3.5, left_in=0.44, right_in=0.2, bottom_in=0.46, top_in=0.34)
    x = _scores([score for _, part in counted for score in (part.curve.threshold[0], part.curve.threshold[-1])])
    axes.set(xlim=(min(x), max(x)), ylim=(0, top))
    grid(axes, x, ticks)
    axes.plot([min(x), max(x)], [nothing, nothing], gid="curve behind", clip_on=False)
    height = _name_axes(axes, "score from which a box is counted", "mean absolute error")
    axes.text(1, height, "dotted: counting nothing", gid="axis", ha="right", transform=axes.transAxes)
    for model, part in reversed(counted):
        _band_below(axes, part.curve.threshold, part.curve.mae, top, model.mark)
    for model, part in reversed(counted):
        for line in _below(part.curve.threshold, part.curve.mae.value, top):
            curve(axes, [x for x, _ in line], [y for _, y in line], model.mark)
    for model, part in reversed(counted):
        error = model.result.metrics.get(MAE)
        if part.threshold is not None and error is not None and min(x) <= part.threshold.value <= max(x):
            mark_at(axes, part.threshold.value, error, model.mark)
    return finished(figure, "Mean absolute error of the count against the score threshold", {})


def _scores(ends: Sequence[float]) -> dict[float, str]:
    """Return an axis of scores: of probabilities from 0 to 1, of others from the lowest to the highest."""
    low, high = min(ends), max(ends)
    if low >= 0 and high <= 1 + _ROUNDING:
        return _SHARES
    step = (high - low) / 4 or 1.0
    return {low + n * step: f"{low + n * step:.3g}" for n in range(5)}


def _band_below(axes: Axes, x: Sequence[float], of: Band, top: float, mark: int) -> None:
    if of.low:
        band(axes, x, [min(end, top) for end in of.low], [min(end, top) for end in of.high], mark)


def _below(x: Sequence[float], y: Sequence[float], top: float) -> Iterator[list[tuple[float, float]]]:
    """Yield the stretches of a line that do not lie above ``top``, cut where it crosses.

    Examples
    --------
    >>> list(_below([0.0, 1.0, 2.0, 3.0], [4.0, 2.0, 2.0, 6.0], 3.0))
    [[(0.5, 3.0), (1.0, 2.0), (2.0, 2.0), (2.25, 3.0)]]
    """
    line: list[tuple[float, float]] = [(x[0], y[0])] if y[0] <= top else []
    for (left, first), (right, second) in pairwise(zip(x, y, strict=True)):
        crossing = (left + (right - left) * (top - first) / (second - first), top) if first != second else (left, top)
        if second <= top:
            line += [(right, second)] if first <= top else [crossing, (right, second)]
        elif first <= top:
            yield [*line, crossing]
            line = []
    if line:
        yield line


@default_settings()
def by_density(counted: Sequence[tuple[Model, Counting]]) -> Markup:
    """Return the error of the pictures with few, more and many objects, a marker with its interval for each model."""
    names = [group.name for group in counted[0][1].by_density]
    errors = [group.metrics.get(MAE) or 0.0 for _, part in counted for group in part.by_density]
    ends = [group.intervals[MAE][1] for _, part in counted for group in part.by_density if MAE in group.intervals]
    most = max(errors)
    ticks = _ticks(min(max([most, *ends]), 2 * most) or 1.0)
    figure, axes = frame(5.2, 3.5, left_in=0.44, right_in=0.2, bottom_in=0.46, top_in=0.34)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, max(ticks)))
    grid(axes, {}, ticks)
    axes.set_xticks(range(len(names)))
    axes.set_xticklabels([name.replace(" to ", "–").replace(" and more", "+") for name in names], gid="tick")
    _name_axes(axes, "objects in the picture", "mean absolute error")
    apart = min(0.8 / len(counted), 0.2)
    for number, (model, part) in enumerate(counted):
        found = {group.name: group for group in part.by_density}
        for place, name in enumerate(names):
            x, group = place + (number - (len(counted) - 1) / 2) * apart, found.get(name)
            error = None if group is None else group.metrics.get(MAE)
            if group is None or error is None:
                continue
            if MAE in group.intervals:
                heights = [min(end, max(ticks)) for end in group.intervals[MAE]]
                axes.plot([x, x], heights, gid=f"curve span model-{model.mark}", clip_on=False)
            mark_at(axes, x, error, model.mark)
    return finished(figure, "Mean absolute error of the count by the number of objects in the picture", {})


def _name_axes(axes: Axes, x: str, y: str) -> float:
    """Write the names below and above the axes; return the height of the upper one, as a share of theirs."""
    height_in = axes.bbox.height / axes.figure.dpi
    axes.text(1, -0.26 / height_in, x, gid="axis", ha="right", va="top", transform=axes.transAxes)
    above = 1 + 0.14 / height_in
    axes.text(0, above, y, gid="axis", ha="left", transform=axes.transAxes)
    return above
