"""Two COCO files scored by the native part alone give what the general readers, matching and curves give."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench import read_dataset, read_predictions
from detbench.evaluation import fast as fast_module
from detbench.evaluation.fast import FastScores, score_files
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.metrics.summary import value_of
from detbench.evaluation.protocols import PROTOCOLS, Protocol
from detbench.evaluation.scored import score
from detbench.evaluation.unpacking import curves_of, predictions_of, unpack
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(native() is None, reason="the native part was not built")

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
VARIANTS = {
    **PROTOCOLS,
    "inclusive": PROTOCOLS["coco"]._replace(inclusive_boxes=True, iou_above=True, ignore_marked=False),
    "all_points": PROTOCOLS["coco"]._replace(interpolation="all-point", max_dets=(3, None)),
    "11_points": PROTOCOLS["voc2007"]._replace(iou_thresholds=(0.3, 0.5, 0.75), max_dets=(1, 2)),
}


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Every field is equal, arrays in type, shape and every bit."""
    assert type(found) is type(expected), where
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), where
        assert np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f"), where
    elif hasattr(expected, "__dataclass_fields__"):
        for field in fields(expected):
            if field.name != "pictures":
                assert_same(getattr(found, field.name), getattr(expected, field.name), f"{where}.{field.name}")
    else:
        assert found == expected, where


def scored_fast(truth: Path, predictions: Path, protocol: Protocol) -> FastScores:
    """Score two files; they must not be left to the general readers."""
    fast = score_files(truth, predictions, protocol)
    assert fast is not None
    return fast


def assert_equal_paths(truth: Path, predictions: Path, protocol: Protocol) -> None:
    """Tables, matches, curves and numbers are those of the general path."""
    fast = scored_fast(truth, predictions, protocol)
    dataset = read_dataset(truth)
    counts = len(dataset.images), len(dataset.categories), len(dataset.ground_truth)
    assert (fast.scores.image_count, fast.scores.category_count, fast.scores.ground_truth_count) == counts
    assert fast.scores.prediction_count == len(predictions_of(fast).predictions)
    scored = score(dataset, read_predictions(predictions, dataset), protocol, None)
    assert_same(unpack(fast, None), scored)
    assert fast.metrics == {one.name: value_of(one, scored.curves, protocol) for one in summaries(protocol)}
    count = len(dataset.images)
    pictures = unpack(fast, None).dataset.pictures
    assert [pictures.path(row) for row in range(count)] == [dataset.pictures.path(row) for row in range(count)]
    assert [pictures.where(row) for row in range(count)] == [dataset.pictures.where(row) for row in range(count)]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_real_files(shared: Path, name: str, protocol: str) -> None:
    """On real ground truth and real detectors' predictions every column is equal."""
    assert_equal_paths(*(shared / part for part in REAL[name]), VARIANTS[protocol])


def hard_files(folder: Path, seed: int) -> tuple[Path, Path]:
    """Write files in no order: ids with holes, and large ones; ties, crowds, empty boxes, areas of masks or none."""
    rng = np.random.default_rng(seed)
    image_ids = rng.permutation([0, 3, 17, 400, 581_929, 2**40, 5])
    category_ids = rng.permutation([90, 1, 2, 44, 7])

    def box() -> list[float]:
        return [float(v) for v in (*rng.choice([0.0, 0.1, 5.0, 33.3], 2), *rng.choice([0.0, 0.1, 16, 32, 64, 96.1], 2))]

    def record() -> dict[str, Any]:
        image, category = int(rng.choice(image_ids[:5])), int(rng.choice(category_ids[:4]))
        return {"image_id": image, "category_id": category, "bbox": box()}

    annotations = [
        record()
        | {"id": int(number), "iscrowd": int(rng.random() < 0.2), "ignore": int(rng.random() < 0.2)}
        | ({"area": float(rng.choice([1024.0, 9216.0, 50.5]))} if rng.random() < 0.7 else {})
        | ({"difficult": 1, "truncated": 2} if rng.random() < 0.2 else {})
        for number in rng.permutation(40)
    ]
    names = ["a.jpg", "b/ü.png", "c.jpg", "", "日本.jpg", "f.jpg", "g\\h.jpg"]
    document = {
        "images": [
            {"id": int(key), "width": 640, "height": 480 + row, "file_name": names[row]}
            for row, key in enumerate(image_ids)
        ],
        "annotations": annotations,
        "categories": [{"id": int(key), "name": f"kategorie {key} é"} for key in category_ids],
    }
    predictions = [record() | {"score": float(rng.choice([-1, -0.0, 0.0, 0.5, 0.9]))} for _ in range(300)]
    (folder / "gt.json").write_text(json.dumps(document))
    (folder / "dt.json").write_text(json.dumps(predictions))
    return folder / "gt.json", folder / "dt.json"


@pytest.mark.parametrize("protocol", VARIANTS)
@pytest.mark.parametrize("seed", range(4))
def test_hard_files(tmp_path: Path, protocol: str, seed: int) -> None:
    """Under every protocol every column is equal, in whatever order the files are."""
    if score_files(*hard_files(tmp_path, seed), VARIANTS[protocol]) is None:
        assert not fast_module._honoured(VARIANTS[protocol])
        return
    assert_equal_paths(tmp_path / "gt.json", tmp_path / "dt.json", VARIANTS[protocol])


def test_files_of_nothing(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """No images, no annotations, no predictions: numbers are undefined or 0, as on the general path."""
    everything = ([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    for truth, predictions in (([], []), (everything[0], []), ([], everything[1])):
        paths = coco_pair(truth, predictions)
        if score_files(*paths, PROTOCOLS["coco"]) is not None:
            assert_equal_paths(*paths, PROTOCOLS["coco"])


def test_arrays_outlive_what_made_them(shared: Path) -> None:
    """A view keeps the memory that it looks at, and cannot be written to."""
    fast = scored_fast(*(shared / part for part in REAL["yolox_nano"]), PROTOCOLS["coco"])
    kept = curves_of(fast)
    copy = kept.precision.copy()
    del fast
    np.zeros_like(copy)
    assert np.array_equal(kept.precision, copy, equal_nan=True)
    with pytest.raises(ValueError, match="read-only"):
        kept.precision[0] = 1


def test_left_to_the_general_readers(tmp_path: Path, coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Unknown ids, other endings, folders, what is not there, and settings that are not honoured are not scored."""
    truth, predictions = coco_pair([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    coco = PROTOCOLS["coco"]
    assert score_files(str(truth), predictions, coco) is not None
    other = tmp_path / "dt.txt"
    other.write_bytes(predictions.read_bytes())
    for odd in (other, tmp_path, tmp_path / "none.json", str(truth) + "\0.json"):
        assert score_files(truth, odd, coco) is None
        assert score_files(odd, predictions, coco) is None
    for image, category in ((2, 1), (1, 2)):
        row = {"image_id": image, "category_id": category, "bbox": [0, 0, 9, 9], "score": 0.5}
        predictions.write_text(json.dumps([row]))
        assert score_files(truth, predictions, coco) is None
    far = {"image_id": 1, "category_id": 1, "bbox": [1e308, 0, 1e308, 9], "score": 0.5}
    predictions.write_text(json.dumps([far]))
    assert score_files(truth, predictions, coco) is None
    for odd_rules in ({"max_dets": (10, 1)}, {"max_dets": (None, 1)}, {"iou_thresholds": ()}):
        assert not fast_module._honoured(coco._replace(**odd_rules))


def test_a_name_that_leads_out_of_the_folder_is_an_error(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """The general reader refuses such a file, so it is not scored."""
    truth, predictions = coco_pair([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    document = json.loads(truth.read_text())
    document["images"][0]["file_name"] = "../../etc/passwd"
    truth.write_text(json.dumps(document))
    assert score_files(truth, predictions, PROTOCOLS["coco"]) is None


def test_without_the_native_part(monkeypatch: pytest.MonkeyPatch, coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Everything is left to the general readers."""
    monkeypatch.setattr(fast_module, "native", lambda: None)
    assert score_files(*coco_pair([(1, 1, [0, 0, 9, 9])], []), PROTOCOLS["coco"]) is None


def test_nothing_heavy_is_imported(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """The numbers come without NumPy, msgspec, pathlib and dataclasses."""
    truth, predictions = coco_pair([(1, 1, [0, 0, 9, 9])], [(1, 1, [0, 0, 9, 9], 0.5)])
    program = f"""
import sys
before = set(sys.modules)
from detbench.evaluation.fast import score_files
from detbench.evaluation.protocols import PROTOCOLS
assert score_files({str(truth)!r}, {str(predictions)!r}, PROTOCOLS["coco"]).metrics["AP"] > 0.999
print(*set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "msgspec", "pathlib", "dataclasses", "pandas"} & set(done.stdout.split())
