"""``detbench draw``: a built-in dataset, drawn on demand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from detbench.errors import UsageError

__all__ = ["draw"]


def draw(
    name: Annotated[str, typer.Argument(help="The built-in dataset: parking.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write to.", show_default=False)],
    images: Annotated[int, typer.Option(help="How many images the whole set has.")] = 120,
    split: Annotated[
        list[str] | None, typer.Option(help="Draw only this split; may be given again. All if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another set.")] = 0,
    size: Annotated[str, typer.Option(help="Width and height in pixels.")] = "640x480",
    to: Annotated[str, typer.Option("--to", help="The format to write: coco, voc, …")] = "coco",
    workers: Annotated[
        int | None, typer.Option(help="Processes that draw; one a core if not given.", show_default=False)
    ] = None,
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
    from detbench.data.formats import get_format
    from detbench.data.synthetic import SYNTHETIC_NAMES, parking

    if name not in SYNTHETIC_NAMES:
        raise UsageError(f"there is no built-in dataset {name!r}; there is {', '.join(SYNTHETIC_NAMES)}")
    write = get_format(to).write
    if write is None:
        raise UsageError(f"{to} is only read, not written; take coco or voc")
    splits = tuple(split or parking.SPLITS)
    total = parking.count_images(images, splits)
    with tempfile.TemporaryDirectory(prefix="detbench-draw-") as aside, progress("drawing", total) as advance:
        drawn = parking.draw(
            Path(aside),
            images=images,
            seed=seed,
            size_px=_parse_size(size),
            splits=splits,
            workers=workers or os.cpu_count() or 1,
            advance=advance,
        )
        for dataset in drawn.values():
            write(dataset, out)
    for part, dataset in drawn.items():
        empty = len(dataset.images) - len(set(dataset.ground_truth.image.tolist()))
        counts = f"{len(dataset.images):,} images, {len(dataset.ground_truth):,} vehicles, {empty:,} empty"
        say(f"{part}: {counts}")
    say(f"written to {out} as {to}")


def _parse_size(text: str) -> tuple[int, int]:
    """Return width and height of ``"640x480"``. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})[x×]([0-9]{1,6})", text)
    if found is None:
        raise UsageError(f"--size is {text!r}; write width and height, such as 640x480")
    return int(found[1]), int(found[2])
