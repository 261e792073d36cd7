"""How long a detector took, as text: read by the page and by the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.terminal import plain_table, plain_text
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from detbench.evaluation.parts.timing import Timing

__all__ = ["StageRow", "device_in_words", "few_samples", "frames", "tables", "timing_rows", "what_was_timed"]

_WHOLE_FROM, _TENTHS_FROM = 100, 10

#: Of fewer samples none is expected beyond p99.
_ENOUGH_FOR_P99 = 100


class StageRow(NamedTuple):
    """A stage's quantiles in milliseconds a picture, and the interval of its median or nothing."""

    stage: str
    p50: str
    interval: str
    p90: str
    p99: str


def frames(part: Timing) -> str:
    """Return the frames per second with their interval, as a clause."""
    return f"{_number(part.fps.value)} frames per second{_between(part.fps.low, part.fps.high, before=' ')}"


def device_in_words(device: str) -> str:
    """Return a device as it is said after "on": a function of the user's runs wherever it likes."""
    return "a device of its own" if device == "its own" else device


def what_was_timed(part: Timing) -> str:
    """Return what was timed, where, and how, as a sentence."""
    where = f"{device_in_words(part.device)} ({part.processor}, {counted(part.threads, 'thread')})"
    samples = f"{counted(part.images, 'picture')} in {counted(part.samples, 'batch', 'batches')} of {part.batch_size:,}"
    adapter = f" through {part.adapter}" if part.adapter else ""
    return f"{part.model}{adapter} on {where}: {samples}, after {counted(part.warm_up, 'batch', 'batches')} of warm-up."


def few_samples(samples: int) -> str:
    """Return what to know of a p99 of so few samples, in a sentence; empty of 100 or more.

    Examples
    --------
    >>> few_samples(30), few_samples(100)
    ('Of 30 samples: p99 is little more than the largest of them.', '')
    """
    if samples >= _ENOUGH_FOR_P99:
        return ""
    return f"Of {counted(samples, 'sample')}: p99 is little more than the largest of them."


def timing_rows(part: Timing) -> list[StageRow]:
    """Return a row a stage, in the order in which they happen; the last is their sum."""
    return [
        StageRow(
            stage.replace("_", "-"),
            _number(of.p50.value_ms),
            _between(of.p50.low_ms, of.p50.high_ms),
            _number(of.p90.value_ms),
            _number(of.p99.value_ms),
        )
        for stage, of in part.stages.items()
    ]


def tables(part: Timing) -> Iterator[RenderableType]:
    """Yield a sentence and a table of the stages."""
    yield plain_text(f"{frames(part)}: {what_was_timed(part)}")
    table = plain_table()
    table.add_column("milliseconds a picture")
    for head in ("median", "interval", "p90", "p99"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in timing_rows(part):
        table.add_row(*map(plain_text, row))
    yield table


def _between(low: float | None, high: float | None, *, before: str = "") -> str:
    return "" if low is None or high is None else f"{before}[{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    """Return a time, or frames per second, with the digits that a person reads."""
    if value >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _TENTHS_FROM else f"{value:.2f}"
