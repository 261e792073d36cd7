"""Boxes that are empty, one pixel wide by a slip, inside out, outside their image, or there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.check.conventions import VOC, looks_like_xywh, looks_like_xyxy
from detbench.data.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.check.context import Context, Split

__all__ = ["CHECKS"]

#: Less than this beyond the border is rounding, not a mistake.
_SLACK_PX = 0.5


def _side_px(split: Split) -> NDArray[np.float64]:
    """Return float64 ``[N, 2]``: the second corner less the first, as the file's own numbers have them.

    A VOC box with equal corners is one pixel wide, because both corners are part of it: 0 here, 1 once read.
    """
    return split.data.ground_truth.size_px - (1.0 if split.data.format == VOC else 0.0)


def _corners(split: Split, row: int) -> str:
    x1, y1, x2, y2 = split.data.ground_truth.box[row]
    return f"{x1:g}, {y1:g} to {x2:g}, {y2:g}"


def _size(split: Split, row: int) -> str:
    width, height = _side_px(split)[row]
    return f"is {width:g} by {height:g} px ({_corners(split, row)})"


def _finding(split: Split, code: str, row: int, message: str) -> Finding:
    """Return a finding about ground truth ``row``, in the file to correct it in; in records that is the picture's."""
    data = split.data
    image = int(data.ground_truth.image[row])
    file = data.annotation_of(image) if data.annotation_files else data.pictures.where(image)
    return Finding(code, file, f"{_object(split, row)} of image {data.images.key[image]}", message)


def _object(split: Split, row: int) -> str:
    """Return what to call a box among its image's: by its annotation's id, or its number."""
    truth = split.data.ground_truth
    number = row - int(np.searchsorted(truth.image, truth.image[row])) + 1
    return f"annotation {truth.source_id[row]}" if truth.source_id else f"object {number}"


def inside_out(context: Context) -> Iterator[Finding]:
    """Report boxes of negative width or height, unless the whole split is in another convention."""
    for split in context.splits:
        rows = np.flatnonzero(np.min(_side_px(split), axis=1, initial=np.inf) < 0).tolist()
        for row in rows if not looks_like_xywh(split) else ():
            yield _finding(split, "box-negative-size", row, _size(split, row))


def without_area(context: Context) -> Iterator[Finding]:
    """Report boxes of zero width or height, and of VOC's, where none is that can be read, those with equal corners."""
    for split in context.splits:
        rows = np.flatnonzero(np.min(_side_px(split), axis=1, initial=np.inf) == 0).tolist()
        for row in rows if not looks_like_xywh(split) else ():
            if split.data.format == VOC:
                yield _finding(split, "box-one-pixel", row, _equal_corners(split, row))
            else:
                yield _finding(split, "box-zero-area", row, _size(split, row))


def _equal_corners(split: Split, row: int) -> str:
    """Return which corners of a VOC box are equal, and the size that it has once read."""
    equal = [
        f"{name}min equals {name}max ({split.data.ground_truth.box[row, 2 + axis]:g})"
        for axis, name in enumerate("xy")
        if _side_px(split)[row, axis] == 0
    ]
    width, height = split.data.ground_truth.size_px[row]
    return f"{', '.join(equal)}: {width:g} × {height:g} px after reading, probably a slip of the annotator"


def outside(context: Context) -> Iterator[Finding]:
    """Report boxes that leave their image, in part or whole, unless the whole split is in another convention."""
    for split in context.splits:
        if looks_like_xyxy(split) or looks_like_xywh(split):
            continue
        truth = split.data.ground_truth
        size = split.sizes_px()[truth.image]
        # A VOC min of 0 is −1 once read: reported once, by the convention's own check.
        low = -1.0 if split.data.format == VOC else -_SLACK_PX
        proper = np.min(_side_px(split), axis=1, initial=np.inf) > 0
        start, stop = truth.box[:, :2], truth.box[:, 2:]
        gone = proper & np.asarray(((stop <= 0) | (start >= size)).any(axis=1))
        leaves = proper & np.asarray(((start < low) | (stop > size + _SLACK_PX)).any(axis=1))
        for row in np.flatnonzero(gone | leaves).tolist():
            width, height = size[row]
            image = "its image" if np.isnan(width) else f"its image of {width:g} by {height:g} px"
            code, how = ("box-fully-outside", "wholly") if gone[row] else ("box-outside-image", "partly")
            yield _finding(split, code, row, f"lies {how} outside {image} ({_corners(split, row)})")


def twice(context: Context) -> Iterator[Finding]:
    """Report boxes that equal an earlier one of the same image and category."""
    for split in context.splits:
        truth = split.data.ground_truth
        keys = np.column_stack([truth.image, truth.category, truth.box])
        _unique, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        original = first[group.reshape(-1)]
        for row in np.flatnonzero(original != np.arange(len(keys))).tolist():
            category = int(truth.category[row])
            name = split.data.categories.name[category] if category >= 0 else "a region"
            other = _object(split, int(original[row]))
            yield _finding(split, "box-duplicate", row, f"equals {other}: {name} at {_corners(split, row)}")


CHECKS = (inside_out, without_area, outside, twice)
