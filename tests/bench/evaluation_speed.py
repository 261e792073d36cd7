"""How long a process takes from its start to COCO's twelve numbers: detbench beside its peers, interleaved.

``python tests/bench/evaluation_speed.py [--sets small coco o365] [--rounds 7] [--peers NAME …]
[--write docs/benchmarks.md]`` draws the sets (see ``detection_set.py``), runs every contender in turn, each time as a
fresh process, and reports wall time, processor time and peak memory, with the twelve numbers held against each
other's. A contender that is slow on a set runs fewer rounds there; the largest set, which takes a gigabyte of disk, is
for the fast ones. Peers that are not installed are left out, and said.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import Failed, Run, drawn, machine, median, median_and_range, run, write_section

_HERE = Path(__file__).parent

_SETS = ("small", "coco", "o365")

#: A contender's runs on one set take about so long in all, but at least one is made.
_BUDGET_S = 20.0

#: Rounds on the largest set.
_LARGE_ROUNDS = 2

_LIKE_PYCOCOTOOLS = """
import sys
from {} import COCO
from {} import {} as COCOeval
truth = COCO(sys.argv[1])
evaluation = COCOeval(truth, truth.{}(sys.argv[2]), "bbox")
evaluation.evaluate()
evaluation.accumulate()
evaluation.summarize()
print([float(value) for value in evaluation.stats])
"""

_DETBENCH = """
import sys
import detbench
print(list(detbench.evaluate(sys.argv[1], sys.argv[2], protocol="coco", intervals=False).metrics.values()))
"""

_VERNIER = """
import sys
from pathlib import Path
from vernier.instance import Evaluator
files = [Path(name).read_bytes() for name in sys.argv[1:3]]
print(Evaluator(parity_mode="strict").evaluate(*files).stats)
"""


#: The first reading is for the imports and the page cache.
_READING = """
import statistics
import sys
import time
import detbench
dataset = detbench.read_dataset(sys.argv[1])
seconds = []
while len(seconds) < 2 or (len(seconds) < 16 and sum(seconds) < 10):
    begun = time.perf_counter()
    detbench.read_predictions(sys.argv[2], dataset)
    seconds.append(time.perf_counter() - begun)
print(statistics.median(seconds[1:]))
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to measure.

    ``command`` follows the interpreter; ``GT``, ``DT``, ``ARROW`` and ``OUT`` in it stand for files and a folder.
    ``large``: it runs on the largest set too.
    """

    title: str
    package: str
    command: tuple[str, ...]
    large: bool = True

    @property
    def is_peer(self) -> bool:
        """Return whether it is another evaluator."""
        return self.package != "detbench"


def _library(code: str, predictions: str = "DT") -> tuple[str, ...]:
    return ("-P", "-c", code, "GT", predictions)


def _like_pycocotools(module: str, evaluation: str, name: str = "COCOeval", load: str = "loadRes") -> tuple[str, ...]:
    return _library(_LIKE_PYCOCOTOOLS.format(module, evaluation, name, load))


_EVAL = ("-P", "-m", "detbench", "eval", "GT", "DT", "--json")

CONTENDERS = {
    "detbench": Contender("`detbench.evaluate(…, intervals=False).metrics`", "detbench", _library(_DETBENCH)),
    "arrow": Contender("the same, predictions in Arrow", "detbench", _library(_DETBENCH, "ARROW")),
    "command": Contender("`detbench eval --json --no-intervals`", "detbench", (*_EVAL, "--no-intervals")),
    "everything": Contender(
        "`detbench eval --json -o FOLDER`: everything, 1,000 resamples", "detbench", (*_EVAL, "-o", "OUT")
    ),
    "ultrafast-pycocotools": Contender(
        "ultrafast-pycocotools",
        "ultrafast-pycocotools",
        _like_pycocotools("ultrafast_pycocotools", "ultrafast_pycocotools"),
    ),
    "hotcoco": Contender("hotcoco", "hotcoco", _like_pycocotools("hotcoco", "hotcoco", load="load_res")),
    "vernier": Contender("vernier (strict)", "vernier", _library(_VERNIER)),
    "faster-coco-eval": Contender(
        "faster-coco-eval",
        "faster-coco-eval",
        _like_pycocotools("faster_coco_eval", "faster_coco_eval", "COCOeval_faster"),
        large=False,
    ),
    "pycocotools": Contender(
        "pycocotools", "pycocotools", _like_pycocotools("pycocotools.coco", "pycocotools.cocoeval"), large=False
    ),
}

#: Whose twelve numbers the others' are held against: the first of these that ran.
_REFERENCES = ("pycocotools", "hotcoco", "detbench")


@dataclass(slots=True)
class Measured:
    """The runs of one contender on one set, or why there are none."""

    runs: list[Run] = field(default_factory=list)
    failure: str = ""

    @property
    def wall_s(self) -> float:
        """Return the median."""
        return median([one.wall_s for one in self.runs])

    @property
    def peak_mib(self) -> float:
        """Return the median."""
        return median([one.peak_mib for one in self.runs])

    def numbers(self) -> list[float | None]:
        """Return the twelve numbers that the last run printed, None where there is none."""
        output = self.runs[-1].output.strip()
        if output.startswith("{"):
            return list(json.loads(output)["metrics"].values())
        values: list[float | None] = ast.literal_eval(output.splitlines()[-1])
        return [None if value == -1 else value for value in values]


def measure(names: list[str], places: dict[str, str], rounds: int) -> dict[str, Measured]:
    """Run contenders in turn, ``rounds`` times or as often as the budget allows.

    Where there is time for more than one, the first run warms the page cache and is not kept.
    """
    measured = {name: Measured() for name in names}
    left = dict.fromkeys(names, rounds)
    for turn in range(rounds + 1):
        for name in [name for name in names if left[name] > 0]:
            try:
                done = _run(CONTENDERS[name], places)
            except Failed as error:
                measured[name].failure = str(error)
                left[name] = 0
                continue
            if turn == 0:
                left[name] = max(1, min(rounds, int(_BUDGET_S / done.wall_s)))
            if turn or left[name] == 1:
                measured[name].runs.append(done)
                left[name] -= 1
    return measured


def _run(contender: Contender, places: dict[str, str]) -> Run:
    with tempfile.TemporaryDirectory() as out:
        stands_for = places | {"OUT": out}
        return run([sys.executable, *(stands_for.get(part, part) for part in contender.command)])


def prepare(folder: Path, name: str) -> dict[str, str]:
    """Draw a set, and pack its predictions, where that has not been done; return the files by their place-holders."""

    def draw(place: Path) -> None:
        run([sys.executable, str(_HERE / "detection_set.py"), name, str(place)])

    place = drawn(folder, _HERE / "detection_set.py", name, draw)
    places = {"GT": str(place / "gt.json"), "DT": str(place / "dt.json"), "ARROW": str(place / "dt.arrow")}
    if not Path(places["ARROW"]).exists():
        run([sys.executable, "-P", "-m", "detbench", "pack", places["GT"], places["DT"], "-o", places["ARROW"]])
    return places


def reading_ms(places: dict[str, str]) -> dict[str, float]:
    """Return how long reading the predictions takes, by form, in a process that has done it before."""
    command = [sys.executable, "-P", "-c", _READING, places["GT"]]
    return {
        form: 1000 * float(run([*command, places[key]]).output) for form, key in (("JSON", "DT"), ("Arrow", "ARROW"))
    }


def report_set(
    name: str, measured: dict[str, Measured], places: dict[str, str], reading: dict[str, float]
) -> list[str]:
    """Return the lines about one set."""
    facts = json.loads(Path(places["GT"]).with_name("facts.json").read_text())
    megabytes = " + ".join(f"{Path(places[key]).stat().st_size / 1e6:,.0f}" for key in ("GT", "DT"))
    ran = {key: one for key, one in measured.items() if one.runs}
    peers = {key: one for key, one in ran.items() if CONTENDERS[key].is_peer}
    fastest = min((one.wall_s for one in peers.values()), default=None)
    reference = next(key for key in _REFERENCES if key in ran)
    lines = [
        f"### {name}",
        "",
        f"{facts['images']:,} images, {facts['categories']} categories, {facts['ground_truths']:,} ground truths,",
        f"{facts['detections']:,} detections, {megabytes} MB of JSON.",
        "",
        "| what | runs | wall, s | × the fastest peer | CPU, s | peak MiB | largest difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, one in measured.items():
        title = CONTENDERS[key].title
        if not one.runs:
            lines.append(f"| {title} | failed: {one.failure} | | | | | |")
            continue
        times = "" if fastest is None else f"{one.wall_s / fastest:.2f}"
        cpu_s = median([each.cpu_s for each in one.runs])
        lines.append(
            f"| {title} | {len(one.runs)} | {median_and_range([each.wall_s for each in one.runs])} | {times} "
            f"| {cpu_s:.2f} | {one.peak_mib:,.0f} | {_difference(one, ran[reference])} |"
        )
    took = ", ".join(f"{form} {ms:,.1f} ms" for form, ms in reading.items())
    return [
        *lines,
        "",
        f"Differences are from the twelve numbers of {reference}. Reading the predictions and joining them to the",
        f"ground truth, in a process that has done it before: {took}.",
        "",
        *_targets(name, ran, peers, reading),
    ]


def _difference(one: Measured, other: Measured) -> str:
    """Return the largest difference between two results' twelve numbers, in words."""
    pairs = list(zip(one.numbers(), other.numbers(), strict=True))
    if any((a is None) != (b is None) for a, b in pairs):
        return "undefined where the other is not"
    largest = max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)
    return "0" if largest == 0 else f"{largest:.1e}"


def _targets(name: str, ran: dict[str, Measured], peers: dict[str, Measured], reading: dict[str, float]) -> list[str]:
    """Return the table of what is aimed at, as far as it was measured."""
    if name == "small" or not peers or "detbench" not in ran:
        return []
    fastest, leanest = min(one.wall_s for one in peers.values()), min(one.peak_mib for one in peers.values())
    rows = [("library / fastest peer, wall", ran["detbench"].wall_s / fastest, "0.25")]
    if name == "coco":
        rows.append(("library / leanest peer, peak memory", ran["detbench"].peak_mib / leanest, "0.7"))
        if "pycocotools" in ran:
            rows.append(("library / pycocotools, wall", ran["detbench"].wall_s / ran["pycocotools"].wall_s, "0.01"))
        if "command" in ran:
            rows.append(("command / fastest peer's library, wall", ran["command"].wall_s / fastest, "0.5"))
        if "everything" in ran:
            rows.append(("everything, s", ran["everything"].wall_s, "1.5 on two cores"))
        rows.append(("reading the predictions from Arrow, ms", reading["Arrow"], "10"))
    return [
        "| | measured | at most |",
        "|---|---|---|",
        *(f"| {what} | {value:.3g} | {target} |" for what, value, target in rows),
        "",
    ]


def report(sections: list[str], peers: list[Contender], left_out: list[str], command: str) -> str:
    """Return the section of the page."""
    versions = ", ".join(f"{one.package} {version(one.package)}" for one in peers)
    return "\n".join(
        [
            "## Evaluation",
            "",
            f"From the start of a process to COCO's twelve numbers; {machine()};",
            "contenders in turn, medians, range in brackets, page cache warm; a slow one runs fewer rounds.",
            f"Load average at the end: {os.getloadavg()[0]:.1f}. {versions}."
            + (f" Not installed, and left out: {', '.join(left_out)}." if left_out else ""),
            "",
            f"```\n{command}\n```",
            "",
            *sections,
        ]
    )


def _is_installed(contender: Contender) -> bool:
    try:
        version(contender.package)
    except PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Draw the sets, measure, and print the section or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=_SETS, default=["small", "coco"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="*", choices=[key for key, one in CONTENDERS.items() if one.is_peer])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "detbench-evaluation-speed")
    options = parser.parse_args()
    wanted = {
        key: one for key, one in CONTENDERS.items() if not one.is_peer or options.peers is None or key in options.peers
    }
    left_out = [key for key, one in wanted.items() if one.is_peer and not _is_installed(one)]
    sections: list[str] = []
    for name in options.sets:
        large = name == _SETS[-1]
        names = [key for key, one in wanted.items() if key not in left_out and (one.large or not large)]
        places = prepare(options.folder, name)
        measured = measure(names, places, min(options.rounds, _LARGE_ROUNDS) if large else options.rounds)
        sections += report_set(name, measured, places, reading_ms(places))
    command = f"python tests/bench/evaluation_speed.py --sets {' '.join(options.sets)} --rounds {options.rounds}"
    if options.peers is not None:
        command += f" --peers {' '.join(options.peers)}"
    peers = [one for key, one in wanted.items() if one.is_peer and key not in left_out]
    section = report(sections, peers, left_out, command)
    print(section)  # noqa: T201  the result
    if options.write:
        write_section(options.write, "evaluation", section)


if __name__ == "__main__":
    main()
