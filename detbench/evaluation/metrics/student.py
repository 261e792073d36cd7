"""Student's t distribution, of as many degrees of freedom as a standard error has: they need not be whole."""

from __future__ import annotations

from functools import cache
from math import lgamma, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["student_p"]

#: Points of the Gauss-Legendre rule: p to 5 digits or more, from 1 to 63 degrees of freedom.
_POINTS = 96


def student_p(t: NDArray[np.float64], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 ``[n]``: the two-sided p-values of ``t`` ``[n]`` at ``degrees`` ``[n]`` of freedom; NaN for NaN.

    With t = √n tan θ the density at n degrees becomes cosⁿ⁻¹ θ, whose tail from θ to π/2 is summed by a Gauss-Legendre
    rule.

    >>> student_p(np.array([0.0, 4.303, 2.042, -2.042]), np.array([2.0, 2.0, 30.0, 30.0])).round(4)
    array([1.  , 0.05, 0.05, 0.05])
    """
    node, weight = _rule()
    start = np.arctan(np.abs(t) / np.sqrt(degrees))
    half = (pi / 2 - start) / 2
    angle = start[:, None] + half[:, None] * (node + 1)
    tail = half * (np.cos(angle) ** (degrees[:, None] - 1) @ weight)
    scale = [2 / sqrt(pi) * _ratio(float(number)) for number in degrees]
    return np.asarray(np.minimum(tail * scale, 1.0))


@cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    node, weight = np.polynomial.legendre.leggauss(_POINTS)
    return np.asarray(node), np.asarray(weight)


def _ratio(degrees: float) -> float:
    """Return Γ((n + 1) / 2) / Γ(n / 2)."""
    return float(np.exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)))
