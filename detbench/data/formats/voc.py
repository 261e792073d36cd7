"""Pascal VOC: ``Annotations/*.xml``, ``JPEGImages/`` and ``ImageSets/Main/<split>.txt``, or what is left of it.

Read are also folders without ``ImageSets`` (``annotations/`` and ``images/`` under any usual name), XML beside the
pictures, a folder a split (``train/``, ``valid/``, ``test/``), and a single XML file. An image's key is its XML's
stem; ``<filename>`` counts only where no picture has that stem. The categories are those of all XML files, not only
of the split that is read, in alphabetical order, which for VOC's own twenty is their canonical one.

Written is the devkit's layout. VOC carries no annotation ids; how it carries crowds and ignored regions is said
in :mod:`detbench.data.formats.voc_xml`. A difficult box stays difficult; one of a crowd, or to be ignored, becomes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.picture_search import fill_sizes
from detbench.data.formats.scanning import child_folder, exists, name_of, ordered_splits, stem_of
from detbench.data.formats.voc_layout import PICTURE_FOLDERS, SECOND_COLUMN, VocLayout, find_layout, layout_or_error
from detbench.data.formats.voc_xml import VocAnnotation, VocObject, compose, is_annotation, parse
from detbench.data.formats.writing import FlatFolder, add_list, listed_elsewhere, write_flat
from detbench.data.pictures import PICTURE_SUFFIXES, FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruth, GroundTruthBuilder, Images
from detbench.errors import DataError
from detbench.files import read_text, safe_join

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FORMAT"]

#: How many XML files are opened to recognise the format.
_TRIED_FILES = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    """One image to read: its key, its XML in which annotation folder, and who says that it is there."""

    stem: str
    home: Path
    xml: Path
    file: Path
    record: str


def _recognise(path: Path) -> Sighting | None:
    try:
        layout = find_layout(path)
    except DataError as error:
        return Sighting("voc", 0.9, (f"it {error.problem}, each with an Annotations folder: {error.remedy}",))
    if layout is None:
        return None
    files = layout.all_files()
    sound = next((xml for xml in files[:_TRIED_FILES] if is_annotation(xml)), None)
    if path.is_file():
        return Sighting("voc", 1.0, ("one XML file with the root <annotation>",)) if sound else None
    shown = f"{len(files):,} XML files in {_shown(files[0].parent, path)}"
    if sound is None:
        return None if files[0].parent == path else Sighting("voc", 0.5, (f"{shown}, the first of them unreadable",))
    evidence = [f"{shown}, {sound.name} with the root <annotation>"]
    if layout.lists:
        evidence.append(f"lists of splits in {_shown(next(iter(layout.lists.values())).parent, path)}")
    if pictures := child_folder(layout.root, *PICTURE_FOLDERS):
        evidence.append(f"a folder {_shown(pictures, path)}")
    return Sighting("voc", 1.0 if len(evidence) > 1 else 0.9, tuple(evidence))


def _shown(folder: Path, base: Path) -> str:
    return "this folder" if folder == base else f"{folder.relative_to(base)}/"


def _splits(path: Path) -> tuple[str, ...]:
    layout = layout_or_error(path)
    return ordered_splits(layout.lists or [split for split in layout.annotations if split is not None])


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    layout = layout_or_error(path)
    entries = _entries(layout, split, findings)
    parsed = {entry.xml: parse(entry.xml, findings) for entry in entries}
    # The other splits are read for their categories alone, so what is wrong with them is not this split's matter.
    quiet = Findings(strict=False)
    others = [xml for xml in layout.all_files() if xml not in parsed]
    everything = [*parsed.values(), *(parse(xml, quiet) for xml in others)]
    names = {item.category for one in everything if one is not None for item in one.objects}
    categories = Categories.from_names(sorted(name for name in names if name is not None))
    kept = [(entry, one) for entry in entries if (one := parsed[entry.xml]) is not None]
    paths = [_picture(layout, entry, one, findings) for entry, one in kept]
    width_px, height_px = fill_sizes([(one.width_px, one.height_px) for _, one in kept], paths)
    file_names = tuple(p.name if p else one.file_name for p, (_, one) in zip(paths, kept, strict=True))
    images = Images(tuple(entry.stem for entry, _ in kept), file_names, width_px, height_px)
    pictures = FolderPictures(
        tuple(paths), tuple(name or entry.stem for name, (entry, _) in zip(file_names, kept, strict=True))
    )
    return Dataset(
        name_of(path),
        "voc",
        path,
        split,
        categories,
        images,
        _ground_truth([one for _, one in kept], categories),
        pictures,
        tuple(str(entry.xml) for entry, _ in kept),
    )


def _members(path: Path, whole: Dataset, findings: Findings) -> dict[str, list[int]]:
    layout = layout_or_error(path)
    row_of = {file: row for row, file in enumerate(whole.annotation_files)}
    files = {split: [str(e.xml) for e in _entries(layout, split, findings)] for split in _splits(path)}
    return {split: [row_of[file] for file in found if file in row_of] for split, found in files.items()}


def _ground_truth(annotations: Iterable[VocAnnotation], categories: Categories) -> GroundTruth:
    builder = GroundTruthBuilder()
    rows = categories.row_of_name()
    for row, one in enumerate(annotations):
        for item in one.objects:
            builder.add(
                row,
                -1 if item.category is None else rows[item.category],
                item.box,
                area_px=item.area_px,
                crowd=item.crowd,
                ignore=item.ignore,
                difficult=item.difficult,
                truncated=item.truncated,
                occluded=item.occluded,
            )
    return builder.build()


def _entries(layout: VocLayout, split: str | None, findings: Findings) -> list[_Entry]:
    """Return what to read, each key once: a split's list, or every XML file."""
    if split is not None and split in layout.lists:
        entries = _listed(layout, layout.lists[split], findings)
    else:
        places = [layout.annotations[split]] if split in layout.annotations else list(layout.annotations.values())
        found = [xml for place in places for xml in layout.files[place]]
        entries = [_Entry(xml.stem, xml.parent, xml, xml, "") for xml in found]
    unique: dict[str, _Entry] = {}
    for entry in entries:
        if entry.stem in unique:
            message = f"the image {entry.stem!r} is there already ({unique[entry.stem].file})"
            findings.report("image-id-duplicate", file=entry.file, record=entry.record, message=message)
        else:
            unique[entry.stem] = entry
    return list(unique.values())


def _listed(layout: VocLayout, list_file: Path, findings: Findings) -> list[_Entry]:
    """Return the images of a split's list that have an XML file."""
    home = layout.annotations[None]
    entries = []
    for line_number, line in enumerate(read_text(list_file).split("\n"), 1):
        if not line.strip():
            continue
        record = f"line {line_number}"
        stems = _possible_stems(line.strip())
        try:
            files = [(s, safe_join(home, f"{s}.xml", file=list_file, record=record)) for s in stems]
        except DataError as error:
            findings.report("record-malformed", file=list_file, record=record, message=error.problem)
            continue
        there = next(((stem, xml) for stem, xml in files if exists(xml)), None)
        if there is None:
            message = f"the image {stems[-1]!r} has no annotation {files[-1][1]}"
            findings.report("annotation-missing", file=list_file, record=record, message=message)
            continue
        entries.append(_Entry(there[0], home, there[1], list_file, record))
    return entries


def _possible_stems(line: str) -> list[str]:
    """Return what a line may name: as it is, without a picture's ending, without the second column."""
    first, _, last = line.rpartition(" ")
    names = [line, first.strip()] if last in SECOND_COLUMN and first.strip() else [line]
    return list(dict.fromkeys(stem for name in names for stem in (name, stem_of(name, PICTURE_SUFFIXES))))


def _picture(layout: VocLayout, entry: _Entry, one: VocAnnotation, findings: Findings) -> Path | None:
    """Return an image's picture: the one of its stem, or else the one that ``<filename>`` names."""
    search = layout.pictures[entry.home]
    found = search.by_stem(entry.stem, file=entry.xml)
    named = PurePosixPath(one.file_name.replace("\\", "/")).name
    if named and stem_of(named, PICTURE_SUFFIXES) != PurePosixPath(entry.stem).name:
        message = f"its <filename> is {one.file_name!r}, its own name {entry.xml.name!r}"
        findings.report("file-name-differs", file=entry.xml, message=message)
        if found is None and named != "..":
            found = search.by_name(named, file=entry.xml)
    if found is None and search.holds_any():
        message = f"there is no picture of {entry.stem!r}"
        findings.report("annotation-orphan", file=entry.xml, message=message)
    return found


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    offsets = dataset.ground_truth.offsets(len(dataset.images))
    folder = path.resolve().name

    def composed(row: int, name: str) -> bytes:
        sides = int(dataset.images.width_px[row]), int(dataset.images.height_px[row])
        objects = _objects(dataset, range(offsets[row], offsets[row + 1]))
        return compose(VocAnnotation(name, *sides, tuple(objects)), folder)

    home, lists = FlatFolder(path / "JPEGImages", path / "Annotations", ".xml"), path / "ImageSets" / "Main"
    add_list(lists, dataset, write_flat(dataset, home, composed, listed_elsewhere(lists, dataset.split, home)))
    report_losses(dataset, findings, "VOC", ("ids",))


def _objects(dataset: Dataset, rows: Iterable[int]) -> Iterable[VocObject]:
    table = dataset.ground_truth
    for row in rows:
        category = int(table.category[row])
        x1, y1, x2, y2 = table.box[row].tolist()
        yield VocObject(
            None if category < 0 else dataset.categories.name[category],
            (x1, y1, x2, y2),
            float(table.area_px[row]),
            bool(table.crowd[row]),
            bool(table.ignore[row]),
            bool(table.difficult[row]),
            int(table.truncated[row]),
            int(table.occluded[row]),
        )


FORMAT = Format("voc", "Pascal VOC", _recognise, _splits, _read, _write, _members)
