"""``detbench.coco`` in pycocotools' place: the same arrays, the same entries, the same text, to the last bit."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pycocotools.coco
import pycocotools.cocoeval
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import detbench.coco
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THEIRS = SimpleNamespace(COCO=pycocotools.coco.COCO, COCOeval=pycocotools.cocoeval.COCOeval)
OURS = SimpleNamespace(COCO=detbench.coco.COCO, COCOeval=detbench.coco.COCOeval)

DEMO = "coco_val2014_100/instances_val2014_100.json", "coco_val2014_100/instances_val2014_fakebbox100_results.json"
YOLOX = "coco_tiny/annotations/instances_val2017.json", "predictions/yolox_nano__coco_tiny_val.json"
CENTERNET = "coco_tiny/annotations/instances_val2017.json", "predictions/centernet_mbv3__coco_tiny_val.json"

AREAS = [[0, 1e10], [10.5, 2000.0], [2000.0, 2000.0]]

#: What people change before they evaluate.
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "some images": {"imgIds": lambda ids: [*ids[::3], ids[0], 987654321]},
    "some categories": {"catIds": lambda ids: [*ids[::-2], 4444]},
    "other thresholds": {"iouThrs": lambda _: np.array([0.75, 0.3, 0.5, 1.0])},
    "many thresholds": {"iouThrs": lambda _: np.linspace(0.05, 1.0, 33)},
    "other levels": {"recThrs": lambda _: np.array([0.0, 0.1, 0.25, 0.5, 0.999, 1.0])},
    "other areas": {"areaRng": lambda _: AREAS, "areaRngLbl": lambda _: ["all", "medium", "odd"]},
    "other limits": {"maxDets": lambda _: [300, 1, 5]},
    "two limits at 100": {"maxDets": lambda _: [100, 3, 100]},
    "one category": {"useCats": lambda _: 0},
    "one of some": {"useCats": lambda _: 0, "catIds": lambda ids: ids[7:1:-1], "maxDets": lambda _: [1, 4, 100]},
}


def run(tool: Any, truth: Any, results: Any, change: dict[str, Any]) -> tuple[Any, str]:
    """Evaluate with one of the two, under changed settings; return the evaluation and what ``summarize`` printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        evaluation = tool.COCOeval(truth, results, "bbox")
        for name, value in change.items():
            setattr(evaluation.params, name, value(getattr(evaluation.params, name)))
        evaluation.evaluate()
        evaluation.accumulate()
        printed.truncate(0)
        printed.seek(0)
        evaluation.summarize()
    return evaluation, printed.getvalue()


def loaded(tool: Any, truth: Path, results: Any) -> tuple[Any, Any]:
    """Load both files with one of the two."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = tool.COCO(str(truth))
        return ground_truth, ground_truth.loadRes(results)


def assert_same_arrays(mine: Any, theirs: Any) -> None:
    """Hold the arrays of ``eval`` against each other, bit for bit."""
    assert mine.eval.keys() == theirs.eval.keys()
    assert mine.eval["counts"] == theirs.eval["counts"]
    for name in ("precision", "recall", "scores"):
        assert np.array_equal(mine.eval[name], theirs.eval[name]), name


def assert_same_entries(mine: Any, theirs: Any) -> None:
    """Hold every entry of ``evalImgs`` and every matrix of ``ious`` against each other, bit for bit."""
    assert len(mine.evalImgs) == len(theirs.evalImgs)
    for one, other in zip(mine.evalImgs, theirs.evalImgs, strict=True):
        assert (one is None) == (other is None)
        if one is None:
            continue
        assert list(one) == list(other)
        for name, value in other.items():
            assert np.shape(one[name]) == np.shape(value), name
            assert np.array_equal(one[name], value), (name, one[name], value)
    assert mine.ious.keys() == theirs.ious.keys()
    for pair, matrix in theirs.ious.items():
        assert np.array_equal(mine.ious[pair], matrix), pair


@pytest.mark.parametrize(
    ("files", "change"),
    [*((DEMO, change) for change in CHANGES), (YOLOX, "some images"), (YOLOX, "one category"), (CENTERNET, "nothing")],
)
def test_real_detections_equal_pycocotools(shared: Path, files: tuple[str, str], change: str) -> None:
    """Arrays, entries, IoUs, twelve numbers and the printed lines are pycocotools', whatever was changed."""
    truth, results = (shared / part for part in files)
    theirs, their_text = run(THEIRS, *loaded(THEIRS, truth, str(results)), CHANGES[change])
    mine, text = run(OURS, *loaded(OURS, truth, str(results)), CHANGES[change])
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)
    if 100 in mine.params.maxDets:
        assert mine.stats.tolist() == theirs.stats.tolist()
        assert text == their_text
    else:  # pycocotools' AP is -1 then: the one line that differs
        assert mine.stats.tolist()[1:] == theirs.stats.tolist()[1:]
        assert text.splitlines()[1:] == their_text.splitlines()[1:]
        assert mine.stats[0] > 0 > theirs.stats[0]


# Few distinct values, so that scores and IoUs tie, boxes coincide, and areas land on the bounds.
_box = st.tuples(*[st.sampled_from([0.0, 0.1, 5.0, 33.3])] * 2, *[st.sampled_from([0.0, 0.1, 16.0, 32.0, 96.0])] * 2)
_place = {"image_id": st.sampled_from([3, 17, 400]), "category_id": st.sampled_from([1, 2, 90]), "bbox": _box.map(list)}
_truth = st.fixed_dictionaries(
    {**_place, "iscrowd": st.sampled_from([0, 0, 1]), "area": st.sampled_from([0.5, 1024.0, 9216.0, 1e10])},
    optional={"ignore": st.just(1)},
)
_result = st.fixed_dictionaries({**_place, "score": st.sampled_from([0.0, 0.1, 0.5, 0.9])})


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    truths=st.lists(_truth, max_size=10),
    results=st.lists(_result, min_size=1, max_size=20),
    first_id=st.sampled_from([0, 1, 7]),
    use_categories=st.booleans(),
    limits=st.sampled_from([[1, 10, 100], [1, 2, 3], [100, 100, 2]]),
)
@pytest.mark.filterwarnings("ignore:an annotation has the id 0:RuntimeWarning")
def test_small_hard_cases_equal_pycocotools(
    tmp_path: Path,
    truths: list[dict[str, Any]],
    results: list[dict[str, Any]],
    first_id: int,
    use_categories: bool,
    limits: list[int],
) -> None:
    """Ties, crowds, id 0, ignore, empty boxes, area bounds and cuts give pycocotools' bits."""
    document = {
        "images": [{"id": key} for key in (400, 3, 17, 5)],
        "annotations": [{**truth, "id": number} for number, truth in enumerate(truths, start=first_id)],
        "categories": [{"id": key, "name": str(key)} for key in (90, 1, 2, 44)],
    }
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(document))
    change = {"useCats": lambda _: int(use_categories), "maxDets": lambda _: limits}
    theirs, _ = run(THEIRS, *loaded(THEIRS, path, copy.deepcopy(results)), change)
    mine, _ = run(OURS, *loaded(OURS, path, results), change)
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)


@pytest.fixture
def pair(coco_pair: Callable[..., tuple[Path, Path]]) -> tuple[Path, Path]:
    """Write three truths, one of them a crowd, and four results."""
    truths = [(1, 1, [0, 0, 50, 50]), (1, 2, [60, 60, 40, 40]), (2, 1, [10, 10, 100, 100])]
    results = [(1, 1, [0, 0, 50, 48], 0.9), (1, 2, [61, 60, 40, 40], 0.8), (2, 1, [0, 0, 20, 20], 0.7)]
    return coco_pair(truths, [*results, (2, 2, [0, 0, 5, 5], 0.6)], images=[1, 2, 3])


def test_objects_of_pycocotools_are_taken(pair: tuple[Path, Path]) -> None:
    """Ground truth and results may be pycocotools' own objects: the evaluation alone can be changed."""
    theirs, _ = run(THEIRS, *loaded(THEIRS, pair[0], str(pair[1])), {})
    mine, _ = run(OURS, *loaded(THEIRS, pair[0], str(pair[1])), {})
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)


def test_area_of_a_prediction_is_its_own(pair: tuple[Path, Path]) -> None:
    """A result's area, which may be a mask's, decides where it counts, not its box."""
    evaluations = []
    for tool in (THEIRS, OURS):
        truth, results = loaded(tool, pair[0], str(pair[1]))
        for annotation in results.dataset["annotations"]:
            annotation["area"] = 5000.0
        evaluations.append(run(tool, truth, results, {})[0])
    theirs, mine = evaluations
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)


@pytest.mark.parametrize("tool", [THEIRS, OURS], ids=["pycocotools", "detbench"])
def test_results_come_from_a_path_a_list_or_an_array(pair: tuple[Path, Path], tool: Any) -> None:
    """A file, its list and an array of seven columns are the same results."""
    records = json.loads(pair[1].read_text())
    array = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in records])
    stats = [run(tool, *loaded(tool, pair[0], results), {})[0].stats for results in (str(pair[1]), records, array)]
    assert stats[0].tolist() == stats[1].tolist() == stats[2].tolist()
    assert stats[0][1] > 0.3


def test_the_list_of_results_is_left_as_it_is(pair: tuple[Path, Path]) -> None:
    """Loading results writes nothing into the caller's records."""
    records = json.loads(pair[1].read_text())
    loaded(OURS, pair[0], records)
    assert records == json.loads(pair[1].read_text())


def test_indexes_and_filters_equal_pycocotools(shared: Path) -> None:
    """Every index and every filter gives what pycocotools gives."""
    path = shared / DEMO[0]
    with contextlib.redirect_stdout(io.StringIO()):
        mine, theirs = OURS.COCO(str(path)), THEIRS.COCO(str(path))
    for name in ("dataset", "anns", "imgs", "cats", "imgToAnns", "catToImgs"):
        assert getattr(mine, name) == getattr(theirs, name), name
    images, categories = theirs.getImgIds()[:9], theirs.getCatIds()[:5]
    for ask in (
        lambda coco: coco.getAnnIds(),
        lambda coco: coco.getAnnIds(imgIds=images),
        lambda coco: coco.getAnnIds(images[0], categories, [100.0, 9000.0]),
        lambda coco: coco.getAnnIds(catIds=categories[0], iscrowd=True),
        lambda coco: coco.getAnnIds(imgIds=np.array(images), iscrowd=False),
        lambda coco: coco.getCatIds(),
        lambda coco: coco.getCatIds(catNms=["person", "dog"]),
        lambda coco: coco.getCatIds(catNms="person"),
        lambda coco: coco.getCatIds(supNms=["animal"], catIds=[17, 18, 1]),
        lambda coco: coco.getImgIds(),
        lambda coco: sorted(coco.getImgIds(catIds=categories[:2])),
        lambda coco: sorted(coco.getImgIds(imgIds=images, catIds=[1])),
        lambda coco: coco.loadAnns(coco.getAnnIds(imgIds=images)),
        lambda coco: coco.loadAnns(coco.getAnnIds()[0]),
        lambda coco: coco.loadCats(categories) + coco.loadCats(1),
        lambda coco: coco.loadImgs(images),
    ):
        assert ask(mine) == ask(theirs)


@pytest.mark.parametrize("tool", [THEIRS, OURS], ids=["pycocotools", "detbench"])
def test_what_a_loop_says_is_said(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tool: Any) -> None:
    """The lines that pycocotools prints on the way are printed."""
    truth = tool.COCO(str(pair[0]))
    evaluation = tool.COCOeval(truth, truth.loadRes(str(pair[1])), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    said = [line.partition("(t=")[0] for line in capsys.readouterr().out.splitlines()]
    index = ["creating index...", "index created!"]
    assert said == [
        *("loading annotations into memory...", "Done ", *index),
        *("Loading and preparing results...", "DONE ", *index),
        *("Running per image evaluation...", "Evaluate annotation type *bbox*", "DONE "),
        *("Accumulating evaluation results...", "DONE "),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("tool", [THEIRS, OURS], ids=["pycocotools", "detbench"])
def test_entries_of_several_processes_accumulate_as_one(shared: Path, tool: Any) -> None:
    """The loop of TorchVision and DETR, which evaluates batches and merges ``evalImgs``, gives the whole's numbers."""
    truth_path, results_path = (shared / part for part in YOLOX)
    truth, results = loaded(tool, truth_path, str(results_path))
    whole, text = run(tool, truth, results, {})
    records = json.loads(results_path.read_text())
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        merged = tool.COCOeval(truth, iouType="bbox")
        images, parts = [], []
        for batch in np.array_split(np.array(truth.getImgIds())[::-1], 7):
            on_batch = [record for record in records if record["image_id"] in set(batch.tolist())]
            merged.cocoDt = tool.COCO.loadRes(truth, on_batch) if on_batch else tool.COCO()
            merged.params.imgIds = batch.tolist()
            merged.evaluate()
            images += merged.params.imgIds
            parts.append(np.asarray(merged.evalImgs).reshape(-1, len(merged.params.areaRng), len(batch)))
        order = np.argsort(images)
        merged.evalImgs = list(np.concatenate(parts, 2)[..., order].flatten())
        merged.params.imgIds = [images[row] for row in order]
        merged._paramsEval = copy.deepcopy(merged.params)
        merged.accumulate()
        printed.truncate(0)
        printed.seek(0)
        merged.summarize()
    assert_same_arrays(merged, whole)
    assert printed.getvalue() == text


def test_entries_that_were_read_accumulate_to_the_same(shared: Path) -> None:
    """Accumulating from ``evalImgs`` and from the matches themselves is one and the same."""
    mine, _ = run(OURS, *loaded(OURS, *(shared / part for part in DEMO)), {})
    before = copy.deepcopy(mine.eval)
    assert mine.evalImgs
    with contextlib.redirect_stdout(io.StringIO()):
        mine.accumulate()
    assert all(np.array_equal(before[name], mine.eval[name]) for name in ("precision", "recall", "scores"))


@pytest.mark.parametrize("read_first", [False, True])
def test_accumulating_a_part_of_what_was_evaluated(shared: Path, read_first: bool) -> None:
    """``accumulate(p)`` for fewer images, categories, areas and limits gives what evaluating only those gives."""
    truth, results = loaded(OURS, *(shared / part for part in DEMO))
    part = {
        "imgIds": lambda ids: ids[5:60],
        "catIds": lambda ids: ids[3:40],
        "areaRng": lambda areas: areas[1:3],
        "maxDets": lambda _: [1, 10],
    }
    whole, _ = run(OURS, truth, results, {})
    alone = OURS.COCOeval(truth, results)
    wanted = copy.deepcopy(whole.params)
    for name, value in part.items():
        setattr(alone.params, name, value(getattr(alone.params, name)))
        setattr(wanted, name, value(getattr(wanted, name)))
    with contextlib.redirect_stdout(io.StringIO()):
        alone.evaluate()
        alone.accumulate()
        if read_first:
            assert whole.evalImgs
        whole.accumulate(wanted)
    assert_same_arrays(whole, alone)


def test_no_results_score_nothing(pair: tuple[Path, Path]) -> None:
    """An empty list of results, at which pycocotools fails, is no results: 0, not an error."""
    mine, _ = run(OURS, *loaded(OURS, pair[0], []), {})
    assert mine.stats[0] == 0
    assert mine.stats[5] == 0


def test_no_ground_truth_is_undefined(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Where there is nothing to find every number is -1, as there."""
    paths = coco_pair([], [(1, 1, [0, 0, 5, 5], 0.5)])
    mine, _ = run(OURS, *loaded(OURS, paths[0], str(paths[1])), {})
    assert mine.stats.tolist() == [-1.0] * 12


def test_string_ids_of_images(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Images may be named by strings."""
    paths = coco_pair([("b", 1, [0, 0, 50, 50])], [("b", 1, [0, 0, 50, 50], 0.5)], images=["b", "a"])
    theirs, _ = run(THEIRS, *loaded(THEIRS, paths[0], str(paths[1])), {})
    mine, _ = run(OURS, *loaded(OURS, paths[0], str(paths[1])), {})
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)


def test_annotations_given_twice_are_said_and_evaluated_as_there(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Of annotations with one id the last is evaluated each time, as pycocotools does; a warning says so."""
    base = {"iscrowd": 0, "area": 2500.0, "category_id": 1}
    truths = [
        {**base, "id": 5, "image_id": 2, "bbox": [0, 0, 50, 50]},
        {**base, "id": 5, "image_id": 1, "bbox": [10, 0, 50, 50]},
        {**base, "id": 6, "image_id": 1, "bbox": [100, 0, 50, 50]},
    ]
    results = [(1, 1, [10, 0, 50, 50], 0.9), (1, 1, [11, 0, 50, 50], 0.8), (2, 1, [0, 0, 50, 50], 0.7)]
    paths = coco_pair(truths, results)
    theirs, _ = run(THEIRS, *loaded(THEIRS, paths[0], str(paths[1])), {})
    with pytest.warns(RuntimeWarning, match="ids are given twice"):
        mine, _ = run(OURS, *loaded(OURS, paths[0], str(paths[1])), {})
    assert_same_arrays(mine, theirs)
    assert_same_entries(mine, theirs)


def test_id_zero_is_said(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """An annotation of id 0 is never found, as there; a warning says so."""
    truth = {"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 0}
    paths = coco_pair([truth], [(1, 1, [0, 0, 50, 50], 0.9)])
    with pytest.warns(RuntimeWarning, match="id 0"):
        mine, _ = run(OURS, *loaded(OURS, paths[0], str(paths[1])), {})
    assert mine.stats[0] == 0


def test_annotations_without_area_or_crowd_are_taken(pair: tuple[Path, Path]) -> None:
    """Ground truth that lacks ``area`` and ``iscrowd``, at which pycocotools fails, goes by its boxes."""
    truth, results = loaded(OURS, pair[0], str(pair[1]))
    whole, _ = run(OURS, truth, results, {})
    for annotation in truth.dataset["annotations"]:
        del annotation["area"], annotation["iscrowd"]
    bare, _ = run(OURS, truth, results, {})
    assert_same_arrays(bare, whole)


@pytest.mark.parametrize("kind", ["segm", "keypoints", "boundary"])
def test_other_kinds_are_refused(pair: tuple[Path, Path], kind: str) -> None:
    """Masks and keypoints are an error that says whose class does them."""
    with pytest.raises(UsageError, match="use pycocotools"):
        OURS.COCOeval(*loaded(OURS, pair[0], str(pair[1])), kind)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"iouType": "segm"}, "use pycocotools"),
        ({"useSegm": 1}, "use pycocotools"),
        ({"iouThrs": np.array([0.0, 0.5])}, "above 0"),
        ({"maxDets": []}, "one value at least"),
    ],
)
def test_settings_that_mean_nothing(pair: tuple[Path, Path], change: dict[str, Any], said: str) -> None:
    """A setting that cannot be evaluated is one clear error."""
    evaluation = OURS.COCOeval(*loaded(OURS, pair[0], str(pair[1])))
    for name, value in change.items():
        setattr(evaluation.params, name, value)
    with pytest.raises(UsageError, match=said):
        evaluation.evaluate()


def test_steps_in_the_wrong_order(pair: tuple[Path, Path]) -> None:
    """A step taken too early says which one is missing; two limits are too few to summarize."""
    evaluation = OURS.COCOeval(*loaded(OURS, pair[0], str(pair[1])))
    assert evaluation.evalImgs == []
    with pytest.raises(UsageError, match="run accumulate"):
        evaluation.summarize()
    with pytest.raises(UsageError, match="run evaluate"):
        evaluation.accumulate()
    evaluation.params.maxDets = [1, 10]
    evaluation.evaluate()
    evaluation.accumulate()
    with pytest.raises(UsageError, match="three maxDets"):
        evaluation.summarize()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}, "1 images that the annotations lack: 9"),
        ({"category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}, r"result \[1\]: has no image_id"),
        ({"image_id": 1, "category_id": 1, "score": 1}, r"result \[1\]: has no bbox"),
        ({"image_id": 1, "category_id": 1, "segmentation": {}, "score": 1}, "has segmentation but no bbox"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 1], "score": 1}, "its bbox is not four numbers"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, float("nan")], "score": 1}, "prediction 2: its bbox is"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": float("nan")}, "prediction 2: its score is"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}, "prediction 2: its score is None"),
        ({"image_id": 1, "bbox": [0, 0, 1, 1], "score": 1}, r"category_id"),
    ],
)
def test_results_that_cannot_be_evaluated(pair: tuple[Path, Path], record: dict[str, Any], said: str) -> None:
    """A bad result is one error that names it."""
    good = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}
    with pytest.raises(DataError, match=said):
        run(OURS, *loaded(OURS, pair[0], [good, record]), {})


@pytest.mark.parametrize(
    ("text", "said"), [("[]", "not an object"), ("{", "is not JSON"), ("[" * 100_000, "JSON|nested")]
)
def test_files_that_are_no_annotations(tmp_path: Path, text: str, said: str) -> None:
    """A file that is not COCO's is one error that names it."""
    path = tmp_path / "gt.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        OURS.COCO(path)
    assert "gt.json" in str(caught.value)


def test_an_array_of_another_shape(pair: tuple[Path, Path]) -> None:
    """An array of results has seven columns."""
    with pytest.raises(UsageError, match="7 columns"):
        loaded(OURS, pair[0], np.zeros((3, 6)))
