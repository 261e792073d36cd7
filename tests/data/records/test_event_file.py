"""Event files: whole after a kill, cut back when a run goes on, read by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from detbench.data.records.event_file import EventFile


def steps_of(folder: Path) -> list[int]:
    """Return the steps that TensorBoard's own reader finds."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder)).Reload()
    return [event.step for event in events.Scalars("loss")] if "loss" in events.Tags()["scalars"] else []


def written(folder: Path, steps: range, after_step: int = 0) -> None:
    """Write a scalar for each of some steps."""
    file = EventFile(folder, after_step=after_step)
    for step in steps:
        file.add(step, {"loss": step / 2, "other": -1.0})
    file.close()


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    """Steps of one, two and three bytes, and the values to the last bit."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    file = EventFile(tmp_path)
    for step in (1, 127, 128, 90_000):
        file.add(step, {"loss": 0.1, "learning_rate": step})
    file.close()
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in events.Scalars("learning_rate")] == [1, 127, 128, 90_000]
    assert [event.value for event in events.Scalars("learning_rate")] == [1, 127, 128, 90_000]


def test_later_steps_are_cut_away(tmp_path: Path) -> None:
    """A run that goes on from step 5 writes the steps after it a second time, and nobody sees the first."""
    written(tmp_path, range(1, 10))
    written(tmp_path, range(6, 8), after_step=5)
    assert steps_of(tmp_path) == [1, 2, 3, 4, 5, 6, 7]


def test_a_message_that_was_cut_short_is_dropped(tmp_path: Path) -> None:
    """A process can be killed in the middle of a message."""
    written(tmp_path, range(1, 4))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    written(tmp_path, range(3, 5), after_step=3)
    assert steps_of(tmp_path) == [1, 2, 3, 4]
