"""COCO results are read into columns, and what cannot be read is named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.data.predictions import read_predictions
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset

GOOD = {"image_id": 7, "category_id": 3, "bbox": [10, 20, 30.5, 40], "score": 0.5}


def write(folder: Path, records: Any) -> Path:
    """Write records, or a text, as a file of results."""
    path = folder / "results.json"
    path.write_text(records if isinstance(records, str) else json.dumps(records))
    return path


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Return a set of images 9 and 7 and categories 3 and 18."""
    return make_dataset([9, 7], ["car", "person"], ids=[3, 18])


def test_corners(tmp_path: Path, dataset: Dataset) -> None:
    """Width and height become the far corner, and are kept as they stand."""
    loaded = read_predictions(write(tmp_path, [GOOD | {"bbox": [0.1, 0.7, 0.2, 0.1]}]), dataset)
    assert loaded.predictions.box.tolist() == [[0.1, 0.7, 0.1 + 0.2, 0.7 + 0.1]]
    assert loaded.predictions.size_px.tolist() == [[0.2, 0.1]]
    assert loaded.predictions.category.tolist() == [0]
    assert loaded.format == "coco"
    assert loaded.dropped == {}


def test_order(tmp_path: Path, dataset: Dataset) -> None:
    """Rows are grouped by image and keep the file's order inside an image."""
    records = [GOOD | {"image_id": image, "score": score} for image, score in ((7, 0.1), (9, 0.2), (7, 0.9), (9, 0.3))]
    predictions = read_predictions(write(tmp_path, records), dataset).predictions
    assert predictions.image.tolist() == [0, 0, 1, 1]
    assert predictions.score.tolist() == [0.2, 0.3, 0.1, 0.9]


def test_empty_list(tmp_path: Path, dataset: Dataset) -> None:
    """A file without predictions is a file of no predictions."""
    loaded = read_predictions(write(tmp_path, []), dataset)
    assert len(loaded.predictions) == 0
    assert loaded.predictions.box.shape == (0, 4)


def test_whole_file(tmp_path: Path, dataset: Dataset) -> None:
    """The annotations of a whole COCO file count as predictions if they have scores."""
    loaded = read_predictions(write(tmp_path, {"images": [], "annotations": [GOOD]}), dataset)
    assert loaded.predictions.score.tolist() == [0.5]


def test_category_by_name(tmp_path: Path, dataset: Dataset) -> None:
    """A category id that is a name is looked up among the names."""
    assert read_predictions(write(tmp_path, [GOOD | {"category_id": "person"}]), dataset).predictions.category == [1]


def test_string_image_ids(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    """Image ids may be strings."""
    dataset = make_dataset(["a/1", "b/1"], ids=[3, 4])
    assert read_predictions(write(tmp_path, [GOOD | {"image_id": "b/1"}]), dataset).predictions.image.tolist() == [1]


@pytest.mark.parametrize("field", ["score", "bbox"])
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_not_finite(tmp_path: Path, dataset: Dataset, field: str, odd: float) -> None:
    """A NaN or infinity, which Python writes but JSON lacks, is an error with file and record."""
    path = write(tmp_path, [GOOD, GOOD | {field: odd if field == "score" else [1, 2, 3, odd]}, GOOD])
    with pytest.raises(DataError, match=r"results\.json, record \[1\]: a number is (NaN|-?Infinity)"):
        read_predictions(path, dataset)


def test_overflow(tmp_path: Path, dataset: Dataset) -> None:
    """Finite numbers whose sum is not are refused too."""
    path = write(tmp_path, [GOOD | {"bbox": [1e308, 0, 1e308, 1]}])
    with pytest.raises(DataError, match=r"record \[0\]: the box has a side that is inf"):
        read_predictions(path, dataset)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("[{", "ends in the middle of the JSON"),
        ("nonsense", "is not JSON"),
        ("[" * 100_000, "nested too deeply|should be an object"),
        ('[{"deep": ' + "[" * 100_000, "nested too deeply"),
        ('{"images": []}', "is not COCO results: it has no annotations"),
        ('[{"image_id": 7}]', r"record \[0\]: has no category_id"),
        (json.dumps([GOOD, GOOD | {"bbox": [1, 2, 3]}]), r"record \[1\]: bbox should be a list of 4"),
        (json.dumps([GOOD | {"score": None}]), r"record \[0\]: score should be a number, not null"),
        (json.dumps([GOOD | {"score": "high"}]), r"record \[0\]: score should be a number, not a string"),
        (json.dumps([GOOD | {"image_id": True}]), r"record \[0\]: image_id should be a whole number or a string"),
        (json.dumps([GOOD, GOOD | {"image_id": 7.5}]), r"record \[1\]: image_id is 7.5, and an id is a whole number"),
        (json.dumps({"annotations": [{**GOOD, "score": 1} | {"image_id": 7.0, "score": None}]}), "score should be"),
        (json.dumps([{k: v for k, v in GOOD.items() if k != "score"}]), "has no score; .* ground truth has no scores"),
        ('[{"image_id": "\\ud800", "category_id": 3}]', "half of a surrogate pair"),
        ("<html>404</html>", "is HTML or XML, not JSON"),
        ("[][]", r"results\.json: is not JSON \(byte \d\)"),
        (
            '[{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1e999], "score": 1}]',
            r"bbox\[3\] is too large a number",
        ),
    ],
)
def test_malformed(tmp_path: Path, dataset: Dataset, text: str, said: str) -> None:
    """What is not COCO results is refused in one sentence that names the file."""
    with pytest.raises(DataError, match=said) as caught:
        read_predictions(write(tmp_path, text), dataset, format_name="coco")
    assert "results.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("data", "said"), [(gzip.compress(b"[]", mtime=0), "gzip"), ("[]".encode("utf-16"), "UTF-16")])
def test_packed(tmp_path: Path, dataset: Dataset, data: bytes, said: str) -> None:
    """Bytes that are plainly of another kind are called by its name."""
    path = tmp_path / "results.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=said):
        read_predictions(path, dataset)


@pytest.mark.parametrize("whole_file", [False, True])
def test_ids_that_went_through_floating_point(tmp_path: Path, dataset: Dataset, whole_file: bool) -> None:
    """An id of 7.0, as pandas and tensors write it, is 7, as it is for pycocotools."""
    records = [GOOD | {"image_id": 7.0, "category_id": 3.0}, GOOD]
    loaded = read_predictions(write(tmp_path, {"annotations": records} if whole_file else records), dataset)
    assert loaded.predictions.image[0] == loaded.predictions.image[1]
    assert loaded.predictions.category[0] == loaded.predictions.category[1]


def test_not_utf8(tmp_path: Path, dataset: Dataset) -> None:
    """Bytes that are no text are refused."""
    path = tmp_path / "results.json"
    path.write_bytes(b'[{"image_id": "\xff\xfe", "category_id": 3, "bbox": [0, 0, 1, 1], "score": 1}]')
    with pytest.raises(DataError, match="not UTF-8"):
        read_predictions(path, dataset)


def test_byte_order_mark(tmp_path: Path, dataset: Dataset) -> None:
    """A byte order mark before the JSON is skipped."""
    path = tmp_path / "results.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([GOOD]).encode())
    assert len(read_predictions(path, dataset).predictions) == 1


def test_many(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    """Of many predictions over many images every one arrives, sizes to the last bit."""
    dataset = make_dataset(range(1000), [f"c{k}" for k in range(80)])
    rng = np.random.default_rng(0)
    boxes = (rng.random((20_000, 4)) * 99).tolist()
    records = [
        {"image_id": row // 100, "category_id": row % 80 + 1, "bbox": box, "score": 0.25}
        for row, box in enumerate(boxes)
    ]
    path = write(tmp_path, records)
    loaded = read_predictions(path, dataset)
    assert np.array_equal(loaded.predictions.size_px, np.asarray(boxes)[:, 2:])


def test_real_detections(shared: Path, make_dataset: Callable[..., Dataset]) -> None:
    """A real detector's file on coco_tiny is read whole (needs the shared data)."""
    path = shared / "predictions" / "yolox_nano__coco_tiny_val.json"
    records = json.loads(path.read_text())
    dataset = make_dataset(sorted({record["image_id"] for record in records}), list(map(str, range(1, 91))))
    loaded = read_predictions(path, dataset)
    assert len(loaded.predictions) == len(records)
    assert sorted(loaded.predictions.score.tolist()) == sorted(record["score"] for record in records)
