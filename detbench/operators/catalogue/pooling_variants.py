"""RoI pooling by other rules than the references': what the mistakes of the catalogue are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.reference.bilinear import hat_weights
from detbench.operators.reference.roi_max_pool import rounded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "align_by",
    "all_on_the_first",
    "at_centres",
    "at_corners",
    "crop_by",
    "from_end_to_end",
    "in_pixels",
    "max_pool_by",
    "nearest",
    "swapped",
    "unclamped",
    "within",
    "without_limit",
]


def swapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with x and y of its regions swapped."""

    def pool(feature: Any, region: Any, image: Any, stride_px: float, *rest: Any, **settings: Any) -> Any:
        return function(feature, region[:, [1, 0, 3, 2]], image, stride_px, *rest, **settings)

    return pool


def all_on_the_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with all regions on the first map."""

    def pool(feature: Any, region: Any, image: Any, stride_px: float, *rest: Any, **settings: Any) -> Any:
        return function(feature, region, np.zeros_like(image), stride_px, *rest, **settings)

    return pool


def in_pixels(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with pixels taken for cells."""

    def pool(feature: Any, region: Any, image: Any, stride_px: float, *rest: Any, **settings: Any) -> Any:
        del stride_px
        return function(feature, region, image, 1.0, *rest, **settings)

    return pool


def at_centres(bins: int, points: int) -> Any:
    """Return where the points of each bin lie, in bins from the start: ``[bins, points]``, as RoIAlign has them."""
    return np.arange(bins)[:, None] + (np.arange(points) + 0.5) / points


def at_corners(bins: int, points: int) -> Any:
    """Return the upper left corners of a bin's parts, not their centres."""
    return np.arange(bins)[:, None] + np.arange(points) / points


def from_end_to_end(bins: int, points: int) -> Any:
    """Return points from one edge of the region to the other, as ``crop_and_resize`` has them."""
    return np.linspace(0, bins, bins * points).reshape(bins, points)


def within(at: Any, cells: int) -> Any:
    """Return RoIAlign's weights of cells: moved to the edge up to one cell beyond it, 0 farther away."""
    return hat_weights(np.clip(at, 0, cells - 1), cells) * ((at >= -1) & (at <= cells))[..., None]


def without_limit(at: Any, cells: int) -> Any:
    """Return weights of cells where every point beyond the edge is moved to it."""
    return hat_weights(np.clip(at, 0, cells - 1), cells)


def unclamped(at: Any, cells: int) -> Any:
    """Return weights of cells where there are zeros around the map."""
    return hat_weights(at, cells)


def nearest(at: Any, cells: int) -> Any:
    """Return weights of cells where the nearest alone counts."""
    near = np.floor(np.clip(at, 0, cells - 1) + 0.5)[..., None] == np.arange(cells)
    return near * ((at >= -1) & (at <= cells))[..., None]


def align_by(
    place: Callable[[int, int], Any] = at_centres,
    weigh: Callable[[Any, int], Any] = within,
    reduce: Callable[..., Any] = np.mean,
    *,
    shift: float | None = None,
    shortest: float | None = None,
    points: int = 0,
    rounded_corners: bool = False,
) -> Callable[..., Any]:
    """Return RoIAlign by another rule.

    Parameters
    ----------
    place, weigh, reduce
        Where points lie in a bin, which cells a point is made of, and what becomes of a bin's points.
    shift, shortest
        How many cells are subtracted from corners, and the least side; None: what ``aligned`` says.
    points
        How many points adaptive sampling takes; 0: as many as it should.
    rounded_corners
        Whether regions are rounded to cells.
    """

    def pool(
        feature: Any,
        region: Any,
        image: Any,
        stride_px: float,
        output_size: tuple[int, int] = (7, 7),
        sampling_ratio: int = 2,
        aligned: bool = True,
    ) -> Any:
        corner = region / np.float32(stride_px)
        corner = rounded(corner).astype(region.dtype) if rounded_corners else corner
        corner = corner - np.float32(shift if shift is not None else 0.5 if aligned else 0.0)
        least = shortest if shortest is not None else -np.inf if aligned else 1.0

        def weights(start: Any, stop: Any, cells: int, bins: int) -> Any:
            size = max(stop - start, np.float32(least)) / np.float32(bins)
            count = sampling_ratio or points or max(int(np.ceil(size)), 0)
            if not count:
                return np.zeros((bins, 1, cells), np.float32)
            return weigh((start + place(bins, count) * size).astype(np.float32), cells).astype(np.float32)

        return _pooled(feature, corner, image, output_size, weights, reduce)

    return pool


def crop_by(
    *,
    less: int = 1,
    in_cells: bool = False,
    shift: float = 0.0,
    at_bins: bool = False,
    weigh: Callable[[Any, int], Any] | None = None,
) -> Callable[..., Any]:
    """Return ``crop_and_resize`` by another rule.

    Parameters
    ----------
    less
        Corners are normalised by the map's side less so many cells.
    in_cells
        Whether corners are divided by the stride and not normalised: the same, but for an axis of one cell.
    shift
        How many cells are subtracted from corners.
    at_bins
        Whether points lie in the middle of bins, and not from edge to edge.
    weigh
        Which cells a point is made of; None: as it should be.
    """

    def weighed(at: Any, cells: int) -> Any:
        if weigh is not None:
            return weigh(at, cells)
        return without_limit(at, cells) * ((at >= 0) & (at <= cells - 1))[..., None]

    def crop(feature: Any, region: Any, image: Any, stride_px: float, crop_size: tuple[int, int] = (14, 14)) -> Any:
        last = np.tile(feature.shape[2:0:-1], 2).astype(np.float32) - 1
        corner = region / np.float32(stride_px)
        corner = (corner if in_cells else corner / np.maximum(last + 1 - less, 1) * last) - np.float32(shift)

        def weights(start: Any, stop: Any, cells: int, points: int) -> Any:
            if at_bins:
                share = at_centres(points, 1) / points
            else:
                share = np.linspace(0, 1, points)[:, None] if points > 1 else np.array([[0.5]])
            return weighed((start + share * (stop - start)).astype(np.float32), cells).astype(np.float32)

        return _pooled(feature, corner, image, crop_size, weights, np.mean)

    return crop


def _pooled(
    feature: Any,
    corner: Any,
    image: Any,
    output_size: tuple[int, int],
    weights: Callable[..., Any],
    reduce: Callable[..., Any],
) -> Any:
    """Return what ``reduce`` makes of the points of each bin; ``weights`` are ``[bins, points, cells]``."""
    pooled = np.zeros((len(corner), *output_size, feature.shape[3]), dtype=feature.dtype)
    for row, (x1, y1, x2, y2) in enumerate(corner):
        below = weights(y1, y2, feature.shape[1], output_size[0])
        across = weights(x1, x2, feature.shape[2], output_size[1])
        value = np.einsum("pmh,hwc,qnw->pqmnc", below, feature[image[row]], across, optimize=True)
        pooled[row] = reduce(value, axis=(2, 3))
    return pooled


def max_pool_by(
    *,
    round_by: Callable[[Any], Any] = rounded,
    more: int = 1,
    at_least: int = 1,
    disjoint: bool = False,
    reduce: Callable[..., Any] = np.max,
    from_zero: bool = False,
    empty: float = 0.0,
) -> Callable[..., Any]:
    """Return RoI max pooling by another rule.

    Parameters
    ----------
    round_by
        What makes whole numbers of corners.
    more, at_least
        A side is the difference of its ends and so many cells more, and has at least so many.
    disjoint
        Whether a bin ends where the next begins.
    reduce, from_zero, empty
        What becomes of the cells of a bin; whether 0 is one of them; what a bin without cells is.
    """

    def ends(first: int, last: int, cells: int, bins: int) -> list[slice]:
        side = max(last - first + more, at_least)
        begin = [first + p * side // bins for p in range(bins)]
        end = [first + ((p + 1) * side // bins if disjoint else -(-(p + 1) * side // bins)) for p in range(bins)]
        return [slice(*np.clip(pair, 0, cells)) for pair in zip(begin, end, strict=True)]

    def pool(feature: Any, region: Any, image: Any, stride_px: float, output_size: tuple[int, int] = (7, 7)) -> Any:
        corner = np.asarray(round_by(region / np.float32(stride_px))).astype(np.int64)
        pooled = np.full((len(region), *output_size, feature.shape[3]), empty, dtype=feature.dtype)
        for row, (x1, y1, x2, y2) in enumerate(corner):
            for p, down in enumerate(ends(y1, y2, feature.shape[1], output_size[0])):
                for q, right in enumerate(ends(x1, x2, feature.shape[2], output_size[1])):
                    cells = feature[image[row], down, right]
                    if cells.shape[0] and cells.shape[1]:
                        pooled[row, p, q] = reduce(cells, axis=(0, 1))
        return np.maximum(pooled, 0) if from_zero else pooled

    return pool
