"""COCO: one JSON file of ``images``, ``annotations`` and ``categories``, or a folder with one a split.

A box is x, y, width, height, continuous and 0-based, read as given: a negative width stays. An image's key, a
category's and an annotation's ``source_id`` are the file's ids, integers or strings; categories are ordered by id.
``iscrowd`` and ``ignore`` are honoured; a missing ``area`` is NaN. Images need no pictures: ground truth alone can
be scored.

In a folder, ``annotations/instances_<split>.json`` are splits, and so are other annotation files by their names,
and ``<split>/_annotations.coco.json``. Pictures are looked for in the split's folder, in ``images/``, and beside
the JSON.

Written are all columns: ``difficult``, ``truncated`` and ``occluded`` as fields that COCO tools pass over, regions
of no category in a list of their own, ``ignored_regions``. Where the area is not known the box's is written, because
pycocotools stops without one. Annotations without ids are numbered from 1: pycocotools takes 0 for "no match".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.coco_json import (
    Annotation,
    Category,
    Document,
    ImageRecord,
    Region,
    is_document,
    read_document,
)
from detbench.data.formats.coco_tables import Loaded, tables_of
from detbench.data.formats.picture_search import PictureSearch, fill_sizes, size_px
from detbench.data.formats.scanning import (
    child_folder,
    files_with_suffix,
    folders_in,
    name_of,
    ordered_splits,
    parent_of,
)
from detbench.data.formats.writing import copy_pictures, picture_names, put, split_folder
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Dataset, Images
from detbench.errors import DataError

if TYPE_CHECKING:
    from detbench.data.tables import Key

__all__ = ["FORMAT", "pictures_of_file"]

_INSTANCES = "instances"
_ROBOFLOW_SUFFIX = ".coco.json"

#: COCO's annotation files of other tasks lie beside those of detection.
_OTHER_TASKS = ("captions", "person_keypoints", "image_info", "panoptic", "stuff")


@dataclass(frozen=True, slots=True)
class _Source:
    """One annotation file: the split it holds (None: the dataset has none), and its dataset's folder."""

    file: Path
    split: str | None
    root: Path


def _find_sources(path: Path) -> list[_Source]:
    """Return the annotation files at ``path``, in the order of their splits."""
    if path.is_file():
        return [_Source(path, None, _root_of(path.parent))]
    for folder in (child_folder(path, "annotations"), path):
        if folder is not None and (found := _documents_in(folder)):
            root = _root_of(folder) if folder == path else path
            names = [_split_name(file) for file in found]
            if len(found) == 1 and names[0] in {_INSTANCES, "annotations", "_annotations", "coco"}:
                return [_Source(found[0], None, root)]
            by_name = dict(zip(names, found, strict=True))
            return [_Source(by_name[name], name, root) for name in ordered_splits(by_name)]
    per_folder = {folder.name: _documents_in(folder, _ROBOFLOW_SUFFIX) for folder in folders_in(path)}
    return [_Source(per_folder[name][0], name, path) for name in ordered_splits(n for n, f in per_folder.items() if f)]


def _root_of(folder: Path) -> Path:
    """Return the dataset's folder for one with annotation files: the one above if it is called ``annotations``."""
    return parent_of(folder) if folder.resolve().name.lower() == "annotations" else folder


def _documents_in(folder: Path, suffix: str = ".json") -> list[Path]:
    """Return a folder's annotation files of detection; if some are called ``instances…``, only those."""
    found = [file for file in files_with_suffix(folder, suffix) if not file.name.startswith(_OTHER_TASKS)]
    named = [file for file in found if file.name.startswith(_INSTANCES)]
    return [file for file in named or found if is_document(file)]


def _split_name(file: Path) -> str:
    name = file.name[: -len(_ROBOFLOW_SUFFIX)] if file.name.endswith(_ROBOFLOW_SUFFIX) else file.stem
    return name.removeprefix(f"{_INSTANCES}_") or name


def _recognise(path: Path) -> Sighting | None:
    if path.is_file():
        if path.suffix.lower() != ".json" or not is_document(path):
            return None
        return Sighting("coco", 1.0, ('a JSON object with "images", "annotations" or "categories"',))
    sources = _find_sources(path)
    if not sources:
        return None
    shown = ", ".join(str(source.file.relative_to(path)) for source in sources[:3])
    more = f" and {len(sources) - 3} more" if len(sources) > 3 else ""  # noqa: PLR2004  as many as are shown
    evidence = [f'{shown}{more}: JSON with "images", "annotations" or "categories"']
    if folders := [f"{s.split}/" for s in sources if s.split and (s.root / s.split).is_dir()]:
        evidence.append(f"a folder of the same name for a split: {', '.join(folders)}")
    return Sighting("coco", 1.0, tuple(evidence))


def _sources_or_error(path: Path) -> list[_Source]:
    sources = _find_sources(path)
    if not sources:
        raise DataError(
            "holds no COCO annotation file: no JSON with images and annotations in it, in annotations/ "
            "or in a folder a split",
            file=path,
            remedy="name the JSON file itself",
        )
    return sources


def _splits(path: Path) -> tuple[str, ...]:
    return tuple(source.split for source in _sources_or_error(path) if source.split is not None)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    sources = [s for s in _sources_or_error(path) if split is None or s.split == split]
    loaded = [Loaded(source.file, read_document(source.file, findings)) for source in sources]
    categories, image_of_key, ground_truth = tables_of(loaded, findings)
    searches = {source.file: _picture_search(source) for source in sources}
    records = [(loaded[of].file, record) for of, record in image_of_key.values()]
    paths = tuple(_picture(searches[file], file, record.id, record.file_name, findings) for file, record in records)
    sizes = [(size_px(record.width), size_px(record.height)) for _, record in records]
    file_names = tuple(record.file_name.replace("\\", "/") for _, record in records)
    images = Images(tuple(image_of_key), file_names, *fill_sizes(sizes, paths))
    return Dataset(
        name_of(path),
        "coco",
        path,
        split,
        categories,
        images,
        ground_truth,
        FolderPictures(paths, _sought(images)),
        tuple(str(file) for file, _ in records),
    )


def _members(path: Path, whole: Dataset, _findings: Findings) -> dict[str, list[int]]:
    split_of = {str(source.file): source.split for source in _sources_or_error(path)}
    members: dict[str, list[int]] = {split: [] for split in split_of.values() if split is not None}
    for row, file in enumerate(whole.annotation_files):
        if (split := split_of[file]) is not None:
            members[split].append(row)
    return members


def _picture_search(source: _Source) -> PictureSearch:
    """Return a search of the folders where the pictures of a file's images usually are, the likeliest first."""
    split = source.split or _split_name(source.file)
    root, beside = source.root, source.file.parent
    images = [child_folder(root, name) for name in ("images", "jpegimages", "data")]
    within = [folder / split for folder in images if folder]
    return PictureSearch.beneath(root / split, *within, *images, beside, root)


def _picture(search: PictureSearch, file: Path, key: Key, name: str, findings: Findings) -> Path | None:
    try:
        return search.by_name(name, file=file, record=f"image {key!r}")
    except DataError as error:
        findings.report(
            "record-malformed", file=file, record=f"image {key!r}", message=error.problem, remedy=error.remedy
        )
        return None


def _sought(images: Images) -> tuple[str, ...]:
    """Return what is looked for, for messages where it is not found."""
    return tuple(name or f"image {key!r}" for name, key in zip(images.file_name, images.key, strict=True))


def pictures_of_file(file: Path, images: Images) -> FolderPictures:
    """Return the pictures of all ``images`` of one annotation file: a call to the system for each name, or more."""
    search, findings = _picture_search(_Source(file, None, _root_of(file.parent))), Findings()
    names = zip(images.key, images.file_name, strict=True)
    return FolderPictures(tuple(_picture(search, file, key, name, findings) for key, name in names), _sought(images))


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    names = picture_names(dataset)
    copy_pictures(dataset, split_folder(path, dataset.split or "images", dataset.source), names)
    document = Document(
        images=[
            ImageRecord(id=key, file_name=name, width=int(width), height=int(height))
            for key, name, width, height in zip(
                dataset.images.key, names, dataset.images.width_px, dataset.images.height_px, strict=True
            )
        ],
        annotations=[],
        categories=[
            Category(id=key, name=name)
            for name, key in zip(dataset.categories.name, dataset.categories.source_id, strict=True)
        ],
    )
    _add_boxes(document, dataset)
    name = f"{_INSTANCES}_{dataset.split}.json" if dataset.split else f"{_INSTANCES}.json"
    target = split_folder(path / "annotations", name, dataset.source)
    put(target, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    report_losses(dataset, findings, "COCO")


def _add_boxes(document: Document, dataset: Dataset) -> None:
    """Fill in ``annotations`` and ``ignored_regions``, in the order of the table."""
    table = dataset.ground_truth
    corners = table.box
    sides = table.size_px
    areas = np.where(np.isnan(table.area_px), sides.prod(axis=1), table.area_px).tolist()
    ids: tuple[Key, ...] = table.source_id or tuple(range(1, len(table) + 1))
    for row, (key, x_y, sizes, area) in enumerate(
        zip(ids, corners[:, :2].tolist(), sides.tolist(), areas, strict=True)
    ):
        image_id = dataset.images.key[int(table.image[row])]
        category = int(table.category[row])
        shared = {"truncated": int(table.truncated[row]), "occluded": int(table.occluded[row])}
        if category < 0:
            document.ignored_regions.append(Region(id=key, image_id=image_id, bbox=(*x_y, *sizes), area=area, **shared))
            continue
        document.annotations.append(
            Annotation(
                id=key,
                image_id=image_id,
                category_id=dataset.categories.source_id[category],
                bbox=(*x_y, *sizes),
                area=area,
                iscrowd=int(table.crowd[row]),
                ignore=int(table.ignore[row]),
                difficult=int(table.difficult[row]),
                **shared,
            )
        )


FORMAT = Format("coco", "COCO", _recognise, _splits, _read, _write, _members)
