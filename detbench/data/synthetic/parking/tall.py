"""What stands taller than a vehicle: roofs, lamp posts and trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.synthetic.parking.canvas import Layer, to_canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.synthetic.parking.camera import Camera
    from detbench.data.synthetic.parking.flights import Flight
    from detbench.data.synthetic.parking.planting import Tree

__all__ = ["LAMP_ARM_M", "LAMP_M", "paint_tall", "roof_corners", "roofs_ahead"]

LAMP_M, LAMP_ARM_M = 7.0, 1.1

Roof = tuple[tuple[float, float], tuple[float, float], float]
Colour = tuple[int, int, int]


def paint_tall(flight: Flight, camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return colours, black elsewhere, ``[H, W, 3]`` 0..255, and cover ``[H, W]`` 0..1."""
    size = (camera.width_px, camera.height_px)
    colour, cover = Layer(size, "RGB"), Layer(size, "L")

    def polygon(points_m: list[tuple[float, float, float]], value: Colour) -> None:
        outline = [(x, y) for x, y in to_canvas(camera.project(np.array(points_m))).tolist()]
        colour.polygon(outline, value)
        cover.polygon(outline, 255)

    for roof in roofs_ahead(flight, camera):
        for points, value in _roof_faces(roof):
            polygon(points, value)
    for x, y in flight.park.lamps:
        if camera.sees(np.array([(x, y, 0.0)]), 10 * camera.scale_px)[0]:
            for points, value in _lamp_faces(x, y):
                polygon(points, value)
    to_sun = np.array([-flight.sun[0], -flight.sun[1], 1.0])
    to_sun /= np.sqrt((to_sun * to_sun).sum())
    visible = [t for t in flight.park.trees if camera.sees(t.clumps[:, :3], 5 * camera.scale_px).any()]
    for tree in sorted(visible, key=lambda t: -float(camera.depth(t.clumps[:1, :3])[0])):
        _paint_tree(tree, camera, to_sun, colour, cover)
    leaves = colour.reduced()
    return leaves, cover.share()


def roofs_ahead(flight: Flight, camera: Camera) -> list[Roof]:
    """Return the buildings that lie wholly in front of the camera."""
    nearest = 0.25 * camera.distance_m
    return [roof for roof in flight.park.roofs if (camera.depth(roof_corners(roof)) > nearest).all()]


def roof_corners(roof: Roof) -> NDArray[np.float64]:
    """Return a building's eight corners, ``[8, 3]``."""
    (x0, x1), (y0, y1), height = roof
    return np.array([(x, y, z) for z in (0.0, height) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))])


def _roof_faces(roof: Roof) -> list[tuple[list[tuple[float, float, float]], Colour]]:
    """Return a flat roof with a parapet, skylights and machines, over its walls."""
    (x0, x1), (y0, y1), height = roof
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    faces: list[tuple[list[tuple[float, float, float]], Colour]] = []
    for i in range(4):
        (ax, ay), (bx, by) = ring[i], ring[(i + 1) % 4]
        faces.append(([(ax, ay, 0), (bx, by, 0), (bx, by, height), (ax, ay, height)], (128, 118, 108)))
    for inset, value in ((0.0, (196, 192, 184)), (0.45, (150, 148, 144))):
        faces.append(
            (
                [
                    (x0 + inset, y0 + inset, height),
                    (x1 - inset, y0 + inset, height),
                    (x1 - inset, y1 - inset, height),
                    (x0 + inset, y1 - inset, height),
                ],
                value,
            )
        )
    step = int(x0 * 7) % 3 + 5
    for number, x in enumerate(np.arange(x0 + 3, x1 - 4, step).tolist()):
        for part in (0.3, 0.66):
            y = y0 + (y1 - y0) * part
            machine = (number + int(part * 10)) % 4 == 0
            width, depth, lift = (2.2, 1.8, 0.9) if machine else (1.4, 2.6, 0.1)
            low = [(x, y, height), (x + width, y, height), (x + width, y + depth, height), (x, y + depth, height)]
            dark: Colour = (92, 92, 94) if machine else (108, 110, 112)
            light: Colour = (206, 206, 204) if machine else (168, 190, 204)
            faces.append((low, dark))
            faces.append(([(a, b, z + lift) for a, b, z in low], light))
    return faces


def _lamp_faces(x: float, y: float) -> list[tuple[list[tuple[float, float, float]], Colour]]:
    """Return a lamp post: pole, arm and head."""
    pole = [(x - 0.08, y, 0.0), (x + 0.08, y, 0.0), (x + 0.06, y, LAMP_M), (x - 0.06, y, LAMP_M)]
    tilted = [(x, y - 0.08, 0.0), (x, y + 0.08, 0.0), (x, y + 0.06, LAMP_M), (x, y - 0.06, LAMP_M)]
    arm = [(x, y - 0.07), (x + LAMP_ARM_M, y - 0.07), (x + LAMP_ARM_M, y + 0.07), (x, y + 0.07)]
    tip = x + LAMP_ARM_M
    head = [(tip - 0.5, y - 0.19), (tip + 0.25, y - 0.19), (tip + 0.25, y + 0.19), (tip - 0.5, y + 0.19)]
    return [
        (pole, (150, 152, 154)),
        (tilted, (150, 152, 154)),
        ([(a, b, LAMP_M) for a, b in arm], (160, 162, 164)),
        ([(a, b, LAMP_M) for a, b in head], (226, 228, 226)),
    ]


def _paint_tree(tree: Tree, camera: Camera, to_sun: NDArray[np.float64], colour: Layer, cover: Layer) -> None:
    """Paint a tree's clumps from low to high, each with a brighter side towards the sun."""
    seen = camera.project(tree.clumps[:, :3])
    radius = tree.clumps[:, 3] * camera.focal_px / np.maximum(camera.depth(tree.clumps[:, :3]), 1.0)
    middle = tree.clumps[:, :3].mean(axis=0)
    spread = np.maximum(np.abs(tree.clumps[:, :3] - middle).max(), 0.3)
    light = 0.62 + 0.42 * ((tree.clumps[:, :3] - middle) @ to_sun) / spread + 0.5 * (tree.shade - 0.5)
    bright = camera.project(tree.clumps[:, :3] + to_sun * tree.clumps[:, 3:] * 0.4)
    leaf = np.array(tree.colour, dtype=np.float64)
    base = np.clip(leaf * light[:, None], 12, 235).astype(np.int64).tolist()
    top = np.clip(leaf * (light * 1.28 + 0.05)[:, None] + 4, 12, 245).astype(np.int64).tolist()
    for i, reach in enumerate(radius.tolist()):
        x, y = seen[i].tolist()
        colour.disc((x, y), reach, tuple(base[i]))
        cover.disc((x, y), reach, 255)
        bx, by = bright[i].tolist()
        colour.disc((bx, by), reach * 0.58, tuple(top[i]))
        cover.disc((bx, by), reach * 0.58, 255)
