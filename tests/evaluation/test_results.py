"""A result is read back only as it was written."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.errors import DataError, DetbenchError
from detbench.evaluation.results import Result
from detbench.report.pages import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOX = [10.0, 10.0, 50.0, 50.0]


@pytest.fixture
def saved(coco_pair: Callable[..., tuple[Path, Path]], tmp_path: Path) -> Path:
    """Return a saved result of two categories."""
    pair = coco_pair([(1, 1, BOX), (1, 2, BOX)], [(1, 1, BOX, 0.9)])
    evaluate(*pair, resamples=100).save(tmp_path / "result.json")
    return tmp_path / "result.json"


def put(path: Path, place: str, value: Any) -> None:
    """Write ``value`` at ``place`` (keys with ``/`` between them) of the JSON at ``path``."""
    document = json.loads(path.read_text())
    *keys, last = place.split("/")
    inner = document
    for key in keys:
        inner = inner[key]
    inner[last] = value
    path.write_text(json.dumps(document))


def test_what_was_saved_is_loaded(saved: Path) -> None:
    """A result survives its file, also one that an editor gave a byte order mark."""
    assert Result.load(saved).to_json() == saved.read_bytes()
    data = saved.read_bytes()
    saved.write_bytes(b"\xef\xbb\xbf" + data)
    assert Result.load(saved).to_json() == data


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("metrics/AP", 7.5, "AP is 7.5, and every number lies between 0 and 1"),
        ("metrics/AP", -1, "AP is -1"),
        ("metrics/AP", "0.5", "should be a number or null, not a string"),
        ("metrics/AP", float("nan"), "is not a detbench result"),
        ("intervals/AP", [0.9, 0.1], "the interval of AP"),
        ("curves/recall", [0.0, 1.0], "differ in length"),
        ("curves/recall", [], "differ in length"),
        ("curves/mean", {"0.50": [1.0] * 500}, "differ in length"),
        ("curves/mean", {"0.50": [1e308] * 101}, "leaves the range"),
        ("curves/by_category", [], "differ in length"),
        ("dataset/images", -5, "dataset.images"),
        ("protocol/areas", [[[[[[[[[]]]]]]]]], "nested too deeply"),
        ("protocol/name", ["coco"], "protocol has no name"),
        ("schema", "detbench.result/2", "has the schema 'detbench.result/2', and this version reads"),
        ("schema", "", "is not a detbench result; "),
    ],
)
def test_what_was_changed_is_refused(saved: Path, place: str, value: Any, said: str) -> None:
    """A number, a curve or a count that cannot be is one sentence that names the file, and so is another schema."""
    put(saved, place, value)
    with pytest.raises(DataError) as caught:
        Result.load(saved)
    assert said in str(caught.value)
    assert "result.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"\xff", b'{"schema": "\xff"}', b'{"x": ' + b"[" * 100_000, b"\x1f\x8b\x08", b"[]"]
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    """Other bytes, text that is not UTF-8, and endless nesting are one sentence each."""
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(DataError, match=r"result\.json"):
        Result.load(tmp_path / "result.json")


def test_a_protocol_of_odd_areas_is_a_page(saved: Path) -> None:
    """Settings that this version does not know are shown as they stand."""
    from detbench.report.pages import render_report

    put(saved, "protocol/areas", [{"name": "a", "low_px": None, "high_px": "<b>"}])
    assert "high_px: &lt;b&gt;" in render_report(Result.load(saved))


def test_paths_may_be_text_and_a_repr_is_one_line(saved: Path, shared: Path) -> None:
    """Everything that takes a path takes a string; everything read shows itself as one line of counts."""
    result = Result.load(str(saved))
    result.save(str(saved.with_name("again.json")))
    assert saved.with_name("again.json").read_bytes() == saved.read_bytes()
    write_report(result, str(saved.with_suffix(".html")))
    assert saved.with_suffix(".html").stat().st_size
    dataset = read_dataset(str(shared / "coco_tiny"), split="val2017")
    loaded = read_predictions(str(shared / "predictions/yolox_nano__coco_tiny_val.json"), dataset)
    assert repr(dataset) == "<Dataset coco_tiny val2017 (coco): 80 images, 815 ground truths, 80 categories>"
    assert repr(dataset.images) == "<Images: 80>"
    assert repr(dataset.ground_truth) == "<GroundTruth: 815 boxes in 80 images>"
    assert repr(loaded.predictions) == "<Predictions: 4,548 boxes in 80 images>"
    assert repr(loaded) == "<LoadedPredictions yolox_nano__coco_tiny_val.json (coco): 4,548 boxes>"
    assert repr(result) == "<Result dt on gt: AP 0.500, 1 image>"


def test_to_frame_says_what_to_install(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas the message is the command that brings it."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DetbenchError, match="pip install pandas"):
        Result.load(saved).to_frame()
