"""Pictures that are missing, broken, turned, of another size or kind than they should be, or that nothing uses."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.check.context import listing
from detbench.data.findings import Finding
from detbench.data.pictures import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.check.context import Context
    from detbench.data.decoding import Header

__all__ = ["CHECKS"]

#: Where more than this share of a split's pictures is missing, the folder is: that is said once.
_MISSING_SHARE = 0.5

#: What Pillow calls a format → the file name endings it goes by.
_SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    "MPO": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    "PNG": {".png"},
    "BMP": {".bmp", ".dib"},
    "TIFF": {".tif", ".tiff"},
    "WEBP": {".webp"},
    "GIF": {".gif"},
}

_ORIENTATIONS = {
    2: "mirrored",
    3: "turned by 180°",
    4: "flipped",
    5: "mirrored and turned by 90°",
    6: "turned by 90°",
    7: "mirrored and turned by 270°",
    8: "turned by 270°",
}
#: Orientations from this one on swap width and height.
_FIRST_SWAPPING = 5

_MODES = {
    "1": "black and white, 1 bit",
    "L": "grey",
    "LA": "grey with transparency",
    "La": "grey with transparency",
    "P": "a palette",
    "PA": "a palette with transparency",
    "RGBA": "RGB with transparency",
    "RGBa": "RGB with transparency",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
    "LAB": "L*a*b*",
    "I": "32-bit whole numbers",
    "F": "32-bit floats",
}


def missing(context: Context) -> Iterator[Finding]:
    """Report pictures that are not there: one by one, or once where most are not."""
    for split in context.splits:
        rows = [row for row, look in enumerate(split.looks) if look.code == "picture-missing"]
        if len(rows) > max(1, _MISSING_SHARE * len(split.looks)):
            first = split.data.pictures.where(rows[0])
            yield split.split_finding(
                "picture-missing",
                f"{len(rows):,} of {len(split.looks):,} pictures are missing, the first of them {first}",
            )
            continue
        for row in rows:
            yield split.picture_finding("picture-missing", row, split.looks[row].problem)


def broken(context: Context) -> Iterator[Finding]:
    """Report pictures that cannot be read or do not decode to the last pixel."""
    for split in context.splits:
        for row, look in enumerate(split.looks):
            if look.code and look.code != "picture-missing":
                yield split.picture_finding(look.code, row, look.problem)


def turned(context: Context) -> Iterator[Finding]:
    """Report pictures whose EXIF tag says that they are to be shown turned or mirrored."""
    for split in context.splits:
        for row, look in enumerate(split.looks):
            orientation = look.header.orientation if look.header else 1
            if orientation in _ORIENTATIONS:
                yield split.picture_finding(
                    "picture-exif-rotation",
                    row,
                    f"is to be shown {_ORIENTATIONS[orientation]} (EXIF orientation {orientation}): annotation tools "
                    "differ in whether they do, and so do training pipelines",
                )


def of_another_size(context: Context) -> Iterator[Finding]:
    """Report pictures whose size is not the annotation's, and whether width and height are just swapped."""
    for split in context.splits:
        images = split.data.images
        for row, look in enumerate(split.looks):
            said = int(images.width_px[row]), int(images.height_px[row])
            if look.header is None or min(said) <= 0 or said == (look.header.width_px, look.header.height_px):
                continue
            message = (
                f"the annotation says {said[0]} by {said[1]} px, the picture is {look.header.width_px} by "
                f"{look.header.height_px}"
            )
            yield split.picture_finding("picture-size-mismatch", row, message + _if_swapped(said, look.header))


def _if_swapped(said: tuple[int, int], header: Header) -> str:
    if said != (header.height_px, header.width_px):
        return ""
    if header.orientation >= _FIRST_SWAPPING:
        return ": the sizes are swapped, because the boxes were drawn on the picture as its EXIF rotation shows it"
    return ": the sizes are swapped, as if the picture was turned after it was annotated"


def named_as_another_format(context: Context) -> Iterator[Finding]:
    """Report, in one line for each kind, pictures whose name ends in another format than their bytes have."""
    for split in context.splits:
        kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row, look in enumerate(split.looks):
            path = split.data.pictures.path(row)
            suffix = path.suffix.lower() if path else ""
            if look.header and suffix and suffix not in _SUFFIXES.get(look.header.format, {suffix}):
                kinds[suffix, look.header.format].append(row)
        for (suffix, name), rows in sorted(kinds.items()):
            where = [Path(split.data.pictures.where(row)).name for row in rows]
            yield split.split_finding(
                "picture-format-differs", f"{_pictures(len(rows))} named {suffix} but {name} inside: {listing(where)}"
            )


def of_unusual_mode(context: Context) -> Iterator[Finding]:
    """Report, in one line for each kind, pictures that are not 8-bit RGB: grey, CMYK, palette, 16 bit."""
    for split in context.splits:
        kinds: dict[str, list[int]] = defaultdict(list)
        for row, look in enumerate(split.looks):
            if look.header and look.sixteen_bit:
                kinds["16 bits a channel"].append(row)
            elif look.header and look.header.mode != "RGB":
                kinds[_MODES.get(look.header.mode, f"mode {look.header.mode}")].append(row)
            elif look.header and look.header.format == "MPO":
                kinds["several pictures in one file (MPO), of which the first is read"].append(row)
        for kind, rows in sorted(kinds.items()):
            where = [Path(split.data.pictures.where(row)).name for row in rows]
            yield split.split_finding("picture-mode-unusual", f"{_pictures(len(rows))} {kind}: {listing(where)}")


def _pictures(count: int) -> str:
    return "1 picture is" if count == 1 else f"{count:,} pictures are"


def used_by_nothing(context: Context) -> Iterator[Finding]:
    """Report, in one line a folder, pictures that lie among the others and that no split names."""
    if not context.whole:
        return
    used: dict[Path, set[str]] = defaultdict(set)
    for split in context.splits:
        for row in range(len(split.looks)):
            path = split.data.pictures.path(row)
            if path is not None:
                used[path.parent].add(path.name)
    for folder, names in sorted(used.items()):
        unused = sorted(name for name in _picture_names(folder) if name not in names)
        if unused:
            yield Finding("picture-orphan", str(folder), "", f"{_pictures(len(unused))} in no split: {listing(unused)}")


def _picture_names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if Path(entry.name).suffix.lower() in PICTURE_SUFFIXES and not entry.name.startswith("."):
                yield entry.name


CHECKS = (missing, broken, turned, of_another_size, named_as_another_format, of_unusual_mode, used_by_nothing)
