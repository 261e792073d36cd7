"""Counting: how far the number of predictions is from the number of objects, image by image.

MAE and RMSE as in Hsieh et al. 2017 (CARPK); GAME(L) of Guerrero-Gómez-Olmo et al. 2015 sums the absolute errors of
the 4^L cells of a grid. A count needs a score threshold, and a threshold chosen on the data that it is judged on makes
the error too small: it is given, or chosen on other data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, GroundTruth, Predictions

__all__ = ["CountErrors", "best_threshold", "count_errors", "counts_against_threshold", "game", "true_counts"]


@dataclass(frozen=True, slots=True)
class CountErrors:
    """Errors of counts, in objects an image.

    ``mae`` mean absolute, ``rmse`` root mean squared, ``bias`` mean of predicted − true; ``over`` and ``under`` are the
    mean surplus and the mean shortfall, so that ``over + under == mae`` and ``over − under == bias``.
    """

    threshold: float
    mae: float
    rmse: float
    bias: float
    over: float
    under: float


def true_counts(dataset: Dataset) -> NDArray[np.int64]:
    """Return int64 ``[I]``: the ground truths that must be found, of all categories together."""
    image = dataset.ground_truth.image[_counted(dataset.ground_truth)]
    return np.bincount(image, minlength=len(dataset.images)).astype(np.int64)


def count_errors(dataset: Dataset, predictions: Predictions, threshold: float) -> CountErrors:
    """Return the errors of counting the predictions whose score is at least ``threshold``."""
    return _errors(threshold, _counts_at(dataset, predictions, threshold) - true_counts(dataset))


def counts_against_threshold(dataset: Dataset, predictions: Predictions) -> list[CountErrors]:
    """Return the errors at every score that occurs, ascending, and with no prediction at all as the last."""
    thresholds = np.append(np.unique(predictions.score), np.inf)
    truth = true_counts(dataset)
    return [_errors(float(t), _counts_at(dataset, predictions, float(t)) - truth) for t in thresholds]


def best_threshold(dataset: Dataset, predictions: Predictions) -> float:
    """Return the score threshold of least MAE, the highest among equals.

    Use it on data that the counts are not judged on.
    """
    curve = counts_against_threshold(dataset, predictions)
    return min(reversed(curve), key=lambda errors: errors.mae).threshold


def game(dataset: Dataset, predictions: Predictions, threshold: float, level: int) -> float:
    """Return GAME(``level``): the mean over images of the absolute count errors of 4^level cells, summed.

    A box counts in the cell of its centre. Level 0 is the MAE. Images of unknown size count as one cell.
    """
    cells = 2**level
    shape = (len(dataset.images), cells, cells)
    difference = np.zeros(shape, dtype=np.int64)
    kept = predictions.score >= threshold
    truth = dataset.ground_truth
    counted = _counted(truth)
    for sign, image, box in (
        (1, predictions.image[kept], predictions.box[kept]),
        (-1, truth.image[counted], truth.box[counted]),
    ):
        size = np.stack([dataset.images.width_px[image], dataset.images.height_px[image]], axis=1)
        share = (box[:, :2] + box[:, 2:]) / 2 / np.maximum(size, 1)
        column, row = np.clip(np.where(size > 0, share * cells, 0), 0, cells - 1).astype(np.int64).T
        np.add.at(difference, (image, row, column), sign)
    return float(np.abs(difference).sum(axis=(1, 2)).mean()) if len(difference) else float("nan")


def _counted(truth: GroundTruth) -> NDArray[np.bool_]:
    return np.asarray((truth.category >= 0) & ~truth.crowd & ~truth.ignore)


def _counts_at(dataset: Dataset, predictions: Predictions, threshold: float) -> NDArray[np.int64]:
    image = predictions.image[predictions.score >= threshold]
    return np.bincount(image, minlength=len(dataset.images)).astype(np.int64)


def _errors(threshold: float, difference: NDArray[np.int64]) -> CountErrors:
    if not len(difference):
        return CountErrors(threshold, *[float("nan")] * 5)
    return CountErrors(
        threshold=threshold,
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt(np.square(difference).mean())),
        bias=float(difference.mean()),
        over=float(np.maximum(difference, 0).mean()),
        under=float(np.maximum(-difference, 0).mean()),
    )
