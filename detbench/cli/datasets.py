"""``detbench datasets``: what is known about well-known datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from detbench.data.cards import Card

__all__ = ["datasets"]


def datasets(
    name: Annotated[str | None, typer.Argument(help="One card, in full; all in a table if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
) -> None:
    """Show the cards of known datasets: source, licence, layout, counts, published numbers.

    \b
    [bold]Examples[/bold]
    detbench datasets
    detbench datasets carpk
    detbench datasets voc2007 --json
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, stdout
    from detbench.data.cards import card, cards

    name = name and name.lower()
    if json:
        print_json(card(name).to_dict() if name else [one.to_dict() for one in cards()])
    elif name:
        _print_card(card(name), stdout())
    else:
        _print_table(cards(), stdout())


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _print_table(all_cards: tuple[Card, ...], console: Console) -> None:
    """Print one line a card."""
    from rich.text import Text

    table = _table("name", "format", "categories", "splits (images)", right=("categories",))
    for one in all_cards:
        splits = ", ".join(f"{s.name} ({s.images:,})" if s.images else s.name for s in one.splits)
        table.add_row(*map(Text, (one.name, one.format, f"{len(one.categories):,}", splits)))
    console.print(table)
    console.print(Text("one in full: detbench datasets NAME", "dim"))


def _print_card(one: Card, console: Console) -> None:
    """Print everything that stands on a card."""
    from rich.text import Text

    console.print(Text.assemble((one.name, "bold"), f"  {one.title}"))
    facts = (
        ("page", one.page),
        ("licence", one.licence),
        ("to get it", one.how_to_get),
        ("format", one.format),
        ("boxes", one.box_convention),
        ("notes", one.notes),
        ("citation", one.citation),
        (f"{len(one.categories)} categor{'y' if len(one.categories) == 1 else 'ies'}", ", ".join(one.categories)),
    )
    grid = _table("", "")
    grid.show_header = False
    for title, text in facts:
        if text:
            grid.add_row(Text(title, "bold"), Text(text))
    console.print(grid)
    console.print(Text("\nlayout", "bold"))
    console.print(Text(one.layout.strip("\n")), soft_wrap=True)
    console.print()
    console.print(_split_table(one))
    if one.published:
        console.print()
        console.print(_published_table(one))


def _split_table(one: Card) -> Table:
    from rich.text import Text

    counts = [key for key in ("images", "boxes", "difficult") if any(getattr(s, key) is not None for s in one.splits)]
    table = _table("split", *counts, right=tuple(counts))
    for split in one.splits:
        numbers = [getattr(split, key) for key in counts]
        table.add_row(Text(split.name), *("–" if number is None else f"{number:,}" for number in numbers))
    return table


def _published_table(one: Card) -> Table:
    from rich.text import Text

    table = _table("published", "split", "numbers", "source")
    for result in one.published:
        numbers = ", ".join(f"{metric} {value:g}" for metric, value in result.metrics.items())
        table.add_row(*map(Text, (result.model, result.split, numbers, result.source)))
    return table
