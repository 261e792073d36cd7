"""A run's folder: weights and record are of one moment, whenever it is killed; one process writes at a time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import FileFacts, RunDataset, RunFolder, RunRecord, open_run
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

RECORD = RunRecord(
    detbench="0.1.0",
    recipe="parking_mobilenet",
    command="detbench train-baseline parking_mobilenet --data parking -o run",
    categories=["car", "van"],
    category_ids=[1, 7],
    dataset=RunDataset(name="parking", fingerprint="0" * 64, split="train", images=3, boxes=9),
    parameters=2,
    seed=0,
    environment={"python": "3.12.1"},
    status="running",
    step=0,
    best=None,
    files={},
)


def _weights(value: float) -> dict[str, np.ndarray]:
    return {"model/head/kernel": np.full((4, 4), value, np.float32)}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return a run that was saved at step 1."""
    folder = RunFolder(tmp_path / "run")
    with folder.claim():
        folder.save(msgspec.structs.replace(RECORD, step=1), "last", _weights(1), {"step": 1})
    return folder


def test_what_was_saved_is_read(run: RunFolder) -> None:
    """Record, hash and arrays; nothing else is left in the folder but the lock."""
    opened = open_run(run.path)
    assert opened.record.step == 1
    assert opened.record.files == {"last.npz": FileFacts.of(run.last)}
    assert opened.files == {"last.npz": run.last}
    assert read_arrays(run.last)[1] == {"step": 1}
    assert sorted(file.name for file in run.path.iterdir()) == [".lock", "last.npz", "run.json"]


_KILLED = """
import os, sys
from pathlib import Path
import msgspec, numpy as np
from detbench.detectors.checkpoints.run_folder import RunFolder
steps = int(sys.argv[2])
def count(name):
    kept = getattr(Path, name)
    def counted(*arguments, **options):
        global steps
        if steps == 0:
            os._exit(9)
        steps -= 1
        return kept(*arguments, **options)
    setattr(Path, name, counted)
for name in ("open", "replace", "unlink"):
    count(name)
folder = RunFolder(sys.argv[1])
with folder.claim():
    record = msgspec.structs.replace(folder.read_record(), step=2)
    folder.save(record, "last", {"model/head/kernel": np.full((4, 4), 2, np.float32)}, {"step": 2})
"""


def test_killed_at_any_moment_record_and_weights_are_of_one_step(run: RunFolder) -> None:
    """Whatever file operation a process dies before, the run opens, and a later claim leaves no debris."""
    seen = []
    for moment in range(20):
        done = subprocess.run([sys.executable, "-c", _KILLED, run.path, str(moment)], check=False)
        opened = open_run(run.path)
        assert read_arrays(opened.files["last.npz"])[1] == {"step": opened.record.step}
        seen.append(opened.record.step)
        with run.claim():
            assert sorted(file.name for file in run.path.iterdir()) == [".lock", "last.npz", "run.json"]
            assert open_run(run.path).record.step == opened.record.step
            run.save(msgspec.structs.replace(RECORD, step=1), "last", _weights(1), {"step": 1})
        if done.returncode == 0:
            break
        assert done.returncode == 9
    else:
        pytest.fail("the process never came to its end")
    assert seen == sorted(seen)
    assert {1, 2} == set(seen[:-1])


def test_one_process_writes_at_a_time(run: RunFolder) -> None:
    """A second one is told which holds the folder; when that is killed, the folder is free."""
    hold = (
        "import sys, time; from detbench.detectors.checkpoints.run_folder import RunFolder\n"
        "with RunFolder(sys.argv[1]).claim():\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, run.path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        with pytest.raises(DataError, match=f"another process, {child.pid}, is writing to this run"), run.claim():
            pass
        child.kill()
    with run.claim(), pytest.raises(DataError, match=r"this process, \d+, is writing"), run.claim():
        pass


def test_a_changed_file_is_found(run: RunFolder) -> None:
    """A byte that was changed, a file that is gone, a record that names a file elsewhere."""
    data = run.last.read_bytes()
    run.last.write_bytes(data[:-1] + b"x")
    with pytest.raises(DataError, match=r"last\.npz: is not what the run wrote: its SHA-256"):
        open_run(run.path)
    assert open_run(run.path, verify=False).record.step == 1
    run.last.unlink()
    for verify in (True, False):
        with pytest.raises(DataError, match=r"last\.npz: is missing, and run\.json speaks of it"):
            open_run(run.path, verify=verify)
    run.record.write_text(run.record.read_text().replace("last.npz", "../last.npz"))
    with pytest.raises(DataError, match=r"speaks of the file '\.\./last\.npz', which no run has"):
        open_run(run.path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("detbench.run/1", "detbench.run/2", "has the schema 'detbench.run/2', and this version reads"),
        ('"step": 1', '"step": "1"', "is not a run's record: should be a whole number"),
        ('"running"', '"asleep"', "is not a run's record"),
        ('"van"', '"car"', "one is there twice"),
        ("}\n", "", "is not a run's record"),
    ],
)
def test_a_broken_record_is_one_sentence(run: RunFolder, old: str, new: str, problem: str) -> None:
    """It names the file and what is wrong."""
    run.record.write_text(run.record.read_text().replace(old, new))
    with pytest.raises(DataError, match=problem) as caught:
        open_run(run.path)
    assert "run.json" in str(caught.value)


def test_a_folder_without_a_run_is_said(tmp_path: Path) -> None:
    """As is a folder that is not there."""
    with pytest.raises(DataError, match=r"holds no run \(it has no run\.json\)"):
        open_run(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        open_run(tmp_path / "nowhere")
