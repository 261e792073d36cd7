"""A dataset in numbers: how many, how large, how crowded. What ``detbench stats`` prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.tables import frame_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, GroundTruth

__all__ = ["CategoryCounts", "Description", "Histogram", "PictureSize", "Spread", "describe"]

#: COCO's limits between small, medium and large, as areas in square pixels.
_SMALL_PX = 32.0**2
_LARGE_PX = 96.0**2

#: Sides of boxes from here on are mistakes, and their sums would overflow.
_SUMMABLE = 1e100

#: Upper edges of the drawn histograms; the last bin is open.
_COUNT_EDGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
_SIDE_EDGES_PX = (4, 8, 16, 32, 64, 96, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Spread:
    """How values spread; every number None where there are no values."""

    min: float | None
    median: float | None
    mean: float | None
    p90: float | None
    max: float | None

    @classmethod
    def of(cls, values: NDArray[Any]) -> Spread:
        """Return the spread of float or integer ``[N]``, leaving out NaN and what is too large to be summed."""
        known = np.asarray(values, dtype=np.float64)
        known = known[np.abs(known) < _SUMMABLE]
        if not len(known):
            return cls(None, None, None, None, None)
        median, p90 = np.percentile(known, [50, 90])
        return cls(float(known.min()), float(median), float(known.mean()), float(p90), float(known.max()))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of the values up to each edge and above the edge before it; one more count than there are edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[Any], edges: tuple[float, ...]) -> Histogram:
        """Return the histogram of float or integer ``[N]``."""
        bins = np.searchsorted(np.asarray(edges), values, side="left")
        return cls(edges, tuple(int(count) for count in np.bincount(bins, minlength=len(edges) + 1)))


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """One category: images that have it, its boxes, and how many of them are crowds, ignored or difficult."""

    name: str
    images: int
    boxes: int
    crowd: int
    ignore: int
    difficult: int


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A size that ``images`` pictures have, as the source says; 0 by 0 where it does not."""

    width_px: int
    height_px: int
    images: int


@dataclass(frozen=True, slots=True)
class Description:
    """A dataset in numbers.

    Attributes
    ----------
    images, empty_images, boxes, regions
        Counts; ``regions`` are boxes of no category.
    categories
        One entry a category, in the dataset's order.
    boxes_per_image, width_px, height_px, side_px, aspect
        Spreads over images, and over boxes of positive size: width, height, the root of the area, width over height.
    small, medium, large
        Boxes by COCO's areas (below 32², to 96², above), the annotation's own area where it gives one.
    picture_sizes
        Every size there is, the most frequent first.
    boxes_per_image_histogram, side_histogram
        For drawing.
    """

    name: str
    format: str
    split: str | None
    images: int
    empty_images: int
    boxes: int
    regions: int
    categories: tuple[CategoryCounts, ...]
    boxes_per_image: Spread
    boxes_per_image_histogram: Histogram
    width_px: Spread
    height_px: Spread
    side_px: Spread
    side_histogram: Histogram
    aspect: Spread
    small: int
    medium: int
    large: int
    picture_sizes: tuple[PictureSize, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the description as plain dictionaries, lists, strings and numbers."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a category. Needs pandas."""
        return frame_of(
            {column.name: [getattr(row, column.name) for row in self.categories] for column in fields(CategoryCounts)}
        )


@np.errstate(over="ignore")  # a box of 1e200 by 1e200 px has an infinite area
def describe(dataset: Dataset) -> Description:
    """Return a dataset's (or a split's) numbers; nothing is read but the tables.

    Boxes without a positive width and height count as boxes, but have no size.
    """
    truth = dataset.ground_truth
    per_image = np.diff(truth.offsets(len(dataset.images)))
    side = truth.box[:, 2:] - truth.box[:, :2]
    proper = (side > 0).all(axis=1)
    width, height = side[proper].T
    root = np.sqrt(width * height)
    area = np.where(np.isnan(truth.area_px), truth.box_area_px(), truth.area_px)[proper]
    sizes = Counter(zip(dataset.images.width_px.tolist(), dataset.images.height_px.tolist(), strict=True))
    return Description(
        name=dataset.name,
        format=dataset.format,
        split=dataset.split,
        images=len(dataset.images),
        empty_images=int((per_image == 0).sum()),
        boxes=len(truth),
        regions=int((truth.category < 0).sum()),
        categories=_by_category(truth, dataset.categories.name),
        boxes_per_image=Spread.of(per_image),
        boxes_per_image_histogram=Histogram.of(per_image, _COUNT_EDGES),
        width_px=Spread.of(width),
        height_px=Spread.of(height),
        side_px=Spread.of(root),
        side_histogram=Histogram.of(root, _SIDE_EDGES_PX),
        aspect=Spread.of(width / height),
        small=int((area < _SMALL_PX).sum()),
        medium=int(((area >= _SMALL_PX) & (area <= _LARGE_PX)).sum()),
        large=int((area > _LARGE_PX).sum()),
        picture_sizes=tuple(PictureSize(*size, count) for size, count in sizes.most_common()),
    )


def _by_category(truth: GroundTruth, names: tuple[str, ...]) -> tuple[CategoryCounts, ...]:
    count = len(names)
    named = truth.category >= 0
    pairs = np.unique(np.stack([truth.category[named], truth.image[named]], axis=1), axis=0)

    def tally(rows: NDArray[np.bool_]) -> list[int]:
        tallied: list[int] = np.bincount(truth.category[rows & named], minlength=count).tolist()
        return tallied

    columns = (
        np.bincount(pairs[:, 0], minlength=count).tolist(),
        tally(named),
        tally(truth.crowd),
        tally(truth.ignore),
        tally(truth.difficult),
    )
    return tuple(CategoryCounts(name, *row) for name, row in zip(names, zip(*columns, strict=True), strict=True))
