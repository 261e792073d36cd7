"""Pictures to pixels: JPEG through libjpeg-turbo, anything else through Pillow; as stored, before any EXIF rotation."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from simplejpeg import decode_jpeg  # type: ignore[import-untyped]  # it has no stubs

from detbench.data.decoding import read_header
from detbench.data.jpeg_header import jpeg_header
from detbench.detectors.adapters.contract import Picture, whole
from detbench.detectors.input.pixels import decode_any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decoded"]

#: Pillow's names for what libjpeg-turbo turns into RGB; CMYK is Pillow's.
_SIMPLE_MODES = frozenset({"L", "RGB"})


def decoded(data: bytes, where: str, reduction: Callable[[int, int], int] = whole) -> Picture:
    """Return a picture, a JPEG at the part of its size that ``reduction`` gives.

    Raises DataError, naming ``where``, if it does not decode in full.
    """
    header = jpeg_header(data)
    if header is not None and header[0] in _SIMPLE_MODES:
        size_px = header[1], header[2]
        part = reduction(*size_px)
        width, height = (math.ceil(side / part) for side in size_px)
        with contextlib.suppress(ValueError):  # it takes warnings as errors: Pillow is asked then, and may let it pass
            return Picture(decode_jpeg(data, "RGB", min_width=width, min_height=height, min_factor=part), size_px)
    found = read_header(data, where=where)
    size_px = found.width_px, found.height_px
    return Picture(decode_any(data, size_px, where=where), size_px)
