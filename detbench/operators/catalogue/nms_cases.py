"""What is hard about suppressing boxes, the simplest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["batched_cases", "matrix_cases", "nms_cases", "soft_cases"]

_UNIT = (0, 0, 10, 10)


def nms_cases() -> list[Case]:
    """Return the hard cases of ``nms``."""
    return [
        _case("one box", [_UNIT], [0.9]),
        _case("no boxes", [], [], traits=("empty",)),
        _case("two boxes that overlap", [_UNIT, (0, 0, 10, 8)], [0.9, 0.8]),
        _case("boxes by rising score", [(0, 0, 10, 8), (20, 0, 30, 10), _UNIT], [0.7, 0.8, 0.9]),
        _case("boxes side by side and far apart", [_UNIT, (10, 0, 20, 10), (90, 90, 99, 99)], [0.5, 0.7, 0.6]),
        _case("one box inside another", [(0, 0, 10, 10), (2, 2, 7, 7)], [0.9, 0.8]),
        _case("an IoU just below the threshold", [(0, 0, 4, 4), (0, 0, 4, 1.9)], [0.9, 0.8]),
        _case("a third of the union", [(0, 0, 4, 2), (2, 0, 6, 2)], [0.9, 0.8], threshold=0.4),
        _case("boxes diagonally apart", [(0, 0, 10, 10), (30, 30, 40, 40), (19, 19, 29, 29)], [0.9, 0.8, 0.7]),
        _case("a chain", [(0, 0, 10, 10), (0, 4, 10, 14), (0, 8, 10, 18)], [0.9, 0.8, 0.7], threshold=0.3),
        _case("equal boxes", [_UNIT, _UNIT, _UNIT], [0.7, 0.9, 0.8]),
        _case("the threshold itself", [_UNIT, (0, 0, 10, 5)], [0.9, 0.8], traits=("threshold equality",)),
        _case("threshold 0", [_UNIT, (10, 0, 20, 10), (9, 0, 19, 10)], [0.9, 0.8, 0.7], threshold=0.0),
        _case("threshold 1", [_UNIT, _UNIT, (0, 0, 10, 9)], [0.9, 0.8, 0.7], threshold=1.0),
        *_rounded(),
        _case("equal scores", [_UNIT, (0, 1, 10, 11), (0, 0, 9, 10)], [0.5, 0.5, 0.5], traits=("score ties",)),
        _case("scores 0 and below", [_UNIT, (20, 0, 30, 10), (0, 0, 10, 9)], [-0.5, 0.0, -2.0]),
        _case("boxes without area", [(5, 5, 5, 9), (5, 5, 5, 9), _UNIT, (3, 3, 3, 3)], [0.9, 0.8, 0.7, 0.6], 0.0,
              traits=("no area",)),
        _case("corners the wrong way round", [(10, 10, 0, 0), (0, 0, 10, 10), (10, 0, 0, 10)], [0.9, 0.8, 0.7],
              traits=("no area", "flipped corners")),
        _case("a limit", [_UNIT, (0, 0, 10, 9), (0, 0, 9, 10), (20, 0, 30, 10), (40, 0, 50, 10)],
              [0.9, 0.8, 0.7, 0.6, 0.5], limit=2, traits=("limit",)),
        _case("a limit above what there is", [_UNIT, (0, 0, 10, 9)], [0.9, 0.8], limit=9, traits=("limit",)),
        _case("a limit of 0", [_UNIT, (20, 0, 30, 10)], [0.9, 0.8], limit=0, traits=("limit", "limit 0")),
        _case("scores that float16 cannot tell apart", [_UNIT, (0, 0, 10, 9)], [0.9, 0.90001]),
        _case("negative coordinates", [(-20, -20, -10, -10), (-20, -20, -10, -11), (-15, -15, 5, 5)], [0.6, 0.7, 0.8]),
        *_random_cases(),
    ]  # fmt: skip


def _rounded() -> list[Case]:
    """Return IoUs of 7/10, 1/3 and 3/5 at thresholds of these, which are no binary fractions."""
    pairs = [(10, 7, 0.7), (3, 1, 1 / 3), (5, 3, 0.6)]
    return [
        _case(
            f"the threshold itself, {part}/{whole}",
            [(0, 0, whole, whole), (0, 0, whole, part)],
            [0.9, 0.8],
            threshold,
            traits=("threshold equality",),
        )
        for whole, part, threshold in pairs
    ]


def _random_cases() -> list[Case]:
    rng = np.random.default_rng(4)
    grid, score = _on_a_grid(rng, 200), rng.permutation(200) / 200
    ties = rng.integers(0, 8, 200) / 8
    mixed = _mixed(rng, 120)
    return [
        _case("many on a coarse grid", grid, score, 0.3),
        _case("many, with a limit", grid, score, 0.3, limit=20, traits=("limit",)),
        _case("many on a coarse grid, with equal scores", grid, ties, 0.3, traits=("score ties",)),
        _case("many, with a higher limit", grid, score, 0.9, limit=128, traits=("limit",)),
        _case("sizes from 0.001 to 1,000,000", mixed, rng.permutation(120) / 120),
        _case("float64", mixed, rng.permutation(120) / 120, dtype=np.float64, traits=("float64",)),
    ]


def _on_a_grid(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner = rng.integers(0, 40, (count, 2)).astype(float)
    return np.concatenate([corner, corner + rng.integers(1, 14, (count, 2))], axis=1)


def _mixed(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return boxes of all sizes around a few points, each with a neighbour."""
    side = 10.0 ** rng.uniform(-3, 6, (count // 2, 1))
    corner = rng.normal(0, 1, (count // 2, 2)) * side
    box = np.concatenate([corner, corner + side * rng.uniform(0.5, 2, (count // 2, 2))], axis=1)
    return np.concatenate([box, box + side * rng.normal(0, 0.1, box.shape)])


def batched_cases() -> list[Case]:
    """Return the hard cases of ``batched_nms``."""
    rng = np.random.default_rng(5)
    grid, score, category = _on_a_grid(rng, 200), rng.permutation(200) / 200, rng.integers(0, 4, 200)
    twins = [_UNIT, _UNIT, (0, 0, 10, 9), (0, 0, 10, 9)]
    below = [(-40, -40, -30, -30), (-20, -20, -10, -10), (-30, -30, -20, -20), (-10, -10, -0.5, -0.5), (1, 1, 2, 2)]
    far = [(1e6, 1e6, 1e6 + 4, 1e6 + 4), (1e6, 1e6, 1e6 + 4, 1e6 + 1.5), (1e6 + 1, 1e6, 1e6 + 4.25, 1e6 + 4)]
    return [
        _case("one box", [_UNIT], [0.9], category=[3]),
        _case("no boxes", [], [], category=[], traits=("empty",)),
        _case("the same category", [_UNIT, (0, 0, 10, 8)], [0.9, 0.8], category=[2, 2]),
        _case("different categories", [_UNIT, (0, 0, 10, 8)], [0.8, 0.9], category=[0, 1]),
        _case("categories by turns", twins, [0.6, 0.7, 0.8, 0.9], category=[0, 1, 0, 1]),
        _case("categories 7, −1 and 90", [_UNIT] * 4, [0.6, 0.7, 0.8, 0.9], category=[7, -1, 90, 7]),
        _case("categories that differ by 2⁸, 2¹⁶ or 1 of many", [_UNIT] * 6, np.arange(6) / 6,
              category=[0, 2**8, 2**16, 2**24, 2**24 + 1, 1000]),
        _case("the threshold itself", [_UNIT, (0, 0, 10, 5)], [0.9, 0.8], category=[1, 1],
              traits=("threshold equality",)),
        _case("equal scores", twins, [0.5] * 4, category=[1, 0, 1, 0], traits=("score ties",)),
        _case("a limit over all categories", [_UNIT, (20, 0, 30, 10), _UNIT, (20, 0, 30, 10)], [0.6, 0.7, 0.8, 0.9],
              category=[0, 0, 1, 1], limit=3, traits=("limit",)),
        _case("negative coordinates", [*below, *below], np.arange(10) / 10, category=np.arange(10) // 5),
        _case("coordinates of a million", far * 3, np.arange(9) / 9, category=np.repeat([0, 1, 2], 3)),
        _case("coordinates of a million, category 80", far * 2, np.arange(6) / 6, category=np.repeat([0, 80], 3),
              traits=("far",)),
        _case("boxes without area", [(5, 5, 5, 9), (5, 5, 5, 9), _UNIT], [0.9, 0.8, 0.7], 0.0, category=[0, 0, 0],
              traits=("no area",)),
        _case("many on a coarse grid", grid, score, 0.3, category=category),
        _case("many, with a limit", grid, score, 0.3, category=category, limit=30, traits=("limit",)),
        _case("a hundred and fifty of one category", [(20 * i, 0, 20 * i + 10, 10) for i in range(150)], score[:150],
              category=np.full(150, 3)),
        _case("many, with equal scores", grid, np.floor(score * 8), 0.3, category=category, traits=("score ties",)),
    ]  # fmt: skip


def soft_cases() -> list[Case]:
    """Return the hard cases of ``soft_nms``, each by both methods."""
    rng = np.random.default_rng(6)
    boxes: list[tuple[str, Any, Any, dict[str, Any], tuple[str, ...]]] = [
        ("one box", [_UNIT], [0.9], {}, ()),
        ("no boxes", [], [], {}, ("empty",)),
        ("boxes apart", [_UNIT, (20, 0, 30, 10)], [0.7, 0.9], {}, ()),
        ("two boxes that overlap", [_UNIT, (0, 0, 10, 8)], [0.9, 0.8], {}, ()),
        ("an overlap below the threshold", [_UNIT, (0, 8, 10, 18)], [0.9, 0.8], {}, ()),
        ("the order changes", [_UNIT, (0, 0, 10, 8), (40, 0, 50, 10)], [0.9, 0.8, 0.5], {}, ()),
        ("three that overlap", [_UNIT, (0, 2, 10, 12), (0, 5, 10, 15)], [0.9, 0.8, 0.7], {}, ()),
        ("equal boxes", [_UNIT, _UNIT, (0, 0, 10, 9)], [0.9, 0.8, 0.7], {}, ()),
        ("a low score", [_UNIT, (20, 0, 30, 10)], [0.9, 0.0005], {}, ()),
        ("a score that falls too low", [_UNIT, (0, 0, 10, 9)], [0.9, 0.3], {"score_threshold": 0.2}, ()),
        ("a score at the threshold", [_UNIT, (20, 0, 30, 10)], [0.75, 0.25], {"score_threshold": 0.25}, ()),
        ("equal scores", [(20, 0, 30, 10), _UNIT, (0, 1, 10, 11)], [0.5, 0.5, 0.5], {}, ("score ties",)),
        ("boxes without area", [(5, 5, 5, 9), (5, 5, 5, 9), _UNIT], [0.9, 0.8, 0.7], {}, ("no area",)),
        ("a limit", [_UNIT, (0, 0, 10, 9), (20, 0, 30, 10)], [0.9, 0.8, 0.7], {"limit": 2}, ("limit",)),
        ("a narrow sigma", [_UNIT, (0, 3, 10, 13)], [0.9, 0.8], {"sigma": 0.1}, ()),
        ("many on a coarse grid", _on_a_grid(rng, 60), rng.permutation(60) / 60 + 0.01, {}, ()),
    ]
    return [
        Case(
            f"{name}, {method}",
            _inputs(box, score),
            {"method": method, "iou_threshold": 0.3, "sigma": 0.5, "score_threshold": 0.001, "limit": None, **settings},
            ("box", "score"),
            frozenset(traits),
        )
        for name, box, score, settings, traits in boxes
        for method in ("linear", "gaussian")
    ]


def matrix_cases() -> list[Case]:
    """Return the hard cases of ``matrix_nms``, each by both kernels."""
    rng = np.random.default_rng(7)
    three = [_UNIT, (0, 2, 10, 12), (0, 5, 10, 15)]
    boxes: list[tuple[str, Any, Any, Any, tuple[str, ...]]] = [
        ("one box", [_UNIT], [0.9], [0], ()),
        ("no boxes", [], [], [], ("empty",)),
        ("two boxes that overlap", [_UNIT, (0, 0, 10, 8)], [0.9, 0.8], [0, 0], ()),
        ("by rising score", [(0, 0, 10, 8), _UNIT], [0.8, 0.9], [0, 0], ()),
        ("different categories", [_UNIT, (0, 0, 10, 8)], [0.9, 0.8], [0, 1], ()),
        ("a chain", three, [0.9, 0.8, 0.7], [0, 0, 0], ()),
        ("two above one", [_UNIT, (0, 10, 10, 20), (0, 4, 10, 14)], [0.9, 0.8, 0.7], [0, 0, 0], ()),
        ("equal boxes", [_UNIT, _UNIT, _UNIT, (0, 0, 10, 9)], [0.9, 0.8, 0.7, 0.6], [0] * 4, ()),
        ("equal scores", three, [0.5, 0.5, 0.5], [0] * 3, ("score ties",)),
        ("boxes without area", [(5, 5, 5, 9), (5, 5, 5, 9), _UNIT], [0.9, 0.8, 0.7], [0] * 3, ("no area",)),
        ("many on a coarse grid", _on_a_grid(rng, 80), rng.permutation(80) / 80, rng.integers(0, 3, 80), ()),
    ]
    return [
        Case(
            f"{name}, {kernel}",
            _inputs(box, score, category),
            {"kernel": kernel, "sigma": 2.0},
            ("box", "score", "category"),
            frozenset(traits),
        )
        for name, box, score, category, traits in boxes
        for kernel in ("linear", "gaussian")
    ]


def _case(
    name: str,
    box: Any,
    score: Any,
    threshold: float = 0.5,
    *,
    category: Sequence[int] | NDArray[Any] | None = None,
    limit: int | None = None,
    traits: tuple[str, ...] = (),
    dtype: type[np.floating] = np.float32,
) -> Case:
    inputs = _inputs(box, score, category, dtype)
    return Case(name, inputs, {"iou_threshold": threshold, "limit": limit}, tuple(inputs), frozenset(traits))


def _inputs(
    box: Any, score: Any, category: Any = None, dtype: type[np.floating] = np.float32
) -> dict[str, NDArray[Any]]:
    inputs: dict[str, NDArray[Any]] = {
        "box": np.array(box, dtype=dtype).reshape(-1, 4),
        "score": np.array(score, dtype=dtype),
    }
    if category is not None:
        inputs["category"] = np.array(category, dtype=np.int32)
    return inputs
