"""Numbers in text files: read strictly, written so that they read back the same."""

from __future__ import annotations

import math

__all__ = ["LARGEST_PX", "is_coordinate", "number", "number_text"]

#: No picture reaches so far; sums and areas of what is smaller are finite, and whole numbers exact.
LARGEST_PX = 1e15


def number(text: str) -> float:
    """Return the number that ``text`` is; NaN and infinities are numbers here, for the caller to report.

    Raises
    ------
    ValueError
        If it is none, with a clause that quotes it. ``1_000`` is none, though Python takes it for one.

    Examples
    --------
    >>> number(" 12.5 ")
    12.5
    """
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    shown = text.strip()
    raise ValueError(f"{shown[:40]!r} is not a number" if shown else "a number is missing")


def is_coordinate(value: float) -> bool:
    """Return whether a number can be one of a box: not NaN, not an infinity, nor as good as one.

    Examples
    --------
    >>> is_coordinate(-3.5), is_coordinate(1e300), is_coordinate(float("nan"))
    (True, False, False)
    """
    return abs(value) <= LARGEST_PX


def number_text(value: float) -> str:
    """Return the shortest text that reads back as ``value``; without a point if it is a whole number.

    Examples
    --------
    >>> number_text(12.0), number_text(0.1)
    ('12', '0.1')
    """
    plain = float(value)
    largest_exact = 2**53
    return (
        str(int(plain)) if math.isfinite(plain) and abs(plain) < largest_exact and plain.is_integer() else repr(plain)
    )
