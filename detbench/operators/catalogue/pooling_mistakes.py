"""The mistakes that people make when they pool regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
from detbench.operators.contract import Mistake
from detbench.operators.reference.crop_and_resize import crop_and_resize, crop_max_pool
from detbench.operators.reference.roi_align import roi_align
from detbench.operators.reference.roi_max_pool import roi_max_pool

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALIGN_MISTAKES", "CROP_MAX_MISTAKES", "CROP_MISTAKES", "MAX_MISTAKES"]


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


ALIGN_MISTAKES = (
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

MAX_MISTAKES = (
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


CROP_MISTAKES = (
    *_everybodys_mistakes(crop_and_resize),
    *(Mistake(name, rule, hint) for name, rule, hint in _crop_rules()),
)

CROP_MAX_MISTAKES = (
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
