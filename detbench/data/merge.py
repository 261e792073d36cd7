"""Merging datasets into one: categories by name, images under names that are told apart."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from detbench.data.tables import Categories, Dataset, GroundTruth, Images, Key
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.tables import Pictures

__all__ = ["MergePlan", "merge", "plan_merge"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class MergePlan:
    """How datasets go together: the categories of all, and what stands before each one's image names.

    The prefixes are the datasets' names where two share an image's id or file name, else empty. A plan is made of
    whole datasets and holds for their splits, so that an image has one name in all of them.
    """

    categories: Categories
    prefixes: tuple[str, ...]


def plan_merge(datasets: Sequence[Dataset], *, categories: Literal["same", "union"] = "same") -> MergePlan:
    """Return how to merge ``datasets``.

    Raises
    ------
    DataError
        If ``categories`` is ``"same"`` and their names are not; if two datasets share an image's name and are
        called the same themselves.
    """
    if categories == "same":
        _check_same(datasets)
    return MergePlan(_united(datasets), _prefixes(datasets))


def _check_same(datasets: Sequence[Dataset]) -> None:
    """Raise DataError if a dataset's category names are not the first one's."""
    first = datasets[0]
    for other in datasets[1:]:
        ours, theirs = set(first.categories.name), set(other.categories.name)
        if ours == theirs:
            continue
        only = [
            f"{_shown(names)} only in {one.source}"
            for names, one in ((ours - theirs, first), (theirs - ours, other))
            if names
        ]
        raise DataError(
            f"the categories differ: {'; '.join(only)}",
            file=other.source,
            remedy="say --categories union to keep all of them, or rename them",
        )


def _shown(names: set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(map(repr, ordered[:_SHOWN])) + (", …" if len(ordered) > _SHOWN else "")


def _united(datasets: Sequence[Dataset]) -> Categories:
    """Return all names in the order of first sight; with their ids, if those agree, else numbered from 1."""
    names = tuple(dict.fromkeys(chain.from_iterable(dataset.categories.name for dataset in datasets)))
    ids: dict[str, set[Key]] = {name: set() for name in names}
    for dataset in datasets:
        for name, key in zip(dataset.categories.name, dataset.categories.source_id, strict=True):
            ids[name].add(key)
    single = [next(iter(keys)) for keys in ids.values() if len(keys) == 1]
    if len(single) == len(set(single)) == len(names):
        return Categories(names, tuple(single))
    return Categories.from_names(names)


def _prefixes(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    keys = [key for dataset in datasets for key in dataset.images.key]
    files = [name for dataset in datasets for name in dataset.images.file_name if name]
    if len(set(map(str, keys))) == len(keys) and len(set(files)) == len(files):
        return ("",) * len(datasets)
    names = [dataset.name for dataset in datasets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"two of the datasets share names of images, and both are called {twice!r}",
            file=datasets[names.index(twice)].source,
            remedy="rename one of the folders",
        )
    return tuple(f"{name}_" for name in names)


def merge(datasets: Sequence[Dataset], plan: MergePlan, *, name: str, split: str | None = None) -> Dataset:
    """Return the dataset of all images and boxes of ``datasets``, in their order.

    Annotation ids are kept if all have them and none is there twice. ``datasets`` are those that ``plan`` was made
    of, or the same split of each.
    """
    names = [_names(dataset, prefix) for dataset, prefix in zip(datasets, plan.prefixes, strict=True)]
    images = Images(
        tuple(chain.from_iterable(keys for keys, _ in names)),
        tuple(chain.from_iterable(files for _, files in names)),
        np.concatenate([dataset.images.width_px for dataset in datasets]),
        np.concatenate([dataset.images.height_px for dataset in datasets]),
    )
    counts = [len(dataset.images) for dataset in datasets]
    return Dataset(
        name=name,
        format=datasets[0].format,
        source=Path(datasets[0].source),
        split=split,
        categories=plan.categories,
        images=images,
        ground_truth=_boxes(datasets, counts, plan.categories),
        pictures=_MergedPictures(
            tuple(dataset.pictures for dataset in datasets),
            tuple((number, row) for number, count in enumerate(counts) for row in range(count)),
        ),
        annotation_files=tuple(one.annotation_of(row) for one in datasets for row in range(len(one.images))),
    )


def _names(dataset: Dataset, prefix: str) -> tuple[tuple[Key, ...], tuple[str, ...]]:
    """Return the images' keys and file names with ``prefix`` before their last part; keys as they are without one.

    The last part, because formats that keep all pictures in one folder leave the others out.
    """
    if not prefix:
        return dataset.images.key, dataset.images.file_name

    def prefixed(name: str) -> str:
        folder, slash, last = name.rpartition("/")
        return f"{folder}{slash}{prefix}{last}" if name else ""

    return tuple(prefixed(str(key)) for key in dataset.images.key), tuple(map(prefixed, dataset.images.file_name))


def _boxes(datasets: Sequence[Dataset], counts: Sequence[int], categories: Categories) -> GroundTruth:
    """Return all boxes, with the rows of the merged tables."""
    starts = list(accumulate(counts, initial=0))
    row_of = categories.row_of_name()
    columns: dict[str, list[NDArray[np.generic]]] = {}
    ids: list[Key] = []
    for dataset, start in zip(datasets, starts, strict=False):
        table = dataset.ground_truth
        new_row = np.array([*(row_of[name] for name in dataset.categories.name), -1], dtype=np.int32)
        changed = {"image": (table.image + start).astype(np.int32), "category": new_row[table.category]}
        for column in fields(table):
            if column.name != "source_id":
                columns.setdefault(column.name, []).append(changed.get(column.name, getattr(table, column.name)))
        ids.extend(table.source_id)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    keep_ids = len(set(ids)) == len(ids) == len(joined["image"])
    return GroundTruth(**joined, source_id=tuple(ids) if keep_ids else ())


@dataclass(frozen=True, slots=True)
class _MergedPictures:
    """The pictures of several datasets; ``rows`` says whose, and which of them."""

    parts: tuple[Pictures, ...]
    rows: tuple[tuple[int, int], ...]

    def where(self, row: int) -> str:
        """See :class:`detbench.data.tables.Pictures`."""
        part, own = self.rows[row]
        return self.parts[part].where(own)

    def path(self, row: int) -> Path | None:
        """See :class:`detbench.data.tables.Pictures`."""
        part, own = self.rows[row]
        return self.parts[part].path(own)

    def size_bytes(self, row: int) -> int:
        """See :class:`detbench.data.tables.Pictures`."""
        part, own = self.rows[row]
        return self.parts[part].size_bytes(own)

    def read(self, row: int) -> bytes:
        """See :class:`detbench.data.tables.Pictures`."""
        part, own = self.rows[row]
        return self.parts[part].read(own)
