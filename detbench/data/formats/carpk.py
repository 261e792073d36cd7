"""CARPK and PUCPR+: ``<set>_devkit/data/{Images, Annotations/*.txt, ImageSets/{train,test}.txt}``.

A line of an annotation is ``x1 y1 x2 y2 class``, whole numbers; the class is always 1 and becomes the one category,
``car``. The corners are taken as they stand: 0-based, continuous, nothing is added to the far one. The source of this
decision is the files themselves, for the devkits' layout says nothing of it: their near corners begin at 0 and their
far ones end at 719 in pictures 720 pixels high. So they count from 0; whether 719 is the last pixel or its near edge
cannot be told, and for cars of 40 to 110 pixels the other reading would move an IoU by a few hundredths at most.

The path may be the devkit, its ``data`` folder, or the folder that the devkit is in. An image's key is its stem. A
devkit without ``ImageSets`` has no splits. Written are whole numbers (corners are rounded) and category 1 for every
box, so the format carries one category only, and no areas, crowds, difficulties, occlusion or annotation ids: boxes
that are to be ignored are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.number_lines import first_line, number_lines
from detbench.data.formats.numbers import is_coordinate, number_text
from detbench.data.formats.picture_search import PictureSearch, fill_sizes
from detbench.data.formats.scanning import child_folder, exists, files_with_suffix, folders_in, ordered_splits, stem_of
from detbench.data.formats.writing import FlatFolder, add_list, listed_elsewhere, write_flat
from detbench.data.pictures import PICTURE_SUFFIXES, FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError
from detbench.files import read_text, safe_join
from detbench.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FORMAT"]

_COLUMNS = 5
_DEVKIT = "_devkit"


@dataclass(frozen=True, slots=True)
class _Devkit:
    """Where a devkit's parts are: its data folder, its annotations (None if there are none), its lists by split."""

    root: Path
    annotations: Path | None
    lists: dict[str, Path]

    @property
    def name(self) -> str:
        """The set's name: ``CARPK`` of ``CARPK_devkit/data``."""
        folder = self.root.resolve()
        return (folder.parent if folder.name.lower() == "data" else folder).name.removesuffix(_DEVKIT)


def _devkit_at(root: Path) -> _Devkit | None:
    """Return the devkit whose data folder is ``root``, None if it is none."""
    annotations = child_folder(root, "annotations")
    sets = child_folder(root, "imagesets")
    lists = {path.stem: path for path in files_with_suffix(sets, ".txt")} if sets else {}
    named = root.resolve().name.endswith(_DEVKIT) or root.resolve().parent.name.endswith(_DEVKIT)
    if annotations is None:
        return _Devkit(root, None, lists) if named and lists else None
    return _Devkit(root, annotations, lists) if _holds_boxes(annotations, otherwise=named) else None


def _holds_boxes(folder: Path, *, otherwise: bool) -> bool:
    """Return whether the first line there is holds five whole numbers; ``otherwise`` if there is no line at all."""
    files = files_with_suffix(folder, ".txt")
    line = next((line for path in files if (line := first_line(path, separator=None)) is not None), None)
    if line is None:
        return otherwise and bool(files)
    return len(line) == _COLUMNS and all(value.is_integer() for value in line if is_coordinate(value))


def _devkits(path: Path) -> list[_Devkit]:
    """Return the devkit that ``path`` is, or those in it."""
    for root in (path, child_folder(path, "data")):
        devkit = _devkit_at(root) if root is not None else None
        if devkit is not None:
            return [devkit]
    roots = [child_folder(folder, "data") or folder for folder in folders_in(path) if folder.name.endswith(_DEVKIT)]
    return [devkit for root in roots if (devkit := _devkit_at(root)) is not None]


def _find(path: Path) -> _Devkit:
    """Return the devkit at ``path``. Raises DataError if there is none, or several."""
    found = _devkits(path)
    if not found:
        raise DataError(
            "holds no CARPK devkit: no Annotations/*.txt of five whole numbers a line",
            file=path,
            remedy="name the folder <set>_devkit",
        )
    if len(found) > 1:
        names = ", ".join(f"{devkit.name}{_DEVKIT}" for devkit in found)
        raise DataError(f"holds {names}", file=path, remedy="name one of these folders")
    return found[0]


def _recognise(path: Path) -> Sighting | None:
    found = _devkits(path) if path.is_dir() else []
    if not found:
        return None
    devkit = found[0]
    if len(found) > 1:
        return Sighting("carpk", 0.9, (f"it holds {len(found)} devkits: name one of them",))
    if devkit.annotations is None:
        return Sighting("carpk", 0.6, ("a folder called *_devkit with ImageSets/*.txt, but without Annotations",))
    evidence = [f"Annotations/*.txt in {devkit.root.name}/ with five whole numbers a line"]
    if devkit.lists:
        evidence.append(f"ImageSets/{{{','.join(ordered_splits(devkit.lists))}}}.txt")
    named = devkit.root.resolve().parent.name.endswith(_DEVKIT)
    return Sighting("carpk", 1.0 if devkit.lists or named else 0.7, tuple(evidence))


def _splits(path: Path) -> tuple[str, ...]:
    return ordered_splits(_find(path).lists)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    devkit = _find(path)
    stems = _stems(devkit, split, findings)
    search = PictureSearch.beneath(child_folder(devkit.root, "images"))
    pictures = [search.by_stem(stem, file=path) for stem in stems]
    builder = GroundTruthBuilder()
    for row, file in enumerate(stems.values()):
        for _record, (x1, y1, x2, y2, _class) in number_lines(file, findings, separator=None, columns=_COLUMNS):
            builder.add(row, 0, (x1, y1, x2, y2))
    file_names = tuple(picture.name if picture else "" for picture in pictures)
    return Dataset(
        name=devkit.name,
        format="carpk",
        source=path,
        split=split,
        categories=Categories.from_names(["car"]),
        images=Images(tuple(stems), file_names, *fill_sizes([(0, 0)] * len(stems), pictures)),
        ground_truth=builder.build(),
        pictures=FolderPictures(tuple(pictures), tuple(f"{devkit.root / 'Images' / stem}.*" for stem in stems)),
        annotation_files=tuple(map(str, stems.values())),
    )


def _stems(devkit: _Devkit, split: str | None, findings: Findings) -> dict[str, Path]:
    """Return the images' stems and their annotation files: a list's, or all lists' and every other annotation's."""
    stems: dict[str, Path] = {}
    for name in [split] if split is not None else ordered_splits(devkit.lists):
        for stem, file in _listed(devkit, devkit.lists[name], findings).items():
            stems.setdefault(stem, file)
    if split is None and devkit.annotations is not None:
        for file in files_with_suffix(devkit.annotations, ".txt"):
            stems.setdefault(file.stem, file)
    return stems


def _listed(devkit: _Devkit, listing: Path, findings: Findings) -> dict[str, Path]:
    """Return a list's stems and their annotation files; one without a file is reported and left out."""
    folder = devkit.annotations or devkit.root / "Annotations"
    stems: dict[str, Path] = {}
    for count, line in enumerate(read_text(listing).split("\n"), 1):
        stem = stem_of(line.strip(), PICTURE_SUFFIXES)
        if not stem:
            continue
        record = f"line {count}"
        try:
            file = safe_join(folder, f"{stem}.txt", file=listing, record=record)
        except DataError as error:
            findings.report("record-malformed", file=listing, record=record, message=error.problem)
            continue
        if stem in stems:
            findings.report("image-id-duplicate", file=listing, record=record, message=f"{stem!r} is listed twice")
        elif not exists(file):
            message = f"the image {stem!r} has no annotation {file}"
            findings.report("annotation-missing", file=listing, record=record, message=message)
        else:
            stems[stem] = file
    return stems


def _members(path: Path, whole: Dataset, _findings: Findings) -> dict[str, list[int]]:
    devkit = _find(path)
    row_of = whole.images.row_of_key()
    quiet = Findings(strict=False)  # whole was read by the same lists
    return {name: [row_of[stem] for stem in _listed(devkit, file, quiet)] for name, file in devkit.lists.items()}


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    table = dataset.ground_truth
    kept = ~(table.crowd | table.ignore) & (table.category >= 0)
    present = np.unique(table.category[kept])
    if len(present) > 1:
        shown = ", ".join(dataset.categories.name[row] for row in present[:5])
        raise DataError(
            f"has boxes of {len(present)} categories ({shown}), and CARPK carries one",
            file=dataset.source,
            remedy="write another format, or keep one category",
        )
    data = path / "data"
    offsets = table.offsets(len(dataset.images))
    corners = np.rint(table.box)

    def compose(row: int, _name: str) -> bytes:
        span = slice(offsets[row], offsets[row + 1])
        return "".join(f"{' '.join(map(number_text, box))} 1\n" for box in corners[span][kept[span]].tolist()).encode()

    home, lists = FlatFolder(data / "Images", data / "Annotations", ".txt"), data / "ImageSets"
    stems = write_flat(dataset, home, compose, listed_elsewhere(lists, dataset.split, home))
    add_list(lists, dataset, stems)
    _report_losses(dataset, findings, kept, corners)


def _report_losses(dataset: Dataset, findings: Findings | None, kept: NDArray[Any], corners: NDArray[Any]) -> None:
    table = dataset.ground_truth
    renamed = {dataset.categories.name[row] for row in table.category[kept]} - {"car"}
    rounded = int((kept & (table.box != corners).any(axis=1)).sum())
    also = [f"the name of the category {name}, which becomes car" for name in renamed]
    also += [f"the fractions of a pixel of {counted(rounded, 'box', 'boxes')}"] if rounded else []
    report_losses(
        dataset, findings, "CARPK", ("regions", "crowds", "ignored", "difficult", "levels", "areas", "ids"), also=also
    )


FORMAT = Format("carpk", "CARPK and PUCPR+ devkits", _recognise, _splits, _read, _write, _members)
