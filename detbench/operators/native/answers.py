"""Memory for the answers of native operators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detbench.extension import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["unfilled"]

#: Smaller answers come from NumPy, which keeps small memory itself.
_LARGE_BYTES = 4 << 20


def unfilled(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """Return an array that holds anything, to be written from end to end.

    A large one lies in the memory of one that is not used any more, if there is one: the system clears new memory
    before it is first written, which takes longer than RoIAlign. Between two answers the system may have it back.
    """
    module = native()
    if module is None or math.prod(shape) * dtype.itemsize < _LARGE_BYTES:
        return np.empty(shape, dtype=dtype)
    answer: NDArray[np.floating] = module.unfilled(list(shape), dtype == np.float64)
    return answer
