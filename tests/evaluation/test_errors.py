"""What goes wrong: scenes where each kind of error occurs once, and laws on random ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench import evaluate
from detbench.boxes import pairwise_iou
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images, Predictions
from detbench.evaluation.draws import LANES
from detbench.evaluation.matching import Matches, match
from detbench.evaluation.metrics.confusion import confusion
from detbench.evaluation.metrics.counted import counted
from detbench.evaluation.metrics.operating_point import counts_at
from detbench.evaluation.metrics.tide import (
    FALSE_POSITIVES,
    FIXES,
    KINDS,
    MISSED,
    NO_ERROR,
    Analysis,
    analyse,
    fixed,
    improvement,
)
from detbench.evaluation.overlaps import find_overlaps
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.resampling import block_function
from detbench.evaluation.results import Result
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = Callable[..., tuple[Path, Path]]

BOX = [100.0, 100.0, 100.0, 100.0]
CAT, DOG = 1, 2


def shifted(right: float) -> list[float]:
    """Return BOX moved to the right: by 25 px the IoU is 0.6, by 50 px 1/3, by 90 px 1/19."""
    return [BOX[0] + right, *BOX[1:]]


def errors_of(pair: tuple[Path, Path], **options: Any) -> Result:
    """Return a result with its errors, without intervals."""
    return evaluate(*pair, errors=True, intervals=False, **options)


SCENES: dict[str, tuple[list[Any], list[Any], float]] = {
    # kind: ground truth, predictions, AP that fixing it gains (the mean of the categories' gains)
    "classification": ([(1, CAT, BOX)], [(1, DOG, BOX, 0.9)], 1.0),
    "localisation": ([(1, CAT, BOX)], [(1, CAT, shifted(50), 0.9)], 1.0),
    "both": ([(1, CAT, BOX)], [(1, CAT, BOX, 0.8), (1, DOG, shifted(50), 0.9)], 0.0),
    "duplicate": (
        [(1, CAT, BOX), (2, CAT, BOX)],
        [(1, CAT, BOX, 0.9), (1, CAT, BOX, 0.8), (2, CAT, BOX, 0.7)],
        50 / 303,
    ),
    "background": ([(1, CAT, BOX)], [(1, CAT, shifted(90), 0.9), (1, CAT, BOX, 0.8)], 0.5),
    "missed": ([(1, CAT, BOX), (2, CAT, BOX)], [(1, CAT, BOX, 0.9)], 50 / 101),
}


@pytest.mark.parametrize("kind", SCENES)
def test_each_kind_alone(coco_pair: Pair, kind: str) -> None:
    """A scene of one error has that error alone, and fixing it is worth what one computes by hand."""
    truth, predictions, gain = SCENES[kind]
    result = errors_of(coco_pair(truth, predictions, categories=[CAT, DOG]))
    assert result.errors is not None
    tide = result.errors.tide
    assert tide.kinds.counts == {name: int(name == kind) for name in KINDS}
    assert tide.metrics[f"dAP_{kind}"] == pytest.approx(gain, abs=1e-9)
    assert tide.metrics[f"share_{kind}"] == 1
    others = [tide.metrics[f"dAP_{name}"] for name in KINDS if name != kind]
    assert others == pytest.approx([0] * len(others), abs=1e-9)
    assert result.per_category[0].metrics[f"dAP_{kind}"] == pytest.approx(gain, abs=1e-9)
    assert result.per_category[1].reasons[f"dAP_{kind}"] == "it has no ground truth"


def test_the_best_of_several_errors_about_an_object_is_mended(coco_pair: Pair) -> None:
    """Of a wrong category at 0.9 and a box too far off at 0.8, only the first becomes right; nothing is missed."""
    pair = coco_pair([(1, CAT, BOX)], [(1, DOG, BOX, 0.9), (1, CAT, shifted(50), 0.8)], categories=[CAT, DOG])
    tide = errors_of(pair).errors.tide  # type: ignore[union-attr]  # it was asked for
    assert tide.metrics["dAP_classification"] == pytest.approx(1)
    assert tide.metrics["dAP_localisation"] == 0
    assert tide.kinds.counts["missed"] == 0


def test_an_error_about_an_object_that_was_found_goes_away(coco_pair: Pair) -> None:
    """A worse box on an object that another prediction found is localisation, and mending it adds no second match."""
    pair = coco_pair([(1, CAT, BOX)], [(1, CAT, shifted(50), 0.9), (1, CAT, BOX, 0.8)])
    tide = errors_of(pair).errors.tide  # type: ignore[union-attr]  # it was asked for
    assert tide.kinds.counts["localisation"] == 1
    assert tide.metrics["dAP_localisation"] == pytest.approx(0.5)
    assert tide.metrics["dAP_false_positives"] == pytest.approx(0.5)


def test_crowds_and_what_lies_on_them_are_no_errors(coco_pair: Pair) -> None:
    """A crowd is not missed, and a prediction on it is no false positive, in kinds and confusions alike."""
    crowd = {"id": 7, "image_id": 1, "category_id": CAT, "bbox": BOX, "area": 10000, "iscrowd": 1}
    pair = coco_pair([crowd, (2, CAT, BOX)], [(1, CAT, shifted(10), 0.9), (2, CAT, BOX, 0.8)])
    errors = errors_of(pair).errors
    assert errors is not None
    assert sum(errors.tide.kinds.counts.values()) == 0
    assert errors.tide.reasons["share_missed"] == "there are no errors"
    assert [(cell.ground_truth, cell.predicted, cell.count) for cell in errors.confusion.cells] == [(0, 0, 1)]


def test_confusions_of_a_scene(coco_pair: Pair) -> None:
    """The higher score takes the object, whatever its category; what is left over stands against the background."""
    pair = coco_pair(
        [(1, CAT, BOX), (2, DOG, BOX), (3, DOG, BOX)],
        [(1, CAT, BOX, 0.7), (1, DOG, shifted(25), 0.9), (2, DOG, BOX, 0.8), (2, CAT, BOX, 0.6), (3, CAT, BOX, 0.2)],
        categories=[CAT, DOG],
    )
    errors = errors_of(pair, score_threshold=0.5).errors
    assert errors is not None
    assert {(c.ground_truth, c.predicted): c.count for c in errors.confusion.cells} == {
        (0, 1): 1,
        (1, 1): 1,
        (1, None): 1,
        (None, 0): 2,
    }


def test_of_two_objects_in_one_box_the_first_is_meant(coco_pair: Pair) -> None:
    """A false positive on two ground truths of equal IoU is about the first of the file; the other is missed."""
    for first, second in ((1, 2), (2, 1)):
        pair = coco_pair([(1, first, BOX), (1, second, BOX)], [(1, 3, BOX, 0.9)], categories=[1, 2, 3])
        result = errors_of(pair)
        assert result.errors is not None
        gains = [category.metrics["dAP_classification"] for category in result.per_category]
        assert gains[first - 1] == pytest.approx(1)
        assert gains[second - 1] == 0
        assert [kinds.counts["missed"] for kinds in result.errors.tide.per_category][second - 1] == 1


def test_of_two_objects_in_one_box_that_of_its_own_category_is_taken(coco_pair: Pair) -> None:
    """In the confusion matrix a prediction on two ground truths of equal IoU takes that of its category."""
    for truth in ([(1, CAT, BOX), (1, DOG, BOX)], [(1, DOG, BOX), (1, CAT, BOX)]):
        errors = errors_of(coco_pair(truth, [(1, DOG, BOX, 0.9)], categories=[CAT, DOG])).errors
        assert errors is not None
        assert [(c.ground_truth, c.predicted) for c in errors.confusion.cells] == [(0, None), (1, 1)]


def test_one_box_with_several_categories_is_its_best(coco_pair: Pair) -> None:
    """Of the same box as dog and, surer, as cat, the cat counts, in whichever order they are given."""
    for predictions in ([(1, DOG, BOX, 0.6), (1, CAT, BOX, 0.7)], [(1, CAT, BOX, 0.7), (1, DOG, BOX, 0.6)]):
        errors = errors_of(coco_pair([(1, DOG, BOX)], predictions, categories=[CAT, DOG]), score_threshold=0.5).errors
        assert errors is not None
        cells = [(c.ground_truth, c.predicted) for c in errors.confusion.cells]
        assert cells == [(None, 1), (1, 0)]


def test_the_worst_is_listed(coco_pair: Pair) -> None:
    """Images by errors, mistakes by score, missed objects by size; with file name, box, IoU and what it is about."""
    small = [300.0, 300.0, 20.0, 30.0]
    pair = coco_pair(
        [("b", CAT, BOX), ("b", CAT, small), ("a", DOG, BOX), ("c", CAT, BOX)],
        [("a", CAT, BOX, 0.9), ("b", CAT, shifted(90), 0.7), ("b", CAT, shifted(200), 0.8), ("c", CAT, BOX, 0.95)],
        categories=[CAT, DOG],
    )
    worst = errors_of(pair, score_threshold=0.5).errors.worst  # type: ignore[union-attr]  # it was asked for
    assert [(w.image, w.file_name, w.missed, w.false_positives, w.ground_truths) for w in worst.images] == [
        ("b", "b.jpg", 2, 2, 2),
        ("a", "a.jpg", 1, 1, 1),
    ]
    (wrong,) = worst.false_positives["classification"]
    assert (wrong.image, wrong.category, wrong.score, wrong.iou) == ("a", "category 1", 0.9, 1.0)
    assert wrong.box == (100, 100, 200, 200)
    assert wrong.ground_truth is not None
    assert (wrong.ground_truth.category, wrong.ground_truth.box) == ("category 2", (100, 100, 200, 200))
    nowhere, beside = worst.false_positives["background"]
    assert (nowhere.score, nowhere.iou, nowhere.ground_truth) == (0.8, 0.0, None)
    assert (beside.score, beside.iou) == (0.7, pytest.approx(1 / 19))
    assert beside.ground_truth is not None
    assert [(lost.image, lost.box) for lost in worst.missed] == [
        ("b", (100, 100, 200, 200)),
        ("b", (300, 300, 320, 330)),
    ]
    short = errors_of(pair, score_threshold=0.5, worst=1).errors.worst  # type: ignore[union-attr]  # likewise
    assert [w.image for w in short.images] == ["b"]
    assert len(short.missed) == len(short.false_positives["background"]) == 1
    assert short.false_positives["background"][0].score == 0.8


def test_without_ground_truth_or_predictions_there_is_a_reason(coco_pair: Pair) -> None:
    """Nothing to find, and nothing predicted, are results with reasons, not faults."""
    no_truth = errors_of(coco_pair([], [(1, CAT, BOX, 0.9)], images=[1], categories=[CAT])).errors
    assert no_truth is not None
    assert no_truth.threshold is None
    assert no_truth.tide.metrics["AP"] is None
    assert no_truth.tide.reasons["dAP_missed"] == "there is no ground truth to be found"
    assert no_truth.tide.kinds.counts["background"] == 1
    assert no_truth.confusion.cells == []
    no_predictions = errors_of(coco_pair([(1, CAT, BOX)], [], images=[1])).errors
    assert no_predictions is not None
    assert no_predictions.tide.kinds.counts["missed"] == 1
    assert no_predictions.tide.metrics["dAP_missed"] == 0
    assert no_predictions.calibration.reasons["ECE"] == "there are no predictions that count"
    assert [(c.ground_truth, c.predicted) for c in no_predictions.confusion.cells] == [(0, None)]


def test_intervals_hold_the_number_and_a_result_survives_its_file(shared: Path, tmp_path: Path) -> None:
    """Every ΔAP and share of real data lies in its interval; the result with its errors reads back as written."""
    truth = shared / "coco_tiny/annotations/instances_val2017.json"
    result = evaluate(truth, shared / "predictions/yolox_nano__coco_tiny_val.json", errors=True, resamples=100)
    assert result.errors is not None
    assert result.operating_point is not None
    for part in (result.errors.tide, result.errors.calibration, result.operating_point, *result.per_category):
        for name, (low, high) in part.intervals.items():
            value = part.metrics[name]
            assert value is not None
            assert low <= value <= high
    assert set(result.errors.tide.intervals) == set(result.errors.tide.metrics) - {"AP"}
    assert "dAP_missed" in result.per_category[0].intervals
    assert result.errors.tide.metrics["AP"] == pytest.approx(result.metrics["AP50"], abs=1e-12)
    result.save(tmp_path / "result.json")
    assert Result.load(tmp_path / "result.json").to_json() == result.to_json()
    flat = result.to_dict(flat=True)
    assert flat["errors/dAP_missed"] == result.errors.tide.metrics["dAP_missed"]
    assert flat["operating_point/F1/low"] == result.operating_point.intervals["F1"][0]
    assert "category/person/dAP_missed/high" in flat


def put(document: Any, place: str, value: Any) -> None:
    """Write ``value`` at ``place``: keys, or places in a list, with ``/`` between them."""
    *keys, last = place.split("/")
    for key in keys:
        document = document[int(key) if isinstance(document, list) else key]
    document[last] = value


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("errors/tide/metrics/dAP_missed", 7, "dAP_missed of its errors is 7"),
        ("errors/tide/metrics/share_missed", -0.5, "share_missed of its errors is -0.5"),
        ("errors/tide/per_category", [], "errors and its categories differ"),
        ("errors/tide/kinds/counts", {"missed": 1}, "six kinds"),
        ("errors/tide/intervals", {"dAP_missed": [0.5, 0.1]}, "the interval of dAP_missed"),
        ("errors/confusion/cells/0/ground_truth", 99, "category that is not there"),
        ("errors/confusion/cells/0/count", 0, "errors.confusion.cells"),
        ("errors/calibration/metrics/ECE", 2, "ECE of its errors is 2"),
        ("errors/calibration/equal_width/9/precision", 2, "share of its calibration"),
        ("operating_point/metrics/F1", 2, "number of its operating point"),
        ("operating_point/curve/recall", [], "columns of different length"),
        ("operating_point/per_category", [], "operating point and its categories"),
        ("operating_point/true_positives", -1, "operating_point.true_positives"),
    ],
)
def test_what_was_changed_is_refused(coco_pair: Pair, tmp_path: Path, place: str, value: Any, said: str) -> None:
    """A number that cannot be is one sentence that names it."""
    from detbench.errors import DataError

    pair = coco_pair([(1, CAT, BOX), (1, DOG, BOX)], [(1, CAT, BOX, 0.95)], categories=[CAT, DOG])
    document = errors_of(pair).to_dict()
    put(document, place, value)
    (tmp_path / "result.json").write_text(json.dumps(document))
    with pytest.raises(DataError) as caught:
        Result.load(tmp_path / "result.json")
    assert said in str(caught.value)
    assert "result.json" in str(caught.value)


# Laws, on random scenes.

seeds = st.integers(0, 2**32 - 1)


def random_matches(seed: int, protocol: str = "coco") -> Matches:
    """Return a crowded scene of coarse boxes and scores, so that IoUs and scores tie, with crowds, matched."""
    rng = np.random.default_rng(seed)
    images, categories = 4, 3
    size = np.full(images, 100, np.int32)

    def boxes(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        corner = rng.integers(0, 4, (count, 2)) * 10.0
        box = np.concatenate([corner, corner + rng.integers(1, 4, (count, 2)) * 10.0], axis=1)
        return rng.integers(0, images, count, np.int32), rng.integers(0, categories, count, np.int32), box

    builder = GroundTruthBuilder()
    for image, category, box in zip(*boxes(int(rng.integers(0, 25))), strict=True):
        builder.add(int(image), int(category), tuple(box), crowd=bool(rng.random() < 0.15))
    dataset = Dataset(
        "scene",
        "coco",
        Path("scene"),
        None,
        Categories.from_names(f"c{k}" for k in range(categories)),
        Images(tuple(range(images)), ("",) * images, size, size),
        builder.build(),
        FolderPictures((None,) * images, ("",) * images),
    )
    count = int(rng.integers(1, 60))
    return match(dataset, Predictions.grouped(*boxes(count), rng.integers(1, 9, count) / 10), PROTOCOLS[protocol])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, protocol=st.sampled_from(["coco", "voc2012"]), threshold=st.sampled_from([None, 0.35, 0.6]))
def test_kinds_partition_the_errors(seed: int, protocol: str, threshold: float | None) -> None:
    """Every false positive has one kind, nothing else has one, at any threshold; nothing found is missed."""
    matches = random_matches(seed, protocol)
    analysis, of_all = analyse(matches), counted(matches)
    accepted = of_all.score >= (-np.inf if threshold is None else threshold)
    wrong = analysis.wrong(threshold)
    assert wrong.sum() == (accepted & ~of_all.right).sum()
    assert set(analysis.kind[wrong]) <= set(range(len(FALSE_POSITIVES)))
    assert set(analysis.kind[~analysis.wrong()]) <= {NO_ERROR}
    found, missed = analysis.found(threshold), analysis.missed(threshold)
    assert found.sum() == (accepted & of_all.right).sum()
    assert not (found & missed).any()
    assert not (missed & ~analysis.must).any()


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_kinds_are_what_the_paper_says(seed: int) -> None:
    """Of each false positive, the IoUs with ground truth of its own and of other categories are those of its kind."""
    matches = random_matches(seed)
    analysis, task = analyse(matches), matches.task
    for row in np.flatnonzero(analysis.wrong()):
        here = analysis.must & (task.truth_image == task.image[row])
        own = here & (task.truth_category == task.category[row])
        iou = pairwise_iou(task.box[row : row + 1], task.truth_box)[0]
        same, other = (float(iou[some].max(initial=0)) for some in (own, here & ~own))
        near = 0.1 <= same <= 0.5
        expected = (
            "localisation"
            if near
            else "classification"
            if other >= 0.5
            else "duplicate"
            if same > 0.5
            else "background"
            if max(same, other) <= 0.1
            else "both"
        )
        assert FALSE_POSITIVES[analysis.kind[row]] == expected


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_fixing_everything_reaches_one(seed: int) -> None:
    """With all kinds fixed at once, every category of which something is left to be found has an AP of 1."""
    matches = random_matches(seed)
    columns = fixed(analyse(matches))
    mended = sum(1 << (FIXES.index(kind) + 1) for kind in ("classification", "localisation"))
    right = ((columns.found & ~columns.not_counted) & np.uint64(mended)) != 0
    missed = (columns.truth_ignored >> np.uint64(MISSED + 1)) & np.uint64(1)
    everything = columns._replace(
        found=right.astype(np.uint64), not_counted=(~right).astype(np.uint64), truth_ignored=missed
    )
    compute = block_function(everything, bit_count=1, interpolation="101-point", max_dets=())
    average = compute(np.ones((matches.image_count, LANES), np.uint8))[0][:, 0, 0]
    assert average[~np.isnan(average)] == pytest.approx(1)
    left = np.bincount(matches.task.truth_category[missed == 0], minlength=matches.category_count)
    assert np.array_equal(np.isnan(average), left == 0)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_taking_false_positives_away_never_lowers_ap(seed: int) -> None:
    """Both, duplicate, background and all false positives: what goes away only gains, and all gain the most."""
    gain = improvement(analyse(random_matches(seed)), None)
    known = ~np.isnan(gain.average_precision)
    gone = [FIXES.index(fix) for fix in ("both", "duplicate", "background", "false_positives")]
    assert (gain.delta[known][:, gone] >= -1e-12).all()
    assert (gain.delta[known][:, gone] <= gain.delta[known][:, gone[-1:]] + 1e-12).all()
    assert (gain.average_precision[known, None] + gain.delta[known] <= 1 + 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, threshold=st.sampled_from([0.1, 0.35, 0.6, 2.0]))
def test_rows_of_the_confusion_matrix_are_the_ground_truth(seed: int, threshold: float) -> None:
    """A row sums to a category's ground truths, a column to its accepted predictions, each taken once."""
    matches = random_matches(seed)
    cells, categories = confusion(analyse(matches), threshold), matches.category_count
    _, accepted, truths = counts_at(counted(matches), threshold)
    rows = np.bincount(cells[:, 0] + 1, weights=cells[:, 2], minlength=categories + 1)
    columns = np.bincount(cells[:, 1] + 1, weights=cells[:, 2], minlength=categories + 1)
    assert rows[1:].tolist() == truths.tolist()
    assert columns[1:].tolist() == accepted.tolist()
    assert (cells[:, 2] > 0).all()
    assert not ((cells[:, 0] < 0) & (cells[:, 1] < 0)).any()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, least=st.sampled_from([0.01, 0.1, 0.5]))
def test_overlaps(seed: int, least: float) -> None:
    """Native and NumPy find the same pairs in the same order, and they are those of a loop over the images."""
    matches = random_matches(seed)
    task, must = matches.task, np.flatnonzero(matches.task.truth_ignored & np.uint64(1) == 0)
    twin = find_overlaps(task, matches.protocol, must, matches.image_count, least, None)
    pairs = [
        (p, t, iou)
        for image in range(matches.image_count)
        for p in np.flatnonzero(task.image == image)
        for t in sorted(must[task.truth_image[must] == image], key=lambda t: task.truth_row[t])
        if (iou := pairwise_iou(task.box[p : p + 1], task.truth_box[t : t + 1])[0, 0]) >= least
    ]
    assert list(zip(*(column.tolist() for column in twin), strict=True)) == pairs
    if native() is not None:
        fast = find_overlaps(task, matches.protocol, must, matches.image_count, least, native(), threads=3)
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(twin, fast, strict=True))


def test_overlaps_refuse_tables_that_do_not_fit() -> None:
    """Rows and offsets that leave their tables are refused before anything is read."""
    if (module := native()) is None:
        pytest.skip("the native part was not built")
    box, area = np.zeros((2, 4)), np.zeros(2)
    row, offsets = np.arange(2, dtype=np.int32), np.array([0, 2], np.int64)
    good = {
        "truth_box": box,
        "truth_area": area,
        "truth_row": row,
        "truth_offsets": offsets,
        "box": box,
        "area": area,
        "row": row,
        "offsets": offsets,
        "at_least": 0.1,
        "inclusive": False,
        "threads": 1,
    }
    assert len(module.overlaps(**good)[0]) == 0
    for name, value in {
        "row": row + 1,
        "truth_row": row - 1,
        "offsets": offsets + 1,
        "truth_offsets": np.array([0, 5], np.int64),
        "area": area[:1],
        "truth_box": np.zeros((2, 3)),
    }.items():
        with pytest.raises(ValueError, match=r"leaves|differ|hold|columns"):
            module.overlaps(**(good | {name: value}))


def test_analysis_knows_what_it_was_made_of() -> None:
    """Targets are ground truth of the same image, of the category that the kind says."""
    for seed in range(30):
        analysis: Analysis = analyse(random_matches(seed))
        task = analysis.matches.task
        about = np.flatnonzero(analysis.target >= 0)
        target = analysis.target[about]
        assert (task.truth_image[target] == task.image[about]).all()
        own = task.truth_category[target] == task.category[about]
        kinds = np.array(FALSE_POSITIVES)[analysis.kind[about]]
        assert (own == np.isin(kinds, ["localisation", "duplicate"])).all()
