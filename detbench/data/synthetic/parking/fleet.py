"""Vehicles on the ground: parked in bays, under way in lanes, never inside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.camera import rotation
from detbench.data.synthetic.parking.park import Park, chance
from detbench.data.synthetic.parking.vehicles import KINDS, PAINTS, mesh_of, paint_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Vehicle", "drive", "park_one", "without_collisions"]

#: The row of lorries among the categories: they stand in no bay, and are this many times as frequent in lanes.
_TRUCK, _TRUCKS_IN_LANES = 2, 9.0


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle on the ground: its kind, middle (metres), heading (cosine, sine) and its two colours."""

    kind: int
    at_m: tuple[float, float]
    heading: tuple[float, float]
    paint: tuple[int, int, int]
    cargo: tuple[int, int, int]

    def corners(self) -> NDArray[np.float64]:
        """Return the mesh's corners where the vehicle stands, ``[V, 3]`` metres."""
        local = mesh_of(self.kind)[0]
        c, s = self.heading
        x = self.at_m[0] + c * local[:, 0] - s * local[:, 1]
        y = self.at_m[1] + s * local[:, 0] + c * local[:, 1]
        return np.stack([x, y, local[:, 2]], axis=1)


def park_one(rng: np.random.Generator, bay: tuple[float, float, float, float]) -> Vehicle:
    """Return a vehicle parked in ``bay``, a bit askew, nose in or tail in."""
    x, y, c, s = bay
    tilt_c, tilt_s = rotation(0.045 * float(rng.standard_normal()))
    c, s = c * tilt_c - s * tilt_s, s * tilt_c + c * tilt_s
    if chance(rng, 0.3):
        c, s = -c, -s
    along, across = 0.2 * float(rng.standard_normal()), 0.1 * float(rng.standard_normal())
    at = (x + c * along - s * across, y + s * along + c * across)
    return _make(rng, at, (c, s), trucks=False)


def _make(rng: np.random.Generator, at: tuple[float, float], heading: tuple[float, float], *, trucks: bool) -> Vehicle:
    """Return a vehicle of random kind and colours; a lorry fits no bay, so it only stands in lanes."""
    frequency = _TRUCKS_IN_LANES if trucks else 0.0
    share = np.array([kind.share * frequency if kind.category == _TRUCK else kind.share for kind in KINDS])
    kind = int(rng.choice(len(KINDS), p=share / share.sum()))
    paint = PAINTS[int(rng.choice(len(PAINTS), p=paint_weights(KINDS[kind].category)))][1]
    jitter = rng.integers(-8, 9, size=3) + int(rng.integers(-8, 9))
    cargo = ((226, 226, 222), (206, 208, 210), (188, 60, 48), (58, 88, 140), (214, 200, 160))[int(rng.integers(5))]
    colour = np.clip(np.array(paint) + jitter, 8, 245).tolist()
    return Vehicle(kind, at, heading, (colour[0], colour[1], colour[2]), cargo)


def drive(rng: np.random.Generator, park: Park) -> list[tuple[Vehicle, tuple[float, float]]]:
    """Return vehicles under way and how far each gets from one frame to the next, ``x y`` metres."""
    driving = []
    for lane in park.lanes:
        (x0, y0), (x1, y1) = lane.start_m, lane.end_m
        span = abs(x1 - x0) + abs(y1 - y0)
        along = ((x1 - x0) / span * lane.direction, (y1 - y0) / span * lane.direction)
        at = 30.0 * float(rng.random())
        while at < span:
            place = (x0 + (x1 - x0) * at / span, y0 + (y1 - y0) * at / span)
            tilt_c, tilt_s = rotation(0.03 * float(rng.standard_normal()))
            heading = (along[0] * tilt_c - along[1] * tilt_s, along[1] * tilt_c + along[0] * tilt_s)
            speed = 2.0 + 3.0 * float(rng.random())
            driving.append((_make(rng, place, heading, trucks=True), (along[0] * speed, along[1] * speed)))
            at += 14.0 + 55.0 * float(rng.random())
    return driving


def without_collisions(driving: list[Vehicle], parked: list[Vehicle]) -> list[Vehicle]:
    """Return the driving vehicles that touch neither a parked one nor one earlier in the list."""
    standing = np.concatenate([_circles(vehicle) for vehicle in parked])
    kept = []
    for vehicle in driving:
        own = _circles(vehicle)
        apart = own[:, None, :2] - standing[None, :, :2]
        gap = (apart * apart).sum(axis=2) - (own[:, None, 2] + standing[None, :, 2]) ** 2
        if (gap > 0).all():
            kept.append(vehicle)
            standing = np.concatenate([standing, own])
    return kept


def _circles(vehicle: Vehicle) -> NDArray[np.float64]:
    """Return circles that cover a vehicle from nose to tail, ``[4, 3]``: x, y, radius in metres."""
    kind = KINDS[vehicle.kind]
    along = np.array([-0.39, -0.13, 0.13, 0.39]) * kind.length_m
    x, y = (vehicle.at_m[axis] + along * vehicle.heading[axis] for axis in (0, 1))
    return np.stack([x, y, np.full(4, 0.56 * kind.width_m)], axis=1)
