"""Ignored regions: which boxes lie so far inside them that they take no part.

A region is ground truth of no category. VisDrone-DET's toolkit (``utils/dropObjectsInIgr.m``) drops every prediction
and every object half of whose area or more lies inside the union of its image's regions, before anything else. It
paints the regions on a raster, and with whole pixels comes a convention, which ``ignored_region_pixels = "whole"``
repeats: a box's corner and sides are rounded, halves up, to 1 at least, and a region reaches one pixel further to the
left and up than it says, and no further than the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, GroundTruth, Images, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = ["covered_area", "inside_regions"]

#: More cells than this are halved: a file of tens of thousands of regions must not take the memory.
_MOST_CELLS = 2**20

#: The edges of one column of cells, which cannot be halved.
_ONE_COLUMN = 2


def inside_regions(
    dataset: Dataset, predictions: Predictions, protocol: Protocol
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which ground truth, bool ``[G]``, and which predictions, bool ``[N]``, the protocol drops for a region.

    No region is dropped itself: it is of no category, and takes no part anyway.
    """
    truth = dataset.ground_truth
    inside = np.zeros(len(truth), dtype=np.bool_), np.zeros(len(predictions), dtype=np.bool_)
    share = protocol.ignored_region_share
    of_regions = np.flatnonzero(truth.category < 0)
    if share is None or not len(of_regions):
        return inside
    images = dataset.images
    whole = protocol.ignored_region_pixels == "whole"
    regions = _whole_regions(images, truth) if whole else truth.box
    tables: tuple[GroundTruth | Predictions, ...] = (truth, predictions)
    for table, mask in zip(tables, inside, strict=True):
        box, area = _whole_boxes(images, table) if whole else (table.box, np.prod(table.size_px, axis=1))
        for of_image, rows in _by_image(truth.image, of_regions, table.image):
            covered = covered_area(box[rows], regions[of_image])
            mask[rows] = (covered >= share * area[rows]) & (covered > 0)
    inside[0][of_regions] = False
    return inside


def covered_area(box: NDArray[np.float64], region: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[N]``: how much of each box lies in the union of the regions, in square pixels.

    ``box`` is float64 ``[N, 4]``, ``region`` ``[R, 4]``. The regions' edges cut the plane into cells that lie wholly
    inside or outside of the union, so that nothing is counted twice.

    >>> covered_area(np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 0, 2, 4], [1, 0, 3, 2]])).tolist()
    [10.0]
    """
    x, y = np.unique(region[:, 0::2]), np.unique(region[:, 1::2])
    if len(x) * len(y) > _MOST_CELLS and len(x) > _ONE_COLUMN:
        middle = x[len(x) // 2]
        return _covered_between(box, region, -np.inf, middle) + _covered_between(box, region, middle, np.inf)
    change = np.zeros((len(x), len(y)), dtype=np.int32)
    left, right = np.searchsorted(x, region[:, 0]), np.searchsorted(x, region[:, 2])
    top, bottom = np.searchsorted(y, region[:, 1]), np.searchsorted(y, region[:, 3])
    proper = (left < right) & (top < bottom)
    for column, row, sign in ((left, top, 1), (right, top, -1), (left, bottom, -1), (right, bottom, 1)):
        np.add.at(change, (column[proper], row[proper]), sign)
    painted = (change.cumsum(axis=0).cumsum(axis=1) > 0)[:-1, :-1]
    across, down = _overlap(box[:, 0::2], x), _overlap(box[:, 1::2], y)
    return np.asarray(np.sum((across @ painted) * down, axis=1))


def _covered_between(
    box: NDArray[np.float64], region: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """Return :func:`covered_area` of the parts of boxes and regions that lie between two abscissae."""
    bounds = [low, -np.inf, low, -np.inf], [high, np.inf, high, np.inf]
    reaching = (region[:, 0] < high) & (region[:, 2] > low)
    return covered_area(np.clip(box, *bounds), np.clip(region[reaching], *bounds))


def _overlap(span: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[N, len(edges) − 1]``: the length that each span ``[N, 2]`` shares with each cell."""
    low, high = np.maximum(span[:, :1], edges[:-1]), np.minimum(span[:, 1:], edges[1:])
    return np.asarray(np.maximum(high - low, 0.0))


def _by_image(
    region_image: NDArray[np.int32], of_regions: NDArray[np.intp], image: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.intp], slice]]:
    """Yield the rows of an image's regions, and the rows of its boxes, of each image that has both.

    ``image``, the boxes' own, ascends: tables are grouped by image.
    """
    images, first = np.unique(region_image[of_regions], return_index=True)
    last = np.append(first[1:], len(of_regions))
    begin, end = np.searchsorted(image, images, side="left"), np.searchsorted(image, images, side="right")
    for place in np.flatnonzero(begin < end).tolist():
        yield of_regions[first[place] : last[place]], slice(begin[place], end[place])


def _whole_regions(images: Images, table: GroundTruth) -> NDArray[np.float64]:
    """Return the pixels that the toolkit paints: ``x`` to ``x + w``, from 1, both included, ``x`` at least 1."""
    corner = np.maximum(_rounded(table.box[:, :2]), 1)
    end = np.minimum(corner + np.maximum(_rounded(table.size_px), 1), _sizes(images, table.image))
    return np.concatenate([corner - 1, end], axis=1)


def _whole_boxes(images: Images, table: GroundTruth | Predictions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the pixels over which the toolkit sums, and the area that it divides by: that of the unclipped box.

    Between the corners of its summed-area table lie the pixels after ``x``, up to ``x + w``.
    """
    corner = np.clip(_rounded(table.box[:, :2]), 1, _sizes(images, table.image))
    size = np.maximum(_rounded(table.size_px), 1)
    return np.concatenate([corner, corner + size], axis=1), size[:, 0] * size[:, 1]


def _sizes(images: Images, image: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return float64 ``[N, 2]``: width and height of each box's picture, infinite where they are not known."""
    size = np.stack([images.width_px, images.height_px], axis=1).astype(np.float64)
    return np.where(size > 0, size, np.inf)[image]


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values rounded as MATLAB does for what is positive: halves up."""
    return np.asarray(np.floor(values + 0.5))
