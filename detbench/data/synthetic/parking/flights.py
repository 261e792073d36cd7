"""A flight: one car park, one sun, some frames from a slowly moving camera, and what stands in each of them.

Everything that is annotated is decided here, in float64 arithmetic on the plan; the painter only paints it. A
vehicle is painted if and only if it is annotated: one of which too little would be seen is left out of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.camera import Camera, rotation
from detbench.data.synthetic.parking.fleet import Vehicle, drive, park_one, without_collisions
from detbench.data.synthetic.parking.layout import plan_park
from detbench.data.synthetic.parking.park import CLOSED_FROM_M, Park, chance
from detbench.data.synthetic.parking.sight import Frame, see
from detbench.data.synthetic.parking.texture import make_tiles
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST_VEHICLES", "FRAMES_A_FLIGHT", "MOST_VEHICLES", "Flight", "plan_flight"]

FRAMES_A_FLIGHT = 5
FEWEST_VEHICLES, MOST_VEHICLES = 10, 120

#: No more than this share of the bays is ever taken.
_FULL = 0.97

#: Of five flights in a row this one, counted from 0, ends over the closed part: an empty frame. Each split has some.
_CLOSED_FLIGHT = 2

#: Between the last vehicle and the closed part, so that none looks into it.
_CLEAR_M = 8.0

#: How many paths over a park are tried; a few per cent of them lead over too few vehicles or too many.
_TRIES = 200


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
    parked = [park_one(rng, bay) for bay in park.bays if bay[0] < CLOSED_FROM_M - _CLEAR_M]
    rank = rng.random(len(parked))
    wanted = float(rng.choice([0.35, 0.55, 0.75, 0.92]))
    driving = drive(rng, park)
    light, warm = 0.94 + 0.14 * float(rng.random()), 0.05 * (float(rng.random()) - 0.4)
    tint = (light * (1 + warm), light, light * (1 - warm))
    tiles = make_tiles(rng)
    closed_last = flight % 5 == _CLOSED_FLIGHT
    for _ in range(_TRIES):
        cameras = _fly(rng, park, size_px, closed_last=closed_last)
        frames = _fill(park, cameras, parked, rank, wanted, driving)
        if frames is not None:
            return Flight(park, (length * cos, length * sin), tint, tiles, frames)
    raise DetbenchError(f"no way was found over park {flight} of seed {seed}; take another seed or size")


def _fly(rng: np.random.Generator, park: Park, size_px: tuple[int, int], *, closed_last: bool) -> list[Camera]:
    """Return the cameras of a flight: a straight path with a slow turn; the last may look at the closed part."""
    width, height = size_px
    scale = (7.6 + 6.4 * float(rng.random())) * float(np.sqrt(width * height / (640 * 480)))
    askew = 0.1 * float(rng.standard_normal()) if chance(rng, 0.55) else float(rng.random())
    yaw = (int(rng.integers(4)) * 0.5 + askew) * np.pi
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
    """Return the frames, with as many bays taken as the bounds on vehicles allow, or None if they cannot be kept.

    A bay is taken if its rank (``[N]``, 0 to 1) is below a share that all frames have in common, about ``wanted``;
    vehicles under way have the rank −1.
    """
    clumps = np.concatenate([tree.clumps for tree in park.trees]) if park.trees else np.zeros((0, 4))
    sights, ranks = [], []
    for number, camera in enumerate(cameras):
        moved = without_collisions(_move(driving, number), parked)
        sight = see(camera, [*moved, *parked], clumps)
        sights.append(sight)
        ranks.append(np.concatenate([np.full(len(moved), -1.0), rank])[sight.rows])
    closed = [camera.centre_m[0] > CLOSED_FROM_M for camera in cameras]
    if any(len(own) > 0 for own, empty in zip(ranks, closed, strict=True) if empty):
        return None
    share = _choose_share([own for own, empty in zip(ranks, closed, strict=True) if not empty], wanted)
    if share is None:
        return None
    return tuple(sight.frame(camera, own < share) for camera, sight, own in zip(cameras, sights, ranks, strict=True))


def _move(driving: list[tuple[Vehicle, tuple[float, float]]], steps: int) -> list[Vehicle]:
    """Return the driving vehicles after some steps, without those that have come to the closed part."""
    moved = [replace(v, at_m=(v.at_m[0] + dx * steps, v.at_m[1] + dy * steps)) for v, (dx, dy) in driving]
    return [vehicle for vehicle in moved if vehicle.at_m[0] < CLOSED_FROM_M - _CLEAR_M]


def _choose_share(ranks: list[NDArray[np.float64]], wanted: float) -> float | None:
    """Return the share near ``wanted`` that keeps every frame's number of vehicles in bounds, or None."""
    share = wanted
    for _ in range(40):
        counts = [int((own < share).sum()) for own in ranks]
        if max(counts) > MOST_VEHICLES:
            share *= 0.93
        elif min(counts) < FEWEST_VEHICLES and share < _FULL:
            share += 0.05
        else:
            break
    return share if max(counts) <= MOST_VEHICLES and min(counts) >= FEWEST_VEHICLES else None
