"""What the measurements of whole processes share: running one, drawing a set once, and a section of a page.

A measuring script must not import NumPy or anything as large: on Linux a process starts with the peak memory of the
one that started it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Failed", "Run", "drawn", "machine", "median", "median_and_range", "read_section", "run", "write_section"]


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took, from its start to its end, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


class Failed(Exception):  # noqa: N818  a process failed, which may be a result
    """A measured process ended with an error; the text is the last line it wrote."""


def run(command: Sequence[str]) -> Run:
    """Run a process, to its end, and measure it. Raises Failed if it ends with an error."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, stderr=complaints)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output, said = (_text(file) for file in (printed, complaints))
    if process.returncode:
        last = (said.strip() or "it said nothing").splitlines()[-1]
        raise Failed(f"exit status {process.returncode}: {last[:200]}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, output)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def drawn(folder: Path, source: Path, name: str, draw: Callable[[Path], None]) -> Path:
    """Return the folder that ``draw`` filled, now or before: it is named after the source of what draws it."""
    place = folder / hashlib.sha256(source.read_bytes()).hexdigest()[:8] / name
    if not place.exists():
        aside = place.with_name(place.name + ".part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        draw(aside)
        aside.rename(place)
    return place


def machine() -> str:
    """Return what was measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def median_and_range(values: Sequence[float]) -> str:
    """Return the median, and the range in brackets where there is more than one value."""
    middle = f"{median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}–{max(values):.2f})"


def read_section(page: Path, name: str) -> str:
    """Return what a page has between the marks of a section; nothing where there is no such section."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    _, _, after = text.partition(f"<!-- {name}: begin -->\n")
    return after.partition(f"\n<!-- {name}: end -->")[0]


def write_section(page: Path, name: str, section: str) -> None:
    """Put a section into a page between the marks of its name, in place of the one that was there."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    marked = f"{begin}\n{section.strip()}\n{end}"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: marked, text) if pattern.search(text) else f"{text.rstrip()}\n\n{marked}\n"
    page.write_text(new, encoding="utf-8")
