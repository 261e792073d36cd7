"""``detbench compare``: which model is better, and whether that is more than chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.choices import Join, Unknown, complete_form, complete_format, complete_protocol
from detbench.cli.console import print_json, say, stdout
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.evaluation.comparison import Comparison

__all__ = ["compare"]

#: Panel of the help.
_ONLY_EVALUATING = "Only with --ground-truth"


def compare(  # noqa: PLR0913  one parameter for each option
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Two or more folders that detbench eval -o wrote; with --ground-truth, files of predictions.",
            show_default=False,
        ),
    ],
    ground_truth: Annotated[
        Path | None, typer.Option("--ground-truth", "-g", help="Evaluate predictions on this dataset first.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model to compare the others with; by default the first.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What ranks; by default the protocol's first number.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            "-p",
            help="How to score, as detbench protocols lists, or a TOML file; coco if not said.",
            autocompletion=complete_protocol,
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which split of the ground truth.", rich_help_panel=_ONLY_EVALUATING)
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="The ground truth's format, if not recognised.",
            autocompletion=complete_format,
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
    predictions_format: Annotated[
        str | None,
        typer.Option(
            "--predictions-format",
            help="The predictions' form, if not recognised.",
            autocompletion=complete_form,
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
    unknown: Annotated[
        Unknown | None,
        typer.Option(
            help="Predictions on unknown images or categories: an error, or dropped.", rich_help_panel=_ONLY_EVALUATING
        ),
    ] = None,
    join: Annotated[
        Join | None,
        typer.Option(help="Find images by id, or by file name without the ending.", rich_help_panel=_ONLY_EVALUATING),
    ] = None,
    resamples: Annotated[
        int | None,
        typer.Option(
            min=100,
            max=100_000,
            metavar="N",
            help="How many times images are drawn; 1000 if not said.",
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Another seed draws other images; 0 if not said.", rich_help_panel=_ONLY_EVALUATING
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the comparison as JSON to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON instead of tables.")] = False,
    no_per_category: Annotated[bool, typer.Option("--no-per-category", help="Leave out the categories.")] = False,
) -> None:
    """Compare models on the same ground truth: differences with intervals, and ranks.

    Images are drawn anew with replacement, the same for every model. A
    difference is called significant where its p-value, corrected for the
    number of tests, is below 0.05. Runs must be of the same ground truth,
    protocol, seed and number of resamples.

    \b
    [bold]Examples[/bold]
    detbench compare run1 run2                      # written by detbench eval -o
    detbench compare runs/* --metric AP50 --baseline yolox
    detbench compare -g gt.json a.json b.json       # evaluates both first
    detbench compare run1 run2 --json | jq '.models[0].name'
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    from detbench.evaluation.compare import compare as compare_runs

    options: dict[str, Any] = {
        "protocol": protocol,
        "split": split,
        "format_name": format_name,
        "predictions_format": predictions_format,
        "unknown": unknown.value if unknown else None,
        "join": join.value if join else None,
        "resamples": resamples,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if given and ground_truth is None:
        named = ", ".join(f"--{name.removesuffix('_name').replace('_', '-')}" for name in given)
        raise UsageError(f"{named} is for evaluating predictions: give --ground-truth too, or leave it out")
    if output is not None:
        _require_free(output, [*runs, *([ground_truth] if ground_truth else [])])
    per_category = not no_per_category and (len(runs) == 2 or as_json or output is not None)  # noqa: PLR2004  a pair
    found = compare_runs(
        *runs, ground_truth=ground_truth, baseline=baseline, metric=metric, per_category=per_category, **given
    )
    if output is not None:
        found.save(output)
        say(f"wrote {output}")
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    for remark in found.remarks:
        say(f"{remark.severity}: {remark.message}")


def _require_free(output: Path, inputs: list[Path]) -> None:
    """Raise, before minutes are spent, if the comparison cannot be written, or would go over what it comes from."""
    from detbench.files import require_writable

    for path in inputs:
        if output.exists() and any(file.exists() and output.samefile(file) for file in (path, path / "result.json")):
            raise UsageError(f"{output} would be written over what it comes from; say another file with -o")
    require_writable(output)


def _show(comparison: Comparison) -> None:
    from detbench.report.compare_tables import footnote, in_a_paragraph, tables
    from detbench.words import printable

    console = stdout()
    console.print(printable(in_a_paragraph(comparison)), markup=False)
    console.print()
    for part in tables(comparison):
        console.print(part)
    console.print()
    console.print(printable(footnote(comparison)), markup=False)
