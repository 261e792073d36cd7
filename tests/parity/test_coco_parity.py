"""COCO's numbers are pycocotools', on real detectors' predictions and on thousands of hard small cases."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.protocols import PROTOCOLS

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
REAL = {
    "yolox_nano": ("coco_tiny/annotations/instances_val2017.json", "predictions/yolox_nano__coco_tiny_val.json"),
    "centernet": ("coco_tiny/annotations/instances_val2017.json", "predictions/centernet_mbv3__coco_tiny_val.json"),
    "coco_api_demo": (
        "coco_val2014_100/instances_val2014_100.json",
        "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ),
    "area_of_box": (
        "metric_fixtures/coco100_bboxarea/gts/sampled_gts_bbox_area.json",
        "metric_fixtures/coco100_bboxarea/cocoapi_results.json",
    ),
}


def with_pycocotools(ground_truth: Path, predictions: Path) -> COCOeval:
    """Run pycocotools on the two files, without its printing."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ground_truth))
        evaluation = COCOeval(truth, truth.loadRes(str(predictions)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("name", REAL)
def test_twelve_numbers_equal_pycocotools(shared: Path, name: str) -> None:
    """The twelve numbers are pycocotools' to the last bit."""
    truth, predictions = (shared / part for part in REAL[name])
    result = evaluate(truth, predictions, intervals=False)
    assert [result.metrics[key] for key in NAMES] == with_pycocotools(truth, predictions).stats.tolist()
    assert list(result.metrics) == NAMES


@pytest.mark.parametrize("name", REAL)
def test_precision_and_recall_arrays_equal_pycocotools(shared: Path, name: str) -> None:
    """Every value of the precision and recall arrays is pycocotools' to the last bit."""
    truth, predictions = (shared / part for part in REAL[name])
    dataset = read_dataset(truth)
    curves = accumulate(match(dataset, read_predictions(predictions, dataset).predictions, PROTOCOLS["coco"]))
    expected = with_pycocotools(truth, predictions).eval
    assert np.array_equal(np.nan_to_num(curves.precision, nan=-1), expected["precision"][..., -1])
    assert np.array_equal(np.nan_to_num(curves.recall, nan=-1), expected["recall"])


def test_published_numbers_of_the_coco_api(shared: Path) -> None:
    """The COCO API's demo numbers, and its per-category ones, come out to 1e-12."""
    expected = json.loads((shared / "coco_val2014_100/expected.json").read_text())
    truth, predictions = (shared / part for part in REAL["coco_api_demo"])
    result = evaluate(truth, predictions, intervals=False)
    assert list(result.metrics.values()) == pytest.approx(expected["stats_bbox"], abs=1e-12)
    categories = {category.name: category.metrics for category in result.per_category}
    for name, values in expected["per_class"].items():
        mine = categories[name]
        found = [mine["AP"], mine["AP50"], mine["AR100"], mine["recall"]]
        wanted = [values["AP"], values["AP50"], values["AR100"], values["recall50"]]
        assert found == pytest.approx([None if value == -1 else value for value in wanted], abs=1e-12), name


@pytest.mark.parametrize("name", ["yolox_nano", "centernet"])
def test_recorded_numbers_of_real_detectors(shared: Path, name: str) -> None:
    """The numbers recorded for the two detectors come out to 1e-12."""
    truth, predictions = (shared / part for part in REAL[name])
    expected = json.loads((shared / "predictions/expected_pycocotools.json").read_text())[predictions.stem]
    assert evaluate(truth, predictions, intervals=False).metrics == pytest.approx(expected, abs=1e-12)


# Few distinct values, so that scores and IoUs tie, boxes coincide, and areas land on COCO's bounds of 32² and 96².
_corner = st.sampled_from([0.0, 0.1, 5.0, 10.0, 33.3])
_side = st.sampled_from([0.0, 0.1, 10.0, 16.0, 32.0, 32.000001, 64.0, 96.0, 96.1])
_box = st.tuples(_corner, _corner, _side, _side).map(list)
_image = st.sampled_from([3, 17, 20, 400])
_category = st.sampled_from([1, 2, 90])
_truth = st.builds(
    lambda image, category, box, crowd, area: {
        "image_id": image,
        "category_id": category,
        "bbox": box,
        "iscrowd": int(crowd),
        "area": box[2] * box[3] if area is None else area,
    },
    _image,
    _category,
    _box,
    st.booleans(),
    st.one_of(st.none(), st.sampled_from([1024.0, 9216.0, 1023.99, 1e10])),
)
_prediction = st.builds(
    lambda image, category, box, score: {"image_id": image, "category_id": category, "bbox": box, "score": score},
    _image,
    _category,
    _box,
    st.sampled_from([0.0, 0.1, 0.5, 0.5, 0.9, 1.0]),
)


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    truth=st.lists(_truth, max_size=12),
    predictions=st.lists(_prediction, min_size=1, max_size=25),
    copies=st.sampled_from([1, 1, 1, 40]),
)
def test_small_hard_cases_equal_pycocotools(
    tmp_path: Path, truth: list[dict[str, object]], predictions: list[dict[str, object]], copies: int
) -> None:
    """Ties, crowds, empty boxes, area bounds, maxDets and unsorted files give pycocotools' bits."""
    for number, annotation in enumerate(truth, start=7):
        annotation["id"] = number
    dataset = {
        "images": [{"id": key, "width": 640, "height": 480, "file_name": f"{key}.jpg"} for key in (400, 3, 20, 17, 5)],
        "annotations": truth,
        "categories": [{"id": key, "name": str(key)} for key in (90, 1, 2, 44)],
    }
    truth_path, predictions_path = tmp_path / "gt.json", tmp_path / "dt.json"
    truth_path.write_text(json.dumps(dataset))
    predictions_path.write_text(json.dumps(predictions * copies))
    result = evaluate(truth_path, predictions_path, protocol="coco_strict", intervals=False)
    expected = [None if value == -1 else value for value in with_pycocotools(truth_path, predictions_path).stats]
    assert list(result.metrics.values()) == expected
