"""COCO's records as tables: ids become rows, and what does not fit together is reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.formats.numbers import LARGEST_PX
from detbench.data.tables import UNKNOWN_LEVEL, Categories, GroundTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.findings import Findings
    from detbench.data.formats.coco_json import Annotation, Document, ImageRecord, Region
    from detbench.data.tables import Key

__all__ = ["Loaded", "tables_of"]

_HIGHEST_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Loaded:
    """One annotation file, read."""

    file: Path
    document: Document


def tables_of(
    loaded: Sequence[Loaded], findings: Findings
) -> tuple[Categories, dict[Key, tuple[int, ImageRecord]], GroundTruth]:
    """Return the categories, key → (which file, image), in order, and the boxes of one or several files.

    Raises
    ------
    DataError
        If ``findings`` is strict and an id is given twice, or named and not there, or a box is not finite.
    """
    categories = _categories(loaded, findings)
    image_of_key: dict[Key, tuple[int, ImageRecord]] = {}
    for of, one in enumerate(loaded):
        for record in one.document.images:
            if record.id in image_of_key:
                other = loaded[image_of_key[record.id][0]].file
                also = "twice" if other == one.file else f"in {other.name} too; name one split"
                message = f"the image id {record.id!r} is there {also}"
                findings.report("image-id-duplicate", file=one.file, record=f"image {record.id!r}", message=message)
            else:
                image_of_key[record.id] = (of, record)
    return categories, image_of_key, _ground_truth(loaded, categories, image_of_key, findings)


def _categories(loaded: Sequence[Loaded], findings: Findings) -> Categories:
    """Return all files' categories, ordered by id: numbers first, then strings."""
    name_of: dict[Key, str] = {}
    for one in loaded:
        seen: set[Key] = set()
        for record in one.document.categories:
            if record.id in seen or name_of.get(record.id, record.name) != record.name:
                message = f"the category id {record.id!r} is {name_of[record.id]!r} and {record.name!r}"
                findings.report(
                    "category-id-duplicate", file=one.file, record=f"category {record.id!r}", message=message
                )
            seen.add(record.id)
            name_of.setdefault(record.id, record.name)
    keys = sorted(name_of, key=lambda key: (isinstance(key, str), key))
    return Categories(tuple(name_of[key] for key in keys), tuple(keys))


def _ground_truth(
    loaded: Sequence[Loaded],
    categories: Categories,
    image_of_key: dict[Key, tuple[int, ImageRecord]],
    findings: Findings,
) -> GroundTruth:
    """Return all files' boxes as one table; those that cannot be placed are reported and left out."""
    image_row = {key: row for row, key in enumerate(image_of_key)}
    category_row = categories.row_of_source_id()
    records: list[Annotation | Region] = [r for one in loaded for r in one.document.annotations]
    known = len(records)
    records += [r for one in loaded for r in one.document.ignored_regions]
    image = _column([image_row.get(r.image_id, -1) for r in records], np.int32)
    category = _column(
        [-1 if (key := _category_id(r)) is None else category_row.get(key, -1) for r in records], np.int32
    )
    x_y_w_h = _column([r.bbox for r in records], np.float64).reshape(-1, 4)
    is_region = np.arange(len(records)) >= known
    finite = (np.abs(x_y_w_h) <= LARGEST_PX).all(axis=1)
    placed = (image >= 0) & ((category >= 0) | is_region) & finite
    _report_unplaced(loaded, np.flatnonzero(~placed), (image, category, finite), findings)
    _report_duplicate_ids(loaded, findings)
    order = np.flatnonzero(placed)
    order = order[np.argsort(image[order], kind="stable")]
    kept = [records[row] for row in order]
    corners = x_y_w_h[order]
    corners[:, 2:] += corners[:, :2]
    return GroundTruth(
        image=image[order],
        category=category[order],
        box=corners,
        area_px=_column([np.nan if r.area is None else r.area for r in kept], np.float64),
        crowd=_flags(kept, "iscrowd"),
        ignore=_flags(kept, "ignore") | is_region[order],
        difficult=_flags(kept, "difficult"),
        truncated=_levels([r.truncated for r in kept]),
        occluded=_levels([r.occluded for r in kept]),
        source_id=_source_ids(kept),
        size_px=x_y_w_h[order, 2:],
    )


def _report_unplaced(
    loaded: Sequence[Loaded],
    rows: NDArray[np.intp],
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    findings: Findings,
) -> None:
    """Say of each record that fits nowhere why: an unknown image, an unknown category, or numbers that are none."""
    if not len(rows):
        return
    image, category, finite = columns
    places = [*_places(loaded, "annotations"), *_places(loaded, "ignored_regions")]
    spelled = {str(image_record.id): image_record.id for one in loaded for image_record in one.document.images}
    for row in rows:
        file, where, record = places[row]
        if not finite[row]:
            message = f"its bbox is {list(record.bbox)}"
            findings.report("box-not-finite", file=file, record=where, message=message)
        elif image[row] < 0:
            alike = spelled.get(str(record.image_id))
            hint = (
                "" if alike is None else f"; there is {alike!r}, a {'number' if isinstance(alike, int) else 'string'}"
            )
            message = f"no image has the id {record.image_id!r}{hint}"
            findings.report("image-unknown", file=file, record=where, message=message)
        elif category[row] < 0:
            message = f"no category has the id {_category_id(record)!r}"
            findings.report("category-unknown", file=file, record=where, message=message)


def _places(loaded: Sequence[Loaded], name: str) -> list[tuple[Path, str, Annotation | Region]]:
    """Return file, name and record of each record of the lists called ``name``."""
    lists: list[tuple[Path, list[Annotation | Region]]] = [(one.file, getattr(one.document, name)) for one in loaded]
    return [
        (file, f"{name}[{index}]" if record.id is None else f"{name}[{index}] (id {record.id!r})", record)
        for file, records in lists
        for index, record in enumerate(records)
    ]


def _report_duplicate_ids(loaded: Sequence[Loaded], findings: Findings) -> None:
    """Report annotation ids that one file gives twice; two files may each count from 1."""
    for one in loaded:
        records: list[Annotation | Region] = [*one.document.annotations, *one.document.ignored_regions]
        keys = [key for key in (record.id for record in records) if key is not None]
        if len(set(keys)) == len(keys):
            continue
        for key, count in Counter(keys).items():
            if count > 1:
                message = f"{count} annotations have the id {key!r}"
                findings.report("annotation-id-duplicate", file=one.file, record=f"annotation {key!r}", message=message)


def _category_id(record: Annotation | Region) -> Key | None:
    return getattr(record, "category_id", None)


def _source_ids(records: Sequence[Annotation | Region]) -> tuple[Key, ...]:
    """Return the ids, or none at all if one record has none."""
    keys = tuple(record.id for record in records if record.id is not None)
    return keys if len(keys) == len(records) else ()


def _flags(records: Sequence[Annotation | Region], name: str) -> NDArray[np.bool_]:
    """Return a column of flags; a missing one, or one that is no number, is not set."""
    values = (getattr(record, name, 0) for record in records)
    return np.fromiter((isinstance(value, int) and value > 0 for value in values), dtype=np.bool_, count=len(records))


def _levels(values: Sequence[object]) -> NDArray[np.int8]:
    """Return a column of levels; what is not 0, 1 or 2 is not known."""
    levels = (v if isinstance(v, int) and 0 <= v <= _HIGHEST_LEVEL else UNKNOWN_LEVEL for v in values)
    return np.fromiter(levels, dtype=np.int8, count=len(values))


def _column(values: Sequence[object], dtype: type[np.generic]) -> NDArray[Any]:
    return np.asarray(values, dtype=dtype)
