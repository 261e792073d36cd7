"""A training run's model predicts what its own evaluation found, and no less cheaply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.data.formats import get_format
from detbench.data.synthetic import parking
from detbench.detectors.adapters.contract import Adapter, Wanted
from detbench.detectors.adapters.opening import open_model
from detbench.detectors.checkpoints.run_folder import FileFacts, RunDataset, RunFolder, RunRecord
from detbench.detectors.input import TestInput, split
from detbench.detectors.predict import run
from detbench.detectors.predict.sources import DatasetSource
from detbench.detectors.recipes.read import read_recipe
from detbench.detectors.train.evaluating import as_pixels
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset

pytest.importorskip("tensorflow")

pytestmark = pytest.mark.slow

RECIPE = """
title = "Small enough for a test"
dataset = "parking"
command = "none"
hardware = "any"
[input]
train_canvas_px = [64, 64]
test_canvas_px = [96, 128]
[model]
backbone = "small"
neck = "c4"
stride_px = 8
weights = "none"
frozen_stages = 0
normalization = "group"
[model.anchors]
sizes_px = [[16, 24]]
[model.rpn]
channels = 16
pre_nms_test = 100
post_nms_test = 40
[model.head]
width = 16
output_size = [3, 3]
[model.detections]
min_score = 0.05
limit = 30
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return five pictures; they are more than twice as large as the canvas."""
    folder = tmp_path_factory.mktemp("parking")
    return parking.draw(folder, images=5, size_px=(320, 240), splits=("train",), workers=1)["train"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Path:
    """Return a run's folder, with a model that was not trained: its numbers are what they are."""
    from detbench.detectors.faster_rcnn.model import build_model

    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    folder.path.mkdir()
    folder.recipe.write_text(RECIPE, encoding="utf-8")
    names = list(dataset.categories.name)
    model = build_model(read_recipe(str(folder.recipe)).model, len(names), 3)
    record = RunRecord(
        detbench="0",
        recipe="tiny",
        command="",
        categories=names,
        category_ids=[1, 2, 3],
        dataset=RunDataset(name="parking", fingerprint="0" * 64, split="train", images=5, boxes=1),
        parameters=1,
        seed=3,
        environment={},
        status="finished",
        step=1,
        best=None,
        files={"recipe.toml": FileFacts.of(folder.recipe)},
    )
    arrays = {f"model/{variable.path}": np.asarray(variable.value) for variable in model.variables}
    folder.save(record, "best", arrays, {})
    return folder.path


@pytest.fixture(scope="module")
def adapter(trained: Path) -> Adapter:
    """Return the run, opened."""
    return open_model(str(trained), Wanted(proposals=25))


def test_it_finds_what_the_evaluation_of_training_finds(trained: Path, adapter: Adapter, dataset: Dataset) -> None:
    """Box by box and score by score, on pictures that are decoded at half their size."""
    from detbench.detectors.checkpoints.load import load_model

    loaded = load_model(trained)
    found = run(adapter, DatasetSource(dataset), warm_up=0).predictions
    expected: list[Any] = []
    for batch, rows, scale in TestInput(dataset, loaded.recipe.input, 2).batches():
        x, _ = split(batch)
        detected = {name: np.asarray(field) for name, field in loaded.model.detect(x)._asdict().items()}
        expected.append(as_pixels(detected, batch, rows, scale))
    box, score = (np.concatenate([getattr(part, name) for part in expected]) for name in ("box", "score"))
    assert len(found) == len(score) > 0
    np.testing.assert_allclose(found.box, box, atol=1e-2)
    np.testing.assert_allclose(found.score, score, atol=1e-5)


def test_batches_change_nothing(trained: Path, adapter: Adapter, dataset: Dataset) -> None:
    """Two at a time, with a last one that is filled up, give what one at a time gives."""
    one = run(adapter, DatasetSource(dataset), warm_up=0)
    two = run(open_model(str(trained), Wanted(batch_size=2)), DatasetSource(dataset), warm_up=1)
    assert one.predictions.image.tolist() == two.predictions.image.tolist()
    np.testing.assert_allclose(one.predictions.box, two.predictions.box, atol=1e-2)
    assert (two.timed_images, two.samples_left_out, len(two.samples_ms["forward"])) == (4, 1, 2)


def test_proposals_are_the_best_of_the_rpn(adapter: Adapter, dataset: Dataset) -> None:
    """At most as many as were asked for, by descending score, inside the picture, without a category."""
    found = run(adapter, DatasetSource(dataset), warm_up=0).proposals
    counts = np.bincount(found.image, minlength=5)
    assert counts.max() <= 25
    assert counts.min() > 0
    assert (np.diff(found.score)[np.diff(found.image) == 0] <= 0).all()
    assert (found.box >= 0).all()
    assert (found.box <= [320, 240, 320, 240]).all()
    assert (found.category == -1).all()


def test_fewer_proposals_than_asked_for_is_a_note(trained: Path) -> None:
    """Who asks for 2,000 of any model gets what it makes, and is told how many that is."""
    assert "makes at most 40 proposals a picture" in open_model(str(trained), Wanted(proposals=41)).facts.notes[0]
    assert not open_model(str(trained), Wanted(proposals=40)).facts.notes


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(min_score=0.01), "says nothing below a score of 0.05"),
        (Wanted(weights="last"), "has no last weights yet"),
    ],
)
def test_what_it_cannot_be_asked_for(trained: Path, wanted: Wanted, words: str) -> None:
    """One sentence."""
    with pytest.raises((UsageError, DataError), match=words):
        open_model(str(trained), wanted)


def test_the_command_line_runs_it_on_jax_too(
    trained: Path, dataset: Dataset, detbench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same boxes on both backends, from a process of each; eval takes the folder."""
    pytest.importorskip("jax")
    get_format("coco").write(dataset, tmp_path / "data")  # type: ignore[misc]
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiled in half the time, run once
    found = []
    for backend in ("tensorflow", "jax"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        out = tmp_path / backend
        done = detbench("predict", trained, tmp_path / "data", "-o", out, "--proposals", 20, "--device", "cpu")
        assert done.returncode == 0, done.stderr
        record = json.loads((out / "predict.json").read_bytes())
        assert record["model"]["settings"]["backend"] == backend
        assert {"run.json", "recipe.toml", "best.npz"} == set(record["model"]["files"])
        found.append(json.loads((out / "predictions.json").read_bytes()))
    assert len(found[0]) == len(found[1]) > 0
    for one, two in zip(*found, strict=True):
        assert one["image_id"] == two["image_id"]
        assert one["score"] == pytest.approx(two["score"], abs=1e-4)
        assert one["bbox"] == pytest.approx(two["bbox"], abs=0.05)
    done = detbench("eval", tmp_path / "data", tmp_path / "jax", "--no-intervals")
    assert done.returncode == 0, done.stderr
    assert "frames per second" in done.stdout
