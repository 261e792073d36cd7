"""Ignored regions: how much of a box they cover, and what takes no part because of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench import evaluate
from detbench.data.pictures import FolderPictures
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images, Predictions
from detbench.evaluation import regions
from detbench.evaluation.protocols import PROTOCOLS, Protocol
from detbench.evaluation.regions import covered_area, inside_regions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: COCO that honours regions, measured as they are.
EXACT = PROTOCOLS["coco"]._replace(name="exact", ignored_region_share=0.5)


def scene(
    truth: list[tuple[int, int, list[float]]], found: list[tuple[int, int, list[float], float]], size_px: int = 100
) -> tuple[Dataset, LoadedPredictions]:
    """Return a dataset of square pictures and predictions; rows are image, category (−1 a region), corners, score."""
    builder = GroundTruthBuilder()
    for image, category, box in truth:
        builder.add(image, category, (box[0], box[1], box[2], box[3]), ignore=category < 0)
    count = 1 + max(row[0] for row in [*truth, *found])
    size = np.full(count, size_px, np.int32)
    names = tuple(f"{image}.jpg" for image in range(count))
    dataset = Dataset(
        "scene",
        "coco",
        Path("scene"),
        None,
        Categories.from_names(["car", "others"]),
        Images(tuple(range(count)), names, size, size),
        builder.build(),
        FolderPictures((None,) * count, names),
    )
    predictions = Predictions.grouped(
        np.array([row[0] for row in found], np.int32),
        np.array([row[1] for row in found], np.int32),
        np.array([row[2] for row in found], np.float64).reshape(-1, 4),
        np.array([row[3] for row in found], np.float64),
    )
    return dataset, LoadedPredictions(predictions, "p.json", {}, "coco")


def painted(box: NDArray[np.int64], covering: NDArray[np.int64]) -> int:
    """Count pixel by pixel what :func:`covered_area` measures."""
    canvas = np.zeros((40, 40), dtype=bool)
    for x1, y1, x2, y2 in covering:
        canvas[y1:y2, x1:x2] = True
    return int(canvas[box[1] : box[3], box[0] : box[2]].sum())


@pytest.mark.parametrize("seed", range(20))
def test_covered_area_is_what_a_raster_counts(seed: int) -> None:
    """Overlapping, touching, nested and empty regions count once each pixel."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 25, (30, 2))
    boxes = np.concatenate([corner, corner + rng.integers(0, 15, (30, 2))], axis=1)
    covering, boxes = boxes[: rng.integers(1, 8)], boxes[8:]
    expected = [painted(box, covering) for box in boxes]
    assert covered_area(boxes.astype(float), covering.astype(float)).tolist() == expected


def test_thousands_of_regions_are_measured_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halving the cells changes no area; 3,000 regions of one picture do not take the memory."""
    rng = np.random.default_rng(1)
    corner = rng.integers(0, 30, (60, 2)).astype(float)
    boxes = np.concatenate([corner, corner + rng.integers(0, 9, (60, 2))], axis=1)
    whole = covered_area(boxes, boxes[:40])
    monkeypatch.setattr(regions, "_MOST_CELLS", 20)
    assert covered_area(boxes, boxes[:40]).tolist() == whole.tolist()
    monkeypatch.undo()
    strips = np.array([[3.0 * place, 3.0 * place, 3.0 * place + 2, 1e4] for place in range(3000)])
    everything = np.array([[0.0, 0.0, 1e4, 1e4]])
    assert covered_area(everything, strips)[0] == sum(2 * (1e4 - 3 * place) for place in range(3000))


def test_regions_turned_inside_out_cover_nothing() -> None:
    """A region whose corners are swapped has no inside, and takes none from others."""
    box, region = np.array([[0.0, 0, 10, 10]]), np.array([[8.0, 8, 2, 2], [0, 0, 1, 1]])
    assert covered_area(box, region).tolist() == [1.0]


def test_the_union_decides_and_not_the_sum() -> None:
    """Two regions over the same 40 % of a box leave it in; side by side they drop it; half is enough."""
    box = [0.0, 0.0, 10.0, 10.0]
    found = [(0, 0, box, 0.9)]
    same = scene([(0, 0, box), (0, -1, [0, 0, 4, 10]), (0, -1, [0, 0, 4, 10])], found)
    beside = scene([(0, 0, box), (0, -1, [0, 0, 3, 10]), (0, -1, [3, 0, 5, 10])], found)
    for (dataset, loaded), dropped in ((same, False), (beside, True)):
        truths, predictions = inside_regions(dataset, loaded.predictions, EXACT)
        assert truths.tolist() == [dropped, False, False]
        assert predictions.tolist() == [dropped]


def test_a_share_is_of_the_box_and_a_region_of_its_image() -> None:
    """A small box in a large region goes, a large box around a small region stays, and so does another image's."""
    small, large = [10.0, 10.0, 12.0, 12.0], [0.0, 0.0, 60.0, 60.0]
    found = [(0, 0, small, 0.9), (0, 0, large, 0.8), (1, 0, small, 0.7)]
    dataset, loaded = scene([(0, -1, [9, 9, 20, 20]), (1, 0, large)], found)
    assert inside_regions(dataset, loaded.predictions, EXACT)[1].tolist() == [True, False, False]
    keen = EXACT._replace(ignored_region_share=0.03)
    assert inside_regions(dataset, loaded.predictions, keen)[1].tolist() == [True, True, False]


def test_a_prediction_in_a_region_is_neither_right_nor_wrong() -> None:
    """Dropped predictions lower no precision, and dropped objects need not be found; both are said."""
    car, far, crowded = [0.0, 0.0, 20.0, 20.0], [70.0, 70.0, 90.0, 90.0], [72.0, 72.0, 88.0, 88.0]
    dataset, loaded = scene(
        [(0, 0, car), (0, 0, crowded), (0, -1, [60, 60, 100, 100])], [(0, 0, far, 0.9), (0, 0, car, 0.8)]
    )
    plain = evaluate(dataset, loaded, protocol="coco", intervals=False)
    honoured = evaluate(dataset, loaded, protocol=EXACT, intervals=False)
    assert plain.metrics["AP50"] == pytest.approx(1.0)  # the far box finds the crowded car: 256 / 400
    assert plain.metrics["AP75"] == pytest.approx((51 / 101) * 0.5)
    assert honoured.metrics["AP75"] == pytest.approx(1.0)
    assert [(c.ground_truths, c.ignored) for c in honoured.per_category] == [(1, 1), (0, 0)]
    said = {remark.code: remark.message for remark in plain.remarks} | {r.code: r.message for r in honoured.remarks}
    assert "1 ignored region of no category is not honoured by the protocol coco" in said["regions-not-honoured"]
    assert "1 prediction and 1 ground truth with 50% of their area or more" in said["regions-honoured"]
    assert {r.code for r in plain.remarks} & {r.code for r in honoured.remarks} >= {"categories-without-ground-truth"}


def test_what_a_region_drops_makes_room_under_max_dets() -> None:
    """Regions come before maxDets: the highest scores lie in a region, and the next are counted."""
    car, hidden = [0.0, 0.0, 20.0, 20.0], [70.0, 70.0, 90.0, 90.0]
    one = EXACT._replace(max_dets=(1,))
    dataset, loaded = scene(
        [(0, 0, car), (0, -1, [60, 60, 100, 100])], [(0, 0, hidden, 0.9), (0, 0, car, 0.8), (0, 0, car, 0.7)]
    )
    result = evaluate(dataset, loaded, protocol=one, intervals=False)
    assert result.metrics["AR1"] == pytest.approx(1.0)
    said = {remark.code: remark.message for remark in result.remarks}
    assert said["predictions-over-max-dets"].startswith("1 predictions beyond the 1 highest")
    assert evaluate(dataset, loaded, protocol=one._replace(ignored_region_share=None), intervals=False).metrics[
        "AR1"
    ] == pytest.approx(0.0)


@pytest.mark.parametrize("protocol", [EXACT, PROTOCOLS["visdrone"]])
def test_no_regions_no_change(shared: Path, protocol: Protocol) -> None:
    """Where a dataset has no regions, honouring them changes no bit."""
    files = [
        shared / part
        for part in (
            "coco_tiny/annotations/instances_val2017.json",
            "predictions/yolox_nano__coco_tiny_val.json",
        )
    ]
    off = protocol._replace(ignored_region_share=None)
    with_regions, without = (evaluate(*files, protocol=one, intervals=False).metrics for one in (protocol, off))
    assert with_regions == without


def test_regions_of_a_file_are_honoured_by_a_protocol_of_one_s_own(
    detbench: Callable[..., Any], tmp_path: Path
) -> None:
    """VisDrone's files through the command line, under COCO with ``ignored_region_share`` from TOML."""
    folder = tmp_path / "VisDrone2019-DET-val"
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations" / "a.txt").write_text("0,0,20,20,1,4,0,0\n50,50,40,40,0,0,0,0\n")
    rows = [{"image_id": "a", "category_id": 4, "bbox": box, "score": 0.9} for box in ([52, 52, 9, 9], [0, 0, 20, 20])]
    (tmp_path / "dt.json").write_text(json.dumps(rows))
    (tmp_path / "mine.toml").write_text('base = "coco"\nignored_region_share = 0.5\n')
    scores = []
    for protocol in (tmp_path / "mine.toml", "coco"):
        done = detbench(
            "eval", folder, tmp_path / "dt.json", "--protocol", protocol, "--json", "--no-intervals", "--join", "stem"
        )
        assert done.returncode == 0, done.stderr
        scores.append(json.loads(done.stdout))
    assert [score["metrics"]["AP"] for score in scores] == pytest.approx([1.0, 0.5])
    assert [score["protocol"]["name"] for score in scores] == ["mine", "coco"]
