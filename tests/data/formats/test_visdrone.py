"""VisDrone-DET is read and written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import read_dataset, splits_of
from detbench.data.formats.visdrone import FORMAT
from detbench.data.tables import Categories
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

LINES = (
    "10,20,30,0,1,4,0,0,\n"  # a car without height, a comma at the end
    "1,2,3,4,0,0,0,0\n"  # an ignored region
    "1,2,3,4,0,11,1,2\n"  # others, not evaluated
    "5,6,7,8.5,1,1,-1,-1\n"  # a pedestrian of unknown truncation
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two splits, val of two pictures and train of one."""
    for split, stem, text in (
        ("val", "0001_d", LINES),
        ("val", "0002_d", "\n"),
        ("train", "0003_d", "1,2,3,4,1,9,0,1"),
    ):
        home = tmp_path / "set" / f"VisDrone2019-DET-{split}"
        for part in ("annotations", "images"):
            (home / part).mkdir(parents=True, exist_ok=True)
        (home / "annotations" / f"{stem}.txt").write_text(text)
        Image.new("RGB", (40, 30)).save(home / "images" / f"{stem}.jpg")
    return tmp_path / "set"


def test_read(folder: Path) -> None:
    """Regions, scores of 0, levels and others become what the tables call them."""
    dataset = read_dataset(folder / "VisDrone2019-DET-val")
    table = dataset.ground_truth
    assert dataset.images.key == ("0001_d", "0002_d")
    assert dataset.images.width_px.tolist() == [40, 40]
    assert table.box.tolist() == [[10, 20, 40, 20], [1, 2, 4, 6], [1, 2, 4, 6], [5, 6, 12, 14.5]]
    assert table.category.tolist() == [3, -1, 10, 0]
    assert table.ignore.tolist() == [False, True, True, False]
    assert table.truncated.tolist() == [0, 0, 1, -1]
    assert table.occluded.tolist() == [0, 0, 2, -1]
    assert dataset.categories.source_id == tuple(range(1, 12))
    assert (dataset.categories.name[3], dataset.categories.name[10]) == ("car", "others")


def test_splits(folder: Path) -> None:
    """A split's folder has that split; the folder of several has all of them, and is read whole without one."""
    assert splits_of(folder) == ("train", "val")
    assert splits_of(folder / "VisDrone2019-DET-val") == ("val",)
    assert read_dataset(folder, split="train").images.key == ("0003_d",)
    assert read_dataset(folder).images.key == ("0003_d", "0001_d", "0002_d")


def test_same_name_in_two_splits(folder: Path) -> None:
    """A picture's name that two splits share is reported when both are read."""
    (folder / "VisDrone2019-DET-train" / "annotations" / "0001_d.txt").write_text("1,2,3,4,1,1,0,0")
    assert len(read_dataset(folder, split="val").images) == 2
    with pytest.raises(DataError, match="'0001_d' is there already"):
        read_dataset(folder)


def test_real_sample(shared: Path) -> None:
    """The real file holds 53 rows, 11 of them ignored regions, and no picture (needs the shared data)."""
    dataset = read_dataset(shared / "format_samples" / "VisDrone2019-DET-val")
    table = dataset.ground_truth
    assert len(table) == 53
    assert np.count_nonzero(table.category == -1) == 11
    assert np.array_equal(table.ignore, table.category == -1)
    assert table.box[0].tolist() == [367, 123, 379, 136]
    assert dataset.images.width_px.tolist() == [0]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("1,2,3,4,1,4", "record-malformed", "line 1: has 6 numbers where 8 should be"),
        ("1,2,3,4,1,12,0,0", "category-unknown", "line 1: there is no category 12"),
        ("1,2,3,4,1,3.5,0,0", "category-unknown", "there is no category 3.5"),
        ("1,2,nan,4,1,3,0,0", "box-not-finite", "a number of the box is nan"),
        ("1,2,3,4,1,3,0,9", "record-malformed", "truncation 0 and occlusion 9 should be"),
        ("1,2,,4,1,3,0,0", "record-malformed", "a number is missing"),
    ],
)
def test_malformed(folder: Path, text: str, code: str, said: str) -> None:
    """What is not a box is reported with its line, and left out."""
    (folder / "VisDrone2019-DET-val" / "annotations" / "0002_d.txt").write_text(text)
    with pytest.raises(DataError, match=said):
        read_dataset(folder, split="val")
    findings = Findings(strict=False)
    assert len(read_dataset(folder, split="val", findings=findings).ground_truth) == 4
    assert [finding.code for finding in findings.items] == [code]


def test_picture_without_annotation(folder: Path) -> None:
    """A picture without an annotation file is reported."""
    (folder / "VisDrone2019-DET-val" / "annotations" / "0002_d.txt").unlink()
    with pytest.raises(DataError, match=r"0002_d\.jpg: the picture has no annotations/0002_d\.txt"):
        read_dataset(folder, split="val")


def test_not_visdrone(tmp_path: Path) -> None:
    """Other folders of annotations are not taken for VisDrone."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "1.txt").write_text("1 2 3 4 1")
    assert FORMAT.recognise(tmp_path) is None
    with pytest.raises(DataError, match="holds no VisDrone annotations"):
        read_dataset(tmp_path, format_name="visdrone")


def test_there_and_back(folder: Path, tmp_path: Path) -> None:
    """Both splits, written to one folder, have the same lines again but for commas at their ends."""
    assert FORMAT.write is not None
    for split in ("val", "train"):
        FORMAT.write(read_dataset(folder, split=split), tmp_path / "copy")
    assert splits_of(tmp_path / "copy") == ("train", "val")
    written = (tmp_path / "copy/VisDrone2019-DET-val/annotations/0001_d.txt").read_text()
    assert written == LINES.replace(",\n", "\n")
    first, second = read_dataset(folder), read_dataset(tmp_path / "copy")
    assert first.images.key == second.images.key
    assert [first.pictures.read(row) == second.pictures.read(row) for row in range(3)] == [True] * 3


def test_real_bytes(shared: Path, tmp_path: Path) -> None:
    """The real file is written back byte for byte (needs the shared data)."""
    assert FORMAT.write is not None
    place = shared / "format_samples" / "VisDrone2019-DET-val"
    FORMAT.write(read_dataset(place), tmp_path / "out")
    (written,) = (tmp_path / "out").rglob("*.txt")
    (source,) = place.rglob("*.txt")
    assert written.read_text().split() == source.read_text().split()


def test_write_refuses_categories(folder: Path, tmp_path: Path) -> None:
    """Categories that VisDrone lacks cannot be written, and nothing is."""
    assert FORMAT.write is not None
    dataset = read_dataset(folder, split="train")
    names = [f"kind {row}" for row in range(11)]
    with pytest.raises(DataError, match="has boxes of kind 8, which VisDrone lacks"):
        FORMAT.write(replace(dataset, categories=Categories.from_names(names)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_boxes(tmp_path: Path) -> None:
    """A split in which no picture has a box is VisDrone by its name."""
    home = tmp_path / "VisDrone2019-DET-val" / "annotations"
    home.mkdir(parents=True)
    (home / "1.txt").write_text("")
    assert len(read_dataset(tmp_path).ground_truth) == 0
