"""A picture's pixels by plan, without any framework: decoded, cut, made larger or smaller, mirrored, coloured."""

from __future__ import annotations

import io
import math
import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from simplejpeg import decode_jpeg  # type: ignore[import-untyped]  # it has no stubs

from detbench.data.jpeg_header import jpeg_header
from detbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.plan import Plan

__all__ = ["decode_any", "draw", "window_of"]

#: What the decoders raise on bytes that are no sound picture.
_BROKEN = (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)

#: Modes of JPEG that libjpeg-turbo gives as RGB by itself; CMYK is Pillow's.
_SIMPLE_MODES = frozenset({"L", "RGB"})

#: Pillow's modes with more than eight bits of grey.
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_DEEP_LEVELS = 65535


def draw(data: bytes, plan: Plan, picture_px: tuple[int, int], canvas: NDArray[np.uint8], *, where: str) -> None:
    """Draw a picture on ``canvas``, uint8 ``[H, W, 3]``, at the upper left.

    Parameters
    ----------
    data
        The encoded picture, of any format and mode.
    plan
        What to do with it.
    picture_px
        Width and height that the picture has to have.
    canvas
        Drawn on where the plan says; the rest is left as it is.
    where
        What to call the picture in a message.

    Raises
    ------
    DataError
        If the picture does not decode in full, or has another size.
    """
    found_px = _plain_jpeg_px(data)
    try:
        if found_px is not None:
            _same_size(found_px, picture_px, where)
            pixels, part = _decode_jpeg(data, picture_px, plan.reduction), plan.reduction
        else:
            pixels, part = decode_any(data, picture_px, where=where), 1
    except _BROKEN as error:
        raise _undecodable(error, where) from error
    shown = _on_canvas(pixels, plan, part)
    canvas[: plan.size[0], : plan.size[1]] = shown if plan.colour is None else _coloured(shown, plan.colour)


def window_of(plan: Plan, part: int) -> tuple[tuple[int, int, int, int], tuple[float, float, float, float]]:
    """Return the window in a picture decoded at 1 / ``part``: whole pixels to cut out, and the window inside those.

    Both are ``left, top, right, lower`` in pixels of the smaller picture; the second is fractional.
    """
    left, top = plan.x // part, plan.y // part
    right, lower = math.ceil((plan.x + plan.width) / part), math.ceil((plan.y + plan.height) / part)
    inner_left, inner_top = plan.x / part - left, plan.y / part - top
    inside = inner_left, inner_top, inner_left + plan.width / part, inner_top + plan.height / part
    return (left, top, right, lower), inside


def _plain_jpeg_px(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG that libjpeg-turbo gives as RGB by itself; None for any other picture."""
    header = jpeg_header(data)
    return header[1:3] if header is not None and header[0] in _SIMPLE_MODES else None


def decode_any(data: bytes, picture_px: tuple[int, int], *, where: str) -> NDArray[np.uint8]:
    """Return a picture of any format and mode as uint8 ``[H, W, 3]``, RGB, as stored.

    Grey of 16 bits loses its lower eight; transparency is left out. Raises DataError if it does not decode in full, or
    has another size.
    """
    try:
        # A huge picture is the data's, not an attack: Pillow's warning about it helps nobody here.
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as picture:
            _same_size(picture.size, picture_px, where)
            if picture.mode in _DEEP_MODES:
                grey = np.clip(np.asarray(picture, dtype=np.int64), 0, _DEEP_LEVELS) >> 8
                return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
            whole = picture.convert("RGBA") if picture.mode == "P" else picture
            return np.array(whole.convert("RGB"))
    except _BROKEN as error:
        raise _undecodable(error, where) from error


def _same_size(found_px: tuple[int, int], picture_px: tuple[int, int], where: str) -> None:
    """Raise DataError for a picture that has not the size that its annotation says: its boxes would not fit."""
    if found_px != picture_px:
        found, said = (f"{width} × {height}" for width, height in (found_px, picture_px))
        raise DataError(
            f"the picture is {found} pixels, its annotation says {said}",
            file=where,
            remedy="correct the annotation, or restore the picture: the boxes would not fit",
        )


def _decode_jpeg(data: bytes, picture_px: tuple[int, int], part: int) -> NDArray[np.uint8]:
    """Return a grey or colour JPEG at 1 / ``part`` of its size, uint8 ``[h, w, 3]``."""
    width, height = (math.ceil(side / part) for side in picture_px)
    pixels: NDArray[np.uint8] = decode_jpeg(data, min_width=width, min_height=height, min_factor=part)
    return pixels


def _on_canvas(pixels: NDArray[np.uint8], plan: Plan, part: int) -> NDArray[np.uint8]:
    """Return the window of a picture decoded at 1 / ``part``, at its size on the canvas, mirrored."""
    (left, top, right, lower), inside = window_of(plan, part)
    cut = pixels[top:lower, left:right]
    high, wide = plan.size
    if part == 1 and cut.shape[:2] == (high, wide):
        return cut[:: -1 if plan.flip_y else 1, :: -1 if plan.flip_x else 1]
    picture = Image.fromarray(cut).resize((wide, high), Image.Resampling.BILINEAR, box=inside)
    if plan.flip_x:  # Pillow mirrors faster than NumPy copies backwards
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if plan.flip_y:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return np.asarray(picture)


def _coloured(pixels: NDArray[np.uint8], colour: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the pixels ``[h, w, 3]`` with their colours changed by a matrix ``[3, 4]``, rounded."""
    mixed: NDArray[np.float32] = pixels.astype(np.float32).reshape(-1, 3) @ colour[:, :3].T
    mixed += colour[:, 3] + np.float32(0.5)
    return np.clip(mixed, 0, 255, out=mixed).astype(np.uint8).reshape(pixels.shape)


def _undecodable(error: BaseException, where: str) -> DataError:
    text: Any = "no known picture format" if isinstance(error, UnidentifiedImageError) else error
    return DataError(f"does not decode ({text})", file=where, remedy="restore it from its source")
