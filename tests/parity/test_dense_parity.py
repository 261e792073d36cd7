"""``dense`` is COCO with maxDets 1000: pycocotools' arrays, read by hand, for its own summary is broken there."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = [1, 10, 100, 1000]


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Path, Path], dict[str, np.ndarray]]:
    """Two images of 300 and 40 objects, 1,300 predictions on the first; pycocotools' precision and recall."""
    rng = np.random.default_rng(5)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, count in ((1, 300), (2, 40)):
        for _ in range(count):
            corner, side = rng.uniform(0, 900, 2), rng.choice([12.0, 30.0, 40.0, 110.0], 2)
            box = [*corner, *side]
            row = {"image_id": image, "category_id": int(rng.integers(1, 3)), "bbox": box}
            crowd = int(rng.random() < 0.03)
            annotations.append(row | {"id": len(annotations) + 1, "area": side[0] * side[1], "iscrowd": crowd})
            for _ in range(rng.integers(0, 9)):
                moved = [*(corner + rng.normal(0, 3, 2)), *side]
                results.append(row | {"bbox": moved, "score": round(float(rng.random()), 2)})
    truth = {
        "images": [{"id": image, "file_name": f"{image}.jpg", "width": 1024, "height": 1024} for image in (1, 2)],
        "categories": [{"id": category, "name": str(category)} for category in (1, 2)],
        "annotations": annotations,
    }
    folder = tmp_path_factory.mktemp("dense")
    files = folder / "gt.json", folder / "dt.json"
    for path, value in zip(files, (truth, results), strict=True):
        path.write_text(json.dumps(value))
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(files[0]))
        evaluation = COCOeval(known, known.loadRes(str(files[1])), "bbox")
        evaluation.params.maxDets = LIMITS
        evaluation.evaluate()
        evaluation.accumulate()
    return files, evaluation.eval


def test_dense_numbers_are_pycocotools_arrays(arrays: tuple[tuple[Path, Path], dict[str, np.ndarray]]) -> None:
    """AP at 1000 in every size and threshold, AR at each maxDets, to the last bit; 100 would have given another AP."""
    files, found = arrays
    precision, recall = found["precision"], found["recall"]
    expected = {
        "AP": precision[..., 0, 3],
        "AP50": precision[0, :, :, 0, 3],
        "AP75": precision[5, :, :, 0, 3],
        **{f"AP{size}": precision[..., area, 3] for area, size in enumerate("sml", start=1)},
        **{f"AR{limit}": recall[:, :, 0, place] for place, limit in enumerate(LIMITS)},
        **{f"AR{size}": recall[:, :, area, 3] for area, size in enumerate("sml", start=1)},
    }
    metrics = evaluate(*files, protocol="dense", intervals=False).metrics
    assert metrics == {name: float(np.mean(values[values > -1])) for name, values in expected.items()}
    assert list(metrics) == list(expected)
    assert metrics["AP"] != evaluate(*files, protocol="coco", intervals=False).metrics["AP"]
    assert metrics["AR1000"] > metrics["AR100"]  # type: ignore[operator]


def test_a_category_s_numbers_by_size_are_pycocotools(
    arrays: tuple[tuple[Path, Path], dict[str, np.ndarray]],
) -> None:
    """A category's AP, AR and largest recall, overall and by size, and its counts of ground truth by size."""
    files, found = arrays
    truth = json.loads(files[0].read_text())["annotations"]
    bounds = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
    for place, category in enumerate(evaluate(*files, protocol="dense", intervals=False).per_category):
        precision, recall = found["precision"][:, :, place, :, 3], found["recall"][:, place, :, 3]
        expected = {"AP": precision[..., 0], "AP50": precision[0, :, 0], "AP75": precision[5, :, 0]}
        expected |= {f"AP{size}": precision[..., area] for area, size in enumerate("sml", start=1)}
        expected |= {"AR1000": recall[:, 0], "recall": recall[0, 0]}
        expected |= {f"recall{size}": recall[0, area] for area, size in enumerate("sml", start=1)}
        wanted = {name: pytest.approx(float(np.mean(values)), abs=1e-12) for name, values in expected.items()}
        assert {name: category.metrics[name] for name in wanted} == wanted
        own = [row["area"] for row in truth if row["category_id"] == place + 1 and not row["iscrowd"]]
        counts = {name: sum(low <= area <= high for area in own) for name, (low, high) in bounds.items()}
        assert category.ground_truths_by_size == counts
        assert category.ground_truths == len(own)


def test_a_size_that_a_category_lacks_has_a_reason(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """A category of small objects only: its numbers of medium and large are undefined, and it is said why."""
    files = coco_pair([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    (category,) = evaluate(*files, intervals=False).per_category
    assert [category.metrics["APs"], category.metrics["recalls"]] == pytest.approx([1.0, 1.0])
    undefined = {name for name, value in category.metrics.items() if value is None}
    assert undefined == {"APm", "APl", "recallm", "recalll"} == set(category.reasons)
    assert category.reasons["recallm"] == "no ground truth to be found is medium (1,024 to 9,216 square pixels)"
    assert category.ground_truths_by_size == {"small": 1, "medium": 0, "large": 0}
