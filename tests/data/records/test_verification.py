"""Verifying: what was written is sound, and whatever happened to it is found with its place."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import detbench
from detbench.data.records.framing import frames
from detbench.data.records.verify import verify
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset


@pytest.fixture
def out(dataset: Dataset, tmp_path: Path) -> Path:
    """Make a conversion to two shards."""
    detbench.convert(dataset, tmp_path / "out", shards=2)
    return tmp_path / "out"


def _codes(path: Path, *, decode: bool = False) -> list[str]:
    return [finding.code for finding in verify(path, decode=decode).findings.items]


def test_a_fresh_conversion_is_sound(out: Path) -> None:
    """Nothing is found, and everything is counted."""
    done = verify(out, decode=True)
    assert done.sound
    assert (done.files, done.records, done.manifest) == (2, 12, True)


@pytest.mark.parametrize("place", [12, 500, 2000, -5])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_named_to_the_byte(out: Path, place: int, bit: int) -> None:
    """A single flip in a payload is reported with shard, record, byte and bit."""
    shard = out / "all-00001-of-00002.tfrecord"
    raw = bytearray(shard.read_bytes())
    place %= len(raw)
    raw[place] ^= 1 << bit
    shard.write_bytes(raw)
    first, second = verify(out).findings.items
    assert (first.code, first.file) == ("record-corrupt", str(shard))
    hit = [frame for frame in frames(shard) if frame.offset_bytes <= place][-1]
    assert first.record == f"record {hit.number} at byte {hit.offset_bytes:,}"
    assert f"bit {bit} of byte {place:,} of the file is flipped" in first.message
    assert second.code == "shard-differs"


def test_every_single_bit_of_a_shard_matters(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """No byte of a shard, framing included, can change unnoticed."""
    detbench.convert(make_dataset({"a": [(0, (1, 2, 3, 4))]}), tmp_path / "out")
    (shard,) = (tmp_path / "out").glob("*.tfrecord")
    whole = shard.read_bytes()
    for place in [*range(16), *range(16, len(whole), 97), *range(len(whole) - 4, len(whole))]:
        raw = bytearray(whole)
        raw[place] ^= 0x20
        shard.write_bytes(raw)
        assert "record-corrupt" in _codes(shard), place


def test_two_flipped_bits_are_found_though_not_placed(out: Path) -> None:
    """Damage of more than a bit is a wrong checksum, without a claim which bit it was."""
    shard = out / "all-00000-of-00002.tfrecord"
    raw = bytearray(shard.read_bytes())
    raw[100] ^= 1
    raw[900] ^= 1
    shard.write_bytes(raw)
    assert "flipped" not in verify(out).findings.items[0].message


def test_a_missing_an_extra_and_an_exchanged_file_are_found(out: Path) -> None:
    """The manifest knows which shards there are, and which bytes."""
    first, second = sorted(out.glob("*.tfrecord"))
    shutil.copy(first, out / "more.tfrecord")
    assert _codes(out) == ["shard-unlisted"]
    shutil.copy(second, first)
    assert _codes(out)[0] == "shard-differs"
    second.unlink()
    assert "shard-missing" in _codes(out)
    assert verify(out).files == 1, "what is not there is not read"


def test_junk_beside_the_shards_is_unlisted_too(out: Path) -> None:
    """A file that is named like a shard is reported, whatever it holds; other files are nobody's business."""
    (out / "extra.tfrecord").write_bytes(b"junk")
    (out / "notes.txt").write_text("mine")
    (first,) = verify(out).findings.items
    assert (first.code, first.file) == ("shard-unlisted", str(out / "extra.tfrecord"))


def test_another_file_is_no_tfrecord_file(out: Path, tmp_path: Path) -> None:
    """A text is no TFRecord file; one that is named so and holds junk is corrupt, alone or in a folder."""
    (tmp_path / "README.md").write_text("# Records\n\nSome words about them.\n")
    for file in (tmp_path / "README.md", out / "manifest.json"):
        with pytest.raises(DataError, match="is not a TFRecord file"):
            verify(file)
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "junk.tfrecord").write_bytes(b"no record, though its name says so")
    assert _codes(tmp_path / "apart")[0] == _codes(tmp_path / "apart" / "junk.tfrecord")[0] == "record-corrupt"


def test_no_records_are_no_success(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """A conversion of nothing is warned of, and so is an empty file."""
    detbench.convert(make_dataset({}), tmp_path / "out")
    (tmp_path / "empty.tfrecord").touch()
    for path in (tmp_path / "out", tmp_path / "empty.tfrecord"):
        (finding,) = verify(path).findings.items
        assert (finding.code, finding.severity, finding.message) == ("split-empty", "warning", "holds 0 records")


def test_a_cut_shard_and_a_changed_label_map_are_found(out: Path) -> None:
    """A shard that ends early is a corrupt record and another length; a label map has its hash too."""
    shard = out / "all-00000-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    (out / "label_map.pbtxt").write_text("item {}")
    assert _codes(out) == ["record-corrupt", "shard-differs", "shard-differs"]


def test_decode_finds_what_checksums_cannot(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """A picture that was broken when it was stored has right checksums; --decode finds it."""
    made = make_dataset({"a": [], "b": []}, pictures={"b": picture(1)[:-300]})
    detbench.convert(made, tmp_path / "out", check_pictures=False)
    assert _codes(tmp_path / "out") == []
    assert _codes(tmp_path / "out", decode=True) == ["picture-undecodable"]


def test_a_foreign_file_is_checked_without_a_manifest(shared: Path) -> None:
    """Another program's records are checked by their checksums."""
    done = verify(shared / "raccoon/data/test.record", decode=True)
    assert (done.sound, done.records, done.manifest) == (True, 40, False)


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    """An empty folder, a missing path and a broken manifest are each said."""
    with pytest.raises(DataError, match="holds no TFRecord files"):
        verify(tmp_path)
    with pytest.raises(DataError, match="there is no such file or folder"):
        verify(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text('{"schema": 1}')
    with pytest.raises(DataError, match="is not a detbench manifest"):
        verify(tmp_path)


def test_a_hostile_manifest_reaches_no_file_outside(out: Path) -> None:
    """A manifest that names a file elsewhere is refused."""
    text = (out / "manifest.json").read_text()
    for name in ("../secret", "/etc/passwd", "a/b", ".hidden"):
        (out / "manifest.json").write_text(text.replace("label_map.json", name))
        with pytest.raises(DataError, match=r"leads out of|not beside it"):
            verify(out)


def test_an_unfinished_conversion_is_not_sound(out: Path) -> None:
    """A folder that a conversion was killed in is said to be unfinished."""
    (out / ".convert").mkdir()
    assert _codes(out) == ["conversion-unfinished"]
