"""tf.train.Example by hand: the same bytes as protobuf, and no bytes that hurt."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data.records import wire

_INTS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5)


def _features(numbers: list[int], floats: list[float], texts: list[bytes]) -> dict[str, bytes]:
    return {
        "a/floats": wire.numbers_feature("a/floats", wire.FLOATS, np.array(floats, dtype="<f4").tobytes()),
        "a/ints": wire.numbers_feature("a/ints", wire.INTS, wire.ints(np.array(numbers, dtype=np.int64))),
        "x/texts": wire.strings_feature("x/texts", [wire.sized(0x0A, text) for text in texts]),
        "y/one": wire.bytes_feature("y/one", b"one"),
    }


def _example(numbers: list[int], floats: list[float], texts: list[bytes], picture: bytes) -> bytes:
    features = _features(numbers, floats, texts)
    around = wire.opening("m/picture", wire.BYTES, len(picture), one_value=True)
    before = [features["a/floats"], features["a/ints"], around]
    first, last = wire.encode_example(before, picture, [features["x/texts"], features["y/one"]])
    return first + picture + last


@given(_INTS, st.lists(st.floats(width=32), max_size=5), st.lists(st.binary(max_size=300), max_size=3), st.binary())
def test_what_is_written_is_read(numbers: list[int], floats: list[float], texts: list[bytes], picture: bytes) -> None:
    """Numbers, texts and the picture's place come back from an Example."""
    payload = _example(numbers, floats, texts, picture)
    found, spans = wire.parse_example(payload, frozenset({"a/floats", "a/ints", "x/texts"}))
    np.testing.assert_array_equal(found["a/floats"], np.array(floats, dtype=np.float32))
    assert list(found["a/ints"]) == numbers
    assert found["x/texts"] == texts
    start, end = wire.byte_string_span(payload, spans["m/picture"]) or (0, 0)
    assert payload[start:end] == picture


@pytest.mark.slow
def test_protobuf_writes_the_same_bytes() -> None:
    """An Example is byte for byte what protobuf's deterministic serialisation makes of it."""
    tf = pytest.importorskip("tensorflow")
    for numbers, texts in (([], []), ([1, 2, 127], [b"a"]), ([-1, 128, 2**62], [b"a", b"b" * 200])):
        floats, picture = [0.5] * len(numbers), b"p" * 40_000
        lists = {
            "a/floats": tf.train.Feature(float_list=tf.train.FloatList(value=floats)),
            "a/ints": tf.train.Feature(int64_list=tf.train.Int64List(value=numbers)),
            "m/picture": tf.train.Feature(bytes_list=tf.train.BytesList(value=[picture])),
            "x/texts": tf.train.Feature(bytes_list=tf.train.BytesList(value=texts)),
            "y/one": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"one"])),
        }
        example = tf.train.Example(features=tf.train.Features(feature=lists))
        assert _example(numbers, floats, texts, picture) == example.SerializeToString(deterministic=True)


def test_unpacked_lists_are_read() -> None:
    """Numbers that stand in a field each, as old writers have them, are read like packed ones."""
    ints = b"\x1a" + bytes([4]) + b"\x08\x05\x08\x07"
    floats = b"\x12" + bytes([5]) + b"\x0d" + np.float32(1.5).tobytes()
    entries = b"".join(
        wire.sized(0x0A, wire.sized(0x0A, name) + wire.sized(0x12, feature))
        for name, feature in ((b"i", ints), (b"f", floats))
    )
    found, _ = wire.parse_example(wire.sized(0x0A, entries), frozenset({"i", "f"}))
    assert list(found["i"]) == [5, 7]
    assert list(found["f"]) == [1.5]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x0a\xff\xff\xff\xff\x0f", "4,294,967,295 bytes"),
        (b"\x0b", "wire type 3"),
        (b"\x0a" + b"\xff" * 11, "longer than ten bytes"),
        (b"\x0a", "cut"),
        (b"\x08\x01", "wire type 0 instead of 2"),
    ],
)
def test_broken_bytes_are_said(payload: bytes, words: str) -> None:
    """Lengths that lead out, wire types that do not belong and numbers without end are named."""
    with pytest.raises(wire.WireError, match=words):
        wire.parse_example(payload, frozenset({"a"}))


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 255))
def test_no_bytes_do_more_than_raise(junk: bytes, place: int, flip: int) -> None:
    """Junk, and an Example with any byte changed, is read or refused, never worse."""
    raw = bytearray(_example([1, 300], [0.5], [b"abc"], b"p" * 50))
    raw[place % len(raw)] ^= flip
    for payload in (junk, bytes(raw)):
        with contextlib.suppress(wire.WireError):
            wire.parse_example(payload, frozenset({"a/floats", "a/ints", "x/texts", "y/one"}))
