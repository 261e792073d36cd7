"""Opening every picture once, on threads: its header, whether it decodes in full, and a digest of its content."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from detbench.data.decoding import decode_fully, read_header
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detbench.data.decoding import Header
    from detbench.data.tables import Pictures

__all__ = ["Look", "content_digest", "look_at", "look_at_all"]

#: No encoded picture is this long; a file that is was never meant to be read into memory.
MAX_PICTURE_BYTES = 2**30

#: Pictures above this many pixels are decoded one at a time, so that memory does not grow with the threads.
LARGE_PX = 40_000_000
_LARGE = threading.Lock()

#: Pictures above this many pixels are not decoded at all (it is Pillow's own limit): a header costs nothing to forge.
HUGE_PX = 178_956_970

#: How the decoders say that a file ends too early.
_CUT = re.compile(r"truncated|premature end", re.IGNORECASE)

#: How many pictures are handed to the threads at once: enough to keep them busy, few enough to stay small.
_WINDOW = 256

_PNG_DEPTH_BYTE = 24
_SIXTEEN_BITS = 16


@dataclass(frozen=True, slots=True)
class Look:
    """What opening one picture showed.

    ``code`` is the finding's code, or empty if every pixel decoded; ``problem`` says it in words. ``digest`` is
    of the bytes that make the pixels: equal for copies whose metadata alone differs.
    """

    code: str = ""
    problem: str = ""
    header: Header | None = None
    digest: bytes | None = None
    sixteen_bit: bool = False


def look_at_all(pictures: Pictures, count: int, *, workers: int, advance: Callable[[int], None]) -> tuple[Look, ...]:
    """Open ``count`` pictures on ``workers`` threads and return what each showed, in order."""
    looks: list[Look] = []
    # Pillow warns of large pictures and refuses huge ones; the refusal is a finding, the warning is noise.
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as threads:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for start in range(0, count, _WINDOW):
            rows = range(start, min(start + _WINDOW, count))
            for look in threads.map(lambda row: look_at(pictures, row), rows):
                looks.append(look)
                advance(1)
    return tuple(looks)


def look_at(pictures: Pictures, row: int) -> Look:
    """Open one picture and return what it showed; whatever its bytes are, nothing is raised."""
    path = pictures.path(row)
    try:
        if path is not None and path.exists() and not path.is_file():
            return Look("file-unreadable", "is not a regular file")
        size_bytes = pictures.size_bytes(row)
        if size_bytes > MAX_PICTURE_BYTES:
            return Look("picture-undecodable", f"is {size_bytes:,} bytes long: no picture is")
        data = pictures.read(row)
    except DataError as error:
        missing = path is None or not path.exists()
        return Look("picture-missing" if missing else "file-unreadable", error.problem)
    if not data:
        return Look("picture-undecodable", "is empty")
    return _decode(data, pictures.where(row))


def _decode(data: bytes, where: str) -> Look:
    header: Header | None = None
    try:
        header = read_header(data, where=where)
        size_px = header.width_px * header.height_px
        if size_px > HUGE_PX:
            return Look("picture-undecodable", f"{_says(header)}, too large to decode", header)
        with _LARGE if size_px > LARGE_PX else contextlib.nullcontext():
            decode_fully(data, where=where)
    except DataError as error:
        return Look("picture-truncated" if _CUT.search(error.problem) else "picture-undecodable", error.problem, header)
    except Exception as error:  # noqa: BLE001  hostile bytes make Pillow's plug-ins raise anything
        return Look("picture-undecodable", f"does not decode ({type(error).__name__}: {error})", header)
    deep = header.mode.startswith("I;16") or (header.format == "PNG" and data[_PNG_DEPTH_BYTE] == _SIXTEEN_BITS)
    return Look(header=header, digest=content_digest(data, header.format), sixteen_bit=deep)


def _says(header: Header) -> str:
    return f"says that it is {header.width_px:,} by {header.height_px:,} px"


def content_digest(data: bytes, picture_format: str) -> bytes:
    """Return the SHA-256 of the parts of a picture that make its pixels.

    A JPEG's APPn (but for Adobe's 14, which says how colours are coded) and comment segments, and a PNG's chunks
    other than header, palette, transparency and data, are left out: a copy that lost its EXIF is still a copy.
    Other formats, and files that do not parse, are hashed whole.
    """
    digest = hashlib.sha256()
    parts = {"JPEG": _jpeg_parts, "MPO": _jpeg_parts, "PNG": _png_parts}.get(picture_format)
    if parts is None:
        digest.update(data)
    else:
        for start, stop in parts(data):
            digest.update(memoryview(data)[start:stop])
    return digest.digest()


def _jpeg_parts(data: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte # noqa: PLR2004
            at += 1
            continue
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:  # start of scan: from here on everything is pixels # noqa: PLR2004
            break
        if marker != 0xFE and not (0xE0 <= marker <= 0xEF and marker != 0xEE):  # noqa: PLR2004
            yield at, stop
        at = stop
    yield at, len(data)


def _png_parts(data: bytes) -> Iterator[tuple[int, int]]:
    at = 8
    while at + 12 <= len(data):
        stop = at + 12 + int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] in {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}:
            yield at, stop
        at = stop
