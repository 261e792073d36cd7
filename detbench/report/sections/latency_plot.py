"""How latencies are spread: what share of the samples is done within a time, a curve a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.parts.timing import SPREAD
from detbench.report.sections.plots import curve, finished, frame, grid, mark_at
from detbench.report.sections.speed_plot import time_ticks, within
from detbench.report.vector import default_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from detbench.evaluation.parts.timing import Timing

__all__ = ["Spread", "latency_plot", "spread_of"]


class Spread(NamedTuple):
    """A model: times, ascending, the share of the samples that is done within each, and where the median is."""

    mark: int
    ms: Sequence[float]
    shares: Sequence[float]
    median_ms: float


_WIDTH_IN, _HEIGHT_IN = 4.9, 2.7
_LEFT_IN, _RIGHT_IN, _BOTTOM_IN, _TOP_IN = 0.46, 0.2, 0.5, 0.34

_SHARES = {0.0: "0", 0.25: "25", 0.5: "50", 0.75: "75", 0.9: "90", 1.0: "100"}

#: The axis goes so far beyond the outermost times.
_ROOM = 1.03


def spread_of(mark: int, timing: Timing | None) -> Spread | None:
    """Return how a model's times are spread, with p99 at the end; None where its result does not keep it."""
    if timing is None or not timing.spread_ms:
        return None
    total = timing.stages["total"]
    shares = [*(percent / 100 for percent in SPREAD), 0.99]
    return Spread(mark, [*timing.spread_ms, total.p99.value_ms], shares, total.p50.value_ms)


@default_settings()
def latency_plot(given: Sequence[Spread], names: Mapping[int, str], machine: str) -> Markup:
    """Return the share of the samples, in percent, against the milliseconds a picture on a logarithmic axis."""
    times = [within(ms) for one in given for ms in one.ms]
    left, right = min(times) / _ROOM, max(times) * _ROOM
    figure, axes = frame(
        _WIDTH_IN, _HEIGHT_IN, left_in=_LEFT_IN, right_in=_RIGHT_IN, bottom_in=_BOTTOM_IN, top_in=_TOP_IN
    )
    axes.set(xscale="log", xlim=(left, right), ylim=(0, 1))
    grid(axes, time_ticks(left, right), _SHARES)
    axes.text(1, -0.17, "milliseconds a picture", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0, 1.065, "% of the samples", gid="axis", ha="left", transform=axes.transAxes)
    for one in reversed(given):  # the best model on top
        curve(axes, [within(ms) for ms in one.ms], one.shares, one.mark)
        mark_at(axes, within(one.median_ms), 0.5, one.mark)
    return finished(figure, f"How latencies are spread: {machine}", names)
