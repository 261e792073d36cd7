"""How long a detector took over pictures: raw samples of every stage, their quantiles, and the frames per second.

A sample is one batch. Its times are divided by the pictures in it, so that all are milliseconds a picture. The schema
is documented in ``docs/reference/timing.md``.
"""

from __future__ import annotations

from math import isclose, isfinite
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from detbench.documents import decode_document
from detbench.errors import DataError
from detbench.files import read_bytes
from detbench.timing.samples import Quantile, quantile
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "SCHEMA",
    "STAGES",
    "TIMING",
    "FramesPerSecond",
    "PredictionTimes",
    "Stage",
    "StageTimes",
    "frames_per_second",
    "read_prediction_times",
    "stage_times",
]

SCHEMA = "detbench.timing/1"

#: What the document is called in its folder.
TIMING = "timing.json"

Stage = Literal["decode", "pre_processing", "forward", "post_processing", "total"]

#: In the order in which they happen; the last is the sum of the others.
STAGES: tuple[Stage, ...] = ("decode", "pre_processing", "forward", "post_processing", "total")


_Count = Annotated[int, msgspec.Meta(ge=0)]
_AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class StageTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage's times in milliseconds a picture: three quantiles with their intervals, and what they are of."""

    p50: Quantile
    p90: Quantile
    p99: Quantile
    samples_ms: tuple[float, ...]


class FramesPerSecond(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One over the median total; ``low`` and ``high`` enclose the true one in 95 % of runs, None below 6 samples."""

    value: float
    low: float | None
    high: float | None


class PredictionTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of ``detbench predict`` took.

    Attributes
    ----------
    model, adapter
        What was run, as the user named it, and what was put before it.
    device, processor, threads, thread_settings
        Where it ran; threads are those that the process may use.
    clock
        What the times were taken with.
    batch_size, images, warm_up
        Pictures a batch; pictures that the samples are of; batches that were run before and are not in the samples.
    samples_left_out
        Batches that were not full, at the end: their times cannot be compared with the others'.
    """

    schema: str = SCHEMA
    detbench: str
    environment: dict[str, str]
    model: str
    adapter: str
    device: str
    processor: str
    threads: _AtLeastOne
    thread_settings: dict[str, str]
    clock: str
    batch_size: _AtLeastOne
    images: _AtLeastOne
    warm_up: _Count
    samples_left_out: _Count
    fps: FramesPerSecond
    stages: dict[Stage, StageTimes]


def stage_times(samples_ms: Mapping[Stage, Sequence[float]]) -> dict[Stage, StageTimes]:
    """Return every stage's times from samples of all but the total, which is summed.

    Raises
    ------
    ValueError
        If there is no sample, or not as many of each stage.

    Examples
    --------
    >>> parts = {"decode": [1.0], "pre_processing": [2.0], "forward": [4.0], "post_processing": [1.0]}
    >>> stage_times(parts)["total"].p50.value_ms
    8.0
    """
    parts = [list(samples_ms[stage]) for stage in STAGES[:-1]]
    total = [sum(of_one) for of_one in zip(*parts, strict=True)]
    return {stage: _summed_up(taken) for stage, taken in zip(STAGES, [*parts, total], strict=True)}


def frames_per_second(total: StageTimes) -> FramesPerSecond:
    """Return one over the median of the total, and the bounds of the median turned round."""
    low_ms, high_ms = total.p50.low_ms, total.p50.high_ms
    return FramesPerSecond(
        value=_per_second(total.p50.value_ms),
        low=None if high_ms is None else _per_second(high_ms),
        high=None if low_ms is None else _per_second(low_ms),
    )


def read_prediction_times(path: Path) -> PredictionTimes:
    """Return the times in a file, or in ``timing.json`` of a folder.

    Raises
    ------
    DataError
        If the file cannot be read, is no such document, or its quantiles are not those of its samples.
    """
    file = path / TIMING if path.is_dir() else path
    times = decode_document(
        read_bytes(file), PredictionTimes, schema=SCHEMA, what="a timing of a prediction", file=file, remedy=_REMEDY
    )
    if problem := _contradiction(times):
        raise DataError(problem, file=file, remedy=_REMEDY)
    return times


_REMEDY = "give the timing.json that detbench predict wrote"


def _summed_up(samples_ms: Sequence[float]) -> StageTimes:
    p50, p90, p99 = (quantile(samples_ms, q) for q in (0.5, 0.9, 0.99))
    return StageTimes(p50=p50, p90=p90, p99=p99, samples_ms=tuple(samples_ms))


def _per_second(value_ms: float) -> float:
    return 1e3 / max(value_ms, 1e-6)  # the clock counts nanoseconds


def _contradiction(times: PredictionTimes) -> str:
    """Return what in the document cannot be, as a clause; nothing if all of it can."""
    if missing := [stage for stage in STAGES if stage not in times.stages]:
        return f"has no times of {missing[0]}"
    samples = {stage: times.stages[stage].samples_ms for stage in STAGES}
    if problem := _no_times(samples):
        return problem
    if times.images != times.batch_size * len(samples["total"]):
        batches = counted(len(samples["total"]), "batch", "batches")
        return f"{batches} of {times.batch_size:,} are not {counted(times.images, 'image')}"
    made = stage_times({stage: samples[stage] for stage in STAGES[:-1]})
    if not all(_close(one, two) for one, two in zip(samples["total"], made["total"].samples_ms, strict=True)):
        return "its totals are not the sums of its stages"
    for stage in STAGES:
        for name in ("p50", "p90", "p99"):
            if not _same(getattr(times.stages[stage], name), getattr(made[stage], name)):
                return f"the {name} of {stage} is not that of its samples"
    right = _close(times.fps.value, frames_per_second(made["total"]).value)
    return "" if right else "its frames per second are not one over the median total"


def _no_times(samples_ms: Mapping[Stage, Sequence[float]]) -> str:
    """Return what is wrong with the samples themselves, as a clause."""
    for stage, taken in samples_ms.items():
        if not taken:
            return f"has no samples of {stage}"
        if not all(isfinite(one) and one >= 0 for one in taken):
            return f"the samples of {stage} are not all times"
    if len({len(taken) for taken in samples_ms.values()}) > 1:
        return "has more samples of one stage than of another"
    return ""


def _same(one: Quantile, two: Quantile) -> bool:
    return all(_close(getattr(one, name), getattr(two, name)) for name in ("value_ms", "low_ms", "high_ms"))


def _close(one: float | None, two: float | None) -> bool:
    return one is two if one is None or two is None else isclose(one, two, rel_tol=1e-9, abs_tol=1e-12)
