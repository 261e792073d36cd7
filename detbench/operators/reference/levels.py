"""Levels: which map of a feature pyramid a region is pooled from (Lin et al. 2017, equation 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assign_levels"]


def assign_levels(
    region: NDArray[np.floating],
    lowest: int = 2,
    highest: int = 5,
    canonical_level: int = 4,
    canonical_size_px: float = 224.0,
) -> NDArray[np.int32]:
    """Return the level of each region: the larger the region, the coarser the map.

    ``k = ⌊k₀ + log₂(√(w · h) / 224)⌋``, cut to the levels that there are. A region of 224 × 224 pixels, the size of
    ImageNet's pictures, has level k₀ = 4; half its side and it goes down by one.

    Parameters
    ----------
    region
        Float ``[R, 4]``: ``x1 y1 x2 y2`` in pixels of the picture.
    lowest, highest
        The levels that there are; the finest and the coarsest.
    canonical_level, canonical_size_px
        k₀, and the side of a square that belongs there.

    Returns
    -------
    int32 ``[R]``. A region without area, or with NaN, has the lowest level.

    Notes
    -----
    The formula is evaluated without its logarithm: ``k`` is reached where ``w · h ≥ (224 · 2^(k − k₀))²``. So a region
    of exactly 224 × 224 has level 4 on every machine; logarithms differ in the last bit, and ``⌊3.9999998⌋`` is 3.

    Examples
    --------
    >>> side = np.array([10.0, 112, 223, 224, 448, 2000])
    >>> assign_levels(np.stack([0 * side, 0 * side, side, side], axis=1)).tolist()
    [2, 3, 3, 4, 5, 5]
    """
    size = np.maximum(region[:, 2:] - region[:, :2], 0)
    with np.errstate(over="ignore"):
        area = size[:, 0] * size[:, 1]
    level = np.full(len(region), lowest, dtype=np.int32)
    for k in range(lowest + 1, highest + 1):
        level += area >= (canonical_size_px * 2.0 ** (k - canonical_level)) ** 2
    return level
