"""Small arrays for cases, and the ways to spoil boxes that several mistakes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LONGER", "as_xywh", "boxes", "drawn", "floats", "integers", "longer", "normal"]

#: What to tell who makes boxes longer by one.
LONGER = "Each side is counted one pixel too long: a box is continuous here, so a width is x2 − x1, not x2 − x1 + 1."


def boxes(*rows: Sequence[float]) -> NDArray[np.float32]:
    """Return float32 ``[N, 4]``, also of no rows."""
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def floats(*values: float) -> NDArray[np.float32]:
    """Return float32 ``[N]``."""
    return np.array(values, dtype=np.float32)


def integers(*values: int) -> NDArray[np.int32]:
    """Return int32 ``[N]``."""
    return np.array(values, dtype=np.int32)


def drawn(seed: int, count: int, *, span: float = 100.0, largest: float = 60.0) -> NDArray[np.float32]:
    """Return ``count`` boxes, float32 ``[N, 4]``, their corners multiples of a half.

    So all areas and intersections are exact in float32, in whatever order they are computed: an IoU is rounded once,
    by its division, and labels that hang on a threshold or a tie are the same on every machine.
    """
    rng = np.random.default_rng([seed, count])
    corner = rng.integers(0, int(2 * span), (count, 2)) / 2
    side = rng.integers(1, int(2 * largest), (count, 2)) / 2
    return np.concatenate([corner, corner + side], axis=1).astype(np.float32)


def normal(seed: int, *shape: int, spread: float = 2.0) -> NDArray[np.float32]:
    """Return normally distributed numbers around 0, float32 of this shape."""
    drawn = spread * np.random.default_rng([seed, *shape]).standard_normal(shape)
    return np.asarray(drawn, dtype=np.float32)


def longer(box: NDArray[Any]) -> NDArray[Any]:
    """Return boxes whose sides are one longer: those of who counts both border pixels."""
    grown: NDArray[Any] = box + np.array([0, 0, 1, 1], dtype=box.dtype)
    return grown


def as_xywh(box: NDArray[Any]) -> NDArray[Any]:
    """Return what ``x1 y1 x2 y2`` become if they are taken for a corner, a width and a height."""
    return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
