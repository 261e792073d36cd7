"""``detbench draw``: a built-in dataset, drawn on demand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.writing import JsonOption, OutOption, OverwriteOption, SeedOption, print_written, say_notes
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.data.tables import Dataset

__all__ = ["draw"]


def draw(  # one parameter for each option
    name: Annotated[str, typer.Argument(help="The built-in dataset: parking.", show_default=False)],
    output: OutOption,
    images: Annotated[int, typer.Option(help="How many images the whole set has.")] = 120,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Draw only this split; may be given again. All if not given.", show_default=False),
    ] = None,
    seed: SeedOption = 0,
    size: Annotated[str, typer.Option(help="Width and height in pixels, each 160 to 4096.")] = "640x480",
    to: Annotated[str, typer.Option("--to", help="The format to write.")] = "coco",
    workers: Annotated[
        int | None, typer.Option(help="Processes that draw; one a core if not given.", show_default=False)
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Draw a built-in dataset: nothing to download, and the same options give the same set.

    [bold]parking[/bold]: car parks seen from a drone, with cars, vans and trucks. Frames come in
    flights of five, and whole flights are dealt to train, val and test.

    \b
    [bold]Examples[/bold]
    detbench draw parking -o parking
    detbench draw parking -o small --images 15 --size 320x240
    detbench draw parking -o testset --split test --to voc
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    import os
    import tempfile

    from detbench.cli.console import progress, say
    from detbench.data.findings import Findings
    from detbench.data.formats import get_format
    from detbench.data.output import new_folder, writer_of
    from detbench.data.synthetic import SYNTHETIC_NAMES, parking

    if name not in SYNTHETIC_NAMES:
        raise UsageError(f"there is no built-in dataset {name!r}; there is {', '.join(SYNTHETIC_NAMES)}")
    target = get_format(to).name
    write, size_px, splits = writer_of(target), _parse_size(size), tuple(split or parking.SPLITS)
    notes = Findings()
    with (
        new_folder(output, sources=[], overwrite=overwrite) as folder,
        tempfile.TemporaryDirectory(prefix="detbench-draw-") as aside,
        progress("drawing", parking.count_images(images, splits)) as advance,
    ):
        drawn = parking.draw(
            Path(aside),
            images=images,
            seed=seed,
            size_px=size_px,
            splits=splits,
            workers=workers if workers is not None else os.cpu_count() or 1,
            advance=advance,
        )
        for dataset in drawn.values():
            write(dataset, folder, notes)
    say_notes(notes)
    for dataset in drawn.values():
        if not len(dataset.images):
            say(f"note: {dataset.split} is empty: whole flights of five images are dealt out; draw more with --images")
    print_written([_row(dataset) for dataset in drawn.values()], output=output, format_name=target, as_json=json)


def _row(dataset: Dataset) -> dict[str, Any]:
    """Return what is said of a split that was drawn."""
    images, boxes = len(dataset.images), len(dataset.ground_truth)
    empty = images - len(set(dataset.ground_truth.image.tolist()))
    return {"split": dataset.split, "images": images, "boxes": boxes, "without boxes": empty}


def _parse_size(text: str) -> tuple[int, int]:
    """Return width and height of ``"640x480"``. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})[x×]([0-9]{1,6})", text)
    if found is None:
        raise UsageError(f"--size is {text!r}; write width and height, such as 640x480")
    return int(found[1]), int(found[2])
