"""The built-in set of car parks: the same bytes every time, and annotations that fit what is drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.synthetic import parking
from detbench.data.synthetic.parking.flights import plan_flight
from detbench.data.synthetic.parking.traffic import paint_vehicles
from detbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset

pytestmark = pytest.mark.slow

SMALL = (240, 180)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Return three flights, one a split."""
    return parking.draw(tmp_path_factory.mktemp("parking"), images=15, size_px=SMALL)


def bytes_of(datasets: dict[str, Dataset]) -> dict[str, bytes]:
    """Return every picture's bytes by its name."""
    return {
        name: dataset.pictures.read(row)
        for dataset in datasets.values()
        for row, name in enumerate(dataset.images.file_name)
    }


def test_two_processes_draw_the_same_bytes_as_one(drawn: dict[str, Dataset], tmp_path: Path) -> None:
    """The number of workers changes neither pictures nor boxes."""
    again = parking.draw(tmp_path, images=15, size_px=SMALL, workers=2)
    assert bytes_of(again) == bytes_of(drawn)
    for split, dataset in drawn.items():
        np.testing.assert_array_equal(again[split].ground_truth.box, dataset.ground_truth.box)
        assert again[split].ground_truth.source_id == dataset.ground_truth.source_id


def test_a_smaller_set_is_the_beginning_of_a_larger_one(drawn: dict[str, Dataset], tmp_path: Path) -> None:
    """A picture depends on its number, not on how many are drawn; a flight may be cut short."""
    some = bytes_of(parking.draw(tmp_path, images=3, size_px=SMALL))
    whole = bytes_of(drawn)
    assert sorted(some) == [f"flight00_{n:04d}.jpg" for n in range(3)]
    assert all(whole[name] == data for name, data in some.items())


def test_another_seed_is_another_set(drawn: dict[str, Dataset], tmp_path: Path) -> None:
    """No picture is shared between two seeds."""
    other = bytes_of(parking.draw(tmp_path, images=5, seed=1, size_px=SMALL))
    assert not set(other.values()) & set(bytes_of(drawn).values())


def test_a_flight_belongs_to_one_split(drawn: dict[str, Dataset]) -> None:
    """Neighbouring frames show the same vehicles, so the splits are dealt by flight."""
    flights = [{name.split("_")[0] for name in dataset.images.file_name} for dataset in drawn.values()]
    assert list(drawn) == ["train", "val", "test"]
    assert sum(map(len, flights)) == len(set.union(*flights)) == 3


def test_pictures_are_jpegs_of_the_size_asked_for(drawn: dict[str, Dataset]) -> None:
    """Every picture decodes in full and has the size that the table says."""
    for name, data in bytes_of(drawn).items():
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", SMALL), name


def test_ids_are_unique_over_all_splits(drawn: dict[str, Dataset]) -> None:
    """Splits can be merged: no image id and no annotation id occurs twice."""
    keys = [key for dataset in drawn.values() for key in dataset.images.key]
    ids = [key for dataset in drawn.values() for key in dataset.ground_truth.source_id]
    assert len(set(keys)) == len(keys) == 15
    assert len(set(ids)) == len(ids) > 100


@pytest.mark.parametrize("size_px", [SMALL, (640, 480), (300, 600)])
def test_frames_are_empty_or_hold_10_to_120_vehicles_inside_the_picture(size_px: tuple[int, int]) -> None:
    """The plan of many flights keeps the bounds on counts, and every box lies in the picture."""
    counts = []
    for number in range(8):
        for frame in plan_flight(3, number, size_px).frames:
            counts.append(len(frame.vehicles))
            assert len(frame.box) == len(frame.truncated) == len(frame.occluded) == counts[-1]
            assert (frame.box >= 0).all()
            assert (frame.box[:, 2:] <= np.array(size_px)).all()
            assert (frame.box[:, 2:] - frame.box[:, :2] >= 5).all()
    assert all(count == 0 or 10 <= count <= 120 for count in counts)
    assert max(counts) > 30


def test_the_set_has_empty_frames_occlusion_truncation_and_every_category() -> None:
    """What a benchmark should meet is there in the first flights of the default set."""
    frames = [frame for number in range(12) for frame in plan_flight(0, number, (640, 480)).frames]
    assert any(not frame.vehicles for frame in frames)
    assert {0, 1, 2} == {level for frame in frames for level in frame.truncated}
    assert {0, 1, 2} == {level for frame in frames for level in frame.occluded}


def test_a_box_is_tight_around_what_is_painted() -> None:
    """Painted alone, a vehicle covers its box from edge to edge and nothing beside it."""
    frame = plan_flight(0, 0, (640, 480)).frames[0]
    rows = [row for row, truncated in enumerate(frame.truncated) if not truncated]
    assert rows
    for row in rows:
        cover = paint_vehicles(replace(frame, vehicles=(frame.vehicles[row],)), (0.5, 0.5))[1]
        y, x = np.nonzero(cover > 0.5)
        painted = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_allclose(painted, frame.box[row], atol=1.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"images": 0}, "0 images"),
        ({"seed": -1}, "seed is -1"),
        ({"size_px": (64, 64)}, "64x64"),
        ({"size_px": (1000, 200)}, "too narrow"),
        ({"splits": ("trian",)}, "'trian'"),
        ({"workers": 0}, "0 workers"),
    ],
)
def test_what_cannot_be_drawn_is_said(tmp_path: Path, options: dict[str, object], words: str) -> None:
    """A number out of range is one clear error, and nothing is drawn."""
    with pytest.raises(UsageError, match=words):
        parking.draw(tmp_path, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
