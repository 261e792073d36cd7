"""How commands speak: results on standard output, everything else on standard error, colour only on terminals."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["print_json", "printable", "progress", "say", "stdout"]

_PIPE_WIDTH = 100


def stdout() -> Console:
    """Return a Rich console on standard output; in a pipe it is plain and 100 columns wide."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH, highlight=False)


def say(text: str) -> None:
    """Print one plain line on standard error, for a person: never parsed, never markup."""
    print(text, file=sys.stderr)  # noqa: T201  the one place that prints to people


def printable(text: str) -> str:
    """Return ``text`` with control characters and broken ones replaced: names from data files reach terminals."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output; NaN and infinities are refused, not written."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextlib.contextmanager
def progress(what: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal's standard error, and nothing anywhere else.

    Yields ``advance(n)``, which counts ``n`` more ``unit`` done; it may be called from any thread.
    """
    if not sys.stderr.isatty():
        yield lambda _n: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
