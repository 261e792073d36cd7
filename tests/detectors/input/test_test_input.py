"""Batches to test on: every picture once, in order, whole; and the way back to its own pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.detectors.input import TestInput
from detbench.detectors.recipes.settings import InputSettings
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset


def test_every_picture_comes_once_in_order_and_the_last_batch_is_full(records: Dataset, busy: InputSettings) -> None:
    """Every picture comes once in order and the last batch is full."""
    source = TestInput(records, busy, 4)
    batches = list(source.batches())
    assert len(batches) == len(source) == 6
    assert np.concatenate([rows for _, rows, _ in batches]).tolist() == list(range(23))
    assert {batch.image.shape for batch, _, _ in batches} == {(4, 128, 128, 3)}
    last, rows, scale = batches[-1]
    assert len(rows) == len(scale) == 3
    assert (last.image[3] == 128).all()
    assert last.size_px[3].tolist() == [128, 128]
    assert (last.state[3] == 0).all()


def test_a_box_divided_by_its_scale_is_where_it_was(records: Dataset, busy: InputSettings) -> None:
    """A box divided by its scale is where it was."""
    truth = records.ground_truth
    offsets = truth.offsets(23)
    width, height = records.images.width_px, records.images.height_px
    for batch, rows, scale in TestInput(records, busy, 5).batches():
        for index, row in enumerate(rows.tolist()):
            count = offsets[row + 1] - offsets[row]
            back = batch.box[index, :count] / scale[index]
            edge = np.array([width[row], height[row]] * 2)
            expected = np.clip(truth.box[offsets[row] : offsets[row + 1]], 0, edge)
            np.testing.assert_allclose(back, expected, atol=1e-3)
            assert (batch.size_px[index] / scale[index, [1, 0]]).round(3).tolist() == [height[row], width[row]]


def test_testing_needs_no_boxes(records: Dataset, busy: InputSettings) -> None:
    """Testing needs no boxes."""
    assert len(list(TestInput(records.take_images([0, 6]), busy, 2).batches())) == 1
    with pytest.raises(DataError, match="has no images"):
        TestInput(records.take_images([]), busy, 2)
    with pytest.raises(DataError, match=r"input\.max_truths = 5"):
        TestInput(records, InputSettings(max_truths=4), 2)


def test_a_picture_that_is_not_what_was_said_is_found_in_its_header(one_picture: Callable[..., Dataset]) -> None:
    """Missing, of another size, no picture: told without decoding one; a JPEG and a PNG that are right pass."""

    def look(data: bytes, size_px: tuple[int, int]) -> Dataset:
        dataset = one_picture(data, size_px, [1, 1, 9, 9])
        TestInput(dataset, InputSettings(), 1).require_pictures()
        return dataset

    def picture(kind: str) -> bytes:
        target = io.BytesIO()
        Image.new("RGB", (40, 30)).save(target, kind)
        return target.getvalue()

    for kind in ("JPEG", "PNG"):
        look(picture(kind), (40, 30))
        with pytest.raises(DataError, match=r"it\.jpg: the picture is 40 × 30 pixels, its annotation says 40 × 31"):
            look(picture(kind), (40, 31))
    with pytest.raises(DataError, match=r"it\.jpg: is not a picture"):
        look(b"\xff\xd8\xff", (40, 30))
    whole = look(picture("JPEG"), (40, 30))
    path = whole.pictures.path(0)
    assert path is not None
    path.unlink()
    with pytest.raises(DataError, match=r"it\.jpg: cannot be read \(No such file"):
        TestInput(whole, InputSettings(), 1).require_pictures()


def test_the_headers_of_records_are_looked_at(records: Dataset, busy: InputSettings) -> None:
    """Pictures in records have sizes too."""
    TestInput(records, busy, 4).require_pictures()
    other = replace(records, images=replace(records.images, width_px=records.images.width_px + 1))
    with pytest.raises(DataError, match=r"record 1: the picture is .* pixels, its annotation says"):
        TestInput(other, busy, 4).require_pictures()
