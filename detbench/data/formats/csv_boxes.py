"""CSV: a line a box, ``image,xmin,ymin,xmax,ymax,category``; an image without boxes is a line with those empty.

The corners are continuous and 0-based, as everywhere in detbench; nothing is added or taken away. Read are also
the usual other names of the columns (``filename``, ``x1``, ``class`` …, any order), the header-less
``path,x1,y1,x2,y2,class`` of keras-retinanet, and ``;`` or tabs between the fields. An image's key is the name in its
column; images are in the order of their first line, categories in alphabetical order, those of all splits.
Splits come from a column ``split``, or from the files' names where a folder holds several. A folder's CSV files are
read if they all are tables of boxes.

Written are ``<split>.csv`` (or ``annotations.csv``), with columns for all that a box has but its id, and ``images/``.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.csv_columns import COLUMNS, CORNERS
from detbench.data.formats.csv_rows import (
    SUFFIXES,
    CsvRow,
    flag,
    level,
    optional,
    required,
    rows_of,
    tables_at,
    tables_or_error,
)
from detbench.data.formats.numbers import is_coordinate, number_text
from detbench.data.formats.picture_search import PictureSearch, fill_sizes, size_px
from detbench.data.formats.scanning import child_folder, name_of, ordered_splits, parent_of
from detbench.data.formats.writing import copy_pictures, picture_names, put, split_folder
from detbench.data.pictures import FolderPictures
from detbench.data.tables import UNKNOWN_LEVEL, Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMAT"]


def _recognise(path: Path) -> Sighting | None:
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        return None
    try:
        tables = tables_at(path)
    except DataError:
        return None
    if not tables:
        return None
    file, layout = tables[0]
    more = f", and {len(tables) - 1} more CSV files" if len(tables) > 1 else ""
    certainty = (0.95 if path.is_file() else 0.75) if layout.has_header else 0.7
    return Sighting("csv", certainty, (f"{file.name}: {layout.described}{more}",))


def _split_of(row: CsvRow, several: bool) -> str | None:
    return row.fields.get("split") or (row.file.stem if several else None)


def _splits(path: Path) -> tuple[str, ...]:
    tables = tables_or_error(path)
    quiet = Findings(strict=False)
    found: set[str | None] = set()
    for file, layout in tables:
        if "split" in layout.place:
            found |= {_split_of(row, len(tables) > 1) for row in rows_of(file, layout, quiet)}
        elif len(tables) > 1:
            found.add(file.stem)
    return ordered_splits(name for name in found if name is not None)


@dataclass(slots=True)
class _Image:
    """What the lines of an image say of it, the first one counting."""

    row: int
    file: Path
    split: str | None
    size: tuple[int, int]


@dataclass(slots=True)
class _Reader:
    """What is collected while the lines are read."""

    category_rows: dict[str, int]
    findings: Findings
    images: dict[str, _Image] = field(default_factory=dict)
    builder: GroundTruthBuilder = field(default_factory=GroundTruthBuilder)

    def add(self, row: CsvRow, split: str | None) -> None:
        """Add one line's image, if it is new, and its box, if it has one; report what cannot be read."""
        try:
            size = size_px(optional(row, "width_px")), size_px(optional(row, "height_px"))
        except ValueError as error:
            self._report("record-malformed", row, str(error))
            return
        image = self.images.setdefault(row.fields["image"], _Image(len(self.images), row.file, split, size))
        if image.file != row.file or image.split != split:
            place = f"in {image.file.name}" if image.file != row.file else f"in split {image.split!r}"
            self._report("image-id-duplicate", row, f"the image {row.fields['image']!r} is {place} too; name one split")
            return
        if image.size != size:
            message = f"the image is {size[0]}x{size[1]} here, {image.size[0]}x{image.size[1]} before"
            self._report("record-malformed", row, message)
        if not any(row.fields[name] for name in (*CORNERS, "category")):
            return
        try:
            self._add_box(image.row, row)
        except ValueError as error:
            self._report("record-malformed", row, str(error))

    def _add_box(self, image: int, row: CsvRow) -> None:
        x1, y1, x2, y2 = (required(row, corner) for corner in CORNERS)
        if not all(map(is_coordinate, (x1, y1, x2, y2))):
            self._report("box-not-finite", row, f"its corners are {', '.join(row.fields[c][:40] for c in CORNERS)}")
            return
        name = row.fields["category"]
        ignore = flag(row, "ignore")
        if not name and not ignore:
            raise ValueError("its box has no category, and is not to be ignored")
        area = optional(row, "area_px")
        self.builder.add(
            image,
            self.category_rows[name] if name else -1,
            (x1, y1, x2, y2),
            area_px=math.nan if area is None else area,
            crowd=flag(row, "crowd"),
            ignore=ignore,
            difficult=flag(row, "difficult"),
            truncated=level(row, "truncated"),
            occluded=level(row, "occluded"),
        )

    def _report(self, code: str, row: CsvRow, message: str) -> None:
        self.findings.report(code, file=row.file, record=row.record, message=message)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    tables = tables_or_error(path)
    several = len(tables) > 1
    rows = [(row, _split_of(row, several)) for file, layout in tables for row in rows_of(file, layout, findings)]
    names = sorted({row.fields["category"] for row, _ in rows} - {""})
    categories = Categories.from_names(names)
    reader = _Reader(categories.row_of_name(), findings)
    for row, row_split in rows:
        if split is None or row_split == split:
            reader.add(row, row_split)
    searches = {file: _picture_search(file) for file, _ in tables}
    paths = tuple(_picture(searches[image.file], image, key, findings) for key, image in reader.images.items())
    file_names = tuple(key.replace("\\", "/") for key in reader.images)
    sizes = fill_sizes([image.size for image in reader.images.values()], paths)
    return Dataset(
        name_of(path),
        "csv",
        path,
        split,
        categories,
        Images(tuple(reader.images), file_names, *sizes),
        reader.builder.build(),
        FolderPictures(paths, file_names),
        tuple(str(image.file) for image in reader.images.values()),
    )


def _picture_search(file: Path) -> PictureSearch:
    """Return a search of the folders where a CSV's pictures usually are: beside it, or in images/ there or above."""
    home = file.parent
    inner = [child_folder(folder, "images", "jpegimages", "img") for folder in (home, parent_of(home))]
    within = [folder / file.stem for folder in inner if folder]
    return PictureSearch.beneath(home, *within, *inner)


def _picture(search: PictureSearch, image: _Image, key: str, findings: Findings) -> Path | None:
    try:
        return search.by_name(key, file=image.file, record=f"image {key!r}")
    except DataError as error:
        findings.report(
            "record-malformed", file=image.file, record=f"image {key!r}", message=error.problem, remedy=error.remedy
        )
        return None


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    names = picture_names(dataset)
    copy_pictures(dataset, split_folder(path / "images", dataset.split, dataset.source), names)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(dataset, names))
    put(split_folder(path, f"{dataset.split or 'annotations'}.csv", dataset.source), text.getvalue().encode())
    report_losses(dataset, findings, "CSV", ("ids",))


def _lines(dataset: Dataset, names: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield the fields of each box, or of the image without one, in the order of the table."""
    table, images = dataset.ground_truth, dataset.images
    offsets = table.offsets(len(images))
    for row, name in enumerate(names):
        size = [str(side) if side else "" for side in (int(images.width_px[row]), int(images.height_px[row]))]
        if offsets[row] == offsets[row + 1]:
            yield [name, *[""] * 5, *size, *[""] * 6, dataset.split or ""]
        for box in range(offsets[row], offsets[row + 1]):
            category = int(table.category[box])
            flags = [table.difficult[box], table.crowd[box], table.ignore[box] or category < 0]
            levels = [int(table.truncated[box]), int(table.occluded[box])]
            yield [
                name,
                *map(number_text, table.box[box].tolist()),
                dataset.categories.name[category] if category >= 0 else "",
                *size,
                *(str(int(is_set)) for is_set in flags),
                *("" if one == UNKNOWN_LEVEL else str(one) for one in levels),
                "" if math.isnan(table.area_px[box]) else number_text(table.area_px[box]),
                dataset.split or "",
            ]


FORMAT = Format("csv", "CSV of boxes", _recognise, _splits, _read, _write)
