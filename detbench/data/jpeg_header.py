"""A JPEG's size and orientation from its markers, in microseconds: a conversion asks for one a picture.

Sources: ITU-T T.81 annex B (markers), Exif 2.32 section 4.6 (the tags of IFD 0).
"""

from __future__ import annotations

import struct

__all__ = ["jpeg_header"]

_SOI = b"\xff\xd8"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_END_OF_HEADER = frozenset({0xD9, 0xDA})
_APP1, _APP2 = 0xE1, 0xE2
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_ORIENTATION = 0x0112
_SHORT = 3
_UPRIGHT = 1
_BITS = 8


def jpeg_header(data: bytes) -> tuple[str, int, int, int] | None:
    """Return a JPEG's (Pillow mode, width, height, EXIF orientation), or None if its header is out of the ordinary.

    None is no verdict: the caller asks Pillow then, which knows more kinds and says what is wrong.
    """
    if not data.startswith(_SOI):
        return None
    orientation = _UPRIGHT
    position = len(_SOI)
    while position + 4 <= len(data) and data[position] == 0xFF:  # noqa: PLR2004  every marker begins with it
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE:  # noqa: PLR2004  a fill byte
            position += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : position + 2 + length]
        if marker in _END_OF_HEADER or length < 2 or len(segment) != length - 2:  # noqa: PLR2004  its own two bytes
            return None
        if marker in _FRAMES:
            return _frame(segment, orientation)
        if marker == _APP1 and segment.startswith(b"Exif\0\0"):
            found = _exif_orientation(segment[6:])
            if found is None:
                return None
            orientation = found
        if marker == _APP2 and segment.startswith(b"MPF\0"):
            return None
        position += 2 + length
    return None


def _frame(segment: bytes, orientation: int) -> tuple[str, int, int, int] | None:
    """Return what a start-of-frame segment says; None for what the quick way does not know."""
    if len(segment) < 6 or segment[0] != _BITS or segment[5] not in _MODES:  # noqa: PLR2004  the fixed part
        return None
    height_px, width_px = struct.unpack_from(">HH", segment, 1)
    return (_MODES[segment[5]], width_px, height_px, orientation) if height_px and width_px else None


def _exif_orientation(tiff: bytes) -> int | None:
    """Return the orientation tag of IFD 0, 1 where there is none, None where the TIFF structure is odd."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == _ORIENTATION and kind == _SHORT:
                return int(value) or _UPRIGHT
    except struct.error:
        return None
    return _UPRIGHT
