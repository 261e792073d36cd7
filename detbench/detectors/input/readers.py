"""The plain reader: batches in NumPy, made by a few threads, on every backend."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import numpy as np

from detbench.detectors.input.batch import CANVAS_GREY, Batch
from detbench.detectors.input.pixels import draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from detbench.detectors.input.examples import Examples

__all__ = ["AHEAD", "ReaderName", "cores", "empty_batch", "fill", "plain_batches"]

ReaderName = Literal["tfdata", "plain"]

#: Batches that a reader is ahead of who takes them.
AHEAD = 2


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plain_batches(
    examples: Examples, steps: Iterable[Sequence[int]], size: int, *, workers: int | None = None
) -> Iterator[Batch]:
    """Yield the batch of each of ``steps``, the places of its pictures; those left over of ``size`` stay empty.

    Decoding and resizing run outside Python's lock, so threads are enough. The order does not depend on which is
    ready first. Threads end when the iterator is closed or let go of.

    Raises
    ------
    DataError
        If a picture is missing, does not decode in full, or has another size than its annotation says.
    """
    pool = ThreadPoolExecutor(workers or cores(), thread_name_prefix="detbench-input")
    pending: deque[tuple[Batch, list[Future[None]]]] = deque()
    coming = iter(steps)
    try:
        while True:
            while len(pending) <= AHEAD and (places := next(coming, None)) is not None:
                batch = empty_batch(examples, size)
                pending.append((batch, [pool.submit(fill, examples, at, batch, i) for i, at in enumerate(places)]))
            if not pending:
                return
            batch, futures = pending.popleft()
            for future in futures:
                future.result()
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def empty_batch(examples: Examples, size: int) -> Batch:
    """Return a batch of grey canvases without boxes; their pictures count as full, so that nothing divides by 0."""
    high, wide = examples.canvas_px
    most = examples.max_truths
    return Batch(
        image=np.full((size, high, wide, 3), CANVAS_GREY, np.uint8),
        size_px=np.full((size, 2), (high, wide), np.float32),
        box=np.zeros((size, most, 4), np.float32),
        category=np.full((size, most), -1, np.int32),
        state=np.zeros((size, most), np.int32),
        seed=np.zeros(size, np.int32),
    )


def fill(examples: Examples, place: int, batch: Batch, index: int) -> None:
    """Put the example at ``place`` into row ``index`` of an empty batch. Raises DataError as `plain_batches` does."""
    example = examples.at(place)
    data, picture_px = examples.picture(example.row)
    draw(data, example.plan, picture_px, batch.image[index], where=examples.where(example.row))
    count = len(example.truths.box)
    batch.size_px[index] = example.plan.size
    batch.box[index, :count] = example.truths.box
    batch.category[index, :count] = example.truths.category
    batch.state[index, :count] = example.truths.state
    batch.seed[index] = example.seed
