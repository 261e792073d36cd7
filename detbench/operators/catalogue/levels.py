"""Levels of a feature pyramid."""

from __future__ import annotations

from typing import Any

import numpy as np

from detbench.operators.catalogue.comparison import equal
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, longer
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.levels import assign_levels

__all__ = ["OPERATORS"]


def _cases() -> list[Case]:
    def case(name: str, region: Any, *traits: str, **settings: float) -> Case:
        return Case(name, {"region": region}, settings, ("region",), frozenset(traits))

    just = np.nextafter(np.float32(224), np.float32(0))
    return [
        case("one region of each level", boxes([0, 0, 80, 80], [0, 0, 150, 150], [0, 0, 300, 300], [0, 0, 600, 600])),
        case("not square", boxes([0, 0, 30, 500], [0, 0, 900, 70], [0, 0, 20, 800])),
        case("not the origin", boxes([500, 600, 580, 680], [300, 200, 600, 500])),
        case("small and large", boxes([0, 0, 8, 8], [0, 0, 1, 2], [0, 0, 1333, 800], [0, 0, 9000, 9000])),
        case("just over a bound", boxes([0, 0, 113, 113], [0, 0, 225, 225], [0, 0, 449, 449])),
        case("drawn", drawn(11, 60, largest=700)),
        case("other levels", boxes([0, 0, 8, 8], [0, 0, 300, 300], [0, 0, 2000, 2000]), lowest=3, highest=6),
        case("another canonical level", boxes([0, 0, 80, 80], [0, 0, 300, 300]), canonical_level=3),
        case("another canonical size", boxes([0, 0, 30, 30], [0, 0, 100, 100]), canonical_size_px=64.0),
        case("negative coordinates", boxes([-300, -300, 0, 0])),
        case(
            "exactly on a bound",
            boxes([0, 0, 112, 112], [0, 0, 224, 224], [0, 0, 448, 448], [0, 0, 56, 224], [0, 0, 448, 112]),
            "threshold equality",
        ),
        case("a hair below a bound", boxes([0, 0, just, just], [0, 0, just / 2, just / 2]), "threshold equality"),
        case("no area", boxes([5, 5, 5, 5], [5, 5, 300, 5], [300, 300, 0, 0]), "no area"),
        case("no regions", boxes(), "empty"),
    ]


def _by(number: Any, region: Any, lowest: int, highest: int, canonical_level: int, *, round_to: Any = np.floor) -> Any:
    """Return levels by another number whose floor is added to the canonical level."""
    with np.errstate(all="ignore"):
        level = round_to(number(_area(region))) + canonical_level
    return np.clip(np.nan_to_num(level, nan=lowest, neginf=lowest, posinf=highest), lowest, highest).astype(np.int32)


def _area(region: Any) -> Any:
    size = np.maximum(region[:, 2:].astype(np.float64) - region[:, :2], 0)
    return size[:, 0] * size[:, 1]


def _wrong(number: Any, round_to: Any = np.floor) -> Any:
    """Return an assignment by ``number(area, canonical size)``."""
    return lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: _by(
        lambda area: number(area, canonical_size_px), region, lowest, highest, canonical_level, round_to=round_to
    )


_MISTAKES = (
    Mistake(
        "root missing",
        _wrong(lambda area, size: np.log2(area / size)),
        "The area is compared with a side: take its square root first.",
    ),
    Mistake(
        "logarithm of areas",
        _wrong(lambda area, size: np.log2(area / size**2)),
        "Levels go up with every doubling of the area; they go up with every doubling of the side, its square root.",
    ),
    Mistake(
        "natural logarithm",
        _wrong(lambda area, size: np.log(np.sqrt(area) / size)),
        "The logarithm is natural; take it to base 2.",
    ),
    Mistake(
        "rounded",
        _wrong(lambda area, size: np.log2(np.sqrt(area) / size), np.round),
        "The level is rounded to the nearest; round it down.",
    ),
    Mistake(
        "rounded up",
        _wrong(lambda area, size: np.log2(np.sqrt(area) / size), np.ceil),
        "The level is rounded up; round it down.",
    ),
    Mistake(
        "not cut",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: assign_levels(
            region, -40, 40, canonical_level, canonical_size_px
        ),
        "Very small and very large regions leave the pyramid: cut the level to `lowest` … `highest`.",
    ),
    Mistake(
        "counted from 0",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: (
            assign_levels(region, lowest, highest, canonical_level, canonical_size_px) - lowest
        ),
        "Levels are counted from `lowest`; return the level itself, not its place in a list.",
    ),
    Mistake(
        "turned round",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: (
            lowest + highest - assign_levels(region, lowest, highest, canonical_level, canonical_size_px)
        ),
        "Large regions go to fine maps; the larger a region, the higher its level.",
    ),
    Mistake(
        "strict",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: assign_levels(
            region, lowest, highest, canonical_level, canonical_size_px * (1 + 1e-6)
        ),
        "A region of exactly 224 × 224 pixels belongs to the canonical level, not to the one below.",
    ),
    Mistake(
        "a pixel more",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: assign_levels(
            longer(region), lowest, highest, canonical_level, canonical_size_px
        ),
        LONGER,
    ),
    Mistake(
        "constants",
        lambda region, lowest=2, highest=5, canonical_level=4, canonical_size_px=224.0: assign_levels(
            region, lowest, highest
        ),
        "`canonical_level` and `canonical_size_px` are not looked at; they need not be 4 and 224.",
    ),
)

OPERATORS = (
    Operator(
        "assign-levels",
        "Level assignment",
        "",
        assign_levels,
        _cases,
        equal("level"),
        "regions",
        _MISTAKES,
    ),
)
