"""The numbers people quote, each a mean over a part of the curves, and a category's own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.metrics.naming import named_thresholds, recall_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.metrics.naming import Summary
    from detbench.evaluation.protocols import Protocol

__all__ = ["category_metrics", "defined_mean", "resampled_mean", "value_of"]


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
        metrics[recall_name(protocol.max_dets[-1])] = defined_mean(recall[:, 0])
    metrics["recall"] = defined_mean(recall[0, 0])
    return metrics | {f"recall{area.suffix}": defined_mean(recall[0, number]) for number, area in sizes}
