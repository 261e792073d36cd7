"""Several devices and several processes make the steps of one device."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

#: Losses and norms of single and shared batches differ by the order in which numbers are added up.
ROUNDING = 2e-5

#: Looked at once, at the end: what looks has to be compiled too.
OPTIONS = ("--reader", "plain", "--steps", "6", "-s", "evaluation.every=100")


@pytest.fixture(scope="module", autouse=True)
def _compiled_fast() -> Iterator[None]:
    """Have XLA compile in half the time: what it makes is run six times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
        yield


def losses_of(run: Path) -> list[list[float]]:
    """Return losses and norm of every step."""
    columns = ("total", "rpn_objectness", "rpn_box", "head_category", "head_box", "gradient_norm")
    with (run / "log.csv").open(newline="") as file:
        return [[float(row[name]) for name in columns] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, train: Run) -> Path:
    """Return a run on one device."""
    run = tmp_path_factory.mktemp("alone") / "run"
    done = train(run, "--device", "cpu", *OPTIONS)
    assert done.returncode == 0, done.stderr
    return run


def require_the_same(run: Path, alone: Path) -> None:
    """Fail unless every step of two runs lost the same, to rounding."""
    mine, theirs = losses_of(run), losses_of(alone)
    assert len(mine) == len(theirs) == 6
    for step, (one, other) in enumerate(zip(mine, theirs, strict=True), start=1):
        assert one == pytest.approx(other, rel=ROUNDING, abs=1e-6), f"step {step}"


@pytest.mark.parametrize(
    ("backend", "device"), [("tensorflow", "cpu:2"), ("jax", "cpu:2"), ("jax", "cpu"), ("torch", "cpu")]
)
def test_devices_of_one_process(alone: Path, train: Run, tmp_path: Path, backend: str, device: str) -> None:
    """Two devices share a batch, and any backend makes the steps that TensorFlow makes on one."""
    pytest.importorskip(backend)
    done = train(tmp_path / "run", "--backend", backend, "--device", device, *OPTIONS)
    assert done.returncode == 0, done.stderr
    require_the_same(tmp_path / "run", alone)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_processes(alone: Path, tiny_data: Path, tmp_path: Path, backend: str) -> None:
    """Two processes, as on two machines, make the steps of one; the first writes the run."""
    pytest.importorskip(backend)
    machines = tmp_path / "machines.json"
    machines.write_text(json.dumps({"cluster": {"worker": [f"localhost:{port}" for port in free_ports(2)]}}))
    command = [sys.executable, "-P", "-m", "detbench", "train-baseline", str(tiny_data / "tiny.toml")]
    command += ["--data", str(tiny_data / "data"), "-o", str(tmp_path / "run"), "--backend", backend, *OPTIONS]
    processes = [
        subprocess.Popen(
            [*command, "--device", "cpu", "--machines", str(machines)],
            env=os.environ | {"DETBENCH_MACHINE": str(number)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        said = [process.communicate(timeout=600)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    require_the_same(tmp_path / "run", alone)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["environment"]["processes"] == "2"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.mark.parametrize("options", [("--xla",), ("--xla", "--device", "cpu:2"), ("--precision", "mixed")])
def test_compiled_and_mixed_steps(alone: Path, train: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    """XLA makes the same steps to rounding; bfloat16 begins within its own rounding, and every loss is finite."""
    done = train(tmp_path / "run", *options, *OPTIONS)
    assert done.returncode == 0, done.stderr
    if "mixed" in options:
        assert losses_of(tmp_path / "run")[0][0] == pytest.approx(losses_of(alone)[0][0], rel=0.03)
    else:
        require_the_same(tmp_path / "run", alone)


def test_a_step_is_taken_apart(tiny_data: Path, detbench: Run) -> None:
    """--profile trains nothing, and its parts are of a step: forward is shorter than the whole."""
    done = detbench("train-baseline", tiny_data / "tiny.toml", "--data", tiny_data / "data", "--profile", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    medians = {part["name"]: sorted(part["samples_ms"])[len(part["samples_ms"]) // 2] for part in found["parts"]}
    assert set(medians) == {"step", "forward", "proposals and NMS", "target assignment", "RoI pooling"}
    assert 0 < medians["forward"] < medians["step"]
    assert found["input_images_per_s"] > 0
