"""``detbench eval`` through its own door: a real process, real files."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]


def test_json_is_the_result_and_nothing_else(detbench: Run, shared: Path) -> None:
    """``--json`` prints a result on standard output and nothing on standard error."""
    done = detbench("eval", shared / GT, shared / DT, "--json", "--no-intervals")
    assert done.returncode == 0
    assert done.stderr == ""
    expected = json.loads((shared / "predictions/expected_pycocotools.json").read_text())["yolox_nano__coco_tiny_val"]
    found = json.loads(done.stdout)
    assert found["metrics"] == pytest.approx(expected, abs=1e-12)
    assert found["intervals"] == {}
    assert set(found["reasons"]) == {name for name, value in found["metrics"].items() if value is None}


def test_output_folder_holds_the_result_and_a_report(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """``-o`` writes a result that reads back as printed, twice the same bytes, and a report that names the model."""
    runs = [tmp_path / "one", tmp_path / "deep" / "two"]
    for run in runs:
        done = detbench("eval", shared / GT, shared / DT, "-o", run, "--resamples", "100", "--name", "my <model>")
        assert done.returncode == 0, done.stderr
    result = Result.load(runs[0] / "result.json")
    assert result.name == "my <model>"
    assert result.metrics["AP"] == pytest.approx(0.29608728330181394, abs=1e-12)
    for name in ("result.json", "report.html"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()
    page = (runs[0] / "report.html").read_text()
    assert "my &lt;model&gt;" in page
    assert "my <model>" not in page


def test_tables_fit_eighty_columns(detbench: Run, shared: Path) -> None:
    """In a terminal of 80 columns no line is longer, and nothing is coloured in a pipe."""
    done = detbench("eval", shared / GT, shared / DT, "--resamples", "100", env_columns=80)
    assert done.returncode == 0
    assert "\x1b[" not in done.stdout
    assert "AP50" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.slow
def test_tfrecords_are_ground_truth_too(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """Ground truth that went through TFRecords scores to the last bit what its source scores."""
    assert detbench("convert", shared / "coco_tiny", tmp_path / "records").returncode == 0
    scores = [
        json.loads(detbench("eval", truth, shared / DT, "--split", "val2017", "--json", "--no-intervals").stdout)
        for truth in (shared / "coco_tiny", tmp_path / "records")
    ]
    assert scores[0]["metrics"] == scores[1]["metrics"]
    assert scores[0]["dataset"]["fingerprint"] == scores[1]["dataset"]["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.json", "{dt}"], "missing.json"),
        (["{gt}", "missing.json"], "missing.json"),
        (["{gt}", "{dt}", "--protocol", "coca"], "voc2007"),
        (["{gt}", "{dt}", "--split", "test"], "split"),
        (["{gt}", "{dt}", "--format", "pascal"], "voc"),
        (["{gt}", "{gt}"], "gt.json"),
        (["{gt}", "{dt}", "--explain", "--errors"], "leave out --errors"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(detbench: Run, coco_pair: Pair, arguments: list[str], said: str) -> None:
    """A missing file, an unknown protocol, split or format, a file of the wrong kind: one line, no traceback."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    done = detbench("eval", *(part.format(gt=truth, dt=predictions) for part in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_report_that_cannot_be_written_is_said(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """An output folder that is a file is named, and the file is left alone."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    (tmp_path / "run").write_text("mine")
    done = detbench("eval", truth, predictions, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "run" in done.stderr
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.slow
def test_results_are_never_written_over_what_they_come_from(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Predictions called result.json keep their bytes; another run's result is replaced."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    (tmp_path / "run").mkdir()
    mine = predictions.rename(tmp_path / "run" / "result.json")
    before = mine.read_bytes()
    done = detbench("eval", truth, mine, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "written over what it comes from" in done.stderr
    assert mine.read_bytes() == before
    mine.rename(predictions)
    for name in ("first", "second"):
        assert detbench("eval", truth, predictions, "-o", tmp_path / "run", "--name", name).returncode == 0
        assert Result.load(tmp_path / "run" / "result.json").name == name


def test_hostile_category_names_are_text(detbench: Run, tmp_path: Path) -> None:
    """Markup in a category's name is printed as it is, in the terminal and in the page."""
    name = "[red]<script>alert(1)</script>[/red]"
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": name}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps([{"image_id": 1, "category_id": 1, "bbox": BOX, "score": 1}]))
    done = detbench("eval", tmp_path / "gt.json", tmp_path / "dt.json", "-o", tmp_path / "run", "--resamples", "100")
    assert done.returncode == 0, done.stderr
    assert "[red]<script>" in done.stdout
    assert "<script>alert" not in (tmp_path / "run/report.html").read_text()


@pytest.mark.slow
def test_meaningless_numbers_are_not_silent(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """Boxes written as fractions are an error on standard error and in the report, beside JSON too; status 0."""
    rows = json.loads((shared / DT).read_text())
    for row in rows:
        row["bbox"] = [side / 640 for side in row["bbox"]]
    (tmp_path / "dt.json").write_text(json.dumps(rows))
    done = detbench("eval", shared / GT, tmp_path / "dt.json", "-o", tmp_path / "run", "--no-intervals")
    assert done.returncode == 0
    assert "error: all 4,548 boxes of the predictions lie within 0 to 1" in done.stderr
    assert "boxes-are-fractions" in (tmp_path / "run" / "report.html").read_text()
    done = detbench("eval", shared / GT, tmp_path / "dt.json", "--json", "--no-intervals")
    assert done.returncode == 0
    assert done.stderr.startswith("error: all 4,548 boxes")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["remarks"][0]["code"] == "boxes-are-fractions"


def test_tables_stand_apart_and_voc_has_one_ap(detbench: Run, shared: Path) -> None:
    """A blank line is between the two tables; under one threshold a category has one AP; recall names its IoU."""
    for protocol, columns in (("coco", ["AP", "AP50", "AP75", "IoU .5"]), ("voc2007", ["AP", "IoU .5"])):
        done = detbench("eval", shared / GT, shared / DT, "--no-intervals", "--protocol", protocol)
        lines = done.stdout.splitlines()
        blank = next(number for number, line in enumerate(lines) if not line.strip())
        assert "recall" in lines[blank + 1]
        assert lines[blank + 2].split("predictions")[1].split("  ")[-1].strip() == columns[-1]
        assert lines[blank + 2].split("predictions")[1].split() == " ".join(columns).split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--protocol voc", ["voc2007", "voc2012"]),
        ("--format vis", ["visdrone"]),
        ("--predictions-format c", ["coco", "csv", "cartucho"]),
    ],
)
def test_values_are_completed(typed: str, offered: list[str]) -> None:
    """A shell is offered the names of protocols, formats and forms."""
    from typer.main import get_command

    from detbench.cli.app import app

    option, _, begun = typed.partition(" ")
    command = get_command(app).commands["eval"]  # type: ignore[attr-defined]
    parameter = next(parameter for parameter in command.params if option in parameter.opts)
    context = command.make_context("eval", ["a", "b"])
    assert [item.value for item in parameter.shell_complete(context, begun)] == offered


def test_a_refused_option_is_one_line(coco_pair: Pair, detbench: Run) -> None:
    """What is imported ahead while Python is ending already says nothing of its own."""
    truth, predictions = coco_pair([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    for options in (["-p", "nope"], ["--proposal-counts", "0"], ["--no-count", "--count-threshold", "0.5"]):
        done = detbench("eval", truth, predictions, *options)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
