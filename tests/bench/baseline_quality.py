"""What a baseline reaches, over seeds: its commands as anybody would run them, a table, and the recipe's record.

``python tests/bench/baseline_quality.py RECIPE --data DIR [--seeds 0,1,2] [--count --tune-on val] [--write PAGE]``
runs, for each seed, ``detbench train-baseline`` into ``WORK/RECIPE-sSEED``, unless a finished run is there (one that
was interrupted goes on), ``detbench predict`` on the test split with proposals, and ``detbench eval`` by the recipe's
protocol. Objects are counted from the score that is best on another split. ``--record`` writes what was measured into
``baselines/RECIPE.toml``; without it the lines are printed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from baseline_tables import Unfit, measured_of, outcome, recorded, require_trained_on, table, toml_block, write_table

from detbench.data.formats import read_dataset
from detbench.detectors.checkpoints.run_folder import RunFolder
from detbench.detectors.recipes.read import read_recipe, recipe_names
from detbench.errors import DetbenchError
from detbench.evaluation.remarks import FEW_IMAGES

if TYPE_CHECKING:
    from baseline_tables import Outcome

    from detbench.detectors.recipes.settings import Recipe

_RECIPES = Path(__file__).resolve().parents[2] / "baselines"
#: So many proposals an image are scored, or all where a model makes fewer.
_PROPOSALS = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run: a recipe on a dataset, its places below ``work``, and the split that a threshold is chosen on.

    ``proposals`` – how many an image; ``protocol`` – how it is scored.
    """

    recipe: str
    data: Path
    work: Path
    split: str
    tune_on: str | None
    proposals: int
    protocol: str

    @property
    def name(self) -> str:
        """What the recipe is called in names of folders."""
        return Path(self.recipe).stem

    def shown(self) -> Plan:
        """Return the plan as a page shows it, with nobody's paths."""
        recipe = Path(self.recipe).name
        return replace(self, recipe=recipe, data=Path(self.data.resolve().name), work=Path("runs"))

    def run(self, seed: int) -> Path:
        """Return the run's folder."""
        return self.work / f"{self.name}-s{seed}"

    def scores(self, seed: int) -> Path:
        """Return the folder of the result."""
        return self.work / "scores" / f"{self.name}-s{seed}"

    def train(self, seed: int) -> list[str]:
        """Return the command that trains."""
        return _command("train-baseline", self.recipe, "--data", self.data, "-o", self.run(seed), "--seed", seed)

    def predict(self, seed: int, split: str) -> list[str]:
        """Return the command that predicts a split, with proposals where they are scored."""
        proposals = ("--proposals", self.proposals) if split == self.split else ()
        found = self._found(seed, split)
        return _command("predict", self.run(seed), self.data, "--split", split, *proposals, "-o", found, "--overwrite")

    def evaluate(self, seed: int) -> list[str]:
        """Return the command that scores."""
        tuned: tuple[object, ...] = ()
        if self.tune_on:
            tuned = ("--count", "--tune-on", self.tune_on, "--tune-predictions", self._found(seed, self.tune_on))
        judged = (self.data, self._found(seed, self.split), "--split", self.split, "--protocol", self.protocol)
        return _command("eval", *judged, *tuned, "-o", self.scores(seed))

    def all(self, seed: int) -> list[list[str]]:
        """Return all commands of a seed, in order."""
        splits = dict.fromkeys([self.split, *([self.tune_on] if self.tune_on else [])])
        found = [self.predict(seed, split) for split in splits]
        return [self.train(seed), *found, self.evaluate(seed)]

    def _found(self, seed: int, split: str) -> Path:
        return self.work / "found" / f"{self.name}-s{seed}-{split}"


def _command(*words: object) -> list[str]:
    return ["detbench", *map(str, words)]


def do(command: list[str]) -> None:
    """Run a command of detbench's; what it says of its progress is seen, its tables are not. Exit if it fails."""
    print(shlex.join(command), file=sys.stderr, flush=True)  # noqa: T201  whoever waits wants to know for what
    whole = [sys.executable, "-P", "-m", *command]
    status = subprocess.run(whole, stdout=subprocess.DEVNULL, check=False).returncode
    if status:
        sys.exit(f"exit status {status} of {shlex.join(command)}")


def measure(plan: Plan, seed: int, metric: str) -> Outcome:
    """Run what is missing of a seed, and return what came of it."""
    train, *others = plan.all(seed)
    run = RunFolder(plan.run(seed))
    begun = run.holds_run()
    if not begun or run.read_record().status != "finished":
        do([*train, "--resume"] if begun else train)
    recipe = read_recipe(plan.recipe, [f"run.seed={seed}"])
    require_trained_on(run.path, read_dataset(plan.data, split=recipe.evaluation.train_split))
    for command in others:
        do(command)
    return outcome(run.path, plan.scores(seed), recipe, metric)


def about(
    plan: Plan, seeds: list[int], recipe: Recipe, outcomes: list[Outcome], loads: list[float], own: str
) -> list[str]:
    """Return the paragraphs before a table: what it is of, its commands, and what is to be known of them."""
    shown = plan.shown()
    load = ", ".join(f"{one:.1f}" for one in loads)
    commands = "\n".join(map(shlex.join, shown.all(seeds[0])))
    paragraphs = [
        (
            f"On {recipe.dataset}; scored on the {outcomes[0].images:,} images of `{plan.split}`, by the protocol "
            f"`{plan.protocol}`. Load average when seeds were scored: {load}."
        ),
        f"```\n{own}\n```",
        f"runs what is missing of these, for each seed (here {seeds[0]}):",
        f"```\n{commands}\n```",
    ]
    if outcomes[0].images <= FEW_IMAGES:
        paragraphs.append(f"With {FEW_IMAGES} images or fewer, intervals are too narrow to lean on.")
    if recipe.evaluation.split == plan.split:
        paragraphs.append(
            f"The recipe evaluates on `{plan.split}` itself: where it does so more than once, its best checkpoint was "
            "chosen on what it is scored on."
        )
    if plan.tune_on:
        thresholds = ", ".join("–" if one.threshold is None else f"{one.threshold:.3f}" for one in outcomes)
        text = f"Objects are counted from the score with the least count MAE on `{plan.tune_on}`: {thresholds}."
        if plan.tune_on == recipe.evaluation.train_split:
            text += " There it was trained, where scores are higher than on new images."
        paragraphs.append(text)
    return paragraphs


def _own_command(plan: Plan, seeds: str, metric: str | None) -> str:
    shown = plan.shown()
    words = ["python", "tests/bench/baseline_quality.py", shown.recipe, "--data", str(shown.data), "--seeds", seeds]
    words += ["--split", plan.split] if plan.split != "test" else []
    words += ["--metric", metric] if metric else []
    words += ["--count", "--tune-on", plan.tune_on] if plan.tune_on else []
    return shlex.join(words)


def main() -> None:
    """Run what is missing, print the table and the record, and write them where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="a shipped recipe's name, or a TOML file")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="where runs lie")
    parser.add_argument("--split", default="test", help="the split to score on")
    parser.add_argument("--metric", help="the recipe's if not given")
    parser.add_argument("--count", action="store_true", help="count objects too")
    parser.add_argument("--tune-on", default="val", help="the split that the count's threshold is chosen on")
    parser.add_argument("--write", type=Path, help="the page whose table is replaced")
    parser.add_argument("--record", action="store_true", help="write [measured] into the recipe's file")
    options = parser.parse_args()
    tune_on = options.tune_on if options.count else None
    outcomes, loads = [], []
    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
        recipe = read_recipe(options.recipe)
        many = min(_PROPOSALS, recipe.model.rpn.post_nms_test)
        protocol = recipe.evaluation.protocol
        plan = Plan(options.recipe, options.data, options.work, options.split, tune_on, many, protocol)
        metric = options.metric or recipe.evaluation.metric
        for seed in seeds:
            outcomes.append(measure(plan, seed, metric))
            loads.append(os.getloadavg()[0])
    except (DetbenchError, Unfit, ValueError) as error:
        sys.exit(f"error: {error}")
    own = _own_command(plan, options.seeds, options.metric)
    text = table(
        outcomes, recipe, name=plan.name, metric=metric, about=about(plan, seeds, recipe, outcomes, loads, own)
    )
    block = toml_block(recipe, measured_of(outcomes, metric=metric, split=plan.split))
    print(f"{text}\n\n{block}", end="")  # noqa: T201  the result
    if options.write:
        write_table(options.write, plan.name, text)
    if options.record:
        shipped = options.recipe in recipe_names()
        file = _RECIPES / f"{options.recipe}.toml" if shipped else Path(options.recipe)
        file.write_text(recorded(file.read_text(encoding="utf-8"), block), encoding="utf-8")


if __name__ == "__main__":
    main()
