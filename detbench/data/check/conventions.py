"""Whole files written in another convention than their format's, told from the boxes: xyxy for xywh, 0-based VOC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.check.context import listing
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.check.context import Context, Split
    from detbench.data.findings import Finding

__all__ = ["CHECKS", "VOC", "looks_like_xywh", "looks_like_xyxy"]

#: Formats whose files hold x, y, width, height, and x1, y1, x2, y2.
_XYWH = frozenset({"coco", "visdrone", "uavdt"})
_XYXY = frozenset({"voc", "csv", "carpk"})
VOC = "voc"

#: Boxes read in the wrong convention break out of the image, or turn inside out, unless they lie near its upper
#: left corner: a third of them is far more than mistakes make. Nearly all must fit when read the other way.
_BREAK_SHARE = 1 / 3
_FIT_SHARE = 0.95
_FEWEST_BOXES = 3


def looks_like_xyxy(split: Split) -> bool:
    """Return whether the boxes of an x-y-width-height format are corners: they leave the image, and fit as corners."""
    if split.data.format not in _XYWH:
        return False
    box, size = _boxes_of_known_size(split)
    side = box[:, 2:] - box[:, :2]
    fits = np.asarray(((side > box[:, :2]) & (side <= size + 1)).all(axis=1))
    return _most(_leave(box, size), fits)


def looks_like_xywh(split: Split) -> bool:
    """Return whether the boxes of a corner format are x, y, width, height: inside out, and fit as such."""
    if split.data.format not in _XYXY:
        return False
    box, size = _boxes_of_known_size(split)
    fits = np.asarray(((box[:, 2:] > 0) & (box[:, :2] + box[:, 2:] <= size + 1)).all(axis=1))
    return _most(_inside_out(box), fits)


def _leave(box: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((box[:, 2:] > size).any(axis=1))


def _inside_out(box: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((box[:, 2:] <= box[:, :2]).any(axis=1))


def _boxes_of_known_size(split: Split) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth = split.data.ground_truth
    size = split.sizes_px()[truth.image]
    known = ~np.isnan(size[:, 0])
    return truth.box[known], size[known]


def _most(breaks: NDArray[np.bool_], fits: NDArray[np.bool_]) -> bool:
    if len(breaks) < _FEWEST_BOXES:
        return False
    return bool(breaks.mean() >= _BREAK_SHARE and fits.mean() >= _FIT_SHARE)


def corners_for_sizes(context: Context) -> Iterator[Finding]:
    """Report splits whose widths and heights are really the second corner."""
    for split in filter(looks_like_xyxy, context.splits):
        box, size = _boxes_of_known_size(split)
        leaving = int(_leave(box, size).sum())
        yield split.split_finding(
            "box-format-xyxy",
            f"looks like x1, y1, x2, y2: read as x, y, width, height {leaving:,} of {len(box):,} boxes leave their "
            "image, read as corners nearly all fit",
        )


def sizes_for_corners(context: Context) -> Iterator[Finding]:
    """Report splits whose second corner is really width and height."""
    for split in filter(looks_like_xywh, context.splits):
        box, _size = _boxes_of_known_size(split)
        inverted = int(_inside_out(box).sum())
        yield split.split_finding(
            "box-format-xywh",
            f"looks like x, y, width, height: read as corners {inverted:,} of {len(box):,} boxes end before they "
            "begin, read as sizes nearly all fit",
        )


def zero_based_voc(context: Context) -> Iterator[Finding]:
    """Report VOC splits with a min of 0 (−1 once read), with how sure it is that the whole file counts from 0."""
    for split in context.splits:
        truth = split.data.ground_truth
        if split.data.format != VOC or not len(truth):
            continue
        size = split.sizes_px()[truth.image]
        low = (truth.box[:, :2] == -1).any(axis=1)
        far = (truth.box[:, 2:] == size).any(axis=1)
        if not low.any():
            continue
        images = [split.data.images.key[row] for row in np.unique(truth.image[low])]
        at_zero, at_end = int(low.sum()), int(far.sum())
        yield split.split_finding(
            "box-zero-based-voc",
            f"{counted(at_zero, 'box', 'boxes')} with a min of 0 where VOC begins at 1, {at_end:,} that reach the "
            f"width or the height; {_how_sure(at_zero, at_end)} (images {listing(images)})",
        )


def _how_sure(low: int, far: int) -> str:
    if far == 0:
        return "surely counted from 0" if low >= _FEWEST_BOXES else "probably counted from 0"
    if low > far:
        return "some files probably counted from 0, others from 1"
    return "perhaps written by several tools, or as continuous corners from 0 to the width"


CHECKS = (corners_for_sizes, sizes_for_corners, zero_based_voc)
