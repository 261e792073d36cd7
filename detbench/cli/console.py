"""How commands speak: results on standard output, everything else on standard error, colour only on terminals."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
import tempfile
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from detbench.errors import DetbenchError
from detbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = [
    "Bar",
    "prepare_streams",
    "print_json",
    "print_json_text",
    "printable",
    "progress",
    "say",
    "stderr_held",
    "stdout",
    "stdout_kept",
]

_PIPE_WIDTH = 100

#: What stands for the letters of our own tables on a terminal that lacks them.
_PLAIN = {
    **dict.fromkeys("\N{EN DASH}─━", "-"),
    **dict.fromkeys("▏▎▍▌▋▊▉█", "#"),
    "→": "->",
    "…": "...",
    "\N{NO-BREAK SPACE}": " ",
    "\N{MINUS SIGN}": "-",
    "×": "x",
    "·": "*",
    "²": "^2",
    "√": "sqrt",
    "≤": "<=",
    "≥": ">=",
    "°": " degrees",
}


def prepare_streams() -> None:
    """Make standard output and error take any text, whatever their encoding, and be there even if they were closed."""
    codecs.register_error("detbench.plain", _plainly)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  until the process ends
            setattr(sys, name, nowhere)
        elif isinstance(stream := getattr(sys, name), TextIOWrapper):
            stream.reconfigure(errors="detbench.plain")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Return what to write instead of letters that an encoding lacks, and where to go on (a codec's error handler)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def stdout() -> Console:
    """Return a Rich console on standard output; in a pipe it is plain and 100 columns wide."""
    from rich.console import Console

    class Door(Console):
        def on_broken_pipe(self) -> None:
            """Leave what happens then to the command line, instead of exiting with 1: that means findings."""
            raise BrokenPipeError

    return Door(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH, highlight=False)


def say(text: str) -> None:
    """Print one plain line on standard error, for a person: never parsed, never markup, no control characters."""
    print(printable(text), file=sys.stderr)  # noqa: T201  the one place that prints to people


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output; NaN and infinities are refused, not written."""
    print_json_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_json_text(text: str) -> None:
    """Print JSON on standard output; escaped where a letter has no place in the stream's encoding."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=2)
    sys.stdout.write(text.rstrip("\n") + "\n")


@contextlib.contextmanager
def stdout_kept() -> Iterator[None]:
    """Send to standard error what anybody's code prints in the block, C code's too: results stand alone.

    That code may close its streams, or put others in their place: ours are back when the block ends.
    """
    streams = sys.stdout, sys.stderr
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of the two was closed: there is nothing to keep
        yield
        return
    try:
        yield
    finally:
        for stream in {sys.stdout, *streams[:1]}:
            with contextlib.suppress(AttributeError, ValueError):  # None, closed
                stream.flush()
        os.dup2(kept, 1)
        os.close(kept)
        sys.stdout, sys.stderr = (_opened_again(stream, number) for number, stream in enumerate(streams, start=1))


def _opened_again(stream: TextIO, descriptor: int) -> TextIO:
    """Return a standard stream, or a new one in its place if it was closed: its descriptor is still there then."""
    if not stream.closed:
        return stream
    return open(descriptor, "w", encoding=stream.encoding, errors=stream.errors, closefd=False)


@contextlib.contextmanager
def stderr_held() -> Iterator[None]:
    """Hold back what is written to standard error in the block, C code's too; show it only if the block fails.

    An error of ours says all that there is to say, and what a library logged before it is not shown.
    """
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(tempfile.TemporaryFile())
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except OSError:  # it was closed: there is nothing to hold back
            yield
            return
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        except DetbenchError:
            failed = False
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if failed:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))


class Bar:
    """Counts what is done, and says what is being done, on a terminal; anywhere else it is silent."""

    def __init__(self, progress: Progress | None = None, task: TaskID | None = None) -> None:
        self._progress, self._task = progress, task

    def __call__(self, done: int) -> None:
        """Count so many more as done; from any thread."""
        self._update(advance=done)

    def describe(self, what: str) -> None:
        """Show what is being done."""
        self._update(description=printable(what))

    def _update(self, **changed: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **changed, refresh=not self._progress.live.auto_refresh)


@contextlib.contextmanager
def progress(what: str, total: int, unit: str = "images", *, redraw: bool = True) -> Iterator[Bar]:
    """Show a progress bar on a terminal's standard error, and nothing anywhere else.

    Yields what counts ``unit`` done when it is called. With ``redraw`` false the bar is only drawn when it is told
    something, not by a thread of its own several times a second.
    """
    if not sys.stderr.isatty():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=redraw) as bar:
        yield Bar(bar, bar.add_task(what, total=total))
