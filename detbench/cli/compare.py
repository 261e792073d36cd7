"""``detbench compare``: which model is better, and whether that is more than chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.console import print_json, say, stdout
from detbench.cli.options import IfEvaluating, MetricOption, given_options
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.evaluation.comparison import Comparison

__all__ = ["compare"]


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
    metric: MetricOption = None,
    protocol: IfEvaluating.Protocol = None,
    split: IfEvaluating.Split = None,
    format_name: IfEvaluating.Format = None,
    predictions_format: IfEvaluating.PredictionsFormat = None,
    unknown: IfEvaluating.Unknown = None,
    join: IfEvaluating.Join = None,
    resamples: IfEvaluating.Resamples = None,
    seed: IfEvaluating.Seed = None,
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

    given = given_options(
        ground_truth,
        protocol=protocol,
        split=split,
        format_name=format_name,
        predictions_format=predictions_format,
        unknown=unknown,
        join=join,
        resamples=resamples,
        seed=seed,
    )
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
