"""The same predictions under several protocols: the steps add up, and each says what it counted."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation.explain import explain, protocols_to_compare
from detbench.evaluation.protocols import PROTOCOLS, Protocol

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.explain import PathOfSteps

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"

#: Everything that can differ from COCO.
ODD = Protocol(
    name="odd",
    title="odd",
    matching="voc",
    iou_thresholds=(0.4, 0.6),
    areas=PROTOCOLS["coco"].areas[:2],
    max_dets=(3, 20),
    interpolation="11-point",
    iou_above=True,
    inclusive_boxes=True,
    ignore_difficult=True,
    ignore_marked=False,
    id_zero_is_unmatched=True,
    max_dets_per="image",
    ignore_crowd=False,
    ignored_region_share=0.3,
    ignored_region_pixels="whole",
    left_out_categories=("person",),
    mean_by_images=True,
)


def path_between(files: tuple[Path, Path], first: Protocol, last: Protocol) -> PathOfSteps:
    """Return the steps from one protocol to another."""
    dataset = read_dataset(files[0])
    (path,) = explain(dataset, read_predictions(files[1], dataset), [first, last]).paths
    return path


def said(path: PathOfSteps, setting: str) -> str:
    """Return a step's words."""
    return "; ".join(next(step.why for step in path.steps if step.setting == setting))


@pytest.mark.parametrize(
    "names", [("coco", "voc2007"), ("voc2012", "coco_strict"), ("coco", "odd"), ("odd", "visdrone")]
)
def test_steps_add_up_to_the_difference(shared: Path, names: tuple[str, str]) -> None:
    """From either end, the ends are the protocols' own numbers and the effects' sum is their difference."""
    files = shared / GT, shared / DT
    first, last = ({**PROTOCOLS, "odd": ODD}[name] for name in names)
    path = path_between(files, first, last)
    ends = [next(iter(evaluate(*files, protocol=one, intervals=False).metrics.values())) for one in (first, last)]
    assert [path.start_value, path.end_value] == ends
    assert path.difference == pytest.approx(ends[1] - ends[0], abs=1e-12)  # type: ignore[operator]
    assert math.fsum(step.effect or 0.0 for step in path.steps) == pytest.approx(path.difference, abs=1e-12)
    values = [path.start_value, *(step.value for step in path.steps)]
    assert [step.effect for step in path.steps] == [b - a for a, b in pairwise(values)]  # type: ignore[operator]
    assert path.difference


def test_every_setting_is_a_step(shared: Path) -> None:
    """Each setting in which two protocols differ is changed once, alone, unless the headline cannot depend on it."""
    path = path_between((shared / GT, shared / DT), PROTOCOLS["coco"], ODD)
    settings = [step.setting for step in path.steps]
    apart = {"name", "title", "areas", "mean_by_images", "marked_is_crowd"}  # the first areas are alike
    assert sorted(settings) == sorted(set(Protocol._fields) - apart)
    for step in path.steps:
        wanted = ODD.to_dict()[step.setting]
        assert step.after == (wanted[-1:] if step.setting == "max_dets" else wanted)


def test_voc_s_duplicates_are_counted(coco_pair: Pair) -> None:
    """The second of two boxes on the nearer of two objects is right under COCO, and a duplicate under VOC."""
    near, far = [0.0, 0.0, 100.0, 100.0], [0.0, 20.0, 100.0, 100.0]
    files = coco_pair([(1, 1, near), (1, 1, far)], [(1, 1, [0, 2, 100, 100], 0.9), (1, 1, [0, 4, 100, 100], 0.8)])
    path = path_between(files, PROTOCOLS["coco"], PROTOCOLS["voc2012"])
    assert "1 prediction that was right is a duplicate" in said(path, "matching")
    effect = next(step.effect for step in path.steps if step.setting == "matching")
    assert effect == pytest.approx(51 / 101 - 1)
    assert said(path, "max_dets").endswith("here it changes nothing")


def test_max_dets_say_what_they_cut(coco_pair: Pair) -> None:
    """Three predictions in two images are cut, one of them right."""
    box, nowhere = [0.0, 0.0, 50.0, 50.0], [300.0, 300.0, 50.0, 50.0]
    found = [(1, 1, nowhere, 0.9), (1, 1, box, 0.8), (1, 1, nowhere, 0.7), (2, 1, box, 0.9), (2, 1, nowhere, 0.1)]
    files = coco_pair([(1, 1, box), (2, 1, box)], found)
    one = PROTOCOLS["coco"]._replace(name="one", max_dets=(1,))
    cut, back = path_between(files, PROTOCOLS["coco"], one), path_between(files, one, PROTOCOLS["coco"])
    assert said(cut, "max_dets").endswith("3 predictions in 2 images are left out, 1 of them right")
    assert said(back, "max_dets").endswith("3 predictions in 2 images are taken in, 1 of them right")
    assert cut.difference == pytest.approx(-(back.difference or 0.0))


def test_difficult_and_crowd_and_marks_are_counted(coco_pair: Pair) -> None:
    """What need not be found any more, and whose finder is neither right nor wrong for it."""
    truth: list[Any] = [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [100 * n, 0, 50, 50], "area": 2500, "iscrowd": 0, **flags}
        for n, flags in enumerate(({}, {"difficult": 1}, {"ignore": 1}, {"iscrowd": 1}))
    ]
    found = [(1, 1, row["bbox"], 0.9 - 0.1 * place) for place, row in enumerate(truth)]
    hard = PROTOCOLS["coco"]._replace(name="hard", ignore_marked=False, ignore_crowd=False)
    path = path_between(coco_pair(truth, found), hard, PROTOCOLS["coco"]._replace(ignore_difficult=True))
    assert [step.setting for step in path.steps] == ["ignore_difficult", "ignore_marked", "ignore_crowd"]
    for step in path.steps:
        assert "1 ground truth need not be found any more" in step.why
        assert "1 prediction that was right is neither right nor wrong" in step.why


def test_a_match_at_the_threshold_is_counted(coco_pair: Pair) -> None:
    """An overlap of exactly one half is enough for COCO and not where the IoU must exceed it; a pixel more decides."""
    files = coco_pair([(1, 1, [0, 0, 20, 10])], [(1, 1, [0, 0, 10, 10], 0.9)])
    base = PROTOCOLS["voc2012"]
    above = path_between(files, base, base._replace(name="above", iou_above=True))
    assert said(above, "iou_above").endswith("1 prediction that was right is wrong")
    both = path_between(files, base._replace(iou_above=True), base._replace(iou_above=True, inclusive_boxes=True))
    assert said(both, "inclusive_boxes").endswith("1 prediction that was wrong is right")


def test_regions_and_categories_are_counted(tmp_path: Path) -> None:
    """In VisDrone's format, visdrone is compared too, and says what lies in regions and what is not evaluated."""
    folder = tmp_path / "VisDrone2019-DET-val"
    (folder / "annotations").mkdir(parents=True)
    lines = ("0,0,20,20,1,4,0,0", "50,50,40,40,0,0,0,0", "55,55,9,9,1,4,0,0", "200,0,9,9,1,11,0,0")
    (folder / "annotations" / "a.txt").write_text("\n".join(lines))
    rows = [
        {"image_id": "a", "category_id": category, "bbox": box, "score": 0.9}
        for category, box in ((4, [52, 52, 9, 9]), (4, [0, 0, 20, 20]), (11, [200, 0, 9, 9]))
    ]
    (tmp_path / "dt.json").write_text(json.dumps(rows))
    dataset = read_dataset(folder)
    chosen = protocols_to_compare(dataset, PROTOCOLS["coco"])
    assert [one.name for one in chosen] == list(PROTOCOLS)
    path = explain(dataset, read_predictions(tmp_path / "dt.json", dataset), chosen).paths[-1]
    assert path.end == "visdrone"
    assert "1 prediction in 1 image is left out, 0 of them right" in said(path, "ignored_region_share")
    assert "1 ground truth need not be found any more" in said(path, "ignored_region_share")
    assert "not evaluated: others; 1 prediction in 1 image is left out" in said(path, "left_out_categories")


def test_a_number_that_is_undefined_has_no_effects(coco_pair: Pair) -> None:
    """Without ground truth no step has a value, and none is made up."""
    files = coco_pair([], [(1, 1, [0, 0, 9, 9], 0.5)])
    path = path_between(files, PROTOCOLS["coco"], PROTOCOLS["voc2012"])
    assert path.difference is None
    assert {(step.value, step.effect) for step in path.steps} == {(None, None)}


def test_the_command_prints_tables_and_words(detbench: Run, shared: Path) -> None:
    """``--explain`` puts protocols side by side within 80 columns, one's own among them."""
    done = detbench("eval", shared / GT, shared / DT, "--explain", env_columns=80)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    lines = done.stdout.splitlines()
    assert any(line.split()[:3] == ["voc2012", "mAP", "0.4510"] for line in lines)
    assert any("coco to voc2012: 0.2961 to 0.4510, +0.1549" in line for line in lines)
    assert "without effect here: maxDets, difficult" in done.stdout
    assert "visdrone" not in done.stdout


def test_the_command_prints_json(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """``--explain --json`` is the whole of it, from one's own protocol to the others; it writes no result."""
    (tmp_path / "mine.toml").write_text('base = "coco"\nmax_dets = [5]\n')
    arguments = ("eval", shared / GT, shared / DT, "--explain", "--protocol", tmp_path / "mine.toml")
    done = detbench(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "detbench.explanation/1"
    assert [score["protocol"] for score in found["scores"]] == [
        "mine",
        "coco",
        "coco_strict",
        "voc2007",
        "voc2012",
        "dense",
    ]
    expected = json.loads((shared / "predictions/expected_pycocotools.json").read_text())["yolox_nano__coco_tiny_val"]
    assert found["scores"][1]["metrics"] == pytest.approx(expected, abs=1e-12)
    assert [(path["start"], path["steps"][0]["setting"]) for path in found["paths"]][:1] == [("mine", "max_dets")]
    refused = detbench(*arguments, "-o", tmp_path / "run")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "run").exists()
