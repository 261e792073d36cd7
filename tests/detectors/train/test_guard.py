"""What a run goes on from is looked at before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.detectors.checkpoints.run_folder import RunDataset, RunFolder, RunRecord
from detbench.detectors.train.guard import state_of
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

RECORD = RunRecord(
    detbench="0.1.0",
    recipe="parking_mobilenet",
    command="",
    categories=["car"],
    category_ids=[1],
    dataset=RunDataset(name="parking", fingerprint="0" * 64, split="train", images=3, boxes=9),
    parameters=1,
    seed=0,
    environment={},
    status="running",
    step=0,
    best=None,
    files={},
)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, "is no state of a run: has no step"),
        ({"step": 3}, "has no made_of"),
        ({"step": "3", "made_of": {}}, "should be a whole number, not a string"),
        ({"step": -3, "made_of": {}}, "expected a whole number >= 0"),
        ({"step": 9, "made_of": {}}, "is of step 9, and the run has 8"),
        ({"step": 3, "made_of": "x"}, "should be an object, not a string"),
    ],
)
def test_a_state_that_says_nonsense(tmp_path: Path, about: dict[str, Any], said: str) -> None:
    """A file whose hash is right may still say what no run does: it is named."""
    run = RunFolder(tmp_path)
    record = run.save(RECORD, "last", {"model/a": np.zeros(3)}, about)
    with pytest.raises(DataError) as caught:
        state_of(run, record, 8)
    assert said in str(caught.value)
    assert caught.value.file == str(run.last)


def test_a_state(tmp_path: Path) -> None:
    """The step is the state's own; a record without a state is told."""
    run = RunFolder(tmp_path)
    record = run.save(RECORD, "last", {"model/a": np.zeros(3)}, {"step": 8, "made_of": {"training": "x"}})
    assert (state_of(run, record, 8).step, state_of(run, record, 8).made_of) == (8, {"training": "x"})
    with pytest.raises(DataError, match="has no state to go on from"):
        state_of(run, RECORD, 8)
