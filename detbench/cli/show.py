"""``detbench show``: pictures with their boxes, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detbench.data.tables import Dataset

__all__ = ["show"]

_MOST_IMAGES = 500


def show(
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="A folder, or a file that ends in .html or .png.", show_default=False)
    ],
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; recognised if not given.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split to show; everything if not given.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=_MOST_IMAGES, help="How many images.")] = 12,
    images: Annotated[
        list[str] | None, typer.Option("--images", help="An image's id, file name or stem, in place of chance.")
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only boxes of this category.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Predictions, or a folder of detbench predict, to draw over the ground truth.")
    ] = None,
    min_score: Annotated[float, typer.Option(help="The lowest score of a prediction that is drawn.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other images.")] = 0,
) -> None:
    """Draw pictures with their boxes: a folder, a contact sheet, or a page.

    A folder gets one picture an image and contact.png; a name that ends in
    .png gets the contact sheet alone; one that ends in .html gets a page that
    holds its pictures and needs nothing else. Images are drawn at random, one
    from each of equal stretches of the split. --images and --category may be
    repeated.

    \b
    [bold]Examples[/bold]
    detbench show VOC2007 --split test -o look.html
    detbench show coco --category person -n 30 -o people.png
    detbench show coco --split val2017 --predictions yolo.json -o folder
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import progress, say
    from detbench.cli.reading import read_leniently
    from detbench.report.selection import Selection, category_rows, choose_rows, image_rows
    from detbench.report.show import show as write
    from detbench.words import counted

    dataset = read_leniently(path, split=split, format_name=format_name)
    categories = category_rows(dataset, category or ())
    if images:
        rows, how = image_rows(dataset, images), "as asked for"
    else:
        rows = choose_rows(dataset, count, seed=seed, categories=categories)
        how = f"drawn at random with seed {seed}" if len(rows) < len(dataset.images) else ""
    given = None
    if predictions is not None:
        from detbench.data.predictions import read_predictions
        from detbench.evaluation.prediction_folder import predictions_at

        given = read_predictions(predictions_at(predictions), dataset).predictions
    selection = Selection(dataset, rows, how, categories, given, min_score)
    with progress("drawing", len(rows)) as advance:
        written = write(selection, out, advance=advance)
    say(f"wrote {written[-1] if len(written) == 1 else out} with {counted(len(rows), 'picture')}")
    if missing := sum(not _is_there(dataset, row) for row in rows):
        many = "is missing" if missing == 1 else "are missing"
        say(f"note: {missing:,} of {counted(len(rows), 'picture')} {many}, with a grey canvas in its place")


def _is_there(dataset: Dataset, row: int) -> bool:
    """Return whether an image's picture can be read."""
    from detbench.errors import DataError

    try:
        return dataset.pictures.size_bytes(row) > 0
    except DataError:
        return False
