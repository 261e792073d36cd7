"""``detbench pack``: predictions into one Arrow file, which is mapped instead of parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.console import say
from detbench.cli.options import (
    FormatOption,
    Join,
    JoinOption,
    PredictionsFormatOption,
    SplitOption,
    Unknown,
    UnknownOption,
)
from detbench.errors import UsageError

__all__ = ["pack"]


def pack(
    ground_truth: Annotated[Path, typer.Argument(help="The dataset that the predictions are of.", show_default=False)],
    predictions: Annotated[Path, typer.Argument(help="Predictions in any form that eval reads.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The .arrow or .feather file to write.", show_default=False)
    ],
    split: SplitOption = None,
    format_name: FormatOption = None,
    predictions_format: PredictionsFormatOption = None,
    unknown: UnknownOption = Unknown.error,
    join: JoinOption = Join.id,
) -> None:
    """Rewrite predictions as an Arrow file.

    It holds what was read, to the last bit, with the ground truth's own ids:
    eval gives the same numbers, and reads it in milliseconds.

    \b
    [bold]Examples[/bold]
    detbench pack instances_val2017.json results.json -o results.arrow
    detbench pack VOC2007 results/Main --split test -o results.arrow
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.data.formats import read_dataset
    from detbench.data.predictions import arrow_ipc, read_predictions
    from detbench.evaluation.prediction_folder import predictions_at
    from detbench.files import require_writable
    from detbench.words import counted

    if output.suffix.lower() not in arrow_ipc.SUFFIXES:
        raise UsageError(f"{output} does not end in {' or '.join(arrow_ipc.SUFFIXES)}")
    arrow_ipc.pyarrow()
    require_writable(output)
    dataset = read_dataset(ground_truth, split=split, format_name=format_name)
    given = predictions_at(predictions)
    loaded = read_predictions(given, dataset, format_name=predictions_format, unknown=unknown.value, join=join.value)
    arrow_ipc.write(loaded.predictions, dataset, output)
    for reason, count in loaded.dropped.items():
        say(f"note: {counted(count, 'prediction')} left out: {reason}")
    say(f"{counted(len(loaded.predictions), 'prediction')} written to {output}")
