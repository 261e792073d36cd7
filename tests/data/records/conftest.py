"""Datasets with real pictures, made on the spot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH_PX, HEIGHT_PX = 64, 48


def picture_bytes(seed: int, kind: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    """Return a noisy picture of 64 × 48 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(target, kind, **options)
    return target.getvalue()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Draw a picture: ``picture(seed, "PNG", "L")``."""
    return picture_bytes


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """Make a dataset of pictures and boxes in a folder: ``make_dataset({"a": [(0, (1, 2, 3, 4))]})``.

    The boxes map an image's key to its (category, box) pairs; ``add`` columns follow as a dictionary.
    """

    def make(
        boxes: dict[int | str, list[tuple]],
        *,
        split: str | None = None,
        categories: Categories | None = None,
        pictures: dict[int | str, bytes] | None = None,
        size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    ) -> Dataset:
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        builder = GroundTruthBuilder()
        for image, (key, rows) in enumerate(boxes.items()):
            raw = (pictures or {}).get(key, picture_bytes(image))
            (folder / f"{key}.jpg").write_bytes(raw)
            for category, box, *columns in rows:
                builder.add(image, category, box, **(columns[0] if columns else {}))
        names = tuple(f"{key}.jpg" for key in boxes)
        widths, heights = (np.full(len(boxes), side, dtype=np.int32) for side in size)
        return Dataset(
            "made",
            "voc",
            folder,
            split,
            categories or Categories.from_names(["car", "bus"]),
            Images(tuple(boxes), names, widths, heights),
            builder.build(),
            FolderPictures(tuple(folder / name for name in names), names),
        )

    return make


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Twelve images with none to three boxes each."""
    return make_dataset(
        {f"im{i}": [(i % 2, (1.5 + j, 2.0, 20.25 + i, 30.0 + j)) for j in range(i % 4)] for i in range(12)}
    )
