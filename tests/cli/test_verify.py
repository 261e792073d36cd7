"""verify as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def out(detbench: Run, tmp_path: Path) -> Path:
    """Make converted records of one picture."""
    Image.new("RGB", (64, 48), (80, 90, 90)).save(tmp_path / "a.jpg")
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax,category\na.jpg,1,2,30,40,car\n")
    done = detbench("convert", tmp_path / "boxes.csv", tmp_path / "out", "--format", "csv")
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


def test_sound_records_are_one_line(detbench: Run, out: Path) -> None:
    """Sound records have status 0 and one line that counts them."""
    done = detbench("verify", out, "--decode")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sound: 1 whole record in 1 file, ")


def test_a_flipped_bit_is_reported_with_its_place(detbench: Run, out: Path) -> None:
    """A flipped bit has status 1 and a line with shard, record, byte and remedy; --json says the same."""
    (shard,) = out.glob("*.tfrecord")
    raw = bytearray(shard.read_bytes())
    raw[300] ^= 2
    shard.write_bytes(raw)
    done = detbench("verify", out)
    assert done.returncode == 1
    assert f"error record-corrupt: {shard}, record 1 at byte 0: the record has a wrong payload checksum" in done.stdout
    assert "bit 1 of byte 300 of the file is flipped; restore the shard" in done.stdout
    plain = json.loads(detbench("verify", out, "--json").stdout)
    assert (plain["sound"], plain["findings"][0]["record"]) == (False, "record 1 at byte 0")


def test_an_empty_file_is_not_called_sound(detbench: Run, tmp_path: Path) -> None:
    """No records are a warning, and the verdict is that it is empty."""
    (tmp_path / "a.tfrecord").touch()
    done = detbench("verify", tmp_path / "a.tfrecord")
    assert done.returncode == 0
    assert "warning split-empty" in done.stdout
    assert "holds 0 records" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("empty: 0 whole records in 1 file")


def test_nothing_there_is_bad_input(detbench: Run, tmp_path: Path) -> None:
    """A path without records has status 2 and one line."""
    done = detbench("verify", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
