"""Batches to train on: endless, the same from any step, shared among processes, and refused in one sentence."""

from __future__ import annotations

import dataclasses
import io
import threading
import tracemalloc
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import detbench as package
from detbench.data.tables import Categories
from detbench.detectors.input import TrainingInput, split
from detbench.detectors.recipes.settings import InputSettings
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset
    from detbench.detectors.input import Batch
    from detbench.detectors.input.readers import ReaderName


def equal(one: Batch, other: Batch) -> bool:
    """Whether two batches are equal to the bit."""
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def taken(source: TrainingInput, first: int, count: int, **options: Any) -> list[Batch]:
    """Return some batches, and close their iterator."""
    batches = source.batches(first, **options)
    got = list(islice(batches, count))
    batches.close()  # type: ignore[attr-defined]
    return got


def test_a_step_has_the_same_batch_whatever_the_first_step_was(records: Dataset, busy: InputSettings) -> None:
    """A step has the same batch whatever the first step was."""
    source = TrainingInput(records, busy, batch_size=4, seed=3)
    straight = taken(source, 0, 12)  # 48 pictures of 23: two ends of an epoch inside a batch
    for first in (1, 5, 11):
        for one, other in zip(straight[first:], taken(source, first, 12 - first), strict=True):
            assert equal(one, other)
    assert equal(straight[7], source.batch(7))
    again = TrainingInput(records, busy, batch_size=4, seed=3)
    assert equal(straight[9], next(again.batches(9, workers=7)))


def test_every_picture_comes_once_an_epoch_and_differently_in_the_next(records: Dataset, busy: InputSettings) -> None:
    """Every picture comes once an epoch and differently in the next."""
    source = TrainingInput(records, busy, batch_size=23, seed=1)
    assert sorted(source.rows(0)) == sorted(source.rows(1)) == list(range(23))
    assert source.rows(0) != source.rows(1)
    seeds = [seed for batch in taken(source, 0, 2) for seed in batch.seed.tolist()]
    assert len(set(seeds)) == 46
    assert min(seeds) >= 0


def test_two_processes_have_the_two_halves_of_what_one_has(records: Dataset, busy: InputSettings) -> None:
    """Two processes have the two halves of what one has."""
    whole = taken(TrainingInput(records, busy, batch_size=6, seed=3), 2, 4)
    parts = [
        taken(TrainingInput(records, busy, batch_size=6, seed=3, process=p, process_count=2), 2, 4) for p in (0, 1)
    ]
    for step, batch in enumerate(whole):
        for p in (0, 1):
            for field, part in zip(batch, parts[p][step], strict=True):
                np.testing.assert_array_equal(field[p::2], part)


def test_another_seed_is_another_run(records: Dataset, busy: InputSettings) -> None:
    """Another seed is another run."""
    one, other = (next(TrainingInput(records, busy, batch_size=4, seed=seed).batches()) for seed in (0, 1))
    assert not np.array_equal(one.image, other.image)


def test_a_batch_is_as_its_contract_says(records: Dataset, busy: InputSettings) -> None:
    """A batch is as its contract says."""
    for batch in taken(TrainingInput(records, busy, batch_size=5, seed=0), 0, 10):
        kinds = [(field.dtype, field.shape) for field in batch]
        assert kinds == [
            (np.uint8, (5, 96, 128, 3)),
            (np.float32, (5, 2)),
            (np.float32, (5, 12, 4)),
            (np.int32, (5, 12)),
            (np.int32, (5, 12)),
            (np.int32, (5,)),
        ]
        nothing = batch.state == 0
        assert (batch.box[nothing] == 0).all()
        assert (batch.category[nothing] == -1).all()
        assert set(np.unique(batch.category[~nothing])) <= {0, 1, 2}
        limit = np.concatenate([batch.size_px[:, ::-1]] * 2, axis=1)[:, None]
        assert (batch.box <= limit).all()
        for image, (high, wide) in zip(batch.image, batch.size_px.astype(int), strict=True):
            assert (image[high:] == 128).all()
            assert (image[:, wide:] == 128).all()
            assert image[:high, :wide].std() > 0
    seen, learnt = split(batch)
    assert set(seen) == {"image", "size_px"}
    assert set(learnt) == {"box", "category", "state", "seed"}


@pytest.mark.parametrize("mark", ["crowd", "ignore", "difficult", "category"])
def test_what_is_not_to_be_learnt_is_ignored(records: Dataset, with_boxes: Callable[..., Dataset], mark: str) -> None:
    """What is not to be learnt is ignored."""
    truth = records.ground_truth
    chosen = np.arange(len(truth)) % 2 == 0
    column = np.where(chosen, np.int32(-1), truth.category) if mark == "category" else chosen
    plain = InputSettings(train_canvas_px=(300, 300), test_canvas_px=(300, 300), min_visible=0.0)
    source = TrainingInput(
        with_boxes(records, **{"crowd": truth.crowd & False, mark: column}),
        plain,
        batch_size=23,
        seed=0,
    )
    offsets = truth.offsets(23)
    batch = source.batch(0)
    for index, row in enumerate(source.rows(0)):
        count = offsets[row + 1] - offsets[row]
        expected = np.where(chosen[offsets[row] : offsets[row + 1]], -1, 1)
        assert batch.state[index, :count].tolist() == expected.tolist()


def test_more_boxes_than_the_recipe_allows_is_an_error_that_says_what_to_set(
    records: Dataset,
) -> None:
    """More boxes than the recipe allows is an error that says what to set."""
    few = InputSettings(max_truths=4)
    with pytest.raises(
        DataError, match=r"image 6: the image has 5 boxes, the recipe allows 4; set input\.max_truths = 5"
    ):
        TrainingInput(records, few, batch_size=1, seed=0)


def test_boxes_that_are_none_are_refused(
    records: Dataset, with_boxes: Callable[..., Dataset], busy: InputSettings
) -> None:
    """Boxes that are none are refused."""
    truth = records.ground_truth
    for value, problem in ((np.nan, "not a finite number"), (1e9, "ends before it begins")):
        box = truth.box.copy()
        box[4, 0] = value
        with pytest.raises(DataError, match=rf"records, image 4, box 2: the box .* {problem}"):
            TrainingInput(with_boxes(records, box=box), busy, batch_size=1, seed=0)
    with pytest.raises(DataError, match="not among the 3 of the table"):
        TrainingInput(with_boxes(records, category=truth.category + 1), busy, batch_size=1, seed=0)


def test_two_categories_of_one_name_are_refused(records: Dataset, busy: InputSettings) -> None:
    """A run's record has each name once: one with two could be trained for hours and not be gone on with."""
    names = ("red", "green", "red")
    twice = dataclasses.replace(records, categories=Categories.from_names(names))
    with pytest.raises(DataError, match="has two categories of the name 'red'"):
        TrainingInput(twice, busy, batch_size=1, seed=0)


def test_a_set_without_images_or_objects_is_refused(
    records: Dataset, with_boxes: Callable[..., Dataset], busy: InputSettings
) -> None:
    """A set without images or objects is refused."""
    with pytest.raises(DataError, match="has no images"):
        TrainingInput(records.take_images([]), busy, batch_size=1, seed=0)
    everything = np.ones(len(records.ground_truth), np.bool_)
    beside = with_boxes(records, box=records.ground_truth.box + 1000)
    for nothing in (records.take_images([0, 6]), with_boxes(records, difficult=everything), beside):
        with pytest.raises(DataError, match="there is nothing to learn"):
            TrainingInput(nothing, busy, batch_size=1, seed=0)


def test_batches_that_cannot_be_shared_are_refused(records: Dataset, busy: InputSettings) -> None:
    """Batches that cannot be shared are refused."""
    with pytest.raises(UsageError, match="a batch of 5 cannot be shared evenly among 2 processes"):
        TrainingInput(records, busy, batch_size=5, seed=0, process_count=2)
    with pytest.raises(UsageError, match="there is no process 2 among 2"):
        TrainingInput(records, busy, batch_size=4, seed=0, process=2, process_count=2)


def broken(records: Dataset, row: int) -> Dataset:
    """Cut a picture short inside its record, in place; return the dataset."""
    place = records.pictures.places[row]  # type: ignore[attr-defined]
    data = bytearray(place.shard.read_bytes())
    half = place.offset_bytes + place.length_bytes // 2
    data[half : place.offset_bytes + place.length_bytes] = bytes(place.length_bytes - place.length_bytes // 2)
    place.shard.write_bytes(data)
    return records


@pytest.mark.parametrize("reader", ["plain", "tfdata"])
def test_a_cut_picture_in_a_record_is_an_error_that_names_shard_and_record(
    tmp_path: Path, one_picture: Callable[..., Dataset], busy: InputSettings, reader: ReaderName
) -> None:
    """A cut picture in a record is an error that names shard and record."""
    if reader == "tfdata":
        pytest.importorskip("tensorflow")
    target = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)).save(target, "JPEG")
    data = target.getvalue()
    dataset = one_picture(data, (120, 90), [10.0, 10.0, 50.0, 50.0])
    package.convert(dataset, tmp_path / "records")
    source = TrainingInput(broken(package.read_dataset(tmp_path / "records"), 0), busy, batch_size=2, seed=0)
    with pytest.raises(DataError, match=r"\.tfrecord.*record 1: does not decode") as caught:
        next(source.batches(0, reader=reader))
    assert "restore it" in str(caught.value)


def test_threads_end_when_the_iterator_is_closed(records: Dataset, busy: InputSettings) -> None:
    """Threads end when the iterator is closed."""

    def alive() -> int:
        return sum(thread.name.startswith("detbench-input") for thread in threading.enumerate())

    batches = TrainingInput(records, busy, batch_size=8, seed=0).batches(workers=3)
    next(batches)
    assert alive() == 3
    batches.close()  # type: ignore[attr-defined]
    assert alive() == 0
    next(TrainingInput(records, busy, batch_size=8, seed=0).batches(workers=3))  # let go of
    assert alive() == 0


def test_memory_does_not_grow_with_the_steps(records: Dataset, busy: InputSettings) -> None:
    """Memory does not grow with the steps."""
    batches = TrainingInput(records, busy, batch_size=4, seed=0).batches(workers=2)
    next(batches)
    tracemalloc.start()
    peaks = []
    for _ in range(3):
        tracemalloc.reset_peak()
        for _ in range(15):
            next(batches)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    batches.close()  # type: ignore[attr-defined]
    assert max(peaks) < 12 * 4 * 96 * 128 * 3  # a handful of batches
