"""Looser ways to tell what a prediction's image or category is: to join by where that is asked for, and to guess at.

None of them is used unasked: an evaluation that joins the wrong images is worse than one that stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.data.predictions.names import base_name, picture_stem, rows_of, without_zeros
from detbench.data.predictions.raw import ImageNaming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.data.tables import Categories, Dataset, Images, Key

__all__ = ["about_categories", "about_images", "rows_by_position", "rows_by_stem"]


def rows_by_stem(keys: Sequence[Key], images: Images) -> dict[Key, tuple[int, ...]]:
    """Return each key → the rows whose picture's name has the same stem; several rows where it is ambiguous.

    Tried in turn: the stem with its folders, without them, and, where it is nothing but digits, without leading
    zeros (``139`` is ``000000000139.jpg``). An image without a file name goes by its key.
    """
    stems = [picture_stem(name) if name else str(key) for name, key in zip(images.file_name, images.key, strict=True)]
    bases = [base_name(stem) for stem in stems]
    tables = (rows_of(stems), rows_of(bases), rows_of([without_zeros(base) for base in bases]))
    found: dict[Key, tuple[int, ...]] = {}
    for key in keys:
        stem = picture_stem(str(key))
        base = base_name(stem)
        tried = zip(tables, (stem, base, without_zeros(base)), strict=True)
        found[key] = next((table[name] for table, name in tried if name in table), ())
    return found


def rows_by_position(dataset: Dataset) -> dict[Key, int]:
    """Return what YOLO calls a category, ``"0"`` to ``"79"``, → row.

    It is the id of a dataset that is YOLO itself; elsewhere the rank of the id where ids are numbers, so that 80
    categories of ids up to 90 are 0 to 79, and the row where they are not.
    """
    ids = dataset.categories.source_id
    if dataset.format == "yolo":
        return {str(key): row for row, key in enumerate(ids)}
    numbers = all(isinstance(key, int) for key in ids)
    order = sorted(range(len(ids)), key=lambda row: int(ids[row]) if numbers else row)
    return {str(rank): row for rank, row in enumerate(order)}


def about_images(keys: Sequence[Key], images: Images, naming: ImageNaming, join: str, matching: int) -> str:
    """Return the remedy of the nearest guess at why ``keys`` are not the dataset's, ``""`` if there is none.

    ``matching`` is how many of them are.
    """
    known = set(images.key)
    count = len(keys)
    if join != "stem":
        fits = sum(len(rows) == 1 for rows in rows_by_stem(keys, images).values())
        if fits > matching:
            return f"{fits:,} of {count:,} match as file stems: say --join stem"
    retyped = sum(_retyped(key) in known for key in keys)
    if naming is ImageNaming.ID and retyped:
        kind = "numbers" if isinstance(keys[0], str) else "strings"
        return f"{retyped:,} of {count:,} match as {kind}: write image_id as the ground truth does"
    numbers = [key for key in keys if isinstance(key, int)]
    for shift, counted in ((1, "0"), (-1, "1")):
        fits = sum(key + shift in known for key in numbers)
        if count > 1 and fits == count:
            return f"all of them match with {shift:+d}, as if counted from {counted}: write the ground truth's ids"
    return ""


def _retyped(key: Key) -> Key:
    """Return a number as a string, or a string of digits as a number."""
    if isinstance(key, int):
        return str(key)
    plain = without_zeros(key)
    return int(plain) if 0 < len(plain) < 20 else key  # noqa: PLR2004  no id has more digits than 64 bits


def about_categories(keys: Sequence[Key], categories: Categories) -> str:
    """Return the remedy of the nearest guess at why ``keys`` are not the dataset's, ``""`` if there is none."""
    folded = {name.strip().casefold() for name in categories.name}
    names = [key for key in keys if isinstance(key, str)]
    if names and all(name.strip().casefold() in folded for name in names):
        return "they differ in case or blanks only: write them as the ground truth does"
    known = set(categories.source_id)
    retyped = [key for key in keys if _retyped(key) in known]
    if retyped and not any(key in known for key in keys):
        kind = "numbers" if isinstance(retyped[0], str) else "strings"
        return f"{len(retyped):,} of {len(keys):,} match as {kind}: write category_id as the ground truth does"
    return _about_shifted([key for key in keys if isinstance(key, int)], categories)


def _about_shifted(numbers: Sequence[int], categories: Categories) -> str:
    """Return the remedy where ids are positions counted from 0 or 1, or all one off, ``""`` where they are not."""
    known = {key for key in categories.source_id if isinstance(key, int)}
    if not numbers or not known or known.issuperset(numbers):
        return ""
    count, last = len(categories), max(numbers)
    first = next(name for key, name in zip(categories.source_id, categories.name, strict=True) if key == min(known))
    remedy = f"write category_id as the ground truth does, {min(known)} for {first!r:.60}"
    if min(numbers) == 0 and last < count and 0 not in known:
        return f"0 to {last} look like positions among the {count} categories; {remedy}"
    if min(numbers) > 0 and last <= count < max(known):
        return (
            f"{min(numbers)} to {last} look like positions, counted from 1, among the {count} categories, whose ids "
            f"go up to {max(known)}; {remedy}"
        )
    if len(numbers) > 1 and all(number - 1 in known for number in numbers):
        return f"all of them match with -1, as if counted from 1; {remedy}"
    return ""
