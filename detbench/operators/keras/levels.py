"""Levels of a pyramid: the rule of :mod:`detbench.operators.reference.levels`, of any leading axes."""

from __future__ import annotations

from typing import Any

from keras import ops

from detbench.operators.keras.gather import as_float

__all__ = ["assign_levels"]


def assign_levels(
    region: Any, lowest: int = 2, highest: int = 5, canonical_level: int = 4, canonical_size_px: float = 224.0
) -> Any:
    """Return the level of each region, int32 ``[…]`` of ``[…, 4]`` in pixels (Lin et al. 2017, equation 1).

    Areas are compared with those at which a level begins, as in the reference: a logarithm differs between backends in
    its last bit, and a region of exactly 224 × 224 would be of level 3 on one of them.
    """
    region = as_float(region)
    size = ops.maximum(region[..., 2:] - region[..., :2], 0.0)
    area = size[..., 0] * size[..., 1]
    level = ops.full_like(ops.cast(area, "int32"), lowest)
    for k in range(lowest + 1, highest + 1):
        level = level + ops.cast(area >= (canonical_size_px * 2.0 ** (k - canonical_level)) ** 2, "int32")
    return level
