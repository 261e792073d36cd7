"""A SavedModel with the Object Detection API's outputs, made here by TensorFlow itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.detectors.adapters.contract import ModelError, Picture, Wanted
from detbench.detectors.adapters.naming import COCO, Naming
from detbench.detectors.adapters.opening import open_model
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

tf = pytest.importorskip("tensorflow")


def answer(input_tensor: Any) -> dict[str, Any]:
    """Return the outputs of the API for a picture."""
    score = tf.reduce_mean(tf.cast(input_tensor, tf.float32)) / 255
    return {
        "detection_boxes": tf.constant([[[0.0, 0.0, 0.5, 0.25], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]]),
        "detection_scores": tf.reshape(tf.stack([score, 0.9, 0.0]), [1, 3]),
        "detection_classes": tf.constant([[3.0, 1.0, 1.0]]),
        "num_detections": tf.constant([2.0]),
    }


class Bright(tf.Module):
    """Says that a picture's upper left quarter is of category 3, as surely as it is bright; and one box of padding."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8, name="input_tensor")])
    def __call__(self, input_tensor: Any) -> dict[str, Any]:
        """Return what the API's exporter gives."""
        return answer(input_tensor)


class Grey(tf.Module):
    """Takes pictures of one colour: TensorFlow itself would let three pass."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 1], tf.uint8, name="input_tensor")])
    def __call__(self, input_tensor: Any) -> dict[str, Any]:
        """Return what the API's exporter gives."""
        return answer(input_tensor)


class Halves(tf.Module):
    """Gives something else."""

    @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32)])
    def __call__(self, values: Any) -> dict[str, Any]:
        """Return half."""
        return {"half": values / 2}


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of such a model."""
    folder = tmp_path_factory.mktemp("saved") / "bright"
    tf.saved_model.save(Bright(), str(folder))
    return folder


def picture(width: int, height: int, value: int) -> Picture:
    """Return a picture of one grey."""
    return Picture(np.full((height, width, 3), value, dtype=np.uint8), (width, height))


def test_shares_of_the_picture_become_pixels(bright: Path) -> None:
    """Y comes before x, categories count from 1, what is beyond the number of detections is padding."""
    adapter = open_model(str(bright), Wanted(naming=Naming.of(["a", "b", "c"])))
    batch = adapter.prepare([picture(200, 100, 51)])
    (found,) = adapter.finish(adapter.forward(batch), batch)
    assert found.box.tolist() == [[100, 50, 200, 100], [0, 0, 50, 50]]
    np.testing.assert_allclose(found.score, [0.9, 0.2], atol=1e-6)
    assert found.category.tolist() == [0, 2]
    assert adapter.facts.adapter == "saved-model"
    assert "saved_model.pb" in {file.name for file in adapter.facts.files}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("num_detections", np.float32("nan"), "gives no number of detections but nan"),
        ("num_detections", np.float32("inf"), "gives no number of detections but inf"),
        ("detection_classes", np.full(3, np.nan, np.float32), "gives a class that is no number"),
        ("detection_scores", np.full(3, np.nan, np.float32), "gives a score that is nan"),
    ],
)
def test_what_is_no_number_is_told(bright: Path, name: str, value: Any, words: str) -> None:
    """NaN neither ends in a traceback nor in a picture with nothing in it."""
    adapter = open_model(str(bright), Wanted(naming=Naming.of(["a", "b", "c"])))
    batch = adapter.prepare([picture(200, 100, 51)])
    with pytest.raises(ModelError, match=words):
        adapter.finish(adapter.forward(batch) | {name: value}, batch)


def test_coco_s_numbers_are_its_ids(bright: Path) -> None:
    """With --categories coco, 3 is the category whose id is 3; with too few names it is an error of the model's."""
    adapter = open_model(str(bright), Wanted(naming=COCO, min_score=0.5))
    batch = adapter.prepare([picture(20, 10, 255)])
    (found,) = adapter.finish(adapter.forward(batch), batch)
    assert [COCO.names[row] for row in found.category] == ["car", "person"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(), "does not name its categories; say --categories"),
        (Wanted(naming=COCO, batch_size=2), "one picture at a time"),
    ],
)
def test_what_it_cannot_be_asked_for(bright: Path, wanted: Wanted, words: str) -> None:
    """One sentence."""
    with pytest.raises((DataError, UsageError), match=words):
        open_model(str(bright), wanted)


def test_other_models_are_refused_with_what_they_give(tmp_path: Path) -> None:
    """The outputs are listed, and the way out is a function."""
    tf.saved_model.save(Halves(), str(tmp_path / "halves"))
    with pytest.raises(DataError, match=r"has no output detection_boxes; its outputs are half; write a function"):
        open_model(str(tmp_path / "halves"), Wanted(naming=COCO))


def test_a_model_of_grey_pictures_is_refused(tmp_path: Path) -> None:
    """What it takes is said."""
    tf.saved_model.save(Grey(), str(tmp_path / "grey"))
    with pytest.raises(DataError, match=r"should take one picture \[1, any height, any width, 3\], and takes .* 1\]"):
        open_model(str(tmp_path / "grey"), Wanted(naming=COCO))


def test_a_cut_model_is_one_sentence(bright: Path, tmp_path: Path) -> None:
    """Whatever TensorFlow says of it."""
    data = (bright / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="is not a SavedModel that can be loaded"):
        open_model(str(tmp_path), Wanted(naming=COCO))
