"""A picture's pixels by plan, in TensorFlow's operations: what `pixels.draw` does, to one grey level.

Decoding is equal to the bit: both use libjpeg-turbo with its accurate inverse transform. Resizing is the same triangle
filter; Pillow rounds between its two passes, TensorFlow once at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from detbench.detectors.input.batch import CANVAS_GREY
from detbench.detectors.input.pixels import window_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.plan import Plan

__all__ = ["SIGNATURE", "Orders", "draw_in_graph", "orders"]

#: Which branch decodes: a JPEG whole, at a half, a quarter, an eighth; any other picture.
_WAY_OF_REDUCTION = {1: 0, 2: 1, 4: 2, 8: 3}
_OTHER = 4

#: As far as a pixel of colour, which is two pixels wide, reaches into its neighbours.
_MARGIN_PX = 2

#: How to resize: not at all, larger (no filter is needed, which is faster), smaller or by parts of a pixel.
_AS_IS, _LARGER, _FILTERED = 0, 1, 2


class Orders(NamedTuple):
    """A plan as TensorFlow's operations take it; the fields of `SIGNATURE`.

    ``ways`` – int32 ``[2]``: how to decode and how to resize. ``crop`` – int32 ``[4]``: top, left, height, width to cut
    out. ``size`` – int32 ``[2]``. ``scale``, ``shift`` – float32 ``[2]``: from cut out to canvas, vertical first.
    ``flips`` – bool ``[2]``: left to right, top to bottom. ``colour`` – float32 ``[3, 4]``.
    """

    ways: Any
    crop: Any
    size: Any
    scale: Any
    shift: Any
    flips: Any
    colour: Any


SIGNATURE = Orders(
    ways=tf.TensorSpec([2], tf.int32),
    crop=tf.TensorSpec([4], tf.int32),
    size=tf.TensorSpec([2], tf.int32),
    scale=tf.TensorSpec([2], tf.float32),
    shift=tf.TensorSpec([2], tf.float32),
    flips=tf.TensorSpec([2], tf.bool),
    colour=tf.TensorSpec([3, 4], tf.float32),
)

_WHITE = 255.0
_SAME_COLOUR: NDArray[np.float32] = np.eye(3, 4, dtype=np.float32)


def orders(plan: Plan, *, jpeg: bool) -> Orders:
    """Return a plan as NumPy arrays of the shapes and kinds of `SIGNATURE`; ``jpeg``: libjpeg-turbo decodes it."""
    part = plan.reduction if jpeg else 1
    (left, top, right, lower), inside = window_of(plan, part)
    scale = plan.size[0] / (inside[3] - inside[1]), plan.size[1] / (inside[2] - inside[0])
    cut = lower - top, right - left
    resizing = _LARGER if part == 1 and min(scale) >= 1 else _FILTERED
    if part == 1 and cut == plan.size:
        resizing = _AS_IS
    return Orders(
        np.array([_WAY_OF_REDUCTION[part] if jpeg else _OTHER, resizing], np.int32),
        np.array([top, left, *cut], np.int32),
        np.array(plan.size, np.int32),
        np.array(scale, np.float32),
        np.array([-inside[1] * scale[0], -inside[0] * scale[1]], np.float32),
        np.array([plan.flip_x, plan.flip_y], np.bool_),
        _SAME_COLOUR if plan.colour is None else plan.colour,
    )


def draw_in_graph(data: Any, todo: Orders, canvas_px: tuple[int, int], decode_other: Any, *, coloured: bool) -> Any:
    """Return uint8 ``[H, W, 3]``: the picture on its canvas.

    ``data`` – a string, the encoded picture. ``decode_other`` – called with it for what is no JPEG of grey or colour;
    returns uint8 ``[h, w, 3]``.
    """
    picture = tf.switch_case(
        todo.ways[0],
        [
            lambda: _window(data, todo.crop),
            *(lambda part=part: _cut(_reduced(data, part), todo.crop) for part in (2, 4, 8)),
            lambda: _cut(tf.ensure_shape(decode_other(data), [None, None, 3]), todo.crop),
        ],
    )
    picture = tf.switch_case(
        todo.ways[1],
        [
            lambda: picture,
            lambda: _rounded(tf.image.resize(picture, todo.size)),
            lambda: _rounded(_filtered(picture, todo)),
        ],
    )
    if coloured:
        mixed = tf.tensordot(tf.cast(picture, tf.float32), todo.colour[:, :3], [[2], [1]])
        picture = _rounded(tf.clip_by_value(mixed + todo.colour[:, 3], 0, _WHITE))
    axes = tf.where(todo.flips, -1, 1)
    picture = picture[:: axes[1], :: axes[0]]
    rest = tf.constant(canvas_px) - todo.size
    padded = tf.pad(picture, [[0, rest[0]], [0, rest[1]], [0, 0]], constant_values=CANVAS_GREY)
    return tf.ensure_shape(padded, [*canvas_px, 3])


def _window(data: Any, crop: Any) -> Any:
    """Return the window of a JPEG, without the inverse transform of what lies beside it.

    The colours at the edge of a window are not those of the whole picture, which are made with their neighbours': so it
    is decoded with a margin that is cut off again.
    """
    width = tf.io.extract_jpeg_shape(data)[1]
    left = tf.maximum(crop[1] - _MARGIN_PX, 0)
    right = tf.minimum(crop[1] + crop[3] + _MARGIN_PX, width)
    wide = tf.stack([crop[0], left, crop[2], right - left])
    picture = tf.image.decode_and_crop_jpeg(data, wide, channels=3, dct_method="INTEGER_ACCURATE")
    return picture[:, crop[1] - left : crop[1] - left + crop[3]]


def _reduced(data: Any, part: int) -> Any:
    return tf.io.decode_jpeg(data, channels=3, ratio=part, dct_method="INTEGER_ACCURATE")


def _cut(picture: Any, crop: Any) -> Any:
    return picture[crop[0] : crop[0] + crop[2], crop[1] : crop[1] + crop[3]]


def _filtered(picture: Any, todo: Orders) -> Any:
    """Return the picture through a triangle filter as wide as a pixel of the result, float32."""
    batch = tf.cast(picture, tf.float32)[None]
    return tf.raw_ops.ScaleAndTranslate(
        images=batch, size=todo.size, scale=todo.scale, translation=todo.shift, kernel_type="triangle", antialias=True
    )[0]


def _rounded(picture: Any) -> Any:
    """Return uint8 of values from 0 to 255: half rounded up, as Pillow does. A cast cuts the fraction off."""
    return tf.cast(picture + 0.5, tf.uint8)
