"""The tables everything speaks: images, categories, ground truth, predictions. Frozen, columnar, NumPy.

Ids that come from files are opaque keys (integers or strings); inside, everything is a row number. A box is
float64 ``x1 y1 x2 y2`` in pixels, continuous, 0-based: a picture of width 640 spans 0.0 to 640.0. Every format
converts its own convention once, at its edge. Rows are grouped by image, in image order, and keep the file's
order inside an image, because ties between equal scores and equal IoUs are broken by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from detbench.errors import DetbenchError
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "Categories",
    "Dataset",
    "GroundTruth",
    "GroundTruthBuilder",
    "Images",
    "Key",
    "Pictures",
    "Predictions",
    "frame_of",
]

#: An image's, a category's or an annotation's id as a file gives it.
Key = int | str

#: A truncation or occlusion level that the format does not give.
UNKNOWN_LEVEL = -1


@dataclass(frozen=True, slots=True)
class Categories:
    """Category names, and the ids that the source gives them; a category's row is its index in both."""

    name: tuple[str, ...]
    source_id: tuple[Key, ...]

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Categories:
        """Return the categories of a format without ids: names numbered from 1, in the order given."""
        ordered = tuple(names)
        return cls(ordered, tuple(range(1, len(ordered) + 1)))

    def __len__(self) -> int:
        """Return the number of categories."""
        return len(self.name)

    def row_of_name(self) -> dict[str, int]:
        """Return name → row."""
        return {name: row for row, name in enumerate(self.name)}

    def row_of_source_id(self) -> dict[Key, int]:
        """Return source id → row."""
        return {key: row for row, key in enumerate(self.source_id)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a category, columns ``name`` and ``source_id``. Needs pandas."""
        return frame_of({"name": self.name, "source_id": self.source_id})


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """One row an image, in the order of the source.

    Attributes
    ----------
    key
        The id the source gives: COCO's ``id``, a VOC stem, a CSV's file name.
    file_name
        The picture's name as the source gives it, ``/`` between folders, ``""`` where there is none.
    width_px, height_px
        int32 ``[I]``: the picture as stored, before any EXIF rotation; 0 where the source does not say.
    """

    key: tuple[Key, ...]
    file_name: tuple[str, ...]
    width_px: NDArray[np.int32]
    height_px: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.key)

    def __repr__(self) -> str:
        """Return one line of counts: a table of thousands of rows helps nobody in a prompt."""
        return f"<Images: {len(self):,}>"

    def row_of_key(self) -> dict[Key, int]:
        """Return key → row."""
        return {key: row for row, key in enumerate(self.key)}

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Images:
        """Return the images at ``rows``, in that order."""
        index = np.asarray(rows, dtype=np.intp)
        return Images(
            tuple(self.key[row] for row in index),
            tuple(self.file_name[row] for row in index),
            self.width_px[index],
            self.height_px[index],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row an image. Needs pandas."""
        return frame_of({column.name: getattr(self, column.name) for column in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """One row an annotated box, grouped by image.

    Attributes
    ----------
    image, category
        int32 ``[N]``: rows of the tables; category −1 is a region of no category (an ignored region).
    box
        float64 ``[N, 4]``: ``x1 y1 x2 y2``, pixels, continuous, 0-based. As given: not clipped, not ordered.
    area_px
        float64 ``[N]``: the annotation's own area (a COCO mask's), NaN where the source gives none.
    crowd, ignore, difficult
        bool ``[N]``: COCO's ``iscrowd``; to be ignored for any other reason; VOC's ``difficult``.
    truncated, occluded
        int8 ``[N]``: 0 not, 1 partly, 2 heavily; −1 where the source does not say.
    source_id
        The annotations' ids, or an empty tuple where the format has none.
    size_px
        float64 ``[N, 2]``: width and height. A format that gives them (COCO) keeps them here, because in binary
        floating point ``(x + w) − x`` is not always ``w`` and COCO's numbers are defined on ``w``; elsewhere they
        are the differences of the corners.
    """

    image: NDArray[np.int32]
    category: NDArray[np.int32]
    box: NDArray[np.float64]
    area_px: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]
    difficult: NDArray[np.bool_]
    truncated: NDArray[np.int8]
    occluded: NDArray[np.int8]
    source_id: tuple[Key, ...] = ()
    size_px: NDArray[np.float64] = None  # type: ignore[assignment]  # never None after __post_init__

    def __post_init__(self) -> None:
        """Take the sizes from the corners where none were given."""
        if self.size_px is None:
            object.__setattr__(self, "size_px", self.box[:, 2:] - self.box[:, :2])

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.image)

    def __repr__(self) -> str:
        """Return one line of counts."""
        return f"<GroundTruth: {counted(len(self), 'box', 'boxes')} in {counted(len(np.unique(self.image)), 'image')}>"

    def offsets(self, image_count: int) -> NDArray[np.int64]:
        """Return int64 ``[image_count + 1]``: image ``i``'s boxes are rows ``offsets[i]`` to ``offsets[i + 1]``."""
        return np.searchsorted(self.image, np.arange(image_count + 1)).astype(np.int64)

    def box_area_px(self) -> NDArray[np.float64]:
        """Return float64 ``[N]``: width times height of every box."""
        return self.size_px[:, 0] * self.size_px[:, 1]

    def take(self, rows: NDArray[Any]) -> GroundTruth:
        """Return the boxes that ``rows`` (a mask or an ascending index) selects; images keep their rows."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {c.name: getattr(self, c.name)[index] for c in fields(self) if c.name != "source_id"}
        return GroundTruth(**columns, source_id=tuple(self.source_id[row] for row in index) if self.source_id else ())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a box, the corners as ``x1 y1 x2 y2``. Needs pandas."""
        columns: dict[str, Any] = {
            c.name: getattr(self, c.name) for c in fields(self) if c.name not in {"box", "size_px", "source_id"}
        }
        columns.update(zip(("x1", "y1", "x2", "y2"), self.box.T, strict=True))
        if self.source_id:
            columns["source_id"] = self.source_id
        return frame_of(columns)


@dataclass(slots=True)
class GroundTruthBuilder:
    """Collects boxes one at a time, in file order, and makes the table: what a reader fills."""

    _rows: list[tuple[int, int, tuple[float, float, float, float], float, bool, bool, bool, int, int]] = field(
        default_factory=list
    )
    _source_id: list[Key] = field(default_factory=list)
    _size_px: list[tuple[float, float]] = field(default_factory=list)

    def add(  # noqa: PLR0913  one keyword for each column; a reader names the few it has
        self,
        image: int,
        category: int,
        box: tuple[float, float, float, float],
        *,
        area_px: float = float("nan"),
        crowd: bool = False,
        ignore: bool = False,
        difficult: bool = False,
        truncated: int = UNKNOWN_LEVEL,
        occluded: int = UNKNOWN_LEVEL,
        source_id: Key | None = None,
        size_px: tuple[float, float] | None = None,
    ) -> None:
        """Add one box; see :class:`GroundTruth` for the columns.

        Give every box of a table a ``source_id``, or none; likewise a ``size_px``.
        """
        self._rows.append((image, category, box, area_px, crowd, ignore, difficult, truncated, occluded))
        if source_id is not None:
            self._source_id.append(source_id)
        if size_px is not None:
            self._size_px.append(size_px)

    def build(self) -> GroundTruth:
        """Return the table: rows grouped by image, file order kept inside an image."""
        columns: list[Sequence[Any]] = list(zip(*self._rows, strict=True)) if self._rows else [[]] * 9
        image = np.asarray(columns[0], dtype=np.int32)
        order = np.argsort(image, kind="stable")
        return GroundTruth(
            image=image[order],
            category=np.asarray(columns[1], dtype=np.int32)[order],
            box=np.asarray(columns[2], dtype=np.float64).reshape(-1, 4)[order],
            area_px=np.asarray(columns[3], dtype=np.float64)[order],
            crowd=np.asarray(columns[4], dtype=np.bool_)[order],
            ignore=np.asarray(columns[5], dtype=np.bool_)[order],
            difficult=np.asarray(columns[6], dtype=np.bool_)[order],
            truncated=np.asarray(columns[7], dtype=np.int8)[order],
            occluded=np.asarray(columns[8], dtype=np.int8)[order],
            source_id=tuple(self._source_id[row] for row in order) if self._source_id else (),
            size_px=np.asarray(self._size_px, dtype=np.float64)[order] if self._size_px else None,  # type: ignore[arg-type]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """One row a predicted box, grouped by image, file order kept inside an image.

    ``image`` and ``category`` (int32 ``[N]``) are rows of a dataset's tables, category −1 for a proposal;
    ``box`` float64 ``[N, 4]`` and ``size_px`` float64 ``[N, 2]`` as in :class:`GroundTruth`; ``score`` float64
    ``[N]``, finite, any range.
    """

    image: NDArray[np.int32]
    category: NDArray[np.int32]
    box: NDArray[np.float64]
    score: NDArray[np.float64]
    size_px: NDArray[np.float64] = None  # type: ignore[assignment]  # never None after __post_init__

    def __post_init__(self) -> None:
        """Take the sizes from the corners where none were given."""
        if self.size_px is None:
            object.__setattr__(self, "size_px", self.box[:, 2:] - self.box[:, :2])

    @classmethod
    def grouped(
        cls,
        image: NDArray[np.int32],
        category: NDArray[np.int32],
        box: NDArray[np.float64],
        score: NDArray[np.float64],
        size_px: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """Return the table of columns that are in file order, stably sorted by image; as they are, if they are that."""
        if size_px is None:
            size_px = box[:, 2:] - box[:, :2]
        if (image[1:] >= image[:-1]).all():
            return cls(image, category, box, score, size_px)
        order = np.argsort(image, kind="stable")
        return cls(image[order], category[order], box[order], score[order], size_px[order])

    @classmethod
    def none(cls) -> Predictions:
        """Return a table without rows."""
        rows, numbers = np.zeros(0, np.int32), np.zeros((0, 4))
        return cls(rows, rows, numbers, np.zeros(0), numbers[:, :2])

    def __len__(self) -> int:
        """Return the number of predictions."""
        return len(self.image)

    def __repr__(self) -> str:
        """Return one line of counts."""
        return f"<Predictions: {counted(len(self), 'box', 'boxes')} in {counted(len(np.unique(self.image)), 'image')}>"

    def offsets(self, image_count: int) -> NDArray[np.int64]:
        """Return int64 ``[image_count + 1]``: image ``i``'s rows are ``offsets[i]`` to ``offsets[i + 1]``."""
        return np.searchsorted(self.image, np.arange(image_count + 1)).astype(np.int64)

    def take(self, rows: NDArray[np.intp] | slice) -> Predictions:
        """Return the predictions at ``rows``, a slice or an ascending index."""
        return Predictions(self.image[rows], self.category[rows], self.box[rows], self.score[rows], self.size_px[rows])

    def images(self) -> NDArray[np.int32]:
        """Return int32: the images that have at least one prediction, ascending."""
        return self.image[np.flatnonzero(np.diff(self.image, prepend=np.int32(-1)))]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a prediction, the corners as ``x1 y1 x2 y2``. Needs pandas."""
        corners = dict(zip(("x1", "y1", "x2", "y2"), self.box.T, strict=True))
        return frame_of({"image": self.image, "category": self.category, **corners, "score": self.score})


class Pictures(Protocol):
    """Where the pictures of a dataset are: a folder, or the records of a shard."""

    def where(self, row: int) -> str:
        """Return what to call picture ``row`` in a message: its path, or shard and record."""

    def path(self, row: int) -> Path | None:
        """Return picture ``row``'s own file, or None where it has none (it is missing, or inside a record)."""

    def size_bytes(self, row: int) -> int:
        """Return the length of picture ``row``'s encoded bytes. Raises DataError if it is missing."""

    def read(self, row: int) -> bytes:
        """Return picture ``row``'s encoded bytes. Raises DataError if it cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One split of a dataset, read.

    ``format`` is the reader's name, ``source`` the path the user gave, ``split`` the split's name or None where
    the source has no splits. ``annotation_files`` are one an image, as the user would open them; empty where the
    source has none.
    """

    name: str
    format: str
    source: Path
    split: str | None
    categories: Categories
    images: Images
    ground_truth: GroundTruth
    pictures: Pictures
    annotation_files: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return one line: the name, the split, the format and counts."""
        split = f" {self.split}" if self.split else ""
        counts = f"{counted(len(self.images), 'image')}, {counted(len(self.ground_truth), 'ground truth')}"
        categories = counted(len(self.categories), "category", "categories")
        return f"<Dataset {brief(self.name, 60)}{split} ({self.format}): {counts}, {categories}>"

    def annotation_of(self, row: int) -> str:
        """Return the file that image ``row``'s boxes stand in; the source's path where it is not known."""
        return self.annotation_files[row] if self.annotation_files else str(self.source)

    def take_images(self, rows: Sequence[int] | NDArray[np.intp]) -> Dataset:
        """Return the dataset of the images at ``rows``, in that order, with their boxes and pictures."""
        index = np.asarray(rows, dtype=np.intp)
        offsets = self.ground_truth.offsets(len(self.images))
        spans = [np.arange(offsets[row], offsets[row + 1]) for row in index]
        chosen = np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)
        kept = self.ground_truth.take(chosen)
        image = np.repeat(np.arange(len(index), dtype=np.int32), [len(span) for span in spans])
        columns = {column.name: getattr(kept, column.name) for column in fields(kept)} | {"image": image}
        return Dataset(
            self.name,
            self.format,
            self.source,
            self.split,
            self.categories,
            self.images.take(index),
            GroundTruth(**columns),
            PicturesAt(self.pictures, tuple(int(row) for row in index)),
            tuple(self.annotation_files[row] for row in index) if self.annotation_files else (),
        )


@dataclass(frozen=True, slots=True)
class PicturesAt:
    """Some rows of other pictures, renumbered."""

    pictures: Pictures
    rows: tuple[int, ...]

    def where(self, row: int) -> str:
        """See :class:`Pictures`."""
        return self.pictures.where(self.rows[row])

    def path(self, row: int) -> Path | None:
        """See :class:`Pictures`."""
        return self.pictures.path(self.rows[row])

    def size_bytes(self, row: int) -> int:
        """See :class:`Pictures`."""
        return self.pictures.size_bytes(self.rows[row])

    def read(self, row: int) -> bytes:
        """See :class:`Pictures`."""
        return self.pictures.read(self.rows[row])


def frame_of(columns: dict[str, Any]) -> pd.DataFrame:
    """Return a DataFrame of equally long columns. Raises DetbenchError if pandas is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise DetbenchError("to_frame() needs pandas: pip install pandas") from error
    return pd.DataFrame({name: list(c) if isinstance(c, tuple) else c for name, c in columns.items()})
