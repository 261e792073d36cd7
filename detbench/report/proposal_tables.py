"""Proposal recall on a terminal: against the number of proposals, and by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.report.tables import number
from detbench.report.terminal import plain_table, plain_text
from detbench.words import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from detbench.evaluation.parts.bands import Band
    from detbench.evaluation.parts.proposals import ProposalCurves, Proposals

__all__ = ["tables"]

_WIDEST_NAME = 30

#: So many sizes, and so many numbers of proposals, fit a line.
_MOST_SIZES = 3
_MOST_COUNTS = 4


def tables(part: Proposals, *, images: int, per_category: bool) -> Iterator[RenderableType]:
    """Yield a sentence, a table by number of proposals and, if asked for, one by category; there are ``images``."""
    name = plain_text(part.source)
    name.append(
        f": {counted(part.proposals, 'proposal')}; {counted(part.all.ground_truths, 'ground truth')} of any category"
    )
    yield name
    if part.all.average_recall is None:
        yield plain_text(f"no recall: {part.all.reason}")
        return
    yield _by_number(part, part.all.average_recall, images)
    if per_category and len(part.by_category) > 1:
        yield ""
        yield _by_category(part)


def _by_number(part: Proposals, recall: Band, images: int) -> Table:
    """Return a row a number of proposals, up to the first that no image has, and those that have metrics."""
    table, sizes = plain_table(), part.by_size[:_MOST_SIZES]
    heads = ["proposals", "AR", *(["interval"] if recall.low else []), "IoU .5", "IoU .7"]
    heads += [*(f"AR\n{size.name}" for size in sizes), "images\nshort"]
    for head in heads:
        table.add_column(_head(head), justify="right", no_wrap=True)
    lines = [part.all.recall50, part.all.recall70, *(size.average_recall for size in sizes)]
    none_has = next((k for k, few in zip(part.all.counts, part.images_with_fewer, strict=True) if few >= images), None)
    for place, count in enumerate(part.all.counts):
        if none_has is not None and count > none_has and count not in part.named_counts:
            continue
        cells = [f"{count:,}", number(recall.value[place])]
        if recall.low:
            cells.append(f"[{recall.low[place]:.3f}, {recall.high[place]:.3f}]")
        cells += [number(None if line is None else line.value[place]) for line in lines]
        table.add_row(*cells, f"{part.images_with_fewer[place]:,}")
    return table


def _head(text: str) -> Text:
    """Return a head of two lines; the name of a size may come from a file."""
    from rich.text import Text

    return Text("\n".join(printable(line) for line in text.split("\n")))


def _by_category(part: Proposals) -> Table:
    """Return a row a category, the best average recall first, those without ground truth last."""
    table, counts = plain_table(), part.named_counts[-_MOST_COUNTS:]
    table.add_column("category", no_wrap=True, overflow="ellipsis", max_width=_WIDEST_NAME)
    table.add_column("ground\ntruths", justify="right", no_wrap=True)
    for count in counts:
        table.add_column(_head(f"AR\n@{count}"), justify="right", no_wrap=True)
    for curves in sorted(part.by_category, key=_best_first):
        line = curves.average_recall
        values = [None if line is None else line.value[curves.counts.index(count)] for count in counts]
        table.add_row(plain_text(curves.name), f"{curves.ground_truths:,}", *map(number, values))
    return table


def _best_first(curves: ProposalCurves) -> float:
    return 1.0 if curves.average_recall is None else -curves.average_recall.value[-1]
