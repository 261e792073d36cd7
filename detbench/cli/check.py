"""``detbench check``: what in a dataset will hurt, before it does."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.text import Text

    from detbench.data.check.run import CheckReport, SplitFacts
    from detbench.data.findings import Finding

__all__ = ["check", "print_findings", "totals"]

_EXIT_FINDINGS = 1
_COLOURS = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


def check(
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; recognised if not given.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="A split to check; repeatable. All if not given.")] = None,
    protocol: Annotated[str, typer.Option(help="The protocol whose maxDets crowded images are held against.")] = "coco",
    max_dets: Annotated[int | None, typer.Option(min=1, help="Another maxDets than the protocol's.")] = None,
    pictures: Annotated[bool, typer.Option(help="Decode every picture, or check the annotations alone.")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads that decode; one a core if not given.")] = None,
    limit_per_code: Annotated[int, typer.Option(min=0, help="Examples shown of each kind of finding.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Look for everything in a dataset that will hurt, and say what to do about it.

    Reads all splits, decodes every picture, and reports boxes that are empty
    or leave their image, coordinates in another convention than the format's,
    ids given twice, pictures that are broken, turned, of another size, or in
    two splits, and more. The exit status is 1 if any finding is an error.
    Every code is explained in docs/reference/findings.md.

    \b
    [bold]Examples[/bold]
    detbench check VOC2007
    detbench check coco --split val2017 --no-pictures
    detbench check CARPK_devkit --max-dets 300 --json > findings.json
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, progress, stdout
    from detbench.data.check.run import check_path
    from detbench.evaluation.protocols import protocol_named

    report = check_path(
        path,
        split_names=split,
        format_name=format_name,
        max_dets=max_dets or protocol_named(protocol).max_dets[-1],
        protocol_name="--max-dets" if max_dets else protocol,
        open_pictures=pictures,
        workers=workers,
        watch=lambda total: progress("decoding", total),
    )
    if json:
        print_json(report.to_dict())
    else:
        _print_report(report, stdout(), limit_per_code)
    if any(finding.severity == "error" for finding in report.findings):
        raise typer.Exit(_EXIT_FINDINGS)


def _print_report(report: CheckReport, console: Console, limit: int) -> None:
    from rich.text import Text

    from detbench.words import printable

    console.print(Text.assemble((printable(str(report.path)), "bold"), f"  {report.format}"), soft_wrap=True)
    for split in report.splits:
        console.print(Text(printable(f"  {_split_line(split)}")))
    print_findings(report.by_code(), report.path, console, limit)
    console.print()
    console.print(Text(totals(report.findings), "bold"))


def print_findings(by_code: Mapping[str, Sequence[Finding]], root: Path, console: Console, limit: int) -> None:
    """Print findings by their codes, at most ``limit`` of each; files below ``root`` go by their names in it."""
    from rich.text import Text

    for code, findings in by_code.items():
        severity = findings[0].severity
        console.print()
        console.print(Text.assemble((f"{severity} {code}", _COLOURS[severity]), f"  {len(findings):,}"))
        for finding in findings[:limit]:
            _print_finding(finding, root, console)
        if len(findings) > limit:
            console.print(Text(f"  … and {len(findings) - limit:,} more; --json lists them all", "dim"))
        for remedy in dict.fromkeys(finding.remedy for finding in findings):
            _print_indented(Text.assemble(("→ ", "green"), remedy), 2, console)


def _print_finding(finding: Finding, root: Path, console: Console) -> None:
    """Print one finding, its file relative to ``root`` where it lies beneath; its place and its message apart."""
    from rich.text import Text

    file = Path(finding.file)
    name = "" if file == root else str(file.relative_to(root) if file.is_relative_to(root) else file)
    place = ", ".join(part for part in (name, finding.record) if part)
    if place:
        _print_indented(Text(place), 2, console)
    _print_indented(Text(finding.message, "dim" if place else ""), 4 if place else 2, console)


def _print_indented(text: Text, columns: int, console: Console) -> None:
    """Print ``text`` with its wrapped lines indented too, without control characters or trailing spaces.

    A path that is longer than the line stays in one piece: it is there to be copied.
    """
    from rich.cells import cell_len
    from rich.text import Text

    from detbench.words import printable

    text.plain = printable(text.plain)
    breaks, used = [], 0
    for word in re.finditer(r"\S+\s*", text.plain):
        if used and used + cell_len(word[0].rstrip()) > console.width - columns:
            breaks.append(word.start())
            used = 0
        used += cell_len(word[0])
    for line in text.divide(breaks):
        line.rstrip()
        console.print(Text(" " * columns) + line, soft_wrap=True)


def _split_line(split: SplitFacts) -> str:
    from detbench.words import counted

    name = f"{split.name}: " if split.name else ""
    counts = f"{counted(split.images, 'image')}, {counted(split.boxes, 'box', 'boxes')}"
    if split.made_of:
        return f"{name}{counts}; {' + '.join(split.made_of)}, checked as such"
    return f"{name}{counts}" + (f", {counted(split.pictures, 'picture')} decoded" if split.pictures else "")


def totals(findings: Sequence[Finding]) -> str:
    """Return how many there are of each severity, in words."""
    from detbench.words import counted

    if not findings:
        return "no findings"
    counts = Counter(str(finding.severity) for finding in findings)
    return ", ".join(counted(counts[name], name) for name in ("error", "warning", "note"))
