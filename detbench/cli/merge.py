"""``detbench merge``: several datasets into one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.console import say
from detbench.cli.writing import (
    FormatOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    ToOption,
    print_written,
    say_notes,
)
from detbench.errors import UsageError

__all__ = ["merge"]


class Merging(StrEnum):
    """What the categories must be."""

    same = "same"
    union = "union"


def merge(  # one parameter for each option
    paths: Annotated[list[Path], typer.Argument(help="Two datasets or more.", show_default=False)],
    output: OutOption,
    categories: Annotated[
        Merging, typer.Option(help="Insist on the same category names, or keep those of all.")
    ] = Merging.same,
    format_name: FormatOption = None,
    to: ToOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Merge datasets into one, in the format of the first.

    Categories are joined by name. Where two datasets share an image's id or
    file name, all their images get their dataset's name before their own.
    Splits are kept if all datasets have the same ones.

    \b
    [bold]Examples[/bold]
    detbench merge site_a site_b -o both
    detbench merge CARPK_devkit drone_cars -o cars --to coco --categories union
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.findings import Findings
    from detbench.data.formats import get_format, read_with_splits
    from detbench.data.merge import merge as merge_datasets
    from detbench.data.merge import plan_merge
    from detbench.data.output import new_folder, writer_of

    if len(paths) < 2:  # noqa: PLR2004  one is nothing to merge
        raise UsageError("merge takes two datasets or more")
    read = [read_with_splits(path, format_name=format_name) for path in paths]
    wholes = [whole for whole, _ in read]
    target = get_format(to or wholes[0].format).name
    write = writer_of(target)
    plan = plan_merge(wholes, categories=categories.value)
    splits = [tuple(parts) for _, parts in read]
    kept: tuple[str | None, ...] = splits[0] if len(set(splits)) == 1 and splits[0] else (None,)
    if any(splits) and kept == (None,):
        say("the datasets have different splits: merged into one without splits")
    rows = []
    notes = Findings()
    with new_folder(output, sources=paths, overwrite=overwrite) as folder:
        for name in kept:
            parts = [by_split[name] for _, by_split in read] if name else wholes
            merged = merge_datasets(parts, plan, name=output.resolve().name, split=name)
            write(merged, folder, notes)
            rows.append({"split": name, "images": len(merged.images), "boxes": len(merged.ground_truth)})
    if plan.prefixes[0]:
        say(f"images share names, so each has its dataset's before its own: {', '.join(plan.prefixes)}")
    say_notes(notes)
    print_written(rows, output=output, format_name=target, as_json=json)
