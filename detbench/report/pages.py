"""The HTML page of a result: one file, no network, no fixed colours, the same bytes for the same result."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from detbench import __version__
from detbench.evaluation.runs import NO_DRAWS, Run
from detbench.evaluation.standings.entries import entry_of
from detbench.files import write_text
from detbench.report import tables, timing_tables
from detbench.report.figures import MAX_SHADES, category_curve, mean_curves
from detbench.report.glossary import explain
from detbench.report.profile_figures import MARKS
from detbench.report.sections.latency_plot import latency_plot, spread_of
from detbench.report.sections.model import Model
from detbench.report.sections.shown import shown
from detbench.report.templating import embedded, inline, page_environment
from detbench.report.terms import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.results import Result
    from detbench.timing.document import Profile

__all__ = ["render_report", "write_report"]

#: What a result may have beside its numbers, as sections that pages of several models show too.
_PARTS = ("errors", "proposals", "counting")

#: More small figures than this tire the eye; the other categories stand in the table.
_MAX_SMALL = 12

#: One category's curve is the mean curve: it is not drawn twice.
_MIN_SMALL = 2


def write_report(result: Result, path: Path | str) -> None:
    """Write the page of ``result`` to ``path``, whole or not at all. Raises DataError."""
    write_text(Path(path), render_report(result))


def render_report(
    result: Result, *, pictures: Dataset | None = None, profiles: Sequence[Profile] = (), board: str = ""
) -> str:
    """Return the page of ``result``: HTML that holds everything it shows, and the result itself as JSON.

    ``pictures`` is the dataset that was measured on, where its pictures are to be shown; ``profiles`` are
    timings of operators to show beside the detector's; ``board`` is the address of a leaderboard that it is a model of.
    """
    rows = tables.category_rows(result)
    columns = tables.category_columns(result)
    sections, timing = shown([_alone(result.document)], _PARTS, pictures=pictures, profiles=profiles), result.timing
    template = _environment().get_template("report.html.j2")
    return template.render(
        result=result,
        version=__version__,
        style=inline("page.css", "models.css", "sections/legend.css", *sections.styles),
        script=inline("page.js"),
        headline=tables.headline(result),
        board=board,
        measures=tables.measures(result),
        columns=[(name, explain(name, result.metrics, result.protocol).long) for name in columns],
        rows=rows,
        mean_figure=_mean_figure(result),
        small_figures=_small_figures(result, rows),
        small_note=_small_note(result),
        max_shade=MAX_SHADES - 1,
        dataset_rows=tables.dataset_rows(result.dataset),
        prediction_rows=_prediction_rows(result),
        protocol_rows=tables.protocol_rows(result.protocol),
        environment_rows=[("detbench", result.detbench), *sorted(result.environment.items())],
        citation=tables.citation(result),
        glossary=_glossary([*result.metrics, *columns], result),
        terms=terms([*(["speed"] if timing else []), *sections.views]),
        frames=timing and timing_tables.frames(timing),
        what_was_timed=timing and timing_tables.what_was_timed(timing),
        spread=_spread(result),
        few_samples=timing and timing_tables.few_samples(timing.samples),
        timing_rows=timing and timing_tables.timing_rows(timing),
        embedded=embedded(result.document),
        shapes=MARKS[:1],
        sections=list(sections.views),
        **sections.views,
    )


def _alone(document: Document) -> Model:
    """Return a result as the only model of its page."""
    run = Run(document.name, document.name, document, NO_DRAWS)
    return Model(entry_of(run, None, "ranked", rank=1, rank_interval=(1, 1)), document, mark=0)


@cache
def _environment() -> Environment:
    return page_environment()


def _mean_figure(result: Result) -> Markup:
    """Return the mean curves, or nothing where no category has ground truth."""
    curves = {iou: precision for iou, precision in result.curves.mean.items() if precision}
    return Markup(mean_curves(result.curves.recall, curves) if curves else "")  # noqa: S704  only numbers are in it


def _spread(result: Result) -> Markup:
    """Return how latency is distributed, or nothing where the result does not keep it."""
    spread = spread_of(0, result.timing or None)
    return latency_plot([spread], {}, "this detector") if spread else Markup()


def _small_figures(
    result: Result, rows: list[tables.CategoryRow]
) -> list[tuple[tables.CategoryRow, tables.Measure | None, Markup]]:
    """Return the curves of the categories with most ground truths and the AP that each is of, the best first."""
    curves = result.curves.by_category
    drawn = [row for row in rows if row.index < len(curves) and curves[row.index]]
    if len(drawn) < _MIN_SMALL:
        return []
    kept = {row.index for row in sorted(drawn, key=lambda row: -row.ground_truths)[:_MAX_SMALL]}
    mean = next(iter(result.curves.mean.values()), None)
    figures = []
    for row in drawn:
        precision = curves[row.index]
        if row.index in kept and precision is not None:
            svg = category_curve(result.curves.recall, precision, mean)
            figures.append((row, tables.curve_measure(row, result), Markup(svg)))  # noqa: S704  only numbers are in it
    return sorted(figures, key=lambda figure: -((figure[1] and figure[1].value) or 0.0))


def _small_note(result: Result) -> str:
    """Return what the small figures are, in one sentence."""
    drawn = sum(curve is not None for curve in result.curves.by_category)
    if drawn <= _MAX_SMALL:
        return "Each category at IoU 0.50, the best first."
    return f"The {_MAX_SMALL} of {drawn} categories with the most ground truths, at IoU 0.50, the best first."


def _prediction_rows(result: Result) -> list[tuple[str, str]]:
    given = result.predictions
    return [
        ("name", result.name),
        ("source", given.source),
        ("predictions", f"{given.predictions:,}"),
        ("on images", f"{given.images:,} of {result.dataset.images:,}"),
        ("dropped", f"{given.dropped:,}"),
        ("fingerprint", given.fingerprint),
    ]


def _glossary(names: list[str], result: Result) -> list[tuple[str, str]]:
    """Return each name once with its meaning."""
    return [(name, explain(name, result.metrics, result.protocol).long) for name in dict.fromkeys(names)]
