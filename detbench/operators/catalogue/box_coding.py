"""Box coding: centres and sizes, deltas, the order of corners."""

from __future__ import annotations

from typing import Any

import numpy as np

from detbench.operators.catalogue import deltas
from detbench.operators.catalogue.comparison import close, equal
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, longer
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.box_coding import (
    centre_and_size,
    change_order,
    corners,
    normalize_boxes,
)

__all__ = ["OPERATORS"]

_ONES = (1.0, 1.0, 1.0, 1.0)
_HEAD = (0.1, 0.1, 0.2, 0.2)


def _box_cases(name: str = "box") -> list[Case]:
    """Return boxes of all kinds as the only input, under this name."""
    kinds = [
        ("one box", boxes([10, 20, 30, 60]), ()),
        ("several boxes", boxes([0, 0, 4, 2], [3, 5, 4, 15], [1.5, 2.25, 9, 4]), ()),
        ("negative coordinates", boxes([-30, -20, -10, 5]), ()),
        ("far from the origin", boxes([1e6, 2e6, 1e6 + 64, 2e6 + 32]), ()),
        ("drawn", drawn(1, 40), ()),
        ("no area", boxes([5, 5, 5, 9], [7, 8, 7, 8]), ("no area",)),
        ("swapped corners", boxes([30, 60, 10, 20]), ("no area",)),
        ("no boxes", boxes(), ("empty",)),
    ]
    return [Case(kind, {name: box}, rows=(name,), traits=frozenset(traits)) for kind, box, traits in kinds]


_CENTRE_MISTAKES = (
    Mistake(
        "a pixel more",
        lambda box: np.concatenate([centre_and_size(box)[:, :2], centre_and_size(longer(box))[:, 2:]], axis=1),
        LONGER,
    ),
    Mistake(
        "a pixel more, centre too",
        lambda box: centre_and_size(longer(box)),
        "The sides are one pixel too long and the centres lie half a pixel too far: a box is continuous here.",
    ),
    Mistake(
        "corner for centre",
        lambda box: np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1),
        "The first two numbers are the upper left corner; they should be the centre: add half of each side.",
    ),
    Mistake(
        "half sides",
        lambda box: centre_and_size(box) * np.array([1, 1, 0.5, 0.5], np.float32),
        "The sides are half as long as they should be.",
    ),
    Mistake(
        "height before width",
        lambda box: centre_and_size(box)[:, [0, 1, 3, 2]],
        "Width and height are swapped: the order is cx cy w h.",
    ),
    Mistake(
        "rows before columns",
        lambda box: centre_and_size(box)[:, [1, 0, 3, 2]],
        "x and y are swapped: the order is cx cy w h, not cy cx h w.",
    ),
)

_CORNERS_MISTAKES = (
    Mistake(
        "centre for corner",
        lambda centre_size: np.concatenate([centre_size[:, :2], centre_size[:, :2] + centre_size[:, 2:]], axis=1),
        "The centre is taken for the upper left corner: take half of each side from it first.",
    ),
    Mistake(
        "half forgotten",
        lambda centre_size: corners(centre_size * np.array([1, 1, 2, 2], np.float32)),
        "The boxes are twice too large: a corner is half a side away from the centre.",
    ),
    Mistake(
        "a pixel less",
        lambda centre_size: corners(centre_size) - np.array([0, 0, 1, 1], np.float32),
        "Each side is a pixel too short: a box is continuous here, so x2 is cx + w/2, not cx + w/2 − 1.",
    ),
    Mistake(
        "other corners first",
        lambda centre_size: corners(centre_size)[:, [2, 3, 0, 1]],
        "The lower right corner comes first: the order is x1 y1 x2 y2.",
    ),
    Mistake(
        "rows before columns",
        lambda centre_size: corners(centre_size)[:, [1, 0, 3, 2]],
        "x and y are swapped: the order is x1 y1 x2 y2, not y1 x1 y2 x2.",
    ),
)


_ORDER_MISTAKES = (
    Mistake("as it was", lambda box: box.copy(), "Nothing has changed: the order should be y1 x1 y2 x2."),
    Mistake(
        "turned round",
        lambda box: box[:, ::-1],
        "The corners have changed places too: the order should be y1 x1 y2 x2, not y2 x2 y1 x1.",
    ),
    Mistake(
        "one corner",
        lambda box: box[:, [1, 0, 2, 3]],
        "Only the first corner has changed its order; the second must too.",
    ),
    Mistake(
        "x together",
        lambda box: box[:, [0, 2, 1, 3]],
        "The order is x1 x2 y1 y2; it should be y1 x1 y2 x2.",
    ),
    Mistake("corners swapped", lambda box: box[:, [2, 3, 0, 1]], "The corners are swapped; x and y should be."),
)


def _normalize_cases() -> list[Case]:
    def case(name: str, box: Any, height_px: float, width_px: float, *traits: str) -> Case:
        return Case(name, {"box": box}, {"height_px": height_px, "width_px": width_px}, ("box",), frozenset(traits))

    return [
        case("the whole picture, from first to last pixel", boxes([0, 0, 40, 20]), 21, 41),
        case("part of it", boxes([10, 5, 30, 20]), 21, 41),
        case("a square picture", boxes([10, 5, 30, 20]), 101, 101),
        case("outside", boxes([-10, -5, 60, 40]), 21, 41, "outside"),
        case("drawn", drawn(6, 30), 120, 160),
        case("a picture of one pixel", boxes([0, 0, 1, 1], [0.25, 0, 0.75, 0.5]), 1, 1),
        case("no boxes", boxes(), 21, 41, "empty"),
    ]


_NORMALIZE_MISTAKES = (
    Mistake(
        "by the side",
        lambda box, height_px, width_px: normalize_boxes(box, height_px + 1, width_px + 1),
        "Corners are divided by the side; the last pixel's centre is 1, so divide by the side less one.",
    ),
    Mistake(
        "order as it was",
        lambda box, height_px, width_px: change_order(normalize_boxes(box, height_px, width_px)),
        "The numbers are right, their order is not: y1 x1 y2 x2.",
    ),
    Mistake(
        "height for width",
        lambda box, height_px, width_px: normalize_boxes(box, width_px, height_px),
        "Height and width are swapped: x is divided by the width, y by the height.",
    ),
    Mistake(
        "cut",
        lambda box, height_px, width_px: np.clip(normalize_boxes(box, height_px, width_px), 0, 1),
        "Boxes are cut to 0 … 1; what reaches beyond the picture should stay beyond it.",
    ),
    Mistake(
        "division by zero",
        lambda box, height_px, width_px: (
            change_order(box) / np.tile(np.array([height_px, width_px], np.float32) - 1, 2)
        ),
        "A side of one pixel less one is 0: divide by at least 1.",
    ),
)


OPERATORS = (
    Operator(
        "centre-and-size",
        "Centre and size",
        "",
        centre_and_size,
        _box_cases,
        close(1e-6, 1e-5, "centre and size"),
        "largest difference",
        _CENTRE_MISTAKES,
    ),
    Operator(
        "corners",
        "Corners",
        "",
        corners,
        lambda: _box_cases("centre_size"),
        close(1e-6, 1e-5, "box"),
        "largest difference",
        _CORNERS_MISTAKES,
    ),
    *deltas.OPERATORS,
    Operator(
        "change-order",
        "Order of corners",
        "",
        change_order,
        _box_cases,
        equal("box"),
        "numbers",
        _ORDER_MISTAKES,
    ),
    Operator(
        "normalize-boxes",
        "Normalised boxes",
        "",
        normalize_boxes,
        _normalize_cases,
        close(1e-5, 1e-6, "box"),
        "largest difference",
        _NORMALIZE_MISTAKES,
    ),
)
