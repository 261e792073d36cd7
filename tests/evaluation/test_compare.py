"""Models compared through the public door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

import detbench
from detbench import Result, compare, evaluate, read_dataset
from detbench.errors import DataError, UsageError
from detbench.evaluation.draws import Draws
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.counting import LIMITS
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.comparison import Comparison

    Pair = Callable[..., tuple[Path, Path]]

GT = "coco_tiny/annotations/instances_val2017.json"
YOLOX = "predictions/yolox_nano__coco_tiny_val.json"
CENTERNET = "predictions/centernet_mbv3__coco_tiny_val.json"
BOX = [10.0, 10.0, 50.0, 50.0]


def write_run(folder: Path, result: Result) -> Path:
    """Write what ``detbench eval -o`` writes."""
    folder.mkdir(parents=True)
    result.save(folder / "result.json")
    result.save_draws(folder / "draws.npz")
    return folder


@pytest.fixture(scope="module")
def results(shared: Path) -> list[Result]:
    """Return two real detectors' results."""
    return [
        evaluate(shared / GT, shared / predictions, name=name, resamples=300)
        for name, predictions in (("yolox", YOLOX), ("centernet", CENTERNET))
    ]


@pytest.fixture
def runs(results: list[Result], tmp_path: Path) -> list[Path]:
    """Return their folders."""
    return [write_run(tmp_path / result.name, result) for result in results]


def test_a_difference_is_the_metrics_and_its_interval_the_draws(results: list[Result]) -> None:
    """The number is one metric less the other; its interval is that of the differences draw by draw."""
    found = compare(*results)
    assert repr(found) == "<Comparison of 2 models on instances_val2017: AP of centernet 0.316, yolox 0.296>"
    (model,) = found.others
    assert (found.baseline, model.name) == ("yolox", "centernet")
    assert found.models[0].name == "centernet"
    for name, difference in model.differences.items():
        values = [result.metrics[name] for result in results]
        assert values[0] is not None
        assert values[1] is not None
        assert difference.difference == values[1] - values[0]
        drawn = [result.drawn.metrics[name] for result in results if result.drawn]
        ends = Draws(80, resamples=300).interval(difference.difference, drawn[1] - drawn[0])
        assert (difference.low, difference.high) == ends


def test_the_other_way_round_is_the_same_with_the_other_sign(results: list[Result]) -> None:
    """Whose number is subtracted changes the sign and nothing else."""
    there = compare(*results, baseline="yolox").others[0]
    back = compare(*results, baseline="centernet").others[0]
    pairs = [(there.differences, back.differences)]
    pairs += [(a.metrics, b.metrics) for a, b in zip(there.per_category, back.per_category, strict=True)]
    opposite = {"higher": "lower", "lower": "higher"}
    for one, other in pairs:
        for name in one:
            a, b = one[name], other[name]
            assert b.verdict == opposite.get(a.verdict, a.verdict)
            assert [a.p, a.p_holm] == pytest.approx([b.p, b.p_holm])
            assert b.difference == pytest.approx(-(a.difference or 0.0), abs=1e-15)
            if a.low is not None and a.high is not None:
                assert [b.low, b.high] == pytest.approx([-a.high, -a.low], abs=1e-12)


def test_no_interval_leaves_what_a_difference_of_shares_can_be(results: list[Result]) -> None:
    """The number of a category in two images is uncertain, but two shares are never more than 1 apart."""
    (model,) = compare(*results).others
    found = [*model.differences.values(), *(c.metrics["AP"] for c in model.per_category)]
    ends = [end for difference in found for end in (difference.low, difference.high) if end is not None]
    assert max(ends) == 1.0
    assert min(ends) >= -1.0


def test_a_drawn_number_is_the_metric_of_the_drawn_images(shared: Path, results: list[Result], tmp_path: Path) -> None:
    """The first draw's AP is what evaluating a set made of just those images, repeated as drawn, gives."""
    dataset = read_dataset(shared / GT)
    weight = next(Draws(len(dataset.images), resamples=300, seed=0).blocks())[:, 0]
    truth = json.loads((shared / GT).read_text())
    ids = sorted(image["id"] for image in truth["images"])
    copies = [(ids[rank], copy) for rank in range(len(ids)) for copy in range(weight[rank])]
    number = {pair: place for place, pair in enumerate(copies)}
    made = {
        "images": [{"id": number[pair], "file_name": f"{number[pair]}.jpg"} for pair in copies],
        "categories": truth["categories"],
        "annotations": [
            row | {"image_id": number[pair], "id": 1 + place * len(truth["annotations"]) + row_number}
            for place, pair in enumerate(copies)
            for row_number, row in enumerate(truth["annotations"])
            if row["image_id"] == pair[0]
        ],
    }
    (tmp_path / "gt.json").write_text(json.dumps(made))
    protocol = PROTOCOLS["coco"]
    for predictions, result in zip((YOLOX, CENTERNET), results, strict=True):
        rows = json.loads((shared / predictions).read_text())
        drawn = [row | {"image_id": number[pair]} for pair in copies for row in rows if row["image_id"] == pair[0]]
        (tmp_path / "dt.json").write_text(json.dumps(drawn))
        sample = read_dataset(tmp_path / "gt.json")
        loaded = detbench.read_predictions(tmp_path / "dt.json", sample)
        curves = accumulate(match(sample, loaded.predictions, protocol))
        assert result.drawn
        lacking = np.isnan(curves.average_precision[0, :, 0])
        by_category = result.drawn.per_category["AP50"][:, 0]
        np.testing.assert_array_equal(np.isnan(by_category), lacking)
        np.testing.assert_allclose(by_category[~lacking], curves.average_precision[0, ~lacking, 0], atol=1e-12)


def test_written_and_evaluated_runs_compare_alike(shared: Path, runs: list[Path], results: list[Result]) -> None:
    """Folders, result.json files, results in memory, and predictions evaluated on the spot: the same numbers."""
    files = [run / "result.json" for run in runs]
    predictions = [shared / YOLOX, shared / CENTERNET]
    spot = compare(*predictions, ground_truth=shared / GT, resamples=300)
    expected = numbers(compare(*results))
    assert numbers(compare(*runs)) == numbers(compare(*files)) == expected
    assert numbers(spot) == expected
    assert compare(*runs).to_json() == compare(*runs).to_json()


def numbers(found: Comparison) -> list[Any]:
    """Return all that is computed, without the models' names."""
    parts = [(m.value, m.rank, m.rank_interval, m.best, m.differences, m.per_category) for m in found.models]
    return [found.metric, found.dataset.fingerprint, *parts]


@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
def test_the_same_predictions_are_identical(shared: Path, protocol: str, tmp_path: Path) -> None:
    """A copy has differences of 0 [0, 0], p 1 and the same rank."""
    (tmp_path / "copy.json").write_bytes((shared / YOLOX).read_bytes())
    found = compare(shared / YOLOX, tmp_path / "copy.json", ground_truth=shared / GT, protocol=protocol, resamples=100)
    (model,) = found.others
    assert model.same_predictions
    assert [m.rank for m in found.models] == [1, 1]
    assert [m.best for m in found.models] == [0.5, 0.5]
    tables = [model.differences, *(category.metrics for category in model.per_category)]
    for difference in (d for table in tables for d in table.values() if d.verdict != "undefined"):
        assert difference.verdict == "equal"
        assert (difference.difference, difference.p) == (0.0, 1.0)
        assert (difference.low, difference.high) in {(0.0, 0.0), (None, None)}


def test_better_everywhere_is_significant_and_worse_nowhere(coco_pair: Pair, tmp_path: Path) -> None:
    """A model that finds 36 more of 60 objects is ahead; one that finds one more is not significantly so."""
    truth = [(image, 1, BOX) for image in range(60)]
    for name, count in (("less", 20), ("one", 21), ("more", 56)):
        _, path = coco_pair(truth, [(image, 1, BOX, 0.9) for image in range(count)])
        path.rename(tmp_path / f"{name}.json")
    found = compare(*(tmp_path / f"{name}.json" for name in ("less", "one", "more")), ground_truth=tmp_path / "gt.json")
    assert [(m.name, m.rank, m.rank_interval) for m in found.models] == [
        ("more", 1, (1, 1)),
        ("one", 2, (2, 3)),
        ("less", 3, (2, 3)),
    ]
    verdicts = {m.name: m.differences["AP"].verdict for m in found.others}
    assert verdicts == {"more": "higher", "one": "not significant"}
    assert sum(m.best for m in found.models) == pytest.approx(1)
    by_rank = [found.models[0].value, found.models[1].value, found.models[2].value]
    assert by_rank == sorted(by_rank, reverse=True)


def test_undefined_numbers_have_reasons(coco_pair: Pair, tmp_path: Path) -> None:
    """What has no ground truth has no difference; what lies in one image has no interval and cannot be significant."""
    gt, dt = coco_pair([(1, 1, BOX), (2, 1, BOX), (3, 2, BOX)], [(1, 1, BOX, 0.9)], categories=[1, 2, 3])
    dt.rename(tmp_path / "a.json")
    coco_pair([(1, 1, BOX), (2, 1, BOX), (3, 2, BOX)], [(3, 2, BOX, 0.9)], categories=[1, 2, 3])
    (model,) = compare(tmp_path / "a.json", tmp_path / "dt.json", ground_truth=gt, resamples=100).others
    assert model.differences["APs"].verdict == "undefined"
    assert model.differences["APs"].reason
    lone, missing = model.per_category[1].metrics["AP"], model.per_category[2].metrics["AP"]
    assert lone.difference == pytest.approx(1.0)
    assert (lone.low, lone.p, lone.verdict) == (None, 1.0, "not significant")
    assert "1 image cannot show a difference" in lone.reason
    assert (missing.difference, missing.p, missing.verdict) == (None, None, "undefined")
    assert missing.reason == "it has no ground truth"


def test_p_values_are_corrected_within_their_family(results: list[Result]) -> None:
    """The ranking metric stands alone, the other eleven are corrected together, and the categories by themselves."""
    (model,) = compare(*results).others
    others = {name: d for name, d in model.differences.items() if name != "AP"}
    assert model.differences["AP"].p_holm == model.differences["AP"].p
    least = min(others.values(), key=lambda d: d.p or 0)
    assert least.p_holm == pytest.approx(min(11 * (least.p or 0), 1))
    ps = sorted(category.metrics["AP"].p or 0 for category in model.per_category)
    corrected = sorted(category.metrics["AP"].p_holm or 0 for category in model.per_category)
    assert corrected[0] == pytest.approx(min(len(ps) * ps[0], 1))
    (by_50,) = compare(*results, metric="AP50").others
    assert by_50.differences["AP50"].p_holm == by_50.differences["AP50"].p
    three = compare(*results, changed(results[0], name="third")).others
    assert {m.name: m.differences["AP"].p_holm for m in three}["centernet"] == pytest.approx(
        min(1, 2 * (model.differences["AP"].p or 0))
    )


def changed(result: Result, **fields: Any) -> Result:
    """Return the result with other fields."""
    return Result(msgspec.structs.replace(result.document, **fields), drawn=result.drawn)


def test_what_was_not_measured_alike_is_refused_by_name(
    shared: Path, coco_pair: Pair, runs: list[Path], tmp_path: Path
) -> None:
    """Another dataset, split, protocol, seed or number of resamples: the message names both runs and what differs."""
    pair = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    val = evaluate(shared / GT, shared / YOLOX, resamples=300)
    others = {
        "under the protocol voc2007": evaluate(shared / GT, shared / YOLOX, resamples=300, protocol="voc2007"),
        "with the seed 1": evaluate(shared / GT, shared / YOLOX, resamples=300, seed=1),
        "with 200 resamples": evaluate(shared / GT, shared / YOLOX, resamples=200),
        "on gt": evaluate(*pair, resamples=300),
        "split test": changed(val, dataset=msgspec.structs.replace(val.dataset, split="test", fingerprint="0" * 64)),
    }
    for number, (said, other) in enumerate(others.items()):
        folder = write_run(tmp_path / f"other{number}", other)
        with pytest.raises(DataError, match=said) as caught:
            compare(runs[0], folder)
        assert str(folder) in str(caught.value)
        assert str(runs[0]) in str(caught.value)


def test_versions_that_differ_are_said(results: list[Result]) -> None:
    """Runs of another version are compared, with a warning."""
    found = compare(results[0], changed(results[1], detbench="0.0.9"))
    assert found.remarks[0].code == "versions-differ"
    assert "0.0.9" in found.remarks[0].message
    assert "versions-differ" not in {remark.code for remark in compare(*results).remarks}


def test_wrong_use_is_one_sentence(shared: Path, runs: list[Path], results: list[Result]) -> None:
    """One run, the same run twice, no such baseline or metric, options without ground truth, results without draws."""
    bare = evaluate(shared / GT, shared / YOLOX, intervals=False)
    for arguments, options, said in (
        (runs[:1], {}, "two runs or more"),
        ([runs[0], runs[0]], {}, "is given 2 times"),
        (runs, {"baseline": "nobody"}, "there are yolox, centernet"),
        (runs, {"metric": "mAP"}, "choose one of AP, AP50"),
        (runs, {"protocol": "coco"}, "protocol cannot be chosen"),
        ([results[0], bare], {}, "has no draws"),
        (results, {"ground_truth": shared / GT}, "files of predictions"),
    ):
        with pytest.raises(UsageError, match=said):
            compare(*arguments, **options)  # type: ignore[arg-type]  a table of calls


def test_models_of_one_name_are_told_apart_by_their_folders(results: list[Result], tmp_path: Path) -> None:
    """Two runs called the same go by their folders' names, and the baseline by its path too."""
    folders = [write_run(tmp_path / place, changed(results[0], name="dt")) for place in ("a/run", "b/run", "c")]
    assert [m.name for m in compare(folders[0], folders[2]).models] == ["run", "c"]
    assert [m.name for m in compare(*folders[:2]).models] == [str(folder) for folder in folders[:2]]
    assert compare(folders[0], folders[2], baseline=str(folders[2])).baseline == "c"


def test_errors_of_counts_are_compared_and_the_lowest_leads(shared: Path, tmp_path: Path) -> None:
    """Counts at a threshold are numbers like any other: their draws give their own intervals, and less is better."""
    found = {}
    for name, predictions in (("yolox", YOLOX), ("centernet", CENTERNET)):
        result = evaluate(shared / GT, shared / predictions, name=name, resamples=300, count_threshold=0.3)
        assert result.drawn
        for metric in ("count_MAE", "count_RMSE", "count_bias", "count_correlation"):
            values = result.drawn.metrics[metric]
            ends = Draws(80, resamples=300).interval(result.metrics[metric], values, within=LIMITS[metric])
            assert ends == pytest.approx(result.intervals[metric])
        found[name] = write_run(tmp_path / name, result)
    comparison = compare(*found.values(), metric="count_MAE")
    assert comparison.lower_is_better
    values = [model.value for model in comparison.models]
    assert values == sorted(values)
    assert values[0] > 0
    assert comparison.models[0].rank == 1
    with pytest.raises(UsageError, match="no model can be ranked by 'count_bias'"):
        compare(*found.values(), metric="count_bias")


def test_recalls_of_proposals_are_compared(shared: Path, results: list[Result], tmp_path: Path) -> None:
    """As any number, also of proposals alone; runs without a number in common are refused."""
    proposals = shared / "predictions/proposals_yolox_obj__coco_tiny_val.json"
    with_them = evaluate(shared / GT, shared / YOLOX, name="both", proposals=proposals, resamples=300)
    alone = evaluate(shared / GT, name="alone", proposals=shared / CENTERNET, resamples=300)
    runs = [write_run(tmp_path / result.name, result) for result in (with_them, alone)]
    found = compare(*runs)
    assert (found.metric, len(found.models)) == ("proposal_AR@100", 2)
    model = next(model for model in found.models if model.name == "alone")
    assert model.per_category == []
    difference = model.differences["proposal_recall50@300"]
    assert difference.difference == pytest.approx(
        alone.metrics["proposal_recall50@300"] - with_them.metrics["proposal_recall50@300"]
    )
    assert difference.low is not None
    assert compare(*reversed(runs)).models[0].per_category == []
    with pytest.raises(UsageError, match="the runs have no number in common"):
        compare(runs[1], results[1])


def test_a_comparison_becomes_a_frame(results: list[Result]) -> None:
    """One row a metric, and a category and metric."""
    frame = compare(*results).to_frame()
    assert len(frame) == 12 + 2 * 80
    ap = frame[(frame["metric"] == "AP") & (frame["category"] == "")].iloc[0]
    assert ap["difference"] == pytest.approx(0.01985950253456714)
