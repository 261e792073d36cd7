"""A training run from a recipe to a result: what it is made of is put together here."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

import keras

from detbench import __version__
from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import FileFacts, RunDataset, RunRecord
from detbench.detectors.faster_rcnn.model import build_model
from detbench.detectors.input.training_input import TrainingInput
from detbench.detectors.recipes.read import read_recipe
from detbench.detectors.recipes.write import recipe_to_toml
from detbench.detectors.train.broken import NotFinite
from detbench.detectors.train.evaluating import Evaluation
from detbench.detectors.train.keeping import Keeper
from detbench.detectors.train.logs import Logs, NoLogs
from detbench.detectors.train.loop import Interrupted, Training, look, loop, note
from detbench.detectors.train.optimizer import Optimizer
from detbench.detectors.train.resolving import differences
from detbench.detectors.train.state import restore
from detbench.detectors.train.steppers import stepper_for
from detbench.detectors.train.stopping import stop_asked_for
from detbench.detectors.train.watch import Watch
from detbench.environment import environment
from detbench.errors import UsageError
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.files import write_text

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.checkpoints.run_folder import RunFolder
    from detbench.detectors.input.readers import ReaderName
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.evaluation.results import Result

__all__ = ["How", "train"]


@dataclass(frozen=True, slots=True)
class How:
    """How a run is made, beside its recipe.

    ``weights`` – ``imagenet``, ``none`` or a file; None: what the recipe says. ``reader`` – None: TensorFlow's where
    that is the backend. ``name`` and ``command`` go into the record.
    """

    resume: bool = False
    weights: str | None = None
    reader: ReaderName | None = None
    name: str = ""
    command: str = ""


def train(
    recipe: Recipe,
    train_set: Dataset,
    eval_set: Dataset,
    run: RunFolder,
    devices: Devices,
    how: How = How(),
    watch: Watch | None = None,
) -> Result:
    """Train a model, keep what comes of it in ``run``, and return the best weights' score on ``eval_set``.

    Raises
    ------
    UsageError
        If the folder holds something and is not to be resumed, or was made otherwise than is asked now.
    DataError
        If a picture or a file of the run cannot be read, or the run is being written to by another process.
    NotFinite
        If a loss is not finite.
    Interrupted
        If somebody asked for an end; the run can be resumed.
    """
    watch = watch or Watch()
    devices.require_divides(recipe.run.batch_size)
    writes = devices.process == 0
    if writes and not how.resume:
        _require_empty(run)
    with ExitStack() as stack:
        if writes:
            stack.enter_context(run.claim())
        made_of = {"training": dataset_fingerprint(train_set), "evaluation": dataset_fingerprint(eval_set)}
        if how.resume:
            _require_same(run, recipe, made_of)
        batch, seed = recipe.run.batch_size, recipe.run.seed
        evaluation = Evaluation.of(
            eval_set, train_set.categories, recipe.evaluation, recipe.input, batch, how.name or "baseline"
        )
        pictures = TrainingInput(
            train_set,
            recipe.input,
            batch_size=batch,
            seed=seed,
            process=devices.process,
            process_count=devices.process_count,
        )
        model, optimizer = _built(recipe, len(train_set.categories), devices)
        if how.resume:
            step, record = _restored(run, model, optimizer), _going_on(run)
        else:
            step, weights = 0, _pretrained(model, recipe, how, watch)
            facts = _environment(devices, recipe) | ({"weights": weights} if weights else {})
            record = _record(recipe, train_set, model, how, facts)
        if writes:
            write_text(run.recipe, recipe_to_toml(recipe))
            record = _with_recipe(record, run)
            record.write(run.record)
        keeper = Keeper(run, record, {"made_of": made_of}, writes=writes)
        logs = Logs(run, after_step=step) if writes else NoLogs(run, after_step=step)
        stack.callback(logs.close)
        training = Training(
            recipe=recipe,
            folder=run.path,
            devices=devices,
            model=model,
            optimizer=optimizer,
            stepper=stepper_for(model, optimizer, devices, xla=recipe.run.xla),
            pictures=pictures,
            reader=how.reader or ("tfdata" if devices.backend == "tensorflow" else "plain"),
            evaluation=evaluation,
            keeper=keeper,
            logs=logs,
            watch=watch,
            stop=stack.enter_context(stop_asked_for()),
        )
        return _made(training, run, step)


def _made(training: Training, run: RunFolder, first: int) -> Result:
    """Make the steps and the last evaluation, and note how it ended."""
    try:
        loop(training, first)
        result = _last_look(training, run)
    except Interrupted:
        training.keeper.end("interrupted")
        raise
    except NotFinite:
        training.keeper.end("failed")
        raise
    training.keeper.end("finished")
    return result


def _last_look(training: Training, run: RunFolder) -> Result:
    """Score the last weights; return the score, with intervals, of the best."""
    steps, begin = training.recipe.run.steps, perf_counter()
    result = look(training, steps, intervals=True)
    note(training, steps, result, perf_counter() - begin)
    best = training.keeper.best
    if best is None or best.step == steps:
        return result
    restore(run.best, read_arrays(run.best)[0], training.model)
    return look(training, best.step, intervals=True)


def _require_empty(run: RunFolder) -> None:
    there = run.path.is_dir() and any(path.name != ".lock" for path in run.path.iterdir())
    if run.holds_run():
        raise UsageError(f"{run.path} holds a run; go on with it by --resume, or say another folder with -o")
    if there:
        raise UsageError(f"{run.path} is not empty; say another folder with -o")


def _require_same(run: RunFolder, recipe: Recipe, made_of: dict[str, str]) -> None:
    """Raise UsageError if a run cannot go on as asked, naming what differs."""
    record = run.read_record()
    if not run.last.is_file():
        raise UsageError(
            f"{run.path} was ended before its first checkpoint: there is nothing to go on from; begin anew"
        )
    then = read_recipe(str(run.recipe))
    if unlike := differences(then, recipe):
        more = f", and {len(unlike) - 3} more" if len(unlike) > 3 else ""  # noqa: PLR2004  enough to know
        raise UsageError(f"{run.path} was made with another recipe: {'; '.join(unlike[:3])}{more}")
    if recipe.run.steps < then.run.steps:
        raise UsageError(f"{run.path} is to have {then.run.steps:,} steps; they can be raised, not lowered")
    if record.status == "finished" and recipe.run.steps == then.run.steps:
        raise UsageError(f"{run.path} is finished; to train it for longer, say more with --steps")
    _, about = read_arrays(run.last)
    for what, fingerprint in about["made_of"].items():
        if fingerprint != made_of[what]:
            raise UsageError(f"{run.path} was made on other data: the {what} images or boxes are not the same")


def _built(recipe: Recipe, category_count: int, devices: Devices) -> tuple[Any, Optimizer]:
    """Return the model and its optimizer, on the devices."""
    mixed = recipe.run.precision == "mixed"
    policy = ("mixed_float16" if devices.kind == "gpu" else "mixed_bfloat16") if mixed else "float32"
    keras.mixed_precision.set_dtype_policy(policy)
    with devices.scope():
        model = build_model(recipe.model, category_count, recipe.run.seed)
        scaling = policy == "mixed_float16"
        return model, Optimizer(recipe.optimizer, model.trainable_variables, loss_scaling=scaling)


def _pretrained(model: Any, recipe: Recipe, how: How, watch: Watch) -> str:
    """Give the backbone the weights it begins with, and return where they come from."""
    source = how.weights or recipe.model.weights
    if source == "none":
        return ""
    load_backbone_weights = import_module("detbench.detectors.weights.load").load_backbone_weights
    loaded = load_backbone_weights(model.pretrained, recipe.model, source)
    watch.say(f"weights: {loaded.matched} of {loaded.total} tensors from {loaded.source}")
    return f"{loaded.matched} of {loaded.total} tensors from {loaded.source}"


def _restored(run: RunFolder, model: Any, optimizer: Optimizer) -> int:
    """Give model and optimizer the last state, and return its step."""
    arrays, about = read_arrays(run.last)
    restore(run.last, arrays, model, optimizer)
    return int(about["step"])


def _going_on(run: RunFolder) -> RunRecord:
    import msgspec

    return msgspec.structs.replace(run.read_record(), status="running")


def _record(recipe: Recipe, train_set: Dataset, model: Any, how: How, facts: dict[str, str]) -> RunRecord:
    return RunRecord(
        detbench=__version__,
        recipe=how.name or recipe.title,
        command=how.command,
        categories=list(train_set.categories.name),
        category_ids=list(train_set.categories.source_id),
        dataset=RunDataset(
            name=train_set.name,
            fingerprint=dataset_fingerprint(train_set),
            split=train_set.split,
            images=len(train_set.images),
            boxes=len(train_set.ground_truth),
        ),
        parameters=int(model.count_params()),
        seed=recipe.run.seed,
        environment=facts,
        status="running",
        step=0,
        best=None,
        files={},
    )


def _with_recipe(record: RunRecord, run: RunFolder) -> RunRecord:
    import msgspec

    return msgspec.structs.replace(record, files=record.files | {run.recipe.name: FileFacts.of(run.recipe)})


def _environment(devices: Devices, recipe: Recipe) -> dict[str, str]:
    """Return versions, backend and devices in plain words."""
    facts = {name: str(fact) for name, fact in environment(("numpy", "keras", devices.backend)).items()}
    facts |= {"backend": devices.backend, "devices": ", ".join(devices.names), "precision": recipe.run.precision}
    if devices.process_count > 1:
        facts["processes"] = str(devices.process_count)
    return facts | {"cores": str(os.cpu_count() or 0)}
