"""The painter: one frame of a flight to a picture.

Ground, lines, dirt, shadows, vehicles and trees are layers that are put on top of each other; lens and sensor come
last.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from detbench.data.synthetic.parking import texture
from detbench.data.synthetic.parking.canvas import Layer, to_canvas
from detbench.data.synthetic.parking.lighting import paint_shadows
from detbench.data.synthetic.parking.tall import paint_tall
from detbench.data.synthetic.parking.traffic import paint_vehicles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.camera import Camera
    from detbench.data.synthetic.parking.flights import Flight
    from detbench.data.synthetic.parking.shapes import Shapes

__all__ = ["paint_frame"]

_QUALITY = 92

#: Light of this strength is white; below, the curve is a photograph's, steep in the shadows.
_WHITE = 296

#: What is left of red, green and blue in full shadow: the sky still lights it.
_SHADE = np.array([0.40, 0.44, 0.54], dtype=np.float32)


def paint_frame(flight: Flight, number: int, rng: np.random.Generator) -> bytes:
    """Return frame ``number`` of ``flight`` as JPEG bytes; ``rng`` is for lens and sensor alone."""
    frame = flight.frames[number]
    shadows = paint_shadows(flight, frame)
    picture = _paint_ground(flight, frame.camera)
    picture *= 1 - 0.42 * shadows.contact[..., None]
    picture *= _shaded(np.maximum(shadows.low, shadows.high))
    bodies, cover = paint_vehicles(frame, flight.sun)
    picture = picture * (1 - cover[..., None]) + bodies * _shaded(shadows.high)
    tall, cover = paint_tall(flight, frame.camera)
    picture = picture * (1 - cover[..., None]) + tall
    return _develop(picture, flight.tint, rng)


def _shaded(shadow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the light that is left, ``[H, W, 3]``, under a shadow ``[H, W]`` of 0..1."""
    left: NDArray[np.float32] = 1 - shadow[..., None] * (1 - _SHADE)
    return left


def _paint_ground(flight: Flight, camera: Camera) -> NDArray[np.float32]:
    """Return the ground with its texture, dirt and lines, ``[H, W, 3]``, 0..255."""
    park, size = flight.park, (camera.width_px, camera.height_px)
    base, grass, ink, opacity, dirt = (Layer(size, mode) for mode in ("RGB", "L", "RGB", "L", "L"))
    for row, outline in _visible(park.ground, camera):
        red, green, blue, kind = park.ground.values[row]
        base.polygon(outline, (red, green, blue))
        grass.polygon(outline, kind)
    for row, outline in _visible(park.paint, camera):
        red, green, blue, strength = park.paint.values[row]
        ink.polygon(outline, (red * strength // 255, green * strength // 255, blue * strength // 255))
        opacity.polygon(outline, strength)
    for row, outline in _visible(park.dirt, camera):
        dirt.polygon(outline, park.dirt.values[row][0])
    surface = texture.of_ground(flight.tiles, camera)
    on_grass = grass.share()
    ground = base.reduced()
    ground *= (surface.asphalt + (surface.grass - surface.asphalt) * on_grass)[..., None]
    ground *= 1 - (0.6 / 255) * dirt.reduced(0.7)[..., None]
    ground *= 1 - (surface.wear * opacity.share())[..., None]
    ground += ink.reduced() * surface.wear[..., None]
    return ground


def _visible(shapes: Shapes, camera: Camera) -> list[tuple[int, list[tuple[int, int]]]]:
    """Return the shapes that can be seen: row, and outline in canvas pixels."""
    corners, offsets = shapes.corners(camera.window())
    seen = camera.project(corners)
    low, high = np.minimum.reduceat(seen, offsets[:-1]), np.maximum.reduceat(seen, offsets[:-1])
    size = np.array([camera.width_px, camera.height_px])
    inside = ((high > 0) & (low < size)).all(axis=1)
    on_canvas = [tuple(point) for point in to_canvas(seen).tolist()]
    return [(int(row), on_canvas[offsets[row] : offsets[row + 1]]) for row in np.flatnonzero(inside)]


def _develop(picture: NDArray[np.float32], tint: tuple[float, float, float], rng: np.random.Generator) -> bytes:
    """Return what lens, sensor and JPEG make of the light."""
    height, width = picture.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = (1 - 0.13 * (x * x + y * y)).astype(np.float32)
    exposed = picture * vignette[..., None] * np.array(tint, dtype=np.float32)
    exposed = 255 * (1 - np.square(1 - np.clip(exposed / _WHITE, 0, 1)))
    soft = Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8))
    soft = soft.filter(ImageFilter.GaussianBlur(0.3 + 0.35 * float(rng.random())))
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(1.2 + 2.4 * float(rng.random()))
    noisy = np.asarray(soft, dtype=np.float32) + grain
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
