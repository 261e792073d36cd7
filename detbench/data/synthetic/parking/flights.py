"""A flight: one car park, one sun, some frames from a slowly moving camera, and what stands in each of them.

Everything that is annotated is decided here, in float64 arithmetic on the plan; the painter only paints it. A
vehicle is painted if and only if it is annotated: one of which too little would be seen is left out of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.camera import Camera, rotation
from detbench.data.synthetic.parking.fleet import Vehicle, drive, park_one, without_collisions
from detbench.data.synthetic.parking.layout import plan_park
from detbench.data.synthetic.parking.park import CLOSED_FROM_M, Park, chance
from detbench.data.synthetic.parking.sight import Frame, see
from detbench.data.synthetic.parking.texture import make_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST_VEHICLES", "FRAMES_A_FLIGHT", "MOST_VEHICLES", "Flight", "plan_flight"]

FRAMES_A_FLIGHT = 5
FEWEST_VEHICLES, MOST_VEHICLES = 10, 120

#: No more than this share of the bays is ever taken.
_FULL = 0.97


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
    parked = [park_one(rng, bay) for bay in park.bays if bay[0] < CLOSED_FROM_M - 8]
    rank = rng.random(len(parked))
    wanted = float(rng.choice([0.35, 0.55, 0.75, 0.92]))
    driving = drive(rng, park)
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
        moved = without_collisions([v for v in moved if v.at_m[0] < CLOSED_FROM_M - 8], parked)
        ranks = np.concatenate([np.full(len(moved), -1.0), rank])
        seen.append((see(camera, [*moved, *parked], clumps), ranks))
    share = wanted
    for _ in range(40):
        counts = [int((ranks[sight.rows] < share).sum()) for sight, ranks in seen]
        filled = [count for count, camera in zip(counts, cameras, strict=True) if camera.centre_m[0] < CLOSED_FROM_M]
        if max(filled) > MOST_VEHICLES:
            share *= 0.93
        elif min(filled) < FEWEST_VEHICLES and share < _FULL:
            share += 0.05
        else:
            break
    empty_wrong = any(c > 0 for c, camera in zip(counts, cameras, strict=True) if camera.centre_m[0] > CLOSED_FROM_M)
    if max(filled) > MOST_VEHICLES or min(filled) < FEWEST_VEHICLES or empty_wrong:
        return None
    return tuple(
        sight.frame(camera, ranks[sight.rows] < share) for camera, (sight, ranks) in zip(cameras, seen, strict=True)
    )
