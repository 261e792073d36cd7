"""What a picture's header says, and whether it decodes in full."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, UnidentifiedImageError
from simplejpeg import decode_jpeg  # type: ignore[import-untyped]  # it has no stubs

from detbench.data.jpeg_header import jpeg_header
from detbench.errors import DataError

if TYPE_CHECKING:
    from detbench.data.tables import Pictures

__all__ = ["Header", "decode_fully", "header_of", "read_header", "to_png"]

#: What the decoders raise on bytes that are no sound picture.
_BROKEN = (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)

#: Pillow's names for a JPEG; MPO is one with further pictures behind the first.
_JPEGS = frozenset({"JPEG", "MPO"})

#: Modes that PNG holds as they are.
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})

#: Modes that libjpeg-turbo reduces to grey; CMYK is Pillow's.
_SIMPLE_MODES = frozenset({"L", "RGB"})

#: Where the headers of most JPEGs are over; those of others are read by Pillow.
_HEADER_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's first bytes say.

    Pillow's names of format (``"JPEG"``) and mode (``"RGB"``), the size as stored, and the EXIF orientation, 1 if
    the picture is upright.
    """

    format: str
    mode: str
    width_px: int
    height_px: int
    orientation: int


def read_header(source: Path | bytes, *, where: str = "") -> Header:
    """Return what the header says, without decoding the pixels. Raises DataError if it is no picture."""
    quick = jpeg_header(source) if isinstance(source, bytes) else None
    if quick is not None:
        return Header("JPEG", *quick)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            # Pillow decodes a whole PNG to look for EXIF behind its pixels.
            exif = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else {}
            orientation = int(exif.get(ExifTags.Base.Orientation, 1) or 1)
            return Header(picture.format or "", picture.mode, picture.width, picture.height, orientation)
    except _BROKEN as error:
        raise DataError(
            f"is not a picture that can be read ({_words(error)})",
            file=where or (source if isinstance(source, Path) else "a picture"),
            remedy="restore it from its source",
        ) from error


def header_of(pictures: Pictures, row: int) -> Header:
    """Return what the header of a dataset's picture says; of a file only its beginning is read.

    Raises DataError if it is missing or no picture.
    """
    path, where = pictures.path(row), pictures.where(row)
    if path is None:
        return read_header(pictures.read(row), where=where)
    try:
        with path.open("rb") as file:
            quick = jpeg_header(file.read(_HEADER_BYTES))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    return Header("JPEG", *quick) if quick is not None else read_header(path, where=where)


def decode_fully(data: bytes, *, where: str) -> Header:
    """Read every coded bit of a picture and return its header. Raises DataError if the picture is cut or broken.

    A grey or YCbCr JPEG goes to libjpeg-turbo with warnings taken as errors, at an eighth of its size and without
    colour: all the entropy-coded data is decoded, only the inverse transform is spared. That finds the same broken
    files as a decode in full size, and many that Pillow lets pass (``docs/decisions/0006-picture-check.md``). Anything
    else goes to Pillow's ``load()``; its ``verify()`` accepts truncated files.
    """
    header = read_header(data, where=where)
    try:
        if header.format in _JPEGS and header.mode in _SIMPLE_MODES:
            decode_jpeg(data, "GRAY", min_factor=8, min_height=1, min_width=1, strict=True)
        else:
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
    except _BROKEN as error:
        raise DataError(
            f"does not decode ({_words(error)})", file=where, remedy="restore it from its source"
        ) from error
    return header


def to_png(data: bytes, *, where: str) -> bytes:
    """Return a picture of another format as PNG, every pixel of its first frame as it was.

    A colour space that PNG lacks (CMYK, Lab) becomes RGB. Raises DataError if it does not decode.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            plain = picture if picture.mode in _PNG_MODES else picture.convert("RGB")
            target = io.BytesIO()
            plain.save(target, "PNG", exif=b"", icc_profile=None)
    except _BROKEN as error:
        raise DataError(
            f"does not decode ({_words(error)})", file=where, remedy="restore it from its source"
        ) from error
    return target.getvalue()


def _words(error: BaseException) -> str:
    """Return a library's error as words without the addresses of objects, which differ from run to run."""
    return "no known picture format" if isinstance(error, UnidentifiedImageError) else str(error)
