"""The figures of a profile: time against size, and where implementations stand below the machine's roof."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import atan, ceil, degrees, floor, log10
from typing import TYPE_CHECKING

from detbench.report.profile_words import in_bytes, name_of, significant
from detbench.report.vector import default_settings, svg
from detbench.timing.samples import rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from detbench.report.profile_rows import CaseRows, OperatorRows, Row
    from detbench.timing.document import Machine

__all__ = ["MARKS", "OTHER", "Span", "marks", "roofline", "scale", "ticks", "time_plot", "time_span"]

#: Shapes around the origin, as SVG path data: told apart without their colours, and alike in area. The style sheet
#: has a colour for each, ``m0`` to ``m13``; the last is shared by all who have no shape of their own.
MARKS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.6 -3.6h7.2v7.2h-7.2z",
    "M0 -4.8L4.6 3.4H-4.6z",
    "M0 -5L5 0L0 5L-5 0z",
    "M0 4.8L4.6 -3.4H-4.6z",
    "M-1.6 -4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z",
    "M0 -4.8L4.6 -1.5L2.8 3.9H-2.8L-4.6 -1.5z",
    "M0 -5.4L1.4 -1.8L5.1 -1.7L2.2 .7L3.2 4.4L0 2.3L-3.2 4.4L-2.2 .7L-5.1 -1.7L-1.4 -1.8z",
    "M-4.4 0a4.4 4.4 0 1 0 8.8 0a4.4 4.4 0 1 0 -8.8 0zM-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z",
    "M-4.2 -4.2h8.4v8.4h-8.4zM-1.9 -1.9h3.8v3.8h-3.8z",
    "M0 -5.6L5.6 0L0 5.6L-5.6 0zM0 -2.6L2.6 0L0 2.6L-2.6 0z",
    "M0 -5.6L5.4 4H-5.4zM0 -1.6L2 2H-2z",
    "M-4.4 -2.4L-2.4 -4.4L0 -2L2.4 -4.4L4.4 -2.4L2 0L4.4 2.4L2.4 4.4L0 2L-2.4 4.4L-4.4 2.4L-2 0z",
    "M-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0z",
)
OTHER = len(MARKS) - 1

#: A figure shows at most so many implementations; the table has all.
_MOST_LINES = 12

#: Nothing is timed below a nanosecond; a logarithm needs a floor.
_LEAST_MS = 1e-6

_RIGHT_IN = 0.22

_NAME_WIDTH = 0.019  # of the roof's width, for each letter of a name above it


def marks(operators: Sequence[OperatorRows]) -> dict[str, int]:
    """Return a shape for each that was timed, the same all over the page: whoever is fastest most often comes first."""
    wins = Counter(one.largest.timed[0].label for one in operators if one.largest.timed)
    asked = Counter(row.label for one in operators for row in one.largest.timed)
    everybody = dict.fromkeys(row.label for one in operators for case in one.cases for row in case.timed)
    ordered = sorted(everybody, key=lambda label: (-wins[label], -asked[label]))
    return {label: min(place, OTHER) for place, label in enumerate(ordered)}


@dataclass(frozen=True, slots=True)
class Span:
    """A logarithmic axis of whole decades; places on it are shares of its length."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Span:
        """Return the decades that hold ``values``, at least one."""
        known = [log10(max(value, _LEAST_MS)) for value in values] or [0.0]
        low = floor(min(known) + 1e-9)
        return cls(low, max(ceil(max(known) - 1e-9), low + 1))

    def place(self, value: float | None) -> float:
        """Return where a value stands, 0 to 1; a value outside stands at the end."""
        if value is None:
            return 0.0
        return min(max((log10(max(value, _LEAST_MS)) - self.low) / (self.high - self.low), 0.0), 1.0)


def ticks(span: Span, most: int = 5) -> list[float]:
    """Return powers of ten on an axis, about so many of them."""
    step = ceil((span.high - span.low) / most)
    return [10.0**power for power in range(int(span.low), int(span.high) + 1, step)]


def time_span(case: CaseRows) -> Span:
    """Return the axis of times of one case, its bound on it."""
    ends = [
        end
        for row in case.timed
        if row.summary
        for end in (row.median_ms, row.summary.p50.low_ms, row.summary.p50.high_ms)
        if end is not None
    ]
    return Span.of([*ends, *([case.case.bound_ms] if case.case.bound_ms > 0 else [])])


def scale(span: Span, unit: str = "", *, most: int = 4) -> list[tuple[float, str]]:
    """Return what stands on an axis in a table's head: where, as shares of its length, and what."""
    return [(span.place(value), f"{value:,.10g}{unit}") for value in ticks(span, most)]


@default_settings()
def time_plot(series: list[CaseRows], sizes: Sequence[int], span: Span, mark: dict[str, int], unit: str) -> str:
    """Return the medians with their intervals against the size, a line for each implementation, above the bound.

    Both axes are logarithmic; ``sizes`` and ``span`` are those of all series, so that figures can be compared.
    """
    labels = list(dict.fromkeys(row.label for one in reversed(series) for row in one.timed))[:_MOST_LINES]
    figure, axes = _frame(3.0, 2.75, left_in=0.52, bottom_in=0.42, top_in=0.24)
    _decades(axes, span, vertical=True)
    shown = sorted({one for one in sizes if one > 0}) or [1]
    _limits(axes, shown[0] / 1.35, shown[-1] * 1.35, span)
    axes.set_xticks(shown)
    axes.set_xticklabels([_short(size) for size in shown], gid="tick")
    axes.text(1, -0.105, unit, gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(-0.03, 1.045, "ms", gid="axis", ha="right", transform=axes.transAxes)
    bounds = [(one.case.size, one.case.bound_ms) for one in series if one.case.bound_ms > 0 and one.case.size > 0]
    if bounds:
        ends = bounds if len(bounds) > 1 else [(shown[0] / 1.2, bounds[0][1]), (shown[-1] * 1.2, bounds[0][1])]
        axes.plot(*zip(*ends, strict=True), gid="curve bound")
    for label in reversed(labels):  # the fastest on top
        rows = [(one.case.size, row) for one in series for row in one.timed if row.label == label and one.case.size > 0]
        look = f"m{mark[label]}"
        for size, row in rows:
            _whisker(axes, size, row, look)
        x, y = [size for size, _ in rows], [max(row.median_ms, _LEAST_MS) for _, row in rows]
        axes.plot(x, y, gid=f"curve {look}")
        axes.plot(x, y, "o", ls="none", gid=f"mark {look}", clip_on=False)
    return svg(figure, f"Time against size, {series[0].case.series or 'one series'}: both axes logarithmic")


def _whisker(axes: Axes, size: int, row: Row, look: str) -> None:
    """Draw a median's interval, if it is wide enough to be seen behind the marker."""
    found = row.summary
    if found is None or not found.p50.low_ms or found.p50.high_ms is None:
        return
    if found.p50.high_ms > 1.15 * found.p50.low_ms:
        axes.plot([size, size], [found.p50.low_ms, found.p50.high_ms], gid=f"curve whisk {look}")


@default_settings()
def roofline(operators: Sequence[OperatorRows], machine: Machine, mark: dict[str, int]) -> str:
    """Return operations a second against operations a byte, below the machine's roof; empty if nothing was counted.

    Each operator is one column, because its work is counted, not measured: the vertical distance of a marker from the
    roof is its time over the bound.
    """
    columns = []
    for one in operators:
        case = one.largest.case
        rates = [(row, rate(row.measurement, case)) for row in one.largest.timed]
        dots = [(mark[row.label], found.operations_per_s) for row, found in rates if found]
        if case.bytes_moved and case.operations and dots:
            columns.append((one.name, case.operations / case.bytes_moved, dots))
    if not columns or min(machine.copy_bytes_per_s, machine.operations_per_s) <= 0:
        return ""
    columns.sort(key=lambda column: column[1])
    ridge = machine.operations_per_s / machine.copy_bytes_per_s
    x = Span.of([columns[0][1] / 1.5, columns[-1][1] * 1.5, ridge / 2, ridge * 4])
    heights = [height for _, _, dots in columns for _, height in dots]
    y = Span.of([min(heights) / 1.2, machine.operations_per_s * 1.2])
    figure, axes = _frame(5.2, 3.9, left_in=0.52, bottom_in=0.48, top_in=0.66)
    _decades(axes, y, vertical=True, scale=1e9)
    _limits(axes, 10**x.low, 10**x.high, y)
    _decades(axes, x, vertical=False)
    axes.text(1, -0.095, "operations a byte", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0.0, 1.025, "billion a second", gid="axis", ha="left", transform=axes.transAxes)
    left = 10**x.low
    ends = [left, ridge, 10**x.high]
    axes.plot(ends, [min(machine.copy_bytes_per_s * end, machine.operations_per_s) for end in ends], gid="curve roof")
    _name_ceilings(axes, machine, x, y)
    _columns(axes, columns, x, machine)
    return svg(figure, "Operations a second against operations a byte, below what the machine can do")


def _name_ceilings(axes: Axes, machine: Machine, x: Span, y: Span) -> None:
    """Write on each slope of the roof what it is."""
    flat = f"computing {significant(machine.operations_per_s / 1e9)} billion/s"
    axes.text(10**x.high, machine.operations_per_s * 1.12, flat, gid="axis", ha="right", va="bottom")
    start = max(10**x.low, 10**y.low / machine.copy_bytes_per_s)
    words = f"copying {in_bytes(machine.copy_bytes_per_s)}/s"
    width, height = axes.get_position().width * 5.2, axes.get_position().height * 3.9
    slope = (height / (y.high - y.low)) / (width / (x.high - x.low))
    axes.text(
        start * 1.12,
        machine.copy_bytes_per_s * start * 1.5,
        words,
        gid="axis",
        ha="left",
        va="bottom",
        rotation=degrees(atan(slope)),
        rotation_mode="anchor",
    )


def _columns(axes: Axes, columns: list[tuple[str, float, list[tuple[int, float]]]], x: Span, machine: Machine) -> None:
    """Draw each operator's column, and its name above the figure, a line higher where names would meet."""
    taken: list[float] = []
    for name, intensity, dots in columns:
        shown = name_of(name)
        place, half = x.place(intensity), _NAME_WIDTH * len(shown) / 2
        centre = min(max(place, half), 1 - half)
        line = next((n for n, end in enumerate(taken) if centre - half > end), len(taken))
        taken[line : line + 1] = [centre + half]
        top = 1.07 + 0.055 * line
        roof = min(machine.copy_bytes_per_s * intensity, machine.operations_per_s)
        lowest = min(height for _, height in dots)
        axes.plot([intensity, intensity], [lowest, roof], gid="curve column")
        axes.text(centre, top, shown, gid="axis name", ha="center", va="bottom", transform=axes.transAxes)
        for number, height in reversed(dots):
            axes.plot([intensity], [height], "o", gid=f"mark m{number}", clip_on=False)


def _frame(
    width_in: float, height_in: float, *, left_in: float, bottom_in: float, top_in: float
) -> tuple[Figure, Axes]:
    """Return an empty figure with two logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in))
    width, height = width_in - left_in - _RIGHT_IN, height_in - bottom_in - top_in
    axes = figure.add_axes((left_in / width_in, bottom_in / height_in, width / width_in, height / height_in))
    axes.set(xscale="log", yscale="log")
    axes.minorticks_off()
    axes.tick_params(length=0, pad=5)
    axes.spines[:].set_visible(False)
    return figure, axes


def _limits(axes: Axes, left: float, right: float, span: Span) -> None:
    axes.set(xlim=(left, right), ylim=(10**span.low, 10**span.high))
    axes.minorticks_off()


def _decades(axes: Axes, span: Span, *, vertical: bool, scale: float = 1.0) -> None:
    """Draw a hairline at each decade, the lowest stronger, with its number (divided by ``scale``)."""
    values = ticks(span)
    names = [f"{value / scale:,.10g}" for value in values]
    if vertical:
        axes.set_yticks(values)
        axes.set_yticklabels(names, gid="tick")
    else:
        axes.set_xticks(values)
        axes.set_xticklabels(names, gid="tick")
    for place, value in enumerate(values):
        draw = axes.axhline if vertical else axes.axvline
        draw(value, gid="grid base" if place == 0 and value == 10**span.low else "grid")


def _short(size: int) -> str:
    """Return a number for under a tick: ``50k``."""
    return f"{size / 1_000:g}k" if size >= 1_000 else str(size)  # noqa: PLR2004  a thousand
