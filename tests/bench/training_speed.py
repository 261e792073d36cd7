"""Where the time of a training step goes, recipe by recipe, and what XLA and mixed precision gain.

``python tests/bench/training_speed.py parking_small=parking bccd_mobilenet=bccd [--rounds 3] [--write PAGE]`` runs
``detbench train-baseline RECIPE --data DIR --profile --json`` as the recipe is without XLA, with XLA, and in mixed
precision: each a process of its own, in turns, medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from harness import Failed, machine, median, median_and_range, run, write_section

_WAYS = {
    "plain": ("float32", "--no-xla", "--precision", "float32"),
    "xla": ("float32, XLA", "--xla", "--precision", "float32"),
    "mixed": ("mixed", "--no-xla", "--precision", "mixed"),
}

#: What ``--profile`` measures apart from the step and its forward part.
_OPERATORS = ("proposals and NMS", "target assignment", "RoI pooling")

#: The input alone should give so many times what training takes.
_TARGET = 1.5

_HEAD = """A step is forward, backward and update on a batch that is there; “waiting” is for the next batch, in the
loop, beside training on the same cores. The operators are compiled alone and run on a step's own tensors, RoI pooling
with its gradient: their shares of the step are an estimate, since a compiler fuses and overlaps. “Input alone” is the
reader when nothing else runs. Mixed precision is bfloat16 on a CPU, float16 on a GPU."""


def measure(recipe: str, data: Path, way: str, device: str) -> dict[str, Any]:
    """Profile a recipe once, and return what the command printed. Raises Failed."""
    _, *options = _WAYS[way]
    command = ["train-baseline", recipe, "--data", str(data), "--profile", "--json", "--device", device, *options]
    times: dict[str, Any] = json.loads(run([sys.executable, "-P", "-m", "detbench", *command]).output)
    return times


def numbers(times: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of a profile: milliseconds of the parts, and images per second."""
    parts = {part["name"]: median(part["samples_ms"]) for part in times["parts"]}
    used = 1e3 * times["batch_size"] / parts["step"]
    alone = times["input_images_per_s"]
    waiting = {"waiting": median(times["wait_ms"]), "backward": parts["step"] - parts["forward"]}
    return parts | waiting | {"used": used, "alone": alone, "ratio": alone / used}


def report(measured: dict[tuple[str, str], list[dict[str, Any]] | str], command: str, rounds: int) -> str:
    """Return the section of the page; where a way failed, ``measured`` has what was said."""
    runs = [one for of_way in measured.values() if not isinstance(of_way, str) for one in of_way]
    places = ", ".join(dict.fromkeys(_place(one) for one in runs)) or "nothing was measured"
    lines = [
        "## Training speed",
        "",
        f"{machine()}; {places}; median of {rounds} interleaved runs, range in brackets.",
        f"Load average at the end: {os.getloadavg()[0]:.1f}.",
        "",
        _HEAD,
        "",
        f"```\n{command}\n```",
        "",
        (
            "| recipe | how | step, ms | waiting, ms | forward, ms | backward and update, ms | "
            "proposals and NMS | target assignment | RoI pooling |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    each = {key: [numbers(one) for one in value] for key, value in measured.items() if not isinstance(value, str)}
    for (recipe, way), value in measured.items():
        cells = [f"failed: {value}"] if isinstance(value, str) else _step_cells(each[recipe, way])
        lines.append(f"| {' | '.join([f'`{recipe}`', _WAYS[way][0], *cells])} |")
    lines += [
        "",
        (
            f"| recipe | how | training takes, images/s | input alone, images/s | "
            f"input / training (target {_TARGET}) | faster than float32 |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for (recipe, way), ran in each.items():
        rates = [median_and_range([one[key] for one in ran]) for key in ("used", "alone", "ratio")]
        plain = each.get((recipe, "plain"))
        gain = f"{_middle(plain, 'step') / _middle(ran, 'step'):.2f}" if plain and way != "plain" else "–"
        lines.append(f"| {' | '.join([f'`{recipe}`', _WAYS[way][0], *rates, gain])} |")
    return "\n".join(lines)


def _step_cells(ran: list[dict[str, float]]) -> list[str]:
    step = _middle(ran, "step")
    times = [f"{_middle(ran, key):.1f}" for key in ("waiting", "forward", "backward")]
    return [
        median_and_range([one["step"] for one in ran]),
        *times,
        *(f"{_middle(ran, key) / step:.0%}" for key in _OPERATORS),
    ]


def _middle(ran: list[dict[str, float]], key: str) -> float:
    return median([one[key] for one in ran])


def _place(times: dict[str, Any]) -> str:
    facts = times["environment"]
    return f"{facts['backend']} {facts[facts['backend']]} on {facts['devices']}"


def main() -> None:
    """Measure in turns, and print the section or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE=DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=_WAYS, default=list(_WAYS))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    asked = [one.partition("=") for one in options.recipes]
    if wrong := next((recipe for recipe, _, data in asked if not data), None):
        sys.exit(f"say the dataset of {wrong}: {wrong}=DIR")
    names = [(Path(recipe).name, Path(data).resolve().name) for recipe, _, data in asked]
    measured: dict[tuple[str, str], list[dict[str, Any]] | str] = {
        (Path(recipe).stem, way): [] for recipe, _, _ in asked for way in options.ways
    }
    for _ in range(options.rounds):
        for recipe, _, data in asked:
            for way in options.ways:
                key = (Path(recipe).stem, way)
                runs = measured[key]
                if isinstance(runs, str):
                    continue
                try:
                    runs.append(measure(recipe, Path(data), way, options.device))
                except Failed as error:
                    measured[key] = str(error)
    shown = " ".join(f"{recipe}={data}" for recipe, data in names)
    command = f"python tests/bench/training_speed.py {shown} --rounds {options.rounds}"
    command += "" if options.ways == list(_WAYS) else f" --ways {' '.join(options.ways)}"
    section = report(measured, command, options.rounds)
    print(section)  # noqa: T201  the result
    if options.write:
        write_section(options.write, "training-speed", section)
    if all(isinstance(runs, str) for runs in measured.values()):
        sys.exit("nothing could be measured")


if __name__ == "__main__":
    main()
