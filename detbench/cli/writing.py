"""What the commands that write datasets share: their options, and how they say what they wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.console import print_json, printable, say, stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.data.findings import Findings

__all__ = [
    "FormatOption",
    "JsonOption",
    "OutOption",
    "OverwriteOption",
    "SeedOption",
    "ToOption",
    "print_written",
    "say_notes",
]

OutOption = Annotated[Path, typer.Option("--output", "-o", help="The folder to write.", show_default=False)]
FormatOption = Annotated[str | None, typer.Option("--format", help="The source's format; recognised if not given.")]
ToOption = Annotated[str | None, typer.Option("--to", help="The format to write; the source's own if not given.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Another seed draws differently; the same draws the same.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the dataset that is at the output.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


def print_written(rows: Sequence[dict[str, Any]], *, output: Path, format_name: str, as_json: bool) -> None:
    """Print one line a part that was written: its numbers by name, as a table or as JSON."""
    if as_json:
        print_json({"output": str(output), "format": format_name, "parts": list(rows)})
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int) else "left")
    for row in rows:
        cells = (f"{value:,}" if isinstance(value, int) else printable(str(value or "–")) for value in row.values())
        table.add_row(*map(Text, cells))
    console = stdout()
    console.print(table)
    console.print(Text(f"written to {printable(str(output))} as {format_name}"))


def say_notes(notes: Findings) -> None:
    """Say on standard error what a writer could not carry, a line a part."""
    for note in notes.items:
        where = f"{note.record}: " if note.record else ""
        say(printable(f"note: {where}{note.message}"))
