"""The plan of a conversion: everything that is known before the first byte is written.

Shards are runs of images, cut so that their pictures have about equal bytes. The plan's fingerprint covers what was
read and the options; its state also the length and the time of change of every picture, so that a resumed conversion
finds out what changed meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import msgspec
import numpy as np

import detbench
from detbench.data.records.label_map import LabelMap
from detbench.data.records.options import DEFAULT_SHARD_BYTES
from detbench.data.records.selection import WHOLE, on_common_categories, select, without_unions
from detbench.data.records.tally import Tally
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.records.options import Options
    from detbench.data.tables import Dataset

__all__ = ["Plan", "Shard", "SplitPlan", "cut_points", "make_plan"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One file to be written: the images from row ``start`` up to ``stop`` of its split."""

    file_name: str
    split: SplitPlan
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """One split: what is converted of it, how much came in, each picture's bytes, and where the shards are cut."""

    name: str
    dataset: Dataset
    images_in: int
    boxes_in: int
    picture_bytes: NDArray[np.int64]
    cuts: tuple[int, ...]

    def shards(self) -> list[Shard]:
        """Return the files of this split, in order."""
        count = len(self.cuts) - 1
        names = (f"{self.name}-{i:05d}-of-{count:05d}.tfrecord" for i in range(count))
        runs = zip(names, self.cuts[:-1], self.cuts[1:], strict=True)
        return [Shard(name, self, start, stop) for name, start, stop in runs]


@dataclass(frozen=True, slots=True)
class Plan:
    """A conversion. ``tally`` counts what the options left out; ``fingerprint`` and ``state`` are SHA-256, in hex."""

    name: str
    options: Options
    label_map: LabelMap
    splits: tuple[SplitPlan, ...]
    tally: Tally
    fingerprint: str
    state: str

    def shards(self) -> list[Shard]:
        """Return all files, split by split."""
        return [shard for split in self.splits for shard in split.shards()]


def make_plan(datasets: Sequence[Dataset], options: Options) -> Plan:
    """Return the plan for some splits of a dataset.

    Raises
    ------
    DataError
        If a picture is missing (unless ``options.on_bad`` is ``"skip"``) or a split's name cannot be a file's.
    UsageError
        If the options name what is not there.
    """
    tally = Tally()
    taken = list(datasets) if options.splits else without_unions(datasets, tally)
    label_map_of = on_common_categories(taken)
    splits = []
    for dataset in label_map_of:
        name = _file_stem(dataset)
        chosen = select(dataset, options, tally)
        sizes, times = _sizes_and_times(chosen, options)
        cuts = cut_points(sizes, _shard_count(int(sizes.sum()), len(sizes), options))
        plan = SplitPlan(name, chosen, len(dataset.images), len(dataset.ground_truth), sizes, cuts)
        splits.append((plan, times))
    fingerprint = _fingerprint([split for split, _ in splits], options)
    state = hashlib.sha256(fingerprint.encode())
    for split, times in splits:
        state.update(split.picture_bytes.tobytes() + times.tobytes())
    plans = tuple(split for split, _ in splits)
    label_map = LabelMap.of(plans[0].dataset.categories)
    return Plan(datasets[0].name, options, label_map, plans, tally, fingerprint, state.hexdigest())


def _file_stem(dataset: Dataset) -> str:
    name = WHOLE if dataset.split is None else dataset.split
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise DataError(
            f"the split's name {name!r} cannot begin a file's name", file=dataset.source, remedy="rename it"
        )
    return name


def _sizes_and_times(dataset: Dataset, options: Options) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every picture's bytes and time of change; 0 where it is missing, or its time not known."""
    sizes = np.zeros(len(dataset.images), dtype=np.int64)
    times = np.zeros_like(sizes)
    for row in range(len(sizes)):
        try:
            path = dataset.pictures.path(row)
            if path is None:
                sizes[row] = dataset.pictures.size_bytes(row)
            else:
                status = path.stat()
                sizes[row], times[row] = status.st_size, status.st_mtime_ns
        except (DataError, OSError):
            if options.on_bad == "raise":
                dataset.pictures.size_bytes(row)  # raises, saying what is wrong
                raise
    return sizes, times


def _shard_count(total_bytes: int, images: int, options: Options) -> int:
    if options.shards is not None:
        wanted = options.shards
    else:
        wanted = -(-total_bytes // (options.shard_bytes or DEFAULT_SHARD_BYTES))
    return max(1, min(wanted, images))


def cut_points(sizes: NDArray[np.int64], shards: int) -> tuple[int, ...]:
    """Return ``shards + 1`` ascending rows that cut the images into runs of about equal bytes, none empty.

    A cut goes before the image whose middle is the first beyond its share of the bytes.

    >>> cut_points(np.array([10, 10, 10, 30]), 2)
    (0, 3, 4)
    """
    middles = np.cumsum(sizes) - sizes / 2
    shares = sizes.sum() * np.arange(1, shards) / shards
    cuts = [0, *np.searchsorted(middles, shares).tolist(), len(sizes)]
    for place in range(1, shards):
        least, most = cuts[place - 1] + 1, len(sizes) - (shards - place)
        cuts[place] = min(max(cuts[place], least), most)
    return tuple(cuts)


def _fingerprint(splits: Sequence[SplitPlan], options: Options) -> str:
    """Return the SHA-256 of the options and of the tables to be written."""
    digest = hashlib.sha256(detbench.__version__.encode() + msgspec.json.encode(options))
    for split in splits:
        table = split.dataset.images
        boxes = split.dataset.ground_truth
        texts = [split.name, table.key, table.file_name, split.dataset.categories, boxes.source_id, split.cuts]
        digest.update(repr(texts).encode("utf-8", "backslashreplace"))
        columns = [getattr(boxes, c.name) for c in fields(boxes) if c.name != "source_id"]
        for column in (table.width_px, table.height_px, *columns):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
