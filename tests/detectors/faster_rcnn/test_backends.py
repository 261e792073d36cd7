"""One model on three backends: the same losses, gradients and boxes from the same weights."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytest.importorskip("tensorflow")

MASK = 0xFFFFFFFF


def said_on(backend: str, name: str, folder: Path) -> dict[str, NDArray[Any]]:
    """Return what the model says in a process with this backend."""
    file = folder / f"{backend}-{name}.npz"
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # JAX: compiled in half the time, run once
    script = Path(__file__).with_name("on_backend.py")
    done = subprocess.run(
        [sys.executable, str(script), name, str(file)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module", params=["c4", "fpn"])
def on_tensorflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return which model it is, and what it says on TensorFlow."""
    return request.param, said_on("tensorflow", request.param, tmp_path_factory.mktemp("tensorflow"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_say_what_tensorflow_says(backend: str, on_tensorflow: Any, tmp_path: Path) -> None:
    """Losses and gradients agree to 1e-4, boxes to a hundredth of a pixel, random numbers to the bit."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    name, expected = on_tensorflow
    said = said_on(backend, name, tmp_path)
    assert said.keys() == expected.keys()
    for key, value in expected.items():
        kind = key.split("/")[0]
        if kind == "loss":
            np.testing.assert_allclose(said[key], value, atol=1e-4, err_msg=key)
        elif kind == "gradient":
            np.testing.assert_allclose(said[key], value, atol=1e-3 * max(1e-2, np.abs(value).max()), err_msg=key)
        elif kind == "found":
            np.testing.assert_allclose(said[key], value, atol=1e-2 if "score" not in key else 1e-4, err_msg=key)
        else:
            np.testing.assert_array_equal(said[key], value, err_msg=key)
    assert any(np.abs(value).max() > 1e-3 for key, value in expected.items() if key.startswith("gradient/stage1"))
    assert expected["found/valid"].any()


def mixed(number: int) -> int:
    """Return lowbias32 of one number, in whole numbers without end."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        number = (number ^ (number >> shift)) * factor & MASK
    return number ^ (number >> 16)


def test_random_numbers_are_the_hash_of_seed_stream_and_place() -> None:
    """Each is the upper 24 bits of the hash, whatever the others are; they are spread evenly."""
    from keras import ops

    from detbench.detectors.faster_rcnn.random import uniform

    golden, seeds = 0x9E3779B9, [0, 1, -5, 2**31 - 1]
    for stream in (0, 1):
        drawn = ops.convert_to_numpy(uniform(np.array(seeds, np.int32), 300, stream))
        for seed, row in zip(seeds, drawn, strict=True):
            keyed = mixed((seed + golden * (stream + 1)) & MASK)
            twin = [(mixed(keyed ^ mixed(k * golden & MASK)) >> 8) * 2.0**-24 for k in range(300)]
            assert row.tolist() == twin
    many = ops.convert_to_numpy(uniform(np.arange(50, dtype=np.int32), 2000))
    assert np.histogram(many, bins=20, range=(0, 1))[0].min() > 4700
    assert abs(np.corrcoef(many)[np.triu_indices(50, 1)]).max() < 0.12
