"""What every writer of a format does: name the pictures, copy them, and never overwrite what is different."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from detbench.data.pictures import PICTURE_SUFFIXES, read_header
from detbench.errors import DataError
from detbench.files import read_bytes, replacing, safe_join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.data.tables import Dataset

__all__ = ["copy_pictures", "make_folder", "picture_names", "put", "split_folder"]

#: What a picture's file is called after, by Pillow's name of its format.
_SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}


def put(path: Path, data: bytes) -> None:
    """Write a new file, its folder included; a file with the same bytes may be there already.

    Raises
    ------
    DataError
        If a file with other bytes is there, or it cannot be written.
    """
    if path.exists():
        if path.is_file() and path.stat().st_size == len(data) and read_bytes(path) == data:
            return
        raise DataError("is there already, with other content", file=path, remedy="write to an empty folder")
    make_folder(path.parent)
    with replacing(path) as file:
        file.write(data)


def split_folder(parent: Path, split: str | None, source: object) -> Path:
    """Return the folder of a split in ``parent``: ``parent`` itself without one. Raises DataError on a bad name."""
    return parent if split is None else safe_join(parent, split, file=source, record=f"split {split!r}")


def picture_names(dataset: Dataset, *, flat: bool = False) -> tuple[str, ...]:
    """Return a name for every picture: relative, no two alike, with an ending.

    It is the source's own file name, or the image's key where there is none. ``flat`` leaves out the folders,
    except where two names would become one; there they are joined by ``_``. Names that still are alike, but for
    their endings, are told apart by a number.

    Raises
    ------
    DataError
        If a name leads out of its folder.
    """
    images = dataset.images
    plain = [str(name or key).replace("\\", "/") for name, key in zip(images.file_name, images.key, strict=True)]
    for name in plain:
        safe_join(Path(), name, file=dataset.source, record=f"image {name!r}")
    if flat:
        last = [PurePosixPath(name).name for name in plain]
        plain = (
            last if len({PurePosixPath(n).stem for n in last}) == len(last) else [n.replace("/", "_") for n in plain]
        )
    taken: set[str] = set()
    names = []
    for row, name in enumerate(plain):
        suffix = PurePosixPath(name).suffix
        has_suffix = suffix.lower() in PICTURE_SUFFIXES
        stem = unique = name[: -len(suffix)] if has_suffix else name
        count = 1
        while unique.lower() in taken:
            count += 1
            unique = f"{stem}-{count}"
        taken.add(unique.lower())
        names.append(unique + (suffix if has_suffix else _suffix_of(dataset, row)))
    return tuple(names)


def _suffix_of(dataset: Dataset, row: int) -> str:
    """Return the ending that a picture without one should have; ``.jpg`` if there is no picture to ask."""
    if not _is_there(dataset, row):
        return ".jpg"
    path = dataset.pictures.path(row)
    if path is not None and path.suffix.lower() in PICTURE_SUFFIXES:
        return path.suffix
    header = read_header(dataset.pictures.read(row), where=dataset.pictures.where(row))
    return _SUFFIX_OF_FORMAT.get(header.format, ".jpg")


def _is_there(dataset: Dataset, row: int) -> bool:
    """Return whether picture ``row`` can be copied; by contract its size raises DataError if it is missing."""
    try:
        dataset.pictures.size_bytes(row)
    except DataError:
        return False
    return True


def copy_pictures(dataset: Dataset, folder: Path, names: Sequence[str]) -> None:
    """Copy the pictures that are there to ``folder``, byte for byte, as ``names``.

    Raises
    ------
    DataError
        If one cannot be read or written, or another file of its name is there.
    """
    for row, name in enumerate(names):
        if not _is_there(dataset, row):
            continue
        target = safe_join(folder, name, file=dataset.source, record=f"image {dataset.images.key[row]!r}")
        source = dataset.pictures.path(row)
        if source is None or target.exists():
            put(target, dataset.pictures.read(row))
            continue
        make_folder(target.parent)
        with replacing(target) as file:
            try:
                reader = source.open("rb")
            except OSError as error:
                raise DataError(f"cannot be read ({error.strerror or error})", file=source) from error
            with reader:
                shutil.copyfileobj(reader, file)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there. Raises DataError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder cannot be made ({error.strerror or error})", file=folder) from error
