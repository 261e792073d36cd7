"""Make the project's own leaderboard: ``python reports/make.py``; see ``README.md`` beside this file.

Everything is done by the command line of the package, as anybody would do it.
"""

# ruff: noqa: INP001  a script, not a package

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SUBMISSIONS, TRUTH, PAGE = HERE / "submissions", HERE / "parking_test.json", HERE / "parking"

#: The folder in ``submissions`` → what ``detbench predict classical`` is told.
CLASSICAL: dict[str, list[str]] = {"classical": [], "classical-confident": ["--min-score", "0.3"]}

#: What a submission holds that is committed; ``predict.json`` has hashes of files that are not.
KEPT = ("predictions.json", "proposals.json", "timing.json")

#: Everything the page shows; the numbers do not depend on it where it is run.
LEADERBOARD = ("leaderboard", SUBMISSIONS, "--ground-truth", TRUTH, "--count", "--output")


def main() -> None:
    """Predict where that is asked for, and write the page."""
    parser = argparse.ArgumentParser(description="Make the project's own leaderboard.")
    parser.add_argument("--draw", action="store_true", help="draw the set, and predict with the classical detector")
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="trained runs to predict with, with --draw")
    given = parser.parse_args()
    if given.runs and not given.draw:
        parser.error("--runs are predicted with on the pictures: give --draw too")
    if given.draw:
        with tempfile.TemporaryDirectory(prefix="detbench-reports-") as aside:
            predict(Path(aside), given.runs)
    detbench(*LEADERBOARD, PAGE)


def predict(aside: Path, runs: list[Path]) -> None:
    """Draw the set and write submissions of the classical detector and of trained runs."""
    data = aside / "parking"
    detbench("draw", "parking", "-o", data)
    shutil.copyfile(data / "annotations" / "instances_test.json", TRUTH)
    for name, options in CLASSICAL.items():
        submit(name, aside / name, "classical", data, "--name", "classical", *options)
    for run in runs:
        # Proposals of all runs would be more than the predictions: the first one's stand for them.
        proposals = ["--proposals", "100"] if run == runs[0] else []
        submit(run.name, aside / run.name, run, data, "--name", run.name, *proposals)


def submit(name: str, found: Path, model: str | Path, data: Path, *options: str) -> None:
    """Predict on the test split, and move what was found to the submission of that name, beside its ``model.toml``."""
    detbench("predict", model, data, "--split", "test", "-o", found, *options)
    (SUBMISSIONS / name).mkdir(parents=True, exist_ok=True)
    for file in KEPT:
        (SUBMISSIONS / name / file).unlink(missing_ok=True)
        if (found / file).is_file():
            shutil.copyfile(found / file, SUBMISSIONS / name / file)


def detbench(*arguments: str | Path) -> None:
    """Run the command line; end where it fails."""
    command = [sys.executable, "-m", "detbench", *map(str, arguments)]
    done = subprocess.run(command, check=False)  # noqa: S603  our own command line
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
