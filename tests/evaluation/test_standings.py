"""Models by rank, through the public door: run folders in, standings out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detbench import Result, compare, evaluate
from detbench.errors import DataError, UsageError
from detbench.evaluation.parts.timing import Latency, Timing
from detbench.evaluation.runs import written_run
from detbench.evaluation.standings.document import ModelCard, read_standings
from detbench.evaluation.standings.rank import standings
from detbench.timing.prediction_times import STAGES, FramesPerSecond
from detbench.timing.samples import Quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detbench.evaluation.standings.document import Entry, Standings

    Pair = Callable[..., tuple[Path, Path]]
    Make = Callable[..., Path]

BOX = [10.0, 10.0, 50.0, 50.0]
IMAGES = 60


@pytest.fixture
def make(coco_pair: Pair, tmp_path: Path) -> Make:
    """Return a maker of run folders: ``make("good", range(50))`` finds the object in images 0 to 49.

    There are sixty images with an object each; ``truth`` may be other ones; what is found may be ``proposals``;
    ``options`` are those of ``evaluate``.
    """

    def run(
        name: str,
        found: Sequence[int],
        *,
        truth: int = IMAGES,
        title: str = "",
        proposals: bool = False,
        **options: Any,
    ) -> Path:
        gt, dt = coco_pair(
            [(image, 1, BOX) for image in range(truth)],
            [(image, 1, BOX, 0.9 - image / 1000) for image in found],
            images=list(range(truth)),
            categories=[1],
        )
        given = {"proposals": dt} if proposals else {"predictions": dt}
        result = evaluate(gt, **given, name=title or name, **({"resamples": 200} | options))
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        result.save(folder / "result.json")
        result.save_draws(folder / "draws.npz")
        return folder

    return run


def ranked(*folders: Path, **options: Any) -> Standings:
    """Return the standings of folders."""
    return standings([written_run(folder, draws_needed=False) for folder in folders], **options)[0]


def row(entry: Entry) -> tuple[str, int | None, tuple[int, int] | None, bool]:
    """Return where an entry stands."""
    return entry.name, entry.rank, entry.rank_interval, entry.tied_with_leader


def test_ranks_are_those_of_a_comparison_with_the_leader(make: Make) -> None:
    """Rank, its interval, the chance to be best, and the difference from the first are detbench compare's."""
    folders = [make("fair", range(40)), make("good", range(58)), make("poor", range(5)), make("fine", range(2, 58))]
    found = ranked(*folders)
    other = compare(*folders, baseline="good")
    assert [entry.name for entry in found.entries] == ["good", "fine", "fair", "poor"]
    assert (found.interval_method, found.resamples, found.seed) == (other.interval_method, 200, 0)
    for entry, model in zip(found.entries, other.models, strict=True):
        place = (entry.name, entry.rank, entry.rank_interval, entry.best, entry.metrics["AP"])
        assert place == (model.name, model.rank, model.rank_interval, model.best, model.value)
        if entry.name != "good":
            assert entry.behind == model.differences["AP"]
    assert found.entries[0].behind is None


def test_who_cannot_be_told_from_the_first_is_tied_with_it(make: Make) -> None:
    """Two that miss different images are tied; one that misses half is not, and neither is the next told apart."""
    found = ranked(make("a", range(58)), make("b", range(1, 58)), make("c", range(30)), make("d", range(31)))
    assert [row(entry) for entry in found.entries] == [
        ("a", 1, (1, 2), True),
        ("b", 2, (1, 2), True),
        ("d", 3, (3, 4), False),
        ("c", 4, (3, 4), False),
    ]


def test_many_equally_good_ones_are_all_tied(make: Make) -> None:
    """Of twelve models that find each object with a chance of 2 to 1 none is told apart: Holm's correction is there."""
    folders = [
        make(f"m{seed}", np.flatnonzero(np.random.default_rng([1, seed]).random(IMAGES) < 2 / 3).tolist())
        for seed in range(12)
    ]
    found = ranked(*folders)
    assert len({entry.metrics["AP"] for entry in found.entries}) > 6
    assert min(entry.behind.p or 0 for entry in found.entries if entry.behind) < 0.05
    assert {entry.rank_interval for entry in found.entries} == {(1, 12)}
    assert all(entry.tied_with_leader for entry in found.entries)
    assert {entry.behind.verdict for entry in found.entries if entry.behind} == {"not significant"}


def test_equals_share_a_rank_and_stand_by_name(make: Make) -> None:
    """The same predictions twice are told so; the rank after two firsts is 3."""
    found = ranked(make("b", range(50)), make("a", range(50)), make("c", range(20)))
    assert [row(entry)[:2] for entry in found.entries] == [("a", 1), ("b", 1), ("c", 3)]
    assert found.entries[1].behind is not None
    assert found.entries[1].behind.verdict == "equal"
    (remark,) = [remark for remark in found.remarks if remark.code == "same-predictions"]
    assert remark.message == "the predictions are the same: a, b"


def test_the_order_of_runs_changes_nothing(make: Make) -> None:
    """Standings are of a set of runs, to the byte; remarks on several too."""
    folders = [make("a", range(50)), make("b", range(40)), make("c", range(20)), make("d", range(50))]
    for place, folder in enumerate(folders):
        result = json.loads((folder / "result.json").read_text())
        result["predictions"]["dropped"] = place
        (folder / "result.json").write_text(json.dumps(result))
    found = ranked(*folders)
    assert "predictions-dropped" in [remark.code for remark in found.remarks]
    assert found.to_json() == ranked(*reversed(folders)).to_json()


def test_one_alone_is_first_and_nothing_is_tested(make: Make) -> None:
    """A single model has no p-value, with draws or without, with detections or without."""
    for folder in (make("a", range(9)), make("b", range(9), intervals=False), make("c", [])):
        found = ranked(folder)
        (entry,) = found.entries
        assert row(entry) == (folder.name, 1, (1, 1), True)
        assert (entry.best, entry.behind, found.resamples, found.p_method) == (None, None, 0, "")


def test_none_at_all_is_a_page_of_broken_ones() -> None:
    """What gave no run has its reason, and a card's name if it has a card."""
    found, results = standings([], broken={"x": "it is empty", "a": "it is cut"}, cards={"x": ModelCard(name="Xtra")})
    assert [(entry.name, entry.source, entry.status, entry.reason) for entry in found.entries] == [
        ("Xtra", "x", "broken", "it is empty"),
        ("a", "a", "broken", "it is cut"),
    ]
    torn, _ = standings([], broken={"caf\udce9": "caf\udce9 is cut"})  # a folder's name that is not UTF-8
    assert json.loads(torn.to_json())["entries"][0]["reason"] == "caf\ufffd is cut"
    assert (results, found.dataset, found.protocol, found.metric) == ({}, None, None, "")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"truth": 59}, "was measured on gt "),
        ({"protocol": "voc2012"}, "was measured under the protocol voc2012 "),
        ({"seed": 3}, "was measured with the seed 3"),
        ({"resamples": 300}, "was measured with 300 resamples"),
    ],
)
def test_what_was_measured_otherwise_is_refused_by_name_or_set_apart(
    make: Make, other: dict[str, Any], said: str
) -> None:
    """The most that are alike are ranked, wherever they stand; allow_mixed shows the other with the reason."""
    folders = [make("other", range(50), **other), make("a", range(50)), make("b", range(40))]
    with pytest.raises(DataError, match=said) as refused:
        ranked(*folders)
    assert "/other" in str(refused.value)
    assert "--allow-mixed" in str(refused.value)
    found = ranked(*folders, allow_mixed=True)
    assert [(entry.name, entry.status) for entry in found.entries] == [
        ("a", "ranked"),
        ("b", "ranked"),
        ("other", "apart"),
    ]
    assert said in found.entries[-1].reason
    assert str(folders[0].parent) not in found.to_json().decode()


def test_of_two_groups_of_one_size_the_first_is_ranked(make: Make) -> None:
    """Whose first run comes first."""
    folders = [make("a", range(9), seed=1), make("b", range(9)), make("c", range(8)), make("d", range(8), seed=1)]
    found = ranked(*folders, allow_mixed=True)
    assert [(entry.name, entry.status) for entry in found.entries] == [
        ("a", "ranked"),
        ("d", "ranked"),
        ("b", "apart"),
        ("c", "apart"),
    ]


def test_a_run_without_draws_is_not_ranked_where_others_have_some(make: Make) -> None:
    """It cannot be tested against them, and the reason says how to mend it."""
    found = ranked(make("a", range(50), intervals=False), make("b", range(40)))
    assert [(entry.name, entry.status) for entry in found.entries] == [("b", "ranked"), ("a", "unranked")]
    assert "without --no-intervals" in found.entries[1].reason


def test_where_no_run_has_draws_numbers_rank_and_nothing_is_certain(make: Make) -> None:
    """Any rank may be anybody's, and a warning says so."""
    found = ranked(make("a", range(40), intervals=False), make("b", range(50), intervals=False))
    assert [row(entry) for entry in found.entries] == [("b", 1, (1, 2), True), ("a", 2, (1, 2), True)]
    assert (found.resamples, found.p_method, found.entries[1].behind) == (0, "", None)
    assert found.remarks[0].code == "no-draws"


def test_the_lowest_error_of_counts_is_the_best(make: Make) -> None:
    """Of whatever kind; a bias ranks nothing."""
    folders = [make("a", range(40), count_threshold=0.1), make("b", range(50), count_threshold=0.1)]
    for metric in ("count_MAE", "count_RMSE", "count_relative_error"):
        found = ranked(*folders, metric=metric)
        assert (found.metric, found.lower_is_better, found.entries[0].name) == (metric, True, "b")
        assert found.entries[1].behind is not None
        assert found.entries[1].behind.verdict == "higher"
    with pytest.raises(UsageError, match="no model can be ranked by 'count_bias'; choose one of AP, AP50"):
        ranked(*folders, metric="count_bias")


def test_a_number_that_nobody_has_ranks_nobody(make: Make) -> None:
    """Large objects are not there, so there is no APl."""
    folders = [make("a", range(40)), make("b", range(50))]
    with pytest.raises(UsageError, match="no model can be ranked: it has no APl, which ranks: no "):
        ranked(*folders, metric="APl")


def test_proposals_alone_stand_below_the_ranked_and_rank_among_proposals(make: Make) -> None:
    """They have no AP; by their recall they are ranked, with ties, and what gave no proposals is not."""
    alone = make("alone", range(40), proposals=True)
    found = ranked(alone, make("a", range(40)), make("b", range(50)))
    assert [(entry.name, entry.status, entry.rank) for entry in found.entries] == [
        ("b", "ranked", 1),
        ("a", "ranked", 2),
        ("alone", "unranked", None),
    ]
    assert found.metric == "AP"
    assert found.entries[2].reason == "it gives proposals alone, which have no AP"
    assert found.alike() == found.entries
    by_recall = ranked(alone, make("more", range(50), proposals=True), make("c", range(9)), metric="proposal_AR@100")
    assert [row(entry) for entry in by_recall.entries[:2]] == [("more", 1, (1, 1), True), ("alone", 2, (2, 2), False)]
    behind = by_recall.entries[1].behind
    assert behind is not None
    assert behind.difference == pytest.approx(-10 / IMAGES)
    assert by_recall.entries[2].reason == "it has no proposal_AR@100, which ranks: no proposals were given"


def test_what_is_said_of_a_model_is_said_under_its_name(make: Make) -> None:
    """What holds for all is said once; the same proposals are noticed; kinds that many have are counted."""
    runs = [make(name, range(50), proposals=True) for name in ("a", "b")]
    found = {remark.code: remark.message for remark in ranked(*runs, make("c", range(50))).remarks}
    assert found["proposals-fewer-than-k"].startswith("of a, b: fewer proposals than ")
    assert found["same-proposals"] == "the proposals are the same: a, b"
    alone = {remark.code: remark.message for remark in ranked(make("d", range(50))).remarks}
    assert alone["scores-cut-off"].startswith("no prediction has a score below ")
    many = ranked(*(make(f"m{last}", range(20 + last)) for last in range(7)))
    cut = [remark.message for remark in many.remarks if remark.code == "scores-cut-off"]
    assert [message.partition(":")[0] for message in cut[:4]] == ["of m6", "of m5", "of m4", "of m3"]
    assert cut[4:] == ["as much is said of other models, 3 times: see their pages"]


def test_a_mean_over_small_categories_is_warned_of(coco_pair: Pair, tmp_path: Path) -> None:
    """Where a quarter of them have fewer than ten objects; counting errors are no mean over categories."""
    truth = [(image, 1, BOX) for image in range(40)] + [(0, 2, BOX), (1, 3, BOX), (2, 3, BOX)]
    gt, dt = coco_pair(truth, [(image, 1, BOX, 0.9) for image in range(30)])
    evaluate(gt, dt, resamples=100, count_threshold=0.5).save(tmp_path / "result.json")
    run = written_run(tmp_path / "result.json", draws_needed=False)
    messages = {remark.code: remark.message for remark in standings([run])[0].remarks}
    assert messages["few-objects-of-categories"] == (
        "2 of 3 categories have fewer than 10 ground truths, 1 of them one: in a mean over the categories each counts "
        "as much as category 1 with 40"
    )
    by_count = standings([run], metric="count_MAE")[0].remarks
    assert "few-objects-of-categories" not in {remark.code for remark in by_count}


def test_without_ground_truth_nothing_is_ranked(make: Make) -> None:
    """Every number is undefined; of several models none is ranked, with the reason, one alone is shown."""
    folders = [make("a", [], truth=2, unknown="drop"), make("b", [], truth=2)]
    for folder in folders:
        result = json.loads((folder / "result.json").read_text())
        result["metrics"] = dict.fromkeys(result["metrics"])
        result["reasons"] = dict.fromkeys(result["metrics"], "there is no ground truth")
        (folder / "result.json").write_text(json.dumps(result))
        (folder / "draws.npz").unlink()
    assert {entry.reason for entry in ranked(*folders).entries} == {
        "it has no AP, which ranks: there is no ground truth"
    }
    assert [row(entry)[:2] for entry in ranked(folders[0]).entries] == [("a", 1)]


def test_models_have_names_of_their_own(make: Make) -> None:
    """A card names its model; two of one name have their folders' behind; hostile names are kept as text."""
    hostile = "<script>\n../" + "x" * 10_000
    folders = [make("a", range(40), title="net"), make("b", range(39), title="net"), make("c", range(38), title="z")]
    runs = [written_run(folder) for folder in folders]
    cards = {str(folders[2]): ModelCard(name=hostile, parameters=7)}
    found, results = standings(runs, cards=cards, broken={"net": "it is broken"})
    assert [entry.name for entry in found.entries] == ["net (a)", "net (b)", hostile, "net (net)"]
    assert [entry.source for entry in found.entries] == ["a", "b", "c", "net"]
    assert list(results) == ["net (a)", "net (b)", hostile]
    assert found.entries[2].card == cards[str(folders[2])]


def timed(folder: Path, processor: str) -> Path:
    """Put times into a result."""
    latency = Latency(
        p50=Quantile(value_ms=20.0, low_ms=19.0, high_ms=21.0),
        p90=Quantile(value_ms=30.0, low_ms=25.0, high_ms=None),
        p99=Quantile(value_ms=40.0, low_ms=30.0, high_ms=None),
    )
    timing = Timing(
        source="timing.json",
        fingerprint="ab" * 32,
        model="m",
        adapter="detbench",
        device="cpu",
        processor=processor,
        threads=1,
        clock="time.perf_counter_ns",
        batch_size=1,
        images=60,
        samples=60,
        warm_up=3,
        samples_left_out=0,
        fps=FramesPerSecond(value=50.0, low=48.0, high=52.0),
        stages=dict.fromkeys(STAGES, latency),
    )
    document = Result.load(folder / "result.json").document
    Result(msgspec.structs.replace(document, timing=timing)).save(folder / "result.json")
    return folder


def test_speed_names_the_machine(make: Make) -> None:
    """Times of two machines are said not to be compared; who was not timed has no speed."""
    found = ranked(timed(make("a", range(50)), "one"), timed(make("b", range(40)), "two"), make("c", range(30)))
    speeds = [entry.speed for entry in found.entries]
    assert [speed and speed.machine for speed in speeds] == [
        "one, device cpu, 1 thread, batches of 1",
        "two, device cpu, 1 thread, batches of 1",
        None,
    ]
    assert speeds[0] is not None
    assert (speeds[0].fps, speeds[0].median_ms, speeds[0].p90_ms) == (50.0, 20.0, 30.0)
    assert (speeds[0].fps_interval, speeds[0].median_interval_ms) == ((48.0, 52.0), (19.0, 21.0))
    assert "machines-differ" in [remark.code for remark in found.remarks]


def test_standings_are_read_as_they_were_written(make: Make, tmp_path: Path) -> None:
    """There and back is the same, and the same runs give the same bytes."""
    folders = [make("a", range(40)), make("b", range(50))]
    found = ranked(*folders, broken={"c": "it is empty"})
    found.save(tmp_path / "standings.json")
    assert read_standings(tmp_path / "standings.json") == found
    assert ranked(*folders, broken={"c": "it is empty"}).to_json() == (tmp_path / "standings.json").read_bytes()
    with pytest.raises(DataError, match=r"standings\.json"):
        read_standings(folders[0] / "result.json")


def test_categories_have_the_protocols_first_number(shared: Path, tmp_path: Path) -> None:
    """Real detectors: categories without ground truth are undefined, the others' AP is that of the result."""
    truth = shared / "coco_tiny/annotations/instances_val2017.json"
    folders = []
    for name in ("yolox_nano", "centernet_mbv3"):
        result = evaluate(truth, shared / f"predictions/{name}__coco_tiny_val.json", name=name, resamples=100)
        folder = tmp_path / name
        folder.mkdir()
        result.save(folder / "result.json")
        result.save_draws(folder / "draws.npz")
        folders.append(folder)
    found, results = standings([written_run(folder) for folder in folders])
    for entry in found.entries:
        expected = {category.name: category.metrics["AP"] for category in results[entry.name].per_category}
        assert entry.categories == expected
        assert len(expected) == 80
    assert [entry.name for entry in found.entries] == ["centernet_mbv3", "yolox_nano"]


def test_results_that_were_tampered_with_are_no_traceback(make: Make) -> None:
    """The same fingerprint with another number of images, and remarks of a severity that nobody knows."""
    folders = [make("a", range(40)), make("b", range(50))]
    result = json.loads((folders[0] / "result.json").read_text())
    result["remarks"] = [{"code": "few-images", "severity": "<b>", "message": "?"}]
    (folders[0] / "result.json").write_text(json.dumps(result))
    assert [entry.name for entry in ranked(*folders).entries] == ["b", "a"]
    result["dataset"]["images"] = 61
    (folders[0] / "result.json").write_text(json.dumps(result))
    with pytest.raises(DataError):
        ranked(*folders)


def test_one_image_tells_nobody_apart(make: Make) -> None:
    """All or nothing on a single image: the better one leads, and both may be the best."""
    found = ranked(make("a", [0], truth=1), make("b", [], truth=1))
    assert [row(entry) for entry in found.entries] == [("a", 1, (1, 2), True), ("b", 2, (1, 2), True)]
    assert found.entries[1].behind is not None
    assert found.entries[1].behind.verdict == "not significant"
    assert found.entries[1].behind.reason == "1 image cannot show a difference"
