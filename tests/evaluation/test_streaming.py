"""Predictions handed over image by image give the numbers of predictions scored at once, to the bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detbench import Evaluator, evaluate, read_dataset, read_predictions
from detbench.data.predictions import LoadedPredictions, arrow_ipc, blocks
from detbench.data.tables import Predictions
from detbench.errors import DataError, DetbenchError, UsageError
from detbench.evaluation import streaming
from detbench.evaluation.unpacking import read_ground_truth
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from detbench import Result
    from detbench.data.tables import Dataset

    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/centernet_mbv3__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [200.0, 200.0, 50.0, 50.0]
SETS = [
    (GT, DT),
    (
        "coco_val2014_100/instances_val2014_100.json",
        "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ),
]

#: Remarks on how predictions were written, for which all of them are looked at together.
OF_BOXES = ("box", "scores-", "predictions-repeated")

needs_native = pytest.mark.skipif(native() is None, reason="blocks of COCO results are read by the native part")


def everything(result: Result) -> dict[str, Any]:
    """Return a result without what a stream cannot say: remarks on boxes. The file's name is none of its numbers."""
    plain = result.to_dict()
    plain["remarks"] = [r for r in plain["remarks"] if not r["code"].startswith(OF_BOXES)]
    plain["predictions"].pop("source")
    return plain


def assert_equal(one: Result, other: Result) -> None:
    """Check that two results are the same, and so are the numbers in each draw."""
    assert everything(one) == everything(other)
    assert one.drawn
    assert other.drawn
    for mine, theirs in ((one.drawn.metrics, other.drawn.metrics), (one.drawn.per_category, other.drawn.per_category)):
        assert list(mine) == list(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])


def by_image(path: Path, seed: int = 0) -> Iterable[tuple[Any, list[dict[str, Any]]]]:
    """Return the rows of COCO results, an image at a time, the images shuffled."""
    images: dict[Any, list[dict[str, Any]]] = {}
    for row in json.loads(path.read_text()):
        images.setdefault(row["image_id"], []).append(row)
    keys = list(images)
    return [(keys[place], images[keys[place]]) for place in np.random.default_rng(seed).permutation(len(keys))]


@pytest.mark.parametrize("rows", [1, 500, streaming._ROWS])
@pytest.mark.parametrize("protocol", ["coco", "coco_strict", "voc2007", "dense"])
@pytest.mark.parametrize(("truth", "predictions"), SETS)
def test_image_by_image_is_all_at_once(
    shared: Path, truth: str, predictions: str, protocol: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images in any order, matched singly, some or all together: the whole result and its fingerprint are the same."""
    monkeypatch.setattr(streaming, "_ROWS", rows)
    path = shared / predictions
    evaluator = Evaluator(shared / truth, protocol=protocol, name=path.stem, box_format="xywh", resamples=100, seed=3)
    for image, found in by_image(path):
        evaluator.add(
            image,
            category=np.array([row["category_id"] for row in found]),
            box=[row["bbox"] for row in found],
            score=[row["score"] for row in found],
        )
    whole = evaluate(shared / truth, path, protocol=protocol, resamples=100, seed=3)
    assert_equal(evaluator.result(), whole)
    assert evaluator.result() is evaluator.result()


def scene(seed: int) -> tuple[Dataset, Predictions]:
    """Return a dataset of string and number keys, crowds, regions and difficult objects, and tied predictions."""
    from pathlib import Path

    from detbench.data.pictures import FolderPictures
    from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images

    rng = np.random.default_rng(seed)
    keys: tuple[Any, ...] = ("b", 7, "a", 3, 12)
    builder, rows = GroundTruthBuilder(), []
    for image in range(len(keys)):
        for _ in range(rng.integers(0, 5)):
            corner, side = rng.integers(0, 60, 2).astype(float), rng.integers(1, 60, 2).astype(float)
            box = np.concatenate([corner, corner + side])
            category = int(rng.integers(-1, 3))
            flags = rng.random(3) < 0.15
            builder.add(image, category, tuple(box), crowd=flags[0], ignore=flags[1], difficult=flags[2])
        for _ in range(rng.integers(0, 9)):
            corner, side = rng.integers(0, 60, 2), rng.integers(0, 60, 2)
            box = np.concatenate([corner, corner + side]).astype(float)
            rows.append((image, int(rng.integers(0, 3)), box, float(rng.integers(0, 4)) / 4))
    names = tuple(f"{key}.jpg" for key in keys)
    size = np.full(len(keys), 100, np.int32)
    dataset = Dataset(
        "scene",
        "coco",
        Path("scene"),
        None,
        Categories.from_names(["x", "y", "z"]),
        Images(keys, names, size, size),
        builder.build(),
        FolderPictures((None,) * len(keys), names),
    )
    table = Predictions.grouped(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows]).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float64),
    )
    return dataset, table


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), protocol=st.sampled_from(["coco", "voc2012", "visdrone", "dense"]))
def test_random_scenes_are_the_same_in_parts(seed: int, protocol: str) -> None:
    """Ties, crowds, ignored regions, difficult objects, images without anything, keys of both kinds."""
    dataset, table = scene(seed)
    evaluator = Evaluator(dataset, protocol=protocol, name="p", resamples=100)
    offsets = table.offsets(len(dataset.images))
    for image in np.random.default_rng(seed).permutation(len(dataset.images)):
        rows = slice(offsets[image], offsets[image + 1])
        names = [dataset.categories.name[row] for row in table.category[rows]]
        evaluator.add(dataset.images.key[image], category=names, box=table.box[rows], score=table.score[rows])
        evaluator._match()
    whole = evaluate(dataset, LoadedPredictions(table, "p", {}, "coco"), protocol=protocol, name="p", resamples=100)
    assert_equal(evaluator.result(), whole)


@needs_native
@pytest.mark.parametrize("piece_bytes", [1 << 10, blocks._PIECE_BYTES])
@pytest.mark.parametrize(("truth", "predictions"), SETS)
def test_a_file_in_blocks_is_the_file(
    shared: Path, truth: str, predictions: str, piece_bytes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """COCO results and Arrow in blocks that end inside images."""
    monkeypatch.setattr(blocks, "_PIECE_BYTES", piece_bytes)
    monkeypatch.setattr(blocks, "_ROWS", 37)
    monkeypatch.setattr(streaming, "_ROWS", 400)
    path, dataset = shared / predictions, read_dataset(shared / truth)
    together = [row for _, rows in by_image(path) for row in rows]
    (tmp_path / "dt.json").write_text(json.dumps(together))
    arrow_ipc.write(read_predictions(path, dataset).predictions, dataset, tmp_path / "dt.arrow")
    whole = evaluate(shared / truth, path, resamples=100, name="dt")
    for name in ("dt.json", "dt.arrow"):
        evaluator = Evaluator(shared / truth, resamples=100, name="dt")
        evaluator.add_file(tmp_path / name)
        assert_equal(evaluator.result(), whole)
        assert evaluator.result().predictions.source == name


@needs_native
def test_an_image_that_comes_back_is_one_clear_error(coco_pair: Pair) -> None:
    """Rows of an image apart from each other: the record and the remedy are named, in whatever block they are."""
    truth = [(1, 1, BOX), (2, 1, BOX)]
    _, path = coco_pair(truth, [(1, 1, BOX, 0.9), (2, 1, BOX, 0.8), (1, 1, FAR, 0.7)])
    for gt in (path.with_name("gt.json"), read_dataset(path.with_name("gt.json"))):
        with pytest.raises(
            DataError, match=r"record \[2\]: image 1 comes back after another image; leave --stream out"
        ):
            Evaluator(gt).add_file(path)


def test_the_same_image_twice_is_an_error(coco_pair: Pair) -> None:
    """Also if there was nothing in it the first time."""
    truth, _ = coco_pair([(1, 1, BOX), (2, 1, BOX)], [])
    evaluator = Evaluator(truth)
    evaluator.add(1, category=[], box=[], score=[])
    evaluator.add(2, category=[1], box=[BOX], score=[0.5])
    for image in (1, 2):
        with pytest.raises(DataError, match=f"image {image} was handed over before"):
            evaluator.add(image, category=[1], box=[BOX], score=[0.9])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"box": [[1, 2, 3]]}, r"image 1: its column box has the shape \(1, 3\)"),
        ({"box": [BOX, BOX]}, r"shape \(2, 4\), and \(1, 4\) is needed"),
        ({"score": [float("nan")]}, "its column score has a number that is not finite"),
        ({"box": [[1, 2, float("inf"), 3]]}, "its column box has a number that is not finite"),
        ({"score": ["high"]}, "its column score is no table of numbers"),
        ({"category": [77]}, "the ground truth has no category 77"),
        ({"category": ["zebra"]}, "the ground truth has no category 'zebra'"),
    ],
)
def test_what_cannot_be_scored_is_refused_and_changes_nothing(
    coco_pair: Pair, columns: dict[str, Any], said: str
) -> None:
    """Wrong shapes, numbers that are not finite, unknown categories: named with the image."""
    truth, path = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(2, 1, BOX, 0.9)])
    evaluator = Evaluator(truth, name="dt", resamples=100, box_format="xywh")
    with pytest.raises(DataError, match=said):
        evaluator.add(1, **{"category": [1], "box": [BOX], "score": [0.5]} | columns)
    evaluator.add(2, category=[1], box=[BOX], score=[0.9])
    assert evaluator.result().metrics == evaluate(truth, path).metrics


def test_strangers_are_an_error_or_dropped_and_counted(coco_pair: Pair) -> None:
    """Unknown images and categories, by hand and from a file, as everywhere else."""
    truth, path = coco_pair(
        [(1, 1, BOX), (2, 1, BOX)],
        [(9, 1, BOX, 0.9), (1, 5, BOX, 0.9), (1, 1, BOX, 0.8), (2, 7, BOX, 0.3)],
        images=[1, 2],
        categories=[1],
    )
    whole = evaluate(truth, path, unknown="drop", resamples=100)
    evaluator = Evaluator(truth, unknown="drop", name="dt", box_format="xywh", resamples=100)
    evaluator.add(9, category=[1], box=[BOX], score=[0.9])
    evaluator.add(1, category=[5, 1], box=[BOX, BOX], score=[0.9, 0.8])
    evaluator.add(2, category=[7], box=[BOX], score=[0.3])
    assert_equal(evaluator.result(), whole)
    assert evaluator.result().predictions.dropped == 3
    with pytest.raises(DataError, match="image 9: the ground truth has no such image"):
        Evaluator(truth).add(9, category=[1], box=[BOX], score=[0.9])
    if native() is not None:
        evaluator = Evaluator(truth, unknown="drop", name="dt", resamples=100)
        evaluator.add_file(path)
        assert_equal(evaluator.result(), whole)
        with pytest.raises(DataError, match=r"record \[0\].*1 image that the ground truth lacks: 9"):
            Evaluator(truth).add_file(path)


def test_nothing_can_be_added_to_a_result(coco_pair: Pair) -> None:
    """Nor to one of no predictions, which is that of an empty file."""
    truth, path = coco_pair([(1, 1, BOX)], [])
    evaluator = Evaluator(truth, name="dt", resamples=100)
    assert_equal(evaluator.result(), evaluate(truth, path, resamples=100))
    with pytest.raises(UsageError, match="nothing can be added"):
        evaluator.add(1, category=[1], box=[BOX], score=[0.9])
    with pytest.raises(UsageError, match="nothing can be added"):
        evaluator.add_file(path)


@needs_native
def test_files_that_are_not_read_in_blocks_are_said(coco_pair: Pair, tmp_path: Path) -> None:
    """Another form, ids in quotes after a thousand good records, a cut file, no file: one sentence each."""
    truth, path = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)] * 1000 + [("1", 1, BOX, 0.5)], images=[1], categories=[1])
    (tmp_path / "dt.csv").write_text("image,xmin,ymin,xmax,ymax,category,score\n1,1,2,3,4,category 1,0.5\n")
    (tmp_path / "cut.json").write_text(path.read_text()[:-30])
    for file, said in (
        (path, "it is not plainly a list of COCO results; leave --stream out"),
        (tmp_path / "cut.json", "it is not plainly a list of COCO results; leave --stream out"),
        (tmp_path / "dt.csv", "predictions of the form csv cannot be read in a stream"),
        (tmp_path / "none.json", "there is no such file"),
    ):
        with pytest.raises(DetbenchError, match=said):
            Evaluator(truth).add_file(file)


@needs_native
@pytest.mark.parametrize("path", [GT, "coco_val2014_100/instances_val2014_100.json"])
def test_ground_truth_by_the_scanner_is_the_general_reader_s(shared: Path, path: str) -> None:
    """Every table, in every column."""
    one, other = read_ground_truth(shared / path), read_dataset(shared / path)
    assert one
    assert (one.images.key, one.images.file_name) == (other.images.key, other.images.file_name)
    assert one.categories == other.categories
    for table, twin in ((one.ground_truth, other.ground_truth), (one.images, other.images)):
        for name in table.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(table, name), getattr(twin, name))


def test_ground_truth_that_the_scanner_leaves_is_read_all_the_same(shared: Path, tmp_path: Path) -> None:
    """A missing file and one of another format are for the general reader."""
    (tmp_path / "odd.json").write_text("{}")
    assert read_ground_truth(tmp_path / "odd.json") is None
    assert read_ground_truth(shared / "bccd") is None
    assert Evaluator(shared / "bccd", split="test").result().dataset.images == 72


@pytest.mark.slow
@needs_native
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a process's largest size is read from /proc")
def test_a_stream_takes_less_memory(tmp_path: Path) -> None:
    """Of 400,000 predictions, a process that keeps no boxes needs less than two thirds of the memory."""
    rng = np.random.default_rng(0)
    truth = {
        "images": [{"id": image, "width": 600, "height": 600} for image in range(2000)],
        "categories": [{"id": 1, "name": "x"}],
        "annotations": [
            {"id": 1 + image, "image_id": image, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0}
            for image in range(2000)
        ],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    boxes = rng.uniform(0, 300, (2000, 200, 4)).round(2)
    rows = (
        f'{{"image_id":{image},"category_id":1,"bbox":{box},"score":{score}}}'
        for image in range(2000)
        for box, score in zip(boxes[image].tolist(), rng.random(200).round(4), strict=True)
    )
    (tmp_path / "dt.json").write_text("[" + ",".join(rows) + "]")
    ways = (
        "detbench.Evaluator, detbench.evaluate",
        "detbench.evaluate('gt.json', 'dt.json', intervals=False).to_dict()",
        "e = detbench.Evaluator('gt.json', intervals=False); e.add_file('dt.json'); e.result().to_dict()",
    )
    peak = "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    idle, whole, stream = (
        int(subprocess.check_output([sys.executable, "-c", f"import re, detbench\n{way}\n{peak}"], cwd=tmp_path))
        for way in ways
    )
    assert stream - idle < 2 / 3 * (whole - idle), (idle, whole, stream)
