"""Precision against recall, a curve for each model: the mean over the categories, and the categories themselves."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from detbench.report.sections.keys import Key, key_of, left_out, marked
from detbench.report.sections.plots import curve, finished, frame, grid, mark_at
from detbench.report.tables import UNDEFINED, number
from detbench.report.vector import default_settings
from detbench.words import counted, named, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from detbench.evaluation.document import Document
    from detbench.report.sections.model import Model

__all__ = ["CurvesView", "Panel", "Small", "curves"]


class Panel(NamedTuple):
    """A figure of mean curves at one IoU threshold, or of their mean; the keys have the AP that each curve is of."""

    title: str
    keys: list[Key]
    figure: Markup


class Small(NamedTuple):
    """A figure of one category."""

    category: str
    ground_truths: str
    figure: Markup


class CurvesView(NamedTuple):
    """What the section shows; ``note`` says which categories are drawn, and is empty where none is."""

    keys: list[Key]
    panels: list[Panel]
    small: list[Small]
    note: str
    left_out: str


#: The thresholds that have a figure of their own, as the curves call them; the lowest if there is neither.
_THRESHOLDS = ("0.50", "0.75")

#: More small figures than this tire the eye; the other categories stand in the heat map.
_MAX_SMALL = 12

#: One category's curves are the mean curves: they are not drawn twice.
_MIN_SMALL = 2

_MAX_NAME = 60

_SHARES = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}
_FEW_SHARES = {0.0: "0", 0.5: "0.5", 1.0: "1"}

#: Where on the axis of recall a curve has its markers, and how far each further model's are from there.
_MARKS_FROM, _MARKS_APART, _MARKS_STEP = 0.1, 0.3, 0.0375


def curves(models: Sequence[Model]) -> CurvesView | None:
    """Return what the section shows, or None where no model has a curve."""
    shown = [model for model in marked(models) if any(model.result.curves.mean.values())]
    if not shown:
        return None
    thresholds = _thresholds(shown)
    panels = [_panel(shown, [threshold], f"IoU {threshold}") for threshold in _named(thresholds)]
    if len(thresholds) > 1:
        panels.append(_panel(shown, thresholds, f"mean over IoU {thresholds[0]} to {thresholds[-1]}"))
    small, note = _small(shown, thresholds[0])
    return CurvesView([key_of(model) for model in shown], panels, small, note, left_out(models))


def _thresholds(models: Sequence[Model]) -> list[str]:
    """Return the thresholds that every model has a curve at: those ranked together share a protocol."""
    first = models[0].result.curves.mean
    return [one for one in first if all(model.result.curves.mean.get(one) for model in models)]


def _named(thresholds: list[str]) -> list[str]:
    return [one for one in _THRESHOLDS if one in thresholds] or thresholds[:1]


def _panel(models: Sequence[Model], thresholds: list[str], title: str) -> Panel:
    lines = [(model, _mean([model.result.curves.mean[one] for one in thresholds])) for model in models]
    keys = [key_of(model, number(_average_precision(model.result, thresholds))) for model in models]
    figure = _large([(model.mark, model.result.curves.recall, line) for model, line in lines], title)
    return Panel(title, [key if key.value != UNDEFINED else key._replace(value="") for key in keys], figure)


def _mean(lines: list[list[float]]) -> list[float]:
    """Return the mean of curves at the same levels of recall, for drawing."""
    return [sum(values) / len(lines) for values in zip(*lines, strict=True)]


def _average_precision(result: Document, thresholds: list[str]) -> float | None:
    """Return the number that a mean curve is of: the first where it is of all thresholds, else AP50 and so on."""
    if len(thresholds) == len(result.curves.mean):
        return next(iter(result.metrics.values()), None)
    return result.metrics.get(f"AP{100 * float(thresholds[0]):.0f}")


def _small(models: Sequence[Model], threshold: str) -> tuple[list[Small], str]:
    """Return a figure for each category with most ground truths, most first, and a sentence on which those are."""
    result = models[0].result
    having = [
        place
        for place in range(len(result.per_category))
        if all(len(m.result.per_category) > place and m.result.curves.by_category[place] for m in models)
    ]
    if len(having) < _MIN_SMALL:
        return [], ""
    kept = sorted(having, key=lambda place: -result.per_category[place].ground_truths)[:_MAX_SMALL]
    figures = []
    for place in kept:
        category = result.per_category[place]
        lines = [(m.mark, m.result.curves.recall, m.result.curves.by_category[place] or []) for m in models]
        name = named(printable(category.name), _MAX_NAME)
        truths = counted(category.ground_truths, "ground truth")
        figures.append(Small(name, truths, _little(lines, f"Precision against recall at IoU {threshold}: {name}")))
    if len(kept) == len(having):
        return figures, f"Each category at IoU {threshold}, the one with the most ground truths first."
    return figures, f"The {len(kept)} of {len(having):,} categories with the most ground truths, at IoU {threshold}."


_Line = tuple[int, "Sequence[float]", "Sequence[float]"]


@default_settings()
def _large(lines: Sequence[_Line], title: str) -> Markup:
    """Return mean curves with markers, the first model's on top; each line is a mark, recall and precision."""
    figure, axes = frame(4.4, 3.5, left_in=0.42, right_in=0.16, bottom_in=0.46, top_in=0.32)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    grid(axes, _SHARES, _SHARES)
    axes.text(1, -0.11, "recall", gid="axis", ha="right", va="top", transform=axes.transAxes)
    axes.text(0, 1.045, "precision", gid="axis", ha="left", transform=axes.transAxes)
    for mark, recall, precision in reversed(lines):
        curve(axes, recall, precision, mark)
        for third in range(3):
            level = _MARKS_FROM + _MARKS_STEP * mark + _MARKS_APART * third
            place = bisect_left(recall, level, hi=len(recall) - 1)
            mark_at(axes, recall[place], precision[place], mark)
    return finished(figure, f"Precision against recall, {title}: the mean over the categories", {})


@default_settings()
def _little(lines: Sequence[_Line], title: str) -> Markup:
    figure, axes = frame(2.3, 1.75, left_in=0.3, right_in=0.12, bottom_in=0.26, top_in=0.1)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    grid(axes, _FEW_SHARES, _FEW_SHARES)
    for mark, recall, precision in reversed(lines):
        curve(axes, recall, precision, mark)
    return finished(figure, title, {})
