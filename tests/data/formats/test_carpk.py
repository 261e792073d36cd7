"""CARPK and PUCPR+ devkits are read and written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import read_dataset, splits_of
from detbench.data.formats.carpk import FORMAT
from detbench.data.tables import Categories
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

BOXES = {"20160331_NTU_00001": "1 2 30 40 1\n5 6 7 8 1 \n", "20161225_TPZ_00001": "", "20161225_TPZ_00002": "0 0 9 9 1"}


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    """Return a devkit of three pictures, two of them in lists, the second of the three without cars."""
    data = tmp_path / "CARPK_devkit" / "data"
    for folder in ("Annotations", "Images", "ImageSets"):
        (data / folder).mkdir(parents=True)
    for stem, text in BOXES.items():
        (data / "Annotations" / f"{stem}.txt").write_text(text)
        Image.new("RGB", (64, 48)).save(data / "Images" / f"{stem}.png")
    (data / "ImageSets" / "test.txt").write_text("20161225_TPZ_00001\n")
    (data / "ImageSets" / "train.txt").write_text("20160331_NTU_00001\r\n\n")
    return data.parent


def test_read(devkit: Path) -> None:
    """Corners are taken as they stand; keys are stems, sizes the pictures' own; without a split everything is read."""
    dataset = read_dataset(devkit)
    assert (dataset.name, dataset.format, dataset.split) == ("CARPK", "carpk", None)
    assert dataset.images.key == tuple(BOXES)
    assert dataset.images.file_name[0] == "20160331_NTU_00001.png"
    assert dataset.images.width_px.tolist() == [64] * 3
    assert dataset.images.height_px.tolist() == [48] * 3
    assert dataset.categories.name == ("car",)
    assert dataset.ground_truth.box.tolist() == [[1, 2, 30, 40], [5, 6, 7, 8], [0, 0, 9, 9]]
    assert dataset.ground_truth.image.tolist() == [0, 0, 2]


@pytest.mark.parametrize("place", [".", "data", ".."])
def test_places(devkit: Path, place: str) -> None:
    """The devkit, its data folder and the folder it is in are the same dataset."""
    dataset = read_dataset(devkit / place, format_name="carpk")
    assert len(dataset.ground_truth) == 3
    assert dataset.name == "CARPK"
    assert FORMAT.recognise(devkit / place) is not None


def test_splits(devkit: Path) -> None:
    """Splits are the lists; each holds its own images."""
    assert splits_of(devkit) == ("train", "test")
    assert read_dataset(devkit, split="train").images.key == ("20160331_NTU_00001",)
    test = read_dataset(devkit, split="test")
    assert (len(test.images), len(test.ground_truth)) == (1, 0)
    with pytest.raises(UsageError, match="has no split 'val'; the splits are train, test"):
        read_dataset(devkit, split="val")


def test_real_samples(shared: Path) -> None:
    """The samples hold 4, 22 and 67 boxes, without pictures or lists (needs the shared data)."""
    place = shared / "format_samples" / "CARPK_devkit"
    dataset = read_dataset(place)
    assert splits_of(place) == ()
    assert np.diff(dataset.ground_truth.offsets(3)).tolist() == [4, 22, 67]
    assert dataset.ground_truth.box[0].tolist() == [1019, 521, 1129, 571]
    assert dataset.images.width_px.tolist() == [0, 0, 0]
    assert dataset.images.file_name == ("", "", "")
    with pytest.raises(DataError, match="the picture is missing"):
        dataset.pictures.read(0)


def test_listed_without_annotation(shared: Path) -> None:
    """PUCPR+'s real list without its annotations is an error, or 25 findings (needs the shared data)."""
    place = shared / "format_samples" / "PUCPR+_devkit"
    with pytest.raises(DataError, match=r"test\.txt, line 1: the image '665_Rainy' has no annotation"):
        read_dataset(place, split="test")
    findings = Findings(strict=False)
    assert len(read_dataset(place, split="test", findings=findings).images) == 0
    assert {finding.code for finding in findings.items} == {"annotation-missing"}
    assert len(findings.items) == 25


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("1 2 3 4", "record-malformed", "line 1: has 4 numbers where 5 should be"),
        ("1 2 3 4 1\n1 2 x 4 1", "record-malformed", "line 2: 'x' is not a number"),
        ("1 2 nan 4 1", "box-not-finite", "line 1: a number of the box is nan"),
        ("1 2 3 4 1\n\n1 2 3 inf 1", "box-not-finite", "line 3"),
        ("\x00\x01", "record-malformed", "line 1"),
    ],
)
def test_malformed(devkit: Path, text: str, code: str, said: str) -> None:
    """What is not a box is reported with its line, and left out."""
    (devkit / "data" / "Annotations" / "20161225_TPZ_00001.txt").write_text(text)
    with pytest.raises(DataError, match=said):
        read_dataset(devkit)
    findings = Findings(strict=False)
    dataset = read_dataset(devkit, findings=findings)
    assert [finding.code for finding in findings.items] == [code]
    assert len(dataset.ground_truth) >= 3


def test_hostile_list(devkit: Path) -> None:
    """A list that leads out of the devkit is refused; one that names an image twice is reported."""
    listing = devkit / "data" / "ImageSets" / "train.txt"
    listing.write_text("../../../etc/passwd\n")
    with pytest.raises(DataError, match="leads out of"):
        read_dataset(devkit, split="train")
    listing.write_text("20161225_TPZ_00001\n20161225_TPZ_00001.png\n")
    with pytest.raises(DataError, match="line 2: '20161225_TPZ_00001' is listed twice"):
        read_dataset(devkit, split="train")


def test_several_devkits(devkit: Path) -> None:
    """A folder with two devkits is recognised, and refused by their names."""
    other = devkit.parent / "PUCPR+_devkit" / "data" / "Annotations"
    other.mkdir(parents=True)
    (other / "1.txt").write_text("1 2 3 4 1\n")
    assert FORMAT.recognise(devkit.parent) is not None
    with pytest.raises(DataError, match=r"holds CARPK_devkit, PUCPR\+_devkit; name one"):
        read_dataset(devkit.parent, format_name="carpk")


def test_not_a_devkit(tmp_path: Path) -> None:
    """Fractions, eight columns or an empty folder are not taken for a devkit."""
    for name, text in (("yolo", "0 0.5 0.5 0.1 0.1"), ("visdrone", "1,2,3,4,1,4,0,0"), ("words", "a b c d e")):
        folder = tmp_path / name / "Annotations"
        folder.mkdir(parents=True)
        (folder / "1.txt").write_text(text)
        assert FORMAT.recognise(tmp_path / name) is None
    with pytest.raises(DataError, match="holds no CARPK devkit"):
        read_dataset(tmp_path / "words", format_name="carpk")


def test_there_and_back(devkit: Path, tmp_path: Path) -> None:
    """A devkit written split by split reads back the same, pictures included."""
    assert FORMAT.write is not None
    for split in ("train", "test"):
        FORMAT.write(read_dataset(devkit, split=split), tmp_path / "copy_devkit")
    for split in ("train", "test"):
        first, second = read_dataset(devkit, split=split), read_dataset(tmp_path / "copy_devkit", split=split)
        assert first.images.key == second.images.key
        assert np.array_equal(first.ground_truth.box, second.ground_truth.box)
        assert first.pictures.read(0) == second.pictures.read(0)


def test_write_refuses_categories(devkit: Path, tmp_path: Path) -> None:
    """A second category cannot be written, and nothing is."""
    assert FORMAT.write is not None
    dataset = read_dataset(devkit)
    table = replace(dataset.ground_truth, category=np.array([0, 1, 0], np.int32))
    two = replace(dataset, ground_truth=table, categories=Categories.from_names(["car", "bus"]))
    with pytest.raises(DataError, match=r"has boxes of 2 categories \(car, bus\), and CARPK carries one"):
        FORMAT.write(two, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_write_leaves_out_ignored(devkit: Path, tmp_path: Path) -> None:
    """Boxes that are to be ignored are not written as cars; corners are rounded."""
    assert FORMAT.write is not None
    dataset = read_dataset(devkit, split="train")
    box = np.array([[1.4, 2.6, 30, 40], [5, 6, 7, 8]])
    table = replace(dataset.ground_truth, box=box, ignore=np.array([False, True]))
    FORMAT.write(replace(dataset, ground_truth=table), tmp_path / "out")
    assert (tmp_path / "out/data/Annotations/20160331_NTU_00001.txt").read_text() == "1 3 30 40 1\n"
