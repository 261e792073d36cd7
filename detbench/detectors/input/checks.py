"""What has to be right with a dataset before anything is trained on it, said before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.errors import DataError
from detbench.words import brief, counted

if TYPE_CHECKING:
    from detbench.data.tables import Dataset

__all__ = ["check_boxes", "check_training_set"]


def check_boxes(dataset: Dataset, max_truths: int) -> None:
    """Raise DataError if the dataset has no image, or an image's boxes cannot go into a batch."""
    if not len(dataset.images):
        raise DataError("has no images", file=dataset.source, record=_split(dataset))
    truth = dataset.ground_truth
    wrong = ~np.isfinite(truth.box).all(axis=1)
    _refuse(dataset, wrong, "has a corner that is not a finite number")
    _refuse(dataset, (truth.box[:, :2] > truth.box[:, 2:]).any(axis=1), "ends before it begins")
    beyond = (truth.category < -1) | (truth.category >= len(dataset.categories))
    _refuse(dataset, beyond, f"has a category that is not among the {len(dataset.categories)} of the table")
    counts = np.bincount(truth.image, minlength=len(dataset.images))
    if counts.max(initial=0) > max_truths:
        row = int(counts.argmax())
        raise DataError(
            f"the image has {counted(int(counts[row]), 'box', 'boxes')}, the recipe allows {max_truths:,}",
            file=dataset.annotation_of(row),
            record=f"image {dataset.images.key[row]!r}",
            remedy=f"set input.max_truths = {counts[row]} or more",
        )


def check_training_set(dataset: Dataset, max_truths: int) -> None:
    """Raise DataError if the dataset cannot be trained on; the same as `check_boxes`, and there must be an object."""
    check_boxes(dataset, max_truths)
    names = dataset.categories.name
    if len(set(names)) < len(names):
        twice = max(names, key=names.count)
        raise DataError(
            f"has two categories of the name {brief(twice, 60)!r}, and a model tells them apart by their names",
            file=dataset.source,
            remedy="rename one, or join them",
        )
    truth = dataset.ground_truth
    aside = truth.crowd | truth.ignore | truth.difficult | (truth.category < 0)
    with_area = (truth.box[:, :2] < truth.box[:, 2:]).all(axis=1)
    if not (with_area & ~aside).any():
        raise DataError(
            f"there is nothing to learn: of {counted(len(truth), 'box', 'boxes')} none is of a category, "
            "with an area, and neither crowd, difficult nor ignored",
            file=dataset.source,
            record=_split(dataset),
            remedy="train on a split that is annotated",
        )


def _refuse(dataset: Dataset, wrong: Any, problem: str) -> None:
    """Raise DataError for the first box that is ``wrong``, bool ``[N]``."""
    if not wrong.any():
        return
    truth = dataset.ground_truth
    box = int(wrong.argmax())
    row = int(truth.image[box])
    first = int(truth.offsets(len(dataset.images))[row])
    corners = ", ".join(f"{value:g}" for value in truth.box[box].tolist())
    raise DataError(
        f"the box ({corners}) {problem}",
        file=dataset.annotation_of(row),
        record=f"image {dataset.images.key[row]!r}, box {box - first + 1}",
        remedy="`detbench check` lists all such boxes; convert drops or mends them",
    )


def _split(dataset: Dataset) -> str:
    return f"split {dataset.split!r}" if dataset.split else ""
