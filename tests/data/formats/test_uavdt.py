"""UAVDT is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import read_dataset, splits_of
from detbench.data.formats.uavdt import FORMAT
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a release of two sequences, the first with three frames' pictures, the second with none."""
    truth = tmp_path / "UAV-benchmark-MOTD_v1.0" / "GT"
    truth.mkdir(parents=True)
    (truth / "M0101_gt_whole.txt").write_text("2,1,10,20,30,40,1,1,1\n1,1,10,20,30,40,2,2,2\n1,2,1,2,3,4,3,3,3\n")
    (truth / "M0101_gt_ignore.txt").write_text("3,-1,5,6,7,8,1,-1,-1\n")
    (truth / "M0101_gt.txt").write_text("not looked at")
    (truth / "M0203_gt_whole.txt").write_text("7,1,1,1,2,2,9,4,1\n")
    frames = tmp_path / "UAV-benchmark-M" / "M0101"
    frames.mkdir(parents=True)
    for number in (1, 2, 3, 4):
        Image.new("RGB", (1024, 540)).save(frames / f"img{number:06d}.jpg")
    for split, sequence in (("train", "M0101"), ("test", "M0203")):
        (tmp_path / "M_attr" / split).mkdir(parents=True)
        (tmp_path / "M_attr" / split / f"{sequence}_attr.txt").write_text("1,0,0,1,0,0,1,0,0,0")
    return tmp_path


def test_read(root: Path) -> None:
    """Frames are images, empty ones too; codes become levels; regions have no category."""
    dataset = read_dataset(root)
    table = dataset.ground_truth
    assert dataset.images.key == (*(f"M0101/img{frame:06d}" for frame in (1, 2, 3, 4)), "M0203/img000007")
    assert dataset.images.file_name[3:] == ("M0101/img000004.jpg", "")
    assert dataset.images.width_px.tolist() == [1024] * 4 + [0]
    assert dataset.images.height_px.tolist() == [540] * 4 + [0]
    assert table.image.tolist() == [0, 0, 1, 2, 4]
    assert table.box.tolist()[:2] == [[10, 20, 40, 60], [1, 2, 4, 6]]
    assert table.category.tolist() == [1, 2, 0, -1, 0]
    assert table.ignore.tolist() == [False, False, False, True, False]
    assert table.truncated.tolist() == [2, 1, 0, -1, -1]
    assert table.occluded.tolist() == [2, 1, 0, -1, 1]
    assert dataset.categories.name == ("car", "truck", "bus")


def test_splits(root: Path) -> None:
    """The splits are those of the attributes' folders."""
    assert splits_of(root) == ("train", "test")
    assert read_dataset(root, split="test").images.key == ("M0203/img000007",)
    assert len(read_dataset(root, split="train").images) == 4


@pytest.mark.parametrize("place", ["UAV-benchmark-MOTD_v1.0", "UAV-benchmark-MOTD_v1.0/GT"])
def test_places(root: Path, place: str) -> None:
    """Given the annotations' folder alone, the frames beside it are found."""
    dataset = read_dataset(root / place)
    assert dataset.pictures.path(0) is not None
    assert len(dataset.images) == 5


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("1,1,1,1,2,2,1,1,4", "category-unknown", "there is no category 4"),
        ("x,1,1,1,2,2,1,1,1", "record-malformed", "'x' is not a number"),
        ("1.5,1,1,1,2,2,1,1,1", "record-malformed", "there is no frame 1.5"),
        ("1,1,1,1,2,2", "record-malformed", "has 6 numbers where 9 should be"),
        ("1,1,inf,1,2,2,1,1,1", "box-not-finite", "is inf"),
    ],
)
def test_malformed(root: Path, line: str, code: str, said: str) -> None:
    """What is not a box is reported with its line, and left out."""
    file = root / "UAV-benchmark-MOTD_v1.0" / "GT" / "M0203_gt_whole.txt"
    file.write_text(f"7,1,1,1,2,2,1,1,1\n{line}\n")
    with pytest.raises(DataError, match=rf"M0203_gt_whole\.txt, line 2: .*{said}"):
        read_dataset(root)
    findings = Findings(strict=False)
    assert len(read_dataset(root, findings=findings).ground_truth) == 5
    assert [finding.code for finding in findings.items] == [code]


def test_split_without_annotation(root: Path) -> None:
    """A sequence of a split that has no annotations is reported."""
    (root / "M_attr" / "test" / "M0205_attr.txt").write_text("")
    with pytest.raises(DataError, match=r"the sequence M0205 has no M0205_gt_whole\.txt"):
        read_dataset(root, split="test")


def test_other_folders(tmp_path: Path) -> None:
    """A folder without UAVDT's files is none, and UAVDT is not written."""
    assert FORMAT.recognise(tmp_path) is None
    assert FORMAT.write is None
    with pytest.raises(DataError, match="holds no M####_gt_whole"):
        read_dataset(tmp_path, format_name="uavdt")
