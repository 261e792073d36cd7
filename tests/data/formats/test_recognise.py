"""Which format a path is in: every real set for what it is, and none for another."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from detbench.data.formats import FORMAT_NAMES, get_format, recognise


def first_seen(path: Path) -> str | None:
    """Return the most certain format at a path."""
    seen = recognise(path)
    return seen[0].format if seen else None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raccoon", "voc"),
        ("raccoon/annotations", "voc"),
        ("raccoon/data/train_labels.csv", "csv"),
        ("raccoon/data/test.record", "tfrecord"),
        ("bccd", "voc"),
        ("drone_cars", "voc"),
        ("coco_tiny", "coco"),
        ("coco_tiny/annotations", "coco"),
        ("coco_tiny/annotations/instances_val2017.json", "coco"),
        ("coco_val2014_100", "coco"),
        ("format_samples/CARPK_devkit", "carpk"),
        ("format_samples/VisDrone2019-DET-val", "visdrone"),
        (".", None),
        ("coco_val2014_100/expected.json", None),
        ("coco_val2014_100/instances_val2014_fakebbox100_results.json", None),
        ("metric_fixtures/review_toyexample/dets_classid_rel_xcycwh", None),
    ],
)
def test_real_sets_are_recognised(shared: Path, name: str, expected: str | None) -> None:
    """The most certain format is the right one; predictions and folders of datasets are none."""
    assert first_seen(shared / name) == expected


def test_the_carpk_devkit_is_neither_voc_nor_yolo(shared: Path) -> None:
    """Its text files of corners are not mistaken."""
    path = shared / "format_samples" / "CARPK_devkit" / "data"
    assert [get_format(name).recognise(path) for name in ("voc", "yolo", "coco", "csv")] == [None] * 4


def test_voc_with_labels_made_from_it_stays_voc(tmp_path: Path) -> None:
    """A VOC folder to which somebody added YOLO's images and labels is not claimed by YOLO."""
    for folder in ("Annotations", "images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text("<annotation/>")
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2")
    Image.new("L", (9, 9)).save(tmp_path / "images" / "a.jpg")
    assert [sighting.format for sighting in recognise(tmp_path)] == ["voc"]


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("suffix", [".xml", ".json", ".csv", ".txt", ".yaml", ".record", ""])
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfejunk", b"[" * 5000, b"<a>" * 5000])
def test_foreign_files_are_no_ones(tmp_path: Path, name: str, suffix: str, content: bytes) -> None:
    """Junk under any ending, alone or in a folder, raises nothing and is certain for none."""
    path = tmp_path / f"data{suffix}"
    path.write_bytes(content)
    for place in (path, tmp_path):
        seen = get_format(name).recognise(place)
        assert seen is None or seen.certainty <= 0.5
