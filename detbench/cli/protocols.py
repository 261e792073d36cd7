"""``detbench protocols``: the ways of scoring, and any of them as a file to edit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from detbench.evaluation.protocols import Protocol

__all__ = ["protocols"]


def protocols(
    name: Annotated[
        str | None, typer.Argument(help="One protocol, or a file of your own, as TOML; all in a table if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every setting as JSON.")] = False,
) -> None:
    """Show the protocols that `eval --protocol` takes; one of them as TOML, to edit and to give back to it.

    \b
    [bold]Examples[/bold]
    detbench protocols
    detbench protocols coco > mine.toml        # edit; then eval -p mine.toml
    detbench protocols mine.toml --json
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, stdout
    from detbench.evaluation.protocol_files import protocol_toml
    from detbench.evaluation.protocols import PROTOCOLS, protocol_named

    chosen = [protocol_named(name)] if name else list(PROTOCOLS.values())
    if json:
        tables = [one.to_dict() | {"fingerprint": one.fingerprint()} for one in chosen]
        print_json(tables[0] if name else tables)
    elif name:
        sys.stdout.write(protocol_toml(chosen[0]))
    else:
        stdout().print(_table(chosen))


def _table(chosen: list[Protocol]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in ("name", "IoU", "maxDets", "average precision", "what it is"):
        table.add_column(column, overflow="fold")
    for one in chosen:
        ends = dict.fromkeys((one.iou_thresholds[0], one.iou_thresholds[-1]))
        limits = ", ".join("no limit" if limit is None else f"{limit:,}" for limit in one.max_dets)
        cells = (one.name, " to ".join(f"{end:g}" for end in ends), limits, one.interpolation, one.title)
        table.add_row(*map(Text, cells))
    return table
