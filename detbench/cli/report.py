"""``detbench report``: a result becomes a page; several become a page that ranks them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from detbench.cli.console import print_json, print_json_text, say
from detbench.cli.options import (  # noqa: TC001  wanted at run time by Typer
    AllowMixedOption,
    MetricOption,
    PicturesOption,
    ProfileOption,
)
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detbench.evaluation.document import DatasetFacts
    from detbench.evaluation.standings.document import ModelCard
    from detbench.timing.document import Profile


class Format(StrEnum):
    """What a report can be written as."""

    html = "html"
    md = "md"
    tex = "tex"
    csv = "csv"
    json_flat = "json-flat"


class _Beside(NamedTuple):
    """What a page is to show beside its results: the dataset that has their pictures, and timings of operators."""

    pictures: Path | None
    profiles: list[Profile]

    def shown(self, measured: DatasetFacts | None) -> dict[str, Any]:
        """Return it as pages take it. Raises DataError if the pictures are not of what was measured on."""
        pictures = None
        if self.pictures is not None and measured is not None:
            from detbench.report.picture_data import picture_data

            pictures = picture_data(self.pictures, measured)
        return {"pictures": pictures, "profiles": self.profiles}


_FLAT = Format.json_flat.value
_PAGES = (".html", ".htm")


def report(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT…", help="What detbench eval -o wrote: its folder, or the result.json in it."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write into; of one result also the page (FILE.html). If not said, report.html, and of "
            "several results the folder report.",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="LIST",
            help="What to write, separated by commas: html, md, tex, csv, and json-flat for standard output. If not "
            "said, the page; of several results all but json-flat.",
            show_default=False,
        ),
    ] = None,
    metric: MetricOption = None,
    allow_mixed: AllowMixedOption = False,
    pictures: PicturesOption = None,
    profile: ProfileOption = None,
) -> None:
    """Write the page of a result, or of several: who is ahead, by how much, and how sure that is.

    One HTML file with numbers, curves, errors and remarks, which needs no network and no other file: send it, print
    it, keep it. Several results are ranked, and their table is written as Markdown, LaTeX, CSV and JSON too. The same
    results give the same bytes.

    \b
    [bold]Examples[/bold]
    detbench report run1                         # writes report.html here
    detbench report run1/result.json -o yolox.html
    detbench report run1 run2 run3 -o pages/     # pages/index.html, …
    detbench report runs/* -o pages --format md  # pages/standings.md
    detbench report run1 run2 -o pages --pictures coco
    detbench report run1 --format json-flat | jq .AP
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    wanted = _formats(formats, several=len(results) > 1)
    for option, value in (("pictures", pictures), ("profile", profile)):
        if value and Format.html.value not in wanted:
            raise UsageError(f"--{option} is for the page: name html in --format too, or leave it out")
    if wanted == [_FLAT]:
        if output is not None:
            raise UsageError("json-flat is written to standard output: leave out -o, or name another format too")
        if metric is not None:
            raise UsageError("json-flat ranks nothing: leave out --metric, or name another format too")
        _print_flat(results)
        return
    from detbench.timing.files import read_profile

    beside = _Beside(pictures, [read_profile(path) for path in profile or ()])
    formats_wanted = [name for name in wanted if name != _FLAT]
    made = _made(results, formats_wanted, output, metric, beside, allow_mixed=allow_mixed)
    _require_free(made, [*results, *(profile or ())])
    from detbench.report.standings_files import write_all
    from detbench.words import counted

    written = write_all(made)
    say(f"wrote {written[0]}" + (f" and {counted(len(written) - 1, 'more file')}" if len(written) > 1 else ""))
    if _FLAT in wanted:
        _print_flat(results)


def _formats(given: str | None, *, several: bool) -> list[str]:
    """Return the formats that are wanted, each once. Raises UsageError for one that there is not."""
    every = [name.value for name in Format]
    if given is None:
        return [name for name in every if name != _FLAT] if several else [Format.html.value]
    wanted = list(dict.fromkeys(name.strip().lower() for name in given.split(",") if name.strip()))
    if unknown := [name for name in wanted if name not in every]:
        raise UsageError(f"there is no format {unknown[0]!r:.60}; give some of {', '.join(every)}")
    if not wanted:
        raise UsageError(f"--format names nothing; give some of {', '.join(every)}")
    return wanted


def _print_flat(results: Sequence[Path]) -> None:
    """Print one result's numbers by name, or several results' by model."""
    from detbench.evaluation.runs import folder_of, written_run
    from detbench.evaluation.standings.naming import told_apart
    from detbench.report.exports.flat import json_flat

    runs = [written_run(path, draws_needed=False) for path in results]
    if len(runs) == 1:
        print_json(runs[0].document.to_flat())
        return
    names = told_apart([run.name for run in runs], [folder_of(run.source) for run in runs])
    print_json_text(json_flat({name: run.document for name, run in zip(names, runs, strict=True)}))


def _made(
    results: Sequence[Path],
    formats: Sequence[str],
    output: Path | None,
    metric: str | None,
    beside: _Beside,
    *,
    allow_mixed: bool,
) -> dict[Path, bytes]:
    """Return the files to write with what goes into them, the page first."""
    is_page = output is not None and output.suffix.lower() in _PAGES
    page: dict[Path, bytes] = {}
    if len(results) == 1 and Format.html.value in formats:
        page = _one(results[0], output or Path(), metric, beside, is_page=is_page)
        formats = [name for name in formats if name != Format.html.value]
    if page and not formats:
        return page
    if is_page:
        raise UsageError(f"{output} is one page, and there is more to write: name a folder with -o")
    from detbench.evaluation.runs import written_run
    from detbench.evaluation.standings.rank import standings
    from detbench.report.standings_files import rendered_standings

    runs = [written_run(path, draws_needed=False) for path in results]
    ranked, documents = standings(runs, metric=metric, cards=_cards(results), allow_mixed=allow_mixed)
    folder = output or Path("" if len(results) == 1 else "report")
    shown = beside.shown(ranked.dataset) if Format.html.value in formats else {}
    files = rendered_standings(ranked, documents, formats=formats, **shown)
    return page | {folder / name: data for name, data in files.items()}


def _one(result: Path, output: Path, metric: str | None, beside: _Beside, *, is_page: bool) -> dict[Path, bytes]:
    """Return the page of one result, which ranks nothing; but a ``metric`` that there is not was not meant."""
    from detbench.evaluation.ranking import require_rankable
    from detbench.evaluation.results import Result
    from detbench.report.pages import render_report

    loaded = Result.load(result / "result.json" if result.is_dir() else result)
    if metric is not None:
        require_rankable(metric, list(loaded.metrics))
    page = render_report(loaded, **beside.shown(loaded.dataset))
    return {output if is_page else output / "report.html": page.encode()}


def _cards(results: Iterable[Path]) -> dict[str, ModelCard]:
    """Return what lies beside the results about their models, by what the user called each."""
    from detbench.evaluation.submissions.model_card import card_in

    cards = {str(path): card_in(path if path.is_dir() else path.parent) for path in results}
    return {source: card for source, card in cards.items() if card}


def _require_free(outputs: Iterable[Path], results: Sequence[Path]) -> None:
    """Raise UsageError if something would be written over what it comes from."""
    inputs = [
        file
        for path in results
        for file in (path, path / "result.json", path / "draws.npz", path / "profile.json")
        if file.is_file()
    ]
    for output in outputs:
        if output.exists() and any(output.samefile(file) for file in inputs):
            raise UsageError(
                f"{output} would be written over the result or the profile it comes from; say another name with -o"
            )
