"""Counts on a terminal: what was counted, errors against the threshold, by density and by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.report.terminal import plain_table, plain_text
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from detbench.evaluation.parts.count_groups import CountGroup
    from detbench.evaluation.parts.counting import Counting, CountThreshold, CountTotals

__all__ = ["origin", "tables"]

_UNDEFINED = "–"
_WIDEST_NAME = 30

#: About so many points of the curve are shown.
_POINTS = 10

_NAMES = ("count_MAE", "count_RMSE", "count_bias")


def tables(part: Counting, *, per_category: bool) -> Iterator[RenderableType]:
    """Yield sentences about the counts, then tables: by threshold, by density and, if asked for, by category."""
    yield plain_text(" ".join(_sentences(part)))
    if part.reason:
        return
    yield _by_threshold(part)
    for groups, head in ((part.by_density, "objects\nin the image"), (part.by_category, "category")):
        if groups and (groups is part.by_density or (per_category and len(groups) > 1)):
            yield ""
            yield _by_group(groups, head)


def _sentences(part: Counting) -> Iterator[str]:
    if part.reason:
        yield f"Nothing can be counted: {part.reason}."
        return
    objects = f"{counted(part.objects, 'object')} in {counted(part.images, 'image')}"
    if part.threshold is None or part.totals is None:
        yield f"Counting {objects}, without a score threshold."
    else:
        yield f"Counting {objects}, by predictions with a score of {_score(part.threshold.value)} or more,"
        yield f"{origin(part.threshold)}. {_said(part.totals)}"
    error, bias = (part.expected.metrics.get(name) for name in ("count_MAE", "count_bias"))
    if error is not None and bias is not None:
        yield f"Without a threshold, by the sum of the scores: MAE {error:.2f}, bias {bias:+.2f}."


def origin(threshold: CountThreshold) -> str:
    """Return where a threshold comes from, as the end of a sentence."""
    if threshold.source == "given":
        return "as given"
    return f"chosen on {threshold.split} ({counted(threshold.images or 0, 'image')}) by the least MAE there"


def _said(totals: CountTotals) -> str:
    return (
        f"{totals.predicted:,} predicted: {totals.over:,} too many in {counted(totals.images_over, 'image')}, "
        f"{totals.under:,} too few in {totals.images_under:,}, exact in {totals.images_exact:,}."
    )


def _by_threshold(part: Counting) -> Table:
    """Return errors at some thresholds, and at the least MAE, which is marked."""
    table, curve = plain_table(), part.curve
    for head in ("score from", "MAE", *(["interval"] if curve.mae.low else []), "RMSE", "bias"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    least = int(np.argmin(curve.mae.value[::-1]))
    least = len(curve.threshold) - 1 - least
    for place in sorted({least, *_spread(curve.threshold)}):
        cells = [_score(curve.threshold[place]), f"{curve.mae.value[place]:.2f}"]
        if curve.mae.low:
            cells.append(f"[{curve.mae.low[place]:.2f}, {curve.mae.high[place]:.2f}]")
        mark = "the best possible in hindsight" if place == least else ""
        table.add_row(*cells, f"{curve.rmse.value[place]:.2f}", f"{curve.bias.value[place]:+.2f}", mark)
    return table


def _spread(threshold: Sequence[float]) -> list[int]:
    """Return places of thresholds that lie evenly between the lowest and the highest."""
    wanted = np.linspace(threshold[0], threshold[-1], _POINTS)
    return [int(place) for place in np.searchsorted(threshold, wanted).clip(0, len(threshold) - 1)]


def _by_group(groups: Sequence[CountGroup], head: str) -> Table:
    table = plain_table()
    table.add_column(head, no_wrap=True, overflow="ellipsis", max_width=_WIDEST_NAME)
    for name in ("images", "objects", "predicted", "MAE", "RMSE", "bias"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups:
        error, squared, bias = (group.metrics.get(name) for name in _NAMES)
        table.add_row(
            plain_text(group.name),
            *(f"{count:,.0f}" for count in (group.images, group.objects, group.predicted)),
            *(_UNDEFINED if value is None else f"{value:.2f}" for value in (error, squared)),
            _UNDEFINED if bias is None else f"{bias:+.2f}",
        )
    return table


def _score(value: float) -> str:
    return f"{value:.4g}"
