"""A run's model is the model that was trained; what does not fit is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detbench import read_dataset
from detbench.detectors.checkpoints.arrays import read_arrays, write_arrays
from detbench.detectors.checkpoints.categories import match_categories
from detbench.detectors.checkpoints.run_folder import FileFacts, RunDataset, RunFolder, RunRecord
from detbench.detectors.recipes.settings import AnchorSettings, HeadSettings, ModelSettings, Recipe, RpnSettings
from detbench.detectors.recipes.write import recipe_to_toml
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORD = RunRecord(
    detbench="0.1.0",
    recipe="tiny",
    command="",
    categories=["car", "van"],
    category_ids=[1, 7],
    dataset=RunDataset(name="parking", fingerprint="0" * 64, split="train", images=3, boxes=9),
    parameters=1,
    seed=0,
    environment={},
    status="finished",
    step=1,
    best=None,
    files={},
)

MODEL = ModelSettings(
    backbone="small",
    weights="none",
    normalization="group",
    frozen_stages=0,
    stride_px=16,
    anchors=AnchorSettings(sizes_px=((16.0,),), ratios=(1.0,)),
    rpn=RpnSettings(channels=8, pre_nms_train=20, post_nms_train=8, pre_nms_test=20, post_nms_test=8),
    head=HeadSettings(width=8, output_size=(3, 3), sampled=8),
)


@pytest.fixture(scope="module")
def trained() -> Any:
    """Return a model whose weights are none that it begins with."""
    pytest.importorskip("keras")
    from detbench.detectors.faster_rcnn.model import build_model

    model = build_model(MODEL, 2, 0)
    numbers = np.random.default_rng(5)
    for variable in model.variables:
        if "float" in str(variable.dtype):
            variable.assign(numbers.uniform(0.01, 0.1, tuple(variable.shape)))
    return model


@pytest.fixture
def run(trained: Any, tmp_path: Path) -> RunFolder:
    """Return its run."""
    folder = RunFolder(tmp_path / "run")
    recipe = Recipe(title="Tiny", dataset="parking", command="", hardware="", model=MODEL)
    arrays = {f"model/{one.path}": np.asarray(one.value) for one in trained.variables}
    with folder.claim():
        record = folder.save_recipe(RECORD, recipe_to_toml(recipe))
        record = folder.save(record, "last", arrays | {"optimizer/m": np.zeros(3)}, {"step": 1})
        folder.save(record, "best", arrays, {"step": 1})
    return folder


def _answer(model: Any) -> list[Any]:
    from keras import ops

    numbers = np.random.default_rng(1)
    image = numbers.integers(0, 255, (1, 64, 64, 3), dtype=np.uint8)
    found = model.detect({"image": image, "size_px": np.array([[64, 64]], dtype=np.float32)})
    return [np.asarray(ops.convert_to_numpy(part)) for part in found]


def test_the_model_is_the_one_that_was_trained(trained: Any, run: RunFolder) -> None:
    """Best or last: the same boxes, to the bit; the recipe and the categories come with it."""
    from detbench.detectors.checkpoints.load import load_model

    expected = _answer(trained)
    for which in ("best", "last"):
        loaded = load_model(run.path, which)
        assert loaded.categories == ("car", "van")
        assert loaded.recipe.model == MODEL
        assert loaded.record == run.read_record()
        for one, other in zip(_answer(loaded.model), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def _changed(run: RunFolder, change: Callable[[dict[str, Any]], Any]) -> None:
    """Write other arrays, with a record that has their hash."""
    arrays, about = read_arrays(run.best)
    change(arrays)
    write_arrays(run.best, arrays, about)
    record = run.read_record()
    msgspec.structs.replace(record, files=record.files | {"best.npz": FileFacts.of(run.best)}).write(run.record)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda arrays: arrays.popitem(), "lacks an array that the model has"),
        (lambda arrays: arrays.update({"model/more": np.zeros(1)}), "model/more: has an array that the model lacks"),
        (
            lambda arrays: arrays.update({min(arrays): np.zeros((1, 2))}),
            "has the shape (1, 2), and the model's is",
        ),
    ],
)
def test_weights_of_another_model_are_one_sentence(
    run: RunFolder, change: Callable[[dict[str, Any]], Any], problem: str
) -> None:
    """It names the file and the array."""
    from detbench.detectors.checkpoints.load import load_model

    _changed(run, change)
    with pytest.raises(DataError) as caught:
        load_model(run.path)
    assert problem in str(caught.value)
    assert f"{run.best}, model/" in str(caught.value)
    assert load_model(run.path, "last").categories == ("car", "van")


def test_what_is_missing_is_said(run: RunFolder) -> None:
    """A run that was not evaluated yet has no best weights; a changed file is not loaded."""
    from detbench.detectors.checkpoints.load import load_model

    run.best.write_bytes(run.best.read_bytes() + b"x")
    with pytest.raises(DataError, match="is not what the run wrote"):
        load_model(run.path)
    record = run.read_record()
    files = {name: facts for name, facts in record.files.items() if name != "best.npz"}
    msgspec.structs.replace(record, files=files).write(run.record)
    with pytest.raises(DataError, match="has no best weights yet; take its last ones"):
        load_model(run.path)


_ELSEWHERE = """
import sys
import numpy as np
from keras import backend, ops
from detbench.detectors.checkpoints.load import load_model
model = load_model(sys.argv[1]).model
image = np.random.default_rng(1).integers(0, 255, (1, 64, 64, 3), dtype=np.uint8)
found = model.detect({"image": image, "size_px": np.array([[64, 64]], dtype=np.float32)})
np.savez(sys.argv[2], *[ops.convert_to_numpy(part) for part in found])
print(backend.backend())
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_run_is_loaded_on_another_backend(trained: Any, run: RunFolder, tmp_path: Path, backend: str) -> None:
    """The same boxes to rounding."""
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ELSEWHERE, run.path, tmp_path / "found.npz"],
        # JAX: compiled in half the time, run once.
        env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": "--xla_backend_optimization_level=0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[-1:] == [backend], done.stderr
    with np.load(tmp_path / "found.npz") as found:
        for name, expected in zip(found.files, _answer(trained), strict=True):
            np.testing.assert_allclose(found[name], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["van", "car"], ""),
        (["car", "bus"], "the dataset lacks 'van', and the model does not know 'bus'"),
        (["car"], "its 1 category is not the 2 that the model was trained on: the dataset lacks 'van'"),
        (
            ["car", "van", "a", "b", "c", "d\x1b[31m"],
            "are not the 2 that the model was trained on: the model does not know 'a', 'b', 'c' and 1 more",
        ),
    ],
)
def test_categories_are_compared_by_name(tmp_path: Path, names: list[str], problem: str) -> None:
    """Their order and their ids may differ; others are named, with the file and what to do."""
    truth = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 9, "height": 9}],
        "annotations": [],
        "categories": [{"id": 10 + number, "name": name} for number, name in enumerate(names)],
    }
    (tmp_path / "truth.json").write_bytes(msgspec.json.encode(truth))
    dataset = read_dataset(tmp_path / "truth.json")
    if not problem:
        assert match_categories(RECORD, dataset).tolist() == [1, 0]
        return
    with pytest.raises(DataError) as caught:
        match_categories(RECORD, dataset)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'truth.json'}: ")
    assert "give a dataset with the model's categories" in str(caught.value)
