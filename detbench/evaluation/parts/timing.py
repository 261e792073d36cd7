"""How long the detector took, as ``detbench predict`` measured it: frames per second and latency quantiles.

What was timed is predicted, not evaluated: this part copies the numbers of ``timing.json`` and where they were taken.
The samples stay in that file, whose SHA-256 is kept.
"""

from __future__ import annotations

from itertools import pairwise
from math import isclose
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import msgspec

from detbench.evaluation.parts.numbers import Numbers
from detbench.files import sha256_of
from detbench.timing.prediction_times import (
    STAGES,
    FramesPerSecond,
    PredictionTimes,
    Stage,
    StageTimes,
    read_prediction_times,
)
from detbench.timing.samples import Quantile, quantile
from detbench.words import unbroken

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SPREAD", "Latency", "Timing", "by_stage", "flaw", "timing"]

Count = Annotated[int, msgspec.Meta(ge=0)]

#: Percent at which the spread of the total is kept.
SPREAD = range(5, 100, 5)

#: Bounds are numbers that were divided and multiplied again.
_ROUNDING = 1e-6


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of a stage's time, milliseconds a picture."""

    p50: Quantile
    p90: Quantile
    p99: Quantile

    def quantiles(self) -> dict[str, Quantile]:
        """Return the quantiles by name, ascending."""
        return {"p50": self.p50, "p90": self.p90, "p99": self.p99}


class Timing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long pictures took.

    Attributes
    ----------
    source, fingerprint
        The file's name and the SHA-256 of its bytes.
    model, adapter, device, processor, threads, clock
        What was timed, where, and with what.
    batch_size, images, samples, warm_up, samples_left_out
        Pictures a batch; pictures and full batches that were timed; batches before them, and those that were not full.
    fps
        One over the median of ``total``.
    stages
        ``decode``, ``pre_processing``, ``forward``, ``post_processing`` and their sum ``total``.
    spread_ms
        The total's quantiles from 5 % to 95 % in steps of 5 %: how its samples are spread. Empty, and not written, in
        results of versions that did not keep it.
    """

    source: str
    fingerprint: str
    model: str
    adapter: str
    device: str
    processor: str
    threads: Count
    clock: str
    batch_size: Count
    images: Count
    samples: Count
    warm_up: Count
    samples_left_out: Count
    fps: FramesPerSecond
    stages: dict[Stage, Latency]
    spread_ms: tuple[float, ...] = ()


def timing(path: Path) -> Timing:
    """Read the timing file at ``path``. Raises DataError."""
    times = read_prediction_times(path)
    return Timing(
        source=unbroken(path.name),
        fingerprint=sha256_of(path),
        model=unbroken(PurePath(times.model).name),  # a result holds no path
        adapter=unbroken(times.adapter),
        device=unbroken(times.device),
        processor=unbroken(times.processor),
        threads=times.threads,
        clock=unbroken(times.clock),
        batch_size=times.batch_size,
        images=times.images,
        samples=len(times.stages["total"].samples_ms),
        warm_up=times.warm_up,
        samples_left_out=times.samples_left_out,
        fps=times.fps,
        stages={stage: _latency(times, stage) for stage in STAGES},
        spread_ms=tuple(quantile(times.stages["total"].samples_ms, q / 100).value_ms for q in SPREAD),
    )


def _latency(times: PredictionTimes, stage: Stage) -> Latency:
    found: StageTimes = times.stages[stage]
    return Latency(p50=found.p50, p90=found.p90, p99=found.p99)


def by_stage(part: Timing) -> list[tuple[str, Numbers]]:
    """Return ``FPS``, and ``latency_ms/p50`` and so on of the total and of each stage, for a flat table."""
    overall = Numbers({"FPS": part.fps.value}, _interval("FPS", part.fps.low, part.fps.high), {})
    found = [("", overall)]
    for stage, latency in part.stages.items():
        quantiles = latency.quantiles()
        intervals: dict[str, tuple[float, float]] = {}
        for name, of in quantiles.items():
            intervals |= _interval(name, of.low_ms, of.high_ms)
        prefix = "latency_ms/" if stage == "total" else f"latency_ms/{stage}/"
        found.append((prefix, Numbers({name: of.value_ms for name, of in quantiles.items()}, intervals, {})))
    return found


def _interval(name: str, low: float | None, high: float | None) -> dict[str, tuple[float, float]]:
    return {} if low is None or high is None else {name: (low, high)}


def flaw(part: Timing) -> str:
    """Return what in the part cannot be, in words, or nothing."""
    if missing := [stage for stage in STAGES if stage not in part.stages]:
        return f"its timing has no times of {missing[0]}"
    for stage, latency in part.stages.items():
        quantiles = list(latency.quantiles().values())
        values = [of.value_ms for of in quantiles]
        if values[0] < 0 or any(one > two for one, two in pairwise(values)):
            return f"the times of {stage} do not ascend from 0"
        if not all(_encloses(of.low_ms, of.value_ms, of.high_ms) for of in quantiles):
            return f"an interval of the times of {stage} does not hold its number"
    if not _is_spread(part):
        return "the spread of its times is not that of their total"
    median_ms = part.stages["total"].p50.value_ms
    if abs(part.fps.value * max(median_ms, _LEAST_MS) - 1e3) > 1e3 * _ROUNDING:
        return "its frames per second are not one over the median total"
    whole = _encloses(part.fps.low, part.fps.value, part.fps.high)
    return "" if whole else "the interval of its frames per second does not hold them"


def _is_spread(part: Timing) -> bool:
    """Return whether the spread, if there is one, ascends from 0 through the median and p90 to p99 of the total."""
    if not part.spread_ms:
        return True
    total, spread = part.stages["total"], dict(zip(SPREAD, part.spread_ms, strict=False))
    if len(part.spread_ms) != len(SPREAD):
        return False
    ends = [0.0, *part.spread_ms, total.p99.value_ms]
    ascends = all(one <= two * (1 + _ROUNDING) + _LEAST_MS for one, two in pairwise(ends))
    alike = ((spread[50], total.p50.value_ms), (spread[90], total.p90.value_ms))
    return ascends and all(isclose(one, two, rel_tol=_ROUNDING, abs_tol=_LEAST_MS) for one, two in alike)


#: The clock counts nanoseconds.
_LEAST_MS = 1e-6


def _encloses(low: float | None, value: float, high: float | None) -> bool:
    room = abs(value) * _ROUNDING
    return (low is None or low <= value + room) and (high is None or value - room <= high)
