"""Small datasets of real files: pictures with coloured rectangles, their boxes in COCO, as a folder and as records."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import detbench as package
from detbench.detectors.recipes.settings import InputSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset

#: Every setting at work.
BUSY = InputSettings(
    train_canvas_px=(96, 128),
    test_canvas_px=(128, 128),
    flip_vertical=0.5,
    scale=(0.4, 1.9),
    brightness=0.1,
    contrast=0.2,
    saturation=0.3,
    max_truths=12,
)


@dataclass(frozen=True)
class Drawn:
    """What is written: pictures as file name → bytes, boxes as (image, category, x, y, w, h) or whole annotations."""

    pictures: dict[str, bytes]
    sizes_px: dict[str, tuple[int, int]]
    boxes: list[Any]


def encoded(pixels: Any, kind: str = "JPEG", **options: Any) -> bytes:
    """Return a picture's bytes."""
    target = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(target, kind, **options)
    return target.getvalue()


def street(number: int) -> Drawn:
    """Return pictures of many sizes, smooth with noise, each with a few boxes; some crowd, some at the edge."""
    random = np.random.default_rng(number)
    pictures, sizes, boxes = {}, {}, []
    for index in range(23):
        width, height = (int(side) for side in random.integers(40, 300, 2))
        small = random.integers(0, 256, (height // 12 + 1, width // 12 + 1, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
        noisy = np.clip(smooth + random.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)
        name = f"{index:03d}.{'png' if index % 7 == 3 else 'jpg'}"
        if index % 5 == 4:
            noisy = noisy[..., 0]
        pictures[name] = encoded(noisy, "PNG" if name.endswith("png") else "JPEG")
        sizes[name] = (width, height)
        for turn in range(index % 6):
            x, y = random.uniform(0, (width - 4, height - 4)).round(2).tolist()
            w, h = random.uniform((2, 2), (width - x, height - y)).round(2).tolist()
            box = {"image": name, "category_id": 1 + turn % 3, "bbox": [x, y, w, h], "area": w * h}
            boxes.append(box | {"iscrowd": int(turn == 4)})
    return Drawn(pictures, sizes, boxes)


def write(folder: Path, drawn: Drawn) -> Path:
    """Write a COCO folder."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    keys = {name: key for key, name in enumerate(drawn.pictures, start=1)}
    for name, data in drawn.pictures.items():
        (folder / "images" / name).write_bytes(data)
    images = [
        {"id": key, "file_name": name, "width": drawn.sizes_px[name][0], "height": drawn.sizes_px[name][1]}
        for name, key in keys.items()
    ]
    annotations = [
        {"iscrowd": 0, **{k: v for k, v in box.items() if k != "image"}, "id": key, "image_id": keys[box["image"]]}
        for key, box in enumerate(drawn.boxes, start=1)
    ]
    categories = [{"id": key, "name": name} for key, name in ((1, "red"), (2, "green"), (3, "blue"))]
    table = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(table))
    return folder


@pytest.fixture(scope="session")
def busy() -> InputSettings:
    """Return settings that use everything."""
    return BUSY


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a set of 23 pictures, converted to TFRecords and read from those."""
    folder = tmp_path_factory.mktemp("street")
    package.convert(write(folder / "coco", street(5)), folder / "records", shards=3)
    return package.read_dataset(folder / "records")


@pytest.fixture
def one_picture(tmp_path: Path) -> Callable[..., Dataset]:
    """Return a function: a dataset of one picture, given as bytes and size, with boxes ``x, y, w, h`` of category 1."""

    def make(data: bytes, size_px: tuple[int, int], *boxes: list[float], **columns: Any) -> Dataset:
        rows = [{"image": "it.jpg", "category_id": 1, "bbox": box, "area": 1.0} | columns for box in boxes]
        folder = tmp_path / f"one{len(list(tmp_path.iterdir()))}"
        write(folder, Drawn({"it.jpg": data}, {"it.jpg": size_px}, rows))
        return package.read_dataset(folder)

    return make


@pytest.fixture
def with_boxes() -> Callable[..., Dataset]:
    """Return a function: a dataset with some columns of its ground truth replaced."""

    def change(dataset: Dataset, **columns: Any) -> Dataset:
        return replace(dataset, ground_truth=replace(dataset.ground_truth, **columns))

    return change
