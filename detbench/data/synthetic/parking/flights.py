"""A flight: one car park, one sun, some frames from a slowly moving camera, and what stands in each of them.

Everything that is annotated is decided here, in float64 arithmetic on the plan; the painter only paints it. A
vehicle is painted if and only if it is annotated: one of which too little would be seen is left out of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.camera import Camera, rotation
from detbench.data.synthetic.parking.layout import plan_park
from detbench.data.synthetic.parking.park import CLOSED_FROM_M, Park, chance
from detbench.data.synthetic.parking.texture import make_tiles
from detbench.data.synthetic.parking.vehicles import KINDS, PAINTS, mesh_of, paint_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FRAMES_A_FLIGHT", "MOST_VEHICLES", "Flight", "Frame", "Vehicle", "plan_flight"]

FRAMES_A_FLIGHT = 5
FEWEST_VEHICLES, MOST_VEHICLES = 10, 120

#: Less of a vehicle than this is not painted: the share of its box inside the picture, and not under leaves.
_LEAST_IN_FRAME, _LEAST_UNCOVERED = 0.2, 0.25

#: Points of a vehicle, as fractions of length and width, that are tested for leaves above them.
_PROBES = np.array([(x, y) for x in (-0.45, -0.27, -0.09, 0.09, 0.27, 0.45) for y in (-0.4, 0.0, 0.4)])


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
class Flight:
    """One flight.

    ``sun`` is how far a metre of height throws its shadow, x and y; ``tint`` the light's red, green and blue around 1;
    ``tiles`` the ground's texture.
    """

    park: Park
    sun: tuple[float, float]
    tint: tuple[float, float, float]
    tiles: NDArray[np.float32]
    frames: tuple[Frame, ...]


def plan_flight(seed: int, flight: int, size_px: tuple[int, int]) -> Flight:
    """Return flight number ``flight`` of the set that ``seed`` names."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, flight, 0]))
    park = plan_park(rng)
    length = 0.45 + 1.1 * float(rng.random())
    cos, sin = rotation(2 * np.pi * float(rng.random()))
    parked = [_park_one(rng, bay) for bay in park.bays if bay[0] < CLOSED_FROM_M - 8]
    rank = rng.random(len(parked))
    wanted = float(rng.choice([0.35, 0.55, 0.75, 0.92]))
    driving = _drive(rng, park)
    light, warm = 0.94 + 0.14 * float(rng.random()), 0.05 * (float(rng.random()) - 0.4)
    tint = (light * (1 + warm), light, light * (1 - warm))
    tiles = make_tiles(rng)
    closed_last = chance(rng, 0.3)
    for _ in range(50):
        cameras = _fly(rng, park, size_px, closed_last=closed_last)
        frames = _fill(park, cameras, parked, rank, wanted, driving)
        if frames is not None:
            return Flight(park, (length * cos, length * sin), tint, tiles, frames)
    message = f"flight {flight} of seed {seed} found no way over its park"  # pragma: no cover
    raise RuntimeError(message)  # pragma: no cover


def _park_one(rng: np.random.Generator, bay: tuple[float, float, float, float]) -> Vehicle:
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
    share = np.array([kind.share * (9.0 if trucks else 0.0) if kind.category == 2 else kind.share for kind in KINDS])
    kind = int(rng.choice(len(KINDS), p=share / share.sum()))
    paint = PAINTS[int(rng.choice(len(PAINTS), p=paint_weights(KINDS[kind].category)))][1]
    jitter = rng.integers(-8, 9, size=3) + int(rng.integers(-8, 9))
    cargo = ((226, 226, 222), (206, 208, 210), (188, 60, 48), (58, 88, 140), (214, 200, 160))[int(rng.integers(5))]
    colour = np.clip(np.array(paint) + jitter, 8, 245).tolist()
    return Vehicle(kind, at, heading, (colour[0], colour[1], colour[2]), cargo)


def _drive(rng: np.random.Generator, park: Park) -> list[tuple[Vehicle, tuple[float, float]]]:
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


def _fly(rng: np.random.Generator, park: Park, size_px: tuple[int, int], *, closed_last: bool) -> list[Camera]:
    """Return the cameras of a flight: a straight path with a slow turn; the last may look at the closed part."""
    width, height = size_px
    scale = (7.6 + 6.4 * float(rng.random())) * width / 640
    straight = chance(rng, 0.55)
    yaw = (
        int(rng.integers(4)) * 0.5 + (0.1 * float(rng.standard_normal()) if straight else float(rng.random()))
    ) * np.pi
    tilt = float(rng.choice([0.0, 0.06, 0.22, 0.4])) + 0.06 * float(rng.random())
    x = -75.0 + 95.0 * float(rng.random())
    y = (float(rng.random()) - 0.5) * (park.depth_m - 8)
    course_c, course_s = rotation(2 * np.pi * float(rng.random()))
    step, turn = 5.0 + 6.0 * float(rng.random()), 0.03 * float(rng.standard_normal())
    cameras = []
    for frame in range(FRAMES_A_FLIGHT):
        if closed_last and frame == FRAMES_A_FLIGHT - 1:
            x = CLOSED_FROM_M + 62.0
        at = (x + course_c * step * frame, min(max(y + course_s * step * frame, -park.depth_m / 2), park.depth_m / 2))
        cameras.append(Camera(at, rotation(yaw + turn * frame), rotation(tilt), scale, width, height))
    return cameras


def _fill(
    park: Park,
    cameras: list[Camera],
    parked: list[Vehicle],
    rank: NDArray[np.float64],
    wanted: float,
    driving: list[tuple[Vehicle, tuple[float, float]]],
) -> tuple[Frame, ...] | None:
    """Return the frames, with as many bays taken as the bounds on vehicles allow, or None if they cannot be kept."""
    clumps = np.concatenate([tree.clumps for tree in park.trees]) if park.trees else np.zeros((0, 4))
    seen = []
    for number, camera in enumerate(cameras):
        moved = [
            Vehicle(v.kind, (v.at_m[0] + dx * number, v.at_m[1] + dy * number), v.heading, v.paint, v.cargo)
            for v, (dx, dy) in driving
        ]
        moved = _without_collisions([v for v in moved if v.at_m[0] < CLOSED_FROM_M - 8], parked)
        ranks = np.concatenate([np.full(len(moved), -1.0), rank])
        seen.append((_see(camera, [*moved, *parked], clumps), ranks))
    share = wanted
    for _ in range(40):
        counts = [int((ranks[sight.rows] < share).sum()) for sight, ranks in seen]
        filled = [count for count, camera in zip(counts, cameras, strict=True) if camera.centre_m[0] < CLOSED_FROM_M]
        if max(filled) > MOST_VEHICLES:
            share *= 0.93
        elif min(filled) < FEWEST_VEHICLES and share < 0.97:
            share += 0.05
        else:
            break
    empty_wrong = any(c > 0 for c, camera in zip(counts, cameras, strict=True) if camera.centre_m[0] > CLOSED_FROM_M)
    if max(filled) > MOST_VEHICLES or min(filled) < FEWEST_VEHICLES or empty_wrong:
        return None
    return tuple(
        sight.frame(camera, ranks[sight.rows] < share) for camera, (sight, ranks) in zip(cameras, seen, strict=True)
    )


def _without_collisions(driving: list[Vehicle], parked: list[Vehicle]) -> list[Vehicle]:
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


@dataclass(frozen=True, slots=True)
class _Sight:
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


def _see(camera: Camera, vehicles: list[Vehicle], clumps: NDArray[np.float64]) -> _Sight:
    """Return what ``camera`` sees of ``vehicles`` under leaves."""
    middles = np.array([(*vehicle.at_m, 0.0) for vehicle in vehicles])
    near = np.flatnonzero(camera.sees(middles, 12 * camera.scale_px))
    whole = np.array([_box_of(camera, vehicles[row]) for row in near]).reshape(-1, 4)
    size = np.array([camera.width_px, camera.height_px] * 2, dtype=np.float64)
    clipped = np.round(np.clip(whole, 0.0, size), 2)
    area, inside = (np.prod(np.maximum(box[:, 2:] - box[:, :2], 0.0), axis=1) for box in (whole, clipped))
    share = inside / np.maximum(area, 1e-9)
    covered = _covered(camera, [vehicles[row] for row in near], clumps)
    enough = (share >= _LEAST_IN_FRAME) & (1 - covered >= _LEAST_UNCOVERED)
    enough &= (clipped[:, 2:] - clipped[:, :2] >= 5.0).all(axis=1)
    kept = near[enough]
    touching = (whole < 0).any(axis=1) | (whole > size).any(axis=1)
    truncated = np.where(touching, np.where(share < 0.5, 2, 1), 0)[enough].astype(np.int8)
    occluded = np.where(covered > 0.5, 2, np.where(covered > 0.08, 1, 0))[enough].astype(np.int8)
    return _Sight(kept, [vehicles[row] for row in kept], clipped[enough], truncated, occluded)


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
