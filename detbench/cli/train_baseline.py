"""``detbench train-baseline``: a recipe and a dataset to a run folder."""

from __future__ import annotations

import shlex
import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.checkpoints.run_folder import RunFolder
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.evaluation.results import Result

__all__ = ["train_baseline"]

#: Panels of the help.
_OF_RUN = "The run"
_OF_MACHINE = "Where it runs"

#: Exit statuses: a loss that was no number; Ctrl-C or a polite kill.
_STOPPED, _INTERRUPTED = 1, 130


class Backend(StrEnum):
    """What Keras runs on."""

    tensorflow = "tensorflow"
    jax = "jax"
    torch = "torch"


class Reader(StrEnum):
    """What reads the pictures."""

    tfdata = "tfdata"
    plain = "plain"


class Precision(StrEnum):
    """What numbers are computed with."""

    float32 = "float32"
    mixed = "mixed"


def _complete_recipe(incomplete: str) -> list[str]:
    from detbench.detectors.recipes.read import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def train_baseline(  # noqa: PLR0913  one parameter for each option
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A shipped recipe's name, or a TOML file.",
            autocompletion=_complete_recipe,
            show_default=False,
        ),
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="The dataset: any format, TFRecords too.", show_default=False)
    ],
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="RUN",
            help="The run's folder. What has a '=' is taken as --set.",
            show_default=False,
        ),
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a setting of the recipe.", show_default=False),
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split to train on; the recipe's if not given.")] = None,
    eval_split: Annotated[str | None, typer.Option(help="The split to score on; the recipe's if not given.")] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; recognised if not given.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="imagenet|none|PATH", help="What the backbone begins with.", rich_help_panel=_OF_RUN),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", rich_help_panel=_OF_RUN, help="How long.")] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", rich_help_panel=_OF_RUN, help="Pictures a step; the learning rate grows with it."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", rich_help_panel=_OF_RUN, help="Of everything random.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_OF_RUN, help="Go on with the run in RUN, exactly.")
    ] = False,
    backend: Annotated[
        Backend | None,
        typer.Option(
            rich_help_panel=_OF_MACHINE, help="What Keras runs on: KERAS_BACKEND, or tensorflow.", show_default=False
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="cpu|gpu|gpu:0,1|gpu:all|cpu:2",
            rich_help_panel=_OF_MACHINE,
            help="One device or several; cpu:2 takes the processor for two.",
        ),
    ] = "auto",
    machines: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|env", rich_help_panel=_OF_MACHINE, help="Train on several machines: a list of them as JSON."
        ),
    ] = None,
    precision: Annotated[
        Precision | None, typer.Option(rich_help_panel=_OF_MACHINE, help="The recipe's if not given.")
    ] = None,
    xla: Annotated[
        bool | None,
        typer.Option(
            "--xla/--no-xla", rich_help_panel=_OF_MACHINE, help="Compile a step as a whole.", show_default=False
        ),
    ] = None,
    reader: Annotated[
        Reader | None,
        typer.Option(
            rich_help_panel=_OF_MACHINE,
            help="What reads the pictures: tfdata on tensorflow, else plain.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of tables.")] = False,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Train nothing: measure where the time of a step goes. Needs no RUN."),
    ] = False,
) -> None:
    """Train Faster R-CNN by a recipe, and score it.

    RUN gets the recipe with every setting, the best and the last weights, logs
    for TensorBoard and spreadsheets, the result and its report. A run that was
    ended, by Ctrl-C or a power cut, goes on with --resume where it was.

    \b
    [bold]Examples[/bold]
    detbench train-baseline parking_small --data parking -o run
    detbench train-baseline bccd_mobilenet --data bccd -o run --steps 500
    detbench train-baseline my.toml --data voc -o run -s run.seed=1
    detbench train-baseline run/recipe.toml --data voc -o run --resume
    detbench train-baseline coco_r50_fpn_1x --data coco --profile

    Exit status: 1 where a loss was no number (the batch is kept), 130 after
    Ctrl-C.
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    from detbench.cli.console import print_json_text, say
    from detbench.cli.eval import save_result, show_result
    from detbench.data.formats import read_dataset
    from detbench.detectors.checkpoints.run_folder import RunFolder
    from detbench.detectors.train.guard import fingerprints, require_startable
    from detbench.detectors.train.resolving import resolved_recipe
    from detbench.files import require_utf8_name

    folder, overrides = _folder_and_overrides(output or [], changed or [])
    if folder is None and not profile:
        raise UsageError("say a folder for the run, with -o")
    for place in (recipe, data, *filter(None, [folder, weights])):  # they are written down
        require_utf8_name(place)
    said = {
        "run.steps": steps,
        "run.batch_size": batch_size,
        "run.seed": seed,
        "run.precision": precision and precision.value,
        "run.xla": None if xla is None else str(xla).lower(),
        "evaluation.train_split": split,
        "evaluation.split": eval_split,
        "model.weights": weights if weights in {"imagenet", "none"} else None,
    }
    overrides += [f"{key}={value}" for key, value in said.items() if value is not None]
    chosen = resolved_recipe(recipe, overrides)
    where = (backend.value if backend else None, device, machines)
    how: dict[str, Any] = {
        "weights": weights,
        "resume": resume,
        "reader": reader.value if reader else None,
        "name": Path(recipe).stem,
    }
    train_set = read_dataset(data, split=chosen.evaluation.train_split, format_name=format_name)
    if folder is None or profile:
        from detbench.cli.training_profile import measure_and_show

        measure_and_show(chosen, train_set, _devices(*where), how, as_json=as_json)
        return
    eval_set = read_dataset(data, split=chosen.evaluation.split, format_name=format_name)
    run = RunFolder(folder)
    if machines is None:  # of several processes the first alone may look for a folder that is empty
        require_startable(run, chosen, fingerprints(train_set, eval_set), resume=resume)
    devices = _devices(*where)
    how["command"] = shlex.join(["detbench", *sys.argv[1:]])
    again = shlex.join(["detbench", "train-baseline", str(run.recipe), "--data", str(data), "-o", str(folder)])
    times = chosen.run.steps * chosen.run.batch_size / max(len(train_set.images), 1)
    say(f"{_of(train_set)} to train on, {times:.0f} times each; {_of(eval_set)} to score on")
    say(f"{devices.backend} on {devices.kind}")
    result = _train(chosen, train_set, eval_set, run, devices, how, again=f"{again} --resume")
    if devices.process == 0:
        save_result(result, folder)
        if as_json:
            print_json_text(result.to_json().decode())
        else:
            show_result(result, per_category=True)
        say(f"next: {shlex.join(['detbench', 'predict', str(folder), str(data), '--split', 'SPLIT', '-o', 'found'])}")
    else:
        say("done; the first machine has written the run")


def _of(dataset: Dataset) -> str:
    """Return how many images a split has, and its name."""
    from detbench.words import counted

    return f"{counted(len(dataset.images), 'image')} of {dataset.split or 'the dataset'}"


def _folder_and_overrides(output: list[str], changed: list[str]) -> tuple[Path | None, list[str]]:
    """Return the folder among the values of -o, and the overrides there and of -s. Raises UsageError."""
    folders = [said for said in output if "=" not in said]
    if len(folders) > 1:
        raise UsageError(f"say one folder for the run, with -o, not {len(folders)}")
    return Path(folders[0]) if folders else None, [*changed, *(said for said in output if "=" in said)]


def _devices(backend: str | None, device: str, machines: str | None) -> Devices:
    """Return the devices, with the backend imported; what it says of itself at every start is held back."""
    from detbench.cli.console import stderr_held
    from detbench.detectors.train.backend import choose_backend
    from detbench.detectors.train.devices import open_devices
    from detbench.detectors.train.machines import read_machines

    name = choose_backend(backend)
    cluster = read_machines(machines) if machines else None
    with stderr_held():
        return open_devices(name, device, cluster)


def _train(
    recipe: Recipe,
    train_set: Dataset,
    eval_set: Dataset,
    run: RunFolder,
    devices: Devices,
    how: dict[str, Any],
    *,
    again: str,
) -> Result:
    """Train; say what a person has to know of an end that came early, and exit with its status."""
    from detbench.cli.console import say, stderr_held
    from detbench.cli.training_watch import TrainingWatch

    with stderr_held():
        from detbench.detectors.train.broken import NotFinite
        from detbench.detectors.train.building import How
        from detbench.detectors.train.loop import Interrupted
        from detbench.detectors.train.run import train

    with closing(TrainingWatch(recipe.evaluation.metric, terminal=sys.stderr.isatty())) as watch:
        try:
            return train(recipe, train_set, eval_set, run, devices, How(**how), watch)
        except Interrupted as ended:
            said, status = f"interrupted by {ended.by} after step {ended.step:,}; to go on: {again}", _INTERRUPTED
        except NotFinite as broken:
            said, status = f"error: {broken}", _STOPPED
    say(said)
    raise typer.Exit(status)
