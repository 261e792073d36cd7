"""Counting: how far the number of predictions is from the number of objects, image by image.

MAE and RMSE as in Hsieh et al. 2017 ("Drone-based object counting by spatially regularized regional proposal
network", CARPK). GAME(L) of Guerrero-Gómez-Olmedo et al. 2015 ("Extremely overlapping vehicle counting") adds up the
absolute errors of the 4^L cells of a grid, so that an object missed here does not make up for one too many there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.tasks import matching_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Images, Predictions
    from detbench.evaluation.protocols import Protocol

__all__ = [
    "GAME_LEVELS",
    "LIMITS",
    "NUMBERS",
    "Curve",
    "Tally",
    "cell_errors",
    "correlation_columns",
    "curve",
    "error_columns",
    "expected",
    "least_mae",
    "numbers",
    "predicted_at",
    "predicted_at_each",
    "tally",
]

#: The grids of GAME: 4^L cells. Level 0 is the MAE.
GAME_LEVELS = (1, 2, 3)

#: What :func:`numbers` gives, in that order.
NUMBERS = (
    "count_MAE",
    "count_RMSE",
    "count_bias",
    "count_relative_error",
    "count_correlation",
    *(f"count_GAME{level}" for level in GAME_LEVELS),
)

#: What each of them can be.
LIMITS = dict.fromkeys(NUMBERS, (0.0, inf)) | {"count_bias": (-inf, inf), "count_correlation": (-1.0, 1.0)}

#: A variance below this share of the sum of squares that it is the rest of is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What is counted: G ground truths and N predictions, by image; I images, numbered by rank.

    ``truth_image``, ``truth_category`` int32 ``[G]``; ``image``, ``category`` int32 ``[N]``; ``score`` float64
    ``[N]``; ``truth_cell``, ``cell`` int64: the cell of GAME's finest grid, −1 where the image's size is not known.
    """

    image_count: int
    truth_image: NDArray[np.int32]
    truth_category: NDArray[np.int32]
    truth_cell: NDArray[np.int64]
    image: NDArray[np.int32]
    category: NDArray[np.int32]
    score: NDArray[np.float64]
    cell: NDArray[np.int64]

    def true(self) -> NDArray[np.int64]:
        """Return int64 ``[I]``: how many objects each image has."""
        return _counts(self.truth_image, self.image_count)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Errors against the score threshold: float64 ``[P]`` each, a point a distinct score, the highest first.

    The first point is above every score: nothing is counted there.
    """

    threshold: NDArray[np.float64]
    mae: NDArray[np.float64]
    rmse: NDArray[np.float64]
    bias: NDArray[np.float64]


def tally(dataset: Dataset, predictions: Predictions, protocol: Protocol) -> Tally:
    """Return what is counted: the ground truth that ``protocol`` wants found, and every prediction that takes part.

    maxDets limits no count: a threshold does.
    """
    task = matching_task(dataset, predictions, protocol._replace(max_dets=(None,)))
    must = task.truth_ignored & np.uint64(1) == 0
    truth_row = task.truth_row[must]
    truth, images = dataset.ground_truth, dataset.images
    return Tally(
        image_count=len(images),
        truth_image=task.truth_image[must],
        truth_category=task.truth_category[must],
        truth_cell=_cells(images, truth.image[truth_row], truth.box[truth_row]),
        image=task.image,
        category=task.category,
        score=task.score,
        cell=_cells(images, predictions.image[task.row], predictions.box[task.row]),
    )


def predicted_at(of: Tally, threshold: float) -> NDArray[np.int64]:
    """Return int64 ``[I]``: how many predictions of each image have at least that score."""
    return _counts(of.image[of.score >= threshold], of.image_count)


def predicted_at_each(of: Tally, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 ``[P, I]``: :func:`predicted_at` each of P ascending thresholds."""
    count = len(thresholds) + 1
    reached = np.searchsorted(thresholds, of.score, side="right")
    cells = np.bincount(of.image.astype(np.int64) * count + reached, minlength=of.image_count * count)
    # Who reaches a threshold reaches all before it.
    return np.cumsum(cells.reshape(-1, count)[:, :0:-1], axis=1).T[::-1]


def expected(of: Tally) -> NDArray[np.float64] | None:
    """Return float64 ``[I]``: the number of objects to expect if every score is a probability, None if one is none.

    A count without a threshold: each prediction counts as much as it is likely to be right (Bella et al. 2010,
    "Quantification via probability estimators"). It is as good as the scores are calibrated.
    """
    if len(of.score) and not 0 <= of.score.min() <= of.score.max() <= 1:
        return None
    return np.bincount(of.image, weights=of.score, minlength=of.image_count).astype(np.float64)


def curve(of: Tally) -> Curve:
    """Return the errors at every distinct score, exactly; there is at least one image.

    A prediction that comes in as the threshold falls adds 1 to its image's count: the absolute error changes by 1
    and the squared error by 2e + 1, so one pass over the sorted scores gives every point.
    """
    true = of.true()
    order = np.argsort(-of.score, kind="stable")
    score, image = of.score[order], of.image[order]
    error = _place_in_image(image) - true[image]
    last_of_score = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.zeros(0, np.intp)

    def along(start: int, change: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.append(start, start + np.cumsum(change)[last_of_score]) / of.image_count

    above_all = np.nextafter(score[0], np.inf) if len(score) else 0.0
    return Curve(
        threshold=np.append(above_all, score[last_of_score]),
        mae=along(int(true.sum()), np.where(error >= 0, 1, -1)),
        rmse=np.sqrt(along(int(np.square(true).sum()), 2 * error + 1)),
        bias=along(-int(true.sum()), np.ones_like(error)),
    )


def least_mae(points: Curve) -> int:
    """Return which point has the least MAE, the highest threshold among equals."""
    return int(np.argmin(points.mae))


def cell_errors(of: Tally, threshold: float, level: int) -> NDArray[np.float64]:
    """Return float64 ``[I]``: each image's absolute errors of 4^level cells, summed; NaN if a cell is not known."""
    finest, side = GAME_LEVELS[-1], 2**level
    kept = of.score >= threshold
    cell = np.concatenate([of.truth_cell, of.cell[kept]])
    image = np.concatenate([of.truth_image, of.image[kept]]).astype(np.int64)
    sign = np.repeat([-1, 1], [len(of.truth_cell), int(kept.sum())])
    known = cell >= 0
    row, column = (part >> (finest - level) for part in np.divmod(cell[known], 2**finest))
    places, place = np.unique((image[known] * side + row) * side + column, return_inverse=True)
    errors = np.abs(np.bincount(place, weights=sign[known], minlength=len(places)))
    total = np.bincount(places // side**2, weights=errors, minlength=of.image_count).astype(np.float64)
    total[image[~known]] = np.nan
    return total


def error_columns(true: NDArray[np.int64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[n, 5]``: what each image adds to the sums that :func:`numbers` needs.

    ``true`` and ``predicted`` are ``[n]``; the latter need not be whole (:func:`expected`).
    """
    error, has = predicted - true, true > 0
    relative = np.divide(np.abs(error), true, out=np.zeros(len(true)), where=has)
    return np.asarray(np.stack([np.abs(error), np.square(error), error, relative, has], axis=1), dtype=np.float64)


def correlation_columns(true: NDArray[np.int64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[I, 5]``: what each image adds to the sums of a correlation over all images."""
    # It does not depend on where counts start from; from their means its sums are small.
    x, y = (counts - np.mean(counts) if len(counts) else counts for counts in (true, predicted))
    return np.asarray(np.stack([x, y, x * x, y * y, x * y], axis=1), dtype=np.float64)


def numbers(images: NDArray[np.float64], sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return name → float64 ``[S]`` from the sums in S draws, NaN where undefined.

    ``images`` is float64 ``[S]``, how many images a draw has. ``sums`` are those of :func:`error_columns`; then, if
    they are there, of :func:`correlation_columns`; then of :func:`cell_errors` at some levels.
    """
    absolute, squared, error, relative, has = sums[:5]
    values = [
        _ratio(absolute, images),
        np.sqrt(_ratio(squared, images)),
        _ratio(error, images),
        _ratio(relative, has),
        *([_correlation(images, sums[5:10])] if len(sums) > 5 else []),  # noqa: PLR2004  the columns of errors
        *(_ratio(cells, images) for cells in sums[10:]),
    ]
    return dict(zip(NUMBERS, values, strict=False))


def _correlation(images: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Pearson's correlation from sums, NaN where one side does not vary."""
    x, y, xx, yy, xy = sums
    vary_x, vary_y = xx - _ratio(x * x, images), yy - _ratio(y * y, images)
    varies = (vary_x > _ROUNDING * xx) & (vary_y > _ROUNDING * yy)
    spread = np.sqrt(np.where(varies, vary_x * vary_y, np.nan))
    return np.asarray(np.clip((xy - _ratio(x * y, images)) / spread, -1, 1))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0))


def _counts(image: NDArray[np.int32], image_count: int) -> NDArray[np.int64]:
    return np.bincount(image, minlength=image_count).astype(np.int64)


def _place_in_image(image: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return int64 ``[N]``: how many rows before a row are of the same image."""
    order = np.argsort(image, kind="stable")
    ordered = image[order]
    first = np.searchsorted(ordered, ordered)
    place = np.empty(len(image), dtype=np.int64)
    place[order] = np.arange(len(image)) - first
    return place


def _cells(images: Images, image: NDArray[np.int32], box: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 ``[n]``: the cell of the finest grid that a box's centre lies in, −1 if the size is not known.

    A centre on the line between two cells is in the right or lower one; one beyond the picture's edge is in the
    nearest cell.
    """
    side = 2 ** GAME_LEVELS[-1]
    size = np.stack([images.width_px[image], images.height_px[image]], axis=1)
    share = _centres(box) / np.maximum(size, 1)
    column, row = (np.clip(share, 0, 1) * side).astype(np.int64).clip(0, side - 1).T
    return np.where((size > 0).all(axis=1), row * side + column, -1)


def _centres(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[n, 2]``; halves are added, because a sum of the largest numbers is infinite."""
    return box[:, :2] / 2 + box[:, 2:] / 2
