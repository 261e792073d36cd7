"""TFRecords as a source: the TF Object Detection API's, and ours."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, recognise
from detbench.data.records import wire
from detbench.data.records.framing import framed
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_CORNERS = {"xmin": [0.25], "ymin": [0.0], "xmax": [0.5], "ymax": [1.0]}


def _record(**features: list[int] | list[float] | list[bytes]) -> bytes:
    """Return the payload of an Example; ``/`` in a name is written ``__``."""
    entries = []
    for name, values in features.items():
        plain = "image/" + name.replace("__", "/")
        if all(isinstance(value, bytes) for value in values):
            entries.append(wire.strings_feature(plain, [wire.sized(0x0A, value) for value in values]))
        elif any(isinstance(value, float) for value in values):
            entries.append(wire.numbers_feature(plain, wire.FLOATS, np.array(values, "<f4").tobytes()))
        else:
            entries.append(wire.numbers_feature(plain, wire.INTS, wire.ints(np.array(values))))
    return wire.sized(0x0A, b"".join(entries))


def _example(**changes: list[int] | list[float] | list[bytes]) -> bytes:
    """Return a record of one box, as a foreign writer makes it, with some features changed or (None) left out."""
    features = {
        "height": [48],
        "width": [64],
        "encoded": [b"no picture"],
        "filename": [b"a.jpg"],
        "object__class__label": [3],
        "object__class__text": [b"car"],
        **{f"object__bbox__{name}": values for name, values in _CORNERS.items()},
    }
    return _record(**{name: value for name, value in (features | changes).items() if value is not None})


@pytest.fixture
def write(tmp_path: Path):  # noqa: ANN201
    """Write payloads as a TFRecord file: ``write("train.record", payload, …)``."""

    def write_file(name: str, *payloads: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(framed((payload, b"", b"") for payload in payloads)))
        return path

    return write_file


def test_a_real_record_of_the_api_has_its_csvs_boxes(shared: Path) -> None:
    """The raccoon set's test.record holds exactly the pixels of its CSV: 40 images, 44 boxes."""
    dataset = read_dataset(shared / "raccoon/data/test.record")
    with (shared / "raccoon/data/test_labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    wanted = sorted((r["filename"], *(float(r[k]) for k in ("xmin", "ymin", "xmax", "ymax"))) for r in rows)
    names = dataset.images.file_name
    table = dataset.ground_truth
    assert sorted((names[i], *box) for i, box in zip(table.image, table.box.tolist(), strict=True)) == wanted
    assert (len(dataset.images), len(table), dataset.categories.name) == (40, 44, ("raccoon",))
    assert dataset.pictures.read(0).startswith(b"\xff\xd8\xff")


def test_a_record_file_is_recognised_by_its_bytes(write) -> None:  # noqa: ANN001
    """A TFRecord is one whatever it is called, and a text is none whatever it is called."""
    path = write("anything.bin", _example())
    assert recognise(path)[0].format == "tfrecord"
    text = path.with_name("text.tfrecord")
    text.write_text("no record, though its name says so")
    assert get_format("tfrecord").recognise(text) is None


@pytest.mark.parametrize(
    "names", [("train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord", "val-00000-of-00001.tfrecord"),
              ("train.record-00000-of-00002", "train.record-00001-of-00002", "val.record-00000-of-00001"),
              ("train_00.tfrecord-0-of-1", "train.record", "val.record")],
)  # fmt: skip
def test_splits_come_from_the_shards_names(write, names: tuple[str, ...]) -> None:  # noqa: ANN001
    """Both usual ways of naming shards are understood."""
    for name in names:
        folder = write(name, _example(filename=[name.encode()])).parent
    tfrecord = get_format("tfrecord")
    assert {"train", "val"} <= set(tfrecord.splits(folder))
    assert len(read_dataset(folder, format_name="tfrecord", split="val").images) == 1


def test_a_records_optional_marks_are_read(write) -> None:  # noqa: ANN001
    """Crowd, difficult, truncated and area come from the API's fields; what is absent is unknown, not zero."""
    full = _example(
        object__is_crowd=[1], object__difficult=[1], object__truncated=[1], object__area=[12.5], source_id=[b"7"]
    )
    dataset = read_dataset(write("a.record", full, _example(source_id=[b"8"])))
    table = dataset.ground_truth
    assert dataset.images.key == ("7", "8")
    assert (table.crowd.tolist(), table.difficult.tolist()) == ([True, False], [True, False])
    assert (table.truncated.tolist(), table.occluded.tolist()) == ([1, -1], [-1, -1])
    assert table.area_px[0] == 12.5
    assert np.isnan(table.area_px[1])
    assert table.box.tolist() == [[16, 0, 32, 48]] * 2


def test_keys_tell_records_apart(write) -> None:  # noqa: ANN001
    """Without ids that differ the file names are keys, and without those the place in the file."""
    same = [_example(source_id=[b"0"]), _example(source_id=[b"0"])]
    assert read_dataset(write("a.record", *same)).images.key == ("a.record:1", "a.record:2")
    named = [_example(filename=[b"a"]), _example(filename=[b"b"])]
    assert read_dataset(write("b.record", *named)).images.key == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoded": None}, "no image/encoded"),
        ({"object__bbox__xmin": [0.25, 0.5]}, "same shape"),
        ({"object__class__label": [1, 2]}, "2 values in image/object/class/label for 1 boxes"),
        ({"object__class__label": [0.5]}, "no integers in image/object/class/label"),
        ({"object__class__label": None, "object__class__text": None}, "1 boxes and no categories"),
        ({"width": None}, "is not a picture"),
        ({"filename": [3]}, "numbers in image/filename"),
        ({"object__area": [1.0, 2.0]}, "2 values in image/object/area for 1 boxes"),
        ({"detbench__version": [9]}, "newer version"),
        ({"detbench__version": [1], "detbench__key": [b"x"]}, "neither i:number nor s:text"),
        ({"detbench__version": [1], "detbench__key": [b"i:1"], "detbench__category": [1]}, "raw <f8 numbers"),
        ({"detbench__version": [1]}, "the id b''"),
    ],
)
def test_a_malformed_record_is_named_with_its_place(write, changes: dict, words: str) -> None:  # noqa: ANN001
    """What no record may hold is one sentence with file, record and byte; a lenient reader goes on without it."""
    path = write("a.record", _example(), _example(**changes))
    with pytest.raises(DataError, match=words) as caught:
        read_dataset(path)
    assert caught.value.record.startswith("record 2 at byte ")
    findings = Findings(strict=False)
    assert len(read_dataset(path, findings=findings).images) == 1
    assert [finding.code for finding in findings.items] == ["record-malformed"]


def test_a_corrupt_record_is_named_with_its_place(write) -> None:  # noqa: ANN001
    """A flipped bit is an error that names record and byte; a lenient reader goes on without the record."""
    path = write("a.record", _example(), _example())
    raw = bytearray(path.read_bytes())
    raw[len(raw) - 50] ^= 4
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"record 2 at byte [0-9]+: the record has a wrong payload checksum"):
        read_dataset(path)
    findings = Findings(strict=False)
    assert len(read_dataset(path, findings=findings).images) == 1
    assert [finding.code for finding in findings.items] == ["record-corrupt"]


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    """Reading TFRecords where there are none says so."""
    with pytest.raises(DataError, match="holds no TFRecord files"):
        read_dataset(tmp_path, format_name="tfrecord")
