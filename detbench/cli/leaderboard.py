"""``detbench leaderboard``: a folder of models becomes a page that ranks them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.console import print_json_text, progress, say, stdout
from detbench.cli.options import (
    AllowMixedOption,
    IfEvaluating,
    MetricOption,
    PicturesOption,
    ProfileOption,
    given_options,
)
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings
    from detbench.evaluation.submissions.scores import Terms

__all__ = ["leaderboard"]

_EXIT_FINDINGS = 1

#: What has been evaluated is kept here, in the folder that is written.
_KEPT = ".cache"


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
    metric: MetricOption = None,
    allow_mixed: AllowMixedOption = False,
    pictures: PicturesOption = None,
    profile: ProfileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the standings as JSON instead of a table.")] = False,
    protocol: IfEvaluating.Protocol = None,
    split: IfEvaluating.Split = None,
    format_name: IfEvaluating.Format = None,
    unknown: IfEvaluating.Unknown = None,
    join: IfEvaluating.Join = None,
    resamples: IfEvaluating.Resamples = None,
    seed: IfEvaluating.Seed = None,
    count: IfEvaluating.Count = None,
    count_threshold: IfEvaluating.CountThreshold = None,
    workers: IfEvaluating.Workers = None,
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
    from detbench.timing.files import read_profile
    from detbench.words import printable

    options = given_options(
        ground_truth,
        protocol=protocol,
        split=split,
        format_name=format_name,
        unknown=unknown,
        join=join,
        resamples=resamples,
        seed=seed,
        count=count,
        count_threshold=count_threshold,
    )
    terms = _terms(ground_truth, **options) if ground_truth else None
    profiles = [read_profile(path) for path in profile or ()]
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
    _write(standings, results, places, output, pictures=shown, profiles=profiles)
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


def _terms(ground_truth: Path, *, protocol: str = "coco", **options: Any) -> Terms:
    """Return how predictions are evaluated. Raises UsageError."""
    from detbench.evaluation.options import CountOptions
    from detbench.evaluation.protocols import protocol_named
    from detbench.evaluation.submissions.scores import Terms

    CountOptions(options.get("count"), options.get("count_threshold")).checked()
    return Terms(ground_truth=ground_truth, protocol=protocol_named(protocol), **options)


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
    **shown: Any,
) -> None:
    """Write the page, the tables, and a folder for each model with its result, draws and, of the first, its page.

    ``shown`` is what the page shows beside the results, as :func:`rendered_standings` takes it.
    """
    from detbench.evaluation.drawn_file import DRAWS
    from detbench.evaluation.runs import RESULT
    from detbench.files import replacing
    from detbench.report.standings_files import model_folders, rendered_standings, write_all

    files = {output / name: data for name, data in rendered_standings(standings, results, **shown).items()}
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
