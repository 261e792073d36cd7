"""Whether scores are probabilities: reliability diagrams, with how many predictions stand behind each point."""

from __future__ import annotations

from math import ceil, log10
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.keys import Key, key_of
from detbench.report.sections.plots import curve, finished, frame, grid, mark_at
from detbench.report.tables import number
from detbench.report.vector import default_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from detbench.evaluation.parts.calibration import Bin, Calibration
    from detbench.evaluation.parts.errors import Errors
    from detbench.report.sections.model import Model

__all__ = ["Diagram", "Reliability", "reliability"]

_ECE = "ECE"

_TICKS = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}

#: The diagram above, the counts below it, and their margins.
_WIDTH_IN, _DIAGRAM_IN, _COUNTS_IN = 3.6, 2.7, 0.6
_LEFT_IN, _RIGHT_IN, _BOTTOM_IN, _BETWEEN_IN, _TOP_IN = 0.46, 0.16, 0.5, 0.32, 0.32

#: Where the axis of counts begins: a single prediction is to be seen.
_FLOOR = 0.7


class Diagram(NamedTuple):
    """One model's diagram, its calibration error in ``key.value``; ``reason`` says why there is none."""

    key: Key
    figure: Markup | None
    reason: str


class Reliability(NamedTuple):
    """A diagram for each model; ``is_ranged`` whether there are intervals."""

    diagrams: list[Diagram]
    is_ranged: bool


def reliability(having: Sequence[tuple[Model, Errors]]) -> Reliability | None:
    """Return a diagram for each model, or None where no model has predictions that count."""
    tables = [_filled(found.calibration) for _, found in having]
    if not any(tables):
        return None
    most = max(bin_.count for table in tables for bin_ in table)
    diagrams = [
        _diagram(model, found.calibration, table, most) for (model, found), table in zip(having, tables, strict=True)
    ]
    return Reliability(diagrams, any(bin_.interval for table in tables for bin_ in table))


def _filled(calibration: Calibration) -> list[Bin]:
    return [bin_ for bin_ in calibration.equal_width if bin_.count]


def _diagram(model: Model, calibration: Calibration, table: Sequence[Bin], most: int) -> Diagram:
    value, ends = calibration.metrics.get(_ECE), calibration.intervals.get(_ECE)
    interval = "" if ends is None else " [{:.3f}, {:.3f}]".format(*ends)
    key = key_of(model, f"{_ECE} {number(value)}{interval}")
    if not table:
        return Diagram(key, None, calibration.reasons.get(_ECE, "there are no predictions that count"))
    return Diagram(key, _figure(model, table, most), "")


@default_settings()
def _figure(model: Model, table: Sequence[Bin], most: int) -> Markup:
    """Return the share that is right against the score, and below it the predictions of each bin, logarithmic."""
    lower_in = _BOTTOM_IN + _COUNTS_IN
    height_in = lower_in + _BETWEEN_IN + _DIAGRAM_IN + _TOP_IN
    figure, axes = frame(
        _WIDTH_IN, height_in, left_in=_LEFT_IN, right_in=_RIGHT_IN, bottom_in=lower_in + _BETWEEN_IN, top_in=_TOP_IN
    )
    place = axes.get_position()
    below = figure.add_axes((place.x0, _BOTTOM_IN / height_in, place.width, _COUNTS_IN / height_in))
    below.tick_params(length=0, pad=5)
    below.spines[:].set_visible(False)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    grid(axes, dict.fromkeys(_TICKS, ""), _TICKS)
    axes.plot([0, 1], [0, 1], gid="curve behind", clip_on=False)
    axes.text(0, 1.05, "share that is right", gid="axis", ha="left", transform=axes.transAxes)
    points = [(bin_.score or 0.0, bin_.precision or 0.0, bin_.interval) for bin_ in table]
    for score, _, ends in points:
        if ends is not None:
            axes.plot([score, score], ends, gid=f"curve span model-{model.mark}", clip_on=False)
    curve(axes, [point[0] for point in points], [point[1] for point in points], model.mark)
    for score, precision, _ in points:
        mark_at(axes, score, precision, model.mark)
    _counts(below, table, most, model.mark)
    return finished(figure, "Share that is right against the score, and the number of predictions", {})


def _counts(axes: Axes, table: Sequence[Bin], most: int, mark: int) -> None:
    """Draw a bar for each bin that holds something; all models have the same axis."""
    decades = max(ceil(log10(most)), 1)
    axes.set(yscale="log", xlim=(0, 1), ylim=(_FLOOR, 10**decades))
    step = ceil(decades / 3)
    grid(axes, _TICKS, {10.0**power: f"{10**power:,}" for power in range(0, decades + 1, step)})
    for bin_ in table:
        left, right = bin_.low + 0.008, bin_.high - 0.008
        axes.fill([left, left, right, right], [_FLOOR, bin_.count, bin_.count, _FLOOR], gid=f"area bars model-{mark}")
    axes.text(1, -0.5, "score", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0, 1.1, "predictions", gid="axis", ha="left", transform=axes.transAxes)
