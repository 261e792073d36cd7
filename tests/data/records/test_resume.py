"""Killed, out of disk, occupied: a conversion ends whole, or leaves what was there as it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import detbench
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detbench.data.tables import Dataset

_STAGING = ".convert"


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.fixture
def source(dataset: Dataset, tmp_path: Path) -> Path:
    """Make a folder that the command can convert: records of twelve images."""
    detbench.convert(dataset, tmp_path / "source")
    return tmp_path / "source"


@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_step_it_resumes_to_the_same_bytes(source: Path, tmp_path: Path, stride: int) -> None:
    """A SIGKILL at every single file-system step, then --resume: the folder of an undisturbed conversion."""
    script = Path(__file__).with_name("kill_everywhere.py")
    done = subprocess.run(
        [sys.executable, script, source, tmp_path, str(stride)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(int(kills) * stride > 40 for kills in done.stdout.split()), done.stdout


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """A SIGKILL after some shards, in the middle of writing, then --resume: the same bytes."""
    large = {f"im{i}": picture(i % 7) for i in range(300)}
    detbench.convert(make_dataset({key: [] for key in large}, pictures=large), tmp_path / "source")
    detbench.convert(tmp_path / "source", tmp_path / "whole", format_name="tfrecord", shards=40)
    command = [sys.executable, "-m", "detbench", "convert", tmp_path / "source", tmp_path / "out"]
    command += ["--format", "tfrecord", "--shards", "40"]
    kills = 0
    for finished in (1, 15, 30):
        with subprocess.Popen([*command, "--resume"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
            while child.poll() is None and len(list((tmp_path / "out" / _STAGING).glob("*.json"))) <= finished:
                time.sleep(0.001)
            kills += child.poll() is None
            child.send_signal(signal.SIGKILL)
    assert kills
    assert subprocess.run([*command, "--resume"], capture_output=True, check=False).returncode == 0
    assert _bytes_of(tmp_path / "out") == _bytes_of(tmp_path / "whole")


def _limited(source: Path, out: Path, limit_bytes: int) -> subprocess.CompletedProcess[str]:
    """Convert in a process that may not write files beyond a size: what a full disk is, in little."""
    return subprocess.run(
        [sys.executable, "-m", "detbench", "convert", source, out, "--format", "tfrecord"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )


def test_a_write_that_fails_is_one_line_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    """Where not even the first shard can be written, the error names it and the folder does not appear."""
    done = _limited(source, tmp_path / "out", 4000)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path}/out/all-00000-of-00001.tfrecord: cannot be written (File too large); "
        "nothing was left half-written\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 128 KiB, where this process may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_keeps_what_is_finished(source: Path, small_disk: Path, tmp_path: Path) -> None:
    """On a disk that fills up, the error names the shard; with room made, --resume ends in the same bytes."""
    command = [sys.executable, "-m", "detbench", "convert", source, small_disk / "out", "--format", "tfrecord"]
    command += ["--shards", "6"]
    filler = small_disk / "filler"
    filler.write_bytes(bytes(92_000))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be written (No space left on device); make room and go on with --resume" in done.stderr
    assert [file.name for file in (small_disk / "out").iterdir()] == [_STAGING]
    assert not list((small_disk / "out" / _STAGING).glob("*.part"))
    filler.unlink()
    assert subprocess.run([*command, "--resume"], capture_output=True, check=False).returncode == 0
    detbench.convert(source, tmp_path / "whole", format_name="tfrecord", shards=6)
    assert _bytes_of(small_disk / "out") == _bytes_of(tmp_path / "whole")


def _begin(dataset: Dataset, out: Path, **options: object) -> None:
    """Leave a conversion unfinished, as an interruption does."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    from contextlib import contextmanager

    @contextmanager
    def progress(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
        calls = iter(range(100))
        yield lambda _n: interrupt() if next(calls) == 1 else None

    with pytest.raises(KeyboardInterrupt):
        detbench.convert(dataset, out, progress=progress, **options)  # type: ignore[arg-type]


def test_an_interrupted_conversion_keeps_its_finished_shards(dataset: Dataset, tmp_path: Path) -> None:
    """After Ctrl-C the finished shards wait in the hidden folder, and resuming does not write them again."""
    _begin(dataset, tmp_path / "out", shards=4)
    first = tmp_path / "out" / _STAGING / "all-00000-of-00004.tfrecord"
    written = first.stat().st_mtime_ns
    assert not list(first.parent.glob("*.part"))
    detbench.convert(dataset, tmp_path / "out", shards=4, resume=True)
    assert (tmp_path / "out" / first.name).stat().st_mtime_ns == written


def test_a_finished_shard_that_rotted_is_written_again(dataset: Dataset, tmp_path: Path) -> None:
    """Resuming trusts no shard whose bytes have changed since it was finished."""
    _begin(dataset, tmp_path / "out", shards=4)
    shard = tmp_path / "out" / _STAGING / "all-00000-of-00004.tfrecord"
    raw = bytearray(shard.read_bytes())
    raw[100] ^= 1
    shard.write_bytes(raw)
    detbench.convert(dataset, tmp_path / "out", shards=4, resume=True)
    detbench.convert(dataset, tmp_path / "whole", shards=4)
    assert _bytes_of(tmp_path / "out") == _bytes_of(tmp_path / "whole")


def test_an_unfinished_conversion_is_not_begun_again_by_accident(dataset: Dataset, tmp_path: Path) -> None:
    """Without --resume or --overwrite an unfinished folder is refused; overwriting begins anew."""
    _begin(dataset, tmp_path / "out", shards=4)
    with pytest.raises(DataError, match=r"not finished; go on with --resume \(resume=True\), or --overwrite it"):
        detbench.convert(dataset, tmp_path / "out", shards=4)
    detbench.convert(dataset, tmp_path / "out", shards=2, overwrite=True)
    assert len(list((tmp_path / "out").glob("*.tfrecord"))) == 2
    assert not (tmp_path / "out" / _STAGING).exists()


def test_resuming_something_else_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    """Other options, other annotations or other pictures are each said, and nothing is changed."""
    _begin(dataset, tmp_path / "out", shards=4)
    before = _bytes_of(tmp_path / "out" / _STAGING)
    with pytest.raises(DataError, match="with other options: detbench convert SOURCE OUT --shards 4"):
        detbench.convert(dataset, tmp_path / "out", shards=3, resume=True)
    with pytest.raises(DataError, match="with other annotations"):
        detbench.convert(dataset.take_images([0, 1, 2, 3]), tmp_path / "out", shards=4, resume=True)
    os.utime(dataset.pictures.path(3) or "", ns=(1, 1))
    with pytest.raises(DataError, match="with other pictures: some have changed since"):
        detbench.convert(dataset, tmp_path / "out", shards=4, resume=True)
    assert _bytes_of(tmp_path / "out" / _STAGING) == before


def test_a_finished_folder_is_safe(dataset: Dataset, tmp_path: Path) -> None:
    """A finished conversion is neither redone nor replaced unless that is asked for."""
    out = tmp_path / "out"
    receipt = detbench.convert(dataset, out, shards=3)
    before = _bytes_of(out)
    with pytest.raises(DataError, match="holds a finished conversion; --overwrite it"):
        detbench.convert(dataset, out, shards=3)
    assert detbench.convert(dataset, out, shards=3, resume=True) == receipt
    with pytest.raises(DataError, match="made with other options"):
        detbench.convert(dataset, out, shards=2, resume=True)
    assert _bytes_of(out) == before
    detbench.convert(dataset, out, shards=2, overwrite=True)
    assert len(list(out.glob("*.tfrecord"))) == 2


def test_overwriting_fails_without_harm(dataset: Dataset, make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """When the new conversion fails, the old one stands as it was."""
    out = tmp_path / "out"
    detbench.convert(dataset, out, shards=3)
    before = _bytes_of(out)
    broken = make_dataset({"a": [], "b": []}, pictures={"b": b"junk"})
    with pytest.raises(DataError, match=r"b\.jpg"):
        detbench.convert(broken, out, overwrite=True)
    assert _bytes_of(out) == before
    assert not (out / _STAGING).exists()


def test_a_folder_of_other_things_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    """A folder with foreign files, and a file in a folder's place, are refused and stay."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not empty, and holds no conversion"):
        detbench.convert(dataset, tmp_path / "mine")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(DataError, match="is a file, not a folder"):
            detbench.convert(dataset, tmp_path / "mine" / "thesis.txt", **options)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_two_conversions_into_one_folder_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    """While one conversion holds the folder's lock, another is told so."""
    from contextlib import contextmanager

    @contextmanager
    def second(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
        with pytest.raises(DataError, match="another conversion is writing here"):
            detbench.convert(dataset, tmp_path / "out", resume=True)
        yield lambda _n: None

    assert detbench.convert(dataset, tmp_path / "out", progress=second).images == 12
