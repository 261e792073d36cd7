"""Accuracy against latency: a point a model with error bars both ways, and the front of those that nothing beats."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.plots import LETTER_PX, LINE_PX, PX_PER_IN, finished, frame, grid, mark_at, name_at
from detbench.report.vector import default_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

__all__ = ["Dot", "front", "nice", "speed_plot", "time_ticks", "within"]


class Dot(NamedTuple):
    """A model: its median latency and its accuracy, each with an interval or None."""

    mark: int
    ms: float
    ms_ends: tuple[float, float] | None
    value: float
    value_ends: tuple[float, float] | None


#: Nothing is timed below a nanosecond, and nobody waits for a picture for days: a logarithm needs both ends.
_LEAST_MS, _MOST_MS = 1e-6, 1e9

_WIDTH_IN, _HEIGHT_IN = 4.9, 3.7
_LEFT_IN, _RIGHT_IN, _BOTTOM_IN, _TOP_IN = 0.46, 0.2, 0.5, 0.34
_ACROSS_PX = (_WIDTH_IN - _LEFT_IN - _RIGHT_IN) * PX_PER_IN
_UP_PX = (_HEIGHT_IN - _BOTTOM_IN - _TOP_IN) * PX_PER_IN

#: An axis of times that spans no more than this factor has ticks at even steps.
_SHORT = 2.2

#: The ticks in each power of ten, by how many of those a longer axis spans at most.
_STEPS = {2: (1, 1.5, 2, 3, 5, 7), 3: (1, 2, 5), 99: (1,)}

#: About so many ticks on an axis.
_TICKS = 5

#: A name stands at one of these places beside its marker, in a figure's units.
_BESIDE_PX = [(across, up) for up in (9.0, -9.0, 20.0, -20.0) for across in (8.0, -8.0)]

_FRONT = "Pareto front"


def front(dots: Sequence[Dot]) -> list[Dot]:
    """Return those that no other is both as fast and as good as, and better in one of the two; the fastest first."""
    found: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: (dot.ms, -dot.value)):
        is_equal = bool(found) and (found[-1].ms, found[-1].value) == (dot.ms, dot.value)
        if not found or dot.value > found[-1].value or is_equal:
            found.append(dot)
    return found


def nice(low: float, high: float) -> list[float]:
    """Return even steps of 1, 2 or 5 times a power of ten, about five, from below ``low`` to above ``high``.

    Examples
    --------
    >>> nice(0.18, 0.66)
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    """
    rough = max(high - low, abs(high) * 1e-3, 1e-9) / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(step * k, 12) for k in range(first, max(last, first + 1) + 1)]


@default_settings()
def speed_plot(given: Sequence[Dot], metric: str, names: Mapping[int, str], machine: str) -> Markup:
    """Return accuracy against milliseconds a picture, those on a logarithmic axis; ``names`` are by mark."""
    dots = [dot._replace(ms=within(dot.ms), ms_ends=_both_within(dot.ms_ends)) for dot in given]
    figure, axes = frame(
        _WIDTH_IN, _HEIGHT_IN, left_in=_LEFT_IN, right_in=_RIGHT_IN, bottom_in=_BOTTOM_IN, top_in=_TOP_IN
    )
    heights = nice(
        min(dot.value_ends[0] if dot.value_ends else dot.value for dot in dots),
        max(dot.value_ends[1] if dot.value_ends else dot.value for dot in dots),
    )
    left, right = _range(dots)
    axes.set(xscale="log", xlim=(left, right), ylim=(heights[0], heights[-1]))
    grid(axes, time_ticks(left, right), {height: f"{height:g}" for height in heights})
    axes.text(1, -0.12, "milliseconds a picture, median", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0, 1.045, "@m", gid="axis", ha="left", transform=axes.transAxes)
    _step(axes, front(dots), right)
    for dot in reversed(dots):
        _whiskers(axes, dot)
    for dot in reversed(dots):
        mark_at(axes, dot.ms, dot.value, dot.mark)
    _names(axes, dots, names)
    return finished(figure, f"Accuracy against latency: {machine}", names, metric)


def within(ms: float) -> float:
    """Return a time between the ends that a logarithm needs."""
    return min(max(ms, _LEAST_MS), _MOST_MS)


def _both_within(ends: tuple[float, float] | None) -> tuple[float, float] | None:
    return ends and (within(ends[0]), within(ends[1]))


def _range(dots: Sequence[Dot]) -> tuple[float, float]:
    """Return where the axis of times begins and ends, with room for names."""
    lows = [dot.ms_ends[0] if dot.ms_ends else dot.ms for dot in dots]
    highs = [dot.ms_ends[1] if dot.ms_ends else dot.ms for dot in dots]
    low, high = min(lows), max(highs)
    room = max((high / low) ** 0.18, 1.12)
    return low / room, high * room


def time_ticks(left: float, right: float) -> dict[float, str]:
    """Return ticks of an axis of times."""
    if right / left <= _SHORT:
        found = nice(left, right)
    else:
        steps = next(steps for most, steps in _STEPS.items() if log10(right / left) < most)
        powers = range(floor(log10(left)), ceil(log10(right)) + 1, ceil(log10(right / left) / _TICKS))
        found = [round(step * 10.0**power, 9) for power in powers for step in steps]
    return {value: f"{value:,.10g}" for value in found if left <= value <= right}


def _whiskers(axes: Axes, dot: Dot) -> None:
    look = f"curve whisk model-{dot.mark}"
    if dot.ms_ends:
        axes.plot(dot.ms_ends, [dot.value] * 2, gid=look)
    if dot.value_ends:
        axes.plot([dot.ms] * 2, dot.value_ends, gid=look)


def _step(axes: Axes, best: Sequence[Dot], right: float) -> None:
    """Draw the front: the best accuracy to be had within each time."""
    x = [dot.ms for dot in best]
    axes.step([*x, right], [*(dot.value for dot in best), best[-1].value], where="post", gid="curve front")


class _Box(NamedTuple):
    left: float
    low: float
    right: float
    high: float

    def meets(self, other: _Box) -> bool:
        """Return whether two boxes share an area."""
        across = self.left < other.right and other.left < self.right
        return across and self.low < other.high and other.low < self.high

    def is_free(self, taken: Sequence[_Box]) -> bool:
        """Return whether a box lies within the axes and shares no area with others."""
        is_inside = self.left >= 0 and self.low >= 0 and self.right <= _ACROSS_PX and self.high <= _UP_PX
        return is_inside and not any(self.meets(other) for other in taken)


def _names(axes: Axes, dots: Sequence[Dot], names: Mapping[int, str]) -> None:
    """Write a model's name beside its marker where it lies on nothing, else on lines alone; the legend has all."""
    places = [_place(axes, dot.ms, dot.value) for dot in dots]
    taken = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    lines = [_Box(*_place(axes, *start), *_place(axes, *end)) for start, end in _lines(dots)]
    _name_front(axes, front(dots)[-1], taken, lines)
    for dot, (x, y) in zip(dots, places, strict=True):
        room = [*_beside(x, y, len(names[dot.mark]) * LETTER_PX)]
        free = [spot for spot in room if spot[2].is_free(taken)]
        best = next((spot for spot in free if spot[2].is_free(lines)), free[0] if free else None)
        if best:
            across, up, box = best
            name_at(axes, across / _ACROSS_PX, up / _UP_PX, dot.mark, to="left" if across > x else "right")
            taken.append(box)


def _name_front(axes: Axes, last: Dot, taken: list[_Box], lines: Sequence[_Box]) -> None:
    """Write what the line is above or below its right end, where there is room; the legend says it too."""
    _, y = _place(axes, last.ms, last.value)
    for up in (8.0, -8.0):
        box = _Box(_ACROSS_PX - len(_FRONT) * LETTER_PX, y + up - LINE_PX / 2, _ACROSS_PX, y + up + LINE_PX / 2)
        if box.is_free([*taken, *lines]):
            axes.text(1, (y + up) / _UP_PX, _FRONT, gid="axis", ha="right", va="center", transform=axes.transAxes)
            taken.append(box)
            return


def _lines(dots: Sequence[Dot]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield where error bars and the level parts of the front begin and end, in milliseconds and accuracy."""
    best = front(dots)
    for dot, after in zip(best, [*(dot.ms for dot in best[1:]), _range(dots)[1]], strict=True):
        yield (dot.ms, dot.value), (after, dot.value)
    for dot in dots:
        if dot.ms_ends:
            yield (dot.ms_ends[0], dot.value), (dot.ms_ends[1], dot.value)
        if dot.value_ends:
            yield (dot.ms, dot.value_ends[0]), (dot.ms, dot.value_ends[1])


def _place(axes: Axes, ms: float, value: float) -> tuple[float, float]:
    """Return where a point is from the lower left corner of the axes, in a figure's units."""
    at = axes.transAxes.inverted().transform(axes.transData.transform((ms, value)))
    return float(at[0]) * _ACROSS_PX, float(at[1]) * _UP_PX


def _beside(x: float, y: float, width: float) -> Iterator[tuple[float, float, _Box]]:
    """Yield where a name of this width may begin or end, and the room that it takes there."""
    for right, up in _BESIDE_PX:
        start = x + right if right > 0 else x + right - width
        yield x + right, y + up, _Box(start, y + up - LINE_PX / 2, start + width, y + up + LINE_PX / 2)
