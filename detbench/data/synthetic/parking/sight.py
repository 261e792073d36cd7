"""What a camera sees of the vehicles: boxes, what the frame cuts off, what leaves cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.vehicles import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.camera import Camera
    from detbench.data.synthetic.parking.fleet import Vehicle

__all__ = ["Frame", "Sight", "see"]

#: Less of a vehicle than this is not painted: the share of its box inside the picture, and not under leaves.
_LEAST_IN_FRAME, _LEAST_UNCOVERED = 0.2, 0.25

#: What is seen of a vehicle is wider and higher than this.
_SMALLEST_PX = 5.0

#: Where the levels of truncation and occlusion begin.
_HARDLY, _HALF = 0.08, 0.5

#: Points of a vehicle, as fractions of length and width, that are tested for leaves above them.
_PROBES = np.array([(x, y) for x in (-0.45, -0.27, -0.09, 0.09, 0.27, 0.45) for y in (-0.4, 0.0, 0.4)])


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture's plan.

    ``box`` is float64 ``[N, 4]``: the box around the whole body, leaves or not, clipped to the picture, in hundredths
    of a pixel; ``truncated`` and ``occluded`` are 0, 1 or 2 as in the ground-truth table.
    """

    camera: Camera
    vehicles: tuple[Vehicle, ...]
    box: NDArray[np.float64]
    truncated: tuple[int, ...]
    occluded: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """The vehicles that a camera sees enough of: rows of what was asked about, and their annotations."""

    rows: NDArray[np.intp]
    vehicles: list[Vehicle]
    box: NDArray[np.float64]
    truncated: NDArray[np.int8]
    occluded: NDArray[np.int8]

    def frame(self, camera: Camera, keep: NDArray[np.bool_]) -> Frame:
        """Return the frame with the vehicles that ``keep`` selects."""
        index = np.flatnonzero(keep)
        return Frame(
            camera,
            tuple(self.vehicles[i] for i in index),
            self.box[index],
            tuple(self.truncated[index].tolist()),
            tuple(self.occluded[index].tolist()),
        )


def see(camera: Camera, vehicles: list[Vehicle], clumps: NDArray[np.float64]) -> Sight:
    """Return what ``camera`` sees of ``vehicles`` under leaves."""
    middles = np.array([(*vehicle.at_m, 0.0) for vehicle in vehicles])
    near = np.flatnonzero(camera.sees(middles, 12 * camera.scale_px))
    whole = np.array([_box_of(camera, vehicles[row]) for row in near]).reshape(-1, 4)
    size = np.array([camera.width_px, camera.height_px] * 2, dtype=np.float64)
    # Eighths of a pixel are exact in binary: what is written and read back is the same to the bit.
    clipped = np.rint(np.clip(whole, 0.0, size) * 8) / 8
    area, inside = (np.prod(np.maximum(box[:, 2:] - box[:, :2], 0.0), axis=1) for box in (whole, clipped))
    share = inside / np.maximum(area, 1e-9)
    covered = _covered(camera, [vehicles[row] for row in near], clumps)
    enough = (share >= _LEAST_IN_FRAME) & (1 - covered >= _LEAST_UNCOVERED)
    enough &= (clipped[:, 2:] - clipped[:, :2] > _SMALLEST_PX).all(axis=1)
    kept = near[enough]
    touching = (whole < 0).any(axis=1) | (whole > size).any(axis=1)
    truncated = np.where(touching, np.where(share < _HALF, 2, 1), 0)[enough].astype(np.int8)
    occluded = np.where(covered > _HALF, 2, np.where(covered > _HARDLY, 1, 0))[enough].astype(np.int8)
    return Sight(kept, [vehicles[row] for row in kept], clipped[enough], truncated, occluded)


def _box_of(camera: Camera, vehicle: Vehicle) -> tuple[float, float, float, float]:
    seen = camera.project(vehicle.corners())
    (x1, y1), (x2, y2) = seen.min(axis=0), seen.max(axis=0)
    return float(x1), float(y1), float(x2), float(y2)


def _covered(camera: Camera, vehicles: list[Vehicle], clumps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each vehicle that lies behind leaves, ``[N]``."""
    near = clumps[camera.sees(clumps[:, :3], 5 * camera.scale_px)] if len(clumps) else clumps
    if not len(near) or not vehicles:
        return np.zeros(len(vehicles))
    leaf = camera.project(near[:, :3])
    reach = near[:, 3] * camera.focal_px / np.maximum(camera.depth(near[:, :3]), 1.0)
    points = np.concatenate([_probes(vehicle) for vehicle in vehicles])
    seen = camera.project(points)
    dx = seen[:, 0, None] - leaf[None, :, 0]
    dy = seen[:, 1, None] - leaf[None, :, 1]
    hidden = (dx * dx + dy * dy < reach * reach).any(axis=1)
    share: NDArray[np.float64] = hidden.reshape(len(vehicles), -1).mean(axis=1)
    return share


def _probes(vehicle: Vehicle) -> NDArray[np.float64]:
    """Return the points of a vehicle's deck that are tested for leaves, ``[P, 3]``."""
    kind = KINDS[vehicle.kind]
    x, y = _PROBES[:, 0] * kind.length_m, _PROBES[:, 1] * kind.width_m
    c, s = vehicle.heading
    height = np.full(len(x), kind.belt_m)
    return np.stack([vehicle.at_m[0] + c * x - s * y, vehicle.at_m[1] + s * x + c * y, height], axis=1)
