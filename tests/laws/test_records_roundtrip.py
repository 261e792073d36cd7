"""Laws of the records: dataset → shards → dataset is the identity."""

from __future__ import annotations

import io
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import detbench
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

_KEYS = st.integers(-(2**70), 2**70) | st.text(max_size=8)
_COLUMNS = ("image", "category", "box", "size_px", "area_px", "crowd", "ignore", "difficult", "truncated", "occluded")


@st.composite
def datasets(draw: DrawFn) -> Dataset:
    """Draw up to four images of any size with any boxes inside them."""
    count = draw(st.integers(0, 4))
    keys = draw(st.lists(_KEYS, min_size=count, max_size=count, unique=True))
    names = draw(st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True))
    ids = draw(st.lists(_KEYS, min_size=len(names), max_size=len(names), unique=True))
    sizes = [(draw(st.integers(1, 300)), draw(st.integers(1, 300))) for _ in range(count)]
    builder = GroundTruthBuilder()
    with_ids = draw(st.booleans())
    for image, (width, height) in enumerate(sizes):
        for _ in range(draw(st.integers(0, 3))):
            x1, x2 = (draw(st.floats(0, 1)) * width, width)
            y1, y2 = (0.0, max(draw(st.floats(0, 1)) * height, 1e-6))
            builder.add(
                image,
                draw(st.integers(-1, len(names) - 1)),
                (min(x1, math.nextafter(x2, 0)), y1, float(x2), y2),
                area_px=draw(st.floats(0, 1e9) | st.just(math.nan)),
                crowd=draw(st.booleans()),
                ignore=draw(st.booleans()),
                difficult=draw(st.booleans()),
                truncated=draw(st.integers(-1, 2)),
                occluded=draw(st.integers(-1, 2)),
                source_id=draw(_KEYS) if with_ids else None,
            )
    width_px, height_px = np.array(sizes, dtype=np.int32).reshape(-1, 2).T
    images = Images(tuple(keys), tuple(f"{i}.png" for i in range(count)), width_px, height_px)
    paths = FolderPictures((None,) * count, images.file_name)
    table = Categories(tuple(names), tuple(ids))
    return Dataset("law", "voc", Path("law"), None, table, images, builder.build(), paths)


def _with_pictures(dataset: Dataset, folder: Path) -> Dataset:
    for name, width, height in zip(
        dataset.images.file_name, dataset.images.width_px, dataset.images.height_px, strict=True
    ):
        target = io.BytesIO()
        Image.new("L", (int(width), int(height)), 7).save(target, "PNG")
        (folder / name).write_bytes(target.getvalue())
    pictures = FolderPictures(tuple(folder / name for name in dataset.images.file_name), dataset.images.file_name)
    return Dataset(
        dataset.name, dataset.format, folder, None, dataset.categories, dataset.images, dataset.ground_truth, pictures
    )


@settings(deadline=None, max_examples=60)
@given(datasets(), st.integers(1, 3))
def test_a_dataset_comes_back_from_its_records(drawn: Dataset, shards: int) -> None:
    """Ids, names, sizes, categories, every box bit for bit, every mark and every picture's bytes survive."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "in").mkdir()
        dataset = _with_pictures(drawn, Path(place) / "in")
        detbench.convert(dataset, Path(place) / "out", shards=shards)
        back = detbench.read_dataset(Path(place) / "out", format_name="tfrecord")
        assert (back.name, back.categories) == (dataset.name, dataset.categories)
        assert (back.images.key, back.images.file_name) == (dataset.images.key, dataset.images.file_name)
        assert [type(key) for key in back.images.key] == [type(key) for key in dataset.images.key]
        np.testing.assert_array_equal(back.images.width_px, dataset.images.width_px)
        np.testing.assert_array_equal(back.images.height_px, dataset.images.height_px)
        for column in _COLUMNS:
            np.testing.assert_array_equal(getattr(back.ground_truth, column), getattr(dataset.ground_truth, column))
        assert back.ground_truth.source_id == dataset.ground_truth.source_id
        rows = range(len(dataset.images))
        assert [back.pictures.read(row) for row in rows] == [dataset.pictures.read(row) for row in rows]
