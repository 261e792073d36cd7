"""What each image's predictions took, in pycocotools' words: ``evalImgs`` and ``ious``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.boxes import pairwise_iou
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.coco.matched import Matched
    from detbench.coco.params import Params

__all__ = ["image_entries", "image_ious"]

_EVERY = slice(None)


def image_entries(matched: Matched, params: Params) -> list[dict[str, Any] | None]:
    """Return ``evalImgs``: an entry for each category, area range and image, in that order; None for no boxes."""
    task, columns = matched.task, matched.columns
    truth_id = _numeric([columns.truth_id[row] for row in task.truth_row])
    prediction_id = _numeric([columns.prediction_id[row] for row in task.row])
    categories = params.catIds if params.useCats else [-1]
    limits = len(params.areaRng), len(params.imgIds)
    entries: list[dict[str, Any] | None] = [None] * (len(categories) * limits[0] * limits[1])
    groups = list(_groups(matched, limits[1]))
    for area, limit in enumerate(params.areaRng):
        ignored = matched.ignored(area, _EVERY)
        taken, by, not_counted = _who(matched, area, truth_id, prediction_id)
        for category, image, truths, rows in groups:
            counted_first = truths.start + np.argsort(ignored[truths], kind="stable")
            entries[(category * limits[0] + area) * limits[1] + image] = {
                "image_id": params.imgIds[image],
                "category_id": categories[category],
                "aRng": limit,
                "maxDet": params.maxDets[-1],
                "dtIds": [columns.prediction_id[row] for row in task.row[rows]],
                "gtIds": [columns.truth_id[row] for row in task.truth_row[counted_first]],
                "dtMatches": taken[:, rows],
                "gtMatches": by[:, counted_first],
                "dtScores": task.score[rows].tolist(),
                "gtIgnore": ignored[counted_first].astype(np.int64),
                "dtIgnore": not_counted[:, rows],
            }
    return entries


def image_ious(matched: Matched, params: Params) -> dict[tuple[Any, Any], Any]:
    """Return ``ious``: (image, category) → IoU ``[D, G]`` of predictions and ground truth, or an empty list."""
    task = matched.task
    categories = params.catIds if params.useCats else [-1]
    ious: dict[tuple[Any, Any], Any] = {(image, category): [] for image in params.imgIds for category in categories}
    for category, image, truths, rows in _groups(matched, len(params.imgIds)):
        if truths.start < truths.stop and rows.start < rows.stop:
            ious[params.imgIds[image], categories[category]] = pairwise_iou(
                task.box[rows],
                task.truth_box[truths],
                area_a=np.prod(matched.columns.predictions.size_px[task.row[rows]], axis=1),
                area_b=task.truth_area[truths],
                crowd_b=task.truth_crowd[truths].astype(np.bool_),
            )
    return ious


def _groups(matched: Matched, image_count: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield category, image, and the rows of ground truth and predictions, of each pair that has any."""
    task = matched.task
    truth_key = task.truth_category.astype(np.int64) * image_count + task.truth_image
    key = task.category.astype(np.int64) * image_count + task.image
    keys = np.union1d(truth_key, key)
    bounds = [np.searchsorted(of, keys, side=side).tolist() for of in (truth_key, key) for side in ("left", "right")]
    for pair, *ends in zip(keys.tolist(), *bounds, strict=True):
        yield pair // image_count, pair % image_count, slice(*ends[:2]), slice(*ends[2:])


def _who(
    matched: Matched,
    area: int,
    truth_id: NDArray[np.float64],
    prediction_id: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return whom each prediction took ``[T, N]``, who took each ground truth ``[T, G]``, and what does not count."""
    taken, by = (np.zeros((matched.thresholds, len(ids))) for ids in (prediction_id, truth_id))
    for threshold in range(matched.thresholds):
        partner = matched.partner(area, threshold)
        hits = np.flatnonzero(partner >= 0)
        taken[threshold, hits] = truth_id[partner[hits]]
        by[threshold, partner[hits]] = prediction_id[hits]  # a crowd keeps the last that took it
    return taken, by, matched.not_counted(area, _EVERY)


def _numeric(ids: list[Any]) -> NDArray[np.float64]:
    try:
        return np.array(ids, np.float64)
    except (TypeError, ValueError):
        odd = next(key for key in ids if isinstance(key, str) or not np.isscalar(key))
        raise DataError(f"an annotation has the id {odd!r:.40}", remedy="evalImgs needs ids that are numbers") from None
