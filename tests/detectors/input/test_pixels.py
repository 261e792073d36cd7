"""Pictures of every kind come out as what they show, at the size and place that the plan says."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detbench.detectors.input.pixels import draw
from detbench.detectors.input.plan import WORDS, Plan, plan_for_training
from detbench.detectors.input.truths import Truths, moved
from detbench.detectors.recipes.settings import InputSettings
from detbench.errors import DataError

WIDTH, HEIGHT = 48, 32
WHOLE = Plan(0, 0, WIDTH, HEIGHT, (HEIGHT, WIDTH))


def encode(picture: Any, kind: str, **options: Any) -> bytes:
    """Return a picture's bytes."""
    target = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(target, kind, **options)
    return target.getvalue()


def drawn(data: bytes, plan: Plan, size_px: tuple[int, int], canvas_px: tuple[int, int] = (400, 400)) -> np.ndarray:
    """Return a picture's part of its canvas; the rest is untouched."""
    canvas = np.full((*canvas_px, 3), 7, np.uint8)
    draw(data, plan, size_px, canvas, where="it")
    high, wide = plan.size
    assert (canvas[high:] == 7).all()
    assert (canvas[:, wide:] == 7).all()
    return canvas[:high, :wide]


def ramp() -> np.ndarray:
    """Return a smooth picture whose three channels differ."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=2).astype(np.uint8)


RGB = Image.fromarray(ramp())
KINDS = {
    "png": ("PNG", RGB, {}),
    "jpeg": ("JPEG", RGB, {"quality": 95}),
    "progressive jpeg": ("JPEG", RGB, {"quality": 95, "progressive": True}),
    "grey jpeg": ("JPEG", RGB.convert("L"), {"quality": 95}),
    "cmyk jpeg": ("JPEG", RGB.convert("CMYK"), {"quality": 95}),
    "palette": ("PNG", RGB.quantize(256), {}),
    "palette with transparency": ("PNG", RGB.quantize(255), {"transparency": bytes([0, 255] * 100)}),
    "grey": ("PNG", RGB.convert("L"), {}),
    "grey and alpha": ("PNG", RGB.convert("LA"), {}),
    "alpha": ("PNG", RGB.convert("RGBA"), {}),
    "16 bits": ("PNG", Image.fromarray(np.asarray(RGB.convert("L")).astype(np.uint16) * 257), {}),
    "tiff": ("TIFF", RGB, {}),
    "webp": ("WEBP", RGB, {"lossless": True}),
    "gif": ("GIF", RGB, {}),
    "bmp": ("BMP", RGB, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_rgb(kind: str) -> None:
    """Every kind of picture becomes RGB."""
    form, picture, options = KINDS[kind]
    grey = "grey" in kind or kind == "16 bits"
    expected = np.asarray((RGB.convert("L") if grey else RGB).convert("RGB")).astype(int)
    difference = abs(drawn(encode(picture, form, **options), WHOLE, (WIDTH, HEIGHT)) - expected)
    lossy = "jpeg" in kind or "palette" in kind or kind == "gif"
    assert difference.mean() < (6 if lossy else 0.01)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3000, 1), (1, 900), (2, 3)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_pictures_of_any_shape_are_drawn(width: int, height: int, form: str) -> None:
    """Pictures of any shape are drawn."""
    data = encode(np.full((height, width, 3), (200, 100, 50), np.uint8), form)
    options = InputSettings(train_canvas_px=(64, 64), test_canvas_px=(64, 64), scale=(0.2, 3.0))
    for value in np.linspace(0, 0.99, 5):
        plan = plan_for_training(width, height, options, np.full(WORDS, value))
        assert abs(drawn(data, plan, (width, height)).astype(int) - (200, 100, 50)).max() <= 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1, exclude_max=True), min_size=WORDS, max_size=WORDS).map(np.array),
    st.sampled_from(["PNG", "JPEG"]),
    st.tuples(st.integers(0, 200), st.integers(0, 120), st.integers(30, 100), st.integers(30, 80)),
    st.sampled_from([(0.2, 0.4), (0.5, 1.0), (1.0, 1.0), (1.0, 2.5)]),
)
def test_boxes_move_with_their_pixels(
    uniform: np.ndarray, form: str, xywh: tuple[int, int, int, int], scale: tuple[float, float]
) -> None:
    """What is red in the picture is red on the canvas, and there the box is: its middle and its area agree."""
    width, height = 311, 205
    x, y, w, h = xywh
    pixels = np.full((height, width, 3), (20, 40, 60), np.uint8)
    pixels[y : y + h, x : x + w] = (240, 40, 60)
    data = encode(pixels, form, **({"quality": 97, "subsampling": 0} if form == "JPEG" else {}))
    options = InputSettings(train_canvas_px=(160, 200), test_canvas_px=(205, 311), flip_vertical=0.5, scale=scale)
    plan = plan_for_training(width, height, options, uniform)
    right, lower = min(x + w, width), min(y + h, height)
    truths = Truths(np.array([[x, y, right, lower]], float), np.zeros(1, np.int32), np.ones(1, np.int32))
    box = moved(truths, (width, height), plan, 0.0).box
    red = (drawn(data, plan, (width, height))[..., 0].astype(float) - 20) / 220
    if not len(box):
        assert red.max() < 0.6  # a neighbouring pixel of what lies just outside may shine through
        return
    x1, y1, x2, y2 = box[0].tolist()
    if min(x2 - x1, y2 - y1) < 4:
        return
    rows, columns = np.mgrid[: red.shape[0], : red.shape[1]] + 0.5
    red = np.where(red > 0.02, red, 0)
    assert red.sum() == pytest.approx((x2 - x1) * (y2 - y1), rel=0.06)
    assert (red * columns).sum() / red.sum() == pytest.approx((x1 + x2) / 2, abs=0.2)
    assert (red * rows).sum() / red.sum() == pytest.approx((y1 + y2) / 2, abs=0.2)


def test_decoding_a_jpeg_at_a_part_of_its_size_shows_the_same() -> None:
    """Decoding a JPEG at a part of its size shows the same."""
    random = np.random.default_rng(1)
    small = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    data = encode(small.resize((643, 481), Image.Resampling.BICUBIC), "JPEG", quality=92)
    for part in (2, 4, 8):
        whole = Plan(13, 29, 600, 440, (440 // part - 3, 600 // part - 5))
        difference = abs(
            drawn(data, whole, (643, 481)).astype(int) - drawn(data, whole._replace(reduction=part), (643, 481))
        )
        assert difference.mean() < 2
        assert difference.max() < 16


def test_mirrors_mirror() -> None:
    """Mirrors mirror."""
    data = encode(ramp(), "PNG")
    plain = drawn(data, WHOLE, (WIDTH, HEIGHT))
    assert (drawn(data, WHOLE._replace(flip_x=True), (WIDTH, HEIGHT)) == plain[:, ::-1]).all()
    assert (drawn(data, WHOLE._replace(flip_y=True), (WIDTH, HEIGHT)) == plain[::-1]).all()


def test_colours_are_made_brighter_stronger_and_grey() -> None:
    """Colours are made brighter stronger and grey."""
    data = encode(np.full((HEIGHT, WIDTH, 3), (100, 150, 200), np.uint8), "PNG")

    def coloured(uniform: list[float], **changes: float) -> list[int]:
        options = InputSettings(train_canvas_px=(32, 48), test_canvas_px=(32, 48), flip=0.0, **changes)
        plan = plan_for_training(WIDTH, HEIGHT, options, np.array([0, 0, 0, 0, 0, *uniform]))
        return drawn(data, plan, (WIDTH, HEIGHT))[5, 5].tolist()

    assert coloured([0.75, 0.5, 0.5], brightness=0.2) == [126, 176, 226]  # + 0.1 of 255, 25.5
    assert coloured([0.5, 0.75, 0.5], contrast=0.4) == [95, 155, 215]  # 1.2 about 127.5, 94.5 rounded up
    assert len(set(coloured([0.5, 0.5, 0.0], saturation=1.0))) == 1  # its own light
    assert coloured([0.99999, 0.5, 0.5], brightness=1.0) == [255, 255, 255]


def test_the_stored_picture_is_taken_whatever_its_exif_rotation() -> None:
    """The stored picture is taken whatever its EXIF rotation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(ramp(), "JPEG", quality=95, exif=exif)
    assert abs(drawn(data, WHOLE, (WIDTH, HEIGHT)).astype(int) - ramp()).mean() < 6


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_cut_picture_is_an_error_that_names_it(form: str) -> None:
    """A cut picture is an error that names it."""
    random = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    data = encode(random, form)
    for cut in (len(data) // 2, len(data) - 60, 3, 0):
        with pytest.raises(DataError, match="it: does not decode"):
            drawn(data[:cut], WHOLE, (WIDTH, HEIGHT))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_of_another_size_is_an_error(form: str) -> None:
    """A picture of another size is an error."""
    with pytest.raises(DataError, match="the picture is 48 × 32 pixels, its annotation says 32 × 48"):
        drawn(encode(ramp(), form), WHOLE, (HEIGHT, WIDTH))
