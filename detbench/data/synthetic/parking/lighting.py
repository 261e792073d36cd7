"""Shadows: where the sun does not reach the ground, and the darkness under vehicles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.canvas import Layer, hull, to_canvas
from detbench.data.synthetic.parking.shapes import strip
from detbench.data.synthetic.parking.tall import LAMP_ARM_M, LAMP_M, roof_corners, roofs_ahead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.flights import Flight
    from detbench.data.synthetic.parking.sight import Frame

__all__ = ["Shadows", "fall", "paint_shadows"]


#: The parts of a vehicle below this darken the ground under it.
_FOOT_M = 0.7


@dataclass(frozen=True, slots=True)
class Shadows:
    """Float32 ``[H, W]``, 0..1: of vehicles, of what is taller (it falls on vehicles too), and under vehicles."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    contact: NDArray[np.float32]


def fall(points_m: NDArray[np.float64], sun: tuple[float, float]) -> NDArray[np.float64]:
    """Return where the shadows of points ``[N, 3]`` fall on the ground, ``[N, 3]``."""
    height = points_m[:, 2]
    return np.stack([points_m[:, 0] + height * sun[0], points_m[:, 1] + height * sun[1], 0 * height], axis=1)


def paint_shadows(flight: Flight, frame: Frame) -> Shadows:
    """Return the shadows of a frame."""
    camera, size = frame.camera, (frame.camera.width_px, frame.camera.height_px)
    low, high, contact = (Layer(size, "L") for _ in range(3))
    for vehicle in frame.vehicles:
        corners = vehicle.corners()
        low.polygon(hull(to_canvas(camera.project(fall(corners, flight.sun)))), 255)
        foot = corners[corners[:, 2] < _FOOT_M] * np.array([1.0, 1.0, 0.0])
        middle = foot.mean(axis=0)
        contact.polygon(hull(to_canvas(camera.project(middle + (foot - middle) * 1.08))), 255)
    for roof in roofs_ahead(flight, camera):
        corners = roof_corners(roof)
        high.polygon(hull(to_canvas(camera.project(fall(corners, flight.sun)))), 255)
    for x, y in flight.park.lamps:
        foot_at, head_at = (x, y), (x + LAMP_M * flight.sun[0], y + LAMP_M * flight.sun[1])
        arm_at = (head_at[0] + LAMP_ARM_M, head_at[1])
        for outline in (strip(foot_at, head_at, 0.16), strip(head_at, arm_at, 0.3)):
            points = np.array([(*corner, 0.0) for corner in outline])
            high.polygon([(a, b) for a, b in to_canvas(camera.project(points)).tolist()], 235)
    _paint_leaves(flight, frame, high)
    return Shadows(low.share(0.8), high.share(0.9), contact.share(2.2))


def _paint_leaves(flight: Flight, frame: Frame, layer: Layer) -> None:
    """Paint the shadows of all trees that fall into the picture."""
    if not flight.park.trees:
        return
    camera = frame.camera
    clumps = np.concatenate([tree.clumps for tree in flight.park.trees])
    ground = fall(clumps[:, :3], flight.sun)
    near = camera.sees(ground, 4 * camera.scale_px)
    seen, depth = camera.project(ground[near]), np.maximum(camera.depth(ground[near]), 1.0)
    radius = clumps[near, 3] * camera.focal_px / depth
    for (x, y), reach in zip(seen.tolist(), radius.tolist(), strict=True):
        layer.disc((x, y), reach, 240)
