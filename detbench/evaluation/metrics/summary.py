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

#: Thresholds that have a name of their own among many, as COCO prints them.
_NAMED_THRESHOLDS = ("50", "75")

#: So few thresholds all have one.
_FEW_THRESHOLDS = 3

_EVERYTHING = slice(None)


class Summary(NamedTuple):
    """A named mean over categories: of average precision, or of recall at one maxDets, in one area range.

    ``by_images`` weights a category by the images that have ground truth of it to be found.
    """

    name: str
    of_recall: bool
    thresholds: slice
    area: int
    max_dets: int
    by_images: bool = False


def summaries(protocol: Protocol) -> list[Summary]:
    """Return the protocol's headline numbers, in the order in which they are printed.

    COCO: AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl. Pascal VOC: mAP, and the mean recall. Where the
    protocol means by images, all of them again, as ``AP_by_images`` and so on.
    """
    named = _voc_summaries(protocol) if protocol.matching == "voc" else _coco_summaries(protocol)
    if not protocol.mean_by_images:
        return named
    return [*named, *(one._replace(name=f"{one.name}_by_images", by_images=True) for one in named)]


def _coco_summaries(protocol: Protocol) -> list[Summary]:
    last = len(protocol.max_dets) - 1
    sizes = list(enumerate(protocol.areas))[1:]
    return [
        Summary("AP", False, _EVERYTHING, 0, last),
        *(Summary(f"AP{suffix}", False, slice(t, t + 1), 0, last) for t, suffix in named_thresholds(protocol)),
        *(Summary(f"AP{area.suffix}", False, _EVERYTHING, number, last) for number, area in sizes),
        *(Summary(_recall_name(limit), True, _EVERYTHING, 0, number) for number, limit in enumerate(protocol.max_dets)),
        *(Summary(f"AR{area.suffix}", True, _EVERYTHING, number, last) for number, area in sizes),
    ]


def _voc_summaries(protocol: Protocol) -> list[Summary]:
    last = len(protocol.max_dets) - 1
    sizes = list(enumerate(protocol.areas))[1:]
    thresholds = named_thresholds(protocol) if len(protocol.iou_thresholds) > 1 else []
    return [
        Summary("mAP", False, _EVERYTHING, 0, last),
        *(Summary(f"mAP{suffix}", False, slice(t, t + 1), 0, last) for t, suffix in thresholds),
        *(Summary(f"mAP{area.suffix}", False, _EVERYTHING, number, last) for number, area in sizes),
        Summary("recall", True, _EVERYTHING, 0, last),
        *(Summary(f"recall{area.suffix}", True, _EVERYTHING, number, last) for number, area in sizes),
    ]


def _recall_name(limit: int | None) -> str:
    return "AR" if limit is None else f"AR{limit}"


def value_of(summary: Summary, curves: Accumulated, protocol: Protocol) -> float | None:
    """Return the number, or None where no category defines it."""
    if summary.by_images:
        values = curves.recall[..., summary.max_dets] if summary.of_recall else curves.average_precision
        return _mean_by_images(values[summary.thresholds, :, summary.area], curves.truth_images)
    if summary.of_recall:
        return defined_mean(curves.recall[summary.thresholds, :, summary.area, summary.max_dets])
    if protocol.interpolation == "101-point":
        # From the precision array, as pycocotools: a mean of means has other last bits.
        return defined_mean(curves.precision[summary.thresholds, :, :, summary.area])
    return defined_mean(curves.average_precision[summary.thresholds, :, summary.area])


def _mean_by_images(values: NDArray[np.float64], images: NDArray[np.int64]) -> float | None:
    """Return the mean of ``values`` ``[T, K]`` with category k weighted by ``images[k]``.

    VisDrone's toolkit (``utils/calcAccuracy.m``) lists a category once for each image that contains it, and means
    over the list.
    """
    import numpy as np

    defined = ~np.isnan(values[0]) & (images > 0)
    if not defined.any():
        return None
    return float(np.average(values[:, defined].mean(axis=0), weights=images[defined]))


def resampled_mean(
    summary: Summary, average_precision: NDArray[np.float64], recall: NDArray[np.float64], curves: Accumulated
) -> NDArray[np.float64]:
    """Return float64 ``[B]``: the number in each of B resamples, NaN where no category defines it.

    ``average_precision`` is float64 ``[T, K, A, B]`` at the largest maxDets, ``recall`` ``[T, K, A, M, B]``. A
    category that a resample lacks (NaN there) stands with its value in ``curves``, those of all the images: were it
    left out, the mean would be over other categories than the number is, and drift away from it. So do the weights
    of a mean by images.
    """
    import numpy as np

    part = (summary.thresholds, slice(None), summary.area)
    values = recall[*part, summary.max_dets] if summary.of_recall else average_precision[part]
    whole = curves.recall[*part, summary.max_dets] if summary.of_recall else curves.average_precision[part]
    values = np.where(np.isnan(values), whole[..., None], values)
    weight = ~np.isnan(values)
    values = np.where(weight, values, 0.0)
    if summary.by_images:
        weight = weight * curves.truth_images[:, None]
        values *= weight
    count, total = weight.sum(axis=(0, 1)), values.sum(axis=(0, 1))
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
    """Return one category's numbers by name.

    AP, AP50, AP75; APs and so on by size; AR100, the recall with the most predictions, mean over the thresholds;
    recall, the largest at the lowest threshold, and recalls and so on by size.
    """
    average, recall = curves.average_precision[:, category], curves.recall[:, category, :, -1]
    sizes = list(enumerate(protocol.areas))[1:]
    metrics = {"AP": defined_mean(average[:, 0])}
    metrics |= {f"AP{suffix}": defined_mean(average[t, 0]) for t, suffix in named_thresholds(protocol)}
    metrics |= {f"AP{area.suffix}": defined_mean(average[:, number]) for number, area in sizes}
    if protocol.max_dets[-1] is not None:
        metrics[_recall_name(protocol.max_dets[-1])] = defined_mean(recall[:, 0])
    metrics["recall"] = defined_mean(recall[0, 0])
    return metrics | {f"recall{area.suffix}": defined_mean(recall[0, number]) for number, area in sizes}


def named_thresholds(protocol: Protocol) -> list[tuple[int, str]]:
    """Return the rows of the IoU thresholds that have a suffix of their own, with it: 0.5 is "50".

    All of a few; of many the lowest, 0.5 and 0.75.
    """
    percents = list(map(_percent, protocol.iou_thresholds))
    named = {percents[0], *_NAMED_THRESHOLDS} if len(percents) > _FEW_THRESHOLDS else {*percents}
    return [(row, percent) for row, percent in enumerate(percents) if percent in named]


def _percent(threshold: float) -> str:
    """Return a threshold in percent, with two digits before the point: "50" for 0.5, "05" for 0.05, "33.3"."""
    whole, point, rest = f"{100 * threshold:.8g}".partition(".")
    return f"{whole:0>2}{point}{rest}"
