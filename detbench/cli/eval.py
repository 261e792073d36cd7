"""``detbench eval``: predictions against ground truth."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.choices import complete_form
from detbench.cli.console import print_json_text, say, stdout
from detbench.cli.options import (
    COUNTING,
    INTERVALS,
    READING,
    CountOption,
    CountThresholdOption,
    FormatOption,
    Join,
    JoinOption,
    PredictionsFormatOption,
    ProtocolOption,
    ResamplesOption,
    SeedOption,
    SplitOption,
    Unknown,
    UnknownOption,
)
from detbench.cli.streaming import evaluate_stream
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from detbench.evaluation.results import Result

__all__ = ["evaluate", "save_result", "show_result"]

#: Panels of the help.
_OF_WRONGS = "What goes wrong"
_OF_PROPOSALS = "Proposals"

_RESULT = "result.json"
_REPORT = "report.html"

#: What a result is put together with, and what its page is made with: imported while the native part reads files.
_OF_RESULT = ("detbench.evaluation.unpacking", "detbench.evaluation.assemble")
_OF_PAGE = ("detbench.report.pages", "matplotlib.backends.backend_svg")


def evaluate(  # noqa: PLR0913, PLR0917  one parameter for each option
    ground_truth: Annotated[
        Path, typer.Argument(metavar="GROUND_TRUTH", help="A dataset's folder or annotation file, in any format.")
    ],
    predictions: Annotated[
        Path | None,
        typer.Argument(
            metavar="PREDICTIONS",
            help="A folder that detbench predict wrote, with its proposals and times; or COCO results JSON, Arrow, "
            "CSV, VOC result files, text files with scores as YOLO's or Cartucho's; may be left out where --proposals "
            "are scored.",
            show_default=False,
        ),
    ] = None,
    protocol: ProtocolOption = "coco",
    split: SplitOption = None,
    format_name: FormatOption = None,
    predictions_format: PredictionsFormatOption = None,
    unknown: UnknownOption = Unknown.error,
    join: JoinOption = Join.id,
    name: Annotated[
        str | None, typer.Option(help="What to call the model; by default the file's stem, or the folder's name.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A folder for result.json, draws.npz and report.html, which are replaced in it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of tables.")] = False,
    no_intervals: Annotated[
        bool,
        typer.Option("--no-intervals", help="Leave out the 95 % intervals.", rich_help_panel=INTERVALS),
    ] = False,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
    no_per_category: Annotated[
        bool, typer.Option("--no-per-category", help="Leave out the table of categories.")
    ] = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read predictions block by block and keep no boxes: for COCO results and Arrow files that do not fit "
            "in memory, with each image's predictions together.",
            rich_help_panel=READING,
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Instead of the result, show the protocols' numbers side by side, and why they differ.",
            rich_help_panel=_OF_WRONGS,
        ),
    ] = False,
    score_threshold: Annotated[
        str | None,
        typer.Option(
            metavar="SCORE|RESULT",
            help="The operating point: a score, or another run's result.json, whose threshold is taken. By default "
            "the score of the best F1 on these predictions.",
            rich_help_panel=_OF_WRONGS,
        ),
    ] = None,
    errors: Annotated[
        bool,
        typer.Option(
            "--errors",
            help="Add kinds of errors, confusions, calibration and the worst mistakes.",
            rich_help_panel=_OF_WRONGS,
        ),
    ] = False,
    worst: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            metavar="N",
            help="With --errors: how many images and mistakes of a kind are listed.",
            rich_help_panel=_OF_WRONGS,
        ),
    ] = 20,
    proposals: Annotated[
        Path | None,
        typer.Option(
            help="Proposals, in any form of predictions, whose recall to compute whatever their category.",
            rich_help_panel=_OF_PROPOSALS,
        ),
    ] = None,
    proposals_format: Annotated[
        str | None,
        typer.Option(
            help="The proposals' form, if not recognised.", autocompletion=complete_form, rich_help_panel=_OF_PROPOSALS
        ),
    ] = None,
    proposal_counts: Annotated[
        str,
        typer.Option(
            metavar="K,K,…",
            help="Numbers of proposals an image, 1 to 2000, whose recall stands among the metrics.",
            rich_help_panel=_OF_PROPOSALS,
        ),
    ] = "100,300,1000",
    count: CountOption = None,
    count_threshold: CountThresholdOption = None,
    tune_on: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            help="Take the threshold whose MAE is least on this split, or on the ground truth at this path; never on "
            "what is scored.",
            rich_help_panel=COUNTING,
        ),
    ] = None,
    tune_predictions: Annotated[
        Path | None,
        typer.Option(
            help="The predictions on what --tune-on names, unless PREDICTIONS has them (then with --unknown drop).",
            rich_help_panel=COUNTING,
        ),
    ] = None,
) -> None:
    """Score a detector's predictions against ground truth.

    COCO's twelve numbers equal pycocotools'; VOC's honour 'difficult'.
    A number that is undefined comes with its reason, never as -1.

    \b
    [bold]Examples[/bold]
    detbench eval annotations/instances_val2017.json results.json
    detbench eval VOC2007 results/Main --split test --protocol voc2007
    detbench eval data predictions.csv -o run1        # result.json, report.html
    detbench eval data run --split test               # as detbench predict wrote
    detbench eval gt.json dt.json --json | jq .metrics.AP
    detbench eval gt.json dt.json --explain           # why is my mAP not COCO's?
    detbench eval gt.json dt.json --errors --score-threshold 0.3
    detbench eval gt.json huge.json --stream          # boxes are not kept
    detbench eval gt.json --proposals rpn.json        # recall at 100, 300, 1000
    detbench eval CARPK dt.csv --split test --count-threshold 0.3
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    from detbench.evaluation.evaluate import evaluate as score

    if explain:
        from detbench.cli.explaining import explain_and_print

        if stream:
            raise UsageError("--explain scores several times, and --stream keeps no boxes; leave one out")
        if output is not None:
            raise UsageError("--explain writes no result; leave out --output, or --explain")
        if predictions is None:
            raise UsageError("--explain is about predictions: give some")
        besides = {
            "--errors": errors,
            "--score-threshold": score_threshold is not None,
            "--proposals": proposals is not None,
            "--count": count,
            "--count-threshold": count_threshold is not None,
            "--tune-on": tune_on is not None,
        }
        if said := [option for option, given in besides.items() if given]:
            raise UsageError(f"--explain shows protocols side by side and nothing else; leave out {', '.join(said)}")
        explain_and_print(
            ground_truth,
            predictions,
            protocol=protocol,
            split=split,
            format_name=format_name,
            predictions_format=predictions_format,
            unknown=unknown.value,
            join=join.value,
            name=name,
            as_json=as_json,
        )
        return
    if output is not None:
        _require_free(output, *filter(None, (ground_truth, predictions, proposals, tune_predictions)))
    alike: dict[str, Any] = {
        "protocol": protocol,
        "split": split,
        "format_name": format_name,
        "predictions_format": predictions_format,
        "unknown": unknown.value,
        "name": name,
        "intervals": not no_intervals,
        "resamples": resamples,
        "seed": seed,
        "score_threshold": score_threshold,
    }
    if stream:
        counting = bool(count) or count_threshold is not None or tune_on is not None
        refused = {"--errors": errors, "--proposals": proposals is not None, "--count": counting}
        refused |= {"--join stem": join is Join.stem}
        result = evaluate_stream(ground_truth, predictions, refused=refused, **alike)
    else:
        result = score(
            ground_truth,
            predictions,
            join=join.value,
            errors=errors,
            worst=worst,
            proposals=proposals,
            proposals_format=proposals_format,
            proposal_counts=_whole_numbers(proposal_counts),
            count=count,
            count_threshold=count_threshold,
            tune_on=tune_on,
            tune_predictions=tune_predictions,
            meanwhile=lambda: _import_all(*_OF_RESULT, *(_OF_PAGE if output is not None else ())),
            **alike,
        )
    if output is not None:
        save_result(result, output)
    if as_json:
        print_json_text(result.to_json().decode())
        _say_remarks(result, {"error"})
    else:
        show_result(result, per_category=not no_per_category)


def _import_all(*modules: str) -> None:
    """Import what is wanted soon."""
    for module in modules:
        import_module(module)


def _whole_numbers(text: str) -> list[int]:
    """Return the numbers of a list with commas. Raises UsageError."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--proposal-counts takes whole numbers with commas between, not {text!r:.60}") from None


def _require_free(folder: Path, *inputs: Path) -> None:
    """Raise UsageError, before minutes are spent, if the results would go over a file or over what they come from."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; say another folder with -o")
    from detbench.evaluation.drawn_file import DRAWS

    for target in (folder / _RESULT, folder / _REPORT, folder / DRAWS):
        if target.exists() and any(path.exists() and target.samefile(path) for path in inputs):
            raise UsageError(f"{target} would be written over what it comes from; say another folder with -o")


def save_result(result: Result, folder: Path) -> None:
    """Write a result, its draws and its report into a folder, which is made where there is none."""
    from detbench.evaluation.drawn_file import DRAWS
    from detbench.files import make_folder
    from detbench.report.pages import write_report

    make_folder(folder)
    result.save(folder / _RESULT)
    result.save_draws(folder / DRAWS)
    write_report(result, folder / _REPORT)
    say(f"wrote {folder / _RESULT}, {DRAWS} and {_REPORT}")


def show_result(result: Result, *, per_category: bool) -> None:
    """Print a result as tables."""
    from detbench.report.tables import what_was_measured
    from detbench.report.terminal import category_table, metrics_table, plain_text

    console = stdout()
    console.print(plain_text(what_was_measured(result)))
    console.print(metrics_table(result))
    if per_category and result.per_category:
        console.print()
        console.print(category_table(result))
    for table in _tables_of_parts(result, per_category=per_category):
        console.print(table)
    _say_remarks(result, {"error", "warning", "note"})


def _tables_of_parts(result: Result, *, per_category: bool) -> Iterator[RenderableType]:
    """Yield the tables of the parts that a result has, each after a blank line."""
    from detbench.report import counting_tables, proposal_tables, timing_tables
    from detbench.report.error_tables import error_tables, operating_point_tables

    for table in [*operating_point_tables(result), *error_tables(result)]:
        yield from ("", table)
    if result.counting is not None:
        yield from ("", *counting_tables.tables(result.counting, per_category=per_category))
    if result.proposals is not None:
        images = result.dataset.images
        yield from ("", *proposal_tables.tables(result.proposals, images=images, per_category=per_category))
    if result.timing is not None:
        yield from ("", *timing_tables.tables(result.timing))


def _say_remarks(result: Result, severities: set[str]) -> None:
    for remark in result.remarks:
        if remark.severity in severities:
            say(f"{remark.severity}: {remark.message}")
