"""Counts of objects: errors at a threshold, against every threshold, and where the threshold may come from."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench import evaluate, read_dataset, read_predictions
from detbench.errors import DataError, UsageError
from detbench.evaluation.draws import Draws
from detbench.evaluation.metrics.counting import Tally, cell_errors, curve, least_mae, predicted_at, tally
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Pair = Callable[..., tuple[Path, Path]]
    Run = Callable[..., subprocess.CompletedProcess[str]]

TILED = "predictions/yolox_nano_tiled__psu_jekhor.json"
GT = "coco_tiny/annotations/instances_val2017.json"
DETECTIONS = "predictions/yolox_nano__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]
SIZE = (640, 480)


@pytest.fixture
def tiled(shared: Path, coco_pair: Pair) -> tuple[Path, Path]:
    """Return the tiled run's 144 frames: as many boxes each as were counted (their places are not recorded)."""
    run = json.loads((shared / TILED).read_text())
    truth = [(name, 1, BOX) for name, count in run["gt_counts"].items() for _ in range(count)]
    corners = [(row["image"], row["score"], row["bbox_xyxy"]) for row in run["detections"]]
    found = [(name, 1, [x1, y1, x2 - x1, y2 - y1], score) for name, score, (x1, y1, x2, y2) in corners]
    return coco_pair(truth, found, images=list(run["gt_counts"]))


@pytest.mark.parametrize("threshold", ["0.1", "0.2", "0.25", "0.3", "0.5"])
def test_recorded_values(shared: Path, tiled: tuple[Path, Path], threshold: str) -> None:
    """MAE, RMSE, bias and mean relative error of a real tiled detector on aerial frames are those recorded."""
    expected = json.loads((shared / TILED).read_text())["expected"]["counting"][threshold]
    metrics = evaluate(*tiled, count_threshold=float(threshold), intervals=False).metrics
    assert metrics["count_MAE"] == expected["MAE"]
    assert metrics["count_RMSE"] == pytest.approx(expected["RMSE"], abs=1e-12)
    assert metrics["count_bias"] == expected["bias"]
    assert metrics["count_relative_error"] == pytest.approx(expected["MAPE"], abs=1e-12)


def test_without_a_threshold_there_is_no_error_but_the_curve(tiled: tuple[Path, Path]) -> None:
    """No threshold is chosen on what is judged: the least of the curve is called hindsight, and is no metric."""
    result = evaluate(*tiled, count=True, resamples=100)
    assert not [name for name in result.metrics if name.startswith("count_")]
    part = result.counting
    assert part is not None
    assert part.threshold is None
    assert part.totals is None
    assert part.by_density == part.by_category == part.per_image.predicted == []
    assert part.hindsight is not None
    at_best = evaluate(*tiled, count_threshold=part.hindsight.threshold, intervals=False).metrics
    assert part.hindsight.mae == at_best["count_MAE"] == min(part.curve.mae.value)
    assert (part.hindsight.rmse, part.hindsight.bias) == (at_best["count_RMSE"], at_best["count_bias"])
    (remark,) = (remark for remark in result.remarks if remark.code == "count-no-threshold")
    assert "in hindsight, is an MAE of 12.55" in remark.message


def test_the_thinned_curve_is_exact_where_it_is(tiled: tuple[Path, Path]) -> None:
    """Each point of the curve is what a threshold there gives, interval included."""
    part = evaluate(*tiled, count=True, resamples=160, seed=3).counting
    assert part is not None
    assert 100 < len(part.curve.threshold) <= 202
    for place in (0, 50, len(part.curve.threshold) - 1):
        result = evaluate(*tiled, count_threshold=part.curve.threshold[place], resamples=160, seed=3)
        for name, band in (("MAE", part.curve.mae), ("RMSE", part.curve.rmse), ("bias", part.curve.bias)):
            assert result.metrics[f"count_{name}"] == pytest.approx(band.value[place], abs=1e-12)
            ends = (band.low[place], band.high[place])
            assert result.intervals[f"count_{name}"] == pytest.approx(ends, abs=1e-12)


def _tally(truth: list[int], predictions: list[tuple[int, float]], images: int) -> Tally:
    none, nowhere = np.zeros(0, np.int32), np.zeros(0, np.int64)
    image = np.array([image for image, _ in predictions], dtype=np.int32)
    score = np.array([score for _, score in predictions], dtype=np.float64)
    return Tally(
        images, np.repeat(np.arange(images, dtype=np.int32), truth), none, nowhere, image, none, score, nowhere
    )


@settings(max_examples=200, deadline=None)
@given(
    truth=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    predictions=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.1, 0.2, 0.4, 0.7, 3.0, -1.0])), max_size=25),
)
def test_the_curve_is_every_threshold_counted_anew(truth: list[int], predictions: list[tuple[int, float]]) -> None:
    """One pass gives at each distinct score, and above all, what counting there gives; ties choose the higher."""
    of = _tally(truth, [(image % len(truth), score) for image, score in predictions], len(truth))
    points = curve(of)
    scores = {score for _, score in predictions}
    assert sorted(points.threshold[1:].tolist(), reverse=True) == sorted(scores, reverse=True)
    assert not scores or points.threshold[0] > max(scores)
    errors = np.stack([predicted_at(of, threshold) - of.true() for threshold in points.threshold])
    assert np.allclose(points.mae, np.abs(errors).mean(axis=1), rtol=0, atol=1e-12)
    assert np.allclose(points.rmse, np.sqrt((errors**2).mean(axis=1)), rtol=0, atol=1e-12)
    assert np.allclose(points.bias, errors.mean(axis=1), rtol=0, atol=1e-12)
    equal = points.threshold[points.mae == points.mae.min()]
    assert points.threshold[least_mae(points)] == equal.max()


def _by_hand(dataset: Any, table: Any, threshold: float, level: int) -> float:
    """Return GAME by cutting every picture into cells, and looking into each."""
    side, errors = 2**level, []
    for image, (width, height) in enumerate(zip(dataset.images.width_px, dataset.images.height_px, strict=True)):
        truth = dataset.ground_truth
        sides = [
            truth.box[(truth.image == image) & ~truth.crowd],
            table.box[(table.image == image) & (table.score >= threshold)],
        ]
        for row in range(side):
            for column in range(side):
                counts = []
                for boxes in sides:
                    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
                    across = (x >= width * column / side) & ((x < width * (column + 1) / side) | (column == side - 1))
                    down = (y >= height * row / side) & ((y < height * (row + 1) / side) | (row == side - 1))
                    counts.append(int((across & down).sum()))
                errors.append(abs(counts[0] - counts[1]))
    return sum(errors) / len(dataset.images)


def test_game_is_the_error_of_every_cell(shared: Path) -> None:
    """On real pictures GAME(1) to GAME(3) are what looking into each cell gives, and grow from the MAE."""
    dataset = read_dataset(shared / GT)
    loaded = read_predictions(shared / DETECTIONS, dataset)
    metrics = evaluate(dataset, loaded, count_threshold=0.3, intervals=False).metrics
    values = [metrics[name] for name in ("count_MAE", "count_GAME1", "count_GAME2", "count_GAME3")]
    assert values[1:] == [_by_hand(dataset, loaded.predictions, 0.3, level) for level in (1, 2, 3)]
    assert values == sorted(values)
    of = tally(dataset, loaded.predictions, PROTOCOLS["coco"])
    assert np.array_equal(cell_errors(of, 0.3, 0), np.abs(predicted_at(of, 0.3) - of.true()))


@pytest.mark.parametrize(
    ("centre", "same"),
    [
        ((0, 0), (1, 1)),
        ((640, 480), (639, 479)),
        ((700, -20), (639, 1)),
        ((320, 240), (321, 241)),
        ((319.9, 240), (300, 250)),
    ],
)
def test_a_centre_on_an_edge_has_one_cell(
    coco_pair: Pair, centre: tuple[float, float], same: tuple[float, float]
) -> None:
    """A line belongs to the right or lower cell, the picture's edge to the cell inside, and so does what is beyond."""
    boxes = [[x - 2.0, y - 2.0, 4.0, 4.0] for x, y in (centre, same)]
    pair = coco_pair([(1, 1, boxes[0])], [(1, 1, boxes[1], 0.9)])
    metrics = evaluate(*pair, count_threshold=0.5, intervals=False).metrics
    assert [metrics["count_GAME1"], metrics["count_MAE"]] == [0.0, 0.0]
    far = coco_pair([(1, 1, boxes[0])], [(1, 1, [160.0 + 320 * (centre[0] < 320), 120.0, 4.0, 4.0], 0.9)])
    assert evaluate(*far, count_threshold=0.5, intervals=False).metrics["count_GAME1"] == 2.0


def test_pictures_of_unknown_size_have_no_cells(coco_pair: Pair) -> None:
    """GAME is then undefined, with how many pictures it is; the MAE is not."""
    truth, predictions = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9)], images=[1, 2, 3])
    document = json.loads(truth.read_text())
    for image in document["images"][1:]:
        del image["width"], image["height"]
    truth.write_text(json.dumps(document))
    result = evaluate(truth, predictions, count_threshold=0.5, resamples=100)
    assert result.metrics["count_MAE"] == pytest.approx(1 / 3)
    for level in (1, 2, 3):
        assert result.metrics[f"count_GAME{level}"] is None
        assert "the size of 1 image with boxes is not known" in result.reasons[f"count_GAME{level}"]
        assert f"count_GAME{level}" not in result.intervals


def test_who_is_counted(coco_pair: Pair) -> None:
    """Ground truth that need not be found is none; images without objects count; a score on the threshold counts."""
    crowd = {"id": 9, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 1}
    ignored = {"id": 8, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0, "ignore": 1}
    rows = [(1, 1, BOX, 0.5), (2, 1, BOX, 0.5), (2, 1, BOX, 0.49)]
    pair = coco_pair([(1, 1, BOX), crowd, ignored], rows, images=[1, 2, 3, 4])
    result = evaluate(*pair, count_threshold=0.5, intervals=False)
    assert [result.metrics[f"count_{name}"] for name in ("MAE", "RMSE", "bias")] == [0.25, 0.5, 0.25]
    part = result.counting
    assert part is not None
    assert (part.objects, part.images) == (1, 4)
    assert part.totals is not None
    assert (part.totals.predicted, part.totals.over, part.totals.under) == (2, 1, 0)
    assert (part.totals.images_over, part.totals.images_under, part.totals.images_exact) == (1, 0, 3)
    assert dict(zip(part.per_image.image, part.per_image.true, strict=True)) == {1: 1, 2: 0, 3: 0, 4: 0}
    assert part.per_image.predicted == [1, 1, 0, 0]
    assert "2 ground truths that need not be found" in next(
        remark.message for remark in result.remarks if remark.code == "count-truths-left-out"
    )
    counted = evaluate(*pair, count_threshold=0.5, protocol="coco_strict", intervals=False).counting
    assert counted is not None
    assert counted.objects == 2


def test_what_takes_no_part_is_not_counted(coco_pair: Pair) -> None:
    """A protocol that leaves categories out leaves their objects and predictions out of the count."""
    pair = coco_pair([(1, 1, BOX), (1, 2, BOX)], [(1, 1, BOX, 0.9), (1, 2, BOX, 0.9), (1, 2, BOX, 0.9)])
    assert evaluate(*pair, count_threshold=0.5, intervals=False).metrics["count_MAE"] == 1.0
    only_first = PROTOCOLS["coco"]._replace(name="mine", left_out_categories=("category 2",))
    result = evaluate(*pair, count_threshold=0.5, protocol=only_first, intervals=False)
    assert result.metrics["count_MAE"] == 0.0
    assert result.counting is not None
    assert (result.counting.objects, result.counting.by_category[1].predicted) == (1, 0)


def test_ignored_regions_are_the_protocol_s(shared: Path, tmp_path: Path) -> None:
    """What lies in VisDrone's ignored regions counts under coco, and does not under visdrone."""
    root = shared / "format_samples/VisDrone2019-DET-val"
    dataset = read_dataset(root)
    truth = dataset.ground_truth
    region = truth.box[np.flatnonzero(truth.category < 0)[0]]
    middle = [(region[0] + region[2]) / 2, (region[1] + region[3]) / 2]
    inside = [middle[0] - 1, middle[1] - 1, middle[0] + 1, middle[1] + 1]
    rows = [[dataset.images.key[0], *inside, dataset.categories.name[0], 0.9]]
    found = _csv(tmp_path / "p.csv", rows, ["image", "xmin", "ymin", "xmax", "ymax", "category", "score"])
    for protocol, predicted in (("coco", 1), ("visdrone", 0)):
        part = evaluate(root, found, count_threshold=0.5, protocol=protocol, intervals=False).counting
        assert part is not None
        assert part.totals is not None
        assert part.totals.predicted == predicted


def test_more_than_max_dets_are_counted(coco_pair: Pair) -> None:
    """A protocol's maxDets, 100, limits no count."""
    pair = coco_pair([(1, 1, BOX)] * 150, [(1, 1, BOX, 0.9)] * 160)
    assert evaluate(*pair, count_threshold=0.5, intervals=False).metrics["count_MAE"] == 10.0


@pytest.mark.parametrize(
    ("truth", "images", "why"),
    [([], [1], "there is no ground truth to be found"), ([], [], "there are no images")],
)
def test_nothing_to_count_has_a_reason(coco_pair: Pair, truth: list[Any], images: list[int], why: str) -> None:
    """Every number is then None."""
    pair = coco_pair(truth, [(1, 1, BOX, 0.9)] if images else [], images=images, categories=[1])
    result = evaluate(*pair, count_threshold=0.5, resamples=100)
    counts = {name: value for name, value in result.metrics.items() if name.startswith("count_")}
    assert len(counts) >= 5
    assert set(counts.values()) == {None}
    assert {result.reasons[name] for name in counts} == {why}
    assert result.counting is not None
    assert result.counting.hindsight is None
    assert result.counting.reason == why
    assert result.counting.curve.threshold == []


def test_counts_that_do_not_vary_have_no_correlation(coco_pair: Pair) -> None:
    """Pearson's correlation is then undefined, and says why."""
    pair = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9)])
    result = evaluate(*pair, count_threshold=0.5, intervals=False)
    assert result.metrics["count_correlation"] is None
    assert "the same on every image" in result.reasons["count_correlation"]


def test_expected_counts_are_sums_of_scores(coco_pair: Pair) -> None:
    """Without a threshold each prediction counts by its score; a score that is no probability has no such count."""
    rows = [(1, 1, BOX, 0.9), (1, 1, BOX, 0.6), (2, 1, BOX, 0.25)]
    part = evaluate(*coco_pair([(1, 1, BOX), (2, 1, BOX)], rows), count=True, intervals=False).counting
    assert part is not None
    assert part.expected.metrics["count_MAE"] == pytest.approx((0.5 + 0.75) / 2)
    assert part.expected.metrics["count_bias"] == pytest.approx((0.5 - 0.75) / 2)
    assert part.expected.predicted == pytest.approx(1.75)
    part = evaluate(*coco_pair([(1, 1, BOX)], [(1, 1, BOX, 7.5)]), count=True, intervals=False).counting
    assert part is not None
    assert set(part.expected.metrics.values()) == {None}
    assert "no probability" in part.expected.reasons["count_MAE"]


def test_intervals_are_of_drawn_images(shared: Path) -> None:
    """In each draw the numbers are those of the images drawn; a range of density and a category likewise."""
    dataset = read_dataset(shared / GT)
    loaded = read_predictions(shared / DETECTIONS, dataset)
    result = evaluate(dataset, loaded, count_threshold=0.3, resamples=112, seed=5)
    draws = Draws(len(dataset.images), resamples=112, seed=5)
    weight = np.concatenate(list(draws.blocks()), axis=1).astype(float)
    of = tally(dataset, loaded.predictions, PROTOCOLS["coco"])
    true, predicted = of.true(), predicted_at(of, 0.3)
    error = predicted - true
    drawn = [np.repeat(np.arange(len(true)), column.astype(int)) for column in weight.T]
    expected = {
        "count_MAE": [np.abs(error[rows]).mean() for rows in drawn],
        "count_RMSE": [np.sqrt((error[rows] ** 2).mean()) for rows in drawn],
        "count_bias": [error[rows].mean() for rows in drawn],
        "count_relative_error": [(np.abs(error[rows]) / true[rows])[true[rows] > 0].mean() for rows in drawn],
        "count_correlation": [np.corrcoef(true[rows], predicted[rows])[0, 1] for rows in drawn],
        "count_GAME2": [cell_errors(of, 0.3, 2)[rows].mean() for rows in drawn],
    }
    for name, values in expected.items():
        assert result.intervals[name] == pytest.approx(
            draws.interval(result.metrics[name], np.array(values)), abs=1e-12
        ), name
    part = result.counting
    assert part is not None
    dense = np.flatnonzero((true > 20) & (true <= 50))
    group = next(group for group in part.by_density if group.name == "21 to 50")
    assert (group.images, group.objects, group.predicted) == (len(dense), true[dense].sum(), predicted[dense].sum())
    values = (np.abs(error[dense]) @ weight[dense]) / weight[dense].sum(axis=0)
    assert group.intervals["count_MAE"] == pytest.approx(draws.interval(group.metrics["count_MAE"], values), abs=1e-12)
    person = dataset.categories.name.index("person")
    of_person = np.bincount(of.image[(of.category == person) & (of.score >= 0.3)], minlength=len(true))
    of_person -= np.bincount(of.truth_image[of.truth_category == person], minlength=len(true))
    values = np.sqrt((of_person**2 @ weight) / weight.sum(axis=0))
    category = part.by_category[person]
    assert category.metrics["count_RMSE"] == pytest.approx(float(np.sqrt((of_person**2).mean())), abs=1e-12)
    assert category.intervals["count_RMSE"] == pytest.approx(
        draws.interval(category.metrics["count_RMSE"], values), abs=1e-12
    )


def test_ranges_and_categories_add_up(shared: Path) -> None:
    """Every image is in one range of density; every object in one category."""
    part = evaluate(shared / GT, shared / DETECTIONS, count_threshold=0.3, intervals=False).counting
    assert part is not None
    assert part.totals is not None
    assert sum(group.images for group in part.by_density) == part.images == 80
    for groups in (part.by_density, part.by_category):
        assert sum(group.objects for group in groups) == part.objects
        assert sum(group.predicted for group in groups) == part.totals.predicted
    assert len(part.by_category) == 80


def test_a_category_without_ground_truth_has_a_reason(coco_pair: Pair) -> None:
    """Its numbers are None, as its AP is; its predictions are in the whole count all the same."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9), (1, 2, BOX, 0.9)])
    result = evaluate(*pair, count_threshold=0.5, intervals=False)
    assert result.metrics["count_MAE"] == 1.0
    assert result.counting is not None
    first, second = result.counting.by_category
    assert first.metrics["count_MAE"] == 0.0
    assert (second.metrics["count_MAE"], second.predicted) == (None, 1)
    assert second.reasons["count_MAE"] == "it has no ground truth to be found"


# Where the threshold may come from.

_HEAD = ["image", "xmin", "ymin", "xmax", "ymax", "category", "width_px", "height_px", "split"]


def _csv(path: Path, rows: list[list[Any]], head: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Path, Path]:
    """Return ground truth of three splits, three images each, and predictions on all of them.

    Image n of val has n + 1 objects, and as many predictions of 0.8 and, besides, one of 0.4; on test the least
    error is elsewhere, at 0.3.
    """
    truth, found = [], []
    for split, extra in (("train", 0), ("val", 0), ("test", 1)):
        for number in range(3):
            name, boxes = f"{split}{number}.png", [[20 * place, 0, 20 * place + 10 + number, 10] for place in range(9)]
            truth += [[name, *box, "car", *SIZE, split] for box in boxes[: number + 1 + 2 * extra]]
            found += [[name, *box, "car", 0.8] for box in boxes[: number + 1]]
            found += [[name, *boxes[-1], "car", score] for score in ([0.4] + [0.3] * extra)]
    return (
        _csv(tmp_path / "truth.csv", truth, _HEAD),
        _csv(tmp_path / "found.csv", found, ["image", "xmin", "ymin", "xmax", "ymax", "category", "score"]),
    )


def test_a_threshold_is_chosen_on_another_split(splits: tuple[Path, Path]) -> None:
    """It is that of the least MAE there, the highest that gives it, and the error here is what it gives here."""
    result = evaluate(*splits, split="test", unknown="drop", tune_on="val", intervals=False)
    part = result.counting
    assert part is not None
    assert part.threshold is not None
    assert (part.threshold.value, part.threshold.source, part.threshold.split) == (0.8, "tuned", "val")
    assert (part.threshold.images, part.threshold.mae, part.threshold.predictions) == (3, 0.0, "found.csv")
    assert result.metrics["count_MAE"] == 2.0
    assert part.hindsight is not None
    assert (part.hindsight.threshold, part.hindsight.mae) == (0.3, 0.0)
    assert not [remark for remark in result.remarks if remark.code == "count-images-shared"]


def test_predictions_on_the_other_split_may_be_in_a_file_of_their_own(
    splits: tuple[Path, Path], tmp_path: Path
) -> None:
    """The ground truth to choose on may be a path, too."""
    truth, found = splits
    rows = list(csv.reader(found.read_text().splitlines()))
    parts = {name: [row for row in rows[1:] if row[0].startswith(name)] for name in ("test", "val")}
    test, val = (_csv(tmp_path / f"{name}.csv", parts[name], rows[0]) for name in ("test", "val"))
    result = evaluate(truth, test, split="test", tune_on="val", tune_predictions=val, intervals=False)
    assert result.metrics["count_MAE"] == 2.0
    alone = [row for row in csv.reader(truth.read_text().splitlines()) if row[-1] in {"split", "val"}]
    other = _csv(tmp_path / "other.csv", [row[:-1] for row in alone[1:]], alone[0][:-1])
    result = evaluate(truth, test, split="test", tune_on=other, tune_predictions=val, intervals=False)
    assert result.counting is not None
    assert result.counting.threshold is not None
    assert (result.counting.threshold.split, result.counting.threshold.predictions) == ("other", "val.csv")
    with pytest.raises(UsageError, match="has no predictions on the images of val; give those with --tune-predictions"):
        evaluate(truth, test, split="test", tune_on="val")
    dataset = read_dataset(truth, split="test")
    tables = [read_predictions(test, dataset), read_dataset(truth, split="val")]
    tables.append(read_predictions(val, tables[1]))
    result = evaluate(dataset, tables[0], tune_on=tables[1], tune_predictions=tables[2], intervals=False)
    assert result.metrics["count_MAE"] == 2.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "test", "tune_on": "test"}, "on the images that it is judged on, those of test; say another split"),
        ({"tune_on": "val"}, "those of val; say with --split what is judged"),
        ({"split": "test", "tune_on": "nowhere"}, "no such split .its splits are train, val, test., and no such file"),
        ({"tune_on": "val", "count_threshold": 0.5}, "say one of them"),
        ({"tune_predictions": "x.csv"}, "are used with --tune-on"),
        ({"count": False, "count_threshold": 0.5}, "--no-count leaves out"),
        ({"count_threshold": float("nan")}, "takes a number, not nan"),
    ],
)
def test_a_threshold_is_never_chosen_on_what_is_judged(
    splits: tuple[Path, Path], options: dict[str, Any], said: str
) -> None:
    """Nor from options that contradict each other: one sentence each."""
    with pytest.raises(UsageError, match=said):
        evaluate(*splits, unknown="drop", **options)


def test_images_of_both_splits_are_said(splits: tuple[Path, Path]) -> None:
    """An image of the test split that val has too, under whatever name, makes the error look small."""
    truth, found = splits
    rows = list(csv.reader(truth.read_text().splitlines()))
    copies = [[row[0].replace("test2", "val9"), *row[1:-1], "val"] for row in rows[1:] if row[0] == "test2.png"]
    assert len(copies) == 5
    _csv(truth, rows[1:] + copies, rows[0])
    result = evaluate(truth, found, split="test", unknown="drop", tune_on="val", intervals=False)
    (remark,) = (remark for remark in result.remarks if remark.code == "count-images-shared")
    assert remark.severity == "warning"
    assert "1 of 3 images are in val too" in remark.message


def test_a_threshold_above_all_scores_is_said(splits: tuple[Path, Path]) -> None:
    """Then nothing is counted."""
    result = evaluate(*splits, split="test", unknown="drop", count_threshold=0.9, intervals=False)
    assert result.metrics["count_MAE"] == 4.0
    assert "count-threshold-above-scores" in {remark.code for remark in result.remarks}
    low = evaluate(*splits, split="test", unknown="drop", count_threshold=0.0, intervals=False)
    assert low.metrics["count_MAE"] == 0.0
    assert "count-scores-cut-off" not in {remark.code for remark in low.remarks}


def test_scores_that_were_cut_off_are_said(tiled: tuple[Path, Path]) -> None:
    """Where all predictions together are fewer than the objects, no threshold can help."""
    result = evaluate(*tiled, count_threshold=0.01, intervals=False)
    assert "count-scores-cut-off" in {remark.code for remark in result.remarks}


def test_sets_for_counting_are_counted_unasked(shared: Path, tmp_path: Path) -> None:
    """CARPK's own layout has the part without an option, COCO's not; an option decides for either."""
    root = shared / "format_samples/CARPK_devkit"
    found = tmp_path / "found.csv"
    dataset = read_dataset(root)
    assert dataset.format == "carpk"
    rows = [[str(dataset.images.key[0]), 1, 1, 9, 9, dataset.categories.name[0], 0.5]]
    _csv(found, rows, ["image", "xmin", "ymin", "xmax", "ymax", "category", "score"])
    assert evaluate(root, found, intervals=False).counting is not None
    assert evaluate(root, found, intervals=False, count=False).counting is None
    assert evaluate(shared / GT, shared / DETECTIONS, intervals=False).counting is None


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("counting/per_image/true", [1], "differ in number from the images"),
        ("counting/per_image/true/0", 99, "do not add up"),
        ("counting/curve/threshold", [0.5], "differ in length"),
        ("counting/curve/mae/value/0", -1.0, "leaves its range"),
        ("counting/expected/intervals/count_MAE", [2.0, 1.0], "the interval of count_MAE of 'expected'"),
        ("metrics/count_bias", -1e999, "is not a detbench result"),
        ("intervals/count_bias", [2.0, 1.0], "the interval of count_bias"),
    ],
)
def test_a_part_that_was_changed_is_refused(shared: Path, tmp_path: Path, place: str, value: Any, said: str) -> None:
    """Counts that cannot be are found when the result is read."""
    evaluate(shared / GT, shared / DETECTIONS, count_threshold=0.3, resamples=100).save(tmp_path / "result.json")
    assert Result.load(tmp_path / "result.json").to_json() == (tmp_path / "result.json").read_bytes()
    document = json.loads((tmp_path / "result.json").read_text())
    *keys, last = [int(key) if key.isdecimal() else key for key in place.split("/")]
    inner = document
    for key in keys:
        inner = inner[key]
    inner[last] = value
    (tmp_path / "result.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=said):
        Result.load(tmp_path / "result.json")


@pytest.mark.slow
def test_the_command_says_where_the_threshold_is_from(detbench: Run, splits: tuple[Path, Path], tmp_path: Path) -> None:
    """Tables of 80 columns; the least error is called hindsight; the page leaves counts without a scale of 0 to 1."""
    arguments = ["eval", *splits, "--split", "test", "--unknown", "drop", "--tune-on", "val", "--resamples", "100"]
    done = detbench(*arguments, "-o", tmp_path / "run", env_columns=80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    said = " ".join(done.stdout.split())
    assert "score of 0.8 or more, chosen on val (3 images) by the least MAE there." in said
    assert "6 predicted: 0 too many in 0 images, 6 too few in 3, exact in 0." in said
    assert [line.split()[0] for line in done.stdout.splitlines() if "possible in hindsight" in line] == ["0.3"]
    page = (tmp_path / "run/report.html").read_text()
    assert "Numbers that begin with count_" in page
    table = page.partition('<table class="metrics">')[2].partition("</table>")[0]
    assert table.count("<tr") - 1 == table.count('class="scale"')
    rows = [row for row in table.split("<tr")[2:] if "count_" in row]
    assert len(rows) == 8
    assert not [row for row in rows if "<svg" in row]
    done = detbench("eval", *splits, "--split", "test", "--unknown", "drop", "--tune-on", "test")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the threshold would be chosen on the images that it is judged on")
