"""The tf.data reader gives what the plain reader gives: the same order and boxes, pixels to one grey level."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from PIL import Image

from detbench.detectors.input import TrainingInput, split
from detbench.errors import DataError

pytest.importorskip("tensorflow")

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset
    from detbench.detectors.input import Batch
    from detbench.detectors.recipes.settings import InputSettings


def same(one: Batch, other: Batch, levels: int = 1, differing: float = 0.3) -> None:
    """Hold two batches against each other: pixels to so many grey levels, so large a share of them."""
    for name in ("size_px", "box", "category", "state", "seed"):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert one.image.dtype == other.image.dtype
    difference = abs(one.image.astype(int) - other.image)
    assert difference.max() <= levels
    assert (difference > 0).mean() < differing


@pytest.fixture(scope="module")
def plain(busy: InputSettings) -> InputSettings:
    """Return the busy settings with the colours left alone: changing them enlarges differences."""
    return msgspec.structs.replace(busy, brightness=0.0, contrast=0.0, saturation=0.0)


@pytest.mark.parametrize("first", [0, 9])
def test_both_readers_give_the_same(records: Dataset, plain: InputSettings, first: int) -> None:
    """Both readers give the same."""
    source = TrainingInput(records, plain, batch_size=5, seed=11)
    pair = source.batches(first, reader="tfdata"), source.batches(first, reader="plain")
    for one, other in islice(zip(*pair, strict=True), 8):
        same(one, other)


def test_colours_differ_by_what_they_are_made_stronger(records: Dataset, busy: InputSettings) -> None:
    """Colours differ by what they are made stronger."""
    source = TrainingInput(records, busy, batch_size=5, seed=11)
    pair = source.batches(reader="tfdata"), source.batches(reader="plain")
    for one, other in islice(zip(*pair, strict=True), 5):
        same(one, other, levels=2)


@pytest.mark.parametrize("scale", [(0.06, 0.12), (0.12, 0.25), (0.3, 0.5), (1.0, 1.0), (1.0, 3.0)])
def test_jpegs_at_every_part_of_their_size_are_the_same(
    one_picture: Callable[..., Dataset], plain: InputSettings, scale: tuple[float, float]
) -> None:
    """JPEGs at every part of their size are the same."""
    random = np.random.default_rng(2)
    for width, height, noise in ((641, 479, 30), (500, 333, 0)):
        small = Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        noisy = np.clip(smooth + random.integers(-noise, noise + 1, smooth.shape), 0, 255).astype(np.uint8)
        target = io.BytesIO()
        Image.fromarray(noisy).save(target, "JPEG", quality=90)
        dataset = one_picture(target.getvalue(), (width, height), [50.0, 50.0, 300.0, 200.0])
        settings = msgspec.structs.replace(plain, test_canvas_px=(480, 640), scale=scale)
        source = TrainingInput(dataset, settings, batch_size=6, seed=1)
        same(next(source.batches(reader="tfdata")), source.batch(0))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_windows_of_jpegs_are_decoded_as_in_the_whole(
    one_picture: Callable[..., Dataset], plain: InputSettings, subsampling: str
) -> None:
    """At the scale 1, where nothing is resized, there is no difference at all."""
    noise = np.random.default_rng(4).integers(0, 256, (167, 211, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).save(target, "JPEG", quality=85, subsampling=subsampling)
    dataset = one_picture(target.getvalue(), (211, 167), [50.0, 50.0, 100.0, 90.0])
    for canvas in ((96, 128), (31, 57)):
        settings = msgspec.structs.replace(
            plain, train_canvas_px=canvas, test_canvas_px=(167, 211), scale=(1.0, 1.0), min_visible=0.0
        )
        source = TrainingInput(dataset, settings, batch_size=40, seed=1)
        same(next(source.batches(reader="tfdata")), source.batch(0), levels=0, differing=1e-9)


def test_a_batch_for_strategies_is_the_same(records: Dataset, plain: InputSettings) -> None:
    """A batch for strategies is the same."""
    source = TrainingInput(records, plain, batch_size=4, seed=0)
    x, y = next(iter(source.tf_dataset(3)))
    seen, learnt = split(source.batch(3))
    assert set(x) == set(seen)
    assert set(y) == set(learnt)
    np.testing.assert_array_equal(y["box"], learnt["box"])
    assert x["image"].shape == (4, 96, 128, 3)


def test_processes_share_a_batch(records: Dataset, plain: InputSettings) -> None:
    """Processes share a batch."""
    whole = TrainingInput(records, plain, batch_size=6, seed=3).batch(2)
    part = next(
        TrainingInput(records, plain, batch_size=6, seed=3, process=1, process_count=2).batches(2, reader="tfdata")
    )
    np.testing.assert_array_equal(part.box, whole.box[1::2])
    np.testing.assert_array_equal(part.seed, whole.seed[1::2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_of_another_size_or_that_is_missing_is_the_same_error(
    one_picture: Callable[..., Dataset], plain: InputSettings, kind: str
) -> None:
    """A picture of another size or that is missing is the same error."""
    target = io.BytesIO()
    Image.new("RGB", (60, 40)).save(target, kind)
    for dataset in (
        one_picture(target.getvalue(), (40, 60), [1.0, 1.0, 9.0, 9.0]),
        one_picture(b"no picture at all", (40, 60), [1.0, 1.0, 9.0, 9.0]),
        _without_its_picture(one_picture(target.getvalue(), (60, 40), [1.0, 1.0, 9.0, 9.0])),
    ):
        source = TrainingInput(dataset, plain, batch_size=2, seed=0)
        said = []
        for reader in ("plain", "tfdata"):
            with pytest.raises(DataError) as caught:
                next(source.batches(0, reader=reader))  # type: ignore[arg-type]
            said.append(str(caught.value))
        assert said[0] == said[1]
        assert "it.jpg" in said[0]


def _without_its_picture(dataset: Dataset) -> Dataset:
    path = dataset.pictures.path(0)
    assert path is not None
    path.unlink()
    return dataset
