"""A step of training on each backend: one signature, and nothing that the loop has to know."""

from __future__ import annotations

from detbench.detectors.train.steppers.base import Outcome, Stepper, stepper_for

__all__ = ["Outcome", "Stepper", "stepper_for"]
