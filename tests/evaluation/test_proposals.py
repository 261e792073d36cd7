"""Proposal recall: what it is read from, what it says, and how sure it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.errors import DataError, UsageError
from detbench.evaluation.draws import Draws
from detbench.evaluation.metrics.proposals import ranks
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Pair = Callable[..., tuple[Path, Path]]
    Run = Callable[..., subprocess.CompletedProcess[str]]

GT = "coco_tiny/annotations/instances_val2017.json"
PROPOSALS = "predictions/proposals_yolox_obj__coco_tiny_val.json"
DETECTIONS = "predictions/yolox_nano__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [300.0, 300.0, 50.0, 50.0]


@pytest.mark.parametrize("category", [{}, {"category_id": None}, {"category_id": 77}, {"category_id": 1.0}])
def test_coco_results_need_no_category(coco_pair: Pair, category: dict[str, Any]) -> None:
    """A category that is missing, null, unknown or a float is no hindrance, and no part of the answer."""
    row = {"image_id": 1, "bbox": BOX, "score": 0.9} | category
    truth, _ = coco_pair([(1, 1, BOX), (1, 2, FAR)], [])
    proposals = truth.with_name("p.json")
    proposals.write_text(json.dumps([row]))
    metrics = evaluate(truth, proposals=proposals, intervals=False).metrics
    assert metrics["proposal_AR@100"] == 0.5
    if not category:
        with pytest.raises(DataError, match="category_id"):
            evaluate(truth, proposals)


def test_a_csv_needs_no_category(coco_pair: Pair) -> None:
    """Nor does a CSV, in whatever order its columns stand."""
    truth, _ = coco_pair([(1, 1, BOX), (1, 2, FAR)], [])
    proposals = truth.with_name("p.csv")
    proposals.write_text("score,image,xmin,ymin,xmax,ymax\n0.9,1,10,10,60,60\n0.8,1,300,300,350,350\n")
    metrics = evaluate(truth, proposals=proposals, proposal_counts=[2, 1], intervals=False).metrics
    assert [metrics["proposal_AR@1"], metrics["proposal_AR@2"]] == [0.5, 1.0]
    assert next(iter(metrics)) == "proposal_AR@1"
    proposals.write_text("image,xmin,ymin,xmax,ymax\n1,10,10,60,60\n")
    with pytest.raises(DataError, match="no column score"):
        evaluate(truth, proposals=proposals)


def test_an_unknown_image_is_an_error_or_dropped(coco_pair: Pair) -> None:
    """Images are joined as those of predictions are."""
    truth, proposals = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9), (2, 1, BOX, 0.9)], images=[1])
    with pytest.raises(DataError, match="the ground truth lacks: 2"):
        evaluate(truth, proposals=proposals)
    result = evaluate(truth, proposals=proposals, unknown="drop")
    assert result.proposals is not None
    assert result.proposals.dropped == result.predictions.dropped == 1
    assert "proposals-dropped" in {remark.code for remark in result.remarks}


def test_one_proposal_finds_one_ground_truth(coco_pair: Pair) -> None:
    """Two objects in one place, of two categories, need two proposals."""
    truth, proposals = coco_pair([(1, 1, BOX), (1, 2, BOX)], [(1, 1, BOX, 0.9), (1, 1, BOX, 0.8)])
    metrics = evaluate(truth, proposals=proposals, proposal_counts=[1, 2], intervals=False).metrics
    assert [metrics["proposal_recall50@1"], metrics["proposal_recall50@2"]] == [0.5, 1.0]


def test_images_without_proposals_count_and_too_few_is_said(coco_pair: Pair) -> None:
    """The denominator holds their ground truth; how many images have fewer than k is a remark and a list."""
    truth, proposals = coco_pair(
        [(1, 1, BOX), (2, 1, BOX), (3, 1, BOX)], [(1, 1, BOX, 0.9), (1, 1, FAR, 0.1), (2, 1, BOX, 0.9)]
    )
    result = evaluate(truth, proposals=proposals, proposal_counts=[1, 2, 100], resamples=100)
    assert result.metrics["proposal_AR@1"] == pytest.approx(2 / 3)
    assert result.proposals is not None
    fewer = dict(zip(result.proposals.all.counts, result.proposals.images_with_fewer, strict=True))
    assert [fewer[1], fewer[2], fewer[3], fewer[100]] == [1, 2, 3, 3]
    said = {remark.code: remark for remark in result.remarks}
    assert "1 of 3 images without any proposal" in said["images-without-proposals"].message
    assert "1 in 1, 2 in 2, 100 in 3 of 3 images" in said["proposals-fewer-than-k"].message
    assert said["proposals-fewer-than-k"].severity == "warning"


def test_crowds_and_ignored_need_not_be_found(coco_pair: Pair) -> None:
    """They are in no denominator, and a proposal on them is lost."""
    crowd = {"id": 8, "image_id": 1, "category_id": 1, "bbox": FAR, "area": 2500, "iscrowd": 1}
    ignored = {"id": 9, "image_id": 1, "category_id": 1, "bbox": FAR, "area": 2500, "iscrowd": 0, "ignore": 1}
    truth, proposals = coco_pair([(1, 1, BOX), crowd, ignored], [(1, 1, BOX, 0.5), (1, 1, FAR, 0.9)])
    result = evaluate(truth, proposals=proposals, proposal_counts=[1, 2], intervals=False)
    assert [result.metrics["proposal_AR@1"], result.metrics["proposal_AR@2"]] == [0.0, 1.0]
    assert result.proposals is not None
    assert result.proposals.all.ground_truths == 1


def test_what_takes_no_part_need_not_be_found(coco_pair: Pair) -> None:
    """Ground truth of a category that a protocol leaves out is in no denominator; proposals have no category."""
    truth, proposals = coco_pair([(1, 1, BOX), (1, 2, FAR)], [(1, 2, BOX, 0.9)])
    protocol = PROTOCOLS["coco"]._replace(name="mine", left_out_categories=("category 2",))
    result = evaluate(truth, proposals=proposals, protocol=protocol, intervals=False)
    assert result.metrics["proposal_AR@100"] == 1.0
    assert result.proposals is not None
    assert [curves.ground_truths for curves in result.proposals.by_category] == [1, 0]


def test_proposals_in_ignored_regions_are_not_among_the_first(shared: Path, tmp_path: Path) -> None:
    """Under visdrone what lies in a region takes no place in the order; under coco it takes one."""
    root = shared / "format_samples/VisDrone2019-DET-val"
    dataset = read_dataset(root)
    truth = dataset.ground_truth
    region = truth.box[np.flatnonzero(truth.category < 0)[0]]
    at = float(region[0] + region[2]) / 2, float(region[1] + region[3]) / 2
    must = [row for row in np.flatnonzero(truth.category >= 0) if not truth.ignore[row]]
    name = dataset.images.key[0]
    lines = ["image,xmin,ymin,xmax,ymax,score", f"{name},{at[0] - 1},{at[1] - 1},{at[0] + 1},{at[1] + 1},0.9"]
    lines += [f"{name},{','.join(map(str, truth.box[row].tolist()))},0.5" for row in must]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    found = {}
    for protocol in ("coco", "visdrone"):
        result = evaluate(root, proposals=tmp_path / "p.csv", protocol=protocol, proposal_counts=[1], intervals=False)
        found[protocol] = result.metrics["proposal_recall50@1"] or 0.0
    assert found["coco"] == 0.0
    assert found["visdrone"] > 0.0


def test_without_ground_truth_there_is_a_reason(coco_pair: Pair) -> None:
    """Every number is None with a reason; so is a size that no ground truth has."""
    truth, proposals = coco_pair([], [(1, 1, BOX, 0.9)])
    result = evaluate(truth, proposals=proposals)
    assert set(result.metrics.values()) == {None}
    assert set(result.reasons) == set(result.metrics)
    assert result.intervals == {}
    truth, proposals = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    part = evaluate(truth, proposals=proposals).proposals
    assert part is not None
    assert {curves.name: curves.reason for curves in part.by_size} == {
        "small": "no ground truth to be found is small",
        "medium": "",
        "large": "no ground truth to be found is large",
    }


def test_no_proposals_at_all_is_zero_and_said(coco_pair: Pair) -> None:
    """An empty file has recall 0."""
    truth, proposals = coco_pair([(1, 1, BOX)], [])
    result = evaluate(truth, proposals=proposals)
    assert set(result.metrics.values()) == {0.0}
    assert [remark.code for remark in result.remarks] == ["no-proposals"]


def test_the_sizes_are_the_protocol_s(shared: Path) -> None:
    """VOC's protocol has no sizes, and its thresholds are not those of proposals."""
    result = evaluate(shared / GT, shared / DETECTIONS, proposals=shared / PROPOSALS, protocol="voc2012", resamples=100)
    assert result.proposals is not None
    assert result.proposals.by_size == []
    assert result.metrics["proposal_AR@100"] == 0.41206467661691537
    assert list(result.metrics)[:2] == ["mAP", "recall"]


def test_proposals_leave_the_other_numbers_alone(shared: Path) -> None:
    """With predictions they add metrics behind, and change none."""
    alone = evaluate(shared / GT, shared / DETECTIONS, intervals=False)
    both = evaluate(shared / GT, shared / DETECTIONS, proposals=shared / PROPOSALS, intervals=False)
    assert list(both.metrics.items())[: len(alone.metrics)] == list(alone.metrics.items())
    assert [both.name, both.predictions] == [alone.name, alone.predictions]
    assert alone.proposals is None


def test_a_band_holds_the_recall_of_drawn_images(shared: Path) -> None:
    """In each draw recall is what the ground truth of the images drawn gives, each as often as it is drawn."""
    dataset = read_dataset(shared / GT)
    table = read_predictions(shared / PROPOSALS, dataset, class_agnostic=True).predictions
    found = ranks(dataset, table, PROTOCOLS["coco"])
    result = evaluate(dataset, proposals=shared / PROPOSALS, resamples=112, seed=5)
    part = result.proposals
    assert part is not None
    draws = Draws(len(dataset.images), resamples=112, seed=5)
    weights = np.concatenate(list(draws.blocks()), axis=1)
    person = dataset.categories.name.index("person")
    groups = [
        (part.all, found.must_find[:, 0], 0),
        (part.by_size[2], found.must_find[:, 3], 3),
        (part.by_category[person], found.must_find[:, 0] & (found.category == person), 0),
    ]
    for curves, rows, area in groups:
        place, times = curves.counts.index(100), weights[found.image[rows]].astype(int)
        hits = (found.rank[rows, area] <= 100).mean(axis=1)
        expected = draws.interval(float(hits.mean()), (hits @ times) / times.sum(axis=0))
        assert curves.average_recall is not None
        ends = [curves.average_recall.low[place], curves.average_recall.high[place]]
        assert ends == pytest.approx(expected, abs=1e-12)
        if curves is part.all:  # what runs are compared by
            assert result.drawn is not None
            np.testing.assert_allclose(
                result.drawn.metrics["proposal_AR@100"], (hits @ times) / times.sum(axis=0), atol=1e-12
            )
    assert result.intervals["proposal_AR@100"] == pytest.approx(
        (part.all.average_recall.low[10], part.all.average_recall.high[10])  # type: ignore[union-attr]
    )


def test_what_lies_in_one_image_has_no_interval(coco_pair: Pair) -> None:
    """As elsewhere: every draw that has it gives the same."""
    truth, proposals = coco_pair([(1, 1, BOX), (2, 2, BOX), (2, 2, FAR)], [(1, 1, BOX, 0.9), (2, 1, BOX, 0.9)])
    part = evaluate(truth, proposals=proposals, resamples=100).proposals
    assert part is not None
    assert part.all.average_recall is not None
    assert part.all.average_recall.low
    assert [curves.average_recall.low for curves in part.by_category if curves.average_recall] == [[], []]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "nothing to score"),
        ({"proposals": "p", "count_threshold": 0.5}, "proposals are not counted"),
        ({"proposals": "p", "proposal_counts": [0]}, "1 to 2,000 proposals an image, not 0"),
        ({"proposals": "p", "proposal_counts": [2001]}, "not 2,001"),
    ],
)
def test_options_that_mean_nothing(coco_pair: Pair, options: dict[str, Any], said: str) -> None:
    """Each is one sentence."""
    truth, proposals = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    if "proposals" in options:
        options = options | {"proposals": proposals}
    with pytest.raises(UsageError, match=said):
        evaluate(truth, **options)


def test_wrongly_written_proposals_are_said(coco_pair: Pair) -> None:
    """Boxes as fractions find nothing, and that is an error among the remarks."""
    small = [0.1, 0.1, 0.2, 0.2]
    truth, proposals = coco_pair([(1, 1, BOX)], [(1, 1, small, 0.9), (1, 1, small, 0.8), (1, 1, small, 0.7)])
    remark = evaluate(truth, proposals=proposals).remarks[0]
    assert (remark.code, remark.severity) == ("proposals-boxes-are-fractions", "error")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("proposals/images_with_fewer", [1], "differ in length"),
        ("proposals/all/counts", list(range(17, 0, -1)), "no recall|ascend"),
        ("proposals/all/average_recall/value", [0.5], "differ in length"),
        ("proposals/by_size/0/recall50/value/0", 7.0, "leaves its range"),
        ("proposals/all/recall70/low/0", 1.0, "inverted"),
    ],
)
def test_a_part_that_was_changed_is_refused(shared: Path, tmp_path: Path, place: str, value: Any, said: str) -> None:
    """A curve that cannot be is found when the result is read."""
    evaluate(shared / GT, proposals=shared / PROPOSALS, resamples=100).save(tmp_path / "result.json")
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
def test_the_command_shows_a_table_and_writes_a_page(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """``detbench eval GT --proposals FILE`` needs no predictions; 80 columns hold its tables."""
    arguments = ["eval", shared / GT, "--proposals", shared / PROPOSALS, "--proposal-counts", "10,300"]
    done = detbench(*arguments, "--resamples", "100", "-o", tmp_path / "run", env_columns=80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    lines = [line.split() for line in done.stdout.splitlines()]
    (row,) = (line for line in lines if line[:2] == ["300", "0.460"])
    assert row[4:] == ["0.785", "0.557", "0.241", "0.543", "0.752", "0"]
    assert ["person", "209", "0.387", "0.538"] in lines
    assert Result.load(tmp_path / "run/result.json").metrics["proposal_AR@10"] == 0.2722636815920398
    page = (tmp_path / "run/report.html").read_text()
    assert "proposal_AR@10" in page
    assert "no categor" not in page  # what only predictions have is left out, and not said to be missing
    assert "Precision against recall" not in page
    done = detbench("compare", tmp_path / "run", tmp_path / "run/result.json", env_columns=80)
    said = " ".join(done.stdout.split())
    assert (done.returncode, "are identical: the same predictions" in said) == (0, True), done.stderr
    assert "person" not in detbench(*arguments, "--no-intervals", "--no-per-category").stdout
    for wrong in ("ten", "0", "5,,6"):
        done = detbench(*arguments[:-1], wrong)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
