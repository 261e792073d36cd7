"""The dataset that a report takes its pictures from: the very one that its results were measured on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.formats import format_of, read_dataset, splits_of
from detbench.errors import DataError
from detbench.evaluation.fingerprints import dataset_fingerprint

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.evaluation.document import DatasetFacts

__all__ = ["picture_data"]

#: So many digits of a fingerprint tell two apart in a sentence.
_BRIEF = 12


def picture_data(place: Path, measured: DatasetFacts) -> Dataset:
    """Return the dataset at ``place`` whose boxes are those that results were ``measured`` on.

    Read is the split of the results, or everything where there is no split of that name.

    Raises
    ------
    DataError
        If it cannot be read, or holds other images, categories or boxes.
    """
    format_name = format_of(place)
    split = measured.split if measured.split in splits_of(place, format_name=format_name) else None
    dataset = read_dataset(place, split=split, format_name=format_name)
    found = dataset_fingerprint(dataset)
    if found != measured.fingerprint:
        raise DataError(
            f"is not what was measured on: the fingerprint is {found[:_BRIEF]}, the results have "
            f"{measured.fingerprint[:_BRIEF]} ({measured.name}{f', {measured.split}' if measured.split else ''})",
            file=place,
            remedy="give --pictures the ground truth that detbench eval was given",
        )
    return dataset
