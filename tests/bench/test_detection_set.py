"""The benchmark's sets have the counts and the distribution that they claim, and are the same every time."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from detection_set import SPECS, detections, draw, draw_scene

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw the smallest set, once."""
    folder = tmp_path_factory.mktemp("small")
    draw("small", folder)
    return folder


def test_counts(small: Path) -> None:
    """The files hold what ``facts.json`` counts, about as much as was asked for."""
    facts = json.loads((small / "facts.json").read_text())
    truth, found = (json.loads((small / name).read_text()) for name in ("gt.json", "dt.json"))
    assert facts["images"] == len(truth["images"]) == 500
    assert facts["categories"] == len(truth["categories"]) == 80
    assert facts["ground_truths"] == len(truth["annotations"])
    assert facts["detections"] == len(found)
    assert facts["ground_truths"] / 500 == pytest.approx(7.35, rel=0.1)
    assert facts["detections"] / 500 == pytest.approx(88, rel=0.05)


def test_records(small: Path) -> None:
    """Ids have holes and no order, boxes lie in their pictures, an image has at most a hundred detections."""
    truth, found = (json.loads((small / name).read_text()) for name in ("gt.json", "dt.json"))
    images = {image["id"]: image for image in truth["images"]}
    ids = [annotation["id"] for annotation in truth["annotations"]]
    assert len(set(ids)) == len(ids)
    assert ids != sorted(ids)
    assert max(ids) > len(ids)
    assert list(images) != sorted(images)
    for annotation in truth["annotations"]:
        x, y, width, height = annotation["bbox"]
        image = images[annotation["image_id"]]
        assert x >= 0
        assert y >= 0
        assert x + width <= image["width"] + 0.02
        assert y + height <= image["height"] + 0.02
        assert 0.4 * width * height < annotation["area"] < width * height
        assert isinstance(annotation["segmentation"], dict if annotation["iscrowd"] else list)
    per_image = np.unique([record["image_id"] for record in found], return_counts=True)[1]
    assert per_image.max() == 100
    assert {record["image_id"] for record in found} <= images.keys()
    assert {record["category_id"] for record in found} <= {category["id"] for category in truth["categories"]}


def test_distribution_of_coco() -> None:
    """Sizes, crowds, the long tail and the share of full images are those of the set in the evaluation notes."""
    scene = draw_scene(SPECS["coco"])
    area = scene.truth.box[:, 2] * scene.truth.box[:, 3] * 0.7
    assert len(scene.truth) == pytest.approx(36_650, rel=0.02)
    assert (area < 32**2).mean() == pytest.approx(0.44, abs=0.02)
    assert (area > 96**2).mean() == pytest.approx(0.18, abs=0.02)
    assert scene.crowd.mean() == pytest.approx(0.0105, abs=0.002)
    frequency = np.sort(np.bincount(scene.truth.category, minlength=80))[::-1] / len(scene.truth)
    assert frequency[0] == pytest.approx(0.17, abs=0.04)
    assert frequency[-20:].sum() < 0.06
    boxes, score = next(detections(scene))
    assert len(score) == pytest.approx(90_000, rel=0.02)
    assert np.quantile(score, [0.1, 0.5, 0.9]) == pytest.approx([0.013, 0.077, 0.27], abs=0.02)
    assert len(np.unique(score)) / len(score) == pytest.approx(0.8, abs=0.02)
    assert np.array_equal(boxes.box, boxes.box.astype(np.float32))
    falls = (np.diff(score) <= 0) | (np.diff(boxes.image) > 0)
    assert falls.all()


def test_always_the_same(small: Path, tmp_path: Path) -> None:
    """Drawn again, a set is the same, byte for byte."""
    draw("small", tmp_path)
    for name in ("gt.json", "dt.json", "facts.json"):
        one, other = (hashlib.sha256((folder / name).read_bytes()).hexdigest() for folder in (small, tmp_path))
        assert one == other
