"""Uniform random numbers made from a seed and a row number, the same bits on every backend and device.

There is no state: number ``k`` of a picture is a hash of the picture's seed, the stream and ``k``. So it does not
depend on how many pictures are in the batch, on how many devices share it, or on what was drawn before. The hash is
Wellons' ``lowbias32`` (2018), in int32 that wraps around; the upper 24 bits of it fit a float32 exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

__all__ = ["uniform"]

_GOLDEN = 0x9E3779B9  # 2^32 over the golden ratio: neighbouring streams get seeds far apart
_ROUNDS = ((16, 0x7FEB352D), (15, 0x846CA68B))
_LAST_SHIFT = 16


def uniform(seed: Any, count: int, stream: int = 0) -> Any:
    """Return float32 ``[B, count]``, evenly drawn from 0 (included) to 1 (left out): multiples of 2⁻²⁴.

    Parameters
    ----------
    seed
        int32 ``[B]``: one a picture.
    count
        Numbers wanted of each. Static; the first of them are the same whatever it is.
    stream
        Draws for different purposes take different streams.
    """
    seed = ops.cast(ops.convert_to_tensor(seed), "int32")
    keyed = _mixed(seed + _int32(_GOLDEN * (stream + 1)))
    number = ops.arange(count, dtype="int32") * _int32(_GOLDEN)
    hashed = _mixed(ops.bitwise_xor(keyed[:, None], _mixed(number)))
    return ops.cast(_shifted(hashed, 8), "float32") * 2.0**-24


def _mixed(number: Any) -> Any:
    """Return the hash of int32 numbers, of their shape."""
    for shift, factor in _ROUNDS:
        number = ops.bitwise_xor(number, _shifted(number, shift)) * _int32(factor)
    return ops.bitwise_xor(number, _shifted(number, _LAST_SHIFT))


def _shifted(number: Any, bits: int) -> Any:
    """Return what an unsigned shift to the right gives: int32 shifts bring copies of the sign, which are cut off."""
    return ops.bitwise_and(ops.right_shift(number, _int32(bits)), _int32((1 << (32 - bits)) - 1))


def _int32(number: int) -> Any:
    """Return the tensor of the int32 with the lower 32 bits of a number."""
    return ops.convert_to_tensor(np.array(number & 0xFFFFFFFF, dtype=np.uint32).view(np.int32))
