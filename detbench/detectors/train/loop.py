"""The loop: batch, step, log, look, keep."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from detbench.detectors.train.broken import culprit, keep_batch
from detbench.detectors.train.evaluating import Abandoned
from detbench.detectors.train.logs import StepFacts
from detbench.detectors.train.schedule import learning_rate

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset
    from detbench.detectors.input.readers import ReaderName
    from detbench.detectors.input.training_input import TrainingInput
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.evaluating import Evaluation
    from detbench.detectors.train.keeping import Keeper
    from detbench.detectors.train.logs import Logs
    from detbench.detectors.train.optimizer import Optimizer
    from detbench.detectors.train.steppers import Stepper
    from detbench.detectors.train.stopping import Stop
    from detbench.detectors.train.watch import Watch
    from detbench.evaluation.results import Result

__all__ = ["Interrupted", "Training", "look", "loop", "note", "was_looked_at"]


class Interrupted(Exception):  # noqa: N818  nothing went wrong
    """Somebody asked for an end: the run was kept after ``step`` steps and can go on."""

    def __init__(self, step: int, by: str) -> None:
        super().__init__(step, by)
        self.step, self.by = step, by


@dataclass(frozen=True, slots=True)
class Training:
    """All that a run is made of."""

    recipe: Recipe
    folder: Path
    devices: Devices
    model: Any
    optimizer: Optimizer
    stepper: Stepper
    pictures: TrainingInput
    reader: ReaderName
    evaluation: Evaluation
    keeper: Keeper
    logs: Logs
    watch: Watch
    stop: Stop


def loop(run: Training, first: int) -> None:
    """Train from step ``first`` to the recipe's last.

    Raises
    ------
    Interrupted
        If somebody asked for an end; the state was written.
    NotFinite
        If a loss or a gradient is not finite; the batch was written, and the state is the last one before.
    """
    steps = run.recipe.run.steps
    run.watch.begin(first, steps)
    if first and _due(run, first, run.recipe.evaluation.every) and not was_looked_at(run, first):
        _look_on_the_way(run, first)
    with ExitStack() as stack:
        batches = run.pictures.batches(first, reader=run.reader)
        stack.callback(getattr(batches, "close", lambda: None))  # ends the threads that read ahead
        for step in range(first, steps):
            begin = perf_counter()
            batch = next(batches)
            rate = learning_rate(step, run.recipe.optimizer, steps)
            outcome = run.stepper(batch, rate, stop=run.stop.asked)
            done, seconds = step + 1, perf_counter() - begin

            if problem := culprit(outcome, loss_scaling=run.optimizer.loss_scaling):
                names = [_name(run.pictures.dataset, row) for row in run.pictures.rows(step)]
                raise keep_batch(run.folder, done, problem, batch, names, process=run.devices.process)
            images_per_s = run.recipe.run.batch_size / seconds
            facts = StepFacts(done, rate, outcome.total, outcome.losses, outcome.norm, images_per_s)
            run.logs.step(facts)
            run.watch.step(facts)

            ends = outcome.stop or (run.stop.asked and run.devices.process_count == 1)
            looks = _due(run, done, run.recipe.evaluation.every)
            if ends or looks or done == steps or _due(run, done, run.recipe.evaluation.checkpoint_every):
                run.keeper.save_last(done, run.model, run.optimizer)
            if ends:
                raise Interrupted(done, run.stop.by or "another process")
            if looks:
                _look_on_the_way(run, done)


def look(run: Training, step: int, *, intervals: bool) -> Result:
    """Return the model's score on the split, after ``step`` steps. Raises Interrupted."""
    alone = run.devices.process_count == 1  # one of several does not stop where the others go on
    try:
        return run.evaluation(
            run.stepper.detect,
            intervals=intervals,
            advance=run.watch.evaluating(len(run.evaluation.dataset.images)),
            stopped=lambda: alone and run.stop.asked,
        )
    except Abandoned:
        raise Interrupted(step, run.stop.by) from None


def _due(run: Training, done: int, every: int) -> bool:
    """Return whether something is due after so many steps; at the end it is done by whoever ends the run."""
    return done % every == 0 and done < run.recipe.run.steps


def was_looked_at(run: Training, step: int) -> bool:
    """Return whether the logs have an evaluation after so many steps."""
    return any(row["step"] == step for row in run.logs.evaluations)


def _name(dataset: Dataset, row: int) -> str:
    return dataset.images.file_name[row] or str(dataset.images.key[row])


def _look_on_the_way(run: Training, step: int) -> None:
    """Score the model, note what came out, and keep the weights if none were better."""
    begin = perf_counter()
    note(run, step, look(run, step, intervals=False), perf_counter() - begin)


def note(run: Training, step: int, result: Result, seconds: float) -> None:
    """Write an evaluation down, after its weights, if they are the best: what is written is known to be kept."""
    metric = run.recipe.evaluation.metric
    value = result.metrics[metric]
    best = value is not None and run.keeper.save_if_best(step, metric, value, run.model)
    run.logs.evaluation(step, result.metrics, seconds=seconds)
    run.watch.evaluated(step, result.metrics, best=best)
