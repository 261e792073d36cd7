"""Ids and names that are there twice, and categories that nothing is in."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.check.context import listing
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detbench.data.check.context import Context
    from detbench.data.findings import Finding
    from detbench.data.tables import Key

__all__ = ["CHECKS"]


def ids_given_twice(context: Context) -> Iterator[Finding]:
    """Report ids that two images, annotations or categories of one split share; a reader may have said so already."""
    for split in context.splits:
        data = split.data
        for code, what, keys in (
            ("image-id-duplicate", "images", data.images.key),
            ("annotation-id-duplicate", "annotations", data.ground_truth.source_id),
            ("category-id-duplicate", "categories", data.categories.source_id),
        ):
            shared = _repeated(keys)
            if shared and code not in context.reported:
                yield split.split_finding(
                    code, f"{counted(len(shared), 'id')} shared by several {what}: {listing(shared)}"
                )


def _repeated(keys: Iterable[Key]) -> list[Key]:
    return [key for key, count in Counter(keys).items() if count > 1]


def names_given_twice(context: Context) -> Iterator[Finding]:
    """Report categories whose names are equal, or differ in case and spaces alone."""
    for split in context.splits:
        alike: dict[str, list[str]] = defaultdict(list)
        for name in split.data.categories.name:
            alike[" ".join(name.casefold().split())].append(name)
        for names in alike.values():
            if len(names) > 1 and "category-name-duplicate" not in context.reported:
                how = "is the name of" if len(set(names)) == 1 else "are, but for case and spaces, one name of"
                said = listing([repr(name) for name in dict.fromkeys(names)])
                yield split.split_finding("category-name-duplicate", f"{said} {how} {len(names)} categories")


def nothing_in_category(context: Context) -> Iterator[Finding]:
    """Report, in one line a split, the categories that have no box."""
    for split in context.splits:
        categories = split.data.categories
        used = np.bincount(split.data.ground_truth.category + 1, minlength=len(categories) + 1)[1:]
        names = [name for name, count in zip(categories.name, used, strict=True) if not count]
        if names and len(split.data.images):
            yield split.split_finding(
                "category-without-boxes",
                f"{len(names):,} of {counted(len(categories), 'category', 'categories')} "
                f"have no box: {listing(names, limit=8)}",
            )


CHECKS = (ids_given_twice, names_given_twice, nothing_in_category)
