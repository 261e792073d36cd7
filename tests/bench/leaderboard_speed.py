"""How long 200 submissions take from their cached results to a leaderboard: ``detbench leaderboard``, and its parts.

``python tests/bench/leaderboard_speed.py [--set coco] [--submissions 200] [--rounds 3] [--write docs/benchmarks.md]``
draws a set (see ``detection_set.py``), evaluates its predictions once, and makes run folders of that result: each has
the numbers, curves and draws of a detector that is somewhat worse, so that some are tied and most are not. Then it
measures whole processes: the command, and, for what it is made of, reading the runs and ranking them alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import Run, drawn, machine, median, median_and_range, run, write_section

_HERE = Path(__file__).parent

#: What a leaderboard of 200 may take: seconds, and megabytes of the page.
_MOST_S = 60.0
_MOST_MB = 3.0

_RANK = """
import sys
from pathlib import Path
from typing import Any
from detbench.evaluation.runs import written_run
from detbench.evaluation.standings.rank import standings
found, _ = standings([written_run(folder) for folder in sorted(Path(sys.argv[1]).iterdir())])
print(len(found.of("ranked")), sum(entry.tied_with_leader for entry in found.entries))
"""


def make(base: Path, folder: Path, count: int) -> None:
    """Write ``count`` run folders like ``base``; run in a process of its own, which may be large."""
    import msgspec
    import numpy as np

    from detbench import Result
    from detbench.evaluation.drawn_file import DRAWS, read_drawn, write_drawn

    result = Result.load(base / "result.json").document
    draws = read_drawn(base / DRAWS, result)
    categories = {name: np.array(values) for name, values in draws.per_category.items()}
    for number in range(count):
        generator = np.random.default_rng(number)
        worse = 1 - 0.3 * number / count
        own = msgspec.structs.replace(
            _scaled(result, worse),
            name=f"submission {number:03d}",
            predictions=msgspec.structs.replace(result.predictions, fingerprint=f"{number:064x}"),
            per_category=[_scaled(category, worse) for category in result.per_category],
            curves=msgspec.structs.replace(
                result.curves,
                mean={iou: _times(curve, worse) for iou, curve in result.curves.mean.items()},
                by_category=[curve and _times(curve, worse) for curve in result.curves.by_category],
            ),
        )
        # A resample moves a model by some 0.003 on its own; the jackknife's values move √64 times less.
        spread = np.where(np.arange(len(next(iter(draws.metrics.values())))) < draws.resamples, 0.003, 0.0004)
        noise = generator.normal(size=(len(draws.metrics), len(spread))) * spread
        metrics = {
            name: worse * values + moved for (name, values), moved in zip(draws.metrics.items(), noise, strict=True)
        }
        per_category = {name: worse * values for name, values in categories.items()}
        place = folder / f"{number:03d}"
        place.mkdir()
        Result(own).save(place / "result.json")
        write_drawn(place / DRAWS, own, replace(draws, metrics=metrics, per_category=per_category))


def _scaled(numbers: Any, factor: float) -> Any:
    import msgspec

    return msgspec.structs.replace(
        numbers,
        metrics={name: None if value is None else value * factor for name, value in numbers.metrics.items()},
        intervals={name: (low * factor, high * factor) for name, (low, high) in numbers.intervals.items()},
    )


def _times(curve: list[float], factor: float) -> list[float]:
    return [round(value * factor, 6) for value in curve]


def prepare(folder: Path, name: str, count: int) -> Path:
    """Return the folder of submissions, made where that has not been done."""

    def draw_set(place: Path) -> None:
        run([sys.executable, str(_HERE / "detection_set.py"), name, str(place)])

    def draw_runs(place: Path) -> None:
        files = drawn(folder, _HERE / "detection_set.py", name, draw_set)
        base = place.parent / f"{place.name}.base"
        shutil.rmtree(base, ignore_errors=True)
        evaluate = ["eval", str(files / "gt.json"), str(files / "dt.json"), "--errors", "-o", str(base)]
        run([sys.executable, "-P", "-m", "detbench", *evaluate])
        run([sys.executable, __file__, "--make", str(base), str(place), "--submissions", str(count)])

    return drawn(folder, Path(__file__), f"{name}-{count}", draw_runs)


def measure(command: list[str], rounds: int) -> list[Run]:
    """Run a command so often and once before, which warms the page cache; with a new folder for OUT each time."""
    runs = []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as out:
            runs.append(run([part.replace("OUT", out) for part in command]))
            page = Path(out) / "board" / "index.html"
            if page.exists():
                runs[-1] = replace(runs[-1], output=str(page.stat().st_size))
    return runs[1:]


def report(name: str, count: int, measured: dict[str, list[Run]], command: str) -> str:
    """Return the section of the page."""
    lines = [
        "## Leaderboard",
        "",
        f"{count} submissions on the set `{name}`, from cached results to the page; {machine()};",
        f"medians, range in brackets, page cache warm. Load average at the end: {os.getloadavg()[0]:.1f}.",
        "",
        f"```\n{command}\n```",
        "",
        "| what | runs | wall, s | CPU, s | peak MiB |",
        "|---|---|---|---|---|",
    ]
    for title, runs in measured.items():
        wall, cpu_s = median_and_range([one.wall_s for one in runs]), median([one.cpu_s for one in runs])
        peak_mib = median([one.peak_mib for one in runs])
        lines.append(f"| {title} | {len(runs)} | {wall} | {cpu_s:.2f} | {peak_mib:,.0f} |")
    whole = next(iter(measured.values()))
    rows = [("the command, s", median([one.wall_s for one in whole]), _MOST_S)]
    if whole[-1].output.isdecimal():
        rows.append(("the page, MB", int(whole[-1].output) / 1e6, _MOST_MB))
    lines += ["", "| | measured | at most |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value:.3g} | {most:g} |" for what, value, most in rows)])


def main() -> None:
    """Make the submissions, measure, and print the section or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="coco", choices=["small", "coco"])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "detbench-leaderboard-speed")
    parser.add_argument("--make", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(*options.make, options.submissions)
        return
    runs = prepare(options.folder, options.set, options.submissions)
    leaderboard = [sys.executable, "-P", "-m", "detbench", "leaderboard", str(runs), "-o", "OUT/board"]
    measured = {
        "`detbench leaderboard`": measure(leaderboard, options.rounds),
        "reading the runs and ranking them": measure([sys.executable, "-P", "-c", _RANK, str(runs)], options.rounds),
    }
    command = f"python tests/bench/leaderboard_speed.py --set {options.set} --submissions {options.submissions}"
    section = report(options.set, options.submissions, measured, command)
    print(section)  # noqa: T201  the result
    if options.write:
        write_section(options.write, "leaderboard", section)


if __name__ == "__main__":
    main()
