"""``detbench leaderboard``: a folder of models becomes a page that ranks them."""

from __future__ import annotations

import os
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
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import DatasetFacts
    from detbench.evaluation.submissions.scores import Terms

__all__ = ["leaderboard"]

_EXIT_FINDINGS = 1


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
    from detbench.cli.board_folder import KEPT, held, require_free, write_board
    from detbench.evaluation.standings.rank import standings as ranked
    from detbench.evaluation.submissions.scores import scores
    from detbench.report.sections.headline import headline, plain
    from detbench.report.standings_terminal import notes, standings_table
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
    folders = _models_in(folder, output)
    require_free(output, [folder, *folders, *([ground_truth] if ground_truth else [])])
    if not folders:
        raise DataError("holds a leaderboard and no models", file=folder, remedy="put a folder for each model there")
    with held(output):
        shown = _pictures(pictures, terms)
        found = scores(
            folders,
            terms,
            kept=output / KEPT,
            workers=workers or os.cpu_count() or 1,
            watch=lambda total: progress("evaluating", total, "models"),
        )
        for name, reason in found.broken.items():
            say(f"error: {name}: {reason}")
        standings, results = ranked(
            found.runs, metric=metric, cards=found.cards, broken=found.broken, allow_mixed=allow_mixed
        )
        places = {run.source: place for run, place in zip(found.runs, found.places, strict=True)}
        say(write_board(standings, results, places, output, shown(standings.dataset), profiles))
    if as_json:
        print_json_text(standings.to_json().decode())
    else:
        console = stdout()
        console.print(printable(plain(headline(standings))), markup=False)
        if standings.of("ranked"):
            console.print()
            console.print(standings_table(standings))
    for note in notes(standings):
        say(note)
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


def _models_in(folder: Path, output: Path) -> list[Path]:
    """Return the folders of models, without those of leaderboards. Raises DataError if there are no folders."""
    from detbench.cli.board_folder import is_board
    from detbench.evaluation.submissions.folder import folders_in

    found = [one for one in folders_in(folder) if not (one.exists() and output.exists() and one.samefile(output))]
    boards = [one for one in found if is_board(one)]
    for board in boards:
        say(f"note: {board} is left out: it is a leaderboard, not a model")
    return [one for one in found if one not in boards]


def _pictures(place: Path | None, terms: Terms | None) -> Callable[[DatasetFacts | None], Dataset | None]:
    """Return what gives the pictures of what was measured on; they are those of the ground truth, where it is given.

    Raises DataError, before anything is evaluated, where they are not.
    """
    from detbench.data.formats import read_dataset
    from detbench.evaluation.assemble import dataset_facts
    from detbench.report.picture_data import picture_data

    truth = found = None
    if place and terms:
        truth = dataset_facts(read_dataset(terms.ground_truth, split=terms.split, format_name=terms.format_name))
        found = picture_data(place, truth)

    def pictures(measured: DatasetFacts | None) -> Dataset | None:
        if place is None or measured is None:
            return None
        return found if truth and truth.fingerprint == measured.fingerprint else picture_data(place, measured)

    return pictures
