"""``detbench report``: a result becomes a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.console import say
from detbench.errors import UsageError


def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="The result.json that detbench eval wrote, or the folder it is in.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page (FILE.html), or the folder to write report.html into.")
    ] = Path("report.html"),
) -> None:
    """Write the page of a result: one HTML file with its numbers, curves, categories and remarks.

    The page needs no network and no other file: send it, print it, keep it. The same result gives the same bytes.

    \b
    [bold]Examples[/bold]
    detbench report run1/result.json                # writes report.html here
    detbench report run1/result.json -o yolox.html
    detbench report run1/result.json -o pages/      # pages/report.html
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    from detbench.evaluation.results import Result
    from detbench.files import make_folder
    from detbench.report.pages import write_report

    file = result / "result.json" if result.is_dir() else result
    page = output if output.suffix.lower() in {".html", ".htm"} else output / "report.html"
    loaded = Result.load(file)
    if page.exists() and page.samefile(file):
        raise UsageError(f"{page} would be written over the result it comes from; say another name with -o")
    make_folder(page.parent)
    write_report(loaded, page)
    say(f"wrote {page}")
