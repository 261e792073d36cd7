"""``tf.train.Example`` as bytes, by hand: the few lines of protobuf that a record needs.

Example { Features 1 }, Features { map<string, Feature> 1 }, Feature { oneof BytesList 1, FloatList 2, Int64List 3 },
each list { repeated value 1 }. Source: TensorFlow, ``tensorflow/core/example/{example,feature}.proto``, and the
protobuf encoding guide. Written as protobuf writes it with sorted map keys, so the same features are the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "Value",
    "WireError",
    "byte_string_span",
    "bytes_feature",
    "encode_example",
    "float_feature",
    "int_feature",
    "parse_example",
    "raw_array",
]

#: A feature as it is read: byte strings, float32 or int64 numbers.
Value: TypeAlias = "list[bytes] | NDArray[np.float32] | NDArray[np.int64]"

_BYTES, _FLOATS, _INTS = 1, 2, 3
_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5
_ONE_BYTE = 0x80
_LONGEST_VARINT_BITS = 63


class WireError(ValueError):
    """Bytes that are no Example; the text says what is wrong and at which byte of the payload."""


def _varint(number: int) -> bytes:
    if number < _ONE_BYTE:
        return bytes((number,))
    out = bytearray()
    while number >= _ONE_BYTE:
        out.append(number & 0x7F | _ONE_BYTE)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sized(tag: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return bytes((tag,)) + _varint(len(content)) + content


def bytes_feature(values: Iterable[bytes]) -> bytes:
    """Return a Feature that holds byte strings."""
    return _sized(0x0A, b"".join([_sized(0x0A, value) for value in values]))


def float_feature(values: NDArray[np.float32]) -> bytes:
    """Return a Feature that holds float32 numbers."""
    raw = values.astype("<f4", copy=False).tobytes()
    return _sized(0x12, _sized(0x0A, raw)) if raw else b"\x12\0"


def int_feature(values: NDArray[np.integer[Any] | np.bool_]) -> bytes:
    """Return a Feature that holds integers; a negative one takes ten bytes, as protobuf has it."""
    if not len(values):
        return b"\x1a\0"
    if values.min() >= 0 and values.max() < _ONE_BYTE:
        packed = values.astype(np.uint8).tobytes()
    else:
        packed = b"".join([_varint(value & 0xFFFFFFFFFFFFFFFF) for value in values.tolist()])
    return _sized(0x1A, _sized(0x0A, packed))


def encode_example(features: dict[str, bytes], picture_name: str, picture: bytes) -> tuple[bytes, bytes]:
    """Return what stands before and after ``picture`` in an Example of ``features`` and of the picture.

    ``features`` maps a name to a Feature's bytes. The picture becomes a feature of one byte string called
    ``picture_name``, in its sorted place; its own bytes are not copied.
    """
    around = _around(picture_name, len(picture))
    names = sorted(features)
    before = b"".join([_entry(name, features[name]) for name in names if name < picture_name]) + around
    after = b"".join([_entry(name, features[name]) for name in names if name > picture_name])
    return b"\x0a" + _varint(len(before) + len(picture) + len(after)) + before, after


def _entry(name: str, feature: bytes) -> bytes:
    return _sized(0x0A, _sized(0x0A, name.encode()) + _sized(0x12, feature))


def _around(name: str, length: int) -> bytes:
    """Return the opening of a map entry whose one byte string, ``length`` bytes, follows it and ends it."""
    opening = b""
    for tag in (b"\x0a", b"\x0a", b"\x12"):  # the value in its list, the list in its Feature, the Feature
        opening = tag + _varint(length + len(opening)) + opening
    opening = _sized(0x0A, name.encode()) + opening
    return b"\x0a" + _varint(length + len(opening)) + opening


def parse_example(payload: bytes, wanted: frozenset[str]) -> tuple[dict[str, Value], dict[str, tuple[int, int]]]:
    """Return the ``wanted`` features of an Example, and where in the payload each of the others lies.

    The others (a picture's bytes among them) are not looked into: see :func:`byte_string_span`. The last feature of
    a name counts, as in protobuf.

    Raises
    ------
    WireError
        If the bytes are no Example.
    """
    found: dict[str, Value] = {}
    spans: dict[str, tuple[int, int]] = {}
    view = memoryview(payload)
    for start, end in _submessages(view, 0, len(view), field=1):
        for entry in _submessages(view, start, end, field=1):
            name, feature = _map_entry(view, *entry)
            if feature is None:
                continue
            if name in wanted:
                found[name] = _feature(view, *feature)
            else:
                spans[name] = feature
    return found, spans


def byte_string_span(payload: bytes, feature: tuple[int, int]) -> tuple[int, int] | None:
    """Return where the single byte string of a feature lies in the payload, or None. Raises WireError."""
    view = memoryview(payload)
    lists = list(_submessages(view, *feature, field=_BYTES))
    strings = list(_submessages(view, *lists[-1], field=1)) if lists else []
    return strings[0] if len(strings) == 1 else None


def _map_entry(view: memoryview, start: int, end: int) -> tuple[str, tuple[int, int] | None]:
    name = ""
    feature = None
    for field, kind, first, last in _fields(view, start, end):
        if kind == _SIZED and field == 1:
            name = bytes(view[first:last]).decode("utf-8", "replace")
        elif kind == _SIZED and field == 2:  # noqa: PLR2004  a map entry's value
            feature = (first, last)
    return name, feature


def _feature(view: memoryview, start: int, end: int) -> Value:
    lists = [(field, first, last) for field, kind, first, last in _fields(view, start, end) if kind == _SIZED]
    if not lists:
        return []
    kind, first, last = lists[-1]
    if kind == _BYTES:
        return [bytes(view[a:b]) for a, b in _submessages(view, first, last, field=1)]
    if kind == _FLOATS:
        return _floats(view, first, last)
    if kind == _INTS:
        return _ints(view, first, last)
    raise WireError(f"a feature of the unknown kind {kind} at byte {start}")


def _floats(view: memoryview, start: int, end: int) -> NDArray[np.float32]:
    """Return the numbers of a FloatList, packed (one run) or not (a field each)."""
    runs: list[bytes] = []
    for field, kind, first, last in _fields(view, start, end):
        if field == 1 and (kind == _FOUR or (kind == _SIZED and (last - first) % 4 == 0)):
            runs.append(bytes(view[first:last]))
        elif field == 1:
            raise WireError(f"a list of floats with a broken run at byte {first}")
    return np.frombuffer(b"".join(runs), dtype="<f4")


def _ints(view: memoryview, start: int, end: int) -> NDArray[np.int64]:
    """Return the numbers of an Int64List, packed or not."""
    numbers: list[int] = []
    for field, kind, first, last in _fields(view, start, end):
        if field == 1 and kind in {_SIZED, _VARINT}:
            position = first
            while position < last:
                number, position = _read_varint(view, position, last)
                numbers.append(number)
        elif field == 1:
            raise WireError(f"a list of integers with a broken run at byte {first}")
    return np.array(numbers, dtype=np.uint64).astype(np.int64)


def _submessages(view: memoryview, start: int, end: int, *, field: int) -> Iterator[tuple[int, int]]:
    for number, kind, first, last in _fields(view, start, end):
        if number == field:
            if kind != _SIZED:
                raise WireError(f"field {number} has wire type {kind} instead of 2 at byte {first}")
            yield first, last


def _fields(view: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, first byte, end byte) of the content of every field in a message."""
    position = start
    while position < end:
        tag, position = _read_varint(view, position, end)
        field, kind = tag >> 3, tag & 7
        if kind == _SIZED:
            length, position = _read_varint(view, position, end)
        elif kind == _VARINT:
            length = _read_varint(view, position, end)[1] - position
        elif kind in {_EIGHT, _FOUR}:
            length = 8 if kind == _EIGHT else 4
        else:
            raise WireError(f"wire type {kind} at byte {position}, which no Example has")
        if field == 0 or length > end - position:
            raise WireError(f"a field of {length:,} bytes at byte {position}, where {end - position:,} are left")
        yield field, kind, position, position + length
        position += length


def _read_varint(view: memoryview, position: int, end: int) -> tuple[int, int]:
    number = shift = 0
    while position < end:
        byte = view[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < _ONE_BYTE:
            return number & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > _LONGEST_VARINT_BITS:
            raise WireError(f"a number longer than ten bytes at byte {position}")
    raise WireError(f"a number that is cut at byte {position}")


def raw_array(values: Value, dtype: str) -> NDArray[np.generic]:
    """Return the array whose bytes are a feature's single byte string. Raises WireError if they do not fit."""
    size = np.dtype(dtype).itemsize
    if not isinstance(values, list) or len(values) != 1 or len(values[0]) % size:
        raise WireError(f"a field of raw {dtype} numbers that is not one string of whole numbers")
    return np.frombuffer(values[0], dtype=dtype)
