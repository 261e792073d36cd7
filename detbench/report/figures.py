"""Precision-recall curves as small SVG text whose colours are the page's.

How a figure of matplotlib becomes one of the page is in :mod:`detbench.report.vector`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.report.vector import default_settings, svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MAX_SHADES", "category_curve", "mean_curves"]

#: The style sheet has this many line classes, ``shade-0`` (the strongest) to ``shade-9``.
MAX_SHADES = 10

_RIGHT_IN = 0.14
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def mean_curves(recall: Sequence[float], curves: dict[str, list[float]]) -> str:
    """Return the mean curve at each IoU threshold, the first one's area filled. Each is drawn as ``shade-i``."""
    figure, axes = _square(4.9, 4.3, ticks=_TICKS, named=True)
    for place, precision in reversed(list(enumerate(curves.values()))):
        _draw(axes, recall, precision, f"curve shade-{min(place, MAX_SHADES - 1)}", filled=place == 0)
    return svg(figure, "Precision against recall: the mean over the categories, a curve for each IoU threshold")


def category_curve(recall: Sequence[float], precision: Sequence[float], mean: Sequence[float] | None) -> str:
    """Return one category's curve, its area filled, with the mean curve behind it for comparison."""
    figure, axes = _square(2.5, 1.9, ticks=(0.0, 0.5, 1.0), named=False)
    if mean is not None:
        _draw(axes, recall, mean, "curve behind")
    _draw(axes, recall, precision, "curve shade-0", filled=True)
    return svg(figure, "Precision against recall at IoU 0.50")


def _draw(axes: Axes, recall: Sequence[float], precision: Sequence[float], look: str, *, filled: bool = False) -> None:
    """Draw a curve through its corners: the inner points of a level stretch say nothing and cost bytes."""
    last = len(precision) - 1
    kept = [i for i, p in enumerate(precision) if i in (0, last) or not precision[i - 1] == p == precision[i + 1]]
    x, y = [recall[i] for i in kept], [precision[i] for i in kept]
    if filled:
        axes.fill([x[0], *x, x[-1]], [0.0, *y, 0.0], gid="area", lw=0, clip_on=False)
    axes.plot(x, y, gid=look, clip_on=False)


def _square(width_in: float, height_in: float, *, ticks: Sequence[float], named: bool) -> tuple[Figure, Axes]:
    """Return an empty figure from 0 to 1 both ways, with a hairline at each tick."""
    from matplotlib.figure import Figure

    with default_settings():
        figure = Figure(figsize=(width_in, height_in))
        left_in, bottom_in, top_in = (0.46, 0.56, 0.4) if named else (0.32, 0.28, 0.12)
        width, height = width_in - left_in - _RIGHT_IN, height_in - bottom_in - top_in
        axes = figure.add_axes((left_in / width_in, bottom_in / height_in, width / width_in, height / height_in))
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
        names = [f"{tick:g}" for tick in ticks]
        axes.set_xticklabels(names, gid="tick")
        axes.set_yticklabels(names, gid="tick")
        axes.tick_params(length=0, pad=5)
        axes.spines[:].set_visible(False)
        for tick in ticks:
            weight = "grid base" if tick == 0 else "grid"
            axes.axhline(tick, gid=weight, clip_on=False)
            axes.axvline(tick, gid=weight, clip_on=False)
        if named:
            axes.text(1, -0.125, "recall", gid="axis", ha="right")
            axes.text(-0.085, 1.05, "precision", gid="axis", ha="left")
    return figure, axes
