"""``detbench split``: one dataset into parts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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

if TYPE_CHECKING:
    from detbench.data.tables import Dataset

__all__ = ["split"]


class By(StrEnum):
    """What is kept together; by itself, sequences where there are enough of them."""

    auto = "auto"
    sequence = "sequence"
    random = "random"


def split(  # one parameter for each option
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    output: OutOption,
    by: Annotated[By, typer.Option(help="Keep sequences together, draw single images, or as it fits.")] = By.auto,
    fractions: Annotated[str, typer.Option(help="The parts' names and shares.")] = "train=0.8,val=0.2",
    seed: SeedOption = 0,
    source_split: Annotated[
        str | None, typer.Option("--split", help="Split this split of the source; everything if not given.")
    ] = None,
    format_name: FormatOption = None,
    to: ToOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Split a dataset into parts that share no sequence.

    Neighbouring frames of a film are near-duplicates, so a sequence stays in
    one part. Names that differ only in their last run of digits are one
    sequence: 20161029_NTU_00012.png and 20161029_NTU_00013.png. Where there
    are fewer sequences than parts, single images are drawn at random, unless
    --by sequence is said.

    \b
    [bold]Examples[/bold]
    detbench split CARPK_devkit -o carpk_split --split train
    detbench split VOC2007 -o parts --by random --fractions a=0.5,b=0.5
    detbench split UAVDT -o uavdt_voc --to voc --seed 3
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.findings import Findings
    from detbench.data.formats import get_format, read_dataset
    from detbench.data.output import new_folder, writer_of
    from detbench.data.split import parse_fractions, split_dataset

    shares = parse_fractions(fractions)
    dataset = read_dataset(path, split=source_split, format_name=format_name)
    target = get_format(to or dataset.format).name
    write = writer_of(target)
    parts = split_dataset(dataset, shares, by=_resolved(by, dataset, len(shares)), seed=seed)
    notes = Findings()
    with new_folder(output, sources=[path], overwrite=overwrite) as folder:
        for part in parts.values():
            write(part.dataset, folder, notes)
    rows = [
        {
            "split": name,
            "images": len(part.dataset.images),
            "boxes": len(part.dataset.ground_truth),
            "sequences": part.sequences,
        }
        for name, part in parts.items()
    ]
    say_notes(notes)
    print_written(rows, output=output, format_name=target, as_json=json)


def _resolved(by: By, dataset: Dataset, parts: int) -> Literal["sequence", "random"]:
    """Return how to split, saying so where it was left open."""
    from detbench.cli.console import say
    from detbench.data.split import count_sequences
    from detbench.words import counted

    if by is not By.auto:
        return "sequence" if by is By.sequence else "random"
    sequences = count_sequences(dataset)
    if sequences >= parts:
        say(f"split by sequence: the names are of {counted(sequences, 'sequence')}; --by random draws single images")
        return "sequence"
    say(f"split at random: the names are of {counted(sequences, 'sequence')}, fewer than the {parts} parts")
    return "random"
