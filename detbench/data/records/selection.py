"""Which splits, images and boxes a conversion takes, and in which order."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import Categories, GroundTruth
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.records.options import Options
    from detbench.data.records.tally import Tally
    from detbench.data.tables import Dataset, Key

__all__ = ["on_common_categories", "select", "without_unions"]

#: What a dataset without splits is called in the names of its shards.
WHOLE = "all"


def without_unions(datasets: Sequence[Dataset], tally: Tally) -> list[Dataset]:
    """Return the splits without those that only hold others' images again (VOC's trainval).

    An image is the same one if it has the same id and the same picture file: two splits of COCO may both count from 1.
    """
    images = [_identities(dataset) for dataset in datasets]
    kept = []
    for dataset, own in zip(datasets, images, strict=True):
        parts = [i for i, other in enumerate(images) if other and other < own]
        if parts and set().union(*(images[i] for i in parts)) == own:
            names = " and ".join(str(datasets[i].split) for i in parts)
            detail = f"its {len(own)} images are those of {names}; --split {dataset.split} takes it"
            count = len(dataset.ground_truth)
            tally.note("split-is-a-union", f"split {dataset.split}", detail, images=len(dataset.images), boxes=count)
        else:
            kept.append(dataset)
    return kept


def _identities(dataset: Dataset) -> set[tuple[Key, str]]:
    paths = (dataset.pictures.path(row) for row in range(len(dataset.images)))
    names = (path or name for path, name in zip(paths, dataset.images.file_name, strict=True))
    return {(key, str(name)) for key, name in zip(dataset.images.key, names, strict=True)}


def on_common_categories(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return the splits on one table of categories, joined by name in order of first appearance.

    A format that finds its categories in the boxes may find others in each split. Source ids are kept where the
    splits agree on them; otherwise the categories are numbered from 1.
    """
    first = datasets[0].categories
    if all(dataset.categories == first for dataset in datasets):
        return list(datasets)
    ids: dict[str, set[Key]] = {}
    for dataset in datasets:
        for name, key in zip(dataset.categories.name, dataset.categories.source_id, strict=True):
            ids.setdefault(name, set()).add(key)
    single = [next(iter(keys)) for keys in ids.values() if len(keys) == 1]
    agreed = len(single) == len(ids) == len(set(single))
    common = Categories(tuple(ids), tuple(single)) if agreed else Categories.from_names(ids)
    return [_on_categories(dataset, common) for dataset in datasets]


def _on_categories(dataset: Dataset, common: Categories) -> Dataset:
    row_of = common.row_of_name()
    rows = np.array([*(row_of[name] for name in dataset.categories.name), -1], dtype=np.int32)
    boxes = _with(dataset.ground_truth, category=rows[dataset.ground_truth.category])
    return replace(dataset, categories=common, ground_truth=boxes)


def _with(boxes: GroundTruth, **columns: NDArray[np.int32]) -> GroundTruth:
    return GroundTruth(**{column.name: getattr(boxes, column.name) for column in fields(boxes)} | columns)


def select(dataset: Dataset, options: Options, tally: Tally) -> Dataset:
    """Return the images and boxes of one split that the options ask for, in the order they ask for.

    First the categories, then the order, then the images without a kept box, then ``per_category``, then ``limit``:
    with a shuffle, the last two draw at random.

    Raises
    ------
    UsageError
        If ``only_categories`` names a category that the dataset does not have.
    """
    chosen = _only_categories(dataset, options.only_categories, tally)
    rows = _ordered(chosen, options.shuffle)
    if options.only_images:
        full = set(chosen.ground_truth.image[chosen.ground_truth.category >= 0].tolist())
        rows = _keep(chosen, rows, [row in full for row in rows], "image-without-kept-boxes", tally)
    if options.per_category is not None:
        within = _within_quota(chosen, rows, options.per_category)
        rows = _keep(chosen, rows, within, "image-over-per-category", tally)
    if options.limit is not None:
        within = [place < options.limit for place in range(len(rows))]
        rows = _keep(chosen, rows, within, "image-over-limit", tally)
    return chosen if rows == list(range(len(chosen.images))) else chosen.take_images(rows)


def _only_categories(dataset: Dataset, names: tuple[str, ...], tally: Tally) -> Dataset:
    """Return the dataset of some categories, numbered anew unless the source's ids are kept; regions stay."""
    if not names:
        return dataset
    row_of = dataset.categories.row_of_name()
    unknown = [name for name in names if name not in row_of]
    if unknown:
        raise UsageError(
            f"there is no category {unknown[0]!r}; the categories are {', '.join(map(str, dataset.categories.name))}"
        )
    kept_rows = sorted({row_of[name] for name in names})
    new_row = np.full(len(dataset.categories) + 1, -2, dtype=np.int32)
    new_row[kept_rows] = np.arange(len(kept_rows))
    new_row[-1] = -1
    category = new_row[dataset.ground_truth.category]
    dropped = Counter(dataset.ground_truth.category[category == -2].tolist())  # noqa: PLR2004  the mark just made
    for row in sorted(dropped):
        name = dataset.categories.name[row]
        tally.note(
            "category-not-kept", f"{_split(dataset)}, category {name}", f"{dropped[row]} boxes", boxes=dropped[row]
        )
    kept = category != -2  # noqa: PLR2004
    boxes = _with(dataset.ground_truth.take(kept), category=category[kept])
    table = Categories(
        tuple(dataset.categories.name[row] for row in kept_rows),
        tuple(dataset.categories.source_id[row] for row in kept_rows),
    )
    return replace(dataset, categories=table, ground_truth=boxes)


def _split(dataset: Dataset) -> str:
    return f"split {dataset.split or WHOLE}"


def _ordered(dataset: Dataset, seed: int | None) -> list[int]:
    """Return the images' rows as they are, or in the order of a hash of seed, split and id.

    The hash, not a library's generator, so that a seed means the same order in every version of everything.
    """
    rows = list(range(len(dataset.images)))
    if seed is None:
        return rows
    prefix = f"{seed}\n{dataset.split or WHOLE}\n"
    digests = [
        hashlib.sha256(f"{prefix}{type(key).__name__}\n{key}".encode("utf-8", "surrogatepass")).digest()
        for key in dataset.images.key
    ]
    return sorted(rows, key=digests.__getitem__)


def _within_quota(dataset: Dataset, rows: list[int], quota: int) -> list[bool]:
    """Return for each image whether it is among the first ``quota`` of each of its categories.

    An image without boxes counts as one of a category of its own.
    """
    offsets = dataset.ground_truth.offsets(len(dataset.images))
    taken: Counter[int] = Counter()
    within = []
    for row in rows:
        categories = set(dataset.ground_truth.category[offsets[row] : offsets[row + 1]].tolist()) - {-1} or {-1}
        fits = all(taken[category] < quota for category in categories)
        taken.update(categories if fits else ())
        within.append(fits)
    return within


def _keep(dataset: Dataset, rows: list[int], keep: list[bool], reason: str, tally: Tally) -> list[int]:
    offsets = dataset.ground_truth.offsets(len(dataset.images))
    for row, stays in zip(rows, keep, strict=True):
        if not stays:
            count = int(offsets[row + 1] - offsets[row])
            tally.note(reason, f"{_split(dataset)}, image {dataset.images.key[row]}", images=1, boxes=count)
    return [row for row, stays in zip(rows, keep, strict=True) if stays]
