"""A shard is written: records are prepared on all cores, a few batches ahead, and written in order by one thread.

What a shard holds does not depend on who prepared it, so any number of workers gives the same bytes; and memory holds
a few batches, however many images there are.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import msgspec

from detbench.data.records.tally import Tally
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from detbench.data.records.plan import Shard
    from detbench.data.records.prepare import Batch, Preparer

__all__ = ["ShardFacts", "WriteError", "sync", "write_shard"]

_BATCH_BYTES = 2**20
_BATCH_IMAGES = 32
_BATCHES_AHEAD = 2


class WriteError(DataError):
    """The output cannot be written: the disk is full, or a folder is not ours to write to."""


class ShardFacts(msgspec.Struct):
    """What a finished shard is, for the manifest, and what went into it, for the receipt.

    ``input_sum`` is the sum of the pictures' SHA-256, modulo 2^256, in hex: it does not depend on their order.
    """

    file: str
    split: str
    records: int = 0
    boxes: int = 0
    regions: int = 0
    length_bytes: int = 0
    sha256: str = ""
    input_bytes: int = 0
    input_sum: str = "0"
    tally: Tally = msgspec.field(default_factory=Tally)


def write_shard(
    path: Path,
    shard: Shard,
    prepare: Preparer,
    pool: ThreadPoolExecutor,
    workers: int,
    advance: Callable[[int], None],
) -> ShardFacts:
    """Write one shard to ``path`` and return what it holds; it is yet to be :func:`sync`-ed.

    Parameters
    ----------
    path
        The file, which must not exist.
    shard, prepare
        Which images, and how they become records.
    pool, workers
        Where the records are prepared, and on how many threads.
    advance
        Told the number of images done, as they are.

    Raises
    ------
    WriteError
        If the file cannot be written; it is removed.
    DataError
        If a picture is broken; the file is removed.
    """
    facts = ShardFacts(shard.file_name, shard.split.name)
    digest = hashlib.sha256()
    input_sum = 0
    try:
        # A thread of its own hashes a batch while this one writes it.
        with _Output(path, shard.file_name) as output, ThreadPoolExecutor(1, "hash") as hasher:
            for batch in _prepared(_batches(shard), prepare, pool, workers * _BATCHES_AHEAD):
                hashed = hasher.submit(digest.update, batch.records_bytes)
                output.write(batch.records_bytes)
                hashed.result()
                facts.length_bytes += len(batch.records_bytes)
                facts.records += batch.records
                facts.boxes += batch.boxes
                facts.regions += batch.regions
                facts.input_bytes += batch.input_bytes
                facts.tally.add(batch.tally)
                input_sum += batch.input_sum
                advance(batch.images)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    facts.sha256 = digest.hexdigest()
    facts.input_sum = f"{input_sum % 2**256:064x}"
    return facts


class _Output:
    """A new file; :func:`sync` puts it on the disk."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise _write_error(name, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.close(self._descriptor)
        except OSError as error:
            raise _write_error(self._name, error) from error

    def write(self, data: bytes) -> None:
        """Write all of ``data``. A call may write less than it was given; it goes on from there."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise _write_error(self._name, error) from error


def sync(path: Path, name: str) -> None:
    """Put a written file on the disk, where a full one may say so only now. Raises WriteError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _write_error(name, error) from error


def _write_error(name: str, error: OSError) -> WriteError:
    return WriteError(f"cannot be written ({error.strerror or error})", file=name)


def _batches(shard: Shard) -> Iterator[range]:
    """Yield runs of the shard's images, of about a megabyte each."""
    sizes = shard.split.picture_bytes
    start, filled = shard.start, 0
    for row in range(shard.start, shard.stop):
        filled += int(sizes[row])
        if filled >= _BATCH_BYTES or row + 1 - start == _BATCH_IMAGES:
            yield range(start, row + 1)
            start, filled = row + 1, 0
    if start < shard.stop:
        yield range(start, shard.stop)


def _prepared(batches: Iterator[range], prepare: Preparer, pool: ThreadPoolExecutor, ahead: int) -> Iterator[Batch]:
    """Yield the batches in their order, with ``ahead`` of them being prepared meanwhile."""
    waiting: deque[Future[Batch]] = deque()
    try:
        for rows in batches:
            waiting.append(pool.submit(prepare, rows))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
