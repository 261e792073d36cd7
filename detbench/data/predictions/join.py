"""Joining what a file of predictions calls its images and categories to a dataset's rows, and saying why it fails."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import numpy as np

from detbench.data.formats import splits_of
from detbench.data.predictions import guesses
from detbench.data.predictions.names import base_name, picture_stem, unique_rows
from detbench.data.predictions.raw import CategoryNaming, CodedKeys, ImageNaming
from detbench.errors import DataError, DetbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.predictions.raw import RawPredictions
    from detbench.data.tables import Categories, Dataset, Images, Key

__all__ = ["Join", "Unknown", "join_categories", "join_images", "known_categories"]

#: What to do with a prediction whose image or category the dataset lacks.
Unknown = Literal["error", "drop"]

#: What to go by: the image's id (or whatever the form names images by), or the stem of its file's name.
Join = Literal["id", "stem"]

#: The row of what is not there.
MISSING = -1

_SHOWN = 5


def join_images(raw: RawPredictions, dataset: Dataset, *, join: Join, unknown: Unknown) -> NDArray[np.int32]:
    """Return int32 ``[N]``: each prediction's image row, −1 where the dataset has no such image.

    Raises
    ------
    DataError
        If an image is unknown and ``unknown`` is ``"error"``; if none at all is known; if a stem fits two images.
    """
    names = CodedKeys.of(raw.image)
    row_of = _image_rows(names, dataset.images, raw, join)
    rows = names.spread(row_of, MISSING)
    lost = rows == MISSING
    if lost.any() and (unknown == "error" or lost.all()):
        raise _unknown_image(raw, dataset, {key: row_of[key] for key in names.used()}, lost, join)
    return rows


def join_categories(raw: RawPredictions, dataset: Dataset, *, unknown: Unknown) -> NDArray[np.int32]:
    """Return int32 ``[N]``: each prediction's category row, −1 where the dataset has no such category.

    Raises
    ------
    DataError
        If a category is unknown and ``unknown`` is ``"error"``; if none at all is known.
    """
    row_of = _category_rows(raw, dataset)
    names = CodedKeys.of(raw.category)
    rows = names.spread(row_of, MISSING)
    lost = rows == MISSING
    if lost.any() and (unknown == "error" or lost.all()):
        raise _unknown_category(raw, dataset.categories, {key: row_of[key] for key in names.used()}, lost)
    return rows


def known_categories(raw: RawPredictions, dataset: Dataset) -> NDArray[np.int32]:
    """Return int32 ``[N]``: each prediction's category row, −1 where the dataset has no such category."""
    return CodedKeys.of(raw.category).spread(_category_rows(raw, dataset), MISSING)


def _category_rows(raw: RawPredictions, dataset: Dataset) -> dict[Key, int]:
    """Return the row of each category that ``raw`` names."""
    tables = _category_tables(dataset, raw.category_naming)
    return {key: _first(key, tables) for key in CodedKeys.of(raw.category).value}


def _first(key: Key, tables: Sequence[dict[Key, int]]) -> int:
    return next((table[key] for table in tables if key in table), MISSING)


def _image_rows(names: CodedKeys, images: Images, raw: RawPredictions, join: Join) -> dict[Key, int]:
    """Return each distinct name's row, by the tables that the form and ``join`` call for."""
    distinct = names.value
    if join == "stem":
        rows = guesses.rows_by_stem(names.used(), images)
        return {key: _one(key, found, names, raw, images) for key, found in rows.items()}
    if raw.image_naming is ImageNaming.ID:
        table = images.row_of_key()
        return {key: table.get(key, MISSING) for key in distinct}
    tables: list[dict[Key, int]] = [
        {str(key): row for key, row in images.row_of_key().items()},
        unique_rows(images.file_name),
    ]
    if raw.image_naming is ImageNaming.STEM:
        stems = [picture_stem(name) for name in images.file_name]
        tables += [unique_rows(stems), unique_rows([base_name(stem) for stem in stems])]
    return {key: _first(key, tables) for key in distinct}


def _one(key: Key, rows: tuple[int, ...], names: CodedKeys, raw: RawPredictions, images: Images) -> int:
    """Return the one row that a stem fits. Raises DataError if there are several."""
    if len(rows) > 1:
        file, record = raw.place(names.first(key))
        both = " and ".join(repr(images.file_name[row] or images.key[row]) for row in rows[:2])
        raise DataError(
            f"{key!r} could be {both}", file=file, record=record, remedy="name images by their ids instead of stems"
        )
    return rows[0] if rows else MISSING


def _category_tables(dataset: Dataset, naming: CategoryNaming) -> list[dict[Key, int]]:
    """Return the tables to look a category up in, the first first."""
    categories = dataset.categories
    by_name: dict[Key, int] = {name: row for row, name in enumerate(categories.name)}
    by_id = categories.row_of_source_id()
    if naming is CategoryNaming.ID:
        return [by_id, by_name]
    if naming is CategoryNaming.NAME:
        return [by_name, {str(key): row for key, row in by_id.items()}]
    return [guesses.rows_by_position(dataset), by_name]


def _unknown_image(
    raw: RawPredictions, dataset: Dataset, row_of: dict[Key, int], lost: NDArray[np.bool_], join: Join
) -> DataError:
    """Return the error that says how many, which, how many do fit, and what would help."""
    strangers = [key for key, row in row_of.items() if row == MISSING]
    matching = len(row_of) - len(strangers)
    way = "file stem" if join == "stem" else raw.image_naming.value
    text = (
        f"{int(lost.sum()):,} of {len(raw):,} predictions are on {_count(len(strangers), 'image')} that the ground "
        f"truth lacks: {_shown(strangers)}; by {way} {matching:,} of {_count(len(row_of), 'image')} match"
    )
    remedy = guesses.about_images(list(row_of), dataset.images, raw.image_naming, join, matching)
    if not remedy:
        images = dataset.images
        by_name = raw.image_naming is not ImageNaming.ID and any(images.file_name)
        known = _shown(images.file_name if by_name else images.key)
        # Numbers are never in another split of a set whose ids are strings, nor the reverse: it is another set.
        alike = {type(key) for key in strangers} <= {type(key) for key in images.key}
        split = (_other_splits(dataset) if alike or by_name else "") or "check that both are of the same set and split"
        remedy = f"the ground truth's are {known}: {split}{_or_drop(lost)}"
    file, record = raw.place(int(np.argmax(lost)))
    return DataError(text, file=file, record=record, remedy=remedy)


def _other_splits(dataset: Dataset) -> str:
    """Return that the images may be in another split, ``""`` where there is none or all were read."""
    if dataset.split is None or not dataset.source.exists():
        return ""
    with suppress(DetbenchError):
        others = [n for n in splits_of(dataset.source, format_name=dataset.format) if n != dataset.split]
        if others:
            return (
                f"{_count(len(dataset.images), 'image')} of {dataset.split:.60} were read; the others may be in "
                f"another split: say --split with one of {_listed([f'{name:.60}' for name in others])}"
            )
    return ""


def _unknown_category(
    raw: RawPredictions, categories: Categories, row_of: dict[Key, int], lost: NDArray[np.bool_]
) -> DataError:
    """Return the error that says how many, which, and what the dataset's categories are."""
    strangers = [key for key, row in row_of.items() if row == MISSING]
    text = (
        f"{int(lost.sum()):,} of {len(raw):,} predictions are of {_count(len(strangers), 'category', 'categories')} "
        f"that the ground truth lacks: {_shown(strangers)}"
    )
    remedy = guesses.about_categories(list(row_of), categories)
    if not remedy:
        known = _listed(
            [f"{key!r:.60} {name!r:.60}" if key != name else f"{name!r:.60}" for key, name in _pairs(categories)]
        )
        remedy = f"the ground truth's are {known}: correct them{_or_drop(lost)}"
    file, record = raw.place(int(np.argmax(lost)))
    return DataError(text, file=file, record=record, remedy=remedy)


def _or_drop(lost: NDArray[np.bool_]) -> str:
    """Return the way out by dropping, which there is where something is left."""
    return "" if lost.all() else ", or say --unknown drop"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _pairs(categories: Categories) -> list[tuple[Key, str]]:
    return list(zip(categories.source_id, categories.name, strict=True))


def _shown(keys: Sequence[Key]) -> str:
    """Return the first few keys as they stand, quoted if they are strings."""
    return _listed([f"{key!r:.60}" for key in keys[: _SHOWN + 1]])


def _listed(texts: Sequence[str]) -> str:
    first = ", ".join(texts[:_SHOWN])
    return f"{first}, …" if len(texts) > _SHOWN else first or "none"
