"""VisDrone-DET: ``VisDrone2019-DET-<split>/{images/*.jpg, annotations/*.txt}``.

A line is ``left,top,width,height,score,category,truncation,occlusion``, with or without a comma at its end; boxes are
continuous and 0-based. Category 0 is a region to be ignored (category −1, ``ignore``), 1 to 11 are categories, the
last of them ``others``; what the benchmark does not evaluate it marks by score 0, which becomes ``ignore``.
Truncation (0 none, 1 in part) and occlusion (0 none, 1 in part, 2 heavily) are the tables' own levels.

The path may be one split's folder or the folder that several are in. An image's key is its stem. Written is the same,
a folder a split; the categories must have VisDrone's names. Not carried: areas and annotation ids; what is crowd,
difficult or to be ignored becomes score 0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.number_lines import first_line, number_lines
from detbench.data.formats.numbers import number_text
from detbench.data.formats.picture_search import PictureSearch, fill_sizes
from detbench.data.formats.scanning import child_folder, files_with_suffix, folders_in, ordered_splits
from detbench.data.formats.writing import FlatFolder, split_folder, write_flat
from detbench.data.pictures import PICTURE_SUFFIXES, FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError
from detbench.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import GroundTruth

__all__ = ["FORMAT"]

#: Ids 1 to 11.
CATEGORIES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
)

_COLUMNS = 8
_REGION = 0
_FOLDER = "VisDrone2019-DET-"
_SPLIT = re.compile(r"VisDrone\d*-DET-(?P<split>.+)", re.IGNORECASE)

#: The tables' levels of truncation and occlusion; −1, which the benchmark's result files use, is not known.
_LEVELS = frozenset({-1, 0, 1, 2})


def _folders(path: Path) -> dict[str | None, Path]:
    """Return split → folder with annotations: ``path`` itself, or those in it."""
    if _has_annotations(path):
        found = _SPLIT.fullmatch(path.resolve().name)
        return {found["split"] if found else None: path}
    children = [(child, _SPLIT.fullmatch(child.name)) for child in folders_in(path)]
    return {found["split"] if found else child.name: child for child, found in children if _has_annotations(child)}


def _has_annotations(folder: Path) -> bool:
    """Return whether the first line there is holds eight numbers; if there is none, whether the name is VisDrone's."""
    annotations = child_folder(folder, "annotations")
    files = files_with_suffix(annotations, ".txt") if annotations else []
    line = next((line for path in files if (line := first_line(path, separator=",")) is not None), None)
    if line is None:
        return bool(files) and _SPLIT.fullmatch(folder.resolve().name) is not None
    return len(line) == _COLUMNS


def _find(path: Path) -> dict[str | None, Path]:
    """Return split → folder. Raises DataError if there is none."""
    folders = _folders(path)
    if not folders:
        raise DataError(
            "holds no VisDrone annotations: no annotations/*.txt of eight numbers between commas",
            file=path,
            remedy="name a folder VisDrone2019-DET-<split>, or the one that they are in",
        )
    return folders


def _recognise(path: Path) -> Sighting | None:
    folders = _folders(path) if path.is_dir() else {}
    if not folders:
        return None
    evidence = ["annotations/*.txt with eight numbers between commas"]
    named = [split for split, folder in folders.items() if _SPLIT.fullmatch(folder.resolve().name)]
    if named:
        evidence.append(f"folders called {_FOLDER}{{{','.join(ordered_splits(filter(None, named)))}}}")
    return Sighting("visdrone", 1.0 if named else 0.9, tuple(evidence))


def _splits(path: Path) -> tuple[str, ...]:
    return ordered_splits(split for split in _find(path) if split is not None)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    folders = _find(path)
    chosen = [split] if split in folders else [*_splits(path), *([None] if None in folders else [])]
    builder = GroundTruthBuilder()
    keys: dict[str, Path] = {}
    pictures: list[Path | None] = []
    looked_for: list[str] = []
    for name in chosen:
        folder = folders[name]
        search = PictureSearch.beneath(child_folder(folder, "images"))
        for file in _annotations(folder, findings):
            if file.stem in keys:
                message = f"the image {file.stem!r} is there already, in another split"
                findings.report("image-id-duplicate", file=file, message=message)
                continue
            _read_boxes(file, len(keys), builder, findings)
            keys[file.stem] = file
            pictures.append(search.by_stem(file.stem, file=file))
            looked_for.append(str(folder / "images" / f"{file.stem}.jpg"))
    return Dataset(
        name=path.resolve().name,
        format="visdrone",
        source=path,
        split=split,
        categories=Categories.from_names(CATEGORIES),
        images=Images(
            tuple(keys), tuple(p.name if p else "" for p in pictures), *fill_sizes([(0, 0)] * len(keys), pictures)
        ),
        ground_truth=builder.build(),
        pictures=FolderPictures(tuple(pictures), tuple(looked_for)),
        annotation_files=tuple(map(str, keys.values())),
    )


def _annotations(folder: Path, findings: Findings) -> list[Path]:
    """Return a split's annotation files; a picture without one is reported."""
    files = files_with_suffix(child_folder(folder, "annotations") or folder, ".txt")
    known = {file.stem for file in files}
    images = child_folder(folder, "images")
    for picture in files_with_suffix(images, *PICTURE_SUFFIXES) if images else ():
        if picture.stem not in known:
            message = f"the picture has no annotations/{picture.stem}.txt"
            findings.report("annotation-missing", file=picture, message=message)
    return files


def _read_boxes(file: Path, row: int, builder: GroundTruthBuilder, findings: Findings) -> None:
    """Add one picture's boxes."""
    for record, numbers in number_lines(file, findings, separator=",", columns=_COLUMNS):
        left, top, width, height, score, category, truncation, occlusion = numbers
        if category not in range(len(CATEGORIES) + 1):
            message = f"there is no category {number_text(category)}"
            findings.report("category-unknown", file=file, record=record, message=message)
            continue
        if truncation not in _LEVELS or occlusion not in _LEVELS:
            message = f"truncation {number_text(truncation)} and occlusion {number_text(occlusion)} should be 0 to 2"
            findings.report("record-malformed", file=file, record=record, message=message)
            continue
        builder.add(
            row,
            int(category) - 1,
            (left, top, left + width, top + height),
            ignore=score == 0 or category == _REGION,
            truncated=int(truncation),
            occluded=int(occlusion),
            size_px=(width, height),
        )


def _members(path: Path, whole: Dataset, _findings: Findings) -> dict[str, list[int]]:
    row_of = {file: row for row, file in enumerate(whole.annotation_files)}
    quiet = Findings(strict=False)  # whole was read by the same files
    return {
        split: [row_of[str(file)] for file in _annotations(folder, quiet)]
        for split, folder in _find(path).items()
        if split is not None
    }


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    ids = {name: row + 1 for row, name in enumerate(CATEGORIES)}
    table = dataset.ground_truth
    used = {dataset.categories.name[row] for row in set(table.category.tolist()) if row >= 0}
    strange = sorted(used - ids.keys())
    if strange:
        raise DataError(
            f"has boxes of {', '.join(strange[:5])}, which VisDrone lacks; it has {', '.join(CATEGORIES)}",
            file=dataset.source,
            remedy="write another format, or rename the categories",
        )
    split = None if dataset.split is None else f"{_FOLDER}{dataset.split}"
    folder = split_folder(path, split, dataset.source)
    offsets = table.offsets(len(dataset.images))
    id_of_row = [ids.get(name, _REGION) for name in dataset.categories.name]

    def compose(row: int, _name: str) -> bytes:
        return "".join(_line(table, box, id_of_row) for box in range(offsets[row], offsets[row + 1])).encode()

    write_flat(dataset, _flat_folder(folder), compose, _others(path, folder))
    dimmed = int((~table.ignore & (table.crowd | table.difficult) & (table.category >= 0)).sum())
    also = [
        f"what sets {counted(dimmed, 'crowd or difficult box', 'crowd or difficult boxes')} apart from ignored ones"
    ]
    report_losses(dataset, findings, "VisDrone", ("areas", "ids"), also=also if dimmed else ())


def _flat_folder(folder: Path) -> FlatFolder:
    return FlatFolder(folder / "images", folder / "annotations", ".txt")


def _others(path: Path, own: Path) -> dict[str, FlatFolder]:
    """Return the stems, in lower case, that the other splits' folders in ``path`` have."""
    folders = [folder for folder in folders_in(path) if folder != own and _SPLIT.fullmatch(folder.name)]
    return {
        file.stem.lower(): _flat_folder(folder)
        for folder in folders
        for file in files_with_suffix(folder / "annotations", ".txt")
    }


def _line(table: GroundTruth, row: int, id_of_row: list[int]) -> str:
    """Return one box as its line."""
    category = int(table.category[row])
    counted = category >= 0 and not (table.ignore[row] or table.crowd[row] or table.difficult[row])
    numbers = (
        *table.box[row, :2].tolist(),
        *table.size_px[row].tolist(),
        float(counted),
        float(id_of_row[category] if category >= 0 else _REGION),
        float(table.truncated[row]),
        float(table.occluded[row]),
    )
    return ",".join(map(number_text, numbers)) + "\n"


FORMAT = Format("visdrone", "VisDrone-DET", _recognise, _splits, _read, _write, _members)
