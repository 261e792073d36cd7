"""How fast the input is, beside what bounds it: whole processes, interleaved, medians.

``python tests/bench/input_speed.py [--images 400] [--rounds 5] [--write docs/benchmarks.md]`` draws JPEGs of 640 × 480
and about 100 kB with ten boxes each, converts them to records, and measures, turn about, for three recipes' sizes: both
readers, each in a process of its own on all cores, after a warm-up; decoding alone with simplejpeg on all cores; and
what is Python's alone: order, plan and boxes of a picture, on one core. A worker prints its
images per second, and the milliseconds of all cores that one took: those hold while other work is on the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from convert_speed import draw
from harness import Failed, drawn, machine, median, median_and_range, run, write_section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detbench.detectors.input import TrainingInput

_BATCH = 8
_TITLES = {
    "crop": "a crop of 240 × 320, 0.75 to 1.33 of the stored size (as for counting from above)",
    "small": "scaled to 320 × 416 (as for small pictures on a CPU)",
    "coco": "scaled to 800 × 1,067, on a canvas of 800 × 1,333 (as for COCO)",
}
_WAYS = {"plain": "plain reader", "tfdata": "tf.data reader", "plan": "order, plan and boxes alone, one core"}


def _source(folder: Path, case: str) -> TrainingInput:
    """Return the input of one of the cases."""
    import detbench
    from detbench.detectors.input import TrainingInput
    from detbench.detectors.recipes.settings import InputSettings

    settings = {
        "crop": InputSettings(
            train_canvas_px=(240, 320), test_canvas_px=(480, 640), scale=(0.75, 1.33), flip_vertical=0.5
        ),
        "small": InputSettings(train_canvas_px=(320, 416), test_canvas_px=(320, 416), scale=(0.8, 1.25)),
        "coco": InputSettings(
            train_canvas_px=(800, 1333), test_canvas_px=(800, 1333), short_side_px=800, long_side_px=1333
        ),
    }
    return TrainingInput(detbench.read_dataset(folder), settings[case], batch_size=_BATCH, seed=0)


def _rates(items: Iterable[object], count: int, each: int) -> tuple[float, float]:
    """Return images a second, and milliseconds of all cores an image, of ``count`` items of ``each`` images."""
    begun, used = time.perf_counter(), time.process_time()
    for _ in islice(items, count):
        pass
    images = count * each
    return images / (time.perf_counter() - begun), (time.process_time() - used) * 1e3 / images


def work(what: str, folder: Path, images: int) -> None:
    """Measure one thing, once, and print its images per second and its milliseconds of a core an image."""
    if what == "decode":
        from concurrent.futures import ThreadPoolExecutor

        import simplejpeg

        files = [file.read_bytes() for file in sorted((folder / "coco" / "images").iterdir())]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rates = _rates(pool.map(lambda data: simplejpeg.decode_jpeg(data).shape, files), len(files), 1)
    else:
        way, case = what.split("-")
        source = _source(folder / "records", case)
        if way == "plan":
            rates = _rates(map(source.examples.at, range(images)), images, 1)
        else:
            batches = source.batches(reader=way)  # type: ignore[arg-type]
            for _ in range(6):  # threads, a graph, and the batches that are ready in advance
                next(batches)
            rates = _rates(batches, images // _BATCH, _BATCH)
            batches.close()  # type: ignore[attr-defined]
    print(*rates)  # noqa: T201  the parent reads it


def _draw(folder: Path, images: int) -> None:
    """Draw the set and convert it."""
    import detbench

    (folder / "coco").mkdir()
    draw(folder / "coco", images)
    detbench.convert(folder / "coco", folder / "records")


def report(measured: dict[str, list[tuple[float, float]]], images: int, command: str) -> str:
    """Return the section of the page."""
    used = {task: median([ms for _, ms in runs]) for task, runs in measured.items()}
    lines = [
        "## Training input",
        "",
        f"{images:,} JPEGs of 640 × 480, about 100 kB each, ten boxes each, from records; {machine()};",
        f"median of {len(measured['decode'])} interleaved runs, range in brackets; page cache warm.",
        f"Batches of {_BATCH}, taken as fast as they come. Load average at the end:",
        f"{os.getloadavg()[0]:.1f}; images/s fall with other work on the machine, milliseconds of a core hardly do.",
        "",
        f"```\n{command}\n```",
        "",
        "| what | images/s | core ms an image | decoding alone / this |",
        "|---|---|---|---|",
    ]
    titles = {"decode": "simplejpeg alone: every picture to RGB, all cores"}
    titles |= {f"{way}-{case}": f"{title}: {name}" for case, title in _TITLES.items() for way, name in _WAYS.items()}
    for task, title in titles.items():
        rates = median_and_range([rate for rate, _ in measured[task]])
        lines.append(f"| {title} | {rates} | {used[task]:.2f} | {used['decode'] / used[task]:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Draw the set, measure in turns, and print the section or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "detbench-input-speed")
    parser.add_argument("--work")
    options = parser.parse_args()
    if options.work == "draw":
        _draw(options.folder, options.images)
        return
    if options.work:
        work(options.work, options.folder, options.images)
        return

    def draw_apart(place: Path) -> None:
        """Draw in a process of its own, as NumPy must not be imported here."""
        run([sys.executable, __file__, "--work", "draw", "--folder", str(place), "--images", str(options.images)])

    folder = drawn(options.folder, Path(__file__), str(options.images), draw_apart)
    tasks = ["decode", *(f"{way}-{case}" for case in _TITLES for way in _WAYS)]
    measured: dict[str, list[tuple[float, float]]] = {task: [] for task in tasks}
    for _ in range(options.rounds):
        for task, runs in measured.items():
            command = [
                sys.executable,
                __file__,
                "--work",
                task,
                "--folder",
                str(folder),
                "--images",
                str(options.images),
            ]
            try:
                rate, used = run(command).output.split()
                runs.append((float(rate), float(used)))
            except Failed as error:
                sys.exit(f"{task} failed: {error}")
    command = f"python tests/bench/input_speed.py --images {options.images} --rounds {options.rounds}"
    section = report(measured, options.images, command)
    print(section)  # noqa: T201  the result
    if options.write:
        write_section(options.write, "training-input", section)


if __name__ == "__main__":
    main()
