"""A picture made ready to draw on: decoded, in RGB, at the size it will be shown, whatever it was before."""

from __future__ import annotations

import io
import textwrap
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from detbench.data.decoding import read_header
from detbench.errors import DataError
from detbench.report.drawing import font

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from detbench.data.tables import Dataset

__all__ = ["Canvas", "canvas_of", "picture_of"]

#: A picture of more pixels is not decoded to be looked at.
_MAX_PX = 178_956_970

#: Small pictures are enlarged at most so much: beyond that there is nothing more to see.
_MAX_ENLARGED = 3.0

#: EXIF orientations that swap width and height (Exif 2.32, section 4.6.4).
_QUARTER_TURNS = range(5, 9)

_VOID = (58, 62, 66)
_VOID_TEXT = (226, 226, 222)
_UNKNOWN_SIZE_PX = (640, 480)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """An RGB picture, what its pixels were multiplied by, and why it is blank (empty where it is not).

    ``size_known`` is false where neither the annotations nor a picture say how large the image is.
    """

    picture: Picture
    scale: float
    problem: str
    size_known: bool = True


def canvas_of(dataset: Dataset, row: int, fit_px: tuple[int, int]) -> Canvas:
    """Return image ``row`` fitted into ``fit_px``; a grey canvas that says why, if it cannot be read."""
    try:
        picture = picture_of(dataset, row)
    except DataError as error:
        return _blank(dataset, row, fit_px, error.problem)
    target, scale = _fitted(picture.size, fit_px)
    return Canvas(picture.resize(target, Image.Resampling.LANCZOS), scale, "")


def picture_of(dataset: Dataset, row: int) -> Picture:
    """Return the picture of image ``row`` in RGB, as it is stored: boxes are in its pixels, before any EXIF rotation.

    Where the dataset says that width and height are the other way round, and EXIF turns the picture by a quarter, its
    boxes were drawn on the turned picture: then it is that.

    Raises DataError if it is missing, broken or too large to be decoded for the eye.
    """
    data, where = dataset.pictures.read(row), dataset.pictures.where(row)
    try:
        header = read_header(data, where=where)
        size = header.width_px, header.height_px
        said = int(dataset.images.width_px[row]), int(dataset.images.height_px[row])
        is_turned = header.orientation in _QUARTER_TURNS and said == size[::-1] != size
        picture = _decoded(data, is_turned=is_turned) if size[0] * size[1] <= _MAX_PX else None
    except DataError:
        raise
    except Exception as error:  # hostile bytes make Pillow's plug-ins raise anything
        raise DataError(f"the picture does not decode ({error})", file=where) from error
    if picture is None:
        raise DataError(f"is {size[0]:,} by {size[1]:,} px, too large to show", file=where)
    return picture


def _decoded(data: bytes, *, is_turned: bool) -> Picture:
    with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as stored:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        stored.load()
        picture = ImageOps.exif_transpose(stored) if is_turned else stored
        if picture.mode.startswith(("I", "F")):  # more than 8 bits: the range that is there becomes 0 to 255
            values = np.asarray(picture, dtype=np.float64)
            low, high = float(values.min()), float(values.max())
            return Image.fromarray(((values - low) * (255 / max(high - low, 1))).astype(np.uint8)).convert("RGB")
        if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
            white = Image.new("RGBA", picture.size, "white")
            return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
        return picture.convert("RGB")


def _fitted(size: tuple[int, int], fit_px: tuple[int, int]) -> tuple[tuple[int, int], float]:
    scale = min(fit_px[0] / size[0], fit_px[1] / size[1], _MAX_ENLARGED)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))), scale


def _blank(dataset: Dataset, row: int, fit_px: tuple[int, int], problem: str) -> Canvas:
    """Return a grey canvas of the annotated size, or one that holds the boxes, with the problem written on it."""
    size = int(dataset.images.width_px[row]), int(dataset.images.height_px[row])
    known = min(size) > 0
    if not known:
        truth = dataset.ground_truth
        reach = truth.box[truth.image == row][:, 2:].max(axis=0, initial=0)
        reach = np.where(np.isfinite(reach), reach, 0)
        size = max(int(reach[0]), _UNKNOWN_SIZE_PX[0]), max(int(reach[1]), _UNKNOWN_SIZE_PX[1])
    target, scale = _fitted(size, fit_px)
    picture = Image.new("RGB", target, _VOID)
    text = "\n".join(textwrap.wrap(problem, max(16, min(target[0] // 9, 44)))[:6])
    face = font(max(12, round(max(target) / 45)))
    middle = target[0] / 2, target[1] / 2
    ImageDraw.Draw(picture).multiline_text(middle, text, font=face, fill=_VOID_TEXT, anchor="mm", align="center")
    return Canvas(picture, scale, problem, known)
