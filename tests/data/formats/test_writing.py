"""What all writers share: names that never collide, notes of what is left out, and files that are named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, read_with_splits
from detbench.data.output import writer_of
from detbench.data.pictures import FolderPictures
from detbench.data.split import split_dataset
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

WRITERS = ("coco", "voc", "carpk", "visdrone", "yolo", "csv")
FLAT = ("voc", "carpk", "visdrone")


def dataset(folder: Path, names: Sequence[str], *, split: str | None = None, pictures: bool = True) -> Dataset:
    """Return a dataset of pictures in nested folders; image ``n`` holds one car of ``n + 2`` by 5 pixels."""
    builder = GroundTruthBuilder()
    paths: list[Path | None] = []
    for row, name in enumerate(names):
        builder.add(row, 0, (1, 1, row + 3, 6))
        path = folder / name
        if pictures:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (sum(name.encode()) % 256, len(name), 0)).save(path)
        paths.append(path if pictures else None)
    return Dataset(
        "nested",
        "none",
        folder,
        split,
        Categories.from_names(["car"]),
        Images(tuple(names), tuple(names), np.full(len(names), 40, np.int32), np.full(len(names), 30, np.int32)),
        builder.build(),
        FolderPictures(tuple(paths), tuple(names)),
    )


def widths(data: Dataset) -> list[int]:
    """Return the boxes' widths, which tell the images apart."""
    return sorted(np.rint(data.ground_truth.size_px[:, 0]).astype(int).tolist())


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("pictures", [True, False])
def test_folders_are_joined_to_names(tmp_path: Path, name: str, pictures: bool) -> None:
    """Pictures of one name in two folders stay two, in one split or in two, with or without the pictures."""
    whole = dataset(tmp_path / "in", ["a/1.png", "b/1.png", "a/2.png", "./b//2.png"], pictures=pictures)
    out = tmp_path / "out_devkit"
    for split, rows in (("train", [0, 3]), ("val", [1, 2])):
        writer_of(name)(replace(whole.take_images(rows), split=split), out)
    back, parts = read_with_splits(out, format_name=name)
    assert widths(back) == [2, 3, 4, 5]
    assert parts["train"].images.key == ("a_1", "b_2")
    assert set(parts["val"].images.key) == {"b_1", "a_2"}
    assert all((back.pictures.path(row) is not None) == pictures for row in range(4))


@pytest.mark.parametrize("name", FLAT)
def test_a_name_that_another_split_has_gets_a_number(tmp_path: Path, name: str) -> None:
    """Two pictures of the same name in two splits stay two; the same image in two splits stays one."""
    out = tmp_path / "out_devkit"
    train = dataset(tmp_path / "one", ["1.png", "2.png"], split="train")
    other = dataset(tmp_path / "two", ["x.png", "1.PNG"])
    (tmp_path / "two" / "1.PNG").write_bytes((tmp_path / "two" / "x.png").read_bytes())
    val = replace(other.take_images([1]), split="val")
    for part in (train, val, replace(train.take_images([0]), split="mini")):
        writer_of(name)(part, out)
    keys = {split: read_dataset(out, split=split, format_name=name).images.key for split in ("train", "val", "mini")}
    assert keys == {"train": ("1", "2"), "val": ("1-2",), "mini": ("1",)}


@pytest.mark.parametrize("name", FLAT)
def test_writing_again_changes_nothing_or_is_refused(tmp_path: Path, name: str) -> None:
    """The same dataset may be written twice; another one under the same names is refused, not mixed in."""
    data = dataset(tmp_path / "in", ["a/1.png", "a_1.png", "b.png"], split="train")
    out = tmp_path / "out"
    writer_of(name)(data, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    writer_of(name)(data, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert sorted(read_dataset(out, format_name=name).images.key) == ["a_1", "a_1-2", "b"]
    with pytest.raises(DataError, match="is there already, with other content; write to an empty folder"):
        writer_of(name)(data.take_images([2, 1, 0]), out)


@pytest.mark.parametrize("name", FLAT)
def test_names_are_fit_for_lists_and_folders(tmp_path: Path, name: str) -> None:
    """Line ends, escapes, blanks and leading dots do not cut a list in two, hide a file or lose an image."""
    names = ["a\nb.png", "\x1b[31mred.png", " blank .png", ".hidden.png", "…/.x/y.png"]
    writer_of(name)(dataset(tmp_path / "in", names, split="train", pictures=False), tmp_path / "out_devkit")
    back = read_dataset(tmp_path / "out_devkit", split="train", format_name=name)
    assert set(back.images.key) == {"a_b", "_[31mred", "blank", "hidden", "…_.x_y"}
    assert widths(back) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("target", ["voc", "yolo", "carpk", "visdrone", "csv"])
def test_a_coco_set_of_nested_names_converts(tmp_path: Path, target: str) -> None:
    """COCO names in folders, the same last part in each, split into parts, are all there in every format."""
    names = [f"site{site}/frame{number}.png" for site in range(4) for number in range(3)]
    writer_of("coco")(dataset(tmp_path / "in", names), tmp_path / "coco")
    source = read_dataset(tmp_path / "coco")
    for part in split_dataset(source, {"train": 0.5, "val": 0.5}).values():
        writer_of(target)(part.dataset, tmp_path / "out_devkit")
    back = read_dataset(tmp_path / "out_devkit", format_name=target)
    assert len(back.images) == len(names)
    assert widths(back) == widths(source)
    contents = {back.pictures.read(row) for row in range(len(names))}
    assert contents == {source.pictures.read(row) for row in range(len(names))}


def loaded(folder: Path) -> Dataset:
    """Return an image with one box of every sort, ids and all, whose picture is missing."""
    builder = GroundTruthBuilder()
    builder.add(0, 0, (0, 0, 9, 9), source_id=1, area_px=50.0, truncated=1)
    builder.add(0, 0, (0, 0, 8.5, 9), source_id=2, crowd=True)
    builder.add(0, 0, (0, 0, 7.5, 9), source_id=3, ignore=True)
    builder.add(0, 0, (0, 0, 6.5, 9), source_id=4, difficult=True)
    builder.add(0, -1, (0, 0, 5, 9), source_id=5, ignore=True)
    return replace(dataset(folder, ["1.png"], split="val", pictures=False), ground_truth=builder.build())


NOTES = {
    "coco": "",
    "voc": "5 annotation ids, ",
    "csv": "5 annotation ids, ",
    "yolo": "1 region of no category, 1 crowd box, 1 ignored box, 1 difficult mark, "
    "1 level of truncation or occlusion, 1 area, 5 annotation ids, ",
    "carpk": "1 region of no category, 1 crowd box, 1 ignored box, 1 difficult mark, "
    "1 level of truncation or occlusion, 1 area, 5 annotation ids, the fractions of a pixel of 1 box, ",
    "visdrone": "1 area, 5 annotation ids, what sets 2 crowd or difficult boxes apart from ignored ones, ",
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_format_cannot_carry_is_said(tmp_path: Path, name: str) -> None:
    """One note counts what is left out and the pictures that are missing; a dataset without them gives none."""
    notes = Findings()
    writer_of(name)(loaded(tmp_path), tmp_path / "out_devkit", notes)
    [note] = notes.items
    title = {"coco": "COCO", "voc": "VOC", "csv": "CSV", "yolo": "YOLO", "carpk": "CARPK", "visdrone": "VisDrone"}[name]
    assert (note.code, note.file, note.record) == ("not-carried", str(tmp_path), "split val")
    assert note.message == f"not carried over to {title}: {NOTES[name]}1 picture that is missing"
    quiet = Findings()
    writer_of(name)(dataset(tmp_path / "in", ["1.png"]), tmp_path / "plain_devkit", quiet)
    assert quiet.items == []


def test_a_category_that_becomes_car_is_said(tmp_path: Path) -> None:
    """CARPK has one category, and the name of another is lost."""
    notes = Findings()
    cells = replace(dataset(tmp_path / "in", ["1.png"]), categories=Categories.from_names(["cell"]))
    writer_of("carpk")(cells, tmp_path / "out", notes)
    assert "the name of the category cell, which becomes car" in notes.items[0].message


@pytest.mark.parametrize("name", WRITERS)
def test_every_image_names_its_annotation_file(tmp_path: Path, name: str) -> None:
    """The file that an image's boxes stand in is named as the user would open it, also after a choice of images."""
    out = tmp_path / "out_devkit"
    for split, names in (("train", ["1.png", "2.png"]), ("val", ["3.png"])):
        writer_of(name)(dataset(tmp_path / split, names, split=split), out)
    whole, parts = read_with_splits(out, format_name=name)
    chosen = whole.take_images([2, 0])
    files = [Path(whole.annotation_of(row)) for row in range(3)]
    assert [chosen.annotation_of(0), chosen.annotation_of(1)] == [str(files[2]), str(files[0])]
    assert parts["val"].annotation_of(0) == str(files[2])
    assert all(file.is_file() and file.is_relative_to(out) for file in files)
    expected = {
        "coco": ["instances_train.json", "instances_train.json", "instances_val.json"],
        "csv": ["train.csv", "train.csv", "val.csv"],
        "voc": ["1.xml", "2.xml", "3.xml"],
    }
    assert [file.name for file in files] == expected.get(name, ["1.txt", "2.txt", "3.txt"])


def test_without_annotation_files_the_source_is_named(tmp_path: Path) -> None:
    """A dataset that was never in files names where it came from."""
    assert dataset(tmp_path, ["1.png"], pictures=False).annotation_of(0) == str(tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_splits_cut_from_the_whole_are_the_splits_read(tmp_path: Path, name: str) -> None:
    """Reading once gives each split the images and boxes that reading it alone gives."""
    out = tmp_path / "out_devkit"
    for split, names in (("val", ["3.png", "1.png"]), ("train", ["2.png", "4.png", "5.png"])):
        writer_of(name)(dataset(tmp_path / split, names, split=split), out)
    _, parts = read_with_splits(out, format_name=name)
    assert tuple(parts) == ("train", "val")
    for split, part in parts.items():
        alone = read_dataset(out, split=split, format_name=name)
        assert (part.split, part.images.key) == (split, alone.images.key)
        assert part.ground_truth.box.tolist() == alone.ground_truth.box.tolist()
        assert part.categories == alone.categories


def test_a_list_of_images_without_annotation_is_reported(tmp_path: Path) -> None:
    """What only a list can show is found although the splits are cut from what was read."""
    writer_of("voc")(dataset(tmp_path / "in", ["1.png"], split="train"), tmp_path / "out")
    (tmp_path / "out" / "ImageSets" / "Main" / "train.txt").write_text("1\nghost\n")
    with pytest.raises(DataError, match="'ghost' has no annotation"):
        read_with_splits(tmp_path / "out")
    lenient = Findings(strict=False)
    assert len(read_with_splits(tmp_path / "out", findings=lenient)[1]["train"].images) == 1
    assert [finding.code for finding in lenient.items] == ["annotation-missing"]


def test_images_of_one_id_in_two_splits_are_each_counted(tmp_path: Path) -> None:
    """Where the whole cannot tell two images apart, each split is read by itself."""
    for split, count in (("train", 2), ("val", 1)):
        folder = tmp_path / "set" / split
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number}.xml").write_text("<annotation/>")
    assert len(get_format("voc").read(tmp_path / "set", None, Findings(strict=False)).images) == 2
    _, parts = read_with_splits(tmp_path / "set", findings=Findings(strict=False))
    assert {split: len(part.images) for split, part in parts.items()} == {"train": 2, "val": 1}


def test_the_json_of_coco_keeps_nested_names(tmp_path: Path) -> None:
    """COCO keeps folders in names, as it is read."""
    writer_of("coco")(dataset(tmp_path / "in", ["a/1.png", "b/1.png"]), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text())
    assert [image["file_name"] for image in document["images"]] == ["a/1.png", "b/1.png"]
