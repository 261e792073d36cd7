"""Whether a run may begin, or go on, in a folder: asked before anything is computed, and without any framework."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from detbench.detectors.checkpoints.arrays import read_about
from detbench.detectors.recipes.read import read_recipe
from detbench.detectors.train.resolving import differences
from detbench.errors import DataError, UsageError
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.words import in_words

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.checkpoints.run_folder import RunFolder, RunRecord
    from detbench.detectors.recipes.settings import Recipe

__all__ = ["State", "fingerprints", "require_startable", "state_of"]

#: Differences that are named: enough to know what happened.
_NAMED = 3

_REMEDY = "take another copy of the run, or train it again"
_STATELESS = "begin anew, in another folder; an archive has the state if it was made by checkpoint export --with-state"


def fingerprints(train_set: Dataset, eval_set: Dataset) -> dict[str, str]:
    """Return what tells whether a run goes on with the data that it began with."""
    return {"training": dataset_fingerprint(train_set), "evaluation": dataset_fingerprint(eval_set)}


def require_startable(run: RunFolder, recipe: Recipe, made_of: dict[str, str], *, resume: bool) -> None:
    """Check a folder.

    Raises
    ------
    UsageError
        If a new run would lie beside other files, or one is to go on that was made otherwise: what differs is named.
    DataError
        If there is no run to go on with, or it cannot be read.
    """
    if resume:
        _require_same(run, recipe, made_of)
    elif run.holds_run():
        raise UsageError(f"{run.path} holds a run; go on with it by --resume, or say another folder with -o")
    elif run.path.is_dir() and any(path.name != ".lock" for path in run.path.iterdir()):
        raise UsageError(f"{run.path} is not empty; say another folder with -o")
    elif run.path.exists() and not run.path.is_dir():
        raise UsageError(f"{run.path} is a file; say a folder with -o")


class State(msgspec.Struct, frozen=True):
    """What ``last.npz`` says of itself: the step it was kept after, and what the run was made of; and where it lies."""

    step: Annotated[int, msgspec.Meta(ge=0)]
    made_of: dict[str, str]
    path: Path | None = None


def state_of(run: RunFolder, record: RunRecord, steps: int) -> State:
    """Return what the state is that a run of ``steps`` goes on from.

    Raises
    ------
    DataError
        If there is none, it is not what the run wrote, or it is of a step that the run does not have.
    """
    name = run.last.name
    if name not in record.files:
        raise DataError("has no state to go on from", file=run.path, remedy=_STATELESS)
    path = run.settled(name, record.files[name])
    try:
        state = msgspec.convert(read_about(path), State)
    except msgspec.ValidationError as error:
        raise DataError(f"is no state of a run: {in_words(str(error))}", file=path, remedy=_REMEDY) from error
    if state.step > steps:
        raise DataError(f"is of step {state.step:,}, and the run has {steps:,}", file=path, remedy=_REMEDY)
    return msgspec.structs.replace(state, path=path)


def _require_same(run: RunFolder, recipe: Recipe, made_of: dict[str, str]) -> None:
    record = run.read_record()
    then = read_recipe(str(run.recipe))
    if unlike := differences(then, recipe):
        more = f", and {len(unlike) - _NAMED} more" if len(unlike) > _NAMED else ""
        raise UsageError(f"{run.path} was made with another recipe: {'; '.join(unlike[:_NAMED])}{more}")
    if recipe.run.steps < then.run.steps:
        raise UsageError(f"{run.path} is to have {then.run.steps:,} steps; they can be raised, not lowered")
    whole = record.status == "finished" and (run.path / "result.json").is_file()
    if whole and recipe.run.steps == then.run.steps:
        raise UsageError(f"{run.path} is finished; to train it for longer, say more with --steps")
    for what, fingerprint in state_of(run, record, recipe.run.steps).made_of.items():
        if fingerprint != made_of.get(what):
            raise UsageError(f"{run.path} was made on other data: the {what} images or boxes are not the same")
