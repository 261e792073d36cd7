"""Splitting a dataset into parts, by sequence or at random: seeded, and the same on every machine.

Frames of one sequence are near-duplicates, so a split through the middle of a sequence scores a detector on what it
was trained on. A sequence is told by the picture's name: all names that differ only in their last run of digits are
one (``20161029_NTU_00012`` and ``20161029_NTU_00013``, ``M0101/img000001``, ``665_Rainy`` and ``666_Rainy``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from detbench.data.formats.scanning import stem_of
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError, UsageError
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset

__all__ = ["Part", "count_sequences", "parse_fractions", "sequence_of", "split_dataset"]

_LAST_DIGITS = re.compile(r"\d+(?=\D*$)")
_SPLIT_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")

#: How many random assignments of sequences are tried, and how many steps all of them may take together.
_TRIES = 200
_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the dataset of its images, in the source's order, and how many sequences they are of."""

    dataset: Dataset
    sequences: int


def sequence_of(name: str) -> str:
    """Return the sequence of a picture's name: the name without ending, its last run of digits replaced by ``#``.

    Examples
    --------
    >>> sequence_of("20161029_NTU_00012.png"), sequence_of("665_Rainy"), sequence_of("cover")
    ('20161029_NTU_#', '#_Rainy', 'cover')
    """
    return _LAST_DIGITS.sub("#", stem_of(name.replace("\\", "/"), PICTURE_SUFFIXES), count=1)


def parse_fractions(text: str) -> dict[str, float]:
    """Return ``train=0.8,val=0.2`` as a table. Raises UsageError if it is none, or does not add up to 1."""
    fractions: dict[str, float] = {}
    for item in text.split(","):
        name, equals, number = item.strip().partition("=")
        try:
            fraction = float(number)
        except ValueError:
            fraction = math.nan
        if not equals or not _SPLIT_NAME.fullmatch(name) or name in fractions or not 0 < fraction <= 1:
            raise UsageError(f"{item.strip()!r} is no part of a split: write --fractions train=0.8,val=0.2")
        fractions[name] = fraction
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-6):
        raise UsageError(f"the fractions {text} add up to {sum(fractions.values()):g}, not to 1")
    return fractions


def split_dataset(
    dataset: Dataset,
    fractions: Mapping[str, float],
    *,
    by: Literal["sequence", "random"] = "sequence",
    seed: int = 0,
) -> dict[str, Part]:
    """Split the images of ``dataset`` into named parts.

    ``by="sequence"`` keeps a sequence in one part and spreads images and boxes alike, as near to the fractions as
    whole sequences allow; ``by="random"`` draws images, to the nearest whole number. No part is left empty.

    Raises
    ------
    DataError
        If there are fewer sequences (or images) than parts.
    """
    sequences = _sequences(dataset)
    ids = {sequence: number for number, sequence in enumerate(dict.fromkeys(sequences))}
    group = np.array([ids[sequence] for sequence in sequences], dtype=np.intp)
    count = len(ids) if by == "sequence" else len(sequences)
    if count < len(fractions):
        what = counted(count, "sequence" if by == "sequence" else "image")
        remedy = "say --by random, if its images are not frames of one film" if by == "sequence" else ""
        raise DataError(f"has {what}, fewer than the {len(fractions)} parts", file=dataset.source, remedy=remedy)
    rng = np.random.default_rng(seed)
    if by == "sequence":
        part = _part_of_group(_weights(dataset, group, count), list(fractions.values()), rng)[group]
    else:
        part = _part_of_image(count, list(fractions.values()), rng)
    rows = {name: np.flatnonzero(part == number) for number, name in enumerate(fractions)}
    return {
        name: Part(replace(dataset.take_images(chosen), split=name), len(np.unique(group[chosen])))
        for name, chosen in rows.items()
    }


def count_sequences(dataset: Dataset) -> int:
    """Return how many sequences the images of ``dataset`` are of, told by their names."""
    return len(set(_sequences(dataset)))


def _sequences(dataset: Dataset) -> list[str]:
    """Return the sequence of each image."""
    images = dataset.images
    return [sequence_of(name or str(key)) for name, key in zip(images.file_name, images.key, strict=True)]


def _weights(dataset: Dataset, group: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return each group's shares of the images and of the boxes; float64 ``[count, 2]``, each column summing to 1."""
    images = np.bincount(group, minlength=count) / len(group)
    boxes = np.bincount(group[dataset.ground_truth.image], minlength=count)
    return np.stack([images, boxes / boxes.sum() if boxes.any() else images], axis=1)


def _part_of_group(
    weights: NDArray[np.float64], fractions: Sequence[float], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return each group's part: of some random assignments the one whose shares are nearest to the fractions."""
    tries = max(1, min(_TRIES, _STEPS // len(weights)))
    candidates = [_assign(weights, fractions, rng) for _ in range(tries)]

    def distance(part: NDArray[np.intp]) -> float:
        shares = [np.bincount(part, column, minlength=len(fractions)) for column in weights.T]
        return float(np.abs(np.stack(shares) - np.array(fractions)).sum())

    return min(candidates, key=distance)


def _assign(weights: NDArray[np.float64], fractions: Sequence[float], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return each group's part: groups in random order, each to the part that lacks most; no part stays empty."""
    lacking = np.array(fractions, dtype=np.float64)
    empty = np.ones(len(fractions), dtype=np.bool_)
    part = np.zeros(len(weights), dtype=np.intp)
    mean = weights.mean(axis=1)
    for done, group in enumerate(rng.permutation(len(weights))):
        must_fill = len(weights) - done <= np.count_nonzero(empty)
        chosen = int(np.argmax(np.where(empty, lacking, -np.inf) if must_fill else lacking))
        part[group] = chosen
        lacking[chosen] -= mean[group]
        empty[chosen] = False
    return part


def _part_of_image(count: int, fractions: Sequence[float], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return each image's part: whole numbers nearest to the fractions, at least 1 each."""
    exact = np.array(fractions) * count
    sizes = np.maximum(np.floor(exact).astype(np.intp), 1)
    while sizes.sum() != count:
        step = 1 if sizes.sum() < count else -1
        able = np.where((sizes + step) >= 1, (exact - sizes) * step, -np.inf)
        sizes[int(np.argmax(able))] += step
    part = np.empty(count, dtype=np.intp)
    part[rng.permutation(count)] = np.repeat(np.arange(len(sizes)), sizes)
    return part
