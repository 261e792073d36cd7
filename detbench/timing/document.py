"""A profile as it is written: raw samples, what each implementation answered, and what the machine can do.

The schema is documented in ``docs/reference/profile.md``. What can be computed from the samples (quantiles, their
intervals, ratios) is not written: :mod:`detbench.timing.samples` computes it whenever it is read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

__all__ = ["SCHEMA", "Counterexample", "Machine", "Measurement", "Profile", "TimedCase"]

SCHEMA = "detbench.profile/1"

#: ``refused``: it answered otherwise than the oracle. ``absent``: what it needs is not installed. ``unsupported``: it
#: cannot run this case, or not on this device. ``skipped``: at this size it would take longer than was allowed.
Status = Literal["timed", "refused", "absent", "unsupported", "skipped"]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds any implementation here, measured in the same run.

    ``copy_bytes_per_s`` counts bytes read and bytes written of a large copy on all threads; ``operations_per_s`` is
    that of float32 matrix multiplication by NumPy's BLAS.
    """

    cores: int
    threads: int
    blas: str
    copy_bytes_per_s: float
    operations_per_s: float


class TimedCase(msgspec.Struct, frozen=True, kw_only=True):
    """An input that was timed: where it stands in a plot, and its counted work.

    ``bound_ms`` is the larger of bytes over copy bandwidth and operations over operation rate; ``beyond`` says in a
    clause why an implementation may take several times as long.
    """

    operator: str
    group: str
    name: str
    series: str
    size: int
    settings: dict[str, Any]
    shapes: dict[str, list[int]]
    bytes_moved: int
    operations: int
    counts: str
    bound_ms: float
    beyond: str = ""


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The first case that was answered otherwise, made small: arrays as nested lists, by name."""

    case: str
    problem: str
    hint: str
    inputs: dict[str, Any]
    settings: dict[str, Any]
    expected: Any
    got: Any


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One implementation on one case. Times are milliseconds, None where there was nothing to measure.

    ``error`` is the largest deviation from the reference on this very input, in ``error_unit``. ``samples_ms`` are the
    times of single calls in the order they were taken, after the warm-up; ``first_call_ms`` is the first call after
    compiling.
    """

    operator: str
    case: str
    implementation: str
    device: str
    status: Status
    reason: str = ""
    counterexample: Counterexample | None = None
    differs: dict[str, str] = {}
    error: float | None = None
    error_unit: str = ""
    send_ms: float | None = None
    compile_ms: float | None = None
    first_call_ms: float | None = None
    fetch_ms: float | None = None
    samples_ms: list[Annotated[float, msgspec.Meta(ge=0)]] = []


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``detbench profile``."""

    schema: str = SCHEMA
    detbench: str
    environment: dict[str, str]
    machine: Machine
    options: dict[str, Any]
    cases: list[TimedCase]
    measurements: list[Measurement]
