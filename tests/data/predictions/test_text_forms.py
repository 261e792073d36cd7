"""Predictions in text files: VOC's, YOLO's, Cartucho's and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detbench.data.predictions import read_predictions
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Return a set whose names hold a blank and an underscore."""
    return make_dataset(["000012", "street 1"], ["car", "traffic_light"], file_names=["000012.jpg", "street 1.png"])


def folder(root: Path, **files: str) -> Path:
    """Make a folder of text files from their stems and contents."""
    made = root / "results"
    made.mkdir()
    for name, text in files.items():
        (made / f"{name}.txt").write_text(text)
    return made


def test_voc(tmp_path: Path, dataset: Dataset) -> None:
    """VOC counts pixels from 1 and both ends in: the mins lose 1, the maxes stay."""
    place = folder(
        tmp_path,
        comp4_det_test_car="000012 0.9 1 1 200 100\nstreet 1 0.8 5.5 6 7 8\n\n",
        comp4_det_test_traffic_light="000012 0.7 2 3 4 5\n",
    )
    loaded = read_predictions(place, dataset)
    assert loaded.format == "voc"
    assert loaded.predictions.box.tolist() == [[0, 0, 200, 100], [1, 2, 4, 5], [4.5, 5, 7, 8]]
    assert loaded.predictions.category.tolist() == [0, 1, 0]
    assert loaded.predictions.image.tolist() == [0, 0, 1]
    assert loaded.predictions.score.tolist() == [0.9, 0.7, 0.8]


def test_voc_one_file(tmp_path: Path, dataset: Dataset) -> None:
    """One VOC result file may be given alone."""
    path = folder(tmp_path, det_car="000012 1 1 1 2 2") / "det_car.txt"
    assert len(read_predictions(path, dataset).predictions) == 1


def test_voc_unknown_category(tmp_path: Path, dataset: Dataset) -> None:
    """A VOC file of a category that the dataset lacks can be dropped, counted."""
    place = folder(tmp_path, comp4_det_test_car="000012 1 1 1 2 2", comp4_det_test_dog="000012 1 1 1 2 2\n" * 3)
    with pytest.raises(DataError, match="3 of 4 predictions are of 1 category that the ground truth lacks: 'dog'"):
        read_predictions(place, dataset, format_name="voc")
    assert read_predictions(place, dataset, format_name="voc", unknown="drop").dropped == {"category unknown": 3}


def test_voc_odd_file(tmp_path: Path, dataset: Dataset) -> None:
    """A file among VOC results whose name holds no category is named."""
    with pytest.raises(DataError, match=r"notes\.txt: its name does not end in _<category>"):
        read_predictions(folder(tmp_path, notes="000012 1 1 1 2 2"), dataset, format_name="voc")


def test_yolo(tmp_path: Path, dataset: Dataset) -> None:
    """YOLO's fractions become pixels by the picture's own size; its category is a position from 0."""
    place = folder(tmp_path, **{"000012": "1 0.5 0.5 0.25 0.5 0.75\n0 0.5 0.5 1 1 0.5\n", "street 1": ""})
    loaded = read_predictions(place, dataset)
    assert loaded.format == "yolo"
    assert loaded.predictions.box.tolist() == [[75, 25, 125, 75], [0, 0, 200, 100]]
    assert loaded.predictions.category.tolist() == [1, 0]
    assert loaded.predictions.score.tolist() == [0.75, 0.5]


def test_yolo_position(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    """Where ids have holes and no order, YOLO's position is the rank of the id; in a YOLO set it is the id."""
    place = folder(tmp_path, a="1 .5 .5 .5 .5 .5")
    for form, name in (("coco", "ten"), ("yolo", "one")):
        dataset = make_dataset(["a"], ["ninety", "one", "ten"], ids=[90, 1, 10], format_name=form)
        loaded = read_predictions(place, dataset)
        assert dataset.categories.name[loaded.predictions.category[0]] == name


def test_yolo_without_sizes(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    """Fractions of a picture whose size is not known are refused, naming the file."""
    dataset = make_dataset(["a"], size_px=(0, 0))
    with pytest.raises(DataError, match=r"a\.txt, line 1: the size of image 'a' is not known"):
        read_predictions(folder(tmp_path, a="0 .5 .5 .5 .5 .5"), dataset)


def test_cartucho(tmp_path: Path, dataset: Dataset) -> None:
    """Absolute boxes by picture are told from YOLO's by their numbers."""
    place = folder(tmp_path, **{"000012": "car 0.5 1 2 30 40\ntraffic_light .25 10 10 20 20"})
    loaded = read_predictions(place, dataset)
    assert loaded.format == "cartucho"
    assert loaded.predictions.box.tolist() == [[0, 1, 30, 40], [9, 9, 20, 20]]


def test_cartucho_real(shared: Path, make_dataset: Callable[..., Dataset]) -> None:
    """The 494 detections of the Cartucho fixture are read (needs the shared data)."""
    place = shared / "metric_fixtures" / "cartucho_map" / "detection-results"
    files = sorted(place.glob("*.txt"))
    names = sorted({line.split()[0] for file in files for line in file.read_text().splitlines()})
    dataset = make_dataset([file.stem for file in files], names)
    loaded = read_predictions(place, dataset)
    assert (loaded.format, len(loaded.predictions)) == ("cartucho", 494)


def test_ambiguous_lines(tmp_path: Path, dataset: Dataset) -> None:
    """Numbered categories with absolute boxes could be corners or sizes: the form must be said."""
    place = folder(tmp_path, **{"000012": "0 0.94 12 44 80 90"})
    with pytest.raises(DataError, match="no known form of predictions; say which form"):
        read_predictions(place, dataset)
    # said to be Cartucho's, 0 is no name, and no id of a category
    with pytest.raises(DataError, match="of 1 category that the ground truth lacks: '0'"):
        read_predictions(place, dataset, format_name="cartucho")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("car 0.5 1 2 3", "line 1: has 5 columns where 6 should be"),
        ("car 0.5 1 2 3 4\ncar 0.5 1 x 3 4", "line 2: 'x' is not a number"),
        ("car 0.5 1 2 3 4\n\ncar nan 1 2 3 4", "line 3: the score is nan"),
        ("car 0.5 1 2 inf 4", "line 1: the box has a side that is inf"),
    ],
)
def test_malformed_lines(tmp_path: Path, dataset: Dataset, text: str, said: str) -> None:
    """A line that cannot be read is named by file and number."""
    with pytest.raises(DataError, match=rf"000012\.txt, {said}"):
        read_predictions(folder(tmp_path, **{"000012": text}), dataset, format_name="cartucho")


def test_empty_files(tmp_path: Path, dataset: Dataset) -> None:
    """Files without a line are no predictions; a folder without files is an error."""
    assert len(read_predictions(folder(tmp_path, **{"000012": "", "street 1": "\n"}), dataset).predictions) == 0
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.txt file"):
        read_predictions(tmp_path / "empty", dataset)


def test_binary(tmp_path: Path, dataset: Dataset) -> None:
    """Binary junk is refused."""
    place = tmp_path / "junk"
    place.mkdir()
    (place / "000012.txt").write_bytes(bytes(range(256)))
    with pytest.raises(DataError):
        read_predictions(place, dataset)
    with pytest.raises(DataError, match="no known form"):
        read_predictions(place / ".." / "junk" / "000012.txt", dataset)


def test_csv(tmp_path: Path, dataset: Dataset) -> None:
    """CSV columns go by name, in any order, case and usual spelling; images by key or by file name."""
    path = tmp_path / "scores.csv"
    path.write_text(
        "Confidence,label,filename,x1,y1,x2,y2,more\n0.5,car,000012.jpg,1,2,3,4,z\n\n0.25,2,street 1,5,6,7,8.5,z\n"
    )
    loaded = read_predictions(path, dataset)
    assert loaded.format == "csv"
    assert loaded.predictions.box.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8.5]]
    assert loaded.predictions.category.tolist() == [0, 1]
    assert loaded.predictions.image.tolist() == [0, 1]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_delimiters(tmp_path: Path, dataset: Dataset, delimiter: str) -> None:
    """Semicolons and tabs separate fields as commas do, and the names of columns are those of ground truth."""
    path = tmp_path / "scores.csv"
    path.write_text("Image Name,bbox_x1,top,x2,y2,class_name,conf\n000012,1,2,3,4,car,0.5\n".replace(",", delimiter))
    assert read_predictions(path, dataset).predictions.box.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("image,xmin,ymin,xmax,ymax,category\n", "line 1: has no column score; its columns are image, xmin"),
        ("image,xmin,ymin,xmax,ymax,category,score\n000012,1,2\n", "line 2: has 3 columns"),
        ("image,xmin,ymin,xmax,ymax,category,score\n\n000012,1,2,3,4,car,\n", "line 3: '' is not a number"),
        ("image,xmin,ymin,xmax,ymax,category,score\n000012,1,2,3,4,car,nan\n", "line 2: the score is nan"),
        ('image,xmin,ymin,xmax,ymax,category,score\n"000012,1', "is not CSV"),
    ],
)
def test_malformed_csv(tmp_path: Path, dataset: Dataset, text: str, said: str) -> None:
    """A CSV that cannot be read is named with the line."""
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_predictions(path, dataset)


def test_csv_header_only(tmp_path: Path, dataset: Dataset) -> None:
    """A CSV of nothing but its header holds no predictions."""
    path = tmp_path / "scores.csv"
    path.write_text("image,xmin,ymin,xmax,ymax,category,score\n")
    assert len(read_predictions(path, dataset).predictions) == 0


def test_unknown_words(tmp_path: Path, dataset: Dataset) -> None:
    """A form, a join or a policy that does not exist is refused, with those that do."""
    place = folder(tmp_path, **{"000012": "car 0.5 1 2 3 4"})
    with pytest.raises(UsageError, match="the forms are coco, arrow, csv, voc, yolo, cartucho"):
        read_predictions(place, dataset, format_name="pickle")
    with pytest.raises(UsageError, match="--join takes id or stem"):
        read_predictions(place, dataset, join="name")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no such file"):
        read_predictions(tmp_path / "gone.json", dataset)
