"""``detbench compare`` through its own door: a real process, real files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
DETECTORS = {
    "yolox": "predictions/yolox_nano__coco_tiny_val.json",
    "centernet": "predictions/centernet_mbv3__coco_tiny_val.json",
}
BOX = [10.0, 10.0, 50.0, 50.0]


@pytest.fixture(scope="module")
def folders(detbench: Run, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the run folders of two real detectors, as ``detbench eval -o`` writes them."""
    root = tmp_path_factory.mktemp("runs")
    for name, predictions in DETECTORS.items():
        done = detbench("eval", shared / GT, shared / predictions, "-o", root / name, "--name", name)
        assert done.returncode == 0, done.stderr
        assert (root / name / "draws.npz").is_file()
    return [root / name for name in DETECTORS]


def test_a_paragraph_and_tables_of_eighty_columns(detbench: Run, folders: list[Path]) -> None:
    """First who leads and whether it is significant, in words; then the numbers and the categories by difference."""
    done = detbench("compare", *folders, env_columns=80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    words, _, tables = done.stdout.partition("\n\n")
    assert re.fullmatch(
        r"centernet is ahead of yolox by 0\.020 AP \[-0\.\d{3}, 0\.\d{3}\] on instances_val2017 \(80 images\), which "
        r"is not significant: p = 0\.\d{3}, and in \d\.\d % of 1,000 resamples it is not ahead\. The 11 other metrics: "
        r"\d higher, 0 lower, \d+ not significant\. The 80 categories: \d higher, \d lower, \d+ not significant, 8 "
        r"equal\.",
        " ".join(words.split()),
    )
    assert "AR1        " in tables
    categories = tables.split("category ")[1].splitlines()[2:-3]
    differences = [float(line[35:45].split()[-1]) for line in categories]
    assert len(differences) == 80
    assert differences == sorted(differences, reverse=True)
    assert "Holm" in done.stdout.splitlines()[-2]


def test_json_is_the_comparison_and_nothing_else(detbench: Run, folders: list[Path], tmp_path: Path) -> None:
    """``--json`` prints what ``-o`` writes, and nothing stands on standard error."""
    done = detbench("compare", *folders, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "detbench.comparison/1"
    assert [model["name"] for model in found["models"]] == ["centernet", "yolox"]
    assert len(found["models"][0]["per_category"]) == 80
    done = detbench("compare", *folders, "-o", tmp_path / "c.json")
    assert done.stderr.startswith("wrote ")
    assert json.loads((tmp_path / "c.json").read_text()) == found


def test_predictions_are_evaluated_first(detbench: Run, shared: Path, folders: list[Path]) -> None:
    """With ground truth the arguments are predictions, and the numbers are those of their runs."""
    paths = [shared / path for path in DETECTORS.values()]
    spot, runs = (
        json.loads(detbench("compare", *arguments, "--json", "--no-per-category").stdout)["models"]
        for arguments in ((*paths, "--ground-truth", shared / GT), folders)
    )
    assert [model["differences"] for model in spot] == [model["differences"] for model in runs]
    assert [model["rank_interval"] for model in spot] == [model["rank_interval"] for model in runs]


@pytest.mark.slow
def test_many_models_are_ranked(detbench: Run, folders: list[Path], shared: Path, tmp_path: Path) -> None:
    """Of three models there are ranks with their intervals and the differences from the baseline; a copy is named."""
    done = detbench("eval", shared / GT, shared / DETECTORS["yolox"], "-o", tmp_path / "copy", "--name", "[red]copy")
    assert done.returncode == 0
    done = detbench("compare", *folders, tmp_path / "copy", "--metric", "AR1", env_columns=80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = " ".join(done.stdout.partition("\n\n")[0].split())
    assert words.startswith("centernet has the best AR1 of 3 models on instances_val2017 (80 images): 0.312 [")
    assert re.search(r"Compared with yolox, of the other 2: 1 (ahead|not significant), 1 equal\.$", words)
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.startswith(("[red]", "yolox "))}
    assert rows["yolox"][1] == "2"
    assert rows["[red]copy"][-1] == "identical"


def test_the_baseline_is_chosen_by_name(detbench: Run, folders: list[Path]) -> None:
    """Who is compared with whom changes the signs and not who leads."""
    done = detbench("compare", *folders, "--baseline", "centernet", "--no-per-category")
    assert done.stdout.startswith("centernet is ahead of yolox by 0.020 AP [-0.0")
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("AP "))
    assert row[:4] == ["AP", "0.316", "0.296", "-0.020"]


@pytest.mark.slow
def test_what_cannot_be_compared_is_one_sentence_and_exit_2(
    detbench: Run, coco_pair: Pair, folders: list[Path], tmp_path: Path
) -> None:
    """Another dataset, no draws, foreign ones, a missing run, options that need ground truth: each is named."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    for name, options in (("other", []), ("bare", ["--no-intervals"])):
        assert detbench("eval", *pair, "-o", tmp_path / name, *options).returncode == 0
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed/result.json").write_bytes((folders[1] / "result.json").read_bytes())
    (tmp_path / "mixed/draws.npz").write_bytes((folders[0] / "draws.npz").read_bytes())
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/result.json").write_bytes((folders[1] / "result.json").read_bytes())
    (tmp_path / "foreign/draws.npz").write_bytes(b"not an archive")
    for arguments, said in (
        ([tmp_path / "other"], "was measured on gt"),
        ([tmp_path / "bare"], "without --no-intervals"),
        ([tmp_path / "mixed"], "holds the draws of another result"),
        ([tmp_path / "foreign"], "is not a file of draws"),
        ([tmp_path / "nothing"], "nothing"),
        ([], "two runs or more"),
        ([folders[1], "--protocol", "coco"], "--protocol is for evaluating"),
        ([folders[1], "--metric", "mAP"], "choose one of AP"),
        ([folders[1], "--baseline", "me"], "there are yolox, centernet"),
        ([folders[1], "-o", folders[0] / "result.json"], "written over what it comes from"),
    ):
        done = detbench("compare", folders[0], *arguments)
        assert done.returncode == 2, (arguments, done.stdout)
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_proposals_of_other_counts_cannot_be_compared(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Both are proposals alone, with no number of both: the sentence says what to do."""
    truth, proposals = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9)])
    for counts in ("10", "20"):
        options = ("--proposals", proposals, "--proposal-counts", counts, "--resamples", 100)
        assert detbench("eval", truth, *options, "-o", tmp_path / counts).returncode == 0
    done = detbench("compare", tmp_path / "10", tmp_path / "20")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the runs have no number in common: their proposals were counted otherwise; evaluate all with the same "
        "--proposal-counts\n"
    )


def test_draws_are_never_written_over_predictions(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Predictions called draws.npz keep their bytes."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    (tmp_path / "run").mkdir()
    mine = predictions.rename(tmp_path / "run" / "draws.npz")
    done = detbench("eval", truth, mine, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "written over what it comes from" in done.stderr
