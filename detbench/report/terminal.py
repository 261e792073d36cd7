"""A result on a terminal: two tables that fit 80 columns and stay plain text in a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.report import tables
from detbench.words import counted, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text

    from detbench.evaluation.results import Result

__all__ = ["GAP", "CategoryTable", "category_table", "metrics_table", "plain_head", "plain_table", "plain_text"]

#: What stands between two columns.
GAP = "  "
_MIN_NAME = 12
_COUNTS = ("ground\ntruths", "ignored", "predictions")


def metrics_table(result: Result) -> Table:
    """Return the overall metrics: name, value, interval, what it is or why it is undefined."""
    table = plain_table()
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if result.intervals:
        table.add_column("interval", no_wrap=True)
    table.add_column("what it is")
    for measure in tables.measures(result):
        words = measure.short if measure.value is not None else f"undefined: {measure.reason}"
        cells = [measure.name, measure.text, *([measure.interval] if result.intervals else []), words]
        table.add_row(*map(plain_text, cells))
    return table


def category_table(result: Result, *, limit: int | None = None) -> CategoryTable:
    """Return a row a category, the highest first metric first; the last line counts what ``limit`` leaves out."""
    rows = tables.category_rows(result)
    columns, thresholds = tables.category_columns(result), tables.iou_thresholds(result)
    under = {"recall": f"IoU {thresholds[0]:g}".replace("0.", ".")} if thresholds else {}
    heads = ["\n".join(map(printable, [name, *([under[name]] if name in under else [])])) for name in columns]
    return CategoryTable(heads, rows if limit is None else rows[:limit], len(rows))


@dataclass(frozen=True, slots=True)
class CategoryTable:
    """A table that Rich renders: the numbers are never cut, a category's name takes the columns that are left.

    ``metrics`` are the heads of the columns of numbers, fit to be printed.
    """

    metrics: list[str]
    rows: list[tables.CategoryRow]
    total: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out for a console (Rich's protocol)."""
        from rich.text import Text

        heads = [*_COUNTS, *self.metrics]
        numbers = [_numbers(row) for row in self.rows]
        columns = zip(*numbers, strict=True) if numbers else [()] * len(heads)
        widths = [max(map(len, [*head.split("\n"), *cells])) for head, cells in zip(heads, columns, strict=True)]
        left = options.max_width - sum(widths) - len(GAP) * len(widths)
        table = plain_table()
        table.add_column("category", no_wrap=True, overflow="ellipsis", max_width=max(left, _MIN_NAME))
        for head in heads:
            table.add_column(Text(head), justify="right", no_wrap=True)
        for row, cells in zip(self.rows, numbers, strict=True):
            table.add_row(plain_text(row.name), *cells)
        yield table
        if len(self.rows) < self.total:
            yield f"and {counted(self.total - len(self.rows), 'category', 'categories')} more"


def _numbers(row: tables.CategoryRow) -> list[str]:
    counts = (row.ground_truths, row.ignored, row.predictions)
    return [*(f"{count:,}" for count in counts), *(measure.text for measure in row.measures)]


def plain_table() -> Table:
    """Return a table without columns, in the look of all tables: one rule, under the heads."""
    from rich import box
    from rich.table import Table

    rule = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
    return Table(box=rule, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def plain_head(words: str) -> Text:
    """Return a column's head: text whose line breaks are kept."""
    from rich.text import Text

    return Text("\n".join(map(printable, words.split("\n"))))


def plain_text(words: str) -> Text:
    """Return text that is no markup and moves no cursor."""
    from rich.text import Text

    return Text(printable(words))
