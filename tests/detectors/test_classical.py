"""The classical detector learns to find vehicles from pictures and boxes alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.pictures import FolderPictures
from detbench.data.synthetic import parking
from detbench.detectors import classical
from detbench.detectors.classical import channels, symmetry
from detbench.detectors.predict import predict
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Return six flights; three of them to learn from, two to be tested on."""
    return parking.draw(tmp_path_factory.mktemp("parking"), images=30, size_px=(400, 300), workers=2)


@pytest.fixture(scope="module")
def fitted(data: dict[str, Dataset]) -> classical.ClassicalDetector:
    """Return a detector fitted on the train split."""
    return classical.fit(data["train"])


def average_precision(dataset: Dataset, found: list[tuple[int, np.ndarray, float]]) -> float:
    """Return the area under the precision–recall curve at IoU 0.5, categories put together: a yardstick."""
    taken: set[int] = set()
    hits = []
    for image, box, _ in sorted(found, key=lambda one: -one[2]):
        rows = np.flatnonzero(dataset.ground_truth.image == image)
        iou = [plain_iou(box, dataset.ground_truth.box[row]) if row not in taken else 0.0 for row in rows]
        best = int(np.argmax(iou)) if iou else -1
        hit = best >= 0 and iou[best] >= 0.5
        hits.append(hit)
        if hit:
            taken.add(int(rows[best]))
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    return float(precision[np.array(hits, dtype=bool)].sum() / len(dataset.ground_truth))


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the IoU of two boxes that have an area."""
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    return float(common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common))


@pytest.mark.slow
def test_finds_vehicles_on_flights_it_has_not_seen(
    data: dict[str, Dataset], fitted: classical.ClassicalDetector
) -> None:
    """Fitted on 15 small pictures, its AP50 on other car parks, categories put together, is above 0.3."""
    found = predict(fitted, data["test"])
    best: dict[tuple[int, tuple[float, ...]], float] = {}
    for image, box, score in zip(found.image, found.box, found.score, strict=True):
        key = (int(image), tuple(box.tolist()))
        best[key] = max(best.get(key, 0.0), float(score))
    listed = [(image, np.array(box), score) for (image, box), score in best.items()]
    assert average_precision(data["test"], listed) > 0.3


@pytest.mark.slow
def test_predictions_are_a_sound_table(data: dict[str, Dataset], fitted: classical.ClassicalDetector) -> None:
    """Boxes lie in the picture, scores in 0..1 and descending inside an image, categories in the table."""
    found = predict(fitted, data["test"])
    assert (np.diff(found.image) >= 0).all()
    assert (np.diff(found.score)[np.diff(found.image) == 0] <= 0).all()
    assert ((found.score > 0) & (found.score <= 1)).all()
    assert (found.box >= 0).all()
    assert (found.box[:, 2:] <= [400, 300]).all()
    assert (found.box[:, 2:] > found.box[:, :2]).all()
    assert set(found.category.tolist()) <= {0, 1, 2}


@pytest.mark.slow
def test_sees_no_annotations_when_it_predicts(data: dict[str, Dataset], fitted: classical.ClassicalDetector) -> None:
    """Without its ground truth, a dataset gets the same predictions."""
    dataset = data["val"]
    blank = replace(dataset, ground_truth=dataset.ground_truth.take(np.zeros(len(dataset.ground_truth), dtype=bool)))
    with_truth, without = predict(fitted, dataset), predict(fitted, blank)
    np.testing.assert_array_equal(with_truth.box, without.box)
    np.testing.assert_array_equal(with_truth.score, without.score)


@pytest.mark.slow
def test_fitting_twice_gives_the_same_file(data: dict[str, Dataset], tmp_path: Path) -> None:
    """The same data and seed give the same bytes, and a file that was read gives the same predictions."""
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    fitted = classical.fit(data["val"])
    classical.save(fitted, first)
    classical.save(classical.fit(data["val"]), second)
    assert first.read_bytes() == second.read_bytes()
    few = data["test"].take_images([0, 1])
    np.testing.assert_array_equal(predict(classical.load(first), few).score, predict(fitted, few).score)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x04\x95pickle", b"\0" * 2000])
def test_a_file_that_is_no_detector_is_refused(tmp_path: Path, content: bytes) -> None:
    """Junk is one clear error that names the file."""
    path = tmp_path / "junk.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"junk\.npz: is not a classical detector"):
        classical.load(path)


def test_a_pickle_inside_the_file_is_refused(tmp_path: Path) -> None:
    """Nothing in a model file is ever executed."""
    path = tmp_path / "hostile.npz"
    np.savez(path, settings=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="is not a classical detector"):
        classical.load(path)


@pytest.mark.slow
def test_no_boxes_to_learn_from_is_said(data: dict[str, Dataset]) -> None:
    """A split without boxes cannot be fitted on."""
    dataset = data["val"]
    blank = replace(dataset, ground_truth=dataset.ground_truth.take(np.zeros(len(dataset.ground_truth), dtype=bool)))
    with pytest.raises(DataError, match="no boxes to learn from"):
        classical.fit(blank)


@pytest.mark.slow
def test_a_broken_picture_is_named(
    data: dict[str, Dataset], fitted: classical.ClassicalDetector, tmp_path: Path
) -> None:
    """A picture that does not decode stops the run with its name."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(data["val"].pictures.read(0)[:2000])
    names = data["val"].images.file_name[:1]
    dataset = replace(data["val"].take_images([0]), pictures=FolderPictures((broken,), names))
    with pytest.raises(DataError, match=r"broken\.jpg"):
        predict(fitted, dataset)


@pytest.mark.slow
def test_a_category_that_the_dataset_lacks_is_said(
    data: dict[str, Dataset], fitted: classical.ClassicalDetector
) -> None:
    """Categories are joined by name."""
    with pytest.raises(UsageError, match="'boat'"):
        predict(replace(fitted, category_names=("boat", "van", "truck")), data["val"])


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 9)])
def test_tiny_pictures_are_no_trouble(fitted: classical.ClassicalDetector, size: tuple[int, int]) -> None:
    """A picture smaller than a window gets a table too, perhaps an empty one."""
    found = fitted.detect(Image.new("RGB", size, (90, 90, 90)))
    assert len(found.box) == len(found.score) == len(found.category)


@pytest.mark.parametrize("turn", range(symmetry.TURNS))
def test_turning_channels_is_turning_the_picture(turn: int) -> None:
    """The channels of a mirrored or transposed picture are the mirrored or transposed channels, signs included."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(64, 64, 3), dtype=np.uint8)
    turned = pixels
    if turn & 1:
        turned = turned[:, ::-1]
    if turn & 2:
        turned = turned[::-1]
    if turn & 4:
        turned = turned.transpose(1, 0, 2)
    straight = channels.compute(Image.fromarray(pixels), 1.0)
    there = channels.compute(Image.fromarray(np.ascontiguousarray(turned)), 1.0)
    np.testing.assert_allclose(symmetry.turn_grids(straight[None], turn)[0], there, atol=2e-4)
