"""How much of the ground truth proposals reach, against how many of them there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.keys import Key, Listed, key_of, left_out, listed, marked
from detbench.report.sections.plots import (
    LETTER_PX,
    LINE_PX,
    PX_PER_IN,
    band,
    curve,
    finished,
    frame,
    grid,
    mark_at,
    name_at,
    spread,
)
from detbench.report.tables import UNDEFINED, number
from detbench.report.vector import default_settings
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from detbench.evaluation.parts.bands import Band
    from detbench.evaluation.parts.proposals import Proposals
    from detbench.report.sections.model import Model

__all__ = ["Cell", "Panel", "ProposalsView", "Row", "proposals"]


class Panel(NamedTuple):
    """A figure of one measure, and what it is called."""

    title: str
    figure: Markup


class Cell(NamedTuple):
    """A number as text, its interval or nothing, and why there is none."""

    text: str
    interval: str = ""
    reason: str = ""


class Row(NamedTuple):
    """A model's numbers: for each measure one at each number of proposals."""

    key: Key
    proposals: str
    cells: list[Cell]


class ProposalsView(NamedTuple):
    """What the section shows.

    ``panels`` are empty where no model that is drawn has ground truth to find; ``measures`` and ``counts`` head the
    columns of ``rows``; ``without`` are the models that gave no proposals; ``is_banded`` whether there are intervals.
    """

    keys: list[Key]
    panels: list[Panel]
    measures: list[str]
    counts: list[str]
    rows: list[Row]
    without: Listed | None
    left_out: str
    is_banded: bool


#: The measure in a metric's name → what it is called, in the page's order.
_MEASURES = {"recall50": "IoU 0.50", "recall70": "IoU 0.70", "AR": "mean over IoU 0.50 to 0.95"}

#: Where the axis ends.
_LAST = 2000

#: Texts of lines: 300 has no room for its own between its neighbours.
_TICKS = {1.0: "1", 10.0: "10", 100.0: "100", 300.0: "", 1000.0: "1000", 2000.0: "2000"}
_SHARES = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}

#: A longer name beside a curve would take the figure's room; then the legend alone says whose it is.
_MAX_BESIDE = 16

_WIDTH_IN, _HEIGHT_IN = 4.4, 3.1
_LEFT_IN, _BOTTOM_IN, _TOP_IN = 0.42, 0.46, 0.32


def proposals(models: Sequence[Model]) -> ProposalsView | None:
    """Return what the section shows, or None where no model has proposals."""
    having = [model for model in models if model.result.proposals]
    if not having:
        return None
    shown = [model for model in marked(having) if _is_drawn(_part(model))]
    counts = sorted({count for model in having for count in _part(model).named_counts})
    return ProposalsView(
        keys=[key_of(model) for model in shown],
        panels=[Panel(title, _figure(shown, measure, title)) for measure, title in _MEASURES.items()] if shown else [],
        measures=list(_MEASURES.values()),
        counts=[f"{count:,}" for count in counts],
        rows=[_row(model, counts) for model in having],
        without=listed([model for model in models if not model.result.proposals]),
        left_out=left_out(having),
        is_banded=any(line.low for model in shown for line in _part(model).all.measures().values() if line),
    )


def _part(model: Model) -> Proposals:
    """Return a model's proposals; those who call it have asked whether there are any."""
    if model.result.proposals is None:
        raise ValueError(model.entry.name)
    return model.result.proposals


def _is_drawn(part: Proposals) -> bool:
    return all(_points(part, measure) for measure in _MEASURES)


def _row(model: Model, counts: Sequence[int]) -> Row:
    part = _part(model)
    lines = part.all.measures()
    cells = [_cell(part, lines[measure], count) for measure in _MEASURES for count in counts]
    return Row(
        key_of(model),
        f"{counted(part.proposals, 'proposal')} in {counted(model.result.dataset.images, 'image')}",
        cells,
    )


def _cell(part: Proposals, line: Band | None, count: int) -> Cell:
    if line is None:
        return Cell(UNDEFINED, reason=part.all.reason)
    if count not in part.all.counts:
        return Cell(UNDEFINED, reason="it was not asked for when this model was evaluated")
    place = part.all.counts.index(count)
    interval = f"[{line.low[place]:.3f}, {line.high[place]:.3f}]" if line.low else ""
    return Cell(number(line.value[place]), interval)


@default_settings()
def _figure(models: Sequence[Model], measure: str, title: str) -> Markup:
    """Return recall against the number of proposals, the best model on top, with names at the ends where they fit."""
    from matplotlib.transforms import ScaledTranslation

    names = {model.mark: key_of(model).name for model in models}
    longest = max(map(len, names.values()))
    beside = len(models) > 1 and longest <= _MAX_BESIDE
    right_in = (longest * LETTER_PX + 22) / PX_PER_IN if beside else 0.2
    figure, axes = frame(
        _WIDTH_IN, _HEIGHT_IN, left_in=_LEFT_IN, right_in=right_in, bottom_in=_BOTTOM_IN, top_in=_TOP_IN
    )
    axes.set(xscale="log", xlim=(1, _LAST), ylim=(0, 1))
    grid(axes, _TICKS, _SHARES)
    for text, move in zip(axes.get_xticklabels()[-2:], (-5, 7), strict=True):  # neighbours on a logarithmic axis
        text.set_transform(text.get_transform() + ScaledTranslation(move / PX_PER_IN, 0, figure.dpi_scale_trans))
    axes.text(1, -0.125, "proposals an image", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0, 1.05, "recall", gid="axis", ha="left", transform=axes.transAxes)
    drawn = [(model.mark, _points(_part(model), measure)) for model in models]
    for mark, points in reversed(drawn):
        if all(point.high is not None for point in points):
            x, low, high = [p.at for p in points], [p.low or 0.0 for p in points], [p.high or 0.0 for p in points]
            band(axes, x, low, high, mark)
    for mark, points in reversed(drawn):
        curve(axes, [point.at for point in points], [point.value for point in points], mark)
        for point in points:
            if point.at in _MARKED_AT:
                mark_at(axes, point.at, point.value, mark)
    if beside:
        _name_ends(axes, [mark for mark, _ in drawn], [points[-1].value for _, points in drawn])
    return finished(figure, f"Proposal recall against the number of proposals, {title}", names)


#: Where a curve has its marker.
_MARKED_AT = frozenset({1, 10, 100, 1000})


class _Point(NamedTuple):
    at: int
    value: float
    low: float | None
    high: float | None


def _points(part: Proposals, measure: str) -> list[_Point]:
    """Return the curve where the axis goes; a logarithmic one has no 0."""
    line = part.all.measures()[measure]
    if line is None:
        return []
    none: list[tuple[float | None, float | None]] = [(None, None)] * len(line.value)
    ends = zip(line.low, line.high, strict=True) if line.low else none
    points = [_Point(count, value, *of) for count, value, of in zip(part.all.counts, line.value, ends, strict=True)]
    return [point for point in points if 1 <= point.at <= _LAST]


def _name_ends(axes: Axes, marks: Sequence[int], ends: Sequence[float]) -> None:
    """Write each name beside its curve's end, no two at one height, with a hairline from the curve to it."""
    height = (_HEIGHT_IN - _BOTTOM_IN - _TOP_IN) * PX_PER_IN
    heights = spread(ends, LINE_PX / height, 0.0, 1.0)
    for mark, end, place in zip(marks, ends, heights or (), strict=bool(heights)):
        axes.plot([1.0, 1.05], [end, place], gid=f"curve lead model-{mark}", clip_on=False, transform=axes.transAxes)
        name_at(axes, 1.07, place, mark)
