"""What a person sees while a model is trained: a bar on a terminal, a line now and then in a pipe."""

from __future__ import annotations

from contextlib import ExitStack
from shutil import get_terminal_size
from time import perf_counter
from typing import TYPE_CHECKING

from detbench.cli.console import Bar, progress, say
from detbench.detectors.train.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detbench.detectors.train.logs import StepFacts

__all__ = ["TrainingWatch"]

#: Lines in a pipe over a whole run, evaluations aside; and how often a terminal's bar is written anew, at the most.
_LINES = 20
_EVERY_S = 0.5

#: Columns that a bar with every loss takes.
_WIDE = 125

#: How much a step counts in the mean speed that is shown.
_NEWEST = 0.1


class TrainingWatch(Watch):
    """Tells of losses, images per second and the time that is left, on standard error.

    Parameters
    ----------
    terminal
        Whether there is one: a bar that is redrawn is nothing for a file.
    metric
        What the best weights are chosen by.
    """

    def __init__(self, metric: str, *, terminal: bool) -> None:
        self._metric, self._terminal = metric, terminal
        self._bars = ExitStack()
        self._bar = Bar()
        self._steps, self._line_every, self._seconds_a_step, self._shown_at = 0, 1, 0.0, 0.0
        self._compiled = False
        self._last = perf_counter()

    def close(self) -> None:
        """Remove the bar."""
        self._bars.close()

    def say(self, text: str) -> None:
        """Say a line."""
        say(text)

    def begin(self, first: int, steps: int) -> None:
        """Show a bar, or say where it begins."""
        self._steps, self._line_every = steps, max(round(steps / _LINES), 1)
        self._last = perf_counter()
        if self._terminal:
            self._bar = self._bars.enter_context(progress("first step", steps, "steps"))
            self._bar(first)
        else:
            say(f"training from step {first:,} to {steps:,}")

    def step(self, facts: StepFacts) -> None:
        """Count it, and say from time to time how it goes."""
        now = perf_counter()
        took, self._last = now - self._last, now
        if self._compiled:  # the first step compiles, and tells nothing of the others
            before = self._seconds_a_step or took
            self._seconds_a_step = (1 - _NEWEST) * before + _NEWEST * took
        else:
            say(f"the loss is {' + '.join(facts.losses)}")
        self._compiled = True
        if facts.step % self._line_every == 0 and not self._terminal:
            left = (self._steps - facts.step) * self._seconds_a_step
            say(f"step {facts.step:,} of {self._steps:,}: {_loss(facts)}" + (f", {_clock(left)} left" if left else ""))
        self._bar(1)
        if now - self._shown_at > _EVERY_S:
            wide = get_terminal_size().columns >= _WIDE
            self._bar.describe(_loss(facts) if wide else f"loss {facts.total:.3f}, {facts.images_per_s:.3g}/s")
            self._shown_at = now

    def evaluating(self, images: int) -> Callable[[int], None]:
        """Count pictures that are looked at, on a terminal."""
        seen = 0

        def advance(count: int) -> None:
            nonlocal seen
            seen += count
            self._bar.describe(f"evaluating, {seen:,} of {images:,} images")

        return advance

    def evaluated(self, step: int, metrics: Mapping[str, float | None], *, best: bool) -> None:
        """Say the score."""
        value = metrics[self._metric]
        shown = "undefined" if value is None else f"{value:.4f}"
        say(f"step {step:,}: {self._metric} {shown}{', the best so far' if best else ''}")
        self._last = perf_counter()  # an evaluation is no step's time


def _loss(facts: StepFacts) -> str:
    parts = " + ".join(f"{loss:.3f}" for loss in facts.losses.values())
    return f"loss {facts.total:.3f} = {parts}, {facts.images_per_s:.3g} images/s"


def _clock(seconds: float) -> str:
    """Return a length of time as a person says it.

    Examples
    --------
    >>> _clock(59.6), _clock(3700)
    ('1:00', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
