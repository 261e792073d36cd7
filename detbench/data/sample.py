"""Drawing some images of a dataset: a number of them, or enough for every category. Seeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError
from detbench.words import counted

if TYPE_CHECKING:
    from detbench.data.tables import Dataset

__all__ = ["sample_images", "sample_per_category"]


def sample_images(dataset: Dataset, count: int, *, seed: int = 0) -> Dataset:
    """Return the dataset of ``count`` images drawn at random, in the source's order.

    Raises
    ------
    DataError
        If there are fewer.
    """
    there = len(dataset.images)
    if count > there:
        raise DataError(
            f"has {counted(there, 'image')}, fewer than {count:,}", file=dataset.source, remedy="ask for fewer"
        )
    chosen = np.random.default_rng(seed).permutation(there)[:count]
    return dataset.take_images(np.sort(chosen))


def sample_per_category(dataset: Dataset, count: int, *, seed: int = 0) -> Dataset:
    """Return the dataset of images drawn until every category is on ``count`` of them, or on all that it is on.

    Images are looked at in random order, and one is taken if it shows a category that still lacks images; a common
    category may so come to more than ``count``. Boxes to be ignored show nothing.
    """
    table = dataset.ground_truth
    shown = (table.category >= 0) & ~table.ignore & ~table.crowd
    pairs = np.unique(np.stack([table.image[shown], table.category[shown]], axis=1), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(dataset.images) + 1))
    lacking = np.minimum(np.bincount(pairs[:, 1], minlength=len(dataset.categories)), count)
    chosen = []
    for row in np.random.default_rng(seed).permutation(len(dataset.images)):
        categories = pairs[starts[row] : starts[row + 1], 1]
        if (lacking[categories] > 0).any():
            chosen.append(int(row))
            lacking[categories] -= 1
    return dataset.take_images(sorted(chosen))
