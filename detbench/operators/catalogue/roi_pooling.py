"""RoIAlign, RoI max pooling, crop-and-resize, and the crop that is max-pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close, equal
from detbench.operators.catalogue.pooling_cases import align_cases, common_cases
from detbench.operators.catalogue.pooling_variants import (
    align_by,
    all_on_the_first,
    at_corners,
    crop_by,
    from_end_to_end,
    in_pixels,
    max_pool_by,
    nearest,
    swapped,
    unclamped,
    without_limit,
)
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.inputs import feature_map, regions
from detbench.operators.reference.crop_and_resize import crop_and_resize, crop_max_pool, point_weights
from detbench.operators.reference.roi_align import bin_weights, roi_align
from detbench.operators.reference.roi_max_pool import bin_cells, roi_max_pool, rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detbench.operators.contract import Wanted

__all__ = ["ABSOLUTE_TOLERANCE", "OPERATORS", "RELATIVE_TOLERANCE"]

#: Values near 1 are interpolated at float32 positions; 64 cells from the start such a position is exact to 4e-6 of a
#: cell, and another order of arithmetic moves it by several times that.
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-5, 1e-4

#: Height, width and channels of the maps that are timed (ResNet-50's fourth stage, and a square), and their stride.
_TIMED_MAPS, _TIMED_STRIDE_PX = ((38, 50, 1024), (64, 64, 256)), 16.0

#: Crops of 14 × 14 points from 2,000 regions of 1,024 channels would be 1.6 GB: such cases are not timed.
_MOST_BYTES = 1 << 29


def _everybodys_mistakes(function: Callable[..., Any]) -> tuple[Mistake, ...]:
    return (
        Mistake(
            "x and y swapped",
            swapped(function),
            "x and y of the regions are swapped: they are x1 y1 x2 y2, while the map's axes are first y, then x.",
        ),
        Mistake(
            "image ignored",
            all_on_the_first(function),
            "All regions are taken from the first map: `image` says which map of the batch each region lies on.",
        ),
        Mistake(
            "stride ignored",
            in_pixels(function),
            "Pixels are taken for cells: divide the corners of the regions by `stride_px`.",
        ),
    )


_ALIGN_MISTAKES = (
    *_everybodys_mistakes(roi_align),
    Mistake(
        "never shifted",
        align_by(shift=0.0),
        "Half a cell is missing: with `aligned`, 0.5 is subtracted from the corners once they are in cells, because "
        "the centre of cell 0 lies half a stride from the edge of the picture.",
    ),
    Mistake(
        "always shifted",
        align_by(shift=0.5),
        "Half a cell is subtracted in the legacy rule too; with `aligned=False` it is not.",
    ),
    Mistake(
        "no least side",
        align_by(shortest=-np.inf),
        "In the legacy rule (`aligned=False`) a region is at least one cell wide and high.",
    ),
    Mistake(
        "always a least side",
        align_by(shortest=1.0),
        "Small regions are made one cell wide and high; the legacy rule alone does that, `aligned=True` does not.",
    ),
    Mistake(
        "at corners",
        align_by(at_corners),
        "Points lie at the corners of a bin's parts; they lie at their centres: start + (s + 0.5) · bin / n.",
    ),
    Mistake(
        "from end to end",
        align_by(from_end_to_end),
        "Points go from one edge of the region to the other, as those of crop_and_resize do; a bin's points lie within "
        "it, at (s + 0.5) / n of its side.",
    ),
    Mistake(
        "nearest cell",
        align_by(weigh=nearest),
        "Each point takes the value of its nearest cell; interpolate between the four around it.",
    ),
    Mistake(
        "zeros at the border",
        align_by(weigh=unclamped),
        "Near the border the map is continued with zeros; a point up to one cell outside is moved to the edge.",
    ),
    Mistake(
        "moved however far",
        align_by(weigh=without_limit),
        "Points far outside are moved to the edge; beyond −1 or the map's side they count as 0.",
    ),
    Mistake(
        "maximum",
        align_by(reduce=np.max),
        "A bin is the greatest of its points; in RoIAlign it is their mean.",
    ),
    Mistake("sum", align_by(reduce=np.sum), "A bin is the sum of its points; divide it by their number."),
    Mistake(
        "rounded region",
        align_by(rounded_corners=True),
        "The regions are rounded to cells, as RoI pooling did; RoIAlign rounds nothing.",
    ),
    Mistake(
        "always two points",
        align_by(points=2),
        "With `sampling_ratio=0` the number of points is ceil(side / bins) along each axis of each region.",
    ),
    Mistake(
        "inclusive corners",
        lambda feature, region, *rest, **settings: roi_align(
            feature, region + np.array([0, 0, 1, 1], region.dtype), *rest, **settings
        ),
        "Regions end a pixel too late: corners are continuous, a width is x2 − x1.",
    ),
)

_MAX_MISTAKES = (
    *_everybodys_mistakes(roi_max_pool),
    Mistake(
        "floor for round",
        max_pool_by(round_by=np.floor),
        "Corners in cells are rounded down; round them to the nearest whole number.",
    ),
    Mistake(
        "halves to even",
        max_pool_by(round_by=np.round),
        "np.round and Python's round take halves to the even number; C's round takes them away from 0.",
    ),
    Mistake(
        "halves up",
        max_pool_by(round_by=lambda value: np.floor(value + np.float32(0.5))),
        "floor(x + 0.5) takes −0.5 to 0; halves are rounded away from 0, to −1.",
    ),
    Mistake(
        "exclusive end",
        max_pool_by(more=0),
        "The last cell is left out: both ends belong to the region, so a side is last − first + 1.",
    ),
    Mistake(
        "nothing of inverted regions",
        max_pool_by(at_least=0),
        "A region whose end lies before its start is still one cell wide and high.",
    ),
    Mistake(
        "disjoint bins",
        max_pool_by(disjoint=True),
        "Bins end where the next begin, rounded down; a bin ends at ceil((p + 1) · side / bins), and may share cells.",
    ),
    Mistake("mean", max_pool_by(reduce=np.mean), "A bin is the mean of its cells; it is the greatest of them."),
    Mistake(
        "maximum from 0",
        max_pool_by(from_zero=True),
        "Maxima start from 0, so values below it are lost; start from the first cell, or from −inf.",
    ),
    Mistake("−inf for nothing", max_pool_by(empty=-np.inf), "A bin without a cell on the map is −inf; it is 0."),
)


def _crop_rules() -> list[tuple[str, Callable[..., Any], str]]:
    return [
        (
            "over the side",
            crop_by(less=0),
            "Corners are divided by stride · cells; 1 is the last cell's centre, so divide by stride · (cells − 1).",
        ),
        (
            "an axis of one cell",
            crop_by(in_cells=True),
            "Divided by the stride alone, regions leave a map of one row or column; all points lie on that cell.",
        ),
        (
            "half a cell",
            crop_by(shift=0.5),
            "Half a cell is subtracted, as RoIAlign does; crop_and_resize has pixel 0 at the centre of cell 0.",
        ),
        (
            "middles of bins",
            crop_by(at_bins=True),
            "Points lie in the middle of bins; the first and the last lie on the edges of the region.",
        ),
        (
            "moved to the edge",
            crop_by(weigh=without_limit),
            "Points outside the map take the value of its edge; they are 0.",
        ),
        (
            "faded out",
            crop_by(weigh=unclamped),
            "Points up to a cell outside fade out; a point outside by however little is 0.",
        ),
        (
            "nearest cell",
            crop_by(weigh=nearest),
            "Each point takes the value of its nearest cell; interpolate between the four around it.",
        ),
    ]


def _halved(crop: Callable[..., Any], reduce: Callable[..., Any] = np.max) -> Callable[..., Any]:
    """Return ``crop``, and of each 2 × 2 of its points what ``reduce`` makes of them."""

    def pool(feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)) -> Any:
        value = crop(feature, region, image, stride_px, crop_size)
        height, width = crop_size[0] // 2, crop_size[1] // 2
        pairs = value[:, : 2 * height, : 2 * width].reshape(len(value), height, 2, width, 2, value.shape[3])
        return reduce(pairs, axis=(2, 4))

    return pool


def _half_size(feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)) -> Any:
    return crop_and_resize(feature, region, image, stride_px, (crop_size[0] // 2, crop_size[1] // 2))


def _every_other(feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)) -> Any:
    crop = crop_and_resize(feature, region, image, stride_px, crop_size)
    return crop[:, : crop_size[0] // 2 * 2 : 2, : crop_size[1] // 2 * 2 : 2]


_CROP_MISTAKES = (
    *_everybodys_mistakes(crop_and_resize),
    *(Mistake(name, rule, hint) for name, rule, hint in _crop_rules()),
)

_CROP_MAX_MISTAKES = (
    *_everybodys_mistakes(crop_max_pool),
    *(Mistake(name, _halved(rule), hint) for name, rule, hint in _crop_rules()),
    Mistake("not pooled", crop_and_resize, "This is the crop: take the greatest of each 2 × 2 of its points."),
    Mistake("mean", _halved(crop_and_resize, np.mean), "Points are averaged by 2 × 2; take the greatest of them."),
    Mistake("every other point", _every_other, "Every other point is kept; take the greatest of each 2 × 2."),
    Mistake(
        "a crop of half the size",
        _half_size,
        "The crop itself has half the size; crop to `crop_size`, then take the greatest of each 2 × 2 points.",
    ),
)


def _timed(wanted: Wanted, *, points: int = 7 * 7) -> list[Case]:
    """Return the cases to time, where a value of so many points a region takes no more memory than there may be."""
    cases = []
    for height, width, channels in _TIMED_MAPS:
        series = f"{height} × {width} × {channels}"
        feature = feature_map(height, width, channels, wanted.seed)
        for count in wanted.regions:
            if count * points * channels * feature.itemsize > _MOST_BYTES:
                continue
            inputs = {
                "feature": feature,
                "region": regions(count, height, width, _TIMED_STRIDE_PX, wanted.seed),
                "image": np.zeros(count, np.int32),
            }
            name = f"{count:,} regions on {series}"
            cases.append(Case(name, inputs, {"stride_px": _TIMED_STRIDE_PX}, size=count, series=series))
    return cases


def _timed_crops(wanted: Wanted) -> list[Case]:
    return _timed(wanted, points=14 * 14)


def _align_cells(case: Case, bins: tuple[int, int]) -> Iterator[tuple[Any, Any]]:
    _, height, width, _ = case.inputs["feature"].shape
    ratio = case.settings.get("sampling_ratio", 2)
    for x1, y1, x2, y2 in case.inputs["region"] / np.float32(case.settings["stride_px"]) - np.float32(0.5):
        yield (
            bin_weights(y1, y2 - y1, height, bins[0], ratio) > 0,
            bin_weights(x1, x2 - x1, width, bins[1], ratio) > 0,
        )


def _max_cells(case: Case, bins: tuple[int, int]) -> Iterator[tuple[Any, Any]]:
    def members(first: int, last: int, cells: int, count: int) -> Any:
        member = np.zeros((count, cells), dtype=bool)
        for row, cut in zip(member, bin_cells(first, last, cells, count), strict=True):
            row[cut] = True
        return member

    _, height, width, _ = case.inputs["feature"].shape
    for x1, y1, x2, y2 in rounded(case.inputs["region"] / np.float32(case.settings["stride_px"])):
        yield members(y1, y2, height, bins[0]), members(x1, x2, width, bins[1])


def _crop_cells(case: Case, bins: tuple[int, int]) -> Iterator[tuple[Any, Any]]:
    _, height, width, _ = case.inputs["feature"].shape
    last = np.maximum(np.array([width, height, width, height], np.float32) - 1, 1)
    for x1, y1, x2, y2 in case.inputs["region"] / (np.float32(case.settings["stride_px"]) * last):
        yield point_weights(y1, y2, height, bins[0]) > 0, point_weights(x1, x2, width, bins[1]) > 0


def _fewest(down: Any, across: Any) -> int:
    """Return how often a cell must be added at the least, in each channel of a region: rows first, columns, or both.

    ``down`` and ``across`` say which cells of an axis belong to each bin: bool ``[bins, cells]``.
    """
    rows, columns = np.count_nonzero(down.any(axis=0)), np.count_nonzero(across.any(axis=0))
    below, right = np.count_nonzero(down), np.count_nonzero(across)
    return int(min(below * columns + len(down) * right, right * rows + len(across) * below, below * right))


def _work(
    cells: Callable[[Case, tuple[int, int]], Iterator[tuple[Any, Any]]], each: int, what: str, *, halved: bool = False
) -> Callable[[Case, Any], Work]:
    def work(case: Case, expected: Any) -> Work:
        _, height, width, channels = expected.shape
        bins = (2 * height, 2 * width) if halved else (height, width)
        operations = each * channels * sum(_fewest(*both) for both in cells(case, bins))
        if halved:
            operations += 3 * expected.size
        moved = sum(array.nbytes for array in case.inputs.values()) + expected.nbytes
        counts = (
            f"maps and regions read once, bins written; {what}, the fewest of rows first, columns first and at once"
        )
        return Work(moved, operations, counts)

    return work


_NEAR = close(RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE, "pooled")
_GROUP, _UNIT = "roi-pooling", "largest difference"
_SUMS = "two operations for each weighted cell"

OPERATORS = (
    Operator(
        "roi-align",
        "RoIAlign",
        _GROUP,
        roi_align,
        align_cases,
        _NEAR,
        _UNIT,
        _ALIGN_MISTAKES,
        _timed,
        _work(_align_cells, 2, _SUMS),
    ),
    Operator(
        "roi-max-pool",
        "RoI max pooling",
        _GROUP,
        roi_max_pool,
        lambda: common_cases("output_size", (2, 3)),
        equal("pooled"),
        "wrong numbers",
        _MAX_MISTAKES,
        _timed,
        _work(_max_cells, 1, "one comparison for each cell"),
    ),
    Operator(
        "crop-and-resize",
        "Crop and resize",
        _GROUP,
        crop_and_resize,
        lambda: common_cases("crop_size", (3, 5)),
        _NEAR,
        _UNIT,
        _CROP_MISTAKES,
        _timed_crops,
        _work(_crop_cells, 2, _SUMS),
    ),
    Operator(
        "crop-max-pool",
        "Crop, resize and max-pool",
        _GROUP,
        crop_max_pool,
        lambda: common_cases("crop_size", (4, 5), least=2),
        _NEAR,
        _UNIT,
        _CROP_MAX_MISTAKES,
        _timed_crops,
        _work(_crop_cells, 2, f"{_SUMS} and three comparisons a bin", halved=True),
    ),
)
