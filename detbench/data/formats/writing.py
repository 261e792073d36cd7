"""What every writer of a format does: name the pictures, copy them, and never overwrite what is different."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.decoding import read_header
from detbench.data.formats.carrying import is_there
from detbench.data.formats.scanning import exists, files_with_suffix, stem_of
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError
from detbench.files import make_folder, read_bytes, read_text, replacing, safe_join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detbench.data.tables import Dataset

__all__ = [
    "FlatFolder",
    "add_list",
    "copy_pictures",
    "listed_elsewhere",
    "picture_names",
    "put",
    "split_folder",
    "write_flat",
]

#: What a picture's file is called after, by Pillow's name of its format.
_SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}


@dataclass(frozen=True, slots=True)
class FlatFolder:
    """A folder of pictures and one of annotations, a file an image, of the same stem; ``suffix`` is theirs."""

    pictures: Path
    annotations: Path
    suffix: str

    def annotation(self, name: str) -> Path:
        """Return the annotation file of the picture called ``name``."""
        return self.annotations / f"{stem_of(name, PICTURE_SUFFIXES)}{self.suffix}"


def put(path: Path, data: bytes) -> None:
    """Write a new file, its folder included; a file with the same bytes may be there already.

    Raises
    ------
    DataError
        If a file with other bytes is there, or it cannot be written.
    """
    if exists(path):
        if path.is_file() and path.stat().st_size == len(data) and read_bytes(path) == data:
            return
        raise DataError("is there already, with other content", file=path, remedy="write to an empty folder")
    make_folder(path.parent)
    # Not durable: a flush a file takes longer than all the rest, nothing is replaced here, and the source is there
    # to be written again.
    with replacing(path, durable=False) as file:
        file.write(data)


def split_folder(parent: Path, split: str | None, source: object) -> Path:
    """Return the folder of a split in ``parent``: ``parent`` itself without one. Raises DataError on a bad name."""
    return parent if split is None else safe_join(parent, split, file=source, record=f"split {split!r}")


def picture_names(dataset: Dataset) -> tuple[str, ...]:
    """Return a name for every picture: relative, no two alike, with an ending.

    It is the source's own file name, or the image's key where there is none. Names that are alike, but for their
    endings or upper and lower case, are told apart by a number.

    Raises
    ------
    DataError
        If a name leads out of its folder.
    """
    return _told_apart(dataset, _names_in_source(dataset), lambda _row, _name: True)


def write_flat(
    dataset: Dataset, folder: FlatFolder, compose: Callable[[int, str], bytes], others: Mapping[str, FlatFolder]
) -> list[str]:
    """Write every image's picture and annotation to two folders without folders in them; return the stems.

    An image's name is the source's, its folders joined to it by ``_``, so that it is the same in every split. A name
    that is another image's gets a number: one of this dataset's, or one that another split has already written.

    Parameters
    ----------
    dataset, folder
        What to write, and where.
    compose
        ``(row, picture's name) → annotation's bytes``.
    others
        The stems, in lower case, that other splits have, and where; what is there with the same picture and the
        same annotation is the same image.

    Raises
    ------
    DataError
        If a name leads out of its folder; if another file is there under a name and no other split has it.
    """

    def is_free(row: int, name: str) -> bool:
        other = others.get(stem_of(name, PICTURE_SUFFIXES).lower())
        return other is None or _holds(other, name, compose(row, name), dataset, row)

    names = _told_apart(dataset, [_flat(name) for name in _names_in_source(dataset)], is_free)
    copy_pictures(dataset, folder.pictures, names)
    for row, name in enumerate(names):
        put(folder.annotation(name), compose(row, name))
    return [stem_of(name, PICTURE_SUFFIXES) for name in names]


def listed_elsewhere(lists: Path, split: str | None, folder: FlatFolder) -> dict[str, FlatFolder]:
    """Return the stems, in lower case, that the lists ``<split>.txt`` of other splits have, all in ``folder``."""
    files = [file for file in files_with_suffix(lists, ".txt") if file.stem != split]
    return {line.lower(): folder for file in files for line in read_text(file).split("\n")}


def add_list(lists: Path, dataset: Dataset, stems: Sequence[str]) -> None:
    """Write the list of a split's stems; a dataset without splits has none. Raises DataError."""
    if dataset.split is not None:
        target = split_folder(lists, f"{dataset.split}.txt", dataset.source)
        put(target, "".join(f"{stem}\n" for stem in stems).encode())


def _holds(folder: FlatFolder, name: str, annotation: bytes, dataset: Dataset, row: int) -> bool:
    """Return whether a folder has image ``row`` under this name: the same annotation, and the same picture or none."""
    file, picture = folder.annotation(name), folder.pictures / name
    if not file.is_file() or read_bytes(file) != annotation or picture.is_file() != is_there(dataset, row):
        return False
    return not picture.is_file() or read_bytes(picture) == dataset.pictures.read(row)


def _names_in_source(dataset: Dataset) -> list[str]:
    """Return each picture's name, or its image's key. Raises DataError if one leads out of its folder."""
    images = dataset.images
    plain = [str(name or key).replace("\\", "/") for name, key in zip(images.file_name, images.key, strict=True)]
    for name in plain:
        safe_join(Path(), name, file=dataset.source, record=f"image {name!r}")
    return plain


def _flat(name: str) -> str:
    r"""Return a name without folders, that a list of names, a line each, can hold and that hides no file.

    Examples
    --------
    >>> _flat("M0101/img000001.jpg"), _flat("./.a\nb .png")
    ('M0101_img000001.jpg', 'a_b.png')
    """
    joined = "_".join(part for part in name.split("/") if part not in {"", "."})
    stem = stem_of(joined, PICTURE_SUFFIXES)
    printable = "".join(letter if letter.isprintable() else "_" for letter in stem)
    return (printable.strip().lstrip(".").strip() or "_") + joined[len(stem) :]


def _told_apart(dataset: Dataset, plain: Sequence[str], is_free: Callable[[int, str], bool]) -> tuple[str, ...]:
    """Return names with endings, a number added to those that are taken here or that ``is_free`` refuses."""
    taken: set[str] = set()
    names = []
    for row, name in enumerate(plain):
        stem = unique = stem_of(name, PICTURE_SUFFIXES)
        suffix = name[len(stem) :] or _suffix_of(dataset, row)
        number = count(2)
        while unique.lower() in taken or not is_free(row, unique + suffix):
            unique = f"{stem}-{next(number)}"
        taken.add(unique.lower())
        names.append(unique + suffix)
    return tuple(names)


def _suffix_of(dataset: Dataset, row: int) -> str:
    """Return the ending that a picture without one should have; ``.jpg`` if there is no picture to ask."""
    if not is_there(dataset, row):
        return ".jpg"
    path = dataset.pictures.path(row)
    if path is not None and path.suffix.lower() in PICTURE_SUFFIXES:
        return path.suffix
    header = read_header(dataset.pictures.read(row), where=dataset.pictures.where(row))
    return _SUFFIX_OF_FORMAT.get(header.format, ".jpg")


def copy_pictures(dataset: Dataset, folder: Path, names: Sequence[str]) -> None:
    """Copy the pictures that are there to ``folder``, byte for byte, as ``names``.

    Raises
    ------
    DataError
        If one cannot be read or written, or another file of its name is there.
    """
    for row, name in enumerate(names):
        if not is_there(dataset, row):
            continue
        target = safe_join(folder, name, file=dataset.source, record=f"image {dataset.images.key[row]!r}")
        source = dataset.pictures.path(row)
        if source is None or exists(target):
            put(target, dataset.pictures.read(row))
            continue
        make_folder(target.parent)
        with replacing(target, durable=False) as file:  # as in put
            try:
                reader = source.open("rb")
            except OSError as error:
                raise DataError(f"cannot be read ({error.strerror or error})", file=source) from error
            with reader:
                shutil.copyfileobj(reader, file)
