"""What pictures come from: a dataset in any format, a folder of pictures, one picture, a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

import numpy as np

from detbench.data.formats import read_dataset, recognise
from detbench.data.input import require_file_or_folder
from detbench.data.pictures import PICTURE_SUFFIXES, FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.detectors.adapters.contract import Picture, whole
from detbench.detectors.predict.decoding import decoded
from detbench.errors import DataError, UsageError
from detbench.files import require_utf8_name
from detbench.timing.clock import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detbench.data.tables import Key, Pictures

__all__ = ["VIDEO_SUFFIXES", "DatasetSource", "Frame", "PictureSource", "Source", "open_source"]

#: File name endings that are taken for videos, lower case.
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".ogv"})


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture, decoded: its id, its name, what to call it in a message, and how long decoding took."""

    key: Key
    file_name: str
    where: str
    picture: Picture
    decode_ms: float


class Source(Protocol):
    """Where pictures come from. They come in one order, as often as they are asked for."""

    @property
    def kind(self) -> str:
        """``dataset``, ``pictures`` or ``video``."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def count(self) -> int:
        """How many pictures there are; of a video, how many its header says, 0 where it does not."""

    @property
    def dataset(self) -> Dataset | None:
        """The dataset that it is, None where there are pictures only."""

    def frames(self, reduction: Callable[[int, int], int] = whole) -> Iterator[Frame]:
        """Yield the pictures, decoded: JPEGs at the part of their size that ``reduction`` gives.

        Raises DataError, naming the picture, if one does not decode.
        """

    def as_dataset(self, frames: Sequence[tuple[Key, str, int, int]], categories: Categories) -> Dataset:
        """Return a dataset of the frames that were seen (id, name, width, height); of a dataset, itself."""


@dataclass(frozen=True, slots=True, eq=False)
class DatasetSource:
    """The pictures of a dataset."""

    dataset: Dataset
    kind: str = "dataset"

    @property
    def name(self) -> str:
        """See :class:`Source`."""
        return self.dataset.name

    @property
    def count(self) -> int:
        """See :class:`Source`."""
        return len(self.dataset.images)

    def frames(self, reduction: Callable[[int, int], int] = whole) -> Iterator[Frame]:
        """See :class:`Source`. Reading a file's bytes is not counted as decoding."""
        images = self.dataset.images
        return _frames(self.dataset.pictures, images.key, images.file_name, reduction)

    def as_dataset(self, frames: Sequence[tuple[Key, str, int, int]], categories: Categories) -> Dataset:
        """See :class:`Source`."""
        del frames, categories
        return self.dataset


@dataclass(frozen=True, slots=True, eq=False)
class PictureSource:
    """Pictures without annotations; their names are their ids."""

    name: str
    place: Path
    pictures: FolderPictures
    kind: str = "pictures"
    dataset: Dataset | None = None

    @property
    def count(self) -> int:
        """See :class:`Source`."""
        return len(self.pictures.names)

    def frames(self, reduction: Callable[[int, int], int] = whole) -> Iterator[Frame]:
        """See :class:`Source`."""
        return _frames(self.pictures, self.pictures.names, self.pictures.names, reduction)

    def as_dataset(self, frames: Sequence[tuple[Key, str, int, int]], categories: Categories) -> Dataset:
        """See :class:`Source`."""
        return bare_dataset(self.name, self.kind, self.place, frames, categories, self.pictures)


def bare_dataset(
    name: str,
    kind: str,
    place: Path,
    frames: Sequence[tuple[Key, str, int, int]],
    categories: Categories,
    pictures: Pictures,
) -> Dataset:
    """Return a dataset of pictures without annotations."""
    size = np.array([frame[2:] for frame in frames], dtype=np.int32).reshape(-1, 2)
    keys, names = tuple(frame[0] for frame in frames), tuple(frame[1] for frame in frames)
    images = Images(keys, names, size[:, 0].copy(), size[:, 1].copy())
    return Dataset(name, kind, place, None, categories, images, GroundTruthBuilder().build(), pictures)


def _frames(
    pictures: Pictures, keys: Sequence[Key], names: Sequence[str], reduction: Callable[[int, int], int]
) -> Iterator[Frame]:
    for row, (key, name) in enumerate(zip(keys, names, strict=True)):
        data, where = pictures.read(row), pictures.where(row)
        picture, took_ms = timed(decoded, data, where, reduction)
        yield Frame(key, name, where, picture, took_ms)


def open_source(
    path: Path, *, split: str | None = None, format_name: str | None = None, limit: int | None = None
) -> Source:
    """Return what the pictures at ``path`` are.

    Parameters
    ----------
    path
        A dataset's folder or annotation file, a folder of pictures, a picture, or a video.
    split, format_name
        Of a dataset; anything else has none.
    limit
        The first so many pictures only.

    Raises
    ------
    DataError
        If there is nothing that can be read.
    UsageError
        If there is no such split or format, or a video needs OpenCV.
    """
    require_file_or_folder(path)
    suffix = path.suffix.lower() if path.is_file() else ""
    plain = format_name is None and (suffix in VIDEO_SUFFIXES | PICTURE_SUFFIXES or not recognise(path))
    found = _pictures(path, suffix) if plain and suffix not in VIDEO_SUFFIXES else []
    if plain and suffix in VIDEO_SUFFIXES:
        from detbench.detectors.predict.video import VideoSource

        _no_split(path, split)
        return VideoSource(path, limit)
    if found:
        _no_split(path, split)
        base = path if path.is_dir() else path.parent
        names = tuple(file.relative_to(base).as_posix() for file in found[:limit])
        _require_text(names)
        return PictureSource(path.resolve().name, path, FolderPictures(tuple(found[:limit]), names))
    dataset = read_dataset(path, split=split, format_name=format_name)
    if limit is not None:
        dataset = dataset.take_images(range(min(limit, len(dataset.images))))
    _require_text([*dataset.images.key, *dataset.images.file_name])
    return DatasetSource(dataset)


def _require_text(names: Sequence[Key]) -> None:
    """Raise DataError for a name that the predictions could not be written under, before any are made."""
    for name in names:
        require_utf8_name(name)


def _pictures(path: Path, suffix: str) -> list[Path]:
    """Return the pictures that a path is or holds, at any depth, by name; hidden ones are passed over."""
    if suffix:
        return [path] if suffix in PICTURE_SUFFIXES else []
    if not path.is_dir():
        return []
    try:
        files = [file for file in path.rglob("*") if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()]
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    seen = [file for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    return sorted(seen, key=lambda file: PurePosixPath(file.relative_to(path).as_posix()).parts)


def _no_split(path: Path, split: str | None) -> None:
    if split is not None:
        raise UsageError(f"{path} has no split {split!r}: it is pictures without annotations")
