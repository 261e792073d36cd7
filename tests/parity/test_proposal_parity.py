"""Proposal recall is pycocotools' class-agnostic recall (``useCats = 0``), and what was recorded of a real detector."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation.metrics.proposals import NEVER, ranks, recall_at
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GT = "coco_tiny/annotations/instances_val2017.json"
PROPOSALS = "predictions/proposals_yolox_obj__coco_tiny_val.json"
DETECTIONS = "predictions/yolox_nano__coco_tiny_val.json"
COUNTS = [1, 2, 3, 10, 100, 300, 1000]


def class_agnostic(truth: Path, proposals: Path, counts: list[int]) -> COCOeval:
    """Run pycocotools without categories."""
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(truth))
        run = COCOeval(known, known.loadRes(str(proposals)), "bbox")
        run.params.useCats = 0
        run.params.maxDets = counts
        run.evaluate()
        run.accumulate()
    return run


def recalls(truth: Path, proposals: Path, counts: list[int], protocol: str) -> np.ndarray[Any, Any]:
    """Return our recall as pycocotools lays it out, ``[T, A, M]``, −1 where undefined."""
    dataset = read_dataset(truth)
    read = read_predictions(proposals, dataset, class_agnostic=True)
    found = ranks(dataset, read.predictions, PROTOCOLS[protocol])
    areas = []
    for area in range(found.must_find.shape[1]):
        rank = found.rank[found.must_find[:, area], area]
        areas.append(recall_at(rank, np.array(counts)) if len(rank) else np.full((len(counts), 10), -1.0))
    return np.stack(areas, axis=1).transpose(2, 1, 0)


def test_recorded_values(shared: Path) -> None:
    """AR and recall at 10, 100 and 300 proposals, and AR by size, are those recorded, to the last bit."""
    expected = json.loads((shared / PROPOSALS.replace(".json", ".expected.json")).read_text())
    result = evaluate(shared / GT, proposals=shared / PROPOSALS, proposal_counts=(10, 100, 300), intervals=False)
    for count in (10, 100, 300):
        for mine, theirs in (("AR", "AR@{}"), ("recall50", "recall@0.5_top{}"), ("recall70", "recall@0.7_top{}")):
            assert result.metrics[f"proposal_{mine}@{count}"] == expected[theirs.format(count)]
    flat = result.to_dict(flat=True)
    for suffix, size in (("", "all"), ("s", "small"), ("m", "medium"), ("l", "large")):
        assert flat[f"proposal_AR@300{suffix}"] == expected[f"AR@300_{size}"]


@pytest.mark.parametrize("file", [PROPOSALS, DETECTIONS])
def test_every_threshold_size_and_number_equals_pycocotools(shared: Path, file: str) -> None:
    """Proposals, or a detector's predictions of many categories taken as such: the whole recall array is equal."""
    theirs = class_agnostic(shared / GT, shared / file, COUNTS).eval["recall"][:, 0]
    assert np.array_equal(recalls(shared / GT, shared / file, COUNTS, "coco"), theirs)


@pytest.mark.slow
def test_recall_by_category_is_of_pycocotools_matches(shared: Path) -> None:
    """A category's ground truths count as found where pycocotools' class-agnostic matching takes them."""
    run = class_agnostic(shared / GT, shared / PROPOSALS, [100])
    names = {key: category["name"] for key, category in run.cocoGt.cats.items()}
    found: dict[str, list[bool]] = {name: [] for name in names.values()}
    for image in filter(None, run.evalImgs):
        if image["aRng"] == run.params.areaRng[0]:
            for key, taken, ignored in zip(image["gtIds"], image["gtMatches"].T > 0, image["gtIgnore"], strict=True):
                if not ignored:
                    found[names[run.cocoGt.anns[key]["category_id"]]].append(taken)
    result = evaluate(shared / GT, proposals=shared / PROPOSALS, intervals=False)
    assert result.proposals is not None
    for curves in result.proposals.by_category:
        assert curves.ground_truths == len(found[curves.name])
        if curves.ground_truths:
            assert curves.average_recall is not None
            assert curves.recall50 is not None
            assert curves.average_recall.value[0] == pytest.approx(np.mean(found[curves.name]), abs=1e-12)
            assert curves.recall50.value[0] == pytest.approx(np.mean(found[curves.name], axis=0)[0], abs=1e-12)
        else:
            assert curves.average_recall is None
            assert curves.reason


def test_the_first_k_are_matched_as_if_there_were_no_others(shared: Path) -> None:
    """Recall of k proposals is the same where the file holds but those k."""
    dataset = read_dataset(shared / GT)
    table = read_predictions(shared / PROPOSALS, dataset, class_agnostic=True).predictions
    whole = ranks(dataset, table, PROTOCOLS["coco"])
    for count in (1, 7, 30):
        place = np.lexsort((np.arange(len(table)), -table.score, table.image))
        first = np.sort(place[np.arange(len(table)) - table.offsets(len(dataset.images))[table.image[place]] < count])
        columns = {name: getattr(table, name)[first] for name in ("image", "category", "box", "score", "size_px")}
        cut = ranks(dataset, type(table)(**columns), PROTOCOLS["coco"])
        assert np.array_equal(cut.rank, np.where(whole.rank <= count, whole.rank, NEVER))


def test_parts_of_the_images_give_what_all_give(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many proposals are matched at a time changes nothing, even where one image has more."""
    dataset = read_dataset(shared / GT)
    table = read_predictions(shared / PROPOSALS, dataset, class_agnostic=True).predictions
    whole = ranks(dataset, table, PROTOCOLS["coco"])
    for at_a_time in (1, 700, 10_000):
        monkeypatch.setattr("detbench.evaluation.metrics.proposals._PROPOSALS_AT_A_TIME", at_a_time)
        parts = ranks(dataset, table, PROTOCOLS["coco"])
        for column in ("image", "category", "must_find", "rank"):
            assert np.array_equal(getattr(parts, column), getattr(whole, column))


def test_without_the_native_part_it_is_the_same(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The NumPy twin finds the same."""
    dataset = read_dataset(shared / GT)
    table = read_predictions(shared / DETECTIONS, dataset, class_agnostic=True).predictions
    fast = ranks(dataset, table, PROTOCOLS["coco"])
    for module in ("matching", "metrics.proposals"):
        monkeypatch.setattr(f"detbench.evaluation.{module}.native", lambda: None)
    assert np.array_equal(ranks(dataset, table, PROTOCOLS["coco"]).rank, fast.rank)


#: Few places and sizes, so that boxes overlap, IoUs tie, and areas lie on the bounds of 32² and 96².
_CORNER, _SIDE = st.sampled_from([0.0, 4.0, 8.0]), st.sampled_from([16.0, 24.0, 32.0, 96.0, 100.0])
_BOX = st.tuples(_CORNER, _CORNER, _SIDE, _SIDE).map(list)
_TRUTH = st.tuples(st.integers(1, 3), st.integers(1, 2), _BOX, st.booleans())
_PROPOSAL = st.tuples(st.integers(1, 3), st.integers(1, 2), _BOX, st.sampled_from([0.25, 0.5, 0.75]))


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(truth=st.lists(_TRUTH, max_size=12), proposals=st.lists(_PROPOSAL, min_size=1, max_size=15), zero=st.booleans())
def test_random_small_cases_equal_pycocotools(
    tmp_path: Path, truth: list[Any], proposals: list[Any], zero: bool
) -> None:
    """Ties in score and in IoU, crowds, sizes on the bounds, annotation id 0, unsorted files: always equal."""
    first = 0 if zero else 5
    annotations = [
        {"id": first + 3 * n, "image_id": i, "category_id": k, "bbox": b, "area": b[2] * b[3], "iscrowd": int(crowd)}
        for n, (i, k, b, crowd) in enumerate(truth)
    ]
    document = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 200, "height": 200} for key in (3, 1, 2)],
        "categories": [{"id": key, "name": str(key)} for key in (1, 2)],
        "annotations": annotations,
    }
    (tmp_path / "gt.json").write_text(json.dumps(document))
    results = [{"image_id": i, "category_id": k, "bbox": b, "score": s} for i, k, b, s in proposals]
    (tmp_path / "dt.json").write_text(json.dumps(results))
    paths, counts = (tmp_path / "gt.json", tmp_path / "dt.json"), [1, 2, 3, 50]
    theirs = class_agnostic(*paths, counts).eval["recall"][:, 0]
    assert np.array_equal(recalls(*paths, counts, "coco_strict"), theirs)


def test_between_equal_ious_the_later_category_wins(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """As in pycocotools, whatever the order of the file: what the first proposal leaves, the second finds."""
    truth = [(1, 2, [0.0, 0, 32, 32]), (1, 1, [16.0, 0, 32, 32])]
    paths = coco_pair(truth, [(1, 1, [8.0, 0, 32, 32], 0.9), (1, 1, [16.0, 0, 32, 32], 0.8)])
    assert evaluate(paths[0], proposals=paths[1], proposal_counts=[2]).metrics["proposal_recall50@2"] == 1.0
    assert class_agnostic(*paths, [1, 2, 3]).eval["recall"][0, 0, 0, 1] == 1.0
