"""TensorFlow reads our shards with the TF Object Detection API's features, and finds what was put in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

import detbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset

pytestmark = pytest.mark.slow

#: Key → (kind, one value or a list), as object_detection/data_decoders/tf_example_decoder.py declares them.
_SPEC = {
    "image/encoded": ("string", True),
    "image/format": ("string", True),
    "image/filename": ("string", True),
    "image/key/sha256": ("string", True),
    "image/source_id": ("string", True),
    "image/height": ("int64", True),
    "image/width": ("int64", True),
    "image/object/bbox/xmin": ("float32", False),
    "image/object/bbox/xmax": ("float32", False),
    "image/object/bbox/ymin": ("float32", False),
    "image/object/bbox/ymax": ("float32", False),
    "image/object/class/label": ("int64", False),
    "image/object/class/text": ("string", False),
    "image/object/area": ("float32", False),
    "image/object/is_crowd": ("int64", False),
    "image/object/difficult": ("int64", False),
    "image/object/truncated": ("int64", False),
    "image/object/group_of": ("int64", False),
    "image/object/weight": ("float32", False),
    "image/object/ignore": ("int64", False),
    "image/object/occluded": ("int64", False),
    "image/object/source_id": ("string", False),
}


def _read_with_tensorflow(folder: Path) -> list[dict[str, np.ndarray]]:
    tf = pytest.importorskip("tensorflow")
    spec = {
        name: tf.io.FixedLenFeature((), kind) if single else tf.io.VarLenFeature(kind)
        for name, (kind, single) in _SPEC.items()
    }
    spec |= {f"image/detbench/{name}": tf.io.FixedLenFeature((), tf.string) for name in ("box", "area", "marks")}
    examples = []
    for payload in tf.data.TFRecordDataset(sorted(map(str, folder.glob("*.tfrecord")))):
        parsed = tf.io.parse_single_example(payload, spec)
        dense = {n: tf.sparse.to_dense(v) if isinstance(v, tf.sparse.SparseTensor) else v for n, v in parsed.items()}
        examples.append({name: value.numpy() for name, value in dense.items()})
        assert tf.io.decode_image(parsed["image/encoded"]).shape[:2] == (48, 64)
        np.testing.assert_array_equal(
            tf.io.decode_raw(parsed["image/detbench/box"], tf.float64).numpy().reshape(-1, 4).shape[1], 4
        )
    return examples


def test_tensorflow_finds_equal_values(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """Every feature of the schema has the dataset's value; a region without a category stays out of the lists."""
    marks = {"crowd": True, "difficult": True, "ignore": True, "truncated": 2, "occluded": 1, "area_px": 7.5}
    made = make_dataset(
        {
            "a": [(1, (8, 6, 32, 24), {**marks, "source_id": 5}), (-1, (0, 0, 9, 9), {"source_id": 6})],
            12: [],
            "c": [(0, (0, 0, 64, 48), {"source_id": "x"})],
        }
    )
    detbench.convert(made, tmp_path / "out", shards=2)
    first, second, third = _read_with_tensorflow(tmp_path / "out")
    picture = made.pictures.read(0)
    wanted = {
        "image/encoded": picture,
        "image/format": b"jpeg",
        "image/filename": b"a.jpg",
        "image/key/sha256": hashlib.sha256(picture).hexdigest().encode(),
        "image/source_id": b"a",
        "image/height": 48,
        "image/width": 64,
        "image/object/bbox/xmin": [0.125],
        "image/object/bbox/xmax": [0.5],
        "image/object/bbox/ymin": [0.125],
        "image/object/bbox/ymax": [0.5],
        "image/object/class/label": [2],
        "image/object/class/text": [b"bus"],
        "image/object/area": [7.5],
        "image/object/is_crowd": [1],
        "image/object/difficult": [1],
        "image/object/truncated": [2],
        "image/object/group_of": [1],
        "image/object/weight": [0.0],
        "image/object/ignore": [1],
        "image/object/occluded": [1],
        "image/object/source_id": [b"5"],
        "image/detbench/box": made.ground_truth.box[:2].tobytes(),
    }
    assert {name: first[name].tolist() if hasattr(first[name], "tolist") else first[name] for name in wanted} == wanted
    assert all(len(second[name]) == 0 for name, (_, single) in _SPEC.items() if not single)
    assert second["image/source_id"] == b"12"
    assert third["image/object/area"].tolist() == [64 * 48]
    assert third["image/object/weight"].tolist() == [1.0]


def test_tensorflows_own_writer_writes_the_same_file(dataset: Dataset, tmp_path: Path) -> None:
    """TensorFlow's writer frames our payloads to the same bytes."""
    tf = pytest.importorskip("tensorflow")
    detbench.convert(dataset, tmp_path / "out")
    (shard,) = (tmp_path / "out").glob("*.tfrecord")
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for payload in tf.data.TFRecordDataset(str(shard)):
            example = tf.train.Example.FromString(payload.numpy())
            writer.write(example.SerializeToString(deterministic=True))
    assert (tmp_path / "theirs").read_bytes() == shard.read_bytes()
