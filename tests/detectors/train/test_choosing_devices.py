"""What cannot be trained on is refused in one sentence, before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detbench.detectors.train.backend import choose_backend
from detbench.detectors.train.devices import Devices, open_devices
from detbench.detectors.train.machines import read_machines
from detbench.errors import DataError, UsageError


@pytest.mark.parametrize("said", ["tpu", "cpu:0,1", "cpu:0", "cpu:all", "gpu:", "gpu:0,0", "auto:1", "cpu:1000", ""])
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_words_that_name_no_device(backend: str, said: str) -> None:
    """Each is refused with what may be said."""
    with pytest.raises(UsageError, match="--device"):
        open_devices(backend, said)


def test_torch_has_one_device() -> None:
    """Several devices are refused on torch, which names the backends that have them."""
    with pytest.raises(UsageError, match="tensorflow and jax"):
        open_devices("torch", "cpu:2")


def test_a_batch_is_shared_evenly() -> None:
    """Three pictures are not shared by two devices."""
    devices = Devices("tensorflow", "cpu", ("cpu:0", "cpu:1"))
    devices.require_divides(4)
    with pytest.raises(UsageError, match="a batch of 3 is not shared evenly by 2 devices"):
        devices.require_divides(3)


def test_a_backend_that_there_is_not() -> None:
    """The name is repeated, and those that there are."""
    with pytest.raises(UsageError, match="no backend 'mxnet'; say one of tensorflow, jax, torch"):
        choose_backend("mxnet")


def test_machines_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file serves all machines: the number is in the environment, unless the file has it."""
    path = tmp_path / "machines.json"
    cluster = {"worker": ["a:1", "b:2"]}
    path.write_text(json.dumps({"cluster": cluster}))
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    monkeypatch.delenv("DETBENCH_MACHINE", raising=False)
    with pytest.raises(UsageError, match="does not say which machine this is"):
        read_machines(str(path))
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert read_machines(str(path)).process == 1
    monkeypatch.setenv("DETBENCH_MACHINE", "0")
    found = read_machines(str(path))
    assert (found.process, found.addresses) == (0, ("a:1", "b:2"))
    assert json.loads(found.as_tf_config()) == {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}}))
    assert read_machines("env").process == 1


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a"]}, "task": {"index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"index": 0}}',
        '{"cluster": {"worker": []}, "task": {"index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"index": 3}}',
    ],
)
def test_what_is_no_list_of_machines(tmp_path: Path, text: str) -> None:
    """The file is named."""
    path = tmp_path / "machines.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"machines\.json"):
        read_machines(str(path))
