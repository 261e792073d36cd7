"""``detbench predict``: run a detector over a dataset's pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.classical import ClassicalDetector

__all__ = ["predict"]


class Detector(StrEnum):
    """The kinds of detector that can be run."""

    CLASSICAL = "classical"


def predict(
    data: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The file to write: COCO results JSON, or Arrow by its suffix.", show_default=False
        ),
    ],
    detector: Annotated[Detector, typer.Option(help="The kind of detector.")] = Detector.CLASSICAL,
    split: Annotated[str | None, typer.Option(help="The split to predict; everything if not given.")] = None,
    fit_split: Annotated[
        str | None, typer.Option(help="Fit the detector on this split first; train if no --model is given.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Use this fitted detector instead of fitting one.", show_default=False)
    ] = None,
    save_model: Annotated[
        Path | None, typer.Option(help="Keep the fitted detector in this .npz file.", show_default=False)
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; recognised if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random draws in fitting.")] = 0,
) -> None:
    """Run a detector over a dataset's pictures and write what it finds.

    [bold]classical[/bold] is fitted in under a minute, without a network or a download, on the
    split that --fit-split names. When it predicts it sees pictures only.

    \b
    [bold]Examples[/bold]
    detbench predict parking --split test -o predictions.json
    detbench predict parking --split val --save-model m.npz -o val.json
    detbench predict other --model m.npz -o predictions.arrow
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    import time

    from detbench.cli.console import progress, say
    from detbench.data.formats import read_dataset
    from detbench.data.predictions.write import writer_for
    from detbench.detectors.predict import predict as run
    from detbench.files import require_writable
    from detbench.words import counted

    if fit_split is None and model is None:
        fit_split = "train"
    _check_choices(fit_split, model, save_model)
    write = writer_for(output)
    dataset = read_dataset(data, split=split, format_name=format_name)
    examples = read_dataset(data, split=fit_split, format_name=format_name) if fit_split is not None else None
    for file in (output, save_model):
        if file is not None:
            require_writable(file)
    if fit_split is not None and split in {None, fit_split}:
        say(f"note: the images of {fit_split} are fitted on and predicted: their scores will be too good")
    fitted = _obtain(examples, model, save_model, seed)
    start = time.perf_counter()
    with progress("predicting", len(dataset.images)) as advance:
        predictions = run(fitted, dataset, advance=advance)
    seconds = time.perf_counter() - start
    write(predictions, dataset, output)
    count = len(dataset.images)
    speed = f"{counted(count, 'image')} in {seconds:.1f} s, {count / seconds:.1f} images/s, decoding included"
    say(f"{detector.value}: {speed}")
    say(f"{counted(len(predictions), 'prediction')} written to {output}")


def _check_choices(fit_split: str | None, model: Path | None, save_model: Path | None) -> None:
    """Say what contradicts, before anything takes time. Raises UsageError."""
    if fit_split is not None and model is not None:
        raise UsageError("--fit-split fits a detector and --model takes a fitted one; say one of them")
    if model is not None and save_model is not None:
        raise UsageError("--save-model keeps a detector that is fitted here; --model takes one that is kept already")


def _obtain(examples: Dataset | None, model: Path | None, save_model: Path | None, seed: int) -> ClassicalDetector:
    """Return the detector, read from ``model`` or fitted to ``examples``."""
    import time

    from detbench.cli.console import progress, say
    from detbench.detectors import classical
    from detbench.words import counted

    if model is not None:
        return classical.load(model)
    if examples is None:
        raise UsageError("there is nothing to fit a detector to; say --fit-split or --model")
    start = time.perf_counter()
    with progress("fitting", classical.steps_of(examples), "steps") as advance:
        fitted = classical.fit(examples, seed=seed, advance=advance)
    say(
        f"fitted on {counted(len(examples.images), 'image')} of {examples.split} in {time.perf_counter() - start:.1f} s"
    )
    if save_model is not None:
        classical.save(fitted, save_model)
    return fitted
