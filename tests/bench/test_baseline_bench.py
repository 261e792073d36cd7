"""Tables of baselines say what is in the folders of the runs, and what is not fit to be said is refused."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import training_speed
from baseline_quality import Plan
from baseline_tables import (
    Outcome,
    Unfit,
    measured_of,
    outcome,
    recorded,
    require_trained_on,
    table,
    toml_block,
    write_table,
)

from detbench.data.formats import read_dataset
from detbench.detectors.checkpoints.run_folder import BestScore, RunDataset, RunFolder, RunRecord
from detbench.detectors.recipes.read import read_recipe, recipe_file
from detbench.detectors.recipes.write import recipe_to_toml
from detbench.evaluation.evaluate import evaluate
from detbench.evaluation.fingerprints import dataset_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.detectors.recipes.settings import Recipe

SCRIPTS = Path(__file__).parent
QUALITY, SPEED = SCRIPTS / "baseline_quality.py", SCRIPTS / "training_speed.py"

#: What makes a shipped recipe small enough for a test.
TINY = (
    "input.train_canvas_px=[64, 96]",
    "input.test_canvas_px=[64, 96]",
    "model.normalization=group",
    "model.rpn.channels=16",
    "model.rpn.pre_nms_test=100",
    "model.rpn.post_nms_test=30",
    "model.head.width=32",
    "model.head.output_size=[3, 3]",
    "optimizer.warmup_steps=3",
    "run.steps=40",
    "run.batch_size=2",
    "evaluation.every=20",
    "evaluation.checkpoint_every=2",
)
STEPS = 4


@pytest.fixture
def recipe() -> Recipe:
    """Return a recipe of four steps of two pictures."""
    return read_recipe(
        "parking_small", ["optimizer.warmup_steps=0", f"run.steps={STEPS}", "run.batch_size=2", "run.seed=7"]
    )


@pytest.fixture
def finished(tmp_path: Path, recipe: Recipe, coco_pair: Callable[..., tuple[Path, Path]]) -> tuple[Path, Path]:
    """Return the folders of a run and of its scores, as the commands leave them."""
    run, scores = RunFolder(tmp_path / "run"), tmp_path / "scores"
    run.path.mkdir()
    scores.mkdir()
    run.recipe.write_text(recipe_to_toml(recipe))
    facts = {"python": "3.11", "platform": "Linux", "keras": "3.15", "tensorflow": "2.21", "cores": "2"}
    RunRecord(
        detbench="0.1.0",
        recipe="parking_small",
        command="detbench train-baseline",
        categories=["car"],
        category_ids=[1],
        dataset=RunDataset(name="parking", fingerprint="a", split="train", images=2, boxes=2),
        parameters=1,
        seed=7,
        environment=facts | {"backend": "tensorflow", "devices": "cpu:0", "precision": "float32"},
        status="finished",
        step=STEPS,
        best=BestScore(step=2, metric="AP50", value=0.5),
        files={},
    ).write(run.record)
    rates = [0.1, 20.0, 10.0, 20.0]
    _write_log(run.log, list(enumerate(rates, start=1)))
    run.evaluations.write_text(
        '{"step": 2, "seconds": 15.7, "metrics": {}}\n{"step": 4, "seconds": 3, "metrics": {}}\n'
    )
    truth = [(image, 1, [10 * image, 0, 10, 10]) for image in range(6)]
    found = [(*row, 0.9) for row in truth[:4]]
    files = coco_pair(truth, found, images=list(range(6)))
    evaluate(*files, count_threshold=0.5).save(scores / "result.json")
    return run.path, scores


def _write_log(path: Path, rows: list[tuple[int, float]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("step", "images_per_s"), *rows])


def test_an_outcome_is_what_the_folders_say(finished: tuple[Path, Path], recipe: Recipe) -> None:
    """Minutes are all steps and evaluations; the score comes with its interval."""
    found = outcome(*finished, recipe, "AP50")
    assert found.minutes * 60 == pytest.approx(2 / 0.1 + 2 / 20 + 2 / 10 + 2 / 20 + 15.7 + 3)
    assert found.images_per_s == 15.0
    assert (found.seed, found.steps, found.best_step, found.images) == (7, 4, 2, 6)
    value, low, high = found.score
    assert low < value < high
    assert value == pytest.approx(4 / 6, abs=0.01)
    assert found.metrics["count_MAE"] == pytest.approx(2 / 6)
    assert found.threshold == 0.5
    assert found.fps is None
    assert found.hardware == "2 cores, Linux"
    assert found.software == "Python 3.11, keras 3.15, tensorflow 2.21, float32"


def test_what_is_not_the_recipes_run_is_refused(finished: tuple[Path, Path], recipe: Recipe) -> None:
    """A run that goes on, other settings, a log with gaps, a metric that the result lacks."""
    run = RunFolder(finished[0])
    other = read_recipe(str(run.recipe), ["optimizer.learning_rate=0.5", "model.rpn.channels=7"])
    with pytest.raises(Unfit, match=r"was made with another \[model\], \[optimizer\] than the recipe has"):
        outcome(*finished, other, "AP50")
    with pytest.raises(Unfit, match="has no AP51 with an interval"):
        outcome(*finished, recipe, "AP51")
    _write_log(run.log, [(1, 5.0), (2, 5.0), (4, 5.0)])
    with pytest.raises(Unfit, match=r"log\.csv does not have all of its 4 steps"):
        outcome(*finished, recipe, "AP50")
    msgspec.structs.replace(run.read_record(), status="running").write(run.record)
    with pytest.raises(Unfit, match="is running, not finished"):
        outcome(*finished, recipe, "AP50")


def test_a_run_on_other_data_is_refused(
    finished: tuple[Path, Path], coco_pair: Callable[..., tuple[Path, Path]]
) -> None:
    """A box that moved is other data."""
    run = RunFolder(finished[0])
    record = run.read_record()
    for x, same in ((1, True), (2, False)):
        dataset = read_dataset(coco_pair([(1, 1, [x, 1, 9, 9])], [])[0])
        if same:
            facts = msgspec.structs.replace(record.dataset, fingerprint=dataset_fingerprint(dataset))
            msgspec.structs.replace(record, dataset=facts).write(run.record)
            require_trained_on(run.path, dataset)
        else:
            with pytest.raises(Unfit, match=r"was trained on other images or boxes than .*gt\.json has"):
                require_trained_on(run.path, dataset)


def _outcome(seed: int, score: float, **metrics: float) -> Outcome:
    return Outcome(
        seed=seed,
        minutes=5.0 + seed,
        images_per_s=20.0,
        score=(score, score - 0.1, score + 0.1),
        metrics={"AP50": score, "AP": 0.5, **metrics},
        images=30,
        fps=12.0,
        threshold=0.4,
        steps=1000,
        best_step=750,
        detbench="0.1.0",
        hardware="2 cores",
        software="Python",
    )


def test_a_table_has_a_row_a_seed_and_their_mean() -> None:
    """A column is there where a seed has a number for it and the model makes as many proposals."""
    recipe = read_recipe("parking_small")
    proposals = {f"proposal_recall50@{count}": 0.9 for count in (100, 300, 1000)}
    outcomes = [_outcome(0, 0.8, **proposals), _outcome(1, 0.9, **proposals)]
    text = table(outcomes, recipe, name="parking_small", metric="AP50", about=["A paragraph."])
    assert text.startswith("### `parking_small`\n\nThe built-in car parks, ")
    assert "\n\nA paragraph.\n\n" in text
    head, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert head == ("| seed | minutes | training, images/s | AP50 [95 %] | AP | recall @100 | @300 | FPS | best step |")
    assert rows[0] == "| 0 | 5.0 | 20.0 | 0.800 [0.700, 0.900] | 0.500 | 0.900 | 0.900 | 12.0 | 750 of 1,000 |"
    assert rows[2].startswith("| mean ± SD | 5.5 ± 0.7 | 20.0 ± 0.0 | 0.850 ± 0.071 | ")
    assert len(rows) == 3
    assert "mean" not in table(outcomes[:1], recipe, name="parking_small", metric="AP50", about=[])


def test_a_recipes_table_takes_the_place_of_its_own_only(tmp_path: Path) -> None:
    """Other recipes' tables and other sections stay, whatever is written in which order."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    for name, text in (("b", "first b"), ("a", r"an \1 a")):
        write_table(page, name, text)
    page.write_text(page.read_text() + "\nafter\n")
    write_table(page, "b", "second b")
    text = page.read_text()
    assert text.startswith("# Title\n\n<!-- baselines: begin -->\n## Baselines\n")
    assert text.endswith(
        "<!-- baseline a: begin -->\nan \\1 a\n<!-- baseline a: end -->\n\n"
        "<!-- baseline b: begin -->\nsecond b\n<!-- baseline b: end -->\n<!-- baselines: end -->\n\nafter\n"
    )
    assert text.count("## Baselines") == 1
    assert "first b" not in text


@pytest.mark.parametrize("whole", [False, True])
def test_a_record_is_read_back_from_the_recipe(tmp_path: Path, whole: bool) -> None:
    """It is put at the end of a file or in place of an older one, and changes nothing else."""
    recipe = read_recipe("parking_small")
    file = tmp_path / "mine.toml"
    file.write_text(recipe_to_toml(recipe) if whole else recipe_file("parking_small").read_text())
    for scores in ([0.7], [0.81234, 0.9]):
        outcomes = [_outcome(seed, score) for seed, score in enumerate(scores)]
        measured = measured_of(outcomes, metric="AP50", split="test")
        file.write_text(recorded(file.read_text(), toml_block(recipe, measured)))
        assert read_recipe(str(file)) == msgspec.structs.replace(recipe, measured=measured)
    assert measured.score == {"AP50 test": ((0.8123, 0.7123, 0.9123), (0.9, 0.8, 1.0))}
    assert (measured.seeds, measured.minutes) == ((0, 1), (5.0, 6.0))
    # One in the middle, as `detbench baselines NAME --toml` prints it, is found there.
    file.write_text(recipe_to_toml(read_recipe(str(file))))
    again = measured_of(outcomes[:1], metric="AP50", split="test")
    file.write_text(recorded(file.read_text(), toml_block(recipe, again)))
    assert read_recipe(str(file)) == msgspec.structs.replace(recipe, measured=again)


def test_commands_are_shown_without_the_machines_paths() -> None:
    """Names stay, places go; another split's predictions are there where a threshold is chosen on it."""
    plan = Plan("/somewhere/mine.toml", Path("/data/parking"), Path("/scratch/runs7"), "test", "val", 300, "coco")
    train, test, val, score = (" ".join(command) for command in plan.shown().all(2))
    assert train == "detbench train-baseline mine.toml --data parking -o runs/mine-s2 --seed 2"
    assert "--split test --proposals 300 -o runs/found/mine-s2-test" in test
    assert "--proposals" not in val
    assert "--tune-on val --tune-predictions runs/found/mine-s2-val -o runs/scores/mine-s2" in score
    assert plan.all(2)[0][-3] == "/scratch/runs7/mine-s2"


def _profile(step: float) -> dict[str, Any]:
    samples = {"step": step, "forward": 40.0, "proposals and NMS": 10.0, "target assignment": 5.0, "RoI pooling": 20.0}
    return {
        "environment": {"backend": "tensorflow", "tensorflow": "2.21", "devices": "cpu:0"},
        "batch_size": 8,
        "parts": [{"name": name, "samples_ms": [value, value, 1e6]} for name, value in samples.items()],
        "wait_ms": [1.0, 2.0, 3.0],
        "input_images_per_s": 120.0,
    }


def test_a_profile_is_told_in_shares_and_ratios() -> None:
    """Shares are of the step; the gain is the plain step over the other; what failed is said."""
    measured = {
        ("tiny", "plain"): [_profile(100.0), _profile(100.0)],
        ("tiny", "xla"): [_profile(80.0)],
        ("tiny", "mixed"): "exit status 2: error: no",
    }
    text = training_speed.report(measured, "the command", 2)
    assert "| `tiny` | float32 | 100.00 (100.00–100.00) | 2.0 | 40.0 | 60.0 | 10% | 5% | 20% |" in text
    assert "| `tiny` | mixed | failed: exit status 2: error: no |" in text
    assert "| `tiny` | float32 | 80.00 (80.00–80.00) | 120.00 (120.00–120.00) | 1.50 (1.50–1.50) | – |" in text
    assert "| `tiny` | float32, XLA | 100.00 | 120.00 | 1.20 | 1.25 |" in text
    assert "tensorflow 2.21 on cpu:0" in text


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, detbench: Callable[..., Any]) -> Path:
    """Return a folder with a small dataset, ``parking``, and a recipe, ``tiny.toml``."""
    folder = tmp_path_factory.mktemp("tiny")
    done = detbench("draw", "parking", "-o", folder / "parking", "--images", 15, "--size", "240x160")
    assert done.returncode == 0, done.stderr
    (folder / "tiny.toml").write_text(recipe_to_toml(read_recipe("parking_small", TINY)))
    return folder


def _script(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    # A script finds its neighbours by its own folder, which a safe path leaves out.
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, script, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=plain)


@pytest.mark.slow
def test_a_run_that_was_killed_becomes_a_row(tiny: Path, tmp_path: Path) -> None:
    """It goes on where it was; what is finished is not trained again; page and recipe say the same."""
    work, page, file = tmp_path / "work", tmp_path / "page.md", tmp_path / "tiny.toml"
    file.write_text((tiny / "tiny.toml").read_text())
    run = RunFolder(work / "tiny-s3")
    train = ["train-baseline", str(file), "--data", str(tiny / "parking"), "-o", str(run.path), "--seed", "3"]
    command = [sys.executable, "-P", "-m", "detbench", *train]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("step 6 of 40") for line in process.stderr)
        process.kill()
    assert run.read_record().status == "running"
    options = (file, "--data", tiny / "parking", "--work", work, "--seeds", "3")
    first = _script(QUALITY, *options, "--count", "--write", page, "--record")
    assert first.returncode == 0, first.stderr
    assert run.read_record().status == "finished"
    assert "--resume" in first.stderr
    result = json.loads((work / "scores" / "tiny-s3" / "result.json").read_text())
    text = page.read_text()
    (row,) = [line for line in text.splitlines() if line.startswith("| 3 ")]
    assert f"| {result['metrics']['AP50']:.3f} [" in row
    assert f"| {result['metrics']['count_MAE']:.2f} |" in row
    assert str(tmp_path) not in text
    assert str(tiny) not in text
    measured = read_recipe(str(file)).measured
    assert measured is not None
    assert measured.seeds == (3,)
    assert measured.score["AP50 test"][0][0] == pytest.approx(result["metrics"]["AP50"], abs=1e-4)
    again = _script(QUALITY, *options)
    assert again.returncode == 0, again.stderr
    assert "train-baseline" not in again.stderr


@pytest.mark.slow
def test_where_a_steps_time_goes_is_put_on_a_page(tiny: Path, tmp_path: Path) -> None:
    """A row a recipe and way, of the command's own numbers."""
    page = tmp_path / "page.md"
    done = _script(SPEED, f"{tiny / 'tiny.toml'}={tiny / 'parking'}", "--rounds", 1, "--ways", "plain", "--write", page)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    assert text.startswith("# Benchmarks\n\n<!-- training-speed: begin -->\n## Training speed\n")
    assert "training_speed.py tiny.toml=parking --rounds 1 --ways plain" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `tiny` ")]
    assert [len(row) for row in rows] == [9, 6]
    step_ms, images_per_s = float(rows[0][2]), float(rows[1][2])
    assert images_per_s == pytest.approx(2e3 / step_ms, rel=0.05)
    broken = _script(SPEED, f"{tiny / 'tiny.toml'}={tiny / 'nowhere'}", "--rounds", 1, "--ways", "plain")
    assert broken.returncode == 1
    assert "failed: exit status 2: error: " in broken.stdout
