"""Arrow files hold predictions to the last bit, are mapped instead of copied, and are not trusted."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from detbench import evaluate, read_dataset, read_predictions
from detbench.data.predictions import arrow_ipc
from detbench.data.predictions.write import writer_for
from detbench.data.tables import Predictions
from detbench.errors import DataError, DetbenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset

COLUMNS = ("image", "category", "box", "score", "size_px")


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Return a set of images 9, 7 and 8 and categories 3 and 18."""
    return make_dataset([9, 7, 8], ["car", "person"], ids=[3, 18])


@pytest.fixture
def predictions() -> Predictions:
    """Return six predictions on images of rows 0 and 2, whose far corners are sums that lose a bit."""
    near = np.array([[0.1, 0.7], [10, 20], [0.3, 0.1], [1e-3, 5], [30.3, 1], [0.1, 0.1]])
    sizes = np.array([[0.2, 0.1], [30.5, 40], [0.6, 0.7], [33.3, 3], [0.1, 7], [0.2, 0.2]])
    image, category = np.array([0, 0, 0, 2, 2, 2], np.int32), np.array([0, 1, 0, 1, 1, 0], np.int32)
    assert not np.array_equal(near + sizes - near, sizes)
    return Predictions(image, category, np.hstack([near, near + sizes]), np.linspace(0.1, 0.9, 6), sizes)


def table(**changes: Any) -> pa.Table:
    """Return two good rows, with columns changed, added, or left out where the change is None."""
    columns: dict[str, Any] = {
        "image": pa.array([7, 9]).dictionary_encode(),
        "category": pa.array([3, 18]).dictionary_encode(),
        "box": pa.array([[1, 2, 3, 4], [0, 0, 5, 6.5]], pa.list_(pa.float64(), 4)),
        "score": pa.array([0.5, 0.25]),
    }
    columns |= changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


def write(folder: Path, content: pa.Table) -> Path:
    """Write a table as an IPC file."""
    path = folder / "dt.arrow"
    with ipc.new_file(str(path), content.schema) as writer:
        writer.write_table(content)
    return path


def assert_same(one: Predictions, other: Predictions) -> None:
    """Hold two tables against each other, bit for bit."""
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype, name


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".arrows", ".ARROW"])
def test_round_trip(tmp_path: Path, dataset: Dataset, predictions: Predictions, suffix: str) -> None:
    """What is written is read again to the last bit, whatever the kind of file."""
    path = tmp_path / f"dt{suffix}"
    writer_for(path)(predictions, dataset, path)
    loaded = read_predictions(path, dataset)
    assert loaded.format == "arrow"
    assert_same(loaded.predictions, predictions)


def test_columns_are_the_file_itself(tmp_path: Path, dataset: Dataset, predictions: Predictions) -> None:
    """No column of a file of the same set is copied, sorted or decoded: each is a view of the mapped file."""
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    loaded = read_predictions(tmp_path / "dt.arrow", dataset).predictions
    for name in COLUMNS:
        column = getattr(loaded, name)
        assert not column.flags.owndata, name
        assert not column.flags.writeable, name


def test_the_file_describes_itself(tmp_path: Path, dataset: Dataset, predictions: Predictions) -> None:
    """Names, types and metadata say what the file is, to any reader of Arrow."""
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    schema = ipc.open_file(str(tmp_path / "dt.arrow")).schema
    assert schema.metadata == {
        b"format": b"detbench.predictions/1",
        b"box": b"x1 y1 x2 y2, pixels, continuous, from 0",
        b"dataset": b"made",
    }
    assert {field.name: str(field.type) for field in schema} == {
        "image": "dictionary<values=int64, indices=int32, ordered=0>",
        "category": "dictionary<values=int64, indices=int32, ordered=0>",
        "box": "fixed_size_list<item: double>[4]",
        "size": "fixed_size_list<item: double>[2]",
        "score": "double",
    }


def test_images_in_another_order(
    tmp_path: Path, predictions: Predictions, dataset: Dataset, make_dataset: Callable[..., Dataset]
) -> None:
    """Ids join a file to a set that lists the same images and categories in another order, and knows more."""
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    other = make_dataset([8, 1, 9, 7], ["person", "dog", "car"], ids=[18, 2, 3])
    loaded = read_predictions(tmp_path / "dt.arrow", other).predictions
    assert loaded.image.tolist() == [0, 0, 0, 2, 2, 2]
    assert loaded.category.tolist() == [0, 0, 2, 2, 0, 2]
    assert np.array_equal(loaded.box, predictions.box[[3, 4, 5, 0, 1, 2]])


def test_ids_that_no_row_has_may_be_unknown(
    tmp_path: Path, predictions: Predictions, dataset: Dataset, make_dataset: Callable[..., Dataset]
) -> None:
    """An image of the file's dictionary on which nothing was predicted need not be in the set."""
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    loaded = read_predictions(tmp_path / "dt.arrow", make_dataset([9, 8], ids=[3, 18]))
    assert len(loaded.predictions) == 6
    with pytest.raises(DataError, match="3 of 6 predictions are on 1 image that the ground truth lacks: 8"):
        read_predictions(tmp_path / "dt.arrow", make_dataset([9, 7], ids=[3, 18]))


def test_unknown_images_can_be_dropped(
    tmp_path: Path, predictions: Predictions, dataset: Dataset, make_dataset: Callable[..., Dataset]
) -> None:
    """Rows on images that the set lacks are left out and counted where that is asked for."""
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    loaded = read_predictions(tmp_path / "dt.arrow", make_dataset([9, 7], ids=[3, 18]), unknown="drop")
    assert loaded.dropped == {"image unknown": 3}
    assert np.array_equal(loaded.predictions.size_px, predictions.size_px[:3])


@pytest.mark.parametrize(("key", "rows"), [("a/0009.jpg", [0]), (9, [0]), ("0007.png", [1])])
def test_joined_by_stem(tmp_path: Path, make_dataset: Callable[..., Dataset], key: str | int, rows: list[int]) -> None:
    """``--join stem`` goes by the names of pictures."""
    dataset = make_dataset([1, 2], ids=[3, 18], file_names=["0009.jpg", "0007.jpg"])
    path = write(tmp_path, table(image=pa.array([key, key]).dictionary_encode()))
    loaded = read_predictions(path, dataset, join="stem").predictions
    assert sorted(set(loaded.image.tolist())) == rows


def test_string_ids(tmp_path: Path, make_dataset: Callable[..., Dataset], predictions: Predictions) -> None:
    """Ids may be strings; a category may go by its name."""
    dataset = make_dataset(["b/1", "ü", "c"], ids=["car", "person"])
    arrow_ipc.write(predictions, dataset, tmp_path / "dt.arrow")
    assert_same(read_predictions(tmp_path / "dt.arrow", dataset).predictions, predictions)
    path = write(tmp_path, table(image=pa.array(["c", "ü"]), category=pa.array(["person", "car"])))
    loaded = read_predictions(path, dataset).predictions
    assert loaded.image.tolist() == [1, 2]
    assert loaded.category.tolist() == [0, 1]


def test_no_predictions(tmp_path: Path, dataset: Dataset) -> None:
    """A file without rows is a file of no predictions."""
    nothing = Predictions(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 4)), np.zeros(0))
    arrow_ipc.write(nothing, dataset, tmp_path / "dt.arrow")
    assert_same(read_predictions(tmp_path / "dt.arrow", dataset).predictions, nothing)
    assert len(read_predictions(write(tmp_path, table().slice(0, 0)), dataset).predictions) == 0


def test_real_detections_score_the_same(shared: Path, tmp_path: Path) -> None:
    """A real detector's numbers from Arrow are those from its JSON, to the last bit, as is the fingerprint."""
    dataset = read_dataset(shared / "coco_tiny/annotations/instances_val2017.json")
    loaded = read_predictions(shared / "predictions/yolox_nano__coco_tiny_val.json", dataset)
    arrow_ipc.write(loaded.predictions, dataset, tmp_path / "dt.arrow")
    packed = read_predictions(tmp_path / "dt.arrow", dataset)
    assert_same(packed.predictions, loaded.predictions)
    one, other = (evaluate(dataset, each, intervals=False) for each in (loaded, packed))
    assert one.metrics == other.metrics
    assert one.predictions.fingerprint == other.predictions.fingerprint


def test_files_of_pandas(tmp_path: Path, dataset: Dataset) -> None:
    """A Feather file that pandas wrote, compressed, with plain columns and four for the corners, is read."""
    frame = pd.DataFrame(
        {"image": [8, 9, 8], "category": ["person", "car", "car"], "x1": [1, 2.5, 3], "y1": [0, 0, 0]}
        | {
            "x2": [9, 9, 9],
            "y2": np.float32([9, 9, 9.5]),
            "score": np.float32([0.5, 0.25, 0.75]),
            "more": ["a", "b", "c"],
        }
    )
    frame.to_feather(tmp_path / "dt.feather")
    loaded = read_predictions(tmp_path / "dt.feather", dataset).predictions
    assert loaded.image.tolist() == [0, 2, 2]
    assert loaded.category.tolist() == [0, 1, 0]
    assert loaded.box.tolist() == [[2.5, 0, 9, 9], [1, 0, 9, 9], [3, 0, 9, 9.5]]
    assert loaded.size_px.tolist() == [[6.5, 9], [8, 9], [6, 9.5]]
    assert loaded.score.tolist() == [0.25, 0.5, 0.75]


def test_proposals_need_no_category(tmp_path: Path, dataset: Dataset) -> None:
    """Where proposals are read the column of categories may be missing, or name what the set lacks."""
    path = write(tmp_path, table(category=None))
    assert read_predictions(path, dataset, class_agnostic=True).predictions.category.tolist() == [-1, -1]
    with pytest.raises(DataError, match="has no column 'category'"):
        read_predictions(path, dataset)
    path = write(tmp_path, table(category=pa.array(["thing", "car"])))
    assert read_predictions(path, dataset, class_agnostic=True).predictions.category.tolist() == [0, -1]


def test_several_batches_with_dictionaries_of_their_own(tmp_path: Path, dataset: Dataset) -> None:
    """A detector that writes batch after batch, each with its own dictionary, is read as one table."""
    path = tmp_path / "dt.arrows"
    batches = [table(image=pa.array(ids).dictionary_encode()) for ids in ([8, 9], [7, 7], [9, 8])]
    with ipc.new_stream(str(path), batches[0].schema) as writer:
        for batch in batches:
            writer.write_table(batch)
    loaded = read_predictions(path, dataset).predictions
    assert loaded.image.tolist() == [0, 0, 1, 1, 2, 2]
    assert loaded.score.tolist() == [0.25, 0.5, 0.5, 0.25, 0.5, 0.25]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": None}, "has no column 'score'; its columns are 'image', 'category', 'box'"),
        ({"box": None}, "has no column 'box'"),
        ({"score": pa.array([0.5, None])}, "row 1: has no score"),
        ({"image": pa.array([None, 7]).dictionary_encode()}, "row 0: has no image"),
        ({"category": pa.DictionaryArray.from_arrays([0, 1], pa.array([3, None]))}, "a null among its ids|has no cat"),
        ({"image": pa.array([7.5, 9])}, "its column 'image' is of type .*double"),
        ({"score": pa.array(["high", "low"])}, "its column 'score' is of type string"),
        ({"box": pa.array([[1, 2, 3]] * 2, pa.list_(pa.float64(), 3))}, r"its column 'box' .*\[3\]; write lists of 4"),
        ({"box": pa.array([[1.0, 2, 3, 4]] * 2)}, "its column 'box' is of type list"),
        ({"box": pa.array([[1, 2, 3, None]] * 2, pa.list_(pa.float64(), 4))}, "null in a list"),
        ({"box": pa.array([[1, 2, 3, 4], [0, 0, 5, np.nan]], pa.list_(pa.float64(), 4))}, "row 1: the box has a side"),
        ({"score": pa.array([np.inf, 0.5])}, "row 0: the score is inf"),
        ({"size": pa.array([[2, 2], [5, 5.5]], pa.list_(pa.float64(), 2))}, r"row 1: its size is \[5.0, 5.5\]"),
        ({"size": pa.array([[2, 2], [5, np.nan]], pa.list_(pa.float64(), 2))}, r"row 1: its size is \[5.0, nan\]"),
        ({"category": pa.array([3, 4])}, r"row 1: 1 of 2 predictions are of 1 category .*: 4"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, dataset: Dataset, changes: dict[str, Any], said: str) -> None:
    """A column that is missing, of another type, or holds what it should not is one error that names it."""
    with pytest.raises(DataError, match=said) as caught:
        read_predictions(write(tmp_path, table(**changes)), dataset)
    assert "dt.arrow" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"format": "detbench.predictions/2"}, "its format is 'detbench.predictions/2', not 'detbench.predictions/1'"),
        ({"box": "x y w h"}, "its box is 'x y w h', not 'x1 y1 x2 y2, pixels"),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, dataset: Dataset, metadata: dict[str, str], said: str) -> None:
    """A file that says it is something else is believed."""
    with pytest.raises(DataError, match=said):
        read_predictions(write(tmp_path, table().replace_schema_metadata(metadata)), dataset)


def test_a_column_twice_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    """Two columns of one name are one error."""
    with pytest.raises(DataError, match="has 2 columns 'score'"):
        read_predictions(write(tmp_path, table().append_column("score", pa.array([0.1, 0.2]))), dataset)


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"[]", b"\xff\xff\xff\xff", b"FEA1" + b"\0" * 60, b"ARROW1" * 500])
def test_what_is_no_arrow_file(tmp_path: Path, dataset: Dataset, content: bytes) -> None:
    """Bytes that are not Arrow's are one error that names the file."""
    path = tmp_path / "dt.arrow"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"dt\.arrow: is (not an Arrow file|the first version of Feather)"):
        read_predictions(path, dataset)


def test_damaged_files_are_read_or_refused(tmp_path: Path, dataset: Dataset, predictions: Predictions) -> None:
    """Of files cut anywhere, or with bytes overwritten, each is read or refused in one sentence."""
    arrow_ipc.write(predictions, dataset, tmp_path / "a.arrow")
    arrow_ipc.write(predictions, dataset, tmp_path / "a.arrows")
    feather.write_feather(table(), str(tmp_path / "a.feather"), compression="zstd")
    chance = np.random.default_rng(0)
    refused = []
    for number in range(600):
        whole = (tmp_path / f"a{arrow_ipc.SUFFIXES[number % 3]}").read_bytes()
        data = bytearray(whole)
        place = int(chance.integers(len(data)))
        if number % 4:
            marks = b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\0", chance.bytes(1)
            data[place : place + 4] = marks[chance.integers(4)]
        else:
            del data[place:]
        path = tmp_path / f"{number}{arrow_ipc.SUFFIXES[number % 3]}"
        path.write_bytes(data)
        try:
            read_predictions(path, dataset)
        except DetbenchError as error:
            refused.append(str(error))
    assert len(refused) > 300
    assert not any("\n" in said for said in refused)


def test_a_name_that_is_not_utf8(tmp_path: Path, dataset: Dataset, predictions: Predictions) -> None:
    """The file's own name may be any bytes."""
    if sys.platform == "darwin":
        pytest.skip("file names are UTF-8 there")
    path = tmp_path / os.fsdecode(b"caf\xe9.arrow")
    arrow_ipc.write(predictions, dataset, path)
    assert_same(read_predictions(path, dataset).predictions, predictions)


def test_what_cannot_be_written(
    tmp_path: Path, make_dataset: Callable[..., Dataset], dataset: Dataset, predictions: Predictions
) -> None:
    """Ids of two kinds, or too large, and proposals are refused, and nothing is left behind."""
    for keys, said in (([9, "7", 8], "image ids are numbers and strings"), ([9, 2**64, 8], "more than 64 bits")):
        with pytest.raises(DataError, match=said):
            arrow_ipc.write(predictions, make_dataset(keys, ids=[3, 18]), tmp_path / "dt.arrow")
    proposals = Predictions(predictions.image, np.full(6, -1, np.int32), predictions.box, predictions.score)
    with pytest.raises(UsageError, match="proposals have no category"):
        arrow_ipc.write(proposals, dataset, tmp_path / "dt.arrow")
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is missing, reading and writing say what to install."""
    path = write(tmp_path, table())
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)
    with pytest.raises(UsageError, match=r"pip install 'detbench\[arrow\]'"):
        read_predictions(path, dataset)
    with pytest.raises(UsageError, match="pyarrow"):
        writer_for(path)


@pytest.mark.slow
def test_pack(
    detbench: Callable[..., subprocess.CompletedProcess[str]],
    coco_pair: Callable[..., tuple[Path, Path]],
    tmp_path: Path,
) -> None:
    """``detbench pack`` writes what ``eval`` scores alike."""
    truth = [(1, 1, [0.1, 0.7, 50.2, 50.1]), (2, 1, [60, 60, 40, 40])]
    paths = coco_pair(truth, [(1, 1, [0.3, 0.7, 50.2, 48.3], 0.9), (2, 1, [61, 60, 40, 40], 0.8)])
    packed = tmp_path / "dt.arrow"
    done = detbench("pack", *paths, "-o", packed)
    assert done.returncode == 0, done.stderr
    assert "2 predictions written" in done.stderr
    results = [detbench("eval", paths[0], dt, "--json").stdout for dt in (paths[1], packed)]
    assert results[0] == results[1].replace("dt.arrow", "dt.json")


@pytest.mark.slow
def test_pack_refuses(
    detbench: Callable[..., subprocess.CompletedProcess[str]],
    coco_pair: Callable[..., tuple[Path, Path]],
    tmp_path: Path,
) -> None:
    """Another suffix, or a prediction on an unknown image, is exit status 2 and no file."""
    truth, results = coco_pair(
        [(1, 1, [0, 0, 5, 5])], [(1, 1, [0, 0, 5, 5], 0.5), (4, 1, [0, 0, 5, 5], 0.5)], images=[1]
    )
    for output, said in ((tmp_path / "x.json", "does not end in"), (tmp_path / "x.arrow", "the ground truth lacks: 4")):
        done = detbench("pack", truth, results, "-o", output)
        assert done.returncode == 2
        assert said in done.stderr
        assert not output.exists()
    done = detbench("pack", truth, results, "-o", tmp_path / "x.arrow", "--unknown", "drop")
    assert done.returncode == 0
    assert "1 prediction left out: image unknown" in done.stderr


def test_reading_imports_no_pandas(tmp_path: Path, shared: Path) -> None:
    """Reading Arrow takes milliseconds, so it must not import what takes half a second: pandas, which pyarrow likes."""
    truth, path = shared / "coco_tiny/annotations/instances_val2017.json", tmp_path / "dt.arrow"
    code = (
        "import sys, detbench; from pathlib import Path; from detbench.data.predictions import arrow_ipc;"
        "dataset = detbench.read_dataset(sys.argv[1]); loaded = detbench.read_predictions(sys.argv[2], dataset);"
        "arrow_ipc.write(loaded.predictions, dataset, Path(sys.argv[3]));"
        "assert len(detbench.read_predictions(sys.argv[3], dataset).predictions) == len(loaded.predictions);"
        "assert 'pandas' not in sys.modules"
    )
    results = shared / "predictions/yolox_nano__coco_tiny_val.json"
    done = subprocess.run([sys.executable, "-P", "-c", code, truth, results, path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
