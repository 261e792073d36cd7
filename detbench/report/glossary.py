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

#: The end of the name of a mean that weights categories by images.
_BY_IMAGES = "_by_images"

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
    "precision@op": Words(
        "share of accepted predictions that are right",
        "Of the predictions whose score reaches the operating point's threshold, the share that finds a ground truth "
        "at the protocol's lowest IoU threshold.",
    ),
    "recall@op": Words(
        "share of the ground truths found",
        "The share of the ground truths that is found by predictions whose score reaches the operating point's "
        "threshold.",
    ),
    "F1@op": Words(
        "harmonic mean of precision and recall",
        "2 TP / (2 TP + FP + FN) with the predictions whose score reaches the operating point's threshold. A threshold "
        "that was chosen on the same images makes it look better than it will be.",
    ),
    "ECE": Words(
        "expected calibration error",
        "How far scores are from the share that is right: the mean distance of the two over ten bins of score, each "
        "weighted by its predictions. 0 is perfect. Predictions of low score are many, and decide it.",
    ),
    "ECE_equal_mass": Words(
        "expected calibration error, bins of equal mass",
        "As ECE, with bins of about as many predictions each.",
    ),
    "ECE@op": Words(
        "expected calibration error at the operating point",
        "As ECE, over the predictions whose score reaches the operating point's threshold.",
    ),
    "dAP_false_positives": Words(
        "all of these five",
        "What AP at the protocol's lowest IoU threshold would gain if all false positives went away.",
    ),
    "dAP_false_negatives": Words(
        "whatever is not found",
        "What AP at the protocol's lowest IoU threshold would gain if all ground truth that was not found need not be.",
    ),
}

#: Kinds of errors: what they are, and what fixing one is.
_KINDS = {
    "classification": ("of the wrong category", "had the category of the ground truth that they lie on"),
    "localisation": ("too far off", "had the box of the ground truth that they are near"),
    "both": ("wrong category, far off", "went away"),
    "duplicate": ("found already", "went away"),
    "background": ("on no object", "went away"),
    "missed": ("not found, no error near", "need not be found"),
}

_CATEGORY_AP = Words(
    "average precision of the category",
    "The area under the category's own precision-recall curve, at the protocol's one IoU threshold. 1 is perfect.",
)


def _ap_at_iou(found: re.Match[str]) -> Words:
    iou = f"{float(found[1]) / 100:.2f}"
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


def _recall_by_size(found: re.Match[str]) -> Words:
    size = _SIZES[found[1]]
    return Words(
        f"share of the {size} ground truths found",
        f"As recall, over {size} objects only: those {_BOUNDS[found[1]]}.",
    )


def _ar_at_count(found: re.Match[str]) -> Words:
    count = int(found[1])
    many = counted(count, "prediction")
    return Words(
        f"average recall, up to {count:,} an image and category",
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


def _gain_by_kind(found: re.Match[str]) -> Words:
    what, fixed = _KINDS[found[1]]
    who = "ground truths" if found[1] == "missed" else "false positives"
    return Words(
        what,
        f"What AP at the protocol's lowest IoU threshold would gain if the {who} of the kind {found[1]} ({what}) "
        f"{fixed}. Of several about one ground truth that nobody found, the one of highest score is mended.",
    )


def _share_by_kind(found: re.Match[str]) -> Words:
    what, _ = _KINDS[found[1]]
    return Words(
        f"share of the errors: {what}", f"Errors of the kind {found[1]} ({what}), as a share of all, at any score."
    )


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Words]], ...] = (
    (re.compile(r"m?AP(\d{2,3}(?:\.\d{1,6})?)"), _ap_at_iou),
    (re.compile(r"AP([sml])"), _ap_by_size),
    (re.compile(r"AR([sml])"), _ar_by_size),
    (re.compile(r"AR(\d{1,6})"), _ar_at_count),
    (re.compile(r"recall([sml])"), _recall_by_size),
    (re.compile(r"recall@(.{1,40})"), _recall_at),
    (re.compile(f"dAP_({'|'.join(_KINDS)})"), _gain_by_kind),
    (re.compile(f"share_({'|'.join(_KINDS)})"), _share_by_kind),
    (re.compile(rf"count_({'|'.join(_COUNTS)})"), _count_error),
    (re.compile(r"count_GAME(\d)"), _count_on_grid),
    (re.compile(r"proposal_(AR|recall50|recall70)@(\d{1,4})([sml]?)"), _proposal_recall),
)


def explain(name: str, metrics: Mapping[str, object], protocol: Mapping[str, object] | None = None) -> Words:
    """Return the words for the metric ``name`` of a result whose overall metrics are ``metrics``.

    ``metrics`` decides what a bare ``AP`` is: COCO's mean where the result has an overall AP, and a category's own
    average precision where it has a mAP. ``protocol`` is the result's table of settings: where its thresholds, sizes
    or limits are not COCO's, the words are its own. A name that is not known is said to be the protocol's own.
    """
    base = name.removesuffix(_BY_IMAGES)
    words = _of_settings(base, metrics, protocol or {}) or _usual(base, metrics)
    if base == name:
        return words
    return Words(
        f"{words.short}, by images",
        f"{words.long} A category counts as often as there are images with ground truth of it to be found.",
    )


def _mean_recall(iou: float) -> Words:
    """Return the words of a result's own recall, which is the mean of its categories'."""
    return Words(
        f"recall at IoU {iou:.2f}, mean over the categories",
        "The ground truths of a category that some prediction matches at the protocol's lowest IoU threshold, as a "
        "share of those that must be found, at any score; of the whole result, the mean over its categories.",
    )


def _usual(name: str, metrics: Mapping[str, object]) -> Words:
    """Return a name's words under COCO's and Pascal VOC's own settings."""
    if name == "AP" and "AP" not in metrics:
        return _CATEGORY_AP
    if name == "recall" and name in metrics:
        return _mean_recall(0.5)
    if name in _FIXED:
        return _FIXED[name]
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(name)
        if found:
            return words(found)
    return Words("as the protocol defines it", "A metric of the protocol; its own page says how it is computed.")


def _of_settings(name: str, metrics: Mapping[str, object], protocol: Mapping[str, object]) -> Words | None:
    """Return the words for a name that depends on a setting which is not COCO's, or None."""
    thresholds = protocol.get("iou_thresholds")
    ious = [value for value in thresholds if isinstance(value, float)] if isinstance(thresholds, list) else []
    if ious and name in {"AP", "mAP"} & set(metrics) and (ious[0], ious[-1]) != _USUAL_ENDS[name]:
        span = f"at IoU {ious[0]:.2f}" if len(ious) == 1 else f"mean over IoU {ious[0]:.2f} to {ious[-1]:.2f}"
        return Words(
            f"average precision, {span}",
            f"The area under the precision-recall curve, {span} ({len(ious)} in all), averaged over the categories "
            "that have ground truth. 1 is perfect.",
        )
    if ious and name == "recall" and name in metrics:
        return _mean_recall(ious[0])
    if ious and name == "recall" and ious[0] != _USUAL_ENDS["mAP"][0]:
        return Words(
            f"share of the ground truths found at IoU {ious[0]:.2f}",
            "The ground truths that some prediction matches at the lowest IoU threshold of the protocol, as a share of "
            "all that must be found, at any score.",
        )
    if re.fullmatch(r"AR\d{1,6}", name) and protocol.get("max_dets_per") == "image":
        words = _usual(name, metrics)
        return Words(
            words.short.removesuffix(" and category"),
            words.long.replace("of each category in each image", "of each image"),
        )
    return _by_own_size(name, protocol)


#: The lowest and the highest IoU threshold that the usual words speak of.
_USUAL_ENDS = {"AP": (0.5, 0.95), "mAP": (0.5, 0.5)}

_MEASURES = {
    "AP": "average precision",
    "mAP": "average precision",
    "AR": "average recall",
    "recall": "share of the ground truths found",
}


def _by_own_size(name: str, protocol: Mapping[str, object]) -> Words | None:
    """Return the words for a number by a size that the protocol bounds otherwise than COCO, or that COCO lacks."""
    areas = protocol.get("areas")
    for area in areas if isinstance(areas, list) else ():
        match area:
            case {"name": str(size), "suffix": str(suffix), "low_px": float(low), "high_px": float(high)} if suffix:
                kind = _MEASURES.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
                if kind and (suffix, low, high) not in _COCO_SIZES:
                    return Words(
                        f"{kind}, {size} objects",
                        f"The {kind} of {size} objects only: those of {low:,.0f} to {high:,.0f} square pixels.",
                    )
            case _:
                pass
    return None


_COCO_SIZES = {("s", 0.0, 32.0**2), ("m", 32.0**2, 96.0**2), ("l", 96.0**2, 1e10)}
