"""``tf.train.Example`` as bytes, by hand: the few lines of protobuf that a record needs.

Example { Features 1 }, Features { map<string, Feature> 1 }, Feature { oneof BytesList 1, FloatList 2, Int64List 3 },
each list { repeated value 1 }. Source: TensorFlow, ``tensorflow/core/example/{example,feature}.proto``, and the
protobuf encoding guide. Written as protobuf writes it with sorted map keys, so the same features are the same bytes.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = [
    "BYTES",
    "FLOATS",
    "INTS",
    "Value",
    "WireError",
    "byte_string_span",
    "bytes_feature",
    "encode_example",
    "ints",
    "numbers_feature",
    "opening",
    "parse_example",
    "raw_array",
    "sized",
    "strings_feature",
    "varint",
]

#: A feature as it is read: byte strings, float32 or int64 numbers.
Value: TypeAlias = "list[bytes] | NDArray[np.float32] | NDArray[np.int64]"

#: The kinds of feature: the field numbers of their lists.
BYTES, FLOATS, INTS = 1, 2, 3

_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5
_ONE_BYTE = 0x80
_LONGEST_VARINT_BITS = 63


class WireError(ValueError):
    """Bytes that are no Example; the text says what is wrong and at which byte of the payload."""


@functools.lru_cache(maxsize=4096)
def varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first; a negative one takes ten bytes."""
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number >= _ONE_BYTE:
        out.append(number & 0x7F | _ONE_BYTE)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(tag: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return bytes((tag,)) + varint(len(content)) + content


def opening(name: str, kind: int, length: int, *, one_value: bool) -> bytes:
    """Return what stands before ``length`` bytes of content to make them a feature, whose end is theirs.

    ``one_value``: the content is one value of the feature's list (a byte string, or a run of packed numbers), which
    wants a field of its own; otherwise it is the list's fields, ready made.
    """
    opened = b""
    tags = (0x0A, kind << 3 | 2, 0x12)  # the value, its list, the Feature
    for tag in tags if one_value else tags[1:]:
        opened = bytes((tag,)) + varint(length + len(opened)) + opened
    opened = sized(0x0A, name.encode()) + opened
    return b"\x0a" + varint(length + len(opened)) + opened


#: Most features of a data set have one of few lengths.
_opening = functools.lru_cache(maxsize=4096)(opening)


def numbers_feature(name: str, kind: int, raw: bytes) -> bytes:
    """Return a feature of packed numbers: little-endian float32, or integers as varints."""
    return _opening(name, kind, len(raw), one_value=bool(raw)) + raw


def bytes_feature(name: str, value: bytes) -> bytes:
    """Return a feature of one byte string."""
    return _opening(name, BYTES, len(value), one_value=True) + value


def strings_feature(name: str, values: list[bytes]) -> bytes:
    """Return a feature of byte strings, each of them already :func:`sized` under the tag 0x0A."""
    content = b"".join(values)
    return _opening(name, BYTES, len(content), one_value=False) + content


def ints(values: NDArray[np.integer[Any] | np.bool_]) -> bytes:
    """Return integers as varints end to end."""
    if not len(values) or (values.min() >= 0 and values.max() < _ONE_BYTE):
        return values.astype(np.uint8).tobytes()
    return b"".join([varint(value) for value in values.tolist()])


def encode_example(before: list[bytes], picture: bytes, after: list[bytes]) -> tuple[bytes, bytes]:
    """Return what stands before and after ``picture`` in an Example.

    ``before`` ends with the picture's own :func:`opening`; with ``after`` it holds the features in the order of their
    names. The picture's bytes are not copied.
    """
    first, last = b"".join(before), b"".join(after)
    return b"\x0a" + varint(len(first) + len(picture) + len(last)) + first, last


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
    lists = list(_submessages(view, *feature, field=BYTES))
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
    if kind == BYTES:
        return [bytes(view[a:b]) for a, b in _submessages(view, first, last, field=1)]
    if kind == FLOATS:
        return _floats(view, first, last)
    if kind == INTS:
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
