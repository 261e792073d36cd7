"""The ``detbench`` command: its subcommands, its errors and its exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from detbench import __version__
from detbench.cli.check import check
from detbench.cli.console import say
from detbench.cli.convert import convert
from detbench.cli.datasets import datasets
from detbench.cli.draw import draw
from detbench.cli.eval import evaluate
from detbench.cli.inspect import inspect
from detbench.cli.merge import merge
from detbench.cli.predict import predict
from detbench.cli.report import report
from detbench.cli.sample import sample
from detbench.cli.show import show
from detbench.cli.split import split
from detbench.cli.stats import stats
from detbench.cli.verify import verify
from detbench.errors import DetbenchError

__all__ = ["app", "main"]

#: What the exit status says: BAD_INPUT also for a wrong command line; FINDINGS where a check found errors.
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

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


_PANELS = {
    "Look at data": {"inspect": inspect, "check": check, "stats": stats, "show": show, "datasets": datasets},
    "Change data": {"split": split, "sample": sample, "merge": merge, "draw": draw},
    "TFRecords": {"convert": convert, "verify": verify},
    "Predictions and scores": {"predict": predict, "eval": evaluate, "report": report},
}

for _panel, _commands in _PANELS.items():
    for _name, _function in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_function)


def main() -> None:
    """Run the command line; turn what a user can cause into one line on standard error and exit 2."""
    try:
        app()
    except DetbenchError as error:
        say(f"error: {error}")
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left (| head): say nothing, and let no flush at exit complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_BAD_INPUT)
