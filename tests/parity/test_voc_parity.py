"""Pascal VOC's numbers are those that other evaluators recorded for the same files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench import evaluate
from detbench.evaluation.metrics.curves import area_under_curve
from detbench.evaluation.protocols import PROTOCOLS, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.results import Result

    Pair = Callable[..., tuple[Path, Path]]


def variant(name: str, **changes: Any) -> Protocol:
    """Return a VOC protocol with some rules changed."""
    return PROTOCOLS[name]._replace(**changes)


def sides(x1: float, y1: float, x2: float, y2: float) -> list[float]:
    """Corners as COCO writes them."""
    return [x1, y1, x2 - x1, y2 - y1]


@pytest.fixture
def cartucho(shared: Path, coco_pair: Pair) -> tuple[tuple[Path, Path], list[str]]:
    """Cartucho's 85 images as COCO files, and the names of its categories in the order of their ids."""
    folder = shared / "metric_fixtures/cartucho_map"
    truth, predictions = [], []
    for path in sorted((folder / "ground-truth").glob("*.txt")):
        for line in path.read_text().splitlines():
            name, *numbers = line.split()
            difficult = numbers[-1:] == ["difficult"]
            truth.append((path.stem, name, sides(*map(float, numbers[:4])), difficult))
    for path in sorted((folder / "detection-results").glob("*.txt")):
        for line in path.read_text().splitlines():
            name, score, *numbers = line.split()
            predictions.append((path.stem, name, sides(*map(float, numbers)), float(score)))
    assert not any(difficult for *_, difficult in truth)
    names = sorted({row[1] for row in truth + predictions})
    ids = {name: number for number, name in enumerate(names, start=1)}
    pair = coco_pair(
        [(image, ids[name], box) for image, name, box, _ in truth],
        [(image, ids[name], box, score) for image, name, box, score in predictions],
    )
    return pair, names


@pytest.mark.parametrize(("recorded", "inclusive"), [("voc_plus1", True), ("voc_noplus1", False)])
@pytest.mark.parametrize(("protocol", "key"), [("voc2012", "ap_area"), ("voc2007", "ap_11")])
def test_cartucho_per_category(
    shared: Path, cartucho: tuple[tuple[Path, Path], list[str]], recorded: str, inclusive: bool, protocol: str, key: str
) -> None:
    """Every category's AP and recall, all-point and 11-point, with and without the border pixel."""
    expected = json.loads((shared / "metric_fixtures/expected.json").read_text())["cartucho"][recorded]
    files, names = cartucho
    result = evaluate(*files, protocol=variant(protocol, inclusive_boxes=inclusive), intervals=False)
    found = dict(zip(names, result.per_category, strict=True))
    for name, values in expected["per_class"].items():
        category = found[name]
        assert category.ground_truths == values["npos"]
        assert category.predictions == values["ndet"]
        assert category.metrics["AP"] == pytest.approx(values[key], abs=1e-12), name
        assert category.metrics["recall"] == pytest.approx(values["recall"], abs=1e-12), name
    assert result.metrics["mAP"] == pytest.approx(expected["map_11" if key == "ap_11" else "map_area"], abs=1e-12)
    assert result.metrics["recall"] == pytest.approx(expected["mean_recall"], abs=1e-12)


def padilla(shared: Path, coco_pair: Pair, **changes: Any) -> Callable[[str, float], Result]:
    """Score Padilla's case 1 under a VOC protocol at an IoU threshold."""
    folder = shared / "metric_fixtures/padilla_case1"
    truth, predictions = [], []
    for path in sorted((folder / "gts").glob("*.txt")):
        truth += [(path.stem, 1, list(map(float, line.split()[1:]))) for line in path.read_text().splitlines()]
    for path in sorted((folder / "dets").glob("*.txt")):
        for line in path.read_text().splitlines():
            _, score, *box = line.split()
            predictions.append((path.stem, 1, list(map(float, box)), float(score)))
    files = coco_pair(truth, predictions)
    return lambda name, threshold: evaluate(
        *files, protocol=variant(name, iou_thresholds=(threshold,), **changes), intervals=False
    )


@pytest.mark.parametrize(("section", "inclusive"), [(None, True), ("without_plus1_for_contrast", False)])
@pytest.mark.parametrize(("protocol", "key"), [("voc2007", "eleven_point"), ("voc2012", "every_point")])
def test_padilla_case_1(
    shared: Path, coco_pair: Pair, section: str | None, inclusive: bool, protocol: str, key: str
) -> None:
    """Padilla's case 1 at four IoU thresholds, which tells inclusive boxes from continuous ones."""
    expected = json.loads((shared / "metric_fixtures/expected.json").read_text())["padilla_case1"]
    values = (expected[section] if section else expected)[key]
    score = padilla(shared, coco_pair, inclusive_boxes=inclusive)
    for threshold, value in values.items():
        # The tool's values are recorded to 10 decimals.
        assert score(protocol, float(threshold)).metrics["mAP"] == pytest.approx(value, abs=1e-10), threshold


def test_tf_object_detection_api_honours_difficult(shared: Path, coco_pair: Pair) -> None:
    """The TF Object Detection API's case: AP a category, mAP, and difficult ground truth left out of the count."""
    case = json.loads((shared / "metric_fixtures/tf_od_api.json").read_text())["pascal"]
    order = (1, 0, 3, 2)  # the API writes ymin, xmin, ymax, xmax
    truth = [
        {
            "id": number,
            "image_id": image,
            "category_id": category,
            "bbox": sides(*(box[i] for i in order)),
            "difficult": bool(difficult),
        }
        for number, (image, category, box, difficult) in enumerate(
            (
                (image, *row)
                for image, rows in case["gt"].items()
                for row in zip(rows["classes"], rows["boxes"], rows["difficult"], strict=True)
            ),
            start=1,
        )
    ]
    predictions = [
        (image, category, sides(*(box[i] for i in order)), score)
        for image, rows in case["dt"].items()
        for category, box, score in zip(rows["classes"], rows["boxes"], rows["scores"], strict=True)
    ]
    files = coco_pair(truth, predictions)
    result = evaluate(*files, protocol="voc2012", intervals=False)
    names = [case["categories"][category.name.removeprefix("category ")] for category in result.per_category]
    for name, category in zip(names, result.per_category, strict=True):
        assert category.metrics["AP"] == pytest.approx(case["expected"][f"AP@0.5/{name}"])
    assert result.metrics["mAP"] == pytest.approx(case["expected"]["mAP@0.5"])
    assert [c.ground_truths for c in result.per_category] == case["expected"]["num_gt_with_difficult_dropped"]
    counted = evaluate(*files, protocol=variant("voc2012", ignore_difficult=False), intervals=False)
    assert counted.per_category[0].ground_truths == result.per_category[0].ground_truths + 1


def test_tf_object_detection_api_average_precision(shared: Path) -> None:
    """The API's recorded curve has the API's recorded area."""
    case = json.loads((shared / "metric_fixtures/tf_od_api.json").read_text())["average_precision"]
    area = area_under_curve(np.array(case["recall"]), np.array(case["precision"]))
    assert area == pytest.approx(case["ap"], abs=1e-12)


def test_torchmetrics_inputs(shared: Path, tmp_path: Path) -> None:
    """The inputs of torchmetrics give pycocotools' recorded numbers."""
    case = json.loads((shared / "metric_fixtures/torchmetrics_inputs.json").read_text())
    (tmp_path / "gt.json").write_text(json.dumps(case["gt"]))
    (tmp_path / "dt.json").write_text(json.dumps(case["dt"]))
    result = evaluate(tmp_path / "gt.json", tmp_path / "dt.json", protocol="coco_strict", intervals=False)
    expected = [None if value == -1 else value for value in case["coco_stats"]]
    assert list(result.metrics.values()) == pytest.approx(expected, abs=1e-12)
