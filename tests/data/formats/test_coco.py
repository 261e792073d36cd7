"""COCO: its layouts, its ids, and what real and broken files hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, splits_of
from detbench.errors import DataError


def document(*annotations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a COCO document of one image, 7, and two categories, 18 and 3."""
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": list(annotations),
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
        **changes,
    }


def annotation(**changes: Any) -> dict[str, Any]:
    """Return one annotation of image 7."""
    return {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 6.5, "iscrowd": 0, **changes}


def put(path: Path, content: dict[str, Any] | str) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def codes(path: Path) -> list[str]:
    """Return the codes found by reading leniently."""
    findings = Findings(strict=False)
    read_dataset(path, format_name="coco", findings=findings)
    return [finding.code for finding in findings.items]


@pytest.mark.parametrize(
    ("name", "split", "images", "boxes", "crowds"),
    [
        ("coco_tiny", "train2017", 80, 705, 6),
        ("coco_tiny", "val2017", 80, 815, 11),
        ("coco_tiny", None, 160, 1520, 17),
        ("coco_val2014_100", None, 100, 839, 9),
        ("coco_val2014_100/instances_val2014_100.json", None, 100, 839, 9),
    ],
)
def test_real_sets_have_their_known_counts(  # a count a column
    shared: Path, name: str, split: str | None, images: int, boxes: int, crowds: int
) -> None:
    """Real COCO sets are recognised and read in full, with pictures or without."""
    data = read_dataset(shared / name, split=split)
    assert (data.format, len(data.images), len(data.ground_truth)) == ("coco", images, boxes)
    assert int(data.ground_truth.crowd.sum()) == crowds
    assert len(data.categories) == 80
    has_pictures = name == "coco_tiny"
    assert all((data.pictures.path(row) is not None) == has_pictures for row in range(images))


def test_results_given_as_ground_truth_are_told_apart(shared: Path) -> None:
    """A list is predictions, and the error says so."""
    path = shared / "coco_val2014_100" / "instances_val2014_fakebbox100_results.json"
    with pytest.raises(DataError, match="predictions, not ground truth; give the annotation file"):
        read_dataset(path, format_name="coco")


def test_columns_are_as_the_file_has_them(tmp_path: Path) -> None:
    """Boxes of x y w h become corners; ids, areas and flags are kept; categories are in the order of their ids."""
    records = [annotation(id=0, iscrowd=1), annotation(id="b", category_id=18, ignore=1, bbox=[1.5, 2, -3, 4])]
    data = read_dataset(put(tmp_path / "a.json", document(*records)))
    assert (data.categories.name, data.categories.source_id) == (("car", "dog"), (3, 18))
    assert (data.images.key, data.images.file_name) == ((7,), ("a.jpg",))
    table = data.ground_truth
    assert table.box.tolist() == [[1.0, 2.0, 4.0, 6.0], [1.5, 2.0, -1.5, 6.0]]
    assert table.category.tolist() == [0, 1]
    assert table.source_id == (0, "b")
    assert (table.crowd.tolist(), table.ignore.tolist()) == ([True, False], [False, True])
    assert table.area_px.tolist() == [6.5, 6.5]


def test_missing_fields_have_their_defaults(tmp_path: Path) -> None:
    """No area is NaN, no iscrowd is no, no id anywhere is no ids."""
    record = {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "truncated": "rather"}
    table = read_dataset(put(tmp_path / "a.json", document(record))).ground_truth
    assert np.isnan(table.area_px).tolist() == [True]
    assert (table.crowd.tolist(), table.source_id, table.truncated.tolist()) == ([False], (), [-1])


def test_boxes_are_grouped_by_image_in_file_order(tmp_path: Path) -> None:
    """Images without annotations stay, string ids are ids, and the file's order holds inside an image."""
    images = [{"id": key, "file_name": f"{key}.jpg", "width": 9, "height": 9} for key in ("x", "y", "z")]
    records = [annotation(id=n, image_id=key) for n, key in enumerate(("z", "x", "z", "x"))]
    data = read_dataset(put(tmp_path / "a.json", document(*records, images=images)))
    assert data.images.key == ("x", "y", "z")
    assert data.ground_truth.image.tolist() == [0, 0, 2, 2]
    assert data.ground_truth.source_id == (1, 3, 0, 2)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"image_id": 8}, "image-unknown", "no image has the id 8"),
        ({"image_id": "7"}, "image-unknown", "no image has the id '7'; there is 7, a number"),
        ({"category_id": 4}, "category-unknown", "no category has the id 4"),
        ({"bbox": [1, 2, float("nan"), 4]}, "box-not-finite", r"its bbox is \[1.0, 2.0, nan, 4.0\]"),
        ({"bbox": [1, 2, float("inf"), 4]}, "box-not-finite", r"its bbox is \[1.0, 2.0, inf, 4.0\]"),
        ({"bbox": [1, 2, 3]}, "record-malformed", "its bbox should be array of length 4, not 3"),
        ({"bbox": ["1", 2, 3, 4]}, "record-malformed", r"its bbox\[0\] should be float, not str"),
        ({"bbox": None}, "record-malformed", "its bbox should be array, not null"),
        ({"image_id": 1.5}, "record-malformed", "its image_id should be int or str, not float"),
    ],
)
def test_a_broken_annotation_is_named_and_left_out(
    tmp_path: Path, changes: dict[str, Any], code: str, message: str
) -> None:
    """Strictly it is an error with index and id; leniently the others are read."""
    broken = annotation(id=17, **changes)
    path = put(tmp_path / "a.json", document(annotation(id=1), broken, annotation(id=2)))
    with pytest.raises(DataError, match=rf"a\.json, annotations\[1\] \(id 17\): {message}"):
        read_dataset(path)
    findings = Findings(strict=False)
    assert read_dataset(path, findings=findings).ground_truth.source_id == (1, 2)
    assert [finding.code for finding in findings.items] == [code]


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """The error says which field an annotation lacks."""
    with pytest.raises(DataError, match=r"annotations\[0\] \(id 1\): it has no bbox"):
        read_dataset(put(tmp_path / "a.json", document({"id": 1, "image_id": 7, "category_id": 3})))


def test_ids_given_twice_are_findings(tmp_path: Path) -> None:
    """Images, annotations and categories each."""
    doubled = document()
    doubled["images"] *= 2
    assert codes(put(tmp_path / "i.json", doubled)) == ["image-id-duplicate"]
    assert codes(put(tmp_path / "a.json", document(annotation(), annotation()))) == ["annotation-id-duplicate"]
    categories = [{"id": 3, "name": "car"}, {"id": 3, "name": "bus"}]
    assert codes(put(tmp_path / "c.json", document(categories=categories))) == ["category-id-duplicate"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\x00\x01", "is not JSON"),
        ('{"images": [', "is not JSON"),
        ("3", "it is not an object"),
        ('{"a": 1}', r"it has no list 'images' \(it has 'a'\)"),
        ('{"images": [], "annotations": {}, "categories": []}', "it has no list 'annotations'"),
        ("[" * 200_000, "is nested too deeply|is not JSON"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file and what is wrong with it."""
    with pytest.raises(DataError, match=f"a.json: .*({message})"):
        read_dataset(put(tmp_path / "a.json", text), format_name="coco")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b.jpg", "a\x00.jpg"])
def test_a_picture_name_cannot_lead_out(tmp_path: Path, name: str) -> None:
    """``..`` and NUL are refused, with the image's id."""
    images = [{"id": 7, "file_name": name, "width": 1, "height": 1}]
    with pytest.raises(DataError, match=r"image 7: the name .* leads out of"):
        read_dataset(put(tmp_path / "a.json", document(images=images)))


def test_moved_datasets_find_their_pictures(tmp_path: Path) -> None:
    """An absolute name from another machine is found by its last parts, beneath the dataset only."""
    images = [
        {"id": 1, "file_name": "C:\\data\\a.jpg", "width": 0, "height": 0},
        {"id": 2, "file_name": "/etc/hostname"},
    ]
    (tmp_path / "images").mkdir()
    Image.new("L", (5, 4)).save(tmp_path / "images" / "a.jpg")
    data = read_dataset(put(tmp_path / "a.json", document(images=images)))
    assert [data.pictures.path(row) for row in (0, 1)] == [tmp_path / "images" / "a.jpg", None]
    assert (data.images.width_px.tolist(), data.images.height_px.tolist()) == ([5, 0], [4, 0])


def test_a_folder_a_split_is_read(tmp_path: Path) -> None:
    """``_annotations.coco.json`` in train, valid and test are splits; ids that begin anew are refused together."""
    for split in ("test", "train", "valid"):
        put(tmp_path / split / "_annotations.coco.json", document(annotation()))
        Image.new("L", (64, 48)).save(tmp_path / split / "a.jpg")
    assert splits_of(tmp_path) == ("train", "valid", "test")
    assert read_dataset(tmp_path, split="valid").pictures.path(0) == tmp_path / "valid" / "a.jpg"
    with pytest.raises(DataError, match=r"the image id 7 is there in _annotations\.coco\.json too; name one split"):
        read_dataset(tmp_path)


def test_annotations_of_other_tasks_are_passed_over(tmp_path: Path) -> None:
    """Captions and keypoints beside the instances are no splits."""
    for name in ("instances_val2017", "captions_val2017", "person_keypoints_val2017"):
        put(tmp_path / "annotations" / f"{name}.json", document(annotation()))
    assert splits_of(tmp_path) == ("val2017",)


def test_written_numbers_are_never_zero(tmp_path: Path) -> None:
    """Annotations without ids are numbered from 1, and an unknown area is written as the box's."""
    record = {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4]}
    data = read_dataset(put(tmp_path / "a.json", document(record, record)))
    get_format("coco").write(data, tmp_path / "out")  # type: ignore[misc]
    written = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text())
    assert [(one["id"], one["area"]) for one in written["annotations"]] == [(1, 12.0), (2, 12.0)]
    assert written["images"] == [{"id": 7, "file_name": "a.jpg", "width": 64.0, "height": 48.0}]


def test_the_folder_of_annotations_is_read_as_the_dataset(tmp_path: Path) -> None:
    """Named by its annotations folder, a dataset has the same splits and pictures as by its own."""
    for split in ("train", "val"):
        put(tmp_path / "annotations" / f"instances_{split}.json", document())
        (tmp_path / split).mkdir()
        Image.new("RGB", (64, 48)).save(tmp_path / split / "a.jpg")
    folder = tmp_path / "annotations"
    assert splits_of(folder) == ("train", "val")
    assert read_dataset(folder, split="val").pictures.path(0) == tmp_path / "val" / "a.jpg"
