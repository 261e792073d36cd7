"""TFRecord framing: what is written is read, and what is broken is said with its place."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data.records.framing import framed, frames, is_record_file

if TYPE_CHECKING:
    from pathlib import Path

_RECORDS = [(b"before", b"the picture", b"after"), (b"", b"", b""), (b"x", b"y" * 300, b"z")]
_OFFSETS = [0, 38, 54]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a file of three records; the second is empty."""
    path = tmp_path / "three.tfrecord"
    path.write_bytes(b"".join(framed(_RECORDS)))
    return path


def test_records_come_back_with_number_and_offset(file: Path) -> None:
    """Every record is read with its number from 1 and the byte where it begins."""
    read = list(frames(file))
    assert [frame.payload for frame in read] == [b"".join(record) for record in _RECORDS]
    assert [(frame.number, frame.offset_bytes, frame.problem) for frame in read] == [
        (number, offset, "") for number, offset in zip((1, 2, 3), _OFFSETS, strict=True)
    ]


def test_a_picture_is_handed_on_uncopied() -> None:
    """The picture's own object is among the parts that are written."""
    picture = b"p" * 1000
    assert any(part is picture for part in framed([(b"a", picture, b"b")]))


@pytest.mark.parametrize("place", range(12, 34))
def test_a_flip_in_a_payload_spoils_that_record_only(file: Path, place: int) -> None:
    """A flipped bit in a payload is found, and the records after it are still read."""
    raw = bytearray(file.read_bytes())
    raw[place] ^= 0x10
    file.write_bytes(raw)
    assert ["payload checksum" in frame.problem for frame in frames(file)] == [True, False, False]


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_flip_in_a_length_ends_the_reading(file: Path, place: int) -> None:
    """A length that cannot be trusted leads nowhere: its record is the last one, and says so."""
    raw = bytearray(file.read_bytes())
    raw[place] ^= 0x01
    file.write_bytes(raw)
    read = list(frames(file))
    assert len(read) == 1
    assert "length checksum" in read[0].problem


def test_a_flip_in_a_lengths_checksum_is_found_and_passed(file: Path) -> None:
    """Where the payload's checksum shows that the length is right, reading goes on."""
    raw = bytearray(file.read_bytes())
    raw[9] ^= 0x01
    file.write_bytes(raw)
    assert [bool(frame.problem) for frame in frames(file)] == [True, False, False]


@pytest.mark.parametrize("kept", [1, 11, 12, 20, 37, 39, 60, 369])
def test_a_cut_file_is_said(file: Path, kept: int) -> None:
    """Wherever a file is cut, the last record says so and the ones before are sound."""
    file.write_bytes(file.read_bytes()[:kept])
    *sound, last = frames(file)
    assert "is cut" in last.problem
    assert not any(frame.problem for frame in sound)


def test_an_absurd_length_reserves_no_memory(tmp_path: Path) -> None:
    """A length of 2^63 with a right checksum is a cut record, not an attempt to read it."""
    head = framed([(b"", b"", b"")])[0]
    assert len(head) == 12
    length = struct.pack("<Q", 2**63)
    import google_crc32c

    from detbench.data.records.framing import _masked

    path = tmp_path / "absurd.tfrecord"
    path.write_bytes(length + struct.pack("<I", _masked(google_crc32c.value(length))) + b"abc")
    (frame,) = frames(path)
    assert frame.problem.startswith("is cut: it should be 9,223,372,036,854,775,808 bytes long")


def test_a_gzip_file_is_named(file: Path) -> None:
    """A compressed file is not taken for a corrupt one."""
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert "gzip" in next(frames(file)).problem
    assert not is_record_file(file)


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    """A shard of no records is an empty file."""
    (tmp_path / "none.tfrecord").touch()
    assert list(frames(tmp_path / "none.tfrecord")) == []


@given(st.binary(max_size=200))
def test_junk_is_never_more_than_a_problem(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """No bytes make the reader fail: they are records, or a problem that is said."""
    path = tmp_path_factory.getbasetemp() / "junk.tfrecord"
    path.write_bytes(junk)
    assert not junk or any(frame.problem or frame.payload == b"" for frame in frames(path))
