"""Pictures on the disk: where they are, what their headers say, and whether they decode in full."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from detbench.errors import DataError
from detbench.files import read_bytes

__all__ = ["FolderPictures", "Header", "decode_fully", "read_header"]

#: File name endings that count as pictures when a folder is searched, lower case.
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".mpo"})


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


@dataclass(frozen=True, slots=True)
class FolderPictures:
    """Pictures that are files; None marks one that could not be found, ``names`` what was looked for."""

    paths: tuple[Path | None, ...]
    names: tuple[str, ...]

    def where(self, row: int) -> str:
        """See :class:`detbench.data.tables.Pictures`."""
        return str(self.paths[row] or self.names[row])

    def path(self, row: int) -> Path | None:
        """See :class:`detbench.data.tables.Pictures`."""
        return self.paths[row]

    def size_bytes(self, row: int) -> int:
        """See :class:`detbench.data.tables.Pictures`."""
        path = self._found(row)
        try:
            return path.stat().st_size
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error

    def read(self, row: int) -> bytes:
        """See :class:`detbench.data.tables.Pictures`."""
        return read_bytes(self._found(row))

    def _found(self, row: int) -> Path:
        path = self.paths[row]
        if path is None:
            raise DataError(
                "the picture is missing", file=self.names[row], remedy="put it where the annotation says it is"
            )
        return path


def read_header(source: Path | bytes, *, where: str = "") -> Header:
    """Return what the header says, without decoding the pixels. Raises DataError if it is no picture."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            orientation = int(picture.getexif().get(ExifTags.Base.Orientation, 1) or 1)
            return Header(picture.format or "", picture.mode, picture.width, picture.height, orientation)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"is not a picture that can be read ({error})", file=where or source, remedy="restore it from its source"
        ) from error


def decode_fully(data: bytes, *, where: str) -> Header:
    """Decode every pixel and return the header. Raises DataError if the picture is cut or broken.

    Pillow's ``verify()`` accepts truncated JPEGs; ``load()`` does not.
    """
    header = read_header(data, where=where)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"does not decode ({error})", file=where, remedy="restore it from its source") from error
    return header
