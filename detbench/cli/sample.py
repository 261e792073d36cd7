"""``detbench sample``: some images of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.writing import (
    FormatOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    SeedOption,
    ToOption,
    print_written,
    say_notes,
)
from detbench.errors import UsageError

__all__ = ["sample"]


def sample(  # one parameter for each option
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    output: OutOption,
    images: Annotated[int | None, typer.Option(min=1, help="How many images.", show_default=False)] = None,
    per_category: Annotated[
        int | None, typer.Option(min=1, help="Draw until every category is on this many images.", show_default=False)
    ] = None,
    seed: SeedOption = 0,
    source_split: Annotated[
        str | None, typer.Option("--split", help="Draw from this split; from everything if not given.")
    ] = None,
    format_name: FormatOption = None,
    to: ToOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Draw some images of a dataset, with their boxes.

    \b
    [bold]Examples[/bold]
    detbench sample coco -o coco_100 --images 100 --split val2017
    detbench sample VOC2007 -o voc_small --per-category 20 --seed 1
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.findings import Findings
    from detbench.data.formats import get_format, read_dataset
    from detbench.data.output import new_folder, writer_of
    from detbench.data.sample import sample_images, sample_per_category

    if (images is None) == (per_category is None):
        raise UsageError("say either --images or --per-category")
    dataset = read_dataset(path, split=source_split, format_name=format_name)
    target = get_format(to or dataset.format).name
    write = writer_of(target)
    if images is not None:
        drawn = sample_images(dataset, images, seed=seed)
    else:
        drawn = sample_per_category(dataset, per_category or 0, seed=seed)
    notes = Findings()
    with new_folder(output, sources=[path], overwrite=overwrite) as folder:
        write(drawn, folder, notes)
    row = {"split": drawn.split, "images": len(drawn.images), "boxes": len(drawn.ground_truth)}
    say_notes(notes)
    print_written([row], output=output, format_name=target, as_json=json)
