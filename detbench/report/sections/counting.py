"""How well objects are counted: picture by picture, at every threshold, and where pictures are crowded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.counting_tables import origin
from detbench.report.sections.count_figures import DOTS, MAE, by_density, by_threshold, predicted_against_true
from detbench.report.sections.keys import Key, Listed, key_of, left_out, listed, marked
from detbench.report.tables import UNDEFINED, signed
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from detbench.evaluation.parts.count_groups import CountGroup
    from detbench.evaluation.parts.counting import Counting
    from detbench.report.sections.model import Model

__all__ = ["CountRow", "CountingView", "DensityRow", "Number", "Scatter", "counting"]

_RMSE, _BIAS = "count_RMSE", "count_bias"

_MOST_OF_AN_ORIGIN = 120


class Number(NamedTuple):
    """A number as text, its interval or nothing, and why there is none."""

    text: str
    interval: str = ""
    reason: str = ""


class CountRow(NamedTuple):
    """One model's counts in numbers; ``origin`` says where its threshold comes from."""

    key: Key
    threshold: str
    origin: str
    numbers: list[Number]
    totals: list[str]
    hindsight: str


class Scatter(NamedTuple):
    """One model's pictures, its error in ``key.value``."""

    key: Key
    figure: Markup


class DensityRow(NamedTuple):
    """The pictures of a range of true counts, and each model's error of them with its bias."""

    name: str
    pictures: str
    numbers: list[tuple[Number, str]]


class CountingView(NamedTuple):
    """What the section shows.

    ``scatters`` and ``densities`` are of the models in ``at_threshold``, which have a threshold; ``dots`` are the
    radii of the dots that stand for pictures; ``without`` are the models whose counts were not asked for.
    """

    lead: str
    rows: list[CountRow]
    dots: list[float]
    scatters: list[Scatter]
    keys: list[Key]
    against: Markup
    at_threshold: list[Key]
    density: Markup | None
    densities: list[DensityRow]
    without: Listed | None
    left_out: str


def counting(models: Sequence[Model]) -> CountingView | None:
    """Return what the section shows, or None where nothing is there to count, or no model that is drawn was asked."""
    having = [
        (model, part)
        for model in marked(models)
        if (part := model.result.counting) is not None and not part.reason and part.curve.threshold
    ]
    if not having:
        return None
    taken = [(model, part) for model, part in having if part.per_image.predicted]
    most = max((max(*part.per_image.true, *part.per_image.predicted) for _, part in taken), default=0)
    dense = [(model, part) for model, part in taken if part.by_density]
    first = having[0][1]
    return CountingView(
        lead=f"{counted(first.objects, 'object')} in {counted(first.images, 'picture')}",
        rows=[_row(model, part) for model, part in having],
        dots=list(DOTS),
        scatters=[Scatter(_key(model), predicted_against_true(model, part, most)) for model, part in taken],
        keys=[_key(model) for model, _ in having],
        against=by_threshold(having),
        at_threshold=[key_of(model) for model, _ in dense],
        density=by_density(dense) if dense else None,
        densities=_densities([part for _, part in dense]),
        without=listed([model for model in models if model.result.counting is None]),
        left_out=left_out(models),
    )


def _key(model: Model) -> Key:
    error = model.result.metrics.get(MAE)
    return key_of(model, "" if error is None else f"MAE {error:.2f}")


def _row(model: Model, part: Counting) -> CountRow:
    result, threshold, totals = model.result, part.threshold, part.totals
    best = part.hindsight
    return CountRow(
        key=key_of(model),
        threshold=UNDEFINED if threshold is None else f"{threshold.value:.4g}",
        origin="no threshold was given" if threshold is None else brief(origin(threshold), _MOST_OF_AN_ORIGIN),
        numbers=[_number(name, result.metrics, result.intervals, result.reasons) for name in (MAE, _RMSE, _BIAS)],
        totals=[UNDEFINED] * 3
        if totals is None
        else [f"{number:,}" for number in (totals.predicted, totals.over, totals.under)],
        hindsight=UNDEFINED if best is None else f"{best.mae:.2f} from {best.threshold:.3g}",
    )


def _number(
    name: str,
    metrics: Mapping[str, float | None],
    intervals: Mapping[str, tuple[float, float]],
    reasons: Mapping[str, str],
) -> Number:
    value, ends = metrics.get(name), intervals.get(name)
    if value is None:
        return Number(UNDEFINED, reason=reasons.get(name, "there is no threshold to count at"))
    text, *around = (signed(one, 2) if name == _BIAS else f"{one:.2f}" for one in (value, *(ends or ())))
    return Number(text, f"[{', '.join(around)}]" if around else "")


def _densities(parts: Sequence[Counting]) -> list[DensityRow]:
    """Return a row for each range of true counts; the ranges are the dataset's, the same for all."""
    if not parts:
        return []
    tables = [{group.name: group for group in part.by_density} for part in parts]
    return [
        DensityRow(group.name, f"{group.images:,}", [_of_group(table.get(group.name)) for table in tables])
        for group in parts[0].by_density
    ]


def _of_group(group: CountGroup | None) -> tuple[Number, str]:
    if group is None:
        return Number(UNDEFINED, reason="the result has no such pictures"), ""
    bias = _number(_BIAS, group.metrics, group.intervals, group.reasons)
    return _number(MAE, group.metrics, group.intervals, group.reasons), bias.text
