"""``detbench leaderboard``: a folder of models becomes a page that ranks them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.choices import Join, Unknown, complete_format, complete_protocol
from detbench.cli.console import print_json_text, progress, say, stdout
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings
    from detbench.evaluation.submissions.scores import Terms

__all__ = ["leaderboard"]

_EXIT_FINDINGS = 1

#: What has been evaluated is kept here, in the folder that is written.
_KEPT = ".cache"

_ONLY_EVALUATING = "Only with --ground-truth"


def leaderboard(  # noqa: PLR0913  one parameter for each option
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="A folder with a folder for each model: predictions, or what detbench eval -o wrote.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write the leaderboard into.")
    ],
    ground_truth: Annotated[
        Path | None,
        typer.Option("--ground-truth", "-g", help="Evaluate predictions on this dataset; each once, then kept."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What ranks; by default the protocol's first number.")
    ] = None,
    allow_mixed: Annotated[
        bool,
        typer.Option("--allow-mixed", help="Show results on other data, or under another protocol, apart."),
    ] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Show the worst mistakes in pictures of this dataset, which was measured on; up to 4 MB.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the standings as JSON instead of a table.")] = False,
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
    count: Annotated[
        bool | None,
        typer.Option(
            "--count/--no-count",
            help="Count objects; done unasked for carpk, visdrone and uavdt, and where a threshold is said.",
            show_default=False,
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
    count_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="Count predictions with this score or more.", rich_help_panel=_ONLY_EVALUATING
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes that evaluate; one a core if not said.",
            rich_help_panel=_ONLY_EVALUATING,
        ),
    ] = None,
) -> None:
    """Rank models on the same ground truth: one page, with intervals, ties and everything that went in.

    FOLDER holds a folder for each model: its predictions, with proposals,
    timing.json and model.toml where they are at hand, or a result. What has
    no result yet is evaluated, several at a time, and kept in DIR/.cache: the
    next run evaluates what is new. A folder that cannot be scored is a row
    that says why. The exit status is 1 then, and 2 if no model can be ranked.

    \b
    [bold]Examples[/bold]
    detbench leaderboard runs -o board             # each of detbench eval -o
    detbench leaderboard submissions -g coco --split val2017 -o board
    detbench leaderboard submissions -g gt.json -o board --protocol dense
    detbench leaderboard submissions -g coco -o board --pictures coco
    detbench leaderboard runs -o board --json | jq '.entries[0].name'
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    from detbench.evaluation.standings.rank import standings as ranked
    from detbench.evaluation.submissions.folder import folders_in
    from detbench.evaluation.submissions.scores import scores
    from detbench.report.sections.headline import headline, plain
    from detbench.report.standings_terminal import standings_table
    from detbench.words import printable

    options: dict[str, Any] = {
        "protocol": protocol,
        "split": split,
        "format_name": format_name,
        "unknown": unknown.value if unknown else None,
        "join": join.value if join else None,
        "resamples": resamples,
        "seed": seed,
        "count": count,
        "count_threshold": count_threshold,
    }
    terms = _terms(ground_truth, {name: value for name, value in options.items() if value is not None})
    folders = [one for one in folders_in(folder) if not _is_same(one, output)]
    _require_free(output, [folder, *folders, *([ground_truth] if ground_truth else [])])
    found = scores(
        folders,
        terms,
        kept=output / _KEPT,
        workers=workers or os.cpu_count() or 1,
        watch=lambda total: progress("evaluating", total, "models"),
    )
    for name, reason in found.broken.items():
        say(f"error: {name}: {reason}")
    standings, results = ranked(
        found.runs, metric=metric, cards=found.cards, broken=found.broken, allow_mixed=allow_mixed
    )
    shown = None
    if pictures is not None and standings.dataset is not None:
        from detbench.report.picture_data import picture_data

        shown = picture_data(pictures, standings.dataset)
    places = {run.source: place for run, place in zip(found.runs, found.places, strict=True)}
    _write(standings, results, places, output, shown)
    if as_json:
        print_json_text(standings.to_json().decode())
    else:
        console = stdout()
        console.print(printable(plain(headline(standings))), markup=False)
        if standings.of("ranked"):
            console.print()
            console.print(standings_table(standings))
    for remark in standings.remarks:
        say(f"{remark.severity}: {remark.message}")
    if not standings.of("ranked"):
        raise DataError("holds no model that can be ranked", file=folder, remedy="standings.json says why of each")
    if found.broken:
        raise typer.Exit(_EXIT_FINDINGS)


def _terms(ground_truth: Path | None, options: dict[str, Any]) -> Terms | None:
    """Return how predictions are evaluated, None without ground truth. Raises UsageError for options without it."""
    if ground_truth is None:
        if options:
            named = ", ".join(f"--{name.removesuffix('_name').replace('_', '-')}" for name in options)
            raise UsageError(f"{named} is for evaluating predictions: give --ground-truth too, or leave it out")
        return None
    from detbench.evaluation.options import CountOptions
    from detbench.evaluation.protocols import protocol_named
    from detbench.evaluation.submissions.scores import Terms

    CountOptions(options.get("count"), options.get("count_threshold")).checked()
    rules = protocol_named(options.pop("protocol", "coco"))
    return Terms(ground_truth=ground_truth, protocol=rules, **options)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _require_free(output: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError, before minutes are spent, if the leaderboard would go over what it is made from."""
    from detbench.evaluation.submissions.folder import is_read

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; say another folder with -o")
    if any(map(is_read, output.glob("*"))):
        raise UsageError(f"{output} holds a model, which would not be ranked; say another folder with -o")
    target = Path(os.path.realpath(output))
    for path in inputs:
        given = Path(os.path.realpath(path))  # which takes links in circles as they are
        if target == given or given.is_relative_to(target / "models") or given.is_relative_to(target / _KEPT):
            raise UsageError(f"{output} would be written over what it comes from; say another folder with -o")


def _write(
    standings: Standings,
    results: Mapping[str, Document],
    places: Mapping[str, Path],
    output: Path,
    pictures: Dataset | None,
) -> None:
    """Write the page, the tables, and a folder for each model with its result, draws and, of the first, its page."""
    from detbench.evaluation.drawn_file import DRAWS
    from detbench.evaluation.runs import RESULT
    from detbench.files import replacing
    from detbench.report.standings_files import model_folders, rendered_standings, write_all

    files = {output / name: data for name, data in rendered_standings(standings, results, pictures=pictures).items()}
    folders = {entry: output / "models" / name for entry, name in model_folders(standings).items()}
    write_all(files | {place / RESULT: results[name].to_json() for name, place in folders.items()})
    for entry in standings.entries:
        if entry.name in folders and (draws := places[entry.source] / DRAWS).is_file():
            with draws.open("rb") as given, replacing(folders[entry.name] / DRAWS, durable=False) as file:
                shutil.copyfileobj(given, file)
    say(
        f"wrote {output / 'index.html'}, standings.json, .md, .tex and .csv"
        + (", and a folder for each model" if folders else "")
    )
