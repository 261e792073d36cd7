"""The learning rate is a function of the step."""

from __future__ import annotations

import pytest

from detbench.detectors.recipes.settings import OptimizerSettings
from detbench.detectors.train.schedule import learning_rate


def test_it_rises_then_drops_at_shares_of_the_run() -> None:
    """A straight line from a thousandth, then a factor at each drop."""
    settings = OptimizerSettings(learning_rate=1.0, warmup_steps=10, drops_at=(0.5, 0.8), factor=0.1)
    rates = [learning_rate(step, settings, 100) for step in (0, 1, 10, 49, 50, 79, 80, 99)]
    assert rates == pytest.approx([1e-3, 1e-3 + 0.0999, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_cosine_ends_at_nothing() -> None:
    """Half at the middle of the run, next to nothing at the last step."""
    settings = OptimizerSettings(learning_rate=1.0, warmup_steps=0, schedule="cosine")
    assert learning_rate(0, settings, 1000) == 1.0
    assert learning_rate(500, settings, 1000) == pytest.approx(0.5)
    assert learning_rate(999, settings, 1000) < 1e-5


def test_no_warm_up_begins_with_the_whole_rate() -> None:
    """warmup_steps = 0 does not divide by it."""
    assert learning_rate(0, OptimizerSettings(learning_rate=0.3, warmup_steps=0), 10) == 0.3
