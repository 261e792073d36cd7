"""The learning rate of a step: a function of the step alone, so that a run goes on from its number."""

from __future__ import annotations

from math import cos, pi
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import OptimizerSettings

__all__ = ["learning_rate"]

#: What the warm-up begins with, as a share of the whole rate (Goyal et al. 2017 begin low and rise in a line).
_WARMUP_FROM = 1e-3


def learning_rate(step: int, settings: OptimizerSettings, steps: int) -> float:
    """Return the learning rate of ``step``, counted from 0, in a run of ``steps``.

    Examples
    --------
    >>> from detbench.detectors.recipes.settings import OptimizerSettings
    >>> settings = OptimizerSettings(learning_rate=0.1, warmup_steps=10, drops_at=(0.5, 0.75), factor=0.1)
    >>> [round(learning_rate(step, settings, 100), 6) for step in (0, 5, 10, 49, 50, 75)]
    [0.0001, 0.05005, 0.1, 0.1, 0.01, 0.001]
    """
    warmup = settings.warmup_steps
    rise = _WARMUP_FROM + (1 - _WARMUP_FROM) * min(step / warmup, 1.0) if warmup else 1.0
    if settings.schedule == "cosine":  # Loshchilov and Hutter 2017, one period
        fall = (1 + cos(pi * step / steps)) / 2
    else:
        fall = settings.factor ** sum(step >= share * steps for share in settings.drops_at)
    return settings.learning_rate * rise * fall
