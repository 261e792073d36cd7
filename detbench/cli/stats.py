"""``detbench stats``: a dataset in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from detbench.data.describe import Description, Histogram, Spread

__all__ = ["stats"]

_BAR_COLUMNS = 36
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SIZES_SHOWN = 5

#: A category's name is cut after so many characters, and numbers from this one on are given by their order.
_NAME_CHARACTERS = 80
_WRITTEN_OUT = 1e9


def stats(
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; recognised if not given.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split to describe; everything if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Count a dataset's images, categories and boxes, and say how large and how crowded they are.

    Small, medium and large are COCO's: areas up to 32², up to 96², and above,
    in square pixels.

    \b
    [bold]Examples[/bold]
    detbench stats VOC2007
    detbench stats coco --split val2017 --json
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, stdout
    from detbench.cli.reading import read_leniently
    from detbench.data.describe import describe
    from detbench.data.formats import splits_of

    description = describe(read_leniently(path, split=split, format_name=format_name))
    if json:
        print_json(description.to_dict())
        return
    others = () if split else splits_of(path, format_name=format_name)
    _print_description(description, others, stdout())


def _print_description(description: Description, splits: tuple[str, ...], console: Console) -> None:
    from rich.text import Text

    from detbench.cli.console import printable
    from detbench.words import counted

    heading = f"{description.name}, {description.split}" if description.split else description.name
    console.print(Text.assemble((printable(heading), "bold"), f"  {description.format}"))
    if splits:
        console.print(Text(printable(f"splits {', '.join(splits)}: all of them; --split takes one"), "dim"))
    counts = f"{counted(description.images, 'image')}, {counted(description.boxes, 'box', 'boxes')}"
    counts += f", {counted(description.empty_images, 'image')} without boxes"
    if description.regions:
        counts += f", {counted(description.regions, 'region')} of no category"
    console.print(Text(counts))
    if not description.images:
        return
    if description.categories:
        console.print()
        console.print(_category_table(description))
    console.print()
    console.print(_spread_table(description))
    for title, histogram in (
        ("boxes per image", description.boxes_per_image_histogram),
        ("box side √(w·h), px", description.side_histogram),
    ):
        if not any(histogram.counts):
            continue
        console.print()
        console.print(Text(title, "bold"))
        for line in _histogram_lines(histogram):
            console.print(Text(line))
    console.print()
    for line in _size_lines(description):
        console.print(Text(line))


def _category_table(description: Description) -> Table:
    """Return one line a category, the most frequent first; columns that are all zero are left out."""
    from rich.text import Text

    from detbench.words import brief, printable

    table = _table()
    extras = [key for key in ("crowd", "ignore", "difficult") if any(getattr(c, key) for c in description.categories)]
    table.add_column("category", overflow="fold")
    for title in ("images", "boxes", *extras):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max((category.boxes for category in description.categories), default=0)
    for category in sorted(description.categories, key=lambda c: -c.boxes):
        numbers = [category.images, category.boxes, *(getattr(category, key) for key in extras)]
        bar = _bar(category.boxes, most, 16)
        table.add_row(
            Text(printable(brief(category.name, _NAME_CHARACTERS))),
            *(f"{number:,}" for number in numbers),
            Text(bar, "cyan"),
        )
    return table


def _spread_table(description: Description) -> Table:
    table = _table()
    table.add_column("")
    for title in ("min", "median", "mean", "90 %", "max"):
        table.add_column(title, justify="right", no_wrap=True)
    for title, spread in (
        ("boxes per image", description.boxes_per_image),
        ("box width, px", description.width_px),
        ("box height, px", description.height_px),
        ("box side √(w·h), px", description.side_px),
        ("width / height", description.aspect),
    ):
        table.add_row(title, *_numbers(spread))
    return table


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)


def _numbers(spread: Spread) -> Iterator[str]:
    for value in (spread.min, spread.median, spread.mean, spread.p90, spread.max):
        if value is None:
            yield "–"
        elif abs(value) >= _WRITTEN_OUT:
            yield f"{value:.3g}"
        else:
            yield f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _histogram_lines(histogram: Histogram) -> Iterator[str]:
    """Yield one bar a bin, from the first to the last that has anything in it."""
    edges, counts = histogram.edges, histogram.counts
    used = [row for row, count in enumerate(counts) if count]
    most = max(counts)
    for row in range(used[0], used[-1] + 1):
        yield f"  {_bin_name(edges, row):>9} {_bar(counts[row], most, _BAR_COLUMNS):<{_BAR_COLUMNS}} {counts[row]:>9,}"


def _bin_name(edges: tuple[float, ...], row: int) -> str:
    if row == len(edges):
        return f"over {edges[-1]:g}"
    return f"≤ {edges[row]:g}" if edges[row] else "0"


def _bar(count: int, most: int, columns: int) -> str:
    """Return a bar of eighths of a column; whatever is not zero is at least one eighth long."""
    eighths = max(round(count / most * columns * 8), 1) if count else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _size_lines(description: Description) -> Iterator[str]:
    measured = description.small + description.medium + description.large
    if measured:
        parts = (("small", description.small), ("medium", description.medium), ("large", description.large))
        yield "boxes by COCO's area: " + ", ".join(f"{n:,} {name} ({n / measured:.0%})" for name, n in parts)
    sizes = description.picture_sizes
    shown = [
        f"{s.width_px}×{s.height_px} ({s.images:,})" if s.width_px else f"not known ({s.images:,})"
        for s in sizes[:_SIZES_SHOWN]
    ]
    more = f", and {len(sizes) - _SIZES_SHOWN:,} more sizes" if len(sizes) > _SIZES_SHOWN else ""
    yield f"picture sizes, px: {', '.join(shown)}{more}"
