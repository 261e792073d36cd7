"""The times of a prediction: from samples to a document, to a file, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.errors import DataError
from detbench.timing.files import encoded
from detbench.timing.prediction_times import (
    STAGES,
    PredictionTimes,
    frames_per_second,
    read_prediction_times,
    stage_times,
)

if TYPE_CHECKING:
    from pathlib import Path


def document(count: int = 40) -> PredictionTimes:
    """Return a document of ``count`` samples; the total of sample i is 7.5 + i ms."""
    stages = stage_times(
        {
            "decode": [1.0] * count,
            "pre_processing": [2.0] * count,
            "forward": [4.0 + i for i in range(count)],
            "post_processing": [0.5] * count,
        }
    )
    return PredictionTimes(
        detbench="0",
        environment={},
        model="m.onnx",
        adapter="yolox",
        device="cpu",
        processor="",
        threads=2,
        thread_settings={},
        clock="time.perf_counter_ns",
        batch_size=1,
        images=count,
        warm_up=3,
        samples_left_out=0,
        fps=frames_per_second(stages["total"]),
        stages=stages,
    )


def test_the_total_is_the_sum_and_fps_is_one_over_its_median() -> None:
    """Of 40 samples 7.5 to 46.5 the median is 27 ms; the bounds of FPS are those of the median, turned round."""
    times = document()
    total = times.stages["total"]
    assert total.samples_ms[0] == 7.5
    assert total.p50.value_ms == 27.0
    assert times.fps.value == pytest.approx(1000 / 27)
    assert total.p50.low_ms is not None
    assert times.fps.high == pytest.approx(1000 / total.p50.low_ms)
    assert times.fps.low is not None
    assert times.fps.low < times.fps.value < times.fps.high


def test_few_samples_have_no_interval() -> None:
    """Below 6 samples no order statistic bounds the median."""
    times = document(5)
    assert (times.fps.low, times.fps.high) == (None, None)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """By the file's path, and by its folder's."""
    times = document()
    (tmp_path / "timing.json").write_bytes(encoded(times))
    assert read_prediction_times(tmp_path) == times
    assert read_prediction_times(tmp_path / "timing.json") == times


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), "detbench.timing/9", "has the schema 'detbench.timing/9'"),
        (("fps", "value"), 100.0, "not one over the median total"),
        (("fps",), None, "should be an object"),
        (("stages", "forward", "p90", "value_ms"), 1.0, "the p90 of forward is not that of its samples"),
        (("stages", "total", "samples_ms", 3), 1.0, "its totals are not the sums"),
        (("stages", "decode", "samples_ms"), [1.0], "more samples of one stage than of another"),
        (("stages", "decode", "samples_ms"), [], "has no samples of decode"),
        (("batch_size",), -1, "a whole number >= 1"),
        (("images",), 41, "40 batches of 1 are not 41 images"),
        (("warm_up",), -1, "a whole number >= 0"),
        (("threads",), 0, "a whole number >= 1"),
        (("samples_left_out",), -2, "a whole number >= 0"),
        (("stages", "decode", "samples_ms", 0), -1.0, "the samples of decode are not all times"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(
    tmp_path: Path, path: tuple[str | int, ...], value: object, words: str
) -> None:
    """One sentence that names the file and what is wrong."""
    whole = json.loads(encoded(document()))
    place = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (tmp_path / "timing.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=words) as caught:
        read_prediction_times(tmp_path)
    assert "timing.json" in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", '{"stages": {}}', "no JSON"])
def test_any_other_file_is_refused(tmp_path: Path, content: str) -> None:
    """Whatever it is, it is one DataError."""
    (tmp_path / "timing.json").write_text(content)
    with pytest.raises(DataError, match=r"timing\.json"):
        read_prediction_times(tmp_path)


def test_a_missing_stage_is_named(tmp_path: Path) -> None:
    """The stages are all there or it is no such document."""
    whole = json.loads(encoded(document()))
    del whole["stages"]["forward"]
    (tmp_path / "timing.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match="has no times of forward"):
        read_prediction_times(tmp_path)
    assert STAGES[-1] == "total"
