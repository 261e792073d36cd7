"""``detbench predict``: anybody's model over anybody's pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.detectors.adapters.contract import Adapter, Wanted
    from detbench.detectors.predict.run import Predicted
    from detbench.detectors.predict.sources import Source
    from detbench.timing.prediction_times import PredictionTimes

__all__ = ["predict"]

_PICTURES, _MODEL, _CLASSICAL = "The pictures", "The model", "The classical detector"


class Device(StrEnum):
    """Where a model may run."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class Weights(StrEnum):
    """Which of a training run's checkpoints."""

    BEST = "best"
    LAST = "last"


class Unknown(StrEnum):
    """What to do with predictions of categories that the dataset lacks."""

    ERROR = "error"
    DROP = "drop"


def predict(  # noqa: PLR0913, PLR0917  one parameter for each option
    model: Annotated[
        str,
        typer.Argument(
            help="A training run, an .onnx file, a SavedModel, FILE.py:FUNCTION, classical, or a fitted .npz.",
            metavar="MODEL",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            help="A dataset, a folder of pictures, a picture, or a video.", metavar="DATA", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write.", metavar="RUN", show_default=False)
    ],
    split: Annotated[
        str | None, typer.Option(help="The split to predict; everything if not given.", rich_help_panel=_PICTURES)
    ] = None,
    proposals: Annotated[
        int | None, typer.Option(min=1, help="Write the proposals too, at most so many an image.")
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Pictures that go into the model together.", rich_help_panel=_MODEL)
    ] = 1,
    device: Annotated[Device, typer.Option(help="Where the model runs.", rich_help_panel=_MODEL)] = Device.AUTO,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Leave lower scores out; the model's own if not given.", rich_help_panel=_MODEL
        ),
    ] = None,
    draw: Annotated[
        str | None, typer.Option(help="Draw the boxes on this many pictures, or on all.", metavar="N|all")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The first so many pictures only.", rich_help_panel=_PICTURES)
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(
            help="The model's categories: a file, one name a line, or coco.",
            metavar="FILE|coco",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    unknown: Annotated[
        Unknown, typer.Option(help="What to do with a category that the dataset lacks.", rich_help_panel=_MODEL)
    ] = Unknown.ERROR,
    adapter: Annotated[
        str | None, typer.Option(help="What an ONNX file is; recognised if not given.", rich_help_panel=_MODEL)
    ] = None,
    checkpoint: Annotated[Weights, typer.Option(help="Of a training run.", rich_help_panel=_MODEL)] = Weights.BEST,
    warm_up: Annotated[
        int, typer.Option(min=0, help="Batches that are run before time is taken.", rich_help_panel=_MODEL)
    ] = 3,
    fit_split: Annotated[
        str | None,
        typer.Option(help="Fit the classical detector on this split; train if not given.", rich_help_panel=_CLASSICAL),
    ] = None,
    save_model: Annotated[
        Path | None,
        typer.Option(
            help="Keep the fitted classical detector in this .npz file.", show_default=False, rich_help_panel=_CLASSICAL
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random draws in fitting.", rich_help_panel=_CLASSICAL)] = 0,
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="The dataset's format; recognised if not given.", rich_help_panel=_PICTURES),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the model; as it is given if not.")] = None,
    arrow: Annotated[bool, typer.Option("--arrow", help="Write predictions as Arrow, which is read fastest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is at the output.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Run a model over pictures: predictions, proposals, and how long each stage took.

    RUN is for detbench eval, which takes it whole. [bold]classical[/bold] is a detector
    without a network; it is fitted first, in under a minute.

    \b
    [bold]Examples[/bold]
    detbench predict yolox.onnx coco --split val2017 -o runs/yolox
    detbench predict runs/parking parking --split test -o found --proposals 2000
    detbench predict my.py:detect photos/ -o runs/mine --draw 20
    detbench predict classical parking --split test -o runs/classical
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import progress, say, stdout_kept
    from detbench.data.input import require_file_or_folder
    from detbench.data.output import new_folder
    from detbench.data.predictions.write import writer_for
    from detbench.detectors.adapters.contract import Wanted
    from detbench.detectors.adapters.naming import read_naming
    from detbench.detectors.adapters.opening import kind_of
    from detbench.detectors.predict.output import write_run
    from detbench.detectors.predict.record import RECORD
    from detbench.detectors.predict.run import run
    from detbench.detectors.predict.sources import open_source
    from detbench.files import require_utf8_name

    kind, drawn = kind_of(model), _drawn_count(draw)
    _check_choices(model, kind, fit_split, save_model)
    require_file_or_folder(data)
    for said in filter(None, (model, data, split, categories, name)):  # they are written down
        require_utf8_name(said)
    if min_score is not None and min_score != min_score:  # noqa: PLR0124  only NaN differs from itself
        raise UsageError("--min-score is nan, and should be a number from 0 to 1")
    if arrow:
        writer_for(Path("predictions.arrow"))
    options = {
        "split": split,
        "proposals": proposals,
        "batch_size": batch_size,
        "device": device.value,
        "min_score": min_score,
        "limit": limit,
        "categories": categories,
        "unknown": unknown.value,
        "adapter": adapter,
        "checkpoint": checkpoint.value if kind == "run" else None,
        "warm_up": warm_up,
        "fit_split": fit_split,
        "seed": seed if model == "classical" else None,
    }
    wanted = Wanted(
        min_score=min_score,
        proposals=proposals or 0,
        batch_size=batch_size,
        device=device.value,
        naming=read_naming(categories) if categories is not None else None,
        weights=checkpoint.value,
    )
    kept = [] if model == "classical" else [Path(model.rpartition(":")[0] if kind == "function" else model)]
    with new_folder(
        output,
        sources=[data, *kept],
        overwrite=overwrite,
        ours=lambda folder: (folder / RECORD).is_file(),
        kind="run of detbench predict",
    ) as folder:
        source = open_source(data, split=split, format_name=format_name, limit=limit)
        if model == "classical":
            opened = _fitted(data, split, fit_split or "train", format_name, save_model, seed, wanted)
        else:
            opened = _opened(model, kind, wanted, adapter)
        for note in opened.facts.notes:
            say(f"note: {note}")
        pencil = _Pencil(folder, source, opened, drawn)
        with stdout_kept(), progress("predicting", source.count) as advance, pencil:
            predicted = run(
                opened,
                source,
                model=model,
                unknown=unknown.value,
                warm_up=warm_up,
                each=pencil.draw,
                advance=advance,
            )
        times = write_run(
            folder,
            predicted,
            opened.facts,
            source,
            model=name or model,
            options=options,
            with_proposals=proposals is not None,
            arrow=arrow,
        )
    for note in pencil.notes:
        say(f"note: {note}")
    _say_result(predicted, times, output, as_json=json, with_proposals=proposals is not None)


def _drawn_count(text: str | None) -> int | None:
    """Return how many pictures to draw, None for all of them. Raises UsageError."""
    if text is None:
        return 0
    if text == "all":
        return None
    if not text.isdecimal():
        raise UsageError(f"--draw is {text!r} and should be a number or all")
    return int(text)


def _check_choices(model: str, kind: str, fit_split: str | None, save_model: Path | None) -> None:
    """Say what contradicts, before anything takes time. Raises UsageError, DataError."""
    from detbench.files import require_writable

    if model != "classical":
        for option, value in (("--fit-split", fit_split), ("--save-model", save_model)):
            if value is not None:
                is_kept = " that is fitted already" if kind == "classical" else ""
                raise UsageError(f"{option} is for classical, which is fitted here; {model} is a model{is_kept}")
    if save_model is not None:
        require_writable(save_model)


def _opened(model: str, kind: str, wanted: Wanted, adapter: str | None) -> Adapter:
    """Return the adapter of a model that is kept somewhere; frameworks are kept quiet while they are loaded."""
    import contextlib

    from detbench.cli.console import stderr_held, stdout_kept
    from detbench.detectors.adapters.opening import open_model

    talkative = kind in {"run", "saved-model"}
    with stdout_kept(), stderr_held() if talkative else contextlib.nullcontext():
        opened = open_model(model, wanted, adapter=adapter)
    if wanted.proposals and not opened.facts.proposals:
        raise UsageError(f"{model} gives no proposals; leave --proposals out")
    return opened


def _fitted(
    data: Path,
    split: str | None,
    fit_split: str,
    format_name: str | None,
    save_model: Path | None,
    seed: int,
    wanted: Wanted,
) -> Adapter:
    """Return the classical detector, fitted to a split."""
    import time

    from detbench.cli.console import progress, say
    from detbench.data.formats import read_dataset
    from detbench.detectors import classical
    from detbench.detectors.adapters.classical import ClassicalAdapter
    from detbench.words import counted

    if wanted.proposals:
        raise UsageError("classical gives no proposals; leave --proposals out")
    examples = read_dataset(data, split=fit_split, format_name=format_name)
    if split in {None, fit_split}:
        say(f"note: the images of {fit_split} are fitted on and predicted: their scores will be too good")
    start = time.perf_counter()
    with progress("fitting", classical.steps_of(examples), "steps") as advance:
        fitted = classical.fit(examples, seed=seed, advance=advance)
    say(f"fitted on {counted(len(examples.images), 'image')} of {fit_split} in {time.perf_counter() - start:.1f} s")
    if save_model is not None:
        classical.save(fitted, save_model)
    return ClassicalAdapter(fitted, wanted)


class _Pencil:
    """Draws what was found on the first so many pictures, into a folder or a video."""

    def __init__(self, folder: Path, source: Source, adapter: Adapter, count: int | None) -> None:
        self._folder, self._source, self._adapter, self._left = folder / "pictures", source, adapter, count
        self._writer: Any = None
        self._boxes = 0

    def draw(self, frame: Any, found: Any) -> None:
        """Draw one picture, unless there are enough."""
        from detbench.report.found import DRAWN_FROM, PictureWriter, VideoWriter, drawn

        if self._left == 0:
            return
        if self._writer is None:
            rate = getattr(self._source, "frames_per_second", None)
            self._writer = (
                PictureWriter(self._folder) if rate is None else VideoWriter(self._folder / "video.mp4", rate)
            )
        names = self._names()
        pixels = frame.picture.pixels
        scale = [pixels.shape[1] / frame.picture.size_px[0], pixels.shape[0] / frame.picture.size_px[1]] * 2
        self._writer.add(drawn(pixels, found.box * scale, found.score, found.category, names), frame.file_name)
        self._boxes += int((found.score >= DRAWN_FROM).sum())
        self._left = self._left - 1 if self._left is not None else None

    @property
    def notes(self) -> list[str]:
        """Say so if pictures were drawn, but no box on them."""
        from detbench.report.found import DRAWN_FROM

        if self._writer is None or self._boxes:
            return []
        lower = "detbench show draws lower ones: --predictions, --min-score"
        return [f"no box has a score of {DRAWN_FROM} or more on the pictures that were drawn; {lower}"]

    def _names(self) -> Any:
        if self._adapter.categories is not None or self._source.dataset is None:
            return self._adapter.categories
        return self._source.dataset.categories.name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End the video."""
        if self._writer is not None:
            self._writer.close()


def _say_result(
    predicted: Predicted, times: PredictionTimes, output: Path, *, as_json: bool, with_proposals: bool
) -> None:
    """Print what was written and how long it took."""
    from detbench.cli.console import print_json, printable, say, stdout
    from detbench.report.timing_tables import device_in_words
    from detbench.words import counted

    for note in predicted.notes:
        say(f"note: {note}")
    if predicted.left_out:
        many = counted(predicted.left_out, "prediction")
        say(f"note: {many} left out, of categories that the dataset lacks")
    numbers = {
        "images": len(predicted.dataset.images),
        "predictions": len(predicted.predictions),
        "proposals": len(predicted.proposals) if with_proposals else None,
        "left_out": predicted.left_out,
    }
    if as_json:
        import msgspec

        stages = {stage: msgspec.to_builtins(taken.p50) for stage, taken in times.stages.items()}
        facts = {"output": str(output), "model": times.model, "adapter": times.adapter, "device": times.device}
        print_json(facts | numbers | {"median_ms": stages, "fps": msgspec.to_builtins(times.fps)})
        return
    from rich.text import Text

    console = stdout()
    console.print(_table_of(times))
    what = counted(numbers["predictions"] or 0, "prediction")
    if with_proposals:
        what += f" and {counted(len(predicted.proposals), 'proposal')}"
    rate = f"{times.fps.value:.1f} images/s on {device_in_words(times.device)}, batch size {times.batch_size}"
    images = counted(numbers["images"] or 0, "image")
    console.print(Text(printable(f"{images}, {rate}; {what} written to {output}")))


def _table_of(times: PredictionTimes) -> Any:
    """Return the stages' quantiles as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for heading in ("ms an image", "p50", "95 % interval", "p90", "p99"):
        table.add_column(heading, justify="left" if heading == "ms an image" else "right")
    for stage, taken in times.stages.items():
        bounds = (taken.p50.low_ms, taken.p50.high_ms)
        interval = "–".join("?" if bound is None else f"{bound:.2f}" for bound in bounds) if any(bounds) else "–"
        quantiles = [f"{one.value_ms:.2f}" for one in (taken.p50, taken.p90, taken.p99)]
        table.add_row(stage.replace("_", "-"), quantiles[0], interval, *quantiles[1:])
    return table
