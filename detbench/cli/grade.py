"""``detbench grade``: a learner's function held to the reference."""

from __future__ import annotations

import sys
from enum import StrEnum
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from detbench.operators.course.grade import Grade

__all__ = ["grade"]


class Step(StrEnum):
    """The ways in which the course writes an operator."""

    loops = "loops"
    numpy = "numpy"
    tensorflow = "tensorflow"


def _complete_piece(incomplete: str) -> list[str]:
    """Complete the piece."""
    from detbench.operators.course.pieces import names

    return [name for name in names() if name.startswith(incomplete)]


def grade(
    piece: Annotated[
        str | None,
        typer.Argument(
            help="A piece of the course by number or name (3, encode, anchors), or any operator (soft-nms).",
            autocompletion=_complete_piece,
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Argument(help="Your .py file or notebook; the first lines to fill in if not given.")
    ] = None,
    step: Annotated[
        Step | None, typer.Option(help="Only the function of this step, such as encode_loops; all if not given.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long a single answer may take.")] = 10.0,
    list_pieces: Annotated[bool, typer.Option("--list", help="Show the pieces and what to call functions.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold your function to the reference, say what is wrong with it, and time it.

    It is found in the file by its name: that of the operator (encode), or that and a step
    (encode_loops, encode_numpy, encode_tensorflow). Exit status 0: right; 1: wrong or missing.

    \b
    [bold]Examples[/bold]
    detbench grade --list
    detbench grade encode > my.py              # the first lines, to fill in
    detbench grade encode my.py
    detbench grade encode 03_encode.ipynb --step numpy
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.app import EXIT_FINDINGS
    from detbench.cli.console import print_json, say
    from detbench.operators.course.apart import grade_file
    from detbench.operators.course.pieces import piece_named
    from detbench.operators.course.source import overlooked, read_source
    from detbench.operators.course.stubs import stub

    if list_pieces:
        _list(as_json=json)
        return
    if isnan(seconds):
        raise UsageError("--seconds takes a number")
    if piece is None:
        raise UsageError("which piece? Say its number or name; detbench grade --list shows them")
    chosen = piece_named(piece)
    if file is None:
        sys.stdout.write(stub(chosen))
        return
    grades = grade_file(chosen, file, step=step.value if step else None, seconds=seconds)
    for name, meant in overlooked(read_source(file), chosen):
        say(f"note: {name} is not graded; is it {meant}? Then give it that name")
    right = all(one.right for one in grades)
    if json:
        import msgspec

        found = [msgspec.to_builtins(one) for one in grades]
        print_json({"schema": "detbench.grade/1", "piece": chosen.name, "right": right, "functions": found})
    else:
        _print(grades)
    if not right:
        raise typer.Exit(EXIT_FINDINGS)


def _print(grades: list[Grade]) -> None:
    """Print each grade; its first line in green where it is right, in red where it is not."""
    from rich.text import Text

    from detbench.cli.console import stdout

    console = stdout()
    for number, one in enumerate(grades):
        first, _, rest = repr(one).partition("\n")
        if number:
            console.print()
        console.print(Text(first, style="green" if one.right else "red"), soft_wrap=True)
        if rest:
            console.print(Text(rest), soft_wrap=True)


def _list(*, as_json: bool) -> None:
    from detbench.cli.console import print_json, stdout
    from detbench.operators.course.pieces import PIECES

    if as_json:
        rows = [
            {"number": one.number, "name": one.name, "title": one.title, "also": one.also, "operators": one.operators}
            | {"optional": one.optional}
            for one in PIECES
        ]
        print_json(rows)
        return
    stdout().print(_table())


def _table() -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from detbench.operators.course.pieces import PIECES

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("", justify="right")
    for column in ("piece", "functions", "what it gives"):
        table.add_column(column, overflow="fold")
    for one in PIECES:
        usual = [operator.replace("-", "_") for operator in (*one.operators, *one.optional)]
        table.add_row(str(one.number), Text(one.name), Text("\n".join(usual)), Text(one.title))
    return table
