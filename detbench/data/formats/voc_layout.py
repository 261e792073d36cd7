"""Where a VOC dataset's parts are: XML files, pictures, lists of splits, whatever the folders are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.formats.picture_search import PictureSearch
from detbench.data.formats.scanning import (
    child_folder,
    files_with_suffix,
    folders_in,
    holds_suffix,
    is_split_name,
    parent_of,
)
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PICTURE_FOLDERS", "SECOND_COLUMN", "VocLayout", "find_layout", "layout_or_error"]

_ANNOTATION_FOLDERS = ("annotations", "annotation", "xml", "xmls", "labels")
PICTURE_FOLDERS = ("jpegimages", "images", "image", "imgs", "img", "pictures")

#: What the second column of a ``<class>_<split>.txt`` says: the class is not in the image, is, or is difficult.
SECOND_COLUMN = frozenset({"-1", "0", "1"})


@dataclass(frozen=True, slots=True)
class VocLayout:
    """Where things are.

    Annotation folders by split (None where there are none), the XML files and the search for the pictures of each,
    and the lists of splits.
    """

    root: Path
    annotations: Mapping[str | None, Path]
    files: Mapping[Path, tuple[Path, ...]]
    pictures: Mapping[Path, PictureSearch]
    lists: Mapping[str, Path]

    def all_files(self) -> list[Path]:
        """Return the XML files of every split."""
        return [xml for place in self.annotations.values() for xml in self.files[place]]


def _devkit_root(path: Path) -> Path:
    """Return the folder of the one year in a VOCdevkit, or ``path``. Raises DataError if there are several years."""
    if _has_xml(path) or child_folder(path, *_ANNOTATION_FOLDERS):
        return path
    devkit = child_folder(path, "vocdevkit") or path
    years = [f for f in folders_in(devkit) if f.name.lower().startswith("voc") and child_folder(f, "annotations")]
    if len(years) > 1:
        raise DataError(
            f"holds {', '.join(year.name for year in years)}", file=path, remedy="name one of these folders"
        )
    return years[0] if years else path


def _has_xml(folder: Path) -> bool:
    return holds_suffix(folder, ".xml")


def find_layout(path: Path) -> VocLayout | None:
    """Return where a VOC dataset's parts are, or None if there is no XML. Raises DataError on several years."""
    if path.is_file():
        return _of_one_file(path) if path.suffix.lower() == ".xml" else None
    root = _devkit_root(path)
    home = next((f for n in _ANNOTATION_FOLDERS if (f := child_folder(root, n)) and _has_xml_below(f)), root)
    annotations: dict[str | None, Path] = {None: home}
    if not _has_xml(home):
        annotations = {f.name: place for f in folders_in(home) if (place := _split_place(f, inside=home != root))}
    if not annotations:
        return None
    files = {place: tuple(files_with_suffix(place, ".xml")) for place in annotations.values()}
    pictures = {place: _picture_search(root, place, split) for split, place in annotations.items()}
    return VocLayout(root, annotations, files, pictures, _split_lists(root) if None in annotations else {})


def _of_one_file(path: Path) -> VocLayout:
    """Return the layout of one image: an XML file beside its picture, or in Annotations."""
    place = path.parent
    root = parent_of(place) if place.resolve().name.lower() in _ANNOTATION_FOLDERS else place
    return VocLayout(root, {None: place}, {place: (path,)}, {place: _picture_search(root, place, None)}, {})


def _split_place(folder: Path, *, inside: bool) -> Path | None:
    """Return where a split's XML is: in its folder, or in Annotations in it; ``inside`` Annotations any name may be."""
    if not inside and not is_split_name(folder.name):
        return None
    return next((p for p in (folder, child_folder(folder, "annotations")) if p and _has_xml(p)), None)


def _picture_search(root: Path, place: Path, split: str | None) -> PictureSearch:
    """Return a search for the pictures of the annotations in ``place``, nearest first."""
    homes = [child_folder(root, name) for name in PICTURE_FOLDERS]
    within = [home / split for home in homes if home and split]
    beside = [place, child_folder(place.parent, *PICTURE_FOLDERS)]
    return PictureSearch.beneath(*within, *(beside if split else ()), *homes, root, *beside)


def _has_xml_below(folder: Path) -> bool:
    return _has_xml(folder) or any(_has_xml(child) for child in folders_in(folder))


def _split_lists(root: Path) -> dict[str, Path]:
    """Return split → list file; ``<class>_<split>.txt`` of the devkit, which list classes, are no splits."""
    sets = child_folder(root, "imagesets")
    if sets is None:
        return {}
    lists = files_with_suffix(child_folder(sets, "main") or sets, ".txt")
    names = {path.stem for path in lists}
    return {p.stem: p for p in lists if not (p.stem.rpartition("_")[2] in names - {p.stem} and _has_second_column(p))}


def _has_second_column(path: Path) -> bool:
    try:
        lines = (line.split() for line in read_text(path).split("\n"))
    except DataError:
        return False
    return next((words[-1] in SECOND_COLUMN for words in lines if len(words) > 1), False)


def layout_or_error(path: Path) -> VocLayout:
    """Return :func:`find_layout`. Raises DataError if there is none."""
    layout = find_layout(path)
    if layout is None:
        raise DataError(
            "holds no VOC annotations: no XML in it, in Annotations/ or in a folder a split",
            file=path,
            remedy="name the folder that holds Annotations and JPEGImages",
        )
    return layout
