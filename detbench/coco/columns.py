"""From lists of annotations to detbench's tables: only what the settings ask for, in pycocotools' order."""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.pictures import FolderPictures
from detbench.data.tables import UNKNOWN_LEVEL, Categories, Dataset, GroundTruth, Images, Predictions
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.coco.params import Params

__all__ = ["Columns", "columns_of"]

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Both sides of an evaluation.

    Attributes
    ----------
    dataset, predictions
        Images are rows of ``params.imgIds``, categories rows of ``params.catIds`` (one row if categories do not
        count).
    truth_id, prediction_id
        The annotations' ids, in the order of the tables.
    area
        float64 ``[N]``: the predictions' own areas, which need not be those of their boxes (a mask's).
    """

    dataset: Dataset
    predictions: Predictions
    truth_id: tuple[Any, ...]
    prediction_id: tuple[Any, ...]
    area: NDArray[np.float64]


def columns_of(ground_truth: Any, predictions: Any, params: Params) -> Columns:
    """Return the tables of two COCO objects, anything with a ``dataset``.

    Raises
    ------
    DataError
        If a record lacks a field that the evaluation needs, a number is not finite, or a prediction's id is not
        above 0 (pycocotools takes ground truth that 0 has found for free).
    """
    images = np.unique(params.imgIds).tolist()
    truths = _selected(ground_truth, params, images)
    found = _selected(predictions, params, images)
    _look_at_ids(truths, found)
    image_row = {key: row for row, key in enumerate(images)}
    category_row = _category_rows(params)
    truth_image, truth_order = _image_order(truths, image_row)
    image, order = _image_order(found, image_row)
    truths, found = [truths[row] for row in truth_order], [found[row] for row in order]
    box, size_px = _boxes(found, "prediction")
    score = _numbers(found, "score", "prediction")
    table = Predictions(image[order], _categories(found, category_row), box, score, size_px)
    area = np.where(np.isnan(own := _areas(found)), size_px[:, 0] * size_px[:, 1], own)
    truth = _truth_table(truths, truth_image[truth_order], category_row)
    return Columns(
        dataset=_dataset(images, list(category_row) or [-1], truth),
        predictions=table,
        truth_id=tuple(record["id"] for record in truths),
        prediction_id=tuple(record["id"] for record in found),
        area=area,
    )


def _look_at_ids(truths: list[Record], found: list[Record]) -> None:
    """Warn of the id 0 in ground truth. Raises DataError at a prediction whose id is not above 0."""
    if any(record["id"] == 0 for record in truths):
        warnings.warn(
            "an annotation has the id 0: as in pycocotools, finding it counts as a mistake; detbench.evaluate counts "
            "it as found",
            RuntimeWarning,
            stacklevel=4,
        )
    odd = next((record["id"] for record in found if isinstance(record["id"], int) and record["id"] <= 0), None)
    if odd is not None:
        raise DataError(f"a prediction has the id {odd}", remedy="number predictions from 1, as COCO.loadRes does")


def _selected(source: Any, params: Params, images: Sequence[Any]) -> list[Record]:
    """Return the annotations on the images, of the categories, that are to be evaluated.

    Without categories they go by category first, in the order of ``catIds``: the order breaks ties.
    """
    annotations: list[Record] = getattr(source, "dataset", {}).get("annotations", [])
    wanted_images, wanted = set(images), [_plain(key) for key in params.catIds]
    wanted_categories = set(wanted)
    try:
        by_id = {record["id"]: record for record in annotations}
        kept = [r for r in annotations if r["image_id"] in wanted_images and r["category_id"] in wanted_categories]
    except KeyError as error:
        field = error.args[0]
        number = next(number for number, record in enumerate(annotations) if field not in record)
        raise DataError(f"has no {field}", record=f"annotations[{number}]") from None
    if len(by_id) < len(annotations):
        last = _last_of_each_id(kept, by_id, images)
        kept = [r for r in last if r["image_id"] in wanted_images and r["category_id"] in wanted_categories]
    if params.useCats:
        return kept
    of_category: defaultdict[Any, list[Record]] = defaultdict(list)
    for record in kept:
        of_category[record["category_id"]].append(record)
    return [record for key in wanted for record in of_category[key]]


def _last_of_each_id(kept: list[Record], by_id: dict[Any, Record], images: Sequence[Any]) -> list[Record]:
    """Return what pycocotools evaluates where ids are given twice: each time the last annotation of that id."""
    warnings.warn(
        "annotation ids are given twice: as in pycocotools, the last annotation of an id stands for all of them",
        RuntimeWarning,
        stacklevel=5,
    )
    place = {key: row for row, key in enumerate(images)}
    return [by_id[record["id"]] for record in sorted(kept, key=lambda record: place[record["image_id"]])]


def _plain(key: Any) -> Any:
    """Return a NumPy scalar as Python's own: it is hashed faster."""
    return key.item() if isinstance(key, np.generic) else key


def _category_rows(params: Params) -> dict[Any, int]:
    keys = dict.fromkeys(_plain(key) for key in params.catIds)
    return {key: row if params.useCats else 0 for row, key in enumerate(keys)}


def _image_order(records: list[Record], image_row: dict[Any, int]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    image = np.fromiter((image_row[record["image_id"]] for record in records), np.int32, len(records))
    return image, np.argsort(image, kind="stable")


def _categories(records: list[Record], category_row: dict[Any, int]) -> NDArray[np.int32]:
    return np.fromiter((category_row[record["category_id"]] for record in records), np.int32, len(records))


def _boxes(records: list[Record], kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return corners float64 ``[N, 4]`` and sizes ``[N, 2]``. Raises DataError where a bbox is not four numbers."""
    try:
        sides = np.fromiter(chain.from_iterable(record["bbox"] for record in records), np.float64)
        box = sides.reshape(len(records), 4)
    except (KeyError, TypeError, ValueError):
        raise _unfit(records, kind, "bbox", 4) from None
    if not np.isfinite(box).all():
        raise _unfit(records, kind, "bbox", 4)
    size_px = box[:, 2:].copy()
    box[:, 2:] += box[:, :2]
    return box, size_px


def _numbers(records: list[Record], field: str, kind: str) -> NDArray[np.float64]:
    try:
        column = np.fromiter((record[field] for record in records), np.float64, len(records))
    except (KeyError, TypeError, ValueError):
        raise _unfit(records, kind, field, 1) from None
    if not np.isfinite(column).all():
        raise _unfit(records, kind, field, 1)
    return column


def _unfit(records: list[Record], kind: str, field: str, count: int) -> DataError:
    """Return the error that names the first record whose ``field`` is not ``count`` finite numbers."""
    for record in records:
        value: Any = record.get(field)
        try:
            fits = np.isfinite(np.asarray(value, np.float64)).all() and np.size(value) == count
        except (TypeError, ValueError):
            fits = False
        if not fits:
            what = f"its {field} is {value!r:.60}, not {'four finite numbers' if count > 1 else 'a finite number'}"
            return DataError(what, record=f"{kind} {record.get('id')!r:.40}", remedy="correct it, or leave it out")
    return DataError(f"a {field} is not as it should be", record=kind)


def _areas(records: list[Record]) -> NDArray[np.float64]:
    """Return float64 ``[N]``: the records' own areas, NaN where they have none."""
    given = (record.get("area") for record in records)
    return np.fromiter((np.nan if area is None else area for area in given), np.float64, len(records))


def _truth_table(records: list[Record], image: NDArray[np.int32], category_row: dict[Any, int]) -> GroundTruth:
    box, size_px = _boxes(records, "annotation")
    count = len(records)
    no, unknown = np.zeros(count, np.bool_), np.full(count, UNKNOWN_LEVEL, np.int8)
    return GroundTruth(
        image=image,
        category=_categories(records, category_row),
        box=box,
        area_px=_areas(records),
        crowd=np.fromiter((bool(record.get("iscrowd")) for record in records), np.bool_, count),
        ignore=no,
        difficult=no,
        truncated=unknown,
        occluded=unknown,
        source_id=tuple(record["id"] for record in records),
        size_px=size_px,
    )


def _dataset(images: list[Any], categories: list[Any], truth: GroundTruth) -> Dataset:
    count = len(images)
    nothing = np.zeros(count, np.int32)
    return Dataset(
        name="COCOeval",
        format="coco",
        source=Path(),
        split=None,
        categories=Categories(tuple(map(str, categories)), tuple(categories)),
        images=Images(tuple(images), ("",) * count, nothing, nothing),
        ground_truth=truth,
        pictures=FolderPictures((None,) * count, tuple(map(str, images))),
    )
