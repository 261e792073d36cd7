"""The names people quote, each as a mean over a part of the curves: COCO's twelve, VOC's mAP, a category's numbers.

The names are wanted where NumPy is not (:mod:`detbench.evaluation.fast`), so it is imported where it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol

__all__ = ["Summary", "category_metrics", "defined_mean", "named_thresholds", "resampled_mean", "summaries", "value_of"]

#: Thresholds that have a name of their own, as COCO prints them.
_NAMED_THRESHOLDS = {0.5: "50", 0.75: "75"}
_EVERYTHING = slice(None)


class Summary(NamedTuple):
    """A named mean over categories: of average precision, or of recall at one maxDets, in one area range."""

    name: str
    of_recall: bool
    thresholds: slice
    area: int
    max_dets: int


def summaries(protocol: Protocol) -> list[Summary]:
    """Return the protocol's headline numbers, in the order in which they are printed.

    COCO: AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl. Pascal VOC: mAP, and the mean recall.
    """
    last = len(protocol.max_dets) - 1
    if protocol.matching == "voc":
        return [Summary("mAP", False, _EVERYTHING, 0, last), Summary("recall", True, _EVERYTHING, 0, last)]
    sizes = list(enumerate(protocol.areas))[1:]
    return [
        Summary("AP", False, _EVERYTHING, 0, last),
        *(Summary(f"AP{suffix}", False, slice(t, t + 1), 0, last) for t, suffix in named_thresholds(protocol)),
        *(Summary(f"AP{area.suffix}", False, _EVERYTHING, number, last) for number, area in sizes),
        *(Summary(f"AR{limit}", True, _EVERYTHING, 0, number) for number, limit in enumerate(protocol.max_dets)),
        *(Summary(f"AR{area.suffix}", True, _EVERYTHING, number, last) for number, area in sizes),
    ]


def value_of(summary: Summary, curves: Accumulated, protocol: Protocol) -> float | None:
    """Return the number, or None where no category defines it."""
    if summary.of_recall:
        return defined_mean(curves.recall[summary.thresholds, :, summary.area, summary.max_dets])
    if protocol.interpolation == "101-point":
        # From the precision array, as pycocotools: a mean of means has other last bits.
        return defined_mean(curves.precision[summary.thresholds, :, :, summary.area])
    return defined_mean(curves.average_precision[summary.thresholds, :, summary.area])


def resampled_mean(
    summary: Summary, average_precision: NDArray[np.float64], recall: NDArray[np.float64], curves: Accumulated
) -> NDArray[np.float64]:
    """Return float64 ``[B]``: the number in each of B resamples, NaN where no category defines it.

    ``average_precision`` is float64 ``[T, K, A, B]`` at the largest maxDets, ``recall`` ``[T, K, A, M, B]``. A
    category that a resample lacks (NaN there) stands with its value in ``curves``, those of all the images: were it
    left out, the mean would be over other categories than the number is, and drift away from it.
    """
    import numpy as np

    part = (summary.thresholds, slice(None), summary.area)
    values = recall[*part, summary.max_dets] if summary.of_recall else average_precision[part]
    whole = curves.recall[*part, summary.max_dets] if summary.of_recall else curves.average_precision[part]
    values = np.where(np.isnan(values), whole[..., None], values)
    defined = ~np.isnan(values)
    count = defined.sum(axis=(0, 1))
    total = np.where(defined, values, 0.0).sum(axis=(0, 1))
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def defined_mean(values: NDArray[np.float64]) -> float | None:
    """Return the mean of what is not NaN, or None if nothing is.

    The values are flattened in C order and summed pairwise by NumPy, as pycocotools does: another order changes
    the last bits.
    """
    import numpy as np

    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else None


def category_metrics(curves: Accumulated, protocol: Protocol, category: int) -> dict[str, float | None]:
    """Return one category's AP, AP50, AP75, AR100 and recall: the largest recall at the lowest IoU threshold."""
    average, recall = curves.average_precision[:, category, 0], curves.recall[:, category, 0, -1]
    metrics = {"AP": defined_mean(average)}
    for threshold, suffix in named_thresholds(protocol):
        metrics[f"AP{suffix}"] = defined_mean(average[threshold])
    if protocol.max_dets[-1] is not None:
        metrics[f"AR{protocol.max_dets[-1]}"] = defined_mean(recall)
    metrics["recall"] = defined_mean(recall[0])
    return metrics


def named_thresholds(protocol: Protocol) -> list[tuple[int, str]]:
    """Return the rows of the IoU thresholds that have a suffix of their own, with it: 0.5 is "50"."""
    thresholds = enumerate(protocol.iou_thresholds)
    return [(row, _NAMED_THRESHOLDS[value]) for row, value in thresholds if value in _NAMED_THRESHOLDS]
