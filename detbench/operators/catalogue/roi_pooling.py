"""RoIAlign, RoI max pooling, crop-and-resize, and the crop that is max-pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import NEW_MEMORY, close, equal
from detbench.operators.catalogue.pooling_cases import align_cases, common_cases
from detbench.operators.catalogue.pooling_mistakes import (
    ALIGN_MISTAKES,
    CROP_MAX_MISTAKES,
    CROP_MISTAKES,
    MAX_MISTAKES,
)
from detbench.operators.contract import Case, Operator, Work
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
    cells: Callable[[Case, tuple[int, int]], Iterator[tuple[Any, Any]]],
    each: int,
    what: str,
    beyond: str,
    *,
    halved: bool = False,
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
        return Work(moved, operations, counts, f"{beyond}; {NEW_MEMORY}")

    return work


_NEAR = close(RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE, "pooled")
_GROUP, _UNIT = "roi-pooling", "largest difference"
_SUMS = "two operations for each weighted cell"
_GATHERED = (
    "regions lie anywhere on the map, so that cells are gathered, each for few operations, while a matrix product "
    "makes many of what it has loaded"
)

OPERATORS = (
    Operator(
        "roi-align",
        "RoIAlign",
        _GROUP,
        roi_align,
        align_cases,
        _NEAR,
        _UNIT,
        ALIGN_MISTAKES,
        _timed,
        _work(_align_cells, 2, _SUMS, _GATHERED),
    ),
    Operator(
        "roi-max-pool",
        "RoI max pooling",
        _GROUP,
        roi_max_pool,
        lambda: common_cases("output_size", (2, 3)),
        equal("pooled"),
        "wrong numbers",
        MAX_MISTAKES,
        _timed,
        _work(
            _max_cells,
            1,
            "one comparison for each cell",
            f"{_GATHERED}; and no processor compares as fast as it multiplies and adds",
        ),
    ),
    Operator(
        "crop-and-resize",
        "Crop and resize",
        _GROUP,
        crop_and_resize,
        lambda: common_cases("crop_size", (3, 5)),
        _NEAR,
        _UNIT,
        CROP_MISTAKES,
        _timed_crops,
        _work(_crop_cells, 2, _SUMS, _GATHERED),
    ),
    Operator(
        "crop-max-pool",
        "Crop, resize and max-pool",
        _GROUP,
        crop_max_pool,
        lambda: common_cases("crop_size", (4, 5), least=2),
        _NEAR,
        _UNIT,
        CROP_MAX_MISTAKES,
        _timed_crops,
        _work(
            _crop_cells,
            2,
            f"{_SUMS} and three comparisons a bin",
            f"{_GATHERED}; the crop, four times as large as the answer, is written and read again where two steps make "
            "the two",
            halved=True,
        ),
    ),
)
