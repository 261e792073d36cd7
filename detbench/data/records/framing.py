"""How records lie in a TFRecord file: length, its checksum, the payload, its checksum.

``uint64 length`` · ``uint32 masked CRC32C of the length`` · payload · ``uint32 masked CRC32C of the payload``, all
little-endian. Source: TensorFlow, ``tensorflow/core/lib/io/record_writer.h``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import google_crc32c

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["OVERHEAD_BYTES", "Frame", "framed", "frames", "is_record_file"]

#: What framing adds to a record: 12 bytes before the payload, 4 after it.
OVERHEAD_BYTES = 16

_HEAD_BYTES = 12
_FOOT_BYTES = 4
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Frame:
    """One record as it lies in its file.

    ``number`` counts from 1; ``offset_bytes`` is where its length stands; ``problem`` says what is wrong with it, a
    clause, or is empty. ``payload`` is what could be read; ``stored_crc`` and ``crc`` are the payload's checksum as
    stored and as computed, unmasked.
    """

    number: int
    offset_bytes: int
    payload: bytes
    stored_crc: int = 0
    crc: int = 0
    problem: str = ""

    @property
    def where(self) -> str:
        """The record as a message names it."""
        return f"record {self.number} at byte {self.offset_bytes:,}"


def _masked(crc: int) -> int:
    """Return the checksum as it is stored: rotated and shifted, so that a CRC of CRCs stays sound."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _unmasked(stored: int) -> int:
    turned = (stored - 0xA282EAD8) & 0xFFFFFFFF
    return (turned >> 17 | turned << 15) & 0xFFFFFFFF


def framed(records: Iterable[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """Return byte strings that, end to end, are the framed records.

    A record's payload is three byte strings: what stands before a picture, the picture, what stands after it. The
    picture is handed on as it is, not copied; the small strings between two pictures are joined.
    """
    parts: list[bytes] = []
    tail = b""
    for before, picture, after in records:
        length = struct.pack("<Q", len(before) + len(picture) + len(after))
        length_crc = struct.pack("<I", _masked(google_crc32c.value(length)))
        crc = google_crc32c.extend(google_crc32c.extend(google_crc32c.value(before), picture), after)
        parts += (b"".join((tail, length, length_crc, before)), picture)
        tail = after + struct.pack("<I", _masked(crc))
    return [*parts, tail]


def is_record_file(path: Path) -> bool:
    """Return whether the file begins with a length and its right checksum, as every TFRecord file does."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return len(head) == _HEAD_BYTES and _length_crc_holds(head)


def _length_crc_holds(head: bytes) -> bool:
    return _masked(google_crc32c.value(head[:8])) == int.from_bytes(head[8:], "little")


def frames(path: Path) -> Iterator[Frame]:
    """Yield every record of a file, sound or not, one in memory at a time.

    Reading ends where a length cannot be trusted: a wrong one leads nowhere. The last frame says so.

    Raises
    ------
    DataError
        If the file cannot be read at all.
    """
    try:
        size_bytes = path.stat().st_size
        with path.open("rb", buffering=0) as file:
            offset = 0
            number = 1
            while offset < size_bytes:
                frame = _read_frame(file, number, offset, size_bytes)
                yield frame
                if frame.problem and not frame.payload:
                    return
                offset += OVERHEAD_BYTES + len(frame.payload)
                number += 1
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error


def _read_frame(file: IO[bytes], number: int, offset: int, size_bytes: int) -> Frame:
    """Return the record that begins at ``offset``; one without payload is the last that can be read."""
    left_bytes = size_bytes - offset
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return Frame(number, offset, b"", problem=f"is cut: {left_bytes} bytes are left, its header takes 12")
    length = int.from_bytes(head[:8], "little")
    head_holds = _length_crc_holds(head)
    if length > left_bytes - OVERHEAD_BYTES:
        if head_holds:
            problem = f"is cut: it should be {length:,} bytes long and {max(left_bytes - OVERHEAD_BYTES, 0):,} are left"
        elif head.startswith(_GZIP) and number == 1:
            problem = "is no TFRecord: the file is compressed with gzip"
        else:
            problem = "has a wrong length checksum, and its length leads out of the file"
        return Frame(number, offset, b"", problem=problem)
    payload = _read_exactly(file, length)
    foot = _read_exactly(file, _FOOT_BYTES)
    crc = google_crc32c.value(payload)
    stored_crc = _unmasked(int.from_bytes(foot, "little"))
    if not head_holds and crc != stored_crc:
        return Frame(number, offset, b"", problem="has a wrong length checksum: what follows cannot be read")
    problem = "" if head_holds else "has a wrong length checksum, though the length itself is right"
    if crc != stored_crc:
        problem = "has a wrong payload checksum"
    return Frame(number, offset, payload, stored_crc, crc, problem)


def _read_exactly(file: IO[bytes], count: int) -> bytes:
    """Return ``count`` bytes; a file may give fewer at a time, and one that shrinks meanwhile gives fewer in all."""
    data = file.read(count)
    while len(data) < count:
        more = file.read(count - len(data))
        if not more:
            break
        data += more
    return data
