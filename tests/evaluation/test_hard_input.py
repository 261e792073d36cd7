"""What today's evaluators do with hard input, row by row: what detbench does instead.

One 50 × 50 px box, found perfectly, unless a test says otherwise. What other tools answer is recorded beside each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pair = Callable[..., tuple[Path, Path]]

BOX = [100.0, 100.0, 50.0, 50.0]


def annotation(**changes: Any) -> dict[str, Any]:
    """One annotation, with fields changed; a field set to None is left out."""
    whole = {"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500.0, "iscrowd": 0} | changes
    return {key: value for key, value in whole.items() if value is not None}


def test_annotation_id_zero_is_found(coco_pair: Pair) -> None:
    """A perfect detection of annotation 0 scores 1 (pycocotools: 0, silently)."""
    truth, predictions = coco_pair([annotation(id=0)], [(1, 1, BOX, 0.9)])
    assert evaluate(truth, predictions).metrics["AP"] == pytest.approx(1.0)


def test_annotation_id_zero_is_lost_under_the_strict_protocol(coco_pair: Pair) -> None:
    """coco_strict repeats pycocotools' slip with annotation 0."""
    truth, predictions = coco_pair([annotation(id=0)], [(1, 1, BOX, 0.9)])
    assert evaluate(truth, predictions, protocol="coco_strict").metrics["AP"] == 0.0


def test_no_detections_score_zero_and_it_is_said(coco_pair: Pair) -> None:
    """An empty results file scores 0 with a remark (pycocotools: IndexError)."""
    truth, predictions = coco_pair([(1, 1, BOX)], [])
    result = evaluate(truth, predictions)
    assert result.metrics["AP"] == 0.0
    assert result.metrics["AR100"] == 0.0
    assert "no-predictions" in {remark.code for remark in result.remarks}


def test_max_dets_of_a_thousand_has_an_ap(coco_pair: Pair) -> None:
    """A protocol with maxDets 1000 has an AP (pycocotools: −1)."""
    from detbench.evaluation.protocols import PROTOCOLS

    dense = PROTOCOLS["coco"]._replace(name="dense", max_dets=(1, 100, 1000))
    boxes = [[float(x), float(y), 4.0, 4.0] for x in range(0, 600, 20) for y in range(0, 100, 10)]
    truth, predictions = coco_pair([(1, 1, box) for box in boxes], [(1, 1, box, 0.9) for box in boxes])
    assert evaluate(truth, predictions, protocol=dense).metrics["AR1000"] == pytest.approx(1.0)
    assert evaluate(truth, predictions, protocol=dense).metrics["AP"] == pytest.approx(1.0)
    limited = evaluate(truth, predictions)
    assert limited.metrics["AR100"] == pytest.approx(100 / 300)
    assert "objects-over-max-dets" in {remark.code for remark in limited.remarks}


def test_unknown_image_id_is_an_error_that_helps(coco_pair: Pair) -> None:
    """An unknown image id names the ids, the counts and a remedy (pycocotools: AssertionError)."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(7, 1, BOX, 0.9), (1, 1, BOX, 0.9)], images=[1])
    with pytest.raises(DataError) as caught:
        evaluate(truth, predictions)
    text = str(caught.value)
    assert "7" in text
    assert "dt.json" in text
    assert "--unknown drop" in text or "--join stem" in text


def test_image_ids_that_are_file_names_are_joined_by_stem(coco_pair: Pair) -> None:
    """Predictions that name files are joined by stem where that is asked for."""
    truth, predictions = coco_pair([(1, 1, BOX)], [("1", 1, BOX, 0.9)], images=[1])
    assert evaluate(truth, predictions, join="stem").metrics["AP"] == pytest.approx(1.0)


def test_unknown_category_is_an_error_or_dropped_and_counted(coco_pair: Pair) -> None:
    """An unknown category is an error, or dropped, counted and remarked (pycocotools: dropped in silence)."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 5, BOX, 0.9), (1, 1, BOX, 0.8)], categories=[1])
    with pytest.raises(DataError, match="5"):
        evaluate(truth, predictions)
    result = evaluate(truth, predictions, unknown="drop")
    assert result.metrics["AP"] == pytest.approx(1.0)
    assert result.predictions.dropped == 1
    assert "predictions-dropped" in {remark.code for remark in result.remarks}


def test_no_ground_truth_at_all_is_null_with_a_reason(coco_pair: Pair) -> None:
    """Without ground truth every number is null with its reason, never −1."""
    truth, predictions = coco_pair([], [(1, 1, BOX, 0.9)])
    result = evaluate(truth, predictions)
    assert set(result.metrics.values()) == {None}
    assert set(result.reasons) == set(result.metrics)
    assert json.loads(result.to_json())["metrics"]["AP"] is None


def test_missing_area_is_the_box_area(coco_pair: Pair) -> None:
    """Ground truth without area is sized by its box, and it is said (pycocotools: KeyError)."""
    truth, predictions = coco_pair([annotation(area=None)], [(1, 1, BOX, 0.9)])
    result = evaluate(truth, predictions)
    assert result.metrics["APm"] == pytest.approx(1.0)
    assert result.metrics["APs"] is None
    assert "area-missing" in {remark.code for remark in result.remarks}


@pytest.mark.parametrize("field", ["score", "bbox"])
def test_nan_is_an_error_with_file_and_record(coco_pair: Pair, field: str) -> None:
    """A NaN in a prediction names the file and the record (pycocotools: AP 0.5, no error)."""
    bad = {"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.9}
    bad[field] = float("nan") if field == "score" else [float("nan"), *BOX[1:]]
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9), bad])
    with pytest.raises(DataError) as caught:
        evaluate(truth, predictions)
    assert "dt.json" in str(caught.value)
    assert "1" in caught.value.record


def test_string_image_ids_work(coco_pair: Pair) -> None:
    """String image ids are as good as integers (faster-coco-eval, hotcoco: ValueError)."""
    truth, predictions = coco_pair([("a/b", 1, BOX)], [("a/b", 1, BOX, 0.9)])
    assert evaluate(truth, predictions).metrics["AP"] == pytest.approx(1.0)


def test_ignore_is_honoured_and_strict_overwrites_it(coco_pair: Pair) -> None:
    """``ignore`` 1 without crowd is honoured; coco_strict overwrites it as pycocotools does."""
    rows = [annotation(), annotation(id=2, bbox=[300.0, 300.0, 50.0, 50.0], ignore=1)]
    truth, predictions = coco_pair(rows, [(1, 1, BOX, 0.9)])
    assert evaluate(truth, predictions).metrics["AR100"] == pytest.approx(1.0)
    assert evaluate(truth, predictions, protocol="coco_strict").metrics["AR100"] == pytest.approx(0.5)


def test_a_crowd_takes_nothing_from_the_objects_it_covers(coco_pair: Pair) -> None:
    """Under VOC's matching a crowd excuses what finds nothing else, and no more."""
    rows = [annotation(), annotation(id=2, bbox=[50.0, 50.0, 300.0, 300.0], iscrowd=1)]
    found, excused, wrong = (
        (1, 1, BOX, 0.9),
        (1, 1, [200.0, 200.0, 50.0, 50.0], 0.95),
        (1, 1, [0.0, 400.0, 9.0, 9.0], 1),
    )
    for predictions, expected in (([found], 1.0), ([excused, found], 1.0), ([wrong, found], 0.5)):
        truth, results = coco_pair(rows, predictions)
        assert evaluate(truth, results, protocol="voc2012").metrics["mAP"] == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_boxes_too_large_for_an_area_are_too_large(coco_pair: Pair) -> None:
    """A predicted box whose area overflows is beyond COCO's largest area, so not counted, without NumPy's warning."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, [0.0, 0.0, 1e200, 1e200], 0.95), (1, 1, BOX, 0.9)])
    assert evaluate(truth, predictions).metrics["AP"] == pytest.approx(1.0)


def test_protocols_go_by_any_case(coco_pair: Pair) -> None:
    """A protocol's name may be written in capitals."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    assert evaluate(truth, predictions, protocol="VOC2007").protocol["name"] == "voc2007"


def test_without_images_nothing_is_said_of_intervals(coco_pair: Pair) -> None:
    """Neither images nor categories nor predictions: every number is null, and no remark is about what is not there."""
    truth, predictions = coco_pair([], [], images=[], categories=[])
    result = evaluate(truth, predictions)
    assert set(result.metrics.values()) == {None}
    assert {remark.code for remark in result.remarks} == {"no-predictions"}


def test_images_without_categories_have_no_numbers(coco_pair: Pair) -> None:
    """Images, but no category to find in them: every number is null, with intervals and with errors too."""
    truth, predictions = coco_pair([], [], images=[1, 2], categories=[])
    result = evaluate(truth, predictions, errors=True, resamples=100)
    assert set(result.metrics.values()) == {None}
    assert result.intervals == {}
    assert result.per_category == []


@pytest.mark.parametrize("score", [5.0, -0.25])
def test_scores_beyond_0_to_1_are_allowed_and_said(coco_pair: Pair, score: float) -> None:
    """Logits are scored by their order; that they are none of 0 to 1 is a remark, and within 0 to 1 there is none."""
    for value, expected in ((score, True), (1.0, False), (0.0, False)):
        truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, value)])
        result = evaluate(truth, predictions)
        assert result.metrics["AP"] == pytest.approx(1.0)
        said = [remark.message for remark in result.remarks if remark.code == "scores-beyond-one"]
        assert bool(said) == expected
        assert all(f"{value:g}" in message for message in said)


@pytest.mark.parametrize(
    ("changes", "code", "value"),
    [
        ({"bbox": [100.0, 100.0, -50.0, 50.0]}, "ground-truth-inside-out", 0.5),
        ({"area": -5}, "area-beyond-all", 1.0),
        ({"area": 2e10}, "area-beyond-all", 1.0),
    ],
)
def test_ground_truth_of_an_impossible_size_is_said(
    coco_pair: Pair, changes: dict[str, Any], code: str, value: float
) -> None:
    """A negative width can never be found, an area beyond all ranges counts for nothing; both are remarked."""
    rows = [annotation(), annotation(id=2, image_id=2) | changes]
    for found, expected in ((rows, 1), (rows[:1], 0)):
        truth, predictions = coco_pair(found, [(1, 1, BOX, 0.9)], images=[1, 2])
        result = evaluate(truth, predictions)
        assert [remark.code for remark in result.remarks].count(code) == expected
        assert result.metrics["AP"] == pytest.approx(value if expected else 1.0, abs=0.01)


def test_duplicate_annotation_ids_are_said(coco_pair: Pair) -> None:
    """Two annotations of one id are an error that names it (pycocotools: silent, the last counted twice)."""
    truth, predictions = coco_pair([annotation(), annotation(bbox=[0.0, 0.0, 9.0, 9.0])], [(1, 1, BOX, 0.9)])
    with pytest.raises(DataError, match="annotation"):
        evaluate(truth, predictions)


def test_eleven_point_levels_are_the_devkits(coco_pair: Pair) -> None:
    """VOC 2007's fourth level is 0.1 three times added up, a bit above 0.3: a recall of 3/10 does not reach it."""
    boxes = [[x * 60.0, 0.0, 50.0, 50.0] for x in range(10)]
    found = [(1, 1, box, 0.9) for box in boxes[:3]]
    truth, predictions = coco_pair([(1, 1, box) for box in boxes], found)
    result = evaluate(truth, predictions, protocol="voc2007", intervals=False)
    assert result.metrics["mAP"] == pytest.approx(3 / 11, abs=1e-12)


@pytest.mark.slow
def test_intervals_of_too_many_categories_are_refused(coco_pair: Pair) -> None:
    """Draws of a hundred thousand categories would not fit in memory: one sentence that says what to leave out."""
    truth, predictions = coco_pair([annotation()], [(1, 1, BOX, 0.9)], categories=list(range(1, 20_002)))
    assert evaluate(truth, predictions, intervals=False).per_category[0].metrics["AP"] == pytest.approx(1.0)
    with pytest.raises(UsageError, match="intervals are for up to 20,000 categories, and there are 20,001"):
        evaluate(truth, predictions).intervals  # noqa: B018  computed when it is asked for
