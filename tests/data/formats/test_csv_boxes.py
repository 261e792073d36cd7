"""CSV of boxes: its columns under many names, and what broken files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, splits_of
from detbench.errors import DataError

HEADER = "image,xmin,ymin,xmax,ymax,category"


def put(path: Path, *lines: str, end: str = "\n") -> Path:
    """Write a text file of lines."""
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


@pytest.mark.parametrize(("name", "images", "boxes"), [("raccoon_labels", 200, 217), ("test_labels", 40, 44)])
def test_real_tables_have_their_known_counts(shared: Path, name: str, images: int, boxes: int) -> None:
    """The raccoon set's CSV files are recognised and read, with their pictures in ``../images``."""
    data = read_dataset(shared / "raccoon" / "data" / f"{name}.csv")
    assert (data.format, len(data.images), len(data.ground_truth)) == ("csv", images, boxes)
    assert all(data.pictures.path(row) for row in range(images))


def test_corners_are_taken_as_they_are(tmp_path: Path) -> None:
    """Nothing is added or taken away; images keep the order of their first line; categories are sorted."""
    lines = ["b.jpg,1,2,3.5,4,zebra", "a.jpg,0,0,1,1,ape", "b.jpg,5,6,7,8,ape", "c.jpg,,,,,"]
    data = read_dataset(put(tmp_path / "a.csv", HEADER, *lines))
    assert data.images.key == ("b.jpg", "a.jpg", "c.jpg")
    assert data.categories.name == ("ape", "zebra")
    assert data.ground_truth.box.tolist() == [[1.0, 2.0, 3.5, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0, 0.0, 1.0, 1.0]]
    assert (data.ground_truth.image.tolist(), data.ground_truth.category.tolist()) == ([0, 0, 1], [1, 0, 0])


@pytest.mark.parametrize(
    "text",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na b.jpg,64,48,car,1,2,3,4\n",
        "Image_Path;X1;Y1;X2;Y2;Label;width;height\na b.jpg;1;2;3;4;car;64;48\n",
        "label\tx_min\ty_min\tx_max\ty_max\timage\twidth\theight\ncar\t1\t2\t3\t4\ta b.jpg\t64\t48\n",
        '"image","xmin","ymin","xmax","ymax","category","width_px","height_px"\n"a b.jpg",1,2,3,4," car ",64,48\n',
        "\ufeffimage,xmin,ymin,xmax,ymax,category,width,height\r\na b.jpg,1,2,3,4,car,64,48\r\n",
    ],
)
def test_columns_are_found_under_other_names(tmp_path: Path, text: str) -> None:
    """Other names, orders, separators, quotes, a BOM and CRLF make no difference."""
    data = read_dataset(put(tmp_path / "a.csv", text, end=""))
    assert (data.images.key, data.categories.name) == (("a b.jpg",), ("car",))
    assert data.ground_truth.box.tolist() == [[1.0, 2.0, 3.0, 4.0]]
    assert (data.images.width_px.tolist(), data.images.height_px.tolist()) == ([64], [48])


@pytest.mark.parametrize("first", ["img/1.jpg,1,2,3,4,car", "img/1.jpg,,,,,"])
def test_six_columns_without_a_header_are_read(tmp_path: Path, first: str) -> None:
    """keras-retinanet's ``path,x1,y1,x2,y2,class``, with empty fields for an image without boxes."""
    data = read_dataset(put(tmp_path / "a.csv", first, "img/2.jpg,5,6,7,8,bus", "img/3.jpg,,,,,"))
    assert data.images.key == ("img/1.jpg", "img/2.jpg", "img/3.jpg")
    assert len(data.ground_truth) == (2 if "car" in first else 1)


def test_a_column_gives_splits(tmp_path: Path) -> None:
    """Each split has the same categories."""
    path = put(tmp_path / "a.csv", f"{HEADER},split", "a.jpg,1,2,3,4,car,val", "b.jpg,1,2,3,4,bus,train")
    assert splits_of(path) == ("train", "val")
    data = read_dataset(path, split="val")
    assert (data.images.key, data.categories.name) == (("a.jpg",), ("bus", "car"))


def test_files_give_splits(tmp_path: Path) -> None:
    """Several tables in a folder are splits; an image in two of them is refused when all are read."""
    put(tmp_path / "train.csv", HEADER, "a.jpg,1,2,3,4,car")
    put(tmp_path / "val.csv", HEADER, "a.jpg,1,2,3,4,car")
    put(tmp_path / "notes.csv", "who,what")
    assert splits_of(tmp_path) == ("train", "val")
    assert len(read_dataset(tmp_path, split="val").ground_truth) == 1
    with pytest.raises(DataError, match=r"is in train\.csv too; name one split"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("b.jpg,x,2,3,4,car,", "record-malformed", "its xmin: 'x' is not a number"),
        ("b.jpg,,2,3,4,car,", "record-malformed", "its xmin: a number is missing"),
        ("b.jpg,nan,2,3,4,car,", "box-not-finite", "its corners are nan, 2, 3, 4"),
        ("b.jpg,1,2,3,4,,", "record-malformed", "its box has no category"),
        ("b.jpg,1,2,3,4,car,9", "record-malformed", "its difficult is '9', not 0, 1 or 2"),
        ("b.jpg,1,2", "record-malformed", "it has 3 fields, not 6"),
        (",1,2,3,4,car,", "record-malformed", "it names no image"),
    ],
)
def test_a_broken_line_is_named_and_left_out(tmp_path: Path, line: str, code: str, message: str) -> None:
    """Strictly it is an error with file and line; leniently the others are read."""
    path = put(tmp_path / "a.csv", f"{HEADER},difficult", "a.jpg,1,2,3,4,car,1", line)
    with pytest.raises(DataError, match=rf"a\.csv, line 3: {message}"):
        read_dataset(path)
    findings = Findings(strict=False)
    assert read_dataset(path, findings=findings).ground_truth.difficult.tolist() == [True]
    assert [finding.code for finding in findings.items] == [code]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no columns image"),
        ("a,b\n", "has no columns image"),
        (f"{HEADER},score\n", "has a column 'score': it holds predictions"),
        (f'{HEADER}\n"a{"b" * 200_000}",1,2,3,4,car\n', "is no CSV"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file and what is wrong with it."""
    with pytest.raises(DataError, match=rf"a\.csv.*: {message}"):
        read_dataset(put(tmp_path / "a.csv", text, end=""), format_name="csv")


def test_a_picture_name_cannot_lead_out(tmp_path: Path) -> None:
    """``..`` is refused."""
    with pytest.raises(DataError, match="leads out of"):
        read_dataset(put(tmp_path / "a.csv", HEADER, "../a.jpg,1,2,3,4,car"))


def test_a_region_of_no_category_survives(tmp_path: Path) -> None:
    """An empty category is a region, where ``ignore`` is set; what is written says the same."""
    Image.new("L", (9, 9)).save(tmp_path / "a.jpg")
    data = read_dataset(put(tmp_path / "a.csv", f"{HEADER},ignore", "a.jpg,1,2,3,4,,1"))
    assert (data.ground_truth.category.tolist(), data.ground_truth.ignore.tolist()) == ([-1], [True])
    get_format("csv").write(data, tmp_path / "out")  # type: ignore[misc]
    line = (tmp_path / "out" / "annotations.csv").read_text().splitlines()[1]
    assert line == "a.jpg,1,2,3,4,,9,9,0,0,1,,,,"
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()
