"""``detbench eval`` of folders that ``detbench predict`` wrote: scores, proposals and times in one result."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench import Result, evaluate, read_dataset
from detbench.detectors.predict.record import RECORD, SCHEMA
from detbench.errors import DataError
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.report.pages import render_report
from detbench.timing.prediction_times import PredictionTimes, frames_per_second, stage_times

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [200.0, 200.0, 50.0, 50.0]


def _times() -> PredictionTimes:
    of = {"decode": 1.0, "pre_processing": 2.0, "forward": 4.0, "post_processing": 1.0}
    stages = stage_times({name: [base + 0.25 * step for step in range(9)] for name, base in of.items()})
    return PredictionTimes(
        detbench="0.1.0",
        environment={"python": "3.12.1"},
        model="/somewhere/else/model.onnx",
        adapter="yolox",
        device="CPU",
        processor="a processor",
        threads=2,
        thread_settings={},
        clock="time.perf_counter_ns",
        batch_size=1,
        images=9,
        warm_up=3,
        samples_left_out=0,
        fps=frames_per_second(stages["total"]),
        stages=stages,
    )


@pytest.fixture
def pair(coco_pair: Callable[..., tuple[Path, Path]], tmp_path: Path) -> tuple[Path, Path]:
    """Return a ground truth, and a folder as ``detbench predict`` writes it: ``run/nightly``."""
    truth, predictions = coco_pair(
        [(1, 1, BOX), (2, 1, BOX), (3, 2, BOX)], [(1, 1, BOX, 0.9), (2, 1, FAR, 0.8), (3, 2, BOX, 0.7)]
    )
    folder = tmp_path / "run" / "nightly"
    folder.mkdir(parents=True)
    predictions.rename(folder / "predictions.json")
    proposals = [{"image_id": image, "bbox": BOX, "score": 0.5} for image in (1, 2)]
    (folder / "proposals.json").write_text(json.dumps(proposals))
    (folder / "timing.json").write_bytes(msgspec.json.encode(_times()))
    _say_dataset(folder, dataset_fingerprint(read_dataset(truth)))
    return truth, folder


def _say_dataset(folder: Path, fingerprint: str | None) -> None:
    files = {
        file.name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}
        for file in folder.iterdir()
        if file.name != RECORD
    }
    record = {"schema": SCHEMA, "data": {"name": "gt", "fingerprint": fingerprint}, "files": files}
    (folder / RECORD).write_text(json.dumps(record))


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_folder_is_taken_whole(detbench: Command, pair: tuple[Path, Path]) -> None:
    """Scores, proposal recall, counts where asked for, and times; the name is the folder's."""
    truth, folder = pair
    result = _result(detbench("eval", truth, folder, "--count-threshold", 0.5, "--json"))
    assert result["name"] == "nightly"
    assert result["predictions"]["source"] == "predictions.json"
    assert result["metrics"]["AP50"] == pytest.approx(0.7525, abs=1e-4)
    assert result["metrics"]["proposal_AR@100"] == pytest.approx(2 / 3)
    assert result["metrics"]["count_MAE"] == 0
    assert result["proposals"]["source"] == "proposals.json"
    assert result["timing"]["fps"] == {"value": 1e3 / 12, "low": 1e3 / 15, "high": 1e3 / 9}
    assert result["timing"]["stages"]["forward"]["p50"] == {"value_ms": 5.0, "low_ms": 4.25, "high_ms": 5.75}
    assert result["timing"]["spread_ms"] == pytest.approx([8 + percent * 8 / 100 for percent in range(5, 100, 5)])
    assert "samples_ms" not in json.dumps(result)
    assert result["timing"]["model"] == "model.onnx"
    assert not [remark for remark in result["remarks"] if remark["code"] == "predicted-on-other-data"]


def test_every_number_but_the_times_is_that_of_the_files(pair: tuple[Path, Path]) -> None:
    """The folder adds nothing to scores: evaluating its files gives the same metrics, intervals and parts."""
    truth, folder = pair
    whole = evaluate(truth, folder, resamples=100, name="x").to_dict()
    files = evaluate(
        truth, folder / "predictions.json", proposals=folder / "proposals.json", resamples=100, name="x"
    ).to_dict()
    assert whole.pop("timing")
    assert whole == files


def test_times_are_shown_on_the_terminal_and_the_page(
    detbench: Command, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """And come back from the file; the page of a result without them does not speak of them."""
    truth, folder = pair
    done = detbench("eval", truth, folder, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "83.3 frames per second [66.7, 111]: model.onnx through yolox on CPU (a processor, 2 threads):" in (
        " ".join(done.stdout.split())
    )
    assert "post-processing" in done.stdout
    result = Result.load(tmp_path / "out" / "result.json")
    assert result.timing
    page = (tmp_path / "out" / "report.html").read_text()
    assert page == render_report(result)
    assert "How long it takes" in page
    assert "83.3 frames per second [66.7, 111], one over the median total." in page
    again = detbench("report", tmp_path / "out" / "result.json", "-o", tmp_path / "again.html")
    assert again.returncode == 0
    assert (tmp_path / "again.html").read_text() == page
    assert "How long it takes" not in render_report(evaluate(truth, folder / "predictions.json"))


def test_the_flat_form_has_speed_with_its_interval(pair: tuple[Path, Path]) -> None:
    """``FPS``, the quantiles of the total, and those of each stage."""
    flat = evaluate(*pair, intervals=False).to_dict(flat=True)
    assert flat["FPS"] == 1e3 / 12
    assert (flat["FPS/low"], flat["FPS/high"]) == (1e3 / 15, 1e3 / 9)
    assert flat["latency_ms/p50"] == 12.0
    assert flat["latency_ms/p90"] == pytest.approx(15.2)
    assert flat["latency_ms/forward/p50"] == 5.0
    assert "latency_ms/p99/low" not in flat


def test_a_result_without_times_is_written_as_before(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Not even a null: results of before are read, and written again, to the byte."""
    truth, folder = pair
    result = evaluate(truth, folder / "predictions.json", resamples=100)
    assert result.timing is None
    assert b'"timing"' not in result.to_json()
    result.save(tmp_path / "old.json")
    assert Result.load(tmp_path / "old.json").to_json() == (tmp_path / "old.json").read_bytes()


def test_a_result_of_a_version_that_kept_no_spread_is_read_and_written_as_it_is(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """The same bytes come out; what it does not have is not invented."""
    evaluate(*pair, intervals=False).save(tmp_path / "result.json")
    document = msgspec.json.decode((tmp_path / "result.json").read_bytes())
    del document["timing"]["spread_ms"]
    old = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    (tmp_path / "old.json").write_bytes(old)
    assert Result.load(tmp_path / "old.json").to_json() == old


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("fps", "value"), 90.0, "its frames per second are not one over the median total"),
        (("fps", "low"), 90.0, "the interval of its frames per second does not hold them"),
        (("stages", "forward", "p50", "value_ms"), 50.0, "the times of forward do not ascend"),
        (("stages", "forward", "p50", "value_ms"), -1.0, "the times of forward do not ascend"),
        (("stages", "decode", "p50", "low_ms"), 3.0, "an interval of the times of decode does not hold its number"),
        (("threads",), -1, "timing.threads"),
        (("spread_ms",), [12.0], "the spread of its times is not that of their total"),
        (("spread_ms",), [12.0] * 19, "the spread of its times is not that of their total"),
        (("spread_ms",), [13.0, *(8 + 0.4 * step for step in range(2, 20))], "the spread of its times is not that"),
        (("spread_ms",), [8 + 0.4 * step for step in range(1, 19)] + [99.0], "the spread of its times is not that"),
    ],
)
def test_times_that_cannot_be_are_refused(
    pair: tuple[Path, Path], tmp_path: Path, place: tuple[str, ...], value: float | list[float], said: str
) -> None:
    """A result whose times were changed is one sentence."""
    evaluate(*pair, intervals=False).save(tmp_path / "result.json")
    document = json.loads((tmp_path / "result.json").read_text())
    inner = document["timing"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (tmp_path / "result.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=said):
        Result.load(tmp_path / "result.json")


@pytest.mark.slow
def test_predictions_on_other_data_are_remarked(detbench: Command, pair: tuple[Path, Path]) -> None:
    """A warning, since corrected annotations are a good reason to evaluate again; none where nothing is known."""
    truth, folder = pair
    _say_dataset(folder, "0" * 64)
    done = detbench("eval", truth, folder)
    assert done.returncode == 0
    assert "warning: the ground truth is not what detbench predict was given" in done.stderr
    _say_dataset(folder, None)
    assert "fingerprints differ" not in detbench("eval", truth, folder).stderr


def test_files_that_were_changed_are_remarked(detbench: Command, pair: tuple[Path, Path]) -> None:
    """Other predictions beside the times of the first ones: a warning names the file."""
    truth, folder = pair
    (folder / "predictions.json").write_text((folder / "predictions.json").read_text() + "\n")
    done = detbench("eval", truth, folder)
    assert done.returncode == 0
    assert "warning: changed since detbench predict wrote it: predictions.json; times and scores may be" in done.stderr


def test_what_is_missing_is_left_out(pair: tuple[Path, Path]) -> None:
    """A folder without proposals, and one without times; given proposals go before those of the folder."""
    truth, folder = pair
    other = folder.with_name("other.json")
    other.write_text(json.dumps([{"image_id": 3, "bbox": BOX, "score": 0.5}]))
    given = evaluate(truth, folder, proposals=other, intervals=False)
    assert given.proposals
    assert given.proposals.source == "other.json"
    (folder / "proposals.json").unlink()
    assert evaluate(truth, folder, intervals=False).proposals is None
    (folder / "timing.json").unlink()
    assert evaluate(truth, folder, intervals=False).timing is None


def test_a_stream_and_an_explanation_take_the_folder_too(detbench: Command, pair: tuple[Path, Path]) -> None:
    """The stream reads the predictions, keeps the times, and says that proposals are not read."""
    truth, folder = pair
    done = detbench("eval", truth, folder, "--stream", "--json")
    result = _result(done)
    assert (result["name"], result["metrics"]["AP50"]) == ("nightly", pytest.approx(0.7525, abs=1e-4))
    assert result["timing"]["batch_size"] == 1
    assert "proposals.json is not read: a stream keeps no boxes" in done.stderr
    assert detbench("eval", truth, folder, "--explain").returncode == 0


def test_a_threshold_is_tuned_on_another_folder(detbench: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    """``--tune-predictions`` takes a folder of predictions too."""
    truth, folder = pair
    document = json.loads(truth.read_text())
    for row in document["images"]:
        row["file_name"] = f"other{row['id']}.jpg"
    for row in document["annotations"]:
        row["bbox"] = FAR
    (tmp_path / "other.json").write_text(json.dumps(document))
    done = detbench("eval", truth, folder, "--tune-on", tmp_path / "other.json", "--tune-predictions", folder, "--json")
    assert _result(done)["counting"]["threshold"]["predictions"] == "predictions.json"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("timing.json", b"{", "timing.json: is not a timing of a prediction ("),
        ("timing.json", b"{}", "timing.json: is not a timing of a prediction: "),
        ("predict.json", b"[]", "predict.json: is not a record of what was predicted: should be an object"),
        ("predict.json", b"{}", "predict.json: is not a record of what was predicted: has no schema"),
        ("predict.json", b"\xff", "predict.json: is not a record of what was predicted"),
        ("predictions.arrow", b"", "has predictions.json and predictions.arrow, and which of them is meant"),
    ],
)
def test_a_broken_folder_is_one_sentence(
    detbench: Command, pair: tuple[Path, Path], file: str, content: bytes, said: str
) -> None:
    """It names the file, and nothing is scored."""
    truth, folder = pair
    (folder / file).write_bytes(content)
    done = detbench("eval", truth, folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_without_predictions_is_said(detbench: Command, pair: tuple[Path, Path]) -> None:
    """A folder of ``detbench predict`` that lost them; a training run, which never had any."""
    truth, folder = pair
    (folder / "predictions.json").unlink()
    done = detbench("eval", truth, folder)
    assert done.returncode == 2
    assert "is a folder of detbench predict without predictions; write it again" in done.stderr
    for name in ("predict.json", "timing.json", "proposals.json"):
        (folder / name).unlink()
    (folder / "run.json").write_text("{}")
    done = detbench("eval", truth, folder)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {folder}: is a training run, which holds no predictions; make them with: "
        f"detbench predict {folder} DATA -o OUT, and evaluate OUT\n"
    )
