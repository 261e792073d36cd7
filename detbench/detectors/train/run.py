"""A training run from a recipe to a result: what it is made of is put together here."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from detbench import __version__
from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import RunDataset, RunRecord
from detbench.detectors.recipes.write import recipe_to_toml
from detbench.detectors.train.broken import NotFinite, memory_told
from detbench.detectors.train.building import How, built, facts_of, pictures_of, pretrained
from detbench.detectors.train.evaluating import Evaluation
from detbench.detectors.train.guard import fingerprints, require_startable, state_of
from detbench.detectors.train.keeping import Keeper
from detbench.detectors.train.logs import Logs, NoLogs
from detbench.detectors.train.loop import Interrupted, Training, look, loop, note, was_looked_at
from detbench.detectors.train.state import restore
from detbench.detectors.train.steppers import stepper_for
from detbench.detectors.train.stopping import stop_asked_for
from detbench.detectors.train.watch import Watch
from detbench.errors import DetbenchError
from detbench.evaluation.fingerprints import dataset_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.tables import Dataset
    from detbench.detectors.checkpoints.run_folder import RunFolder
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.optimizer import Optimizer
    from detbench.evaluation.results import Result

__all__ = ["train"]


def train(
    recipe: Recipe,
    train_set: Dataset,
    eval_set: Dataset,
    run: RunFolder,
    devices: Devices,
    how: How,
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
    made_of = fingerprints(train_set, eval_set)
    if writes or how.resume:
        require_startable(run, recipe, made_of, resume=how.resume)
    with ExitStack() as stack:
        if writes:
            stack.enter_context(run.claim())
            if not how.resume:
                stack.enter_context(_forgotten_without_a_step(run))
        batch = recipe.run.batch_size
        name = run.read_record().recipe if how.resume else how.name
        evaluation = Evaluation.of(eval_set, train_set.categories, recipe.evaluation, recipe.input, batch, name)
        pictures = pictures_of(recipe, train_set, devices)
        with memory_told(recipe):
            model, optimizer = built(recipe, len(train_set.categories), devices)
        if how.resume:
            record = msgspec.structs.replace(run.read_record(), status="running")
            step = _restored(run, record, recipe.run.steps, model, optimizer)
        else:
            step, weights = 0, pretrained(model, recipe, how, watch)
            facts = facts_of(devices, recipe) | {"weights": weights}
            record = _record(recipe, train_set, model, how, facts)
        if writes:
            record = run.save_recipe(record, recipe_to_toml(recipe))
        keeper = Keeper(run, record, {"made_of": made_of}, writes=writes)
        keeper.save_last(step, model, optimizer)  # from now on the run can go on, whatever happens
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
            reader=how.reader_on(devices),
            evaluation=evaluation,
            keeper=keeper,
            logs=logs,
            watch=watch,
            stop=stack.enter_context(stop_asked_for()),
        )
        return _made(training, run, step)


@contextmanager
def _forgotten_without_a_step(run: RunFolder) -> Iterator[None]:
    """Remove a run that fails before its first step is made: what was wrong is put right, and it is begun again.

    A batch that was kept is not given away, nor the run that it belongs to.
    """
    try:
        yield
    except (DetbenchError, OSError) as error:
        if not isinstance(error, NotFinite) and not run.has_steps():
            run.forget()
        raise


def _made(training: Training, run: RunFolder, first: int) -> Result:
    """Make the steps and the last evaluation, and note how it ended."""
    try:
        with memory_told(training.recipe):
            loop(training, first)
            result = _last_look(training, run)
    except Interrupted:
        training.keeper.end("interrupted")
        raise
    except DetbenchError:
        training.keeper.end("failed")
        raise
    training.keeper.end("finished")
    return result


def _last_look(training: Training, run: RunFolder) -> Result:
    """Score the last weights; return the score, with intervals, of the best."""
    steps, begin = training.recipe.run.steps, perf_counter()
    result = look(training, steps, intervals=True)
    if not was_looked_at(training, steps):  # by a run that was killed before it could write the result
        note(training, steps, result, perf_counter() - begin)
    best = training.keeper.best
    if best is None or best.step == steps:
        return result
    restore(run.best, read_arrays(run.best)[0], training.model)
    return look(training, best.step, intervals=True)


def _restored(run: RunFolder, record: RunRecord, steps: int, model: Any, optimizer: Optimizer) -> int:
    """Give model and optimizer the last state, and return its step."""
    state = state_of(run, record, steps)
    path = state.path or run.last
    restore(path, read_arrays(path)[0], model, optimizer)
    return state.step


def _record(recipe: Recipe, train_set: Dataset, model: Any, how: How, facts: dict[str, str]) -> RunRecord:
    return RunRecord(
        detbench=__version__,
        recipe=how.name,
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
