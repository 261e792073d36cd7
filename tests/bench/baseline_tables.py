"""What finished runs of a baseline say: an outcome a seed, a table of a page, and the recipe's ``[measured]``.

All of it is read from what the commands left in their folders: ``run.json``, ``log.csv`` and ``evaluations.jsonl`` of
``detbench train-baseline``, ``result.json`` of ``detbench eval``. Nothing is measured here.
"""

from __future__ import annotations

import csv
import json
import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from harness import read_section, write_section

from detbench.detectors.checkpoints.run_folder import RunFolder
from detbench.detectors.recipes.read import read_recipe
from detbench.detectors.recipes.settings import Measured
from detbench.detectors.recipes.write import recipe_to_toml
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from detbench.data.tables import Dataset
    from detbench.detectors.recipes.settings import Recipe

__all__ = [
    "Outcome",
    "Unfit",
    "measured_of",
    "outcome",
    "recorded",
    "require_trained_on",
    "table",
    "toml_block",
    "write_table",
]

_SECTION = "baselines"
_MARKED = re.compile(r"<!-- baseline (\S+): begin -->\n(.*?)\n<!-- baseline \1: end -->", re.DOTALL)
_MEASURED = re.compile(r"^\[measured\]\n.*?(?=^\[(?!measured[\].])|\Z)", re.DOTALL | re.MULTILINE)

_HEAD = """## Baselines

Every row is three commands, which stand above it; the script runs them for each seed, and goes on with runs that are
there. Minutes are those of all steps, the first one's compilation among them, and of the evaluations on the way, from
the run's own logs; the start of the process, checkpoints and the report are not in them. “Training” is the median
speed of a step. Scores are the best checkpoint's, chosen on the recipe's evaluation split, with 95 % intervals over
images; “recall” is that of the proposals at an IoU of 0.5. FPS is one over the median time of a picture, batches of
one, from the encoded picture to its boxes.
"""

#: Column → metric of a result, and how many proposals an image it takes.
_METRICS = {
    "recall @100": ("proposal_recall50@100", 100),
    "@300": ("proposal_recall50@300", 300),
    "@1,000": ("proposal_recall50@1000", 1_000),
    "count MAE": ("count_MAE", 0),
    "RMSE": ("count_RMSE", 0),
}


class Unfit(Exception):  # noqa: N818  what was found cannot stand in a table
    """A folder holds something else than the table would say of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one seed.

    ``score`` is value, low and high of the metric; ``metrics`` those of the result; ``threshold`` what was counted
    from; ``hardware`` and ``software`` what it ran on, in words.
    """

    seed: int
    minutes: float
    images_per_s: float
    score: tuple[float, float, float]
    metrics: dict[str, float | None]
    images: int
    fps: float | None
    threshold: float | None
    steps: int
    best_step: int
    detbench: str
    hardware: str
    software: str


def outcome(run: Path, scores: Path, recipe: Recipe, metric: str) -> Outcome:
    """Return what came of a finished run of ``recipe``, which has the seed in it.

    Raises
    ------
    Unfit
        If the run is not finished, was made with other settings, its log has gaps, or the metric has no interval.
    DataError
        If a file cannot be read.
    """
    record = RunFolder(run).read_record()
    if record.status != "finished" or record.best is None:
        raise Unfit(f"{run} is {record.status}, not finished")
    _require_made_by(run, recipe)
    rates = _rates(run, record.step)
    looks = [json.loads(line)["seconds"] for line in RunFolder(run).evaluations.read_text().splitlines()]
    seconds = sum(recipe.run.batch_size / rate for rate in rates) + sum(looks)
    result = Result.load(scores / "result.json")
    value, interval = result.metrics.get(metric), result.intervals.get(metric)
    if value is None or interval is None:
        raise Unfit(f"{scores} has no {metric} with an interval")
    facts, timing, counting = record.environment, result.timing, result.counting
    processor = timing.processor if timing else facts["platform"]
    devices = "" if facts["devices"].startswith("cpu") else f", {facts['devices']}"
    backend = facts["backend"]
    return Outcome(
        seed=record.seed,
        minutes=seconds / 60,
        images_per_s=statistics.median(rates),
        score=(value, *interval),
        metrics=dict(result.metrics),
        images=result.dataset.images,
        fps=timing.fps.value if timing else None,
        threshold=counting.threshold.value if counting and counting.threshold else None,
        steps=record.step,
        best_step=record.best.step,
        detbench=record.detbench,
        hardware=f"{facts['cores']} cores, {processor}{devices}",
        software=f"Python {facts['python']}, keras {facts['keras']}, {backend} {facts[backend]}, {facts['precision']}",
    )


def _require_made_by(run: Path, recipe: Recipe) -> None:
    """Raise Unfit if a run has other settings than the recipe has now."""
    then = read_recipe(str(RunFolder(run).recipe))
    parts = ("input", "model", "optimizer", "run", "evaluation")
    if unlike := [part for part in parts if getattr(then, part) != getattr(recipe, part)]:
        raise Unfit(f"{run} was made with another [{'], ['.join(unlike)}] than the recipe has; train it anew elsewhere")


def require_trained_on(run: Path, dataset: Dataset) -> None:
    """Raise Unfit if a run was trained on other images or boxes than those of ``dataset``, its training split."""
    if RunFolder(run).read_record().dataset.fingerprint != dataset_fingerprint(dataset):
        raise Unfit(f"{run} was trained on other images or boxes than {dataset.source} has; train it anew elsewhere")


def _rates(run: Path, steps: int) -> list[float]:
    """Return images per second of every step."""
    with RunFolder(run).log.open(newline="", encoding="utf-8") as file:
        rows = [(int(row["step"]), float(row["images_per_s"])) for row in csv.DictReader(file)]
    if [step for step, _ in rows] != list(range(1, steps + 1)):
        raise Unfit(f"{run}: log.csv does not have all of its {steps:,} steps")
    return [rate for _, rate in rows]


def table(outcomes: Sequence[Outcome], recipe: Recipe, *, name: str, metric: str, about: Sequence[str]) -> str:
    """Return a recipe's part of the page; ``about`` are paragraphs before the table."""
    columns = {
        title: key
        for title, (key, least) in _METRICS.items()
        if recipe.model.rpn.post_nms_test >= least and any(key in one.metrics for one in outcomes)
    }
    others = [] if metric == "AP" else ["AP"]
    titles = ["seed", "minutes", "training, images/s", f"{metric} [95 %]", *others, *columns, "FPS", "best step"]
    keys = [*others, *columns.values()]

    def numbers(one: Outcome) -> list[float | None]:
        return [one.minutes, one.images_per_s, one.score[0], *(one.metrics.get(key) for key in keys), one.fps]

    digits = [1, 1, 3, *(2 if key.startswith("count_") else 3 for key in keys), 1]
    rows = []
    for one in outcomes:
        cells = [_number(value, places) for value, places in zip(numbers(one), digits, strict=True)]
        cells[2] += f" [{one.score[1]:.3f}, {one.score[2]:.3f}]"
        rows.append([str(one.seed), *cells, f"{one.best_step:,} of {one.steps:,}"])
    if len(outcomes) > 1:
        each = zip(*map(numbers, outcomes), strict=True)
        rows.append(["mean ± SD", *map(_mean_and_deviation, each, digits), ""])
    environment = "; ".join(dict.fromkeys(f"{one.hardware}; {one.software}" for one in outcomes))
    lines = [f"### `{name}`", "", f"{recipe.title}. {environment}.", ""]
    for paragraph in about:
        lines += [paragraph, ""]
    lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def _mean_and_deviation(values: Sequence[float | None], places: int) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "–"
    return f"{statistics.mean(known):.{places}f} ± {statistics.stdev(known):.{places}f}"


def write_table(page: Path, name: str, text: str) -> None:
    """Put a recipe's table into the page's section on baselines, and leave those of other recipes as they are."""
    tables = dict(_MARKED.findall(read_section(page, _SECTION))) | {name: text}
    parts = [f"<!-- baseline {one}: begin -->\n{tables[one]}\n<!-- baseline {one}: end -->" for one in sorted(tables)]
    write_section(page, _SECTION, "\n\n".join([_HEAD.strip(), *parts]))


def measured_of(outcomes: Sequence[Outcome], *, metric: str, split: str) -> Measured:
    """Return what a recipe says of its seeds."""
    return Measured(
        hardware="; ".join(dict.fromkeys(one.hardware for one in outcomes)),
        minutes=tuple(round(one.minutes, 1) for one in outcomes),
        score={f"{metric} {split}": tuple(tuple(round(part, 4) for part in one.score) for one in outcomes)},
        seeds=tuple(one.seed for one in outcomes),
        detbench=", ".join(dict.fromkeys(one.detbench for one in outcomes)),
    )


def toml_block(recipe: Recipe, measured: Measured) -> str:
    """Return the ``[measured]`` tables as a recipe's file has them."""
    found = _MEASURED.search(recipe_to_toml(msgspec.structs.replace(recipe, measured=measured)))
    assert found is not None
    return found[0].strip() + "\n"


def recorded(text: str, block: str) -> str:
    """Return a recipe's file with ``block`` in place of what was measured before, or at its end."""
    if _MEASURED.search(text):
        return _MEASURED.sub(lambda found: block + ("" if found.end() == len(text) else "\n"), text, count=1)
    return f"{text.rstrip()}\n\n{block}"
