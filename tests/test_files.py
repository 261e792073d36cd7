"""Files are replaced by files, and read to a bound."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from detbench.errors import DataError
from detbench.files import read_text, replacing, replacing_all, require_writable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """A rename would put a file in the place of a pipe, or of /dev/null: it is refused, and nothing is left."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is a device or a pipe"), replacing(pipe) as file:
        file.write(b"x")
    with pytest.raises(DataError, match="is a device or a pipe"):
        require_writable(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_text_without_end_is_read_to_its_bound(tmp_path: Path) -> None:
    """A device has no size; what is read of it has."""
    endless = tmp_path / "endless"
    endless.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is longer, more than the 1,000 bytes"):
        read_text(endless, limit_bytes=1_000)
    (tmp_path / "long").write_bytes(b"x" * 1_001)
    with pytest.raises(DataError, match="is 1,001 bytes long"):
        read_text(tmp_path / "long", limit_bytes=1_000)
    (tmp_path / "whole").write_bytes(b"x" * 1_000)
    assert len(read_text(tmp_path / "whole", limit_bytes=1_000)) == 1_000


def test_files_take_their_places_together(tmp_path: Path) -> None:
    """When one of them cannot be written, all of the old ones are there still, and nothing of the new ones."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("old")

    def write(name: str) -> None:
        with replacing_all() as opened:
            with opened(first) as file:
                file.write(b"new")
            with opened(tmp_path / name / second.name) as file:
                file.write(b"new")
            assert first.read_text() == "old"

    with pytest.raises(DataError, match=r"missing/second: cannot be written \(No such file or directory\)"):
        write("missing")
    assert (first.read_text(), list(tmp_path.iterdir())) == ("old", [first])
    write("")
    assert (first.read_text(), second.read_text(), len(list(tmp_path.iterdir()))) == ("new", "new", 2)
