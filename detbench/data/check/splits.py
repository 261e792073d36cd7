"""Splits that are empty, and pictures that are in two of them, or twice in one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from detbench.data.check.context import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.data.check.context import Context, Split
    from detbench.data.findings import Finding
    from detbench.data.tables import Dataset

__all__ = ["CHECKS", "unions"]


def unions(datasets: Sequence[Dataset]) -> dict[str, tuple[str, ...]]:
    """Return the splits that are made of others (trainval of train and val), with what they are made of.

    A split is a union if its pictures are all those of the smaller splits within it, two or more of them, or if
    its name holds the smaller one's. That test is a part of train is no union but a leak.
    """
    members = {d.split: {d.pictures.where(row) for row in range(len(d.images))} for d in datasets if d.split}
    found: dict[str, tuple[str, ...]] = {}
    for name, whole in members.items():
        parts = [other for other, part in members.items() if part and part < whole]
        covered = len(parts) > 1 and set().union(*(members[part] for part in parts)) == whole
        named = [part for part in parts if part in name]
        if covered or named:
            found[name] = tuple(parts if covered else named)
    return found


def empty(context: Context) -> Iterator[Finding]:
    """Report splits without any image."""
    for split in context.splits:
        if not len(split.data.images):
            yield split.split_finding("split-empty", "has no images")


def _copies(context: Context) -> Iterator[list[tuple[Split, int]]]:
    """Yield the places of every picture that is there more than once, by content, or by path where not opened."""
    places: dict[bytes | str, list[tuple[Split, int]]] = defaultdict(list)
    for split in context.splits:
        for row in range(len(split.data.images)):
            path = split.data.pictures.path(row)
            content: bytes | str | None = split.looks[row].digest if split.looks else None
            identity = content or (str(path) if path else None)
            if identity is not None:
                places[identity].append((split, row))
    return (found for found in places.values() if len(found) > 1)


def in_two_splits(context: Context) -> Iterator[Finding]:
    """Report pictures that two splits share, by content."""
    for places in _copies(context):
        first_split, first_row = places[0]
        others = {split.data.split: (split, row) for split, row in reversed(places) if split is not first_split}
        for split, row in reversed(others.values()):
            here, there = first_split.data.pictures.where(first_row), split.data.pictures.where(row)
            where = "the same file" if here == there else f"the same picture as {there}"
            yield first_split.picture_finding(
                "picture-in-two-splits",
                first_row,
                f"in {first_split.record or 'here'} is {where} in {split.record}",
            )


def tested_on_training(context: Context) -> Iterator[Finding]:
    """Report, in one line each, unions to train on that hold a split to test on."""
    for union, parts in context.unions.items():
        for split in context.splits:
            part = split.data.split or ""
            if "train" in union and part in parts and part.startswith("test"):
                yield split.split_finding(
                    "picture-in-two-splits",
                    f"all {len(split.data.images):,} pictures of {part} are in {union} too: what was trained on "
                    f"{union} must not be tested on {part}",
                )


def twice_in_one_split(context: Context) -> Iterator[Finding]:
    """Report pictures that one split holds more than once, by content."""
    for places in _copies(context):
        by_split: dict[str | None, list[tuple[Split, int]]] = defaultdict(list)
        for split, row in places:
            by_split[split.data.split].append((split, row))
        for (split, first), *copies in by_split.values():
            if copies:
                where = [split.data.pictures.where(row) for _split, row in copies]
                yield split.picture_finding("picture-duplicate", first, f"is the same picture as {listing(where)}")


CHECKS = (empty, in_two_splits, tested_on_training, twice_in_one_split)
