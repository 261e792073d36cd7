"""``detbench verify``: whether the records are what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.console import print_json

if TYPE_CHECKING:
    from detbench.data.records.verify import Verification

__all__ = ["verify"]


def verify(
    out: Annotated[Path, typer.Argument(help="A converted folder, any folder of TFRecord files, or one such file.")],
    decode: Annotated[
        bool, typer.Option("--decode", help="Also read every record and decode its picture in full.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check TFRecord files: every record's checksums, and all that the manifest says.

    A flipped bit is reported with its file, record and byte. Files of another
    program, which have no manifest, have their checksums checked. The exit
    status is 1 if any finding is an error.

    \b
    [bold]Examples[/bold]
    detbench verify voc-records
    detbench verify voc-records --decode --json
    detbench verify somebody-elses/train.record
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.app import EXIT_FINDINGS
    from detbench.data.records.verify import verify as verify_records

    done = verify_records(out, decode=decode)
    if as_json:
        print_json(done.to_dict())
    else:
        _print(done)
    if not done.sound:
        raise typer.Exit(EXIT_FINDINGS)


def _print(done: Verification) -> None:
    """Print every finding, one a paragraph, and the sum of it."""
    for finding in done.findings.items:
        where = f"{finding.file}, {finding.record}" if finding.record else finding.file
        typer.echo(f"{finding.severity} {finding.code}: {where}: {finding.message}; {finding.remedy}")
    against = "checked against the manifest" if done.manifest else "no manifest: checksums only"
    verdict = ("sound" if done.records else "empty") if done.sound else "not sound"
    records, files = (
        f"{count:,} {noun}{'s' * (count != 1)}"
        for count, noun in ((done.records, "whole record"), (done.files, "file"))
    )
    typer.echo(f"{verdict}: {records} in {files}, {done.length_bytes / 1e6:,.1f} MB ({against})")
