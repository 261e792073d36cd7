"""What bounds any implementation on this machine, measured: how fast it copies, and how fast it multiplies."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from detbench.timing.clock import timed
from detbench.timing.document import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "SETTINGS",
    "best_ms",
    "bound_ms",
    "host",
    "measure_machine",
    "processor",
    "thread_settings",
    "usable_threads",
]

#: Variables that say to libraries how many threads to use, or which device; they are recorded with every profile.
SETTINGS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
    "KERAS_BACKEND",
    "CUDA_VISIBLE_DEVICES",
)

#: What is copied: at least this, and so many times the last cache, so that no cache holds it; and no more than this.
_LEAST_COPY_BYTES, _CACHES, _MOST_COPY_BYTES = 2**27, 4, 2**29

#: Sides of the matrices that are multiplied: large enough for the best rate, small enough for a slow machine.
_MATRIX_SIDES = (1_024, 2_048)

#: Each rate is the best of at least so many tries, and of as many as fit into this time.
_TRIES, _SECONDS = 4, 0.6


def measure_machine() -> Machine:
    """Measure this machine, in about two seconds; half a gigabyte of memory is used meanwhile, rarely more.

    The rates are bests, not medians: they stand for what nothing can beat, and whatever disturbs only lowers them.
    """
    return replace(
        host(),
        copy_bytes_per_s=_copy_rate(usable_threads()),
        operations_per_s=max(_multiplication_rate(side) for side in _MATRIX_SIDES),
    )


def host() -> Machine:
    """Return what is known of this machine without measuring; its rates are 0."""
    threads = usable_threads()
    cores = os.cpu_count() or threads
    return Machine(cores=cores, threads=threads, blas=_blas(), copy_bytes_per_s=0.0, operations_per_s=0.0)


def usable_threads() -> int:
    """Return how many threads of this process can run at once: the processors that it may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_settings() -> dict[str, str]:
    """Return the variables of :data:`SETTINGS` as they are set."""
    return {name: os.environ.get(name, "not set") for name in SETTINGS}


def processor() -> str:
    """Return the processor's model, as the system names it; empty where it does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        import platform

        return platform.processor()
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(names, "")


def bound_ms(machine: Machine, bytes_moved: int, operations: int) -> float:
    """Return the time in which no implementation can do less than this: the larger of moving and computing.

    Examples
    --------
    >>> machine = Machine(cores=1, threads=1, blas="", copy_bytes_per_s=1e9, operations_per_s=1e9)
    >>> bound_ms(machine, 1_000_000, 2_000_000)
    2.0
    """
    return 1e3 * max(bytes_moved / machine.copy_bytes_per_s, operations / machine.operations_per_s)


def best_ms(function: Callable[[], Any]) -> float:
    """Return the shortest of several calls' times, after one that is not timed."""
    function()
    best, until, tries = np.inf, perf_counter() + _SECONDS, 0
    while tries < _TRIES or perf_counter() < until:
        best = min(best, timed(function)[1])
        tries += 1
    return float(best)


def _copy_rate(threads: int) -> float:
    """Return bytes read and bytes written in a second by copies of a large array, a part a thread."""
    size = min(max(_LEAST_COPY_BYTES, _CACHES * _last_cache_bytes()), _MOST_COPY_BYTES) // threads * threads
    source = np.ones(size, dtype=np.uint8)
    target = np.zeros(size, dtype=np.uint8)  # written by the first copy, which is not timed: its pages are there then
    parts = list(zip(np.split(target, threads), np.split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return 2 * size / best_ms(lambda: list(pool.map(lambda part: np.copyto(*part), parts))) * 1e3


def _last_cache_bytes() -> int:
    """Return the size of the largest cache that a processor sees, 0 where the system does not say."""
    sizes = [0]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text(encoding="ascii").strip()
        if text[:-1].isdigit() and text[-1:] in "KM":
            sizes.append(int(text[:-1]) * {"K": 2**10, "M": 2**20}[text[-1]])
    return max(sizes)


def _multiplication_rate(side: int) -> float:
    """Return multiplications and additions in a second of float32 matrices in NumPy's BLAS."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, side, side), dtype=np.float32)
    product = np.empty_like(a)
    return 2 * side**3 / best_ms(lambda: np.matmul(a, b, out=product)) * 1e3


def _blas() -> str:
    """Return the name and version of NumPy's BLAS."""
    facts: Any = np.show_config(mode="dicts")
    blas = facts.get("Build Dependencies", {}).get("blas", {}) if isinstance(facts, dict) else {}
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
