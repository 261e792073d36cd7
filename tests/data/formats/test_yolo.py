"""YOLO: its layouts, its lines, and what broken files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, splits_of
from detbench.errors import DataError


def put(root: Path, stem: str, text: str | None, *, images: str = "images", labels: str = "labels") -> None:
    """Write a picture of 100 by 50 pixels and its text file, unless ``text`` is None."""
    for folder in (root / images, root / labels):
        folder.mkdir(parents=True, exist_ok=True)
    Image.new("L", (100, 50)).save(root / images / f"{stem}.jpg")
    if text is not None:
        (root / labels / f"{stem}.txt").write_text(text)


def boxes(path: Path) -> list[list[float]]:
    """Return the boxes read at ``path``."""
    found: list[list[float]] = read_dataset(path, format_name="yolo").ground_truth.box.round(9).tolist()
    return found


def test_fractions_become_pixels(tmp_path: Path) -> None:
    """The size comes from the picture's header; a picture without a text file is an image without boxes."""
    put(tmp_path, "a", "1 0.5 0.5 0.2 0.4\n\n")
    put(tmp_path, "b", None)
    (tmp_path / "classes.txt").write_text("car\nbus\n")
    data = read_dataset(tmp_path)
    assert (data.format, data.images.key, splits_of(tmp_path)) == ("yolo", ("a", "b"), ())
    assert (data.categories.name, data.categories.source_id) == (("car", "bus"), (0, 1))
    assert boxes(tmp_path) == [[40.0, 15.0, 60.0, 35.0]]
    assert data.ground_truth.category.tolist() == [1]
    assert (data.images.width_px.tolist(), data.images.height_px.tolist()) == ([100, 100], [50, 50])


@pytest.mark.parametrize(
    "names", ["[no, '1', bus]", "{0: no, 1: 1, 2: bus}", "\n- no\n- 1\n- bus", "\n  0: no\n  2: bus\n  1: '1'"]
)
def test_names_of_data_yaml_are_text(tmp_path: Path, names: str) -> None:
    """A list or a mapping; YAML's idea that ``no`` is false and ``1`` a number does not reach the names."""
    put(tmp_path, "a", "2 0.5 0.5 0.2 0.4\n", images="images/train", labels="labels/train")
    (tmp_path / "data.yaml").write_text(f"path: .\ntrain: images/train\nval:\ntest: null\nnames: {names}\n")
    assert splits_of(tmp_path) == ("train",)
    assert read_dataset(tmp_path).categories.name == ("no", "1", "bus")
    assert len(read_dataset(tmp_path / "data.yaml", split="train").ground_truth) == 1


def test_exported_places_are_found_beneath_the_folder(tmp_path: Path) -> None:
    """``../train/images`` and absolute paths of another machine mean the folders beside data.yaml."""
    for split in ("train", "valid"):
        put(tmp_path, split, "0 0.5 0.5 0.2 0.4", images=f"{split}/images", labels=f"{split}/labels")
    text = "train: ../train/images\nval: /content/set/valid/images\ntest: ../test/images\nnames: [car]\n"
    (tmp_path / "data.yaml").write_text(text)
    assert splits_of(tmp_path) == ("train", "val")
    assert read_dataset(tmp_path, split="val").images.key == ("valid",)


def test_places_outside_are_refused(tmp_path: Path) -> None:
    """A data.yaml that points elsewhere reads nothing there."""
    put(tmp_path / "elsewhere", "a", "0 0.5 0.5 0.2 0.4")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "data.yaml").write_text("train: ../elsewhere/images\nnames: [car]\n")
    with pytest.raises(DataError, match="none of them is beneath"):
        read_dataset(tmp_path / "set", format_name="yolo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("3", "no mapping"),
        ("names: {a: b}\ntrain: images\n", "its names are neither a list nor numbered"),
        ("names: {99999999: b}\ntrain: images\n", "its names are neither a list nor numbered"),
        ("names: !!python/object/apply:os.system [ls]\ntrain: [[images]]\n", "neither a folder"),
        ("[" * 50_000, "is not YAML"),
    ],
)
def test_a_broken_data_yaml_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file; nothing in it is run."""
    put(tmp_path, "a", "0 0.5 0.5 0.2 0.4")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=rf"data\.yaml: .*{message}"):
        read_dataset(tmp_path, format_name="yolo")


def test_a_folder_a_split_needs_no_data_yaml(tmp_path: Path) -> None:
    """images/train beside labels/train, and train/images beside train/labels; classes are called by number."""
    put(tmp_path / "x", "a", "2 0.5 0.5 0.2 0.4", images="images/val", labels="labels/val")
    put(tmp_path / "y", "a", "2 0.5 0.5 0.2 0.4", images="val/images", labels="val/labels")
    for root in (tmp_path / "x", tmp_path / "y"):
        assert splits_of(root) == ("val",)
        assert read_dataset(root, split="val").categories.name == ("0", "1", "2")


def test_lists_of_pictures_are_splits(tmp_path: Path) -> None:
    """Darknet's lists name pictures from another folder; obj.names has the names."""
    put(tmp_path, "a", "0 0.5 0.5 0.2 0.4", images="obj_train_data", labels="obj_train_data")
    (tmp_path / "obj.names").write_text("car\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/a.jpg\n")
    data = read_dataset(tmp_path, split="train")
    assert (data.images.key, data.categories.name, len(data.ground_truth)) == (("a",), ("car",), 1)


def test_text_files_beside_pictures_are_read(tmp_path: Path) -> None:
    """A flat folder with classes.txt."""
    put(tmp_path, "a", "0 0.5 0.5 0.2 0.4", images=".", labels=".")
    (tmp_path / "classes.txt").write_text("car\n")
    assert read_dataset(tmp_path).categories.name == ("car",)


def test_polygons_give_their_bounding_boxes(tmp_path: Path) -> None:
    """Three points or more are a polygon, which is noted once."""
    put(tmp_path, "a", "0 0.1 0.2 0.5 0.4 0.3 0.8\n0 0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.8\n")
    assert boxes(tmp_path) == [[10.0, 10.0, 50.0, 40.0]] * 2
    findings = Findings()
    read_dataset(tmp_path, findings=findings)
    assert [finding.code for finding in findings.items] == ["box-from-polygon"]


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("0 0.5 0.5 0.2 0.4 0.93", "record-malformed", "the last a score: these are predictions"),
        ("0 0.5 0.5 0.2", "record-malformed", "it has 4 values"),
        ("0 0.1 0.2 0.5 0.4 0.3 0.8 0.9", "record-malformed", "it has 8 values"),
        ("car 0.5 0.5 0.2 0.4", "record-malformed", "'car' is not a number"),
        ("-1 0.5 0.5 0.2 0.4", "record-malformed", "its class '-1' is not a number from 0 up"),
        ("0 320 240 64 48", "record-malformed", "they look like pixels"),
        ("0 nan 0.5 0.2 0.4", "box-not-finite", "its numbers are"),
        ("1 0.5 0.5 0.2 0.4", "category-unknown", "there are 1 names, so no class 1"),
    ],
)
def test_a_broken_line_is_named_and_left_out(tmp_path: Path, line: str, code: str, message: str) -> None:
    """Strictly it is an error with file and line; leniently the others are read."""
    put(tmp_path, "a", f"0 0.5 0.5 0.2 0.4\n{line}\n")
    (tmp_path / "classes.txt").write_text("car\n")
    with pytest.raises(DataError, match=rf"a\.txt, line 2: .*{message}"):
        read_dataset(tmp_path)
    findings = Findings(strict=False)
    assert len(read_dataset(tmp_path, findings=findings).ground_truth) == 1
    assert [finding.code for finding in findings.items] == [code]


def test_numbers_a_little_outside_are_kept_and_said(tmp_path: Path) -> None:
    """A fraction over 1 is a warning, and the box is read as it is."""
    put(tmp_path, "a", "0 1.2 0.5 0.2 0.4")
    findings = Findings()
    data = read_dataset(tmp_path, format_name="yolo", findings=findings)
    assert data.ground_truth.box.round(9).tolist() == [[110.0, 15.0, 130.0, 35.0]]
    assert [finding.code for finding in findings.items] == ["box-outside-image"]


def test_text_without_a_picture_and_broken_pictures_are_findings(tmp_path: Path) -> None:
    """An orphan is a warning; without a size no box can be read."""
    put(tmp_path, "a", "0 0.5 0.5 0.2 0.4")
    (tmp_path / "labels" / "b.txt").write_text("0 0.5 0.5 0.2 0.4")
    put(tmp_path, "c", "0 0.5 0.5 0.2 0.4")
    (tmp_path / "images" / "c.jpg").write_bytes(b"junk")
    findings = Findings(strict=False)
    assert read_dataset(tmp_path, findings=findings).images.key == ("a",)
    assert [finding.code for finding in findings.items] == ["picture-undecodable", "annotation-orphan"]


def test_splits_written_one_after_the_other_share_data_yaml(tmp_path: Path) -> None:
    """data.yaml names both; other names are refused."""
    write = get_format("yolo").write
    assert write is not None
    for split in ("val", "train"):
        put(tmp_path / "in", split, "0 0.5 0.5 0.2 0.4", images=f"images/{split}", labels=f"labels/{split}")
    for split in ("val", "train"):
        write(read_dataset(tmp_path / "in", split=split), tmp_path / "out")
    text = (tmp_path / "out" / "data.yaml").read_text()
    assert text == "train: images/train\nval: images/val\nnames:\n  0: '0'\n"
    assert splits_of(tmp_path / "out") == ("train", "val")
    (tmp_path / "in" / "classes.txt").write_text("car\n")
    with pytest.raises(DataError, match="is there already, with other names"):
        write(read_dataset(tmp_path / "in", split="train"), tmp_path / "out")


def test_an_unknown_size_cannot_be_written(tmp_path: Path) -> None:
    """Fractions need the picture's size."""
    (tmp_path / "a.csv").write_text("image,xmin,ymin,xmax,ymax,category\na.jpg,1,2,3,4,car\n")
    with pytest.raises(DataError, match=r"image 'a.jpg': its size is not known"):
        get_format("yolo").write(read_dataset(tmp_path / "a.csv"), tmp_path / "out")  # type: ignore[misc]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "csv"])
def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """A file where a folder should be made is named."""
    put(tmp_path / "in", "a", "0 0.5 0.5 0.2 0.4")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DataError, match=r"out.*: this folder cannot be made"):
        get_format(name).write(read_dataset(tmp_path / "in", format_name="yolo"), tmp_path / "out")  # type: ignore[misc]
