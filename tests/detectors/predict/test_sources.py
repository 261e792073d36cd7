"""Where pictures come from, and how they are decoded."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.synthetic import parking
from detbench.detectors.adapters.contract import Wanted
from detbench.detectors.adapters.function import FunctionAdapter
from detbench.detectors.predict import run
from detbench.detectors.predict.decoding import decoded
from detbench.detectors.predict.sources import DatasetSource, PictureSource, open_source
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture's bytes."""
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, size=(37, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
def test_every_kind_of_picture_is_rgb(mode: str) -> None:
    """uint8 [H, W, 3], whatever it was; a JPEG or, where JPEG lacks the mode, a PNG."""
    picture = Image.fromarray(PIXELS).convert(mode)
    found = decoded(encoded(picture, "PNG" if mode in {"RGBA", "P"} else "JPEG"), "here")
    assert (found.pixels.shape, found.pixels.dtype, found.size_px) == ((37, 53, 3), np.uint8, (53, 37))


def test_a_png_is_its_pixels() -> None:
    """Nothing is changed."""
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(PIXELS), "PNG"), "here").pixels, PIXELS)


def test_a_jpeg_may_be_decoded_at_a_part_of_its_size() -> None:
    """The stored size is kept beside it; the orientation that EXIF speaks of is not applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(PIXELS), "JPEG", exif=exif)
    half = decoded(data, "here", lambda _w, _h: 2)
    assert (half.pixels.shape, half.size_px) == ((19, 27, 3), (53, 37))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_cut_picture_is_named(kind: str) -> None:
    """Half of it is not taken for all."""
    data = encoded(Image.fromarray(PIXELS), kind)
    with pytest.raises(DataError, match="photo 7: does not decode"):
        decoded(data[: len(data) // 2], "photo 7")


def test_pictures_are_found_at_any_depth(tmp_path: Path) -> None:
    """In the order of their names; hidden ones and other files are passed over; --limit takes the first."""
    for name in ("b/2.png", "b/10.png", "a.PNG", ".hidden.png", ".git/x.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(Image.fromarray(PIXELS), "PNG"))
    found = open_source(tmp_path)
    assert isinstance(found, PictureSource)
    assert [frame.file_name for frame in found.frames()] == ["a.PNG", "b/10.png", "b/2.png"]
    assert open_source(tmp_path, limit=1).count == 1
    assert open_source(tmp_path / "a.PNG").count == 1
    with pytest.raises(UsageError, match="has no split 'val'"):
        open_source(tmp_path, split="val")


def test_a_folder_of_nothing_is_said(tmp_path: Path) -> None:
    """It is no dataset, and there are no pictures."""
    with pytest.raises(DataError, match="is empty"):
        open_source(tmp_path)


@pytest.mark.slow
def test_pictures_of_another_size_than_annotated_are_counted(tmp_path: Path) -> None:
    """Boxes are in the file's pixels, and a note says that the annotations' are not."""
    (tmp_path / "set").mkdir()
    dataset = parking.draw(tmp_path / "set", images=5, size_px=(200, 160), splits=("train",), workers=1)["train"]
    images = replace(dataset.images, width_px=dataset.images.width_px * 2)
    (tmp_path / "none.py").write_text("def detect(picture):\n    return [], [], []\n", encoding="utf-8")
    adapter = FunctionAdapter(f"{tmp_path / 'none.py'}:detect", Wanted())
    found = run(adapter, DatasetSource(replace(dataset, images=images)), warm_up=0)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("5 pictures are of another size than the annotations say, the first ")
    assert run(adapter, DatasetSource(dataset), warm_up=0).notes == ()
