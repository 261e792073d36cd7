"""Numbers with their intervals and reasons."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Numbers"]


class Numbers(NamedTuple):
    """Numbers for a result's ``metrics``, ``intervals`` and ``reasons``, by name."""

    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]
