"""The tf.data reader gives what the plain reader gives: order, boxes and pixels."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING

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


def same(one: Batch, other: Batch) -> None:
    """Hold two batches against each other, to the last bit."""
    for name in one._fields:
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("first", [0, 9])
def test_both_readers_give_the_same(records: Dataset, busy: InputSettings, first: int) -> None:
    """Both readers give the same."""
    source = TrainingInput(records, busy, batch_size=5, seed=11)
    pair = source.batches(first, reader="tfdata"), source.batches(first, reader="plain")
    for one, other in islice(zip(*pair, strict=True), 8):
        same(one, other)
        assert one.image.std() > 0


def test_a_batch_for_strategies_is_the_same(records: Dataset, busy: InputSettings) -> None:
    """A batch for strategies is the same."""
    source = TrainingInput(records, busy, batch_size=4, seed=0)
    x, y = next(iter(source.tf_dataset(3)))
    seen, learnt = split(source.batch(3))
    assert set(x) == set(seen)
    assert set(y) == set(learnt)
    np.testing.assert_array_equal(y["box"], learnt["box"])
    assert x["image"].shape == (4, 96, 128, 3)


def test_processes_share_a_batch(records: Dataset, busy: InputSettings) -> None:
    """Processes share a batch."""
    whole = TrainingInput(records, busy, batch_size=6, seed=3).batch(2)
    part = next(
        TrainingInput(records, busy, batch_size=6, seed=3, process=1, process_count=2).batches(2, reader="tfdata")
    )
    np.testing.assert_array_equal(part.box, whole.box[1::2])
    np.testing.assert_array_equal(part.seed, whole.seed[1::2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_of_another_size_or_that_is_missing_is_the_same_error(
    one_picture: Callable[..., Dataset], busy: InputSettings, kind: str
) -> None:
    """A picture of another size or that is missing is the same error."""
    target = io.BytesIO()
    Image.new("RGB", (60, 40)).save(target, kind)
    for dataset in (
        one_picture(target.getvalue(), (40, 60), [1.0, 1.0, 9.0, 9.0]),
        one_picture(b"no picture at all", (40, 60), [1.0, 1.0, 9.0, 9.0]),
        _without_its_picture(one_picture(target.getvalue(), (60, 40), [1.0, 1.0, 9.0, 9.0])),
    ):
        source = TrainingInput(dataset, busy, batch_size=2, seed=0)
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
