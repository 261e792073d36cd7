"""A dataset's numbers are those that can be counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detbench.data.describe import CategoryCounts, Histogram, PictureSize, Spread, describe
from detbench.data.formats import read_dataset
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruth, GroundTruthBuilder, Images


def dataset(truth: GroundTruth, sizes: list[tuple[int, int]]) -> Dataset:
    """Return a dataset of cars and buses on pictures of these sizes."""
    keys = tuple(f"{row}.jpg" for row in range(len(sizes)))
    table = np.asarray(sizes, dtype=np.int32).reshape(-1, 2)
    images = Images(keys, keys, table[:, 0], table[:, 1])
    pictures = FolderPictures((None,) * len(keys), keys)
    return Dataset("d", "coco", Path("d"), "val", Categories.from_names(("car", "bus")), images, truth, pictures)


def truth() -> GroundTruth:
    """Return four cars, one of them difficult, a crowd of buses and a region, on images 0 and 2."""
    builder = GroundTruthBuilder()
    builder.add(0, 0, (0, 0, 10, 20))
    builder.add(0, 0, (0, 0, 40, 40), difficult=True)
    builder.add(2, 0, (0, 0, 100, 100))
    builder.add(2, 0, (5, 5, 5, 9))
    builder.add(2, 1, (0, 0, 96, 96), crowd=True, area_px=50.0)
    builder.add(2, -1, (0, 0, 30, 40), ignore=True)
    return builder.build()


def test_counts() -> None:
    """Images, empty images, boxes and regions are counted, and every category with its marks."""
    description = describe(dataset(truth(), [(640, 480), (640, 480), (320, 240)]))
    assert (description.images, description.empty_images, description.boxes, description.regions) == (3, 1, 6, 1)
    assert description.categories == (CategoryCounts("car", 2, 4, 0, 0, 1), CategoryCounts("bus", 1, 1, 1, 0, 0))
    per_image = description.boxes_per_image
    assert (per_image.min, per_image.median, per_image.mean, per_image.max) == (0.0, 2.0, 2.0, 4.0)
    assert per_image.p90 == pytest.approx(3.6)
    assert description.picture_sizes == (PictureSize(640, 480, 2), PictureSize(320, 240, 1))


def test_sizes_are_by_area_and_leave_empty_boxes_out() -> None:
    """Small, medium and large go by the annotation's area where there is one; a box without area has no size."""
    description = describe(dataset(truth(), [(640, 480)] * 3))
    assert (description.small, description.medium, description.large) == (2, 2, 1)
    assert (description.width_px.min, description.width_px.max) == (10.0, 100.0)
    assert description.aspect.min == 0.5


def test_coco_limits_belong_to_medium() -> None:
    """A box of exactly 32² or 96² is medium."""
    builder = GroundTruthBuilder()
    for side in (31.9, 32, 96, 96.1):
        builder.add(0, 0, (0, 0, side, side))
    description = describe(dataset(builder.build(), [(200, 200)]))
    assert (description.small, description.medium, description.large) == (1, 2, 1)


def test_nothing_is_none_not_zero() -> None:
    """A dataset without boxes or images has no spreads, and still becomes JSON."""
    description = describe(dataset(GroundTruthBuilder().build(), []))
    assert description.width_px == description.boxes_per_image == Spread(None, None, None, None, None)
    assert json.loads(json.dumps(description.to_dict(), allow_nan=False))["images"] == 0


def test_histogram_edges_belong_to_the_bin_below() -> None:
    """A value equal to an edge is counted up to that edge; what is above the last edge is counted last."""
    assert Histogram.of(np.array([0, 1, 2, 2, 3, 9]), (0, 1, 2)).counts == (1, 1, 2, 2)


def test_frame_has_a_row_a_category() -> None:
    """to_frame gives the categories."""
    frame = describe(dataset(truth(), [(640, 480)] * 3)).to_frame()
    assert frame["boxes"].tolist() == [4, 1]


def test_real_counts(shared: Path) -> None:
    """BCCD has the counts that its own files give."""
    description = describe(read_dataset(shared / "bccd", format_name="voc"))
    assert (description.images, description.boxes, description.empty_images) == (364, 4888, 0)
    assert {c.name: c.boxes for c in description.categories} == {"RBC": 4155, "WBC": 372, "Platelets": 361}


@pytest.mark.filterwarnings("error")
def test_boxes_beyond_all_measure() -> None:
    """Boxes whose area or whose sum would overflow are counted, leave the spreads, and break no JSON."""
    builder = GroundTruthBuilder()
    builder.add(0, 0, (0, 0, 10, 20))
    builder.add(0, 0, (0, 0, 1e200, 1e200))
    builder.add(0, 0, (0, 0, 1.7e308, 1e-300))
    description = describe(dataset(builder.build(), [(640, 480)]))
    assert description.boxes == 3
    assert description.width_px.max == 10
    assert description.large == 2
    assert json.dumps(description.to_dict(), allow_nan=False)
