"""``detbench submit``: folders for a leaderboard, looked at before they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.console import print_json, stdout
from detbench.cli.options import FormatOption, Join, JoinOption, SplitOption, Unknown, UnknownOption
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.evaluation.submissions.check import SubmissionReport

__all__ = ["submit"]

submit = typer.Typer(
    help="Look at a submission before it is sent to a leaderboard.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_EXIT_FINDINGS = 1


@submit.callback()
def _group() -> None:
    """Keep ``check`` a subcommand while it is the only one."""


@submit.command("check")
def check_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to submit.", show_default=False)],
    ground_truth: Annotated[
        Path | None,
        typer.Option("--ground-truth", "-g", help="The dataset that it will be scored on: ids are held against it."),
    ] = None,
    split: SplitOption = None,
    format_name: FormatOption = None,
    unknown: UnknownOption = Unknown.error,
    join: JoinOption = Join.id,
    json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Say what a submission lacks and what in it is broken, and what to do about it.

    A submission is a folder: predictions in any form that detbench eval
    takes, and where they are at hand proposals, timing.json, as detbench
    predict writes them, and model.toml, which says whose model it is. The
    exit status is 1 if any finding is an error. Every code is explained in
    docs/reference/findings.md, the folder in docs/reference/submission.md.

    \b
    [bold]Examples[/bold]
    detbench submit check my-model
    detbench submit check my-model --ground-truth coco --split val2017
    detbench submit check my-model --json | jq '.counts'
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.formats import read_dataset
    from detbench.evaluation.submissions.check import check_submission

    if ground_truth is None and (split or format_name):
        raise UsageError("--split and --format say which ground truth: give --ground-truth too, or leave them out")
    truth = read_dataset(ground_truth, split=split, format_name=format_name) if ground_truth else None
    report = check_submission(folder, truth, unknown=unknown.value, join=join.value)
    if json:
        print_json(report.to_dict())
    else:
        _print(report)
    if any(finding.severity == "error" for finding in report.findings):
        raise typer.Exit(_EXIT_FINDINGS)


def _print(report: SubmissionReport) -> None:
    from rich.text import Text

    from detbench.cli.check import print_findings, totals
    from detbench.words import counted, printable

    console = stdout()
    name = report.card.name if report.card else report.path.resolve().name
    counts = {"prediction": report.predictions, "proposal": report.proposals}
    there = ", ".join(counted(count, what) for what, count in counts.items() if count is not None)
    console.print(Text.assemble((printable(name), "bold"), f"  {there}".rstrip()), soft_wrap=True)
    print_findings(report.by_code(), report.path, console, limit=20)
    console.print()
    console.print(Text(totals(report.findings), "bold"))
