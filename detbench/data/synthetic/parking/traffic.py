"""Vehicles on the canvas: faces that look at the camera, lit by the sun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.canvas import Layer, hull, to_canvas
from detbench.data.synthetic.parking.vehicles import CARGO, FIXED_COLOURS, GLASS, GLOSS, PAINT, mesh_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.fleet import Vehicle
    from detbench.data.synthetic.parking.sight import Frame

__all__ = ["paint_vehicles"]


def paint_vehicles(frame: Frame, sun: tuple[float, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the vehicles' colours, black elsewhere, ``[H, W, 3]`` 0..255, and their cover ``[H, W]`` 0..1."""
    size = (frame.camera.width_px, frame.camera.height_px)
    colour, cover = Layer(size, "RGB"), Layer(size, "L")
    middles = np.array([(*vehicle.at_m, 0.0) for vehicle in frame.vehicles]).reshape(-1, 3)
    for row in np.argsort(-frame.camera.depth(middles), kind="stable"):
        vehicle = frame.vehicles[row]
        points = to_canvas(frame.camera.project(vehicle.corners()))
        _paint_one(colour, cover, vehicle, points, sun)
    return colour.reduced(), cover.share()


def _paint_one(
    colour: Layer, cover: Layer, vehicle: Vehicle, points: NDArray[np.int64], sun: tuple[float, float]
) -> None:
    """Paint one vehicle, of which the corners are at ``points`` on the canvas."""
    faces = mesh_of(vehicle.kind)[1]
    lit = _light(vehicle, sun)
    corners = [(x, y) for x, y in points.tolist()]
    for (face, _), value in zip(faces, lit, strict=True):
        outline = [corners[i] for i in face]
        if _looks_here(outline):
            colour.polygon(outline, value)
    cover.polygon(hull(points), 255)


def _looks_here(outline: list[tuple[int, int]]) -> bool:
    """Whether the outline runs the way it does when its outside is seen."""
    x0, y0 = outline[-1]
    twice_area = 0
    for x1, y1 in outline:
        twice_area += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return twice_area > 0


def _light(vehicle: Vehicle, sun: tuple[float, float]) -> list[tuple[int, int, int]]:
    """Return the colour of each face in the sun."""
    _, faces, normals = mesh_of(vehicle.kind)
    c, s = vehicle.heading
    to_sun = np.array([-sun[0], -sun[1], 1.0])
    to_sun /= np.sqrt((to_sun * to_sun).sum())
    local = np.array([c * to_sun[0] + s * to_sun[1], c * to_sun[1] - s * to_sun[0], to_sun[2]])
    halfway = local + np.array([0.0, 0.0, 1.0])
    halfway /= np.sqrt((halfway * halfway).sum())
    diffuse = 0.52 + 0.08 * normals[:, 2] + 0.45 * np.maximum(normals @ local, 0.0)
    gloss = np.maximum(normals @ halfway, 0.0)
    for _ in range(4):
        gloss = gloss * gloss
    own = {PAINT: vehicle.paint, GLOSS: vehicle.paint, CARGO: vehicle.cargo}
    covers = [cover for _, cover in faces]
    base = np.array([own.get(cover) or FIXED_COLOURS[cover] for cover in covers], dtype=np.float64)
    shine = np.array([70.0 if cover == GLASS else 38.0 if cover == GLOSS else 22.0 for cover in covers])
    sky = np.array([26.0 if cover == GLASS else 12.0 if cover == GLOSS else 5.0 for cover in covers])
    value = base * diffuse[:, None] + (gloss * shine + sky * np.maximum(normals[:, 2], 0.0))[:, None]
    return [(r, g, b) for r, g, b in np.clip(value, 0, 255).astype(np.int64).tolist()]
