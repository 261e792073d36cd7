"""The drawn dataset: flights to picture files and tables, with any number of processes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.pictures import FolderPictures
from detbench.data.synthetic.parking.flights import FRAMES_A_FLIGHT, plan_flight
from detbench.data.synthetic.parking.painting import paint_frame
from detbench.data.synthetic.parking.vehicles import CATEGORY_NAMES, KINDS
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import UsageError
from detbench.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from detbench.data.synthetic.parking.sight import Frame

__all__ = ["DEFAULT_IMAGES", "DEFAULT_SIZE_PX", "SPLITS", "count_images", "draw"]

DEFAULT_IMAGES = 120
DEFAULT_SIZE_PX = (640, 480)
SPLITS = ("train", "val", "test")

#: Which split each flight of a dozen belongs to: 7 train, 2 val, 3 test.
_DEAL = ("train", "val", "test", "train", "train", "test", "train", "val", "train", "test", "train", "train")

#: An annotation's id is its image's number times this, plus its place in the image, from 1.
_IDS_AN_IMAGE = 1000

_SMALLEST_PX, _LARGEST_PX, _LONGEST_SIDE, _MOST_IMAGES = 160, 4096, 2, 100_000


def draw(
    folder: Path,
    *,
    images: int = DEFAULT_IMAGES,
    seed: int = 0,
    size_px: tuple[int, int] = DEFAULT_SIZE_PX,
    splits: Sequence[str] = SPLITS,
    workers: int = 1,
    advance: Callable[[int], None] = lambda _n: None,
) -> dict[str, Dataset]:
    """Draw the set's pictures into ``folder`` and return its splits.

    A picture depends on ``seed``, its number and ``size_px`` alone: not on how many are drawn, nor by how many
    processes. What the pictures show is computed in float64; their bytes also depend on the JPEG library.

    Parameters
    ----------
    folder
        An existing folder for the JPEG files, ``flight03_0007.jpg``: flight 3, the 8th picture of the set.
    images
        How many pictures the whole set has, before ``splits`` selects.
    seed
        Names the set; 0 or more.
    size_px
        Width and height; the larger, the more pixels a vehicle has.
    splits
        Which splits to draw.
    workers
        How many processes draw.
    advance
        Called with the number of pictures done since it was last called.

    Returns
    -------
    Split's name → dataset, in the order of :data:`SPLITS`. A box goes round the whole body, hidden parts included,
    and is clipped to the picture; ``truncated`` and ``occluded`` say what cannot be seen.

    Raises
    ------
    UsageError
        If a number is out of range or a split unknown.
    DataError
        If a picture cannot be written.
    """
    _check(images, seed, size_px, splits, workers)
    flights = [f for f in range(-(-images // FRAMES_A_FLIGHT)) if _DEAL[f % len(_DEAL)] in splits]
    jobs = [(folder, seed, f, min(FRAMES_A_FLIGHT, images - f * FRAMES_A_FLIGHT), size_px) for f in flights]
    frames: dict[int, tuple[Frame, ...]] = {}
    for flight, drawn in zip(flights, _run(jobs, workers), strict=True):
        frames[flight] = drawn
        advance(len(drawn))
    return {
        split: _tables(folder, split, {f: d for f, d in frames.items() if _DEAL[f % len(_DEAL)] == split})
        for split in SPLITS
        if split in splits
    }


def count_images(images: int, splits: Sequence[str]) -> int:
    """Return how many pictures of a set of ``images`` belong to ``splits``."""
    return sum(_DEAL[number // FRAMES_A_FLIGHT % len(_DEAL)] in splits for number in range(images))


def _check(images: int, seed: int, size_px: tuple[int, int], splits: Sequence[str], workers: int) -> None:
    """Raise UsageError for what cannot be drawn."""
    if not 1 <= images <= _MOST_IMAGES:
        raise UsageError(f"{images} images cannot be drawn; ask for 1 to {_MOST_IMAGES:,}")
    if seed < 0:
        raise UsageError(f"the seed is {seed}; it must be 0 or more")
    if not all(_SMALLEST_PX <= side <= _LARGEST_PX for side in size_px):
        raise UsageError(
            f"a size of {size_px[0]}x{size_px[1]} cannot be drawn; each side is {_SMALLEST_PX} to {_LARGEST_PX} pixels"
        )
    if max(size_px) > _LONGEST_SIDE * min(size_px):
        raise UsageError(
            f"{size_px[0]}x{size_px[1]} is too narrow; one side is at most {_LONGEST_SIDE} times the other"
        )
    for split in splits:
        if split not in SPLITS:
            raise UsageError(f"there is no split {split!r}; the splits are {', '.join(SPLITS)}")
    if workers < 1:
        raise UsageError(f"{workers} workers cannot draw; ask for 1 or more")


_Job = tuple["Path", int, int, int, tuple[int, int]]


def _run(jobs: list[_Job], workers: int) -> Iterator[tuple[Frame, ...]]:
    """Yield every job's frames, in the order of the jobs."""
    if workers == 1 or len(jobs) < 2:  # noqa: PLR2004  one job needs no second process
        yield from map(_draw_flight, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        yield from pool.map(_draw_flight, jobs)


def _draw_flight(job: _Job) -> tuple[Frame, ...]:
    """Draw a flight's pictures and return its frames."""
    folder, seed, number, count, size_px = job
    flight = plan_flight(seed, number, size_px)
    for frame in range(count):
        rng = np.random.default_rng(np.random.SeedSequence([seed, number, 1, frame]))
        data = paint_frame(flight, frame, rng)
        with replacing(folder / _file_name(number, frame)) as file:
            file.write(data)
    return flight.frames[:count]


def _file_name(flight: int, frame: int) -> str:
    return f"flight{flight:02d}_{flight * FRAMES_A_FLIGHT + frame:04d}.jpg"


def _tables(folder: Path, split: str, frames: dict[int, tuple[Frame, ...]]) -> Dataset:
    """Return a split's tables."""
    rows = [(flight, number, frame) for flight, drawn in frames.items() for number, frame in enumerate(drawn)]
    builder = GroundTruthBuilder()
    keys = tuple(flight * FRAMES_A_FLIGHT + number + 1 for flight, number, _ in rows)
    for row, (_, _, frame) in enumerate(rows):
        for place, vehicle in enumerate(frame.vehicles):
            x1, y1, x2, y2 = frame.box[place].tolist()
            builder.add(
                row,
                KINDS[vehicle.kind].category,
                (x1, y1, x2, y2),
                truncated=frame.truncated[place],
                occluded=frame.occluded[place],
                source_id=keys[row] * _IDS_AN_IMAGE + place + 1,
            )
    names = tuple(_file_name(flight, number) for flight, number, _ in rows)
    images = Images(
        keys,
        names,
        np.array([frame.camera.width_px for _, _, frame in rows], dtype=np.int32),
        np.array([frame.camera.height_px for _, _, frame in rows], dtype=np.int32),
    )
    pictures = FolderPictures(tuple(folder / name for name in names), names)
    categories = Categories.from_names(CATEGORY_NAMES)
    return Dataset("parking", "synthetic", folder, split, categories, images, builder.build(), pictures)
