"""What a metric's name means, in a few words for a table and in a sentence or two for a footnote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Words", "explain"]


@dataclass(frozen=True, slots=True)
class Words:
    """A name's meaning: ``short`` is a clause that starts in lower case, ``long`` one to three sentences."""

    short: str
    long: str


_SIZES = {"s": "small", "m": "medium", "l": "large"}
_BOUNDS = {
    "s": "of 32² pixels of area or less",
    "m": "of 32² to 96² pixels of area",
    "l": "of 96² pixels of area or more",
}

_FIXED = {
    "AP": Words(
        "average precision, mean over IoU 0.50 to 0.95",
        "The area under the precision-recall curve, averaged over ten IoU thresholds from 0.50 to 0.95 and over the "
        "categories that have ground truth. 1 is perfect.",
    ),
    "mAP": Words(
        "mean average precision over the categories",
        "The area under each category's precision-recall curve, averaged over the categories that have ground truth, "
        "with matches at the protocol's one IoU threshold. 1 is perfect.",
    ),
    "recall": Words(
        "share of the ground truths found at IoU 0.50",
        "The ground truths that some prediction matches at the lowest IoU threshold of the protocol (0.50 for COCO and "
        "Pascal VOC), as a share of all that must be found, at any score.",
    ),
    "precision": Words(
        "share of the predictions that are right",
        "The predictions that match a ground truth, as a share of all predictions that count.",
    ),
}

_CATEGORY_AP = Words(
    "average precision of the category",
    "The area under the category's own precision-recall curve, at the protocol's one IoU threshold. 1 is perfect.",
)


def _ap_at_iou(found: re.Match[str]) -> Words:
    iou = f"0.{found[1]}"
    return Words(
        f"average precision at IoU {iou}",
        "The area under the precision-recall curve where a prediction matches if its box and the ground truth's "
        f"overlap with an IoU of {iou} or more, averaged over the categories that have ground truth.",
    )


def _ap_by_size(found: re.Match[str]) -> Words:
    size = _SIZES[found[1]]
    return Words(
        f"average precision, {size} objects",
        f"As AP, over {size} objects only: those {_BOUNDS[found[1]]}. The rest are ignored.",
    )


def _ar_by_size(found: re.Match[str]) -> Words:
    size = _SIZES[found[1]]
    return Words(
        f"average recall, {size} objects",
        f"The recall with the most predictions an image that the protocol allows, over {size} objects only: those "
        f"{_BOUNDS[found[1]]}.",
    )


def _ar_at_count(found: re.Match[str]) -> Words:
    count = int(found[1])
    many = "1 prediction" if count == 1 else f"{count} predictions"
    return Words(
        f"average recall, at most {many} an image",
        f"The share of the ground truths found with the {many} of highest score of each category in each image, "
        "averaged over the IoU thresholds and the categories.",
    )


_COUNTED = "The predictions whose score reaches the threshold are counted in each image"

_COUNTS = {
    "MAE": Words(
        "mean absolute error of the count, in objects an image",
        f"{_COUNTED}; the difference from the number of ground truths, without its sign, is averaged over the images. "
        "0 is perfect.",
    ),
    "RMSE": Words(
        "root mean squared error of the count, in objects an image",
        f"{_COUNTED}; the squared differences from the number of ground truths are averaged over the images, and the "
        "root taken: a few large errors weigh more than in the MAE.",
    ),
    "bias": Words(
        "mean error of the count: above 0 too many, below 0 too few",
        f"{_COUNTED}; the differences from the number of ground truths, with their sign, are averaged over the images.",
    ),
    "relative_error": Words(
        "mean absolute error of the count, as a share of the true count",
        f"{_COUNTED}; the absolute error is divided by the number of ground truths and averaged over the images that "
        "have some.",
    ),
    "correlation": Words(
        "correlation of true and predicted counts over the images",
        "Pearson's correlation: 1 where counts rise together, whatever their size. It does not see a count that is "
        "half of the true one everywhere.",
    ),
}


def _count_error(found: re.Match[str]) -> Words:
    return _COUNTS[found[1]]


def _count_on_grid(found: re.Match[str]) -> Words:
    side = 2 ** int(found[1])
    return Words(
        f"mean absolute error of the counts on a grid of {side} by {side}",
        f"The picture is cut into {side} by {side} cells, and a box counts in the cell of its centre; the absolute "
        "errors of the cells are summed, and averaged over the images. An object missed in one place does not make "
        "up for one too many in another.",
    )


def _proposal_recall(found: re.Match[str]) -> Words:
    measure, many = found[1], counted(int(found[2]), "proposal")
    objects = f"{_SIZES[found[3]]} objects" if found[3] else "objects"
    iou = "IoU 0.50 to 0.95" if measure == "AR" else f"IoU 0.{measure.removeprefix('recall')}"
    return Words(
        f"recall of {many} an image, {iou}{f', {objects}' if found[3] else ''}",
        f"The share of the {objects} of any category that the {many} of highest score in each image find, each of them "
        f"one at most, at {'the mean over ' * (measure == 'AR')}{iou}. Images with fewer proposals, or none, count.",
    )


def _recall_at(found: re.Match[str]) -> Words:
    return Words(
        f"recall at {found[1]}",
        f"The share of the ground truths found at the setting {found[1]}; the protocol's table says what that is.",
    )


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Words]], ...] = (
    (re.compile(r"AP(\d\d)"), _ap_at_iou),
    (re.compile(r"AP([sml])"), _ap_by_size),
    (re.compile(r"AR([sml])"), _ar_by_size),
    (re.compile(r"AR(\d{1,6})"), _ar_at_count),
    (re.compile(r"recall@(.{1,40})"), _recall_at),
    (re.compile(rf"count_({'|'.join(_COUNTS)})"), _count_error),
    (re.compile(r"count_GAME(\d)"), _count_on_grid),
    (re.compile(r"proposal_(AR|recall50|recall70)@(\d{1,4})([sml]?)"), _proposal_recall),
)


def explain(name: str, metrics: Mapping[str, object]) -> Words:
    """Return the words for the metric ``name`` of a result whose overall metrics are ``metrics``.

    ``metrics`` decides what a bare ``AP`` is: COCO's mean where the result has an overall AP, and a category's own
    average precision where it has a mAP. A name that is not known is said to be the protocol's own.
    """
    if name == "AP" and "AP" not in metrics:
        return _CATEGORY_AP
    if name in _FIXED:
        return _FIXED[name]
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(name)
        if found:
            return words(found)
    return Words("as the protocol defines it", "A metric of the protocol; its own page says how it is computed.")
