"""Reading predictions in any form, joined to the dataset they are of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.input import require_file_or_folder
from detbench.data.predictions import arrow_ipc, coco_results, csv_scores, voc_results, yolo_txt
from detbench.data.predictions.forms import FORMS, recognise_form
from detbench.data.predictions.join import MISSING, join_categories, join_images, known_categories
from detbench.data.predictions.loaded import LoadedPredictions
from detbench.data.tables import Predictions
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.predictions.join import Join, Unknown
    from detbench.data.predictions.raw import RawPredictions
    from detbench.data.tables import Dataset

__all__ = ["read_predictions", "read_raw"]


def read_predictions(
    path: Path | str,
    dataset: Dataset,
    *,
    format_name: str | None = None,
    unknown: Unknown = "error",
    join: Join = "id",
    class_agnostic: bool = False,
) -> LoadedPredictions:
    """Read predictions and join them to ``dataset``'s images and categories.

    Parameters
    ----------
    path
        A COCO results JSON, an Arrow file, a CSV, a folder of VOC result files, a folder of one txt a picture.
    dataset
        What they are predictions on.
    format_name
        One of :data:`~detbench.data.predictions.forms.FORMS`; None recognises it.
    unknown
        What becomes of a prediction on an image, or of a category, that the dataset lacks: ``"error"``, or
        ``"drop"``, counted in ``dropped``. If not one image or category is known it is an error all the same.
    join
        ``"id"`` goes by what the form names images by; ``"stem"`` by the stem of the pictures' names.
    class_agnostic
        Read proposals: a category may be unknown, or missing from COCO results and CSV, and is then −1.

    Raises
    ------
    DataError
        If a file cannot be read, a score or box is not finite, or something is unknown.
    UsageError
        If ``format_name``, ``unknown`` or ``join`` is none of theirs.
    """
    place = Path(path)
    for value, known, what in ((unknown, ("error", "drop"), "--unknown"), (join, ("id", "stem"), "--join")):
        if value not in known:
            raise UsageError(f"{what} takes {' or '.join(known)}, not {value!r}")
    require_file_or_folder(place)
    form = format_name or recognise_form(place, dataset.categories.name)
    raw = read_raw(place, form, dataset.categories.name, class_agnostic=class_agnostic)
    raw.check_finite()
    image = join_images(raw, dataset, join=join, unknown=unknown)
    if class_agnostic:
        category = known_categories(raw, dataset)
        kept = image != MISSING
    else:
        category = join_categories(raw, dataset, unknown=unknown)
        kept = (image != MISSING) & (category != MISSING)
    dropped = _dropped(image, kept)
    box = _in_pixels(raw, dataset, image) if raw.relative else raw.box
    score, size_px = raw.score, raw.size_px
    if dropped:
        image, category, box, score = image[kept], category[kept], box[kept], score[kept]
        size_px = None if size_px is None else size_px[kept]
    predictions = Predictions.grouped(image, category, box, score, size_px)
    return LoadedPredictions(predictions, str(path), dropped, form)


def read_raw(path: Path, form: str, category_names: Sequence[str], *, class_agnostic: bool = False) -> RawPredictions:
    """Read predictions as they stand, joined to nothing; see :func:`read_predictions`.

    ``category_names`` are the dataset's: in the names of VOC's files they tell where a category's begins. Raises
    DataError and UsageError.
    """
    if form == "coco":
        return coco_results.read(path, class_agnostic=class_agnostic)
    if form == "arrow":
        return arrow_ipc.read(path, class_agnostic=class_agnostic)
    if form == "csv":
        return csv_scores.read(path, class_agnostic=class_agnostic)
    if form == "voc":
        return voc_results.read(path, category_names)
    if form == "yolo":
        return yolo_txt.read_yolo(path)
    if form == "cartucho":
        return yolo_txt.read_cartucho(path)
    raise UsageError(f"there is no form of predictions {form!r}; the forms are {', '.join(FORMS)}")


def _dropped(image: NDArray[np.int32], kept: NDArray[np.bool_]) -> dict[str, int]:
    """Return how many rows are left out for which reason; an unknown image comes first."""
    no_image = image == MISSING
    no_category = ~kept & ~no_image
    counted = {"image unknown": int(no_image.sum()), "category unknown": int(no_category.sum())}
    return {reason: count for reason, count in counted.items() if count}


def _in_pixels(raw: RawPredictions, dataset: Dataset, image: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return boxes in fractions of their pictures as pixels. Raises DataError if a picture's size is not known."""
    size = np.stack([dataset.images.width_px, dataset.images.height_px], axis=1)[image].astype(np.float64)
    sizeless = (image != MISSING) & (size <= 0).any(axis=1)
    if sizeless.any():
        row = int(np.argmax(sizeless))
        file, record = raw.place(row)
        raise DataError(
            f"the size of image {dataset.images.key[image[row]]!r} is not known, and the boxes are fractions of it",
            file=file,
            record=record,
            remedy="put the dataset's pictures in their place, or write the predictions in pixels",
        )
    return raw.box * np.hstack([size, size])
