"""Pictures' headers and the check that they decode."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detbench.data.decoding import Header, decode_fully, read_header, to_png
from detbench.data.jpeg_header import jpeg_header
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def _picture(kind: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(target, kind, **options)
    return target.getvalue()


def _pillows(data: bytes) -> Header:
    with Image.open(io.BytesIO(data)) as picture:
        return Header(
            picture.format or "", picture.mode, picture.width, picture.height, picture.getexif().get(0x0112, 1)
        )


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [None, 1, 6])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"comment": b"x" * 300}])
def test_the_quick_header_is_pillows(mode: str, orientation: int | None, options: dict[str, object]) -> None:
    """What is read from a JPEG's markers is what Pillow reads."""
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
        exif[0x010E] = "a description"
    data = _picture(mode=mode, exif=exif, **options)
    assert jpeg_header(data) is not None
    assert read_header(data) == _pillows(data)


def test_every_real_picture_has_the_header_that_pillow_sees_and_decodes(shared: Path) -> None:
    """Real JPEGs, grey ones among them, are read as Pillow reads them, and none is called broken."""
    files = sorted(shared.glob("raccoon/images/*"))[::9] + sorted(shared.glob("drone_cars/JPEGImages/*"))[::30]
    assert len(files) > 20
    for file in files:
        assert decode_fully(file.read_bytes(), where=str(file)) == _pillows(file.read_bytes())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}, {"kind": "PNG"}])
def test_a_cut_picture_is_found_wherever_it_is_cut(options: dict[str, object]) -> None:
    """No prefix of a picture decodes: the last byte that matters is missed as well as the first."""
    whole = _picture(**options)  # type: ignore[arg-type]
    decode_fully(whole, where="whole")
    for length in np.random.default_rng(1).choice(len(whole) - 20, 25):
        with pytest.raises(DataError, match=r"cut\.jpg"):
            decode_fully(whole[:length], where="cut.jpg")


def test_damage_inside_that_pillow_lets_pass_is_found() -> None:
    """Bytes overwritten inside a JPEG are found although Pillow's load() accepts them."""
    data = bytearray(_picture())
    data[700:704] = b"\xff\0\0\0"
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
    with pytest.raises(DataError, match="does not decode"):
        decode_fully(bytes(data), where="a.jpg")


@given(st.binary(max_size=300))
def test_junk_is_refused(junk: bytes) -> None:
    """No bytes do more than raise DataError, whose text is the same every time."""
    for data in (junk, b"\xff\xd8" + junk, b"\xff\xd8\xff\xe1\x00\x20Exif\0\0" + junk):
        texts = set()
        for _ in range(2):
            with pytest.raises(DataError) as caught:
                decode_fully(data, where="junk")
            texts.add(str(caught.value))
        assert len(texts) == 1


@pytest.mark.parametrize(
    ("kind", "mode"), [("BMP", "RGB"), ("TIFF", "L"), ("TIFF", "I;16"), ("GIF", "P"), ("WEBP", "RGB")]
)
def test_another_format_becomes_png_without_loss(kind: str, mode: str) -> None:
    """Every pixel of a re-encoded picture is what it was."""
    source = Image.fromarray(np.arange(56 * 40, dtype=np.uint16).reshape(40, 56)) if mode == "I;16" else None
    target = io.BytesIO()
    if source is not None:
        source.save(target, kind)
    data = target.getvalue() if source is not None else _picture(kind, mode)
    with Image.open(io.BytesIO(to_png(data, where="a"))) as png, Image.open(io.BytesIO(data)) as picture:
        assert png.format == "PNG"
        np.testing.assert_array_equal(np.asarray(png), np.asarray(picture))
