"""Who looks on while a model is trained: told of everything, asked for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detbench.detectors.train.logs import StepFacts

__all__ = ["Watch"]


class Watch:
    """One that keeps quiet; the command line's own speaks."""

    def say(self, text: str) -> None:
        """Say a line."""

    def begin(self, first: int, steps: int) -> None:
        """Hear that steps ``first`` to ``steps`` will be made."""

    def step(self, facts: StepFacts) -> None:
        """Hear of a step."""

    def evaluating(self, images: int) -> Callable[[int], None]:
        """Hear that so many images will be looked at; return what is told how many more were."""
        del images
        return lambda _count: None

    def evaluated(self, step: int, metrics: Mapping[str, float | None], *, best: bool) -> None:
        """Hear what the model scores after ``step`` steps, and whether that is the best so far."""
