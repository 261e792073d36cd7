"""Vehicles: small meshes of painted faces, in metres, the front towards +x, the wheels on z = 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CATEGORY_NAMES", "KINDS", "PAINTS", "Kind", "Mesh", "mesh_of", "paint_weights"]

CATEGORY_NAMES = ("car", "van", "truck")

#: What a face is covered with; PAINT and GLOSS take the vehicle's own colour, CARGO its second one.
PAINT, CARGO, GLOSS, GLASS, TYRE, TRIM, LAMP, TAIL, BED = range(9)

#: The colours that are the same on every vehicle, RGB.
FIXED_COLOURS = {
    GLASS: (38, 46, 56),
    TYRE: (24, 24, 26),
    TRIM: (52, 53, 56),
    LAMP: (226, 230, 232),
    TAIL: (150, 24, 24),
    BED: (44, 44, 46),
}

#: A fleet's colours: name, RGB, share in percent among cars, among vans and trucks.
PAINTS = (
    ("white", (232, 233, 234), 25, 58),
    ("black", (30, 31, 34), 19, 5),
    ("grey", (98, 101, 106), 19, 9),
    ("silver", (176, 180, 184), 13, 12),
    ("blue", (38, 72, 128), 7, 6),
    ("light blue", (112, 146, 178), 3, 2),
    ("red", (164, 32, 34), 7, 4),
    ("brown", (98, 80, 64), 2, 0),
    ("beige", (196, 184, 160), 2, 1),
    ("green", (52, 84, 66), 1, 1),
    ("yellow", (222, 178, 44), 1, 2),
    ("orange", (206, 98, 36), 1, 0),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of vehicle.

    ``cabin`` and ``roof`` give rear and front as fractions of the length, −0.5 at the rear bumper; ``belt_m`` is the
    height of bonnet and boot; ``share`` is percent of all vehicles.
    """

    name: str
    category: int
    share: float
    length_m: float
    width_m: float
    height_m: float
    belt_m: float
    cabin: tuple[float, float]
    roof: tuple[float, float]
    glazed: tuple[bool, bool] = (True, True)


KINDS = (
    Kind("hatchback", 0, 26, 3.95, 1.74, 1.48, 0.92, (-0.47, 0.20), (-0.38, 0.04)),
    Kind("saloon", 0, 20, 4.65, 1.82, 1.44, 0.90, (-0.36, 0.19), (-0.22, 0.04)),
    Kind("estate", 0, 14, 4.60, 1.82, 1.48, 0.92, (-0.47, 0.19), (-0.41, 0.05)),
    Kind("suv", 0, 17, 4.55, 1.90, 1.70, 1.05, (-0.47, 0.20), (-0.40, 0.07)),
    Kind("pickup", 0, 5, 5.25, 1.92, 1.80, 1.08, (-0.10, 0.24), (-0.06, 0.12)),
    Kind("van", 1, 13, 5.45, 2.02, 2.30, 1.25, (-0.495, 0.38), (-0.485, 0.24), (True, False)),
    Kind("truck", 2, 5, 7.9, 2.40, 3.30, 1.0, (-0.5, 0.5), (-0.5, 0.5)),
)


@dataclass(slots=True)
class Mesh:
    """Corners ``[V, 3]`` and faces in the order in which they are painted.

    A face is ``(corners, cover)``; corners run counter-clockwise seen from outside, so that a face that looks away
    from the camera is known by its winding.
    """

    corners: list[tuple[float, float, float]] = field(default_factory=list)
    faces: list[tuple[tuple[int, ...], int]] = field(default_factory=list)

    def ring(self, outline: list[tuple[float, float]], z: float) -> tuple[int, ...]:
        """Add a horizontal outline (counter-clockwise from above) and return its corners."""
        start = len(self.corners)
        self.corners.extend((x, y, z) for x, y in outline)
        return tuple(range(start, len(self.corners)))

    def walls(self, low: tuple[int, ...], high: tuple[int, ...], covers: list[int]) -> None:
        """Add the faces between two rings of as many corners, one cover each."""
        for i, cover in enumerate(covers):
            j = (i + 1) % len(low)
            self.faces.append(((low[i], low[j], high[j], high[i]), cover))

    def flat(self, outline: list[tuple[float, float]], z: float, cover: int) -> None:
        """Add one face that looks up."""
        self.faces.append((self.ring(outline, z), cover))

    def box(self, x: tuple[float, float], half_width: float, z: tuple[float, float], cover: int, top: int) -> None:
        """Add an upright box."""
        outline = rectangle(x, half_width)
        low, high = self.ring(outline, z[0]), self.ring(outline, z[1])
        self.walls(low, high, [cover] * 4)
        self.faces.append((high, top))

    def normals(self) -> NDArray[np.float64]:
        """Return every face's unit normal, ``[F, 3]``."""
        corners = np.array(self.corners)
        first, second, third = (corners[[face[i] for face, _ in self.faces]] for i in range(3))
        normal = np.cross(second - first, third - second)
        length = np.sqrt((normal * normal).sum(axis=1, keepdims=True))
        unit: NDArray[np.float64] = normal / np.maximum(length, 1e-9)
        return unit


def rectangle(x: tuple[float, float], half_width: float, y: float = 0.0) -> list[tuple[float, float]]:
    """Return four corners, counter-clockwise from above, the rear right one first."""
    return [(x[0], y - half_width), (x[1], y - half_width), (x[1], y + half_width), (x[0], y + half_width)]


def _body_outline(length: float, width: float, shrink: float = 1.0) -> list[tuple[float, float]]:
    """Return a car's outline from above, counter-clockwise."""
    right = [(-0.5, 0.30), (-0.485, 0.42), (-0.42, 0.485), (0.36, 0.49), (0.455, 0.44), (0.492, 0.33), (0.5, 0.16)]
    side = [(x * length * shrink, -y * width * shrink) for x, y in right]
    return side + [(x, -y) for x, y in reversed(side)]


def _add_wheels(mesh: Mesh, kind: Kind) -> None:
    for x in (-0.31 * kind.length_m, 0.31 * kind.length_m):
        mesh.box((x - 0.33, x + 0.33), kind.width_m * 0.485, (0.0, 0.6), TYRE, TYRE)


def _add_body(mesh: Mesh, kind: Kind) -> None:
    """Add skirt, shoulder and deck (bonnet and boot) of a car."""
    low = mesh.ring(_body_outline(kind.length_m, kind.width_m, 0.97), 0.22)
    bulge = mesh.ring(_body_outline(kind.length_m, kind.width_m), 0.55)
    deck = mesh.ring(_body_outline(kind.length_m, kind.width_m, 0.95), kind.belt_m)
    sides = [PAINT] * len(low)
    mesh.walls(low, bulge, sides)
    mesh.walls(bulge, deck, sides)
    mesh.faces.append((deck, PAINT))


def _add_cabin(mesh: Mesh, kind: Kind) -> None:
    """Add the greenhouse: windscreen, side windows with a pillar, rear window, roof."""
    half, roof_half = kind.width_m * 0.445, kind.width_m * 0.36
    base = [x * kind.length_m for x in kind.cabin]
    top = [x * kind.length_m for x in kind.roof]
    share = 0.45 if kind.glazed[1] else 0.78
    pillar = [0.0, share - 0.03, share + 0.03, 1.0]
    lower_x = [base[0] + p * (base[1] - base[0]) for p in pillar]
    upper_x = [top[0] + p * (top[1] - top[0]) for p in pillar]
    bow_low, bow_high = base[1] + 0.16, top[1] + 0.10
    low = [(x, -half) for x in lower_x] + [(bow_low, -half * 0.5), (bow_low, half * 0.5)]
    low += [(x, half) for x in reversed(lower_x)]
    high = [(x, -roof_half) for x in upper_x] + [(bow_high, -roof_half * 0.5), (bow_high, roof_half * 0.5)]
    high += [(x, roof_half) for x in reversed(upper_x)]
    rear = GLASS if kind.glazed[1] else PAINT
    covers = [rear, PAINT, GLASS, GLASS, GLASS, GLASS, GLASS, PAINT, rear, rear]
    lower, upper = mesh.ring(low, kind.belt_m), mesh.ring(high, kind.height_m)
    mesh.walls(lower, upper, covers)
    mesh.faces.append((upper, PAINT))
    mesh.flat(rectangle((top[0] + 0.2, top[1] - 0.1), roof_half * 0.72), kind.height_m + 0.005, GLOSS)


def _add_trim(mesh: Mesh, kind: Kind) -> None:
    """Add lamps, mirrors and the bonnet's shut lines."""
    length, width, z = kind.length_m, kind.width_m, kind.belt_m + 0.005
    front, rear = 0.465 * length, -0.475 * length
    for side in (-1.0, 1.0):
        y = side * width * 0.34
        mesh.flat(rectangle((front - 0.16, front + 0.02), 0.16, y), z, LAMP)
        mesh.flat(rectangle((rear, rear + 0.12), 0.16, y), z, TAIL)
        mirror = kind.cabin[1] * length - 0.25
        mesh.flat(rectangle((mirror - 0.1, mirror + 0.1), 0.13, side * width * 0.53), z + 0.1, TRIM)
    bonnet = ((kind.cabin[1] + 0.04) * length, 0.44 * length)
    mesh.flat(rectangle(bonnet, width * 0.2), z, GLOSS)
    hinge = kind.cabin[1] * length + 0.2
    mesh.flat(rectangle((hinge, hinge + 0.06), width * 0.36), z, TRIM)


def _add_truck(mesh: Mesh, kind: Kind) -> None:
    """Add a lorry: chassis, cab with windscreen, a box for the load with ribs on its roof."""
    length, half = kind.length_m, kind.width_m / 2
    mesh.box((-0.49 * length, 0.45 * length), half * 0.8, (0.5, 0.95), TRIM, TRIM)
    cab = (0.5 * length - 1.75, 0.5 * length)
    mesh.box(cab, half * 0.96, (0.5, 1.45), PAINT, GLASS)
    low = mesh.ring(rectangle(cab, half * 0.95), 1.45)
    high = mesh.ring(rectangle((cab[0], cab[1] - 0.35), half * 0.88), 2.45)
    mesh.walls(low, high, [GLASS, GLASS, GLASS, PAINT])
    mesh.faces.append((high, PAINT))
    mesh.flat(rectangle((cab[0] + 0.3, cab[0] + 0.8), half * 0.5), 2.5, TRIM)
    load = (-0.5 * length, cab[0] - 0.25)
    mesh.box(load, half, (0.9, kind.height_m), CARGO, CARGO)
    for i in range(1, 5):
        x = load[0] + i * (load[1] - load[0]) / 5
        mesh.flat(rectangle((x - 0.03, x + 0.03), half * 0.97), kind.height_m + 0.01, TRIM)


@cache
def mesh_of(kind_row: int) -> tuple[NDArray[np.float64], tuple[tuple[tuple[int, ...], int], ...], NDArray[np.float64]]:
    """Return corners ``[V, 3]``, faces and face normals ``[F, 3]`` of ``KINDS[kind_row]``."""
    kind = KINDS[kind_row]
    mesh = Mesh()
    _add_wheels(mesh, kind)
    if kind.name == "truck":
        _add_truck(mesh, kind)
    else:
        _add_body(mesh, kind)
        if kind.name == "pickup":
            bed = (-0.46 * kind.length_m, -0.13 * kind.length_m)
            mesh.flat(rectangle(bed, kind.width_m * 0.38), kind.belt_m + 0.01, BED)
        _add_trim(mesh, kind)
        _add_cabin(mesh, kind)
    return np.array(mesh.corners), tuple(mesh.faces), mesh.normals()


def paint_weights(category: int) -> NDArray[np.float64]:
    """Return the share of each of :data:`PAINTS` in a category, summing to 1."""
    shares = np.array([paint[2 if category == 0 else 3] for paint in PAINTS], dtype=np.float64)
    weights: NDArray[np.float64] = shares / shares.sum()
    return weights
