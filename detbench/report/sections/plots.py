"""What the figures of several models have in common: axes, curves with markers, bands, and names beside them.

Names come from data: no name is given to matplotlib, which would look for formulas and for glyphs in it. A name is
drawn as its model's number, and put in its place when the figure is text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from detbench.report.vector import svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "LETTER_PX",
    "LINE_PX",
    "PX_PER_IN",
    "band",
    "corners",
    "curve",
    "finished",
    "frame",
    "grid",
    "mark_at",
    "name_at",
    "spread",
]

#: A figure's unit, in which the style sheet gives sizes of texts, to the inch of matplotlib.
PX_PER_IN = 72

#: About how wide a letter of a name is, and how far apart lines of text are, in a figure's units.
LETTER_PX = 5.4
LINE_PX = 11.5


def frame(
    width_in: float, height_in: float, *, left_in: float, right_in: float, bottom_in: float, top_in: float
) -> tuple[Figure, Axes]:
    """Return an empty figure with bare axes between the margins; call it within the default settings."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in))
    width, height = width_in - left_in - right_in, height_in - bottom_in - top_in
    axes = figure.add_axes((left_in / width_in, bottom_in / height_in, width / width_in, height / height_in))
    axes.tick_params(length=0, pad=5)
    axes.spines[:].set_visible(False)
    return figure, axes


def grid(axes: Axes, x: Mapping[float, str], y: Mapping[float, str]) -> None:
    """Draw a hairline at each value, with its text; the lowest of ``y`` is the stronger base line."""
    axes.set_xticks(list(x))
    axes.set_xticklabels(list(x.values()), gid="tick")
    axes.set_yticks(list(y))
    axes.set_yticklabels(list(y.values()), gid="tick")
    axes.minorticks_off()
    for value in x:
        axes.axvline(value, gid="grid", clip_on=False)
    for place, value in enumerate(y):
        axes.axhline(value, gid="grid" if place else "grid base", clip_on=False)


def curve(axes: Axes, x: Sequence[float], y: Sequence[float], mark: int) -> None:
    """Draw a model's line through the corners of its points."""
    kept = corners(y)
    axes.plot([x[i] for i in kept], [y[i] for i in kept], gid=f"curve model-{mark}", clip_on=False)


def corners(y: Sequence[float]) -> list[int]:
    """Return the places that a line needs: the inner points of a level stretch say nothing and cost bytes.

    Examples
    --------
    >>> corners([1.0, 0.5, 0.5, 0.5, 0.0])
    [0, 1, 3, 4]
    """
    last = len(y) - 1
    return [i for i, here in enumerate(y) if i in (0, last) or not y[i - 1] == here == y[i + 1]]


def band(axes: Axes, x: Sequence[float], low: Sequence[float], high: Sequence[float], mark: int) -> None:
    """Fill what lies between a model's intervals."""
    axes.fill([*x, *reversed(x)], [*low, *reversed(high)], gid=f"area band model-{mark}", lw=0, clip_on=False)


def mark_at(axes: Axes, x: float, y: float, mark: int) -> None:
    """Put a model's marker at a point."""
    axes.plot([x], [y], "o", ls="none", gid=f"mark model-{mark} m{mark}", clip_on=False)


def name_at(axes: Axes, x: float, y: float, mark: int, *, to: str = "left") -> None:
    """Write a model's name at a point of the axes, in their shares; ``to`` says which end of it is there."""
    where = axes.transAxes
    axes.text(x, y, f"@{mark}", gid=f"axis name model-{mark}", ha=to, va="center", transform=where)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float] | None:
    """Return heights for names that want to be at ``places``, ``gap`` apart within the limits; None if they do not fit.

    Each group of names that would overlap is centred on what its names want.

    Examples
    --------
    >>> spread([0.5, 0.52, 0.9], gap=0.1, low=0.0, high=1.0)
    [0.46, 0.56, 0.9]
    """
    if gap * (len(places) - 1) > high - low:
        return None
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[list[int]] = []
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _start(groups[-1], places, gap, low, high) < (
            _start(groups[-2], places, gap, low, high) + gap * len(groups[-2])
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    found = [0.0] * len(places)
    for group in groups:
        start = _start(group, places, gap, low, high)
        for step, i in enumerate(group):
            found[i] = round(start + gap * step, 6)
    return found


def _start(group: Sequence[int], places: Sequence[float], gap: float, low: float, high: float) -> float:
    """Return where the lowest name of a group stands."""
    length = gap * (len(group) - 1)
    centre = sum(places[i] for i in group) / len(group)
    return min(max(centre - length / 2, low), high - length)


def finished(figure: Figure, title: str, names: Mapping[int, str], metric: str = "") -> Markup:
    """Return the figure as SVG with the names, by mark, and the metric's, drawn as ``@m``, in their places."""
    texts = {"m": metric, **{str(mark): name for mark, name in names.items()}}
    text = svg(figure, title)
    return Markup(re.sub(r">@(\w)<", lambda found: f">{escape(texts[found[1]])}<", text))  # noqa: S704  escaped
