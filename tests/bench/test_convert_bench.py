"""Conversion under pytest-benchmark: one record's bytes, a shard of small pictures, and reading it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import detbench
from detbench.data.decoding import decode_fully
from detbench.data.pictures import FolderPictures
from detbench.data.records.framing import frames
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = 64


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Draw 64 pictures of 320 × 240 with ten boxes each."""
    builder = GroundTruthBuilder()
    for number in range(_COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (240, 320, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
        for place in range(10):
            builder.add(number, 0, (place, place, place + 20.5, place + 30.25))
    names = tuple(f"{number}.jpg" for number in range(_COUNT))
    size = np.full(_COUNT, 320, dtype=np.int32), np.full(_COUNT, 240, dtype=np.int32)
    pictures = FolderPictures(tuple(tmp_path / name for name in names), names)
    images = Images(names, names, *size)
    return Dataset("bench", "voc", tmp_path, None, Categories.from_names(["car"]), images, builder.build(), pictures)


@pytest.mark.parametrize("check_pictures", [True, False])
def test_convert(benchmark, dataset: Dataset, tmp_path: Path, check_pictures: bool) -> None:  # noqa: ANN001
    """Convert 64 small pictures, with and without the check."""
    out = tmp_path / "out"
    benchmark(lambda: detbench.convert(dataset, out, check_pictures=check_pictures, overwrite=True))
    assert sum(1 for shard in out.glob("*.tfrecord") for _ in frames(shard)) == _COUNT


def test_read_back(benchmark, dataset: Dataset, tmp_path: Path) -> None:  # noqa: ANN001
    """Read the tables of 64 records."""
    detbench.convert(dataset, tmp_path / "out")
    back = benchmark(lambda: detbench.read_dataset(tmp_path / "out", format_name="tfrecord"))
    assert len(back.ground_truth) == 10 * _COUNT


def test_check_a_picture(benchmark, dataset: Dataset) -> None:  # noqa: ANN001
    """Find that one picture is whole."""
    data = dataset.pictures.read(0)
    assert benchmark(lambda: decode_fully(data, where="a")).width_px == 320
