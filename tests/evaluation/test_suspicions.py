"""Files that were wrongly written give numbers all the same; a remark says what they look like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate, read_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.document import Remark

    Row = dict[str, Any]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"
WIDTH, HEIGHT = 640.0, 480.0


def corners(row: Row) -> Row:
    """Write x1, y1, x2, y2 where x, y, width, height should be."""
    x, y, width, height = row["bbox"]
    return row | {"bbox": [x, y, x + width, y + height]}


def fractions(row: Row) -> Row:
    """Write fractions of a picture."""
    x, y, width, height = row["bbox"]
    return row | {"bbox": [x / WIDTH, y / HEIGHT, width / WIDTH, height / HEIGHT]}


def inside_out(row: Row) -> Row:
    """Write a negative width."""
    x, y, width, height = row["bbox"]
    return row | {"bbox": [x, y, -width, height]}


def enlarged(row: Row) -> Row:
    """Write pixels of a picture four times as wide and high."""
    return row | {"bbox": [4 * side for side in row["bbox"]]}


def remarks_on(rows: list[Row], ground_truth: Path, folder: Path) -> dict[str, Remark]:
    """Return the remarks on predictions, by code."""
    (folder / "dt.json").write_text(json.dumps(rows))
    result = evaluate(ground_truth, folder / "dt.json", intervals=False)
    return {remark.code: remark for remark in result.remarks}


def as_csv(shared: Path, folder: Path, change: Callable[[Row], Row]) -> Path:
    """Write the predictions as CSV, images by stem, and return its path."""
    names = {row["id"]: row["name"] for row in json.loads((shared / GT).read_text())["categories"]}
    lines = ["image,xmin,ymin,xmax,ymax,category,score"]
    for row in map(change, json.loads((shared / DT).read_text())):
        box = ",".join(map(str, row["bbox"]))
        lines.append(f"{row['image_id']:012d},{box},{names[row['category_id']]},{row['score']}")
    (folder / "dt.csv").write_text("\n".join(lines))
    return folder / "dt.csv"


#: Remarks that have nothing to do with how a file was written.
HARMLESS = {"images-without-predictions", "categories-without-ground-truth", "predictions-over-max-dets"}


@pytest.mark.parametrize(
    ("slip", "code", "said"),
    [
        (corners, "box-format-xyxy", "3,594 of 4,548 boxes leave their image, read as corners nearly all fit"),
        (fractions, "boxes-are-fractions", "all 4,548 boxes of the predictions lie within 0 to"),
        (inside_out, "boxes-inside-out", "4,548 of 4,548 predictions (100%) end before they begin"),
        (enlarged, "boxes-outside", "lie wholly outside their picture"),
    ],
)
def test_boxes_in_another_convention(
    shared: Path, tmp_path: Path, slip: Callable[[Row], Row], code: str, said: str
) -> None:
    """Each slip has one remark, an error with the share of boxes and an example; the file as it was has none."""
    rows = json.loads((shared / DT).read_text())
    assert not remarks_on(rows, shared / GT, tmp_path).keys() - HARMLESS
    found = remarks_on([slip(row) for row in rows], shared / GT, tmp_path)
    assert found.keys() - HARMLESS == {code}
    assert found[code].severity == "error"
    assert said in found[code].message


def test_corners_are_recognised_without_sizes(shared: Path, tmp_path: Path) -> None:
    """Where pictures have no sizes they end where the furthest ground truth does."""
    document = json.loads((shared / GT).read_text())
    for image in document["images"]:
        del image["width"], image["height"]
    (tmp_path / "gt.json").write_text(json.dumps(document))
    rows = json.loads((shared / DT).read_text())
    assert "box-format-xyxy" in remarks_on([corners(row) for row in rows], tmp_path / "gt.json", tmp_path)
    assert not remarks_on(rows, tmp_path / "gt.json", tmp_path).keys() - HARMLESS


def test_sizes_in_a_csv_of_corners(shared: Path, tmp_path: Path) -> None:
    """A CSV that holds width and height where the second corner should be is recognised."""
    result = evaluate(shared / GT, as_csv(shared, tmp_path, lambda row: row), join="stem", intervals=False)
    assert (result.remarks[0].code, result.remarks[0].severity) == ("box-format-xywh", "error")


def test_wrongly_written_ground_truth(shared: Path, tmp_path: Path) -> None:
    """Corners in the ground truth are an error too, and it says that it is the ground truth's."""
    document = json.loads((shared / GT).read_text())
    document["annotations"] = [corners(row) for row in document["annotations"]]
    (tmp_path / "gt.json").write_text(json.dumps(document))
    found = remarks_on(json.loads((shared / DT).read_text()), tmp_path / "gt.json", tmp_path)
    assert found["box-format-xyxy"].message.startswith("the ground truth looks like")


def test_rows_and_scores(shared: Path, tmp_path: Path) -> None:
    """Repeated rows are a warning; a cut-off and one score for all are notes."""
    rows = json.loads((shared / DT).read_text())
    repeated = remarks_on(rows + rows, shared / GT, tmp_path)["predictions-repeated"]
    assert repeated.severity == "warning"
    assert "4,548 of 9,096 predictions (50%)" in repeated.message
    cut = remarks_on([row for row in rows if row["score"] >= 0.3], shared / GT, tmp_path)["scores-cut-off"]
    assert cut.severity == "note"
    assert "no prediction has a score below 0.3" in cut.message
    equal = remarks_on([row | {"score": 1.0} for row in rows], shared / GT, tmp_path)
    assert "scores-all-equal" in equal
    assert "scores-cut-off" not in equal


def test_a_forgotten_split(shared: Path, tmp_path: Path) -> None:
    """Predictions on one split, held against all of them, are named with the split, in every layout of splits."""
    from detbench.data.formats import get_format

    tiny = shared / "coco_tiny"
    for name in ("train2017", "val2017"):
        write = get_format("yolo").write
        assert write is not None
        write(read_dataset(tiny, split=name), tmp_path / "yolo")
    predictions = as_csv(shared, tmp_path, corners)
    for folder, said in ((tiny, "val2017"), (tmp_path / "yolo", "val")):
        found = {
            remark.code: remark.message
            for remark in evaluate(folder, predictions, join="stem", intervals=False).remarks
        }
        assert f"all predictions lie in {said}" in found["split-not-said"]
        assert "80 of 160 images" in found["split-not-said"]
    told = evaluate(tiny, shared / DT, split="val2017", intervals=False)
    assert "split-not-said" not in {remark.code for remark in told.remarks}


def test_few_objects(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Numbers that rest on one object say so, and have no interval; a category in one image has none either."""
    small, large = [10.0, 10.0, 20.0, 20.0], [10.0, 10.0, 200.0, 200.0]
    truth = [(image, 1, small) for image in range(1, 13)] + [(1, 2, large)]
    result = evaluate(*coco_pair(truth, [(*row, 0.9) for row in truth]), resamples=100)
    said = {remark.message for remark in result.remarks if remark.code == "few-objects"}
    assert said == {"APl and ARl rest on 1 ground truth: an interval of so few means nothing"}
    assert {"AP", "APs"} <= result.intervals.keys()
    assert not {"APl", "ARl"} & result.intervals.keys()
    assert result.per_category[0].intervals
    assert not result.per_category[1].intervals


@pytest.mark.parametrize(("images", "said"), [(30, True), (31, False)])
def test_few_images(coco_pair: Callable[..., tuple[Path, Path]], images: int, said: bool) -> None:
    """Up to 30 images the intervals are said to be too narrow."""
    truth = [(image, 1, [10.0, 10.0, 50.0, 50.0]) for image in range(images)]
    result = evaluate(*coco_pair(truth, [(*row, 0.9) for row in truth]), resamples=100)
    assert ("few-images" in {remark.code for remark in result.remarks}) is said
