"""Pictures to pixels: JPEG through libjpeg-turbo, anything else through Pillow; as stored, before any EXIF rotation."""

from __future__ import annotations

import contextlib
import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from simplejpeg import decode_jpeg  # type: ignore[import-untyped]  # it has no stubs

from detbench.data.jpeg_header import jpeg_header
from detbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decoded"]

#: What the decoders raise on bytes that are no sound picture.
_BROKEN = (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)

#: Pillow's names for what libjpeg-turbo turns into RGB; CMYK is Pillow's.
_SIMPLE_MODES = frozenset({"L", "RGB"})


def decoded(data: bytes, where: str) -> NDArray[np.uint8]:
    """Return a picture uint8 ``[H, W, 3]``, RGB. Raises DataError, naming ``where``, if it does not decode."""
    header = jpeg_header(data)
    if header is not None and header[0] in _SIMPLE_MODES:
        with contextlib.suppress(ValueError):  # it takes warnings as errors: Pillow is asked then, and may let it pass
            pixels: NDArray[np.uint8] = decode_jpeg(data, "RGB")
            return pixels
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return np.array(picture.convert("RGB"))
    except _BROKEN as error:
        raise DataError(f"does not decode ({error})", file=where, remedy="restore it from its source") from error
