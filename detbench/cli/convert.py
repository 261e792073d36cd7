"""``detbench convert``: a dataset becomes TFRecord shards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from detbench.cli.console import print_json, progress, say, stdout
from detbench.words import counted

if TYPE_CHECKING:
    from detbench.data.records.receipt import Receipt

__all__ = ["convert"]

_WHAT = "What to take"
_HOW = "How to store it"
_WHERE = "Where it stops and goes on"


def convert(  # noqa: PLR0913  one parameter for each option
    source: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.")],
    out: Annotated[Path, typer.Argument(help="A folder that is new or empty.")],
    *,
    format_name: Annotated[
        str | None, typer.Option("--format", help="The source's format; recognised if not said.", rich_help_panel=_WHAT)
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="A split to take; may be repeated. All, if not said.", rich_help_panel=_WHAT),
    ] = None,
    only_categories: Annotated[
        str, typer.Option(metavar="A,B", help="Keep the boxes of these categories only.", rich_help_panel=_WHAT)
    ] = "",
    only_images: Annotated[
        bool,
        typer.Option("--only-images", help="Keep the images with a kept box only.", rich_help_panel=_WHAT),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="At most N images of a split.", rich_help_panel=_WHAT)
    ] = None,
    per_category: Annotated[
        int | None, typer.Option(metavar="N", help="At most N images of a category.", rich_help_panel=_WHAT)
    ] = None,
    shuffle: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Shuffle the images; their order is kept if not.", rich_help_panel=_HOW),
    ] = None,
    shards: Annotated[
        int | None, typer.Option(metavar="N", help="How many shards a split has.", rich_help_panel=_HOW)
    ] = None,
    shard_bytes: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="About how large a shard is; 128MiB by default.", rich_help_panel=_HOW),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads, by default all cores; same bytes.", rich_help_panel=_HOW),
    ] = None,
    check_pictures: Annotated[
        bool,
        typer.Option(
            "--check-pictures/--no-check-pictures",
            help="Decode every picture to find the broken ones.",
            rich_help_panel=_WHERE,
        ),
    ] = True,
    on_bad: Annotated[
        Literal["raise", "skip"],
        typer.Option(help="Stop at what is broken, or leave it out and count it.", rich_help_panel=_WHERE),
    ] = "raise",
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a conversion that was interrupted.", rich_help_panel=_WHERE)
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace an earlier one, once the new is complete.", rich_help_panel=_WHERE),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Convert a dataset to TFRecord shards, a label map, a manifest and a receipt.

    The records have the TF Object Detection API's schema, and more. JPEG and
    PNG pictures are stored byte for byte. The same source and options give the
    same bytes. Everything that is dropped or clipped is counted in receipt.json.

    \b
    [bold]Examples[/bold]
    detbench convert VOCdevkit/VOC2007 voc-records
    detbench convert coco records --split train2017 --only-categories person,car
    detbench convert carpk records --shards 8 --shuffle 1 --on-bad skip
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.records.convert import convert as convert_dataset

    begun = time.perf_counter()
    receipt = convert_dataset(
        source,
        out,
        format_name=format_name,
        splits=split or (),
        only_categories=[name.strip() for name in only_categories.split(",") if name.strip()],
        only_images=only_images,
        limit=limit,
        per_category=per_category,
        shards=shards,
        shard_bytes=shard_bytes,
        shuffle=shuffle,
        check_pictures=check_pictures,
        on_bad=on_bad,
        workers=workers,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
    )
    elapsed = time.perf_counter() - begun
    if as_json:
        print_json(receipt.to_dict())
    else:
        _print(receipt, out)
    _warn(receipt)
    rate = f"{receipt.images / elapsed:,.0f} images/s, {receipt.record_bytes / elapsed / 1e6:,.0f} MB/s"
    say(f"{counted(receipt.images, 'image')} in {elapsed:.1f} s: {rate}")


def _print(receipt: Receipt, out: Path) -> None:
    """Print the accounts: what came in and went out, and what changed, by reason."""
    from rich.markup import escape
    from rich.table import Table

    console = stdout()
    splits = Table("split", box=None, header_style="bold", pad_edge=False)
    # What could not be read at all is rare: it has a column only if there is some.
    rare = ("unreadable",) if any(change.unreadable for change in receipt.changes.values()) else ()
    for name in ("images in", "out", "boxes in", "out", "regions", "shards", "MB", *rare):
        splits.add_column(name, justify="right")
    for name, facts in receipt.splits.items():
        counts = (facts.images_in, facts.images_out, facts.boxes_in, facts.boxes_out, facts.regions_out, facts.shards)
        cells = [f"{count:,}" for count in counts] + [f"{facts.record_bytes / 1e6:,.1f}"]
        splits.add_row(escape(name), *cells, *(f"{facts.unreadable:,}" for _ in rare))
    console.print(splits)
    if receipt.changes:
        changes = Table("", "why", box=None, header_style="bold", pad_edge=False)
        for name in ("images", "boxes", *rare):
            changes.add_column(name, justify="right")
        for change in receipt.changes.values():
            numbers = (change.images, change.boxes, *(change.unreadable for _ in rare))
            met = (f"{number:,}" if number else "" for number in numbers)
            changes.add_row(change.action, change.why, *met)
        console.print()
        console.print(changes)
    console.print()
    console.print(
        escape(f"{out}: shards, label_map.json, label_map.pbtxt, manifest.json, receipt.json"), soft_wrap=True
    )


def _warn(receipt: Receipt) -> None:
    """Say what nobody should overlook: what the reader could not take, a line for each reason, and empty splits."""
    for change in receipt.changes.values():
        if change.unreadable:
            first = change.examples[0]
            say(f"warning: unreadable: {change.unreadable:,}: {change.why}; first {first.where}: {first.detail}")
    for name, facts in receipt.splits.items():
        if not facts.images_out:
            left = f", though the source has {counted(facts.images_in, 'image')}" if facts.images_in else ""
            say(f"warning: split {name} has 0 records{left}")
