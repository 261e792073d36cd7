"""The ``detbench`` command: its subcommands, its errors and its exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from detbench import __version__
from detbench.cli.baselines import baselines
from detbench.cli.check import check
from detbench.cli.checkpoint import checkpoint
from detbench.cli.compare import compare
from detbench.cli.console import prepare_streams, say
from detbench.cli.convert import convert
from detbench.cli.datasets import datasets
from detbench.cli.draw import draw
from detbench.cli.eval import evaluate
from detbench.cli.grade import grade
from detbench.cli.inspect import inspect
from detbench.cli.leaderboard import leaderboard
from detbench.cli.merge import merge
from detbench.cli.pack import pack
from detbench.cli.predict import predict
from detbench.cli.profile import profile
from detbench.cli.protocols import protocols
from detbench.cli.report import report
from detbench.cli.sample import sample
from detbench.cli.show import show
from detbench.cli.split import split
from detbench.cli.stats import stats
from detbench.cli.submit import submit
from detbench.cli.train_baseline import train_baseline
from detbench.cli.verify import verify
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["app", "main"]

#: What the exit status says: BAD_INPUT also for a wrong command line; FINDINGS where a check found errors.
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

app = typer.Typer(
    name="detbench",
    help="Datasets to TFRecords, detectors to numbers that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 fine, 1 findings, 2 bad input. Shell completion: detbench --install-completion",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"detbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Look at data": {"inspect": inspect, "check": check, "stats": stats, "show": show, "datasets": datasets},
    "Change data": {"split": split, "sample": sample, "merge": merge, "draw": draw},
    "TFRecords": {"convert": convert, "verify": verify},
    "Predictions and scores": {
        "predict": predict,
        "pack": pack,
        "eval": evaluate,
        "compare": compare,
        "report": report,
        "leaderboard": leaderboard,
        "protocols": protocols,
    },
    "Baselines": {"train-baseline": train_baseline, "baselines": baselines},
    "Operators": {"profile": profile, "grade": grade},
}

for _panel, _commands in _PANELS.items():
    for _name, _function in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_function)

app.add_typer(checkpoint, name="checkpoint", rich_help_panel="Baselines")
app.add_typer(submit, name="submit", rich_help_panel="Predictions and scores")


def main() -> None:
    """Run the command line; turn what a user can cause into one line on standard error and exit 2."""
    prepare_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk or a closed pipe shows here, and not when the interpreter shuts down
    except DetbenchError as error:
        _give_up(str(error))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left (| head): there is nobody to say anything to.
        _discard_output()
        sys.exit(EXIT_BROKEN_PIPE)
    except MemoryError as error:
        _give_up(f"there is not enough memory ({str(error) or 'none is left'}); give less at once, or free some")
    except OSError as error:
        # The system's own reasons; its message names the file where there is one. Anything else is a bug: a traceback.
        _discard_output()
        where = f"{error.filename}: " if error.filename else ""
        _give_up(f"{where}{error.strerror or error}")


def _give_up(problem: str) -> NoReturn:
    say(f"error: {problem}")
    sys.exit(EXIT_BAD_INPUT)


def _discard_output() -> None:
    """Send what is still to be written nowhere, so that no flush at the exit complains."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
