"""``detbench train-baseline`` through its own door: real processes, real files, small pictures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import open_run
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

FILES = {"best.npz", "draws.npz", "evaluations.jsonl", "last.npz", "log.csv", "recipe.toml", "report.html"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, train: Run) -> Path:
    """Return the folder of a run that was not disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = train(folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the loss is rpn_objectness + rpn_box + head_category + head_box") == 1
    return folder


def rows_of(run: Path) -> list[dict[str, str]]:
    """Return the rows of a log, without the speed, which no two runs share."""
    with (run / "log.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "images_per_s"} for row in csv.DictReader(file)]


def test_a_run_leaves_its_recipe_weights_logs_and_score(whole: Path) -> None:
    """The folder has what it should, its record knows the hashes, and every step and evaluation is in the logs."""
    assert {path.name for path in whole.iterdir()} >= FILES
    run = open_run(whole)
    assert run.record.status == "finished"
    assert run.record.step == 12
    assert run.record.environment["backend"] == "tensorflow"
    assert set(run.files) == {"recipe.toml", "best.npz", "last.npz"}
    rows = rows_of(whole)
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 13)]
    losses = ("rpn_objectness", "rpn_box", "head_category", "head_box")
    for row in rows:
        assert float(row["total"]) == pytest.approx(sum(float(row[name]) for name in losses), rel=1e-6)
    assert float(rows[-1]["total"]) < float(rows[0]["total"])
    looked = [json.loads(line) for line in (whole / "evaluations.jsonl").read_text().splitlines()]
    assert [row["step"] for row in looked] == [5, 10, 12]
    best = max(looked, key=lambda row: row["metrics"]["AP50"])
    assert run.record.best is not None
    assert run.record.best.value == best["metrics"]["AP50"]
    result = Result.load(whole / "result.json")
    assert result.metrics["AP50"] == pytest.approx(best["metrics"]["AP50"], abs=1e-9)
    assert "AP50" in result.intervals


def test_tensorflow_reads_the_event_file(whole: Path) -> None:
    """TensorBoard's scalars are the numbers of the log, as TensorFlow's own reader and protobuf see them."""
    from tensorflow.python.summary.summary_iterator import summary_iterator

    (file,) = (whole / "tensorboard").iterdir()
    found = {
        (event.step, value.tag): value.simple_value
        for event in summary_iterator(str(file))
        for value in event.summary.value
    }
    logged = {row["step"]: row for row in rows_of(whole)}
    for step in (1, 10):
        assert np.float32(found[step, "loss/total"]) == np.float32(logged[str(step)]["total"])
    assert {step for step, tag in found if tag == "metric/AP50"} == {5, 10, 12}


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    whole: Path, train: Run, tiny_data: Path, tmp_path: Path, steps: int
) -> None:
    """A run that is killed outright and resumed has the losses and weights of one that was not, to the last bit."""
    run = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "detbench", "train-baseline", str(tiny_data / "tiny.toml")]
    with subprocess.Popen(
        [*command, "--data", str(tiny_data / "data"), "-o", str(run)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for_rows(run, steps, process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    again = train(run, "--resume")
    assert again.returncode == 0, again.stderr
    assert rows_of(run) == rows_of(whole)
    (mine, _), (theirs, _) = read_arrays(run / "last.npz"), read_arrays(whole / "last.npz")
    assert mine.keys() == theirs.keys()
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)
    looked = [json.loads(line) for line in (run / "evaluations.jsonl").read_text().splitlines()]
    assert [row["step"] for row in looked] == [5, 10, 12]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(
    whole: Path, train: Run, tiny_data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C finishes the step, writes a checkpoint, exits with 130; the command that it names goes on."""
    run = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "detbench", "train-baseline", str(tiny_data / "tiny.toml")]
    with subprocess.Popen(
        [*command, "--data", str(tiny_data / "data"), "-o", str(run), "-s", "evaluation.checkpoint_every=1000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for_rows(run, 3, process)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert f"interrupted by {number.name} after step" in said
    assert "--resume" in said
    assert open_run(run).record.status == "interrupted"
    assert len(rows_of(run)) == open_run(run).record.step
    if number == signal.SIGINT:
        again = train(run, "--resume", recipe=run / "recipe.toml")
        assert again.returncode == 0, again.stderr
        assert rows_of(run) == rows_of(whole)


def test_one_process_at_a_time(train: Run, tiny_data: Path, tmp_path: Path) -> None:
    """A second process that would write to the same run is refused, and the first one does not notice."""
    run = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "detbench", "train-baseline", str(tiny_data / "tiny.toml")]
    with subprocess.Popen(
        [*command, "--data", str(tiny_data / "data"), "-o", str(run), "--steps", "100000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait_for_rows(run, 1, process)
            second = train(run, "--resume", "--steps", "100000")
            assert process.poll() is None
        finally:
            process.kill()
    assert second.returncode == 2
    assert "is writing to this run" in second.stderr


def test_a_loss_that_is_no_number_stops_the_run(train: Run, tmp_path: Path) -> None:
    """Exit 1; the step, the loss and the images are named, and the batch is kept."""
    run = tmp_path / "run"
    done = train(run, "-s", "optimizer.learning_rate=1e30", "-s", "optimizer.clip_norm=none")
    assert done.returncode == 1, done.stderr
    arrays, about = read_arrays(run / "nan_batch.npz")
    assert arrays["image"].shape == (2, 64, 96, 3)
    assert f"in step {about['step']}" in done.stderr
    assert about["problem"] in done.stderr
    for image in about["images"]:
        assert image in done.stderr
    assert (run / "nan_batch.png").read_bytes().startswith(b"\x89PNG")
    assert open_run(run).record.status == "failed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "holds a run; go on with it by --resume"),
        (("--resume",), "is finished; to train it for longer"),
        (("--resume", "--steps", "11"), "they can be raised, not lowered"),
        (("--resume", "--seed", "1"), "run.seed was 0 and is 1"),
        (("--resume", "--steps", "20", "--split", "val"), "evaluation.train_split was train and is val"),
    ],
)
def test_what_cannot_go_on_is_refused(whole: Path, train: Run, options: tuple[str, ...], said: str) -> None:
    """A run is never written over, and goes on only as it was begun; what differs is named."""
    before = {path: path.read_bytes() for path in whole.iterdir() if path.is_file() and path.name != ".lock"}
    done = train(whole, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert before == {path: path.read_bytes() for path in before}


def test_a_folder_with_something_else_in_it_is_refused(train: Run, tmp_path: Path) -> None:
    """Nothing is written beside other files."""
    (tmp_path / "mine.txt").write_text("mine")
    done = train(tmp_path)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_fails_before_its_first_step_is_begun_again_in_the_same_place(
    train: Run, tiny_data: Path, tmp_path: Path
) -> None:
    """A broken picture to train on: nothing stays that a second start, with the picture mended, would be refused for.

    One of the split to score on is known before anything is computed.
    """
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(tiny_data / "data", data)

    def pictures(split: str) -> list[Path]:
        table = json.loads((data / f"annotations/instances_{split}.json").read_bytes())
        names = {Path(image["file_name"]).name for image in table["images"]}
        return [path for path in data.rglob("*") if path.name in names]

    def start() -> subprocess.CompletedProcess[str]:
        return train(run, "--data", data, "--steps", 1, "-s", "optimizer.warmup_steps=0")

    whole = {path: path.read_bytes() for path in pictures("train")}
    for path, content in whole.items():
        path.write_bytes(content[: len(content) * 2 // 3])
    broken = start()
    assert broken.returncode == 2
    assert "does not decode" in broken.stderr
    assert [path.name for path in run.iterdir()] == [".lock"]

    for path, content in whole.items():
        path.write_bytes(content)
    scored = pictures("val")[0]
    content = scored.read_bytes()
    scored.unlink()
    missing = start()
    assert missing.returncode == 2
    assert scored.name in missing.stderr
    assert "training from step" not in missing.stderr

    scored.write_bytes(content)
    done = start()
    assert done.returncode == 0, done.stderr
    assert open_run(run).record.status == "finished"


def test_a_folder_whose_name_is_no_text_is_refused(train: Run, tmp_path: Path) -> None:
    """The command is written into the record, which is JSON."""
    done = train(tmp_path / os.fsdecode(b"\xff"))
    assert done.returncode == 2
    assert "has a name that is not UTF-8" in done.stderr
    assert not list(tmp_path.iterdir())


def test_more_steps_go_on_with_a_finished_run(whole: Path, train: Run, tmp_path: Path) -> None:
    """``-o`` takes the folder and, as the recipes write it, settings; --steps raises the number of a finished run."""
    import shutil

    run = shutil.copytree(whole, tmp_path / "run")
    done = train(run, "--resume", "-o", "run.steps=14")
    assert done.returncode == 0, done.stderr
    rows = rows_of(run)
    assert len(rows) == 14
    assert rows[:12] == rows_of(whole)
    assert open_run(run).record.step == 14


def _wait_for_rows(run: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Return once the log has so many steps."""
    deadline = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < deadline:
        log = run / "log.csv"
        if log.exists() and len(log.read_text().splitlines()) > count:
            return
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    pytest.fail(f"the run did not get to step {count}")
