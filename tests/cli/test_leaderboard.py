"""``detbench leaderboard`` through its own door: real processes, real files, some of them hostile."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from detbench.evaluation.submissions.workers import done_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
OUTPUTS = ["index.html", "standings.csv", "standings.json", "standings.md", "standings.tex"]


def _put(folder: Path, rows: object, card: str = "") -> None:
    folder.mkdir(parents=True)
    (folder / "predictions.json").write_text(rows if isinstance(rows, str) else json.dumps(rows))
    if card:
        (folder / "model.toml").write_text(card, encoding="utf-8")


def _row(image: int, score: float = 0.9, box: list[float] | None = None, category: int = 1) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box or BOX, "score": score}


def _set(coco_pair: Pair, folder: Path, *, images: int, models: int, boxes: int = 20) -> tuple[Path, Path]:
    """Write ground truth and a folder of models that find more and more of it; return both."""
    rng = random.Random(0)  # noqa: S311  numbers that are the same each time
    places = [
        (image, rng.randint(1, 3), [rng.uniform(0, 500), rng.uniform(0, 400), rng.uniform(20, 90), rng.uniform(20, 70)])
        for image in range(1, images + 1)
        for _ in range(boxes)
    ]
    truth, predictions = coco_pair(places, [], images=list(range(1, images + 1)))
    predictions.unlink()
    for model in range(models):
        rows = [
            _row(image, round(rng.random(), 4), [x + rng.gauss(0, 8 - model), y, w, h], category)
            for image, category, (x, y, w, h) in places
        ]
        _put(folder / "models" / f"model{model}", rows)
    return truth, folder / "models"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def _entries(board: Path) -> dict[str, dict[str, Any]]:
    return {entry["source"]: entry for entry in json.loads((board / "standings.json").read_text())["entries"]}


@pytest.fixture(scope="module")
def real(detbench: Run, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return submissions of two real detectors, one with a card, and of proposals alone, and their leaderboard."""
    root = tmp_path_factory.mktemp("real")
    for name, file in {"yolox": "yolox_nano__coco_tiny_val", "centernet": "centernet_mbv3__coco_tiny_val"}.items():
        _put(root / "subs" / name, (shared / f"predictions/{file}.json").read_text())
    (root / "subs/yolox/model.toml").write_text('name = "YOLOX-nano"\nparameters = 910_000')
    (root / "subs/proposals").mkdir()
    proposals = (shared / "predictions/proposals_yolox_obj__coco_tiny_val.json").read_bytes()
    (root / "subs/proposals/proposals.json").write_bytes(proposals)
    (root / "subs/notes.txt").write_text("no submission")
    done = detbench(
        "leaderboard", root / "subs", "-o", root / "board", "-g", shared / "coco_tiny", "--split", "val2017"
    )
    assert done.returncode == 0, done.stderr
    sentence, _, table = done.stdout.partition("\n\n")
    assert " ".join(sentence.split()).startswith("No clear winner: centernet is first with AP 0.316 [0.26")
    assert table.splitlines()[0].split() == ["rank", "ranks", "model", "AP", "95", "%", "interval"]
    assert [line.split()[2] for line in table.splitlines()[2:5]] == ["centernet", "YOLOX-nano", "proposals"]
    return root / "subs", root / "board"


def test_models_are_evaluated_ranked_and_written(real: tuple[Path, Path], detbench: Run, shared: Path) -> None:
    """The numbers are those of ``detbench eval``, cards name the models, and each model's result lies beside."""
    _, board = real
    assert sorted(path.name for path in board.iterdir()) == sorted([".cache", "models", *OUTPUTS])
    entries = _entries(board)
    assert [entry["rank"] for entry in entries.values()] == [1, 2, None]
    assert (entries["yolox"]["name"], entries["yolox"]["card"]["parameters"]) == ("YOLOX-nano", 910_000)
    assert entries["yolox"]["metrics"]["AP"] == pytest.approx(0.2960872830)
    assert entries["yolox"]["behind"]["p"] > 0.05
    found = json.loads((board / "models/YOLOX-nano/result.json").read_text())
    assert (found["name"], found["errors"] is not None) == ("YOLOX-nano", True)
    done = detbench("compare", board / "models/YOLOX-nano", board / "models/centernet", "--no-per-category")
    assert done.returncode == 0, done.stderr
    assert str(shared) not in (board / "index.html").read_text()


def test_proposals_alone_are_a_model_without_a_rank(real: tuple[Path, Path], shared: Path) -> None:
    """Their recall is the expected one, the reason stands in the page, and a page of their own is there."""
    _, board = real
    entry = _entries(board)["proposals"]
    expected = json.loads((shared / "predictions/proposals_yolox_obj__coco_tiny_val.expected.json").read_text())
    assert (entry["status"], entry["reason"]) == ("unranked", "it gives proposals alone, which have no AP")
    assert entry["metrics"]["proposal_recall50@100"] == pytest.approx(expected["recall@0.5_top100"])
    page = (board / "index.html").read_text()
    assert "not ranked: it gives proposals alone, which have no AP" in page
    assert "models/proposals/report.html" in page
    assert "Proposal recall" in (board / "models/proposals/report.html").read_text()


def test_the_second_run_evaluates_nothing_and_writes_the_same(
    real: tuple[Path, Path], detbench: Run, shared: Path
) -> None:
    """What is kept is kept; a model that was added is all that is evaluated, and one by the same bytes is not."""
    subs, board = real
    before = _bytes(board)
    times = {file: file.stat().st_mtime_ns for file in board.glob(".cache/*/*")}
    assert len(times) == 6
    arguments = ("leaderboard", subs, "-o", board, "-g", shared / "coco_tiny", "--split", "val2017")
    assert detbench(*arguments).returncode == 0
    assert _bytes(board) == before
    assert {file: file.stat().st_mtime_ns for file in board.glob(".cache/*/*")} == times
    _put(subs / "copy", (subs / "centernet/predictions.json").read_text())
    _put(subs / "other", "[]")
    done = detbench(*arguments)
    assert done.returncode == 0, done.stderr
    assert "the predictions are the same: centernet, copy" in done.stderr
    now = {file: file.stat().st_mtime_ns for file in board.glob(".cache/*/*")}
    assert len(now) == 8
    assert times.items() <= now.items()
    entries = _entries(board)
    assert entries["copy"]["metrics"] == entries["centernet"]["metrics"]
    assert entries["copy"]["name"] == "copy"


def test_results_are_ranked_without_ground_truth(real: tuple[Path, Path], detbench: Run, tmp_path: Path) -> None:
    """What ``detbench eval -o`` wrote counts as it is; predictions alone are then a row that says what to give."""
    subs, board = real
    (tmp_path / "runs").mkdir()
    for name in ("YOLOX-nano", "centernet"):
        (board / "models" / name).rename(tmp_path / "runs" / name)
    _put(tmp_path / "runs/bare", (subs / "yolox/predictions.json").read_text())
    done = detbench("leaderboard", tmp_path / "runs", "-o", tmp_path / "board", "--json")
    for name in ("YOLOX-nano", "centernet"):
        (tmp_path / "runs" / name).rename(board / "models" / name)
    assert done.returncode == 1
    assert "error: bare: has no result; give the ground truth" in done.stderr
    found = json.loads(done.stdout)
    assert [(entry["name"], entry["status"]) for entry in found["entries"]] == [
        ("centernet", "ranked"),
        ("YOLOX-nano", "ranked"),
        ("bare", "broken"),
    ]
    assert not (tmp_path / "board/.cache").exists()


def test_any_number_of_workers_gives_the_same_bytes(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """One process or three: the same files, what is kept included."""
    truth, subs = _set(coco_pair, tmp_path, images=6, models=4)
    for workers in (1, 3):
        done = detbench("leaderboard", subs, "-o", tmp_path / f"by{workers}", "-g", truth, "--workers", workers)
        assert done.returncode == 0, done.stderr
    one, three = _bytes(tmp_path / "by1"), _bytes(tmp_path / "by3")
    assert list(one) == list(three)
    assert [name for name in one if one[name] != three[name]] == []
    assert sum(name.startswith(".cache") for name in one) == 8


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_killed_run_goes_on_where_it_was(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """After SIGKILL no process is left, and the next run evaluates only what the first had not."""
    truth, subs = _set(coco_pair, tmp_path, images=60, models=8)
    command = [sys.executable, "-P", "-m", "detbench", "leaderboard", subs, "-g", truth, "--workers", "1", "-o"]
    kept = tmp_path / "killed/.cache"
    started = subprocess.Popen(
        [*map(str, command), str(tmp_path / "killed")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not list(kept.glob("*/result.json")):
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    started.kill()
    started.communicate(timeout=60)  # the pipes end with the last process that has them
    done = {file: file.stat().st_mtime_ns for file in kept.glob("*/result.json")}
    assert 1 <= len(done) < 8
    assert not (tmp_path / "killed/index.html").exists()
    for board in ("killed", "whole"):
        assert detbench(*command[4:], tmp_path / board).returncode == 0
    assert {file: file.stat().st_mtime_ns for file in done} == done
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")


@pytest.mark.slow
def test_a_kept_result_that_was_cut_is_made_again(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """What cannot be read, or has another's draws, is not taken; other options are other results."""
    truth, subs = _set(coco_pair, tmp_path, images=3, models=2)
    arguments = ("leaderboard", subs, "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    assert detbench(*arguments).returncode == 0
    before = _bytes(tmp_path / "board")
    results = sorted(tmp_path.glob("board/.cache/*/result.json"))
    results[0].write_bytes(results[0].read_bytes()[:1000])
    results[1].with_name("draws.npz").write_bytes(results[0].with_name("draws.npz").read_bytes())
    assert detbench(*arguments).returncode == 0
    assert _bytes(tmp_path / "board") == before
    assert detbench(*arguments, "--count-threshold", 0.5).returncode == 0
    assert len(list(tmp_path.glob("board/.cache/*"))) == 4
    assert "count_MAE" in _entries(tmp_path / "board")["model0"]["metrics"]


def test_broken_submissions_are_rows_that_say_why(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Whatever lies in a folder, the others are ranked; a reason is one sentence without a path; exit 1."""
    truth, _ = coco_pair([(1, 1, BOX)], [])
    subs = tmp_path / "subs"
    _put(subs / "good", [_row(1)])
    (subs / "empty").mkdir()
    _put(subs / "cut", '[{"image_id": 1, "cat')
    _put(subs / "stranger", [_row(7)])
    _put(subs / "carded", [_row(1)], 'name = "x"\nparamters = 3')
    _put(subs / "two", [_row(1)])
    (subs / "two/predictions.csv").write_text("image,category,x1,y1,x2,y2,score\n")
    _put(subs / "nan", '[{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, NaN], "score": 1}]')
    expected = {
        "empty": "holds no predictions",
        "cut": "predictions.json",
        "stranger": "that the ground truth lacks: 7",
        "carded": "has an unknown key 'paramters'; write parameters",
        "two": "has predictions.json and predictions.csv",
        "nan": "predictions.json",
    }
    if os.name == "posix":
        os.mkfifo(subs / "pipe")  # no folder: nothing to rank
        for name in ("fifo", "outside"):
            (subs / name).mkdir()
        os.mkfifo(subs / "fifo/predictions.json")
        (subs / "outside/predictions.json").symlink_to(truth)
        (subs / "circle").symlink_to("circle")
        expected |= {"fifo": "is a pipe or a device", "outside": "leads out of the folder", "circle": "leads nowhere"}
        if os.geteuid():
            _put(subs / "locked", [_row(1)])
            (subs / "locked/predictions.json").chmod(0)
            expected["locked"] = "cannot be read"
    done = detbench("leaderboard", subs, "-o", tmp_path / "board", "-g", truth, "--workers", 2)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    entries = _entries(tmp_path / "board")
    assert list(entries) == ["good", *sorted(expected)]
    assert entries["good"]["rank"] == 1
    for name, said in expected.items():
        assert entries[name]["status"] == "broken"
        assert said in entries[name]["reason"], entries[name]["reason"]
        assert len(entries[name]["reason"]) <= 500
        assert any(line.startswith(f"error: {name}: ") for line in done.stderr.splitlines())
    for name in OUTPUTS:
        assert str(tmp_path) not in (tmp_path / "board" / name).read_text()


def test_a_leaderboard_of_broken_ones_says_why_and_exits_2(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """There is a page with the reasons, and no model on it."""
    truth, _ = coco_pair([(1, 1, BOX)], [])
    (tmp_path / "subs/empty").mkdir(parents=True)
    done = detbench("leaderboard", tmp_path / "subs", "-o", tmp_path / "board", "-g", truth)
    assert done.returncode == 2
    assert "holds no model that can be ranked" in done.stderr.splitlines()[-1]
    assert "holds no predictions" in (tmp_path / "board/index.html").read_text()
    assert done.stdout == "No model is ranked: 1 submission is broken.\n"


def test_names_cannot_leave_their_folder_nor_the_page(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Models called as devices, as paths, in markup, at length or alike but for case have folders of their own."""
    truth, _ = coco_pair([(1, 1, BOX), (2, 1, BOX)], [])
    names = ["../x", "CON", "<script>alert(1)</script>", "n" * 200, "A", "a", "..", "שלום", "-rf", "a|b & c_d $e$ #1"]
    for place, name in enumerate(names):
        _put(tmp_path / f"subs/s{place}", [_row(1, 0.1 + place / 100)], f"name = {json.dumps(name)}")
    for folder in ("it's <b>", "=1+1", "x" * 200, "\u202egnp.exe\u2067"):
        _put(tmp_path / "subs" / folder, [_row(2)])
    done = detbench("leaderboard", tmp_path / "subs", "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board", "dt.json", "gt.json", "subs"]
    folders = [path.name for path in (tmp_path / "board/models").iterdir()]
    assert len({name.casefold() for name in folders}) == len(folders) == 14
    assert all(name.isascii() and len(name) < 100 and name.upper() != "CON" for name in folders)
    assert {entry["name"] for entry in _entries(tmp_path / "board").values()} >= {*names, "\u202egnp.exe\u2067"}
    for ending in ("csv", "md", "tex"):
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", (tmp_path / f"board/standings.{ending}").read_text())
    assert "\ufffdgnp.exe\ufffd" in (tmp_path / "board/standings.csv").read_text() + done.stdout
    assert "<script>alert(1)" not in (tmp_path / "board/index.html").read_text().partition('type="application/json"')[0]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["no detections", "one image", "400 categories"])
def test_odd_sets_make_a_leaderboard(detbench: Run, coco_pair: Pair, tmp_path: Path, case: str) -> None:
    """Nothing found by anybody, one image, four hundred categories: a page all the same, and no complaint."""
    categories = list(range(1, 401)) if case == "400 categories" else [1]
    images = [1] if case == "one image" else [1, 2, 3]
    objects = [(image, category, BOX) for category in categories for image in images[: 1 + category % 3]]
    truth, _ = coco_pair(objects, [], images=images, categories=categories)
    rows = [] if case == "no detections" else [_row(image, category=category) for image, category, _ in objects]
    for name in ("a", "b"):
        _put(tmp_path / "subs" / name, rows[: None if name == "a" else len(rows) // 2])
    done = detbench("leaderboard", tmp_path / "subs", "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    assert done.returncode == 0, done.stderr
    entries = _entries(tmp_path / "board")
    assert [entry["status"] for entry in entries.values()] == ["ranked", "ranked"]
    assert len(entries["a"]["categories"]) == len(categories)
    assert (tmp_path / "board/index.html").stat().st_size < 3_000_000


@pytest.mark.slow
def test_results_that_were_measured_otherwise_are_refused_or_set_apart(
    detbench: Run, coco_pair: Pair, tmp_path: Path
) -> None:
    """Another protocol is named, and nothing is written; with --allow-mixed it stands apart with the reason."""
    truth, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9)])
    for name, protocol in (("a", "coco"), ("b", "coco"), ("c", "voc2007")):
        options = ("--name", name, "--protocol", protocol, "--resamples", 100)
        assert detbench("eval", truth, predictions, "-o", tmp_path / "runs" / name, *options).returncode == 0
    done = detbench("leaderboard", tmp_path / "runs", "-o", tmp_path / "board")
    assert done.returncode == 2
    assert "under the protocol voc2007" in done.stderr
    assert not (tmp_path / "board").exists()
    done = detbench("leaderboard", tmp_path / "runs", "-o", tmp_path / "board", "--allow-mixed")
    assert done.returncode == 0, done.stderr
    assert [entry["status"] for entry in _entries(tmp_path / "board").values()] == ["ranked", "ranked", "apart"]


def test_what_cannot_be_meant_is_one_sentence_and_exit_2(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Output over input, options without ground truth, no folders, ground truth that is none: nothing is written."""
    truth, subs = _set(coco_pair, tmp_path, images=1, models=1)
    (tmp_path / "file").write_text("")
    (tmp_path / "none").mkdir()
    for arguments, said in (
        ([subs, "-o", subs, "-g", truth], "would be written over what it comes from"),
        ([subs, "-o", tmp_path, "-g", truth], "would be written over what it comes from"),
        ([subs, "-o", subs / "model0", "-g", truth], "holds a model, which would not be ranked"),
        ([subs, "-o", tmp_path / "file", "-g", truth], "is a file"),
        ([subs, "-o", tmp_path / "file/board", "-g", truth], "this folder cannot be made"),
        ([subs, "-o", tmp_path / "board", "--split", "val", "--seed", 3], "--split, --seed is for evaluating"),
        ([tmp_path / "none", "-o", tmp_path / "board"], "holds no folders of models"),
        ([subs / "model0", "-o", tmp_path / "board"], "it is a submission itself"),
        ([tmp_path / "nothing", "-o", tmp_path / "board"], "nothing"),
        ([subs, "-o", tmp_path / "board", "-g", tmp_path / "nothing.json"], "nothing.json: there is no such file"),
        ([subs, "-o", tmp_path / "board", "-g", truth, "-p", "cocoa"], "there is no protocol 'cocoa'"),
        ([subs, "-o", tmp_path / "board", "-g", truth, "--metric", "mAP"], "mAP"),
        ([subs, "-o", tmp_path / "board", "-g", truth, "--no-count", "--count-threshold", 0.5], "--no-count"),
    ):
        done = detbench("leaderboard", *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert said in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "board/index.html").exists()


def test_a_leaderboard_inside_its_folder_is_not_a_model(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Written beside the models it is left out the next time, and an earlier one in another folder with a note."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=1)
    for board, said in (("board", 0), ("board", 0), ("other", 1)):
        done = detbench("leaderboard", subs, "-o", subs / board, "-g", truth, "--resamples", 100)
        assert done.returncode == 0, done.stderr
        assert list(_entries(subs / board)) == ["model0"]
        assert done.stderr.count(f"note: {subs / 'board'} is left out: it is a leaderboard, not a model\n") == said
    (subs / "board/predictions.json").write_text("[]")  # somebody's model, whatever lies beside it
    assert detbench("leaderboard", subs, "-o", subs / "other", "-g", truth, "--resamples", 100).returncode == 0
    assert sorted(_entries(subs / "other")) == ["board", "model0"]
    for folder in ("board/predictions.json", "model0/predictions.json"):
        (subs / folder).unlink()
    (subs / "model0").rmdir()
    done = detbench("leaderboard", subs, "-o", tmp_path / "new")
    assert done.returncode == 2
    assert done.stderr.endswith(f"{subs}: holds a leaderboard and no models; put a folder for each model there\n")
    assert not (tmp_path / "new").exists()


def test_what_is_left_of_models_that_are_gone_is_removed(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Their folders go with the next leaderboard; what is anybody else's, or was changed, stays to the last byte."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=5, boxes=3)
    board, models = tmp_path / "board", tmp_path / "board/models"
    arguments = ("leaderboard", subs, "-o", board, "-g", truth, "--resamples", 100)
    assert detbench(*arguments).returncode == 0
    gone, changed, beside, linked, stays = [entry["name"] for entry in _entries(board).values()]
    shutil.copytree(models / gone, models / "mine")  # of detbench eval -o, say: no leaderboard knows it
    (models / changed / "result.json").write_bytes((models / gone / "result.json").read_bytes())
    (models / beside / "notes.txt").write_text("mine")
    (models / linked).rename(tmp_path / linked)
    (models / linked).symlink_to(tmp_path / linked)
    for name in (gone, changed, beside, linked):
        shutil.rmtree(subs / name)
    _put(subs / "new", [])
    mine = [models / "mine", models / changed, models / beside, tmp_path / linked]
    before = [_bytes(folder) for folder in mine]
    done = detbench(*arguments)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in models.iterdir()} == {changed, beside, linked, stays, "new", "mine"}
    assert [_bytes(folder) for folder in mine] == before
    assert (models / linked).is_symlink()
    assert sorted(path.name for path in (models / stays).iterdir()) == ["draws.npz", "report.html", "result.json"]
    assert len(list((board / ".cache").iterdir())) == 6  # what was evaluated is kept: models may come back


def test_a_leaderboard_follows_no_link_among_its_models(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Where a link leads is somebody's: one for all models, and one for one, are refused, and what is there stays."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=2, boxes=3)
    board, models = tmp_path / "board", tmp_path / "board/models"
    arguments = ("leaderboard", subs, "-o", board, "-g", truth, "--resamples", 100)
    assert detbench(*arguments).returncode == 0
    for link, mine in ((models, tmp_path / "runs"), (models / "model1", tmp_path / "model1")):
        link.rename(mine)
        link.symlink_to(mine)
        before = _bytes(tmp_path)
        shutil.move(subs / "model0", tmp_path / "model0")  # whose folder would be removed
        done = detbench(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(
            f"error: {link}: is a symbolic link, and a leaderboard writes through none; remove it, or say another "
            "folder with -o\n"
        )
        shutil.move(tmp_path / "model0", subs / "model0")
        assert _bytes(tmp_path) == before
        link.unlink()
        mine.rename(link)
    (models / "model0/result.json").rename(tmp_path / "mine.json")  # a link to a file gives way to a file
    (models / "model0/result.json").symlink_to(tmp_path / "mine.json")
    kept = (tmp_path / "mine.json").read_bytes()
    assert detbench(*arguments).returncode == 0
    assert not (models / "model0/result.json").is_symlink()
    assert (tmp_path / "mine.json").read_bytes() == kept


@pytest.mark.skipif(os.name != "posix", reason="needs limits")
def test_a_disk_that_fills_leaves_the_leaderboard_whole(coco_pair: Pair, tmp_path: Path) -> None:
    """The page, which is written last, is too long for what is left: everything else is as it was too."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=2, boxes=3)
    board = tmp_path / "board"
    command = [sys.executable, "-P", "-m", "detbench", "leaderboard", subs, "-g", truth, "-o", board]
    command += ["--resamples", 100]

    def run(limit: str) -> subprocess.CompletedProcess[str]:
        limited = ["sh", "-c", f'{limit}exec "$@"', "sh", *map(str, command)]
        return subprocess.run(limited, capture_output=True, text=True, check=False)

    assert run("").returncode == 0
    long = (board / "index.html").stat().st_size // 512 - 1
    assert all(file.stat().st_size < long * 512 for file in board.rglob("*") if file.name != "index.html")
    (subs / "model0/model.toml").write_text('name = "Renamed"')
    before = _bytes(board)
    done = run(f"ulimit -f {long}; ")
    assert done.returncode == 2
    assert "index.html: cannot be written (File too large); nothing was left half-written" in done.stderr
    assert _bytes(board) == before
    assert not (board / "models/Renamed").exists()
    assert run("").returncode == 0
    assert sorted(path.name for path in (board / "models").iterdir()) == ["Renamed", "model1"]


def test_what_a_killed_leaderboard_left_is_removed_by_the_next(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Parts of files keep no folder of a model that is gone, and standings tell of it until it is removed."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=3, boxes=3)
    board, models = tmp_path / "board", tmp_path / "board/models"
    arguments = ("leaderboard", subs, "-o", board, "-g", truth, "--resamples", 100)
    assert detbench(*arguments).returncode == 0
    whole = {path: path.read_bytes() for path in board.rglob("*") if path.is_file() and ".cache" not in path.parts}
    for file in whole:
        file.with_name(f".{file.name}.0123abcd.part").write_bytes(b"cut")
    mine = models / "model1/.notes.0123abcd.part"
    mine.write_text("mine")
    shutil.rmtree(subs / "model0")
    assert detbench(*arguments).returncode == 0
    assert sorted(path.name for path in models.iterdir()) == ["model1", "model2"]
    assert list(board.rglob(".*.part")) == [mine]
    # A rename changes a file's time of change: the standings came after the last removal.
    assert (board / "standings.json").stat().st_ctime_ns >= models.stat().st_mtime_ns
    assert (board / "standings.json").stat().st_ctime_ns >= (board / "index.html").stat().st_ctime_ns


@pytest.mark.slow
def test_a_model_that_figures_leave_out_keeps_no_old_page(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """The ninth has a result and draws; the page that it had as the eighth goes."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=8, boxes=3)
    arguments = ("leaderboard", subs, "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    assert detbench(*arguments).returncode == 0
    names = [entry["name"] for entry in _entries(tmp_path / "board").values()]
    _put(subs / "again", (subs / names[0] / "predictions.json").read_text())
    last = tmp_path / "board/models" / names[-1]
    assert (last / "report.html").exists()
    assert detbench(*arguments).returncode == 0
    assert sorted(path.name for path in last.iterdir()) == ["draws.npz", "result.json"]


@pytest.mark.skipif(os.name != "posix", reason="needs locks")
def test_two_leaderboards_do_not_write_into_one_folder(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """The second is told so at once and writes nothing; when the first has ended, or was killed, it may."""
    import fcntl

    truth, subs = _set(coco_pair, tmp_path, images=2, models=1)
    arguments = ("leaderboard", subs, "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    (tmp_path / "board").mkdir()
    other = os.open(tmp_path / "board", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    done = detbench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "board: another leaderboard is being written here; wait for it, or say another folder with -o\n"
    )
    assert not list((tmp_path / "board").iterdir())
    os.close(other)
    assert detbench(*arguments).returncode == 0


def test_two_real_leaderboards_at_once(coco_pair: Pair, tmp_path: Path) -> None:
    """Of two that are started together into one folder one is written, or both one after the other."""
    truth, subs = _set(coco_pair, tmp_path, images=20, models=3)
    command = [sys.executable, "-P", "-m", "detbench", "leaderboard", subs, "-g", truth, "-o", tmp_path / "board"]
    started = [
        subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert min(code for _, code in ended) == 0
    for (_, said), code in ended:
        assert code == 0 or "another leaderboard is being written here" in said
    assert list(_entries(tmp_path / "board"))
    assert not list(tmp_path.glob("board/**/*.part"))


def test_wrong_pictures_are_refused_before_anything_is_evaluated(
    detbench: Run, coco_pair: Pair, tmp_path: Path
) -> None:
    """Other boxes than the ground truth's, and nothing at all: one sentence, and nothing is kept."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=2)
    document = json.loads(truth.read_text())
    document["annotations"].pop()
    (tmp_path / "other.json").write_text(json.dumps(document))
    for pictures, said in (("other.json", "is not what was measured on"), ("nothing", "there is no such file")):
        done = detbench("leaderboard", subs, "-o", "board", "-g", truth, "--pictures", pictures, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert f"{pictures}: {said}" in done.stderr
        assert not (tmp_path / "board").exists()


@pytest.mark.parametrize(
    ("columns", "head", "left_out"),
    [
        (20, ["rank", "model", "AP"], "no room for 95 % interval and ranks: see standings.md"),
        (40, ["rank", "ranks", "model", "AP"], "no room for 95 % interval: see standings.md"),
        (60, ["rank", "ranks", "model", "AP", "95", "%", "interval"], ""),
    ],
)
def test_a_narrow_terminal_shows_whole_numbers(
    real: tuple[Path, Path], detbench: Run, tmp_path: Path, columns: int, head: list[str], left_out: str
) -> None:
    """Numbers are never cut nor folded, names only where they must be; columns for which there is no room are named."""
    _, board = real
    names = ["a-model-of-this-length", "b-model-of-this-length"]
    for name, source in zip(names, ("YOLOX-nano", "centernet"), strict=True):
        shutil.copytree(board / "models" / source, tmp_path / "runs" / name)
        (tmp_path / "runs" / name / "model.toml").write_text(f'name = "{name}"')
    done = detbench("leaderboard", tmp_path / "runs", "-o", tmp_path / "out", env_columns=columns)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= columns
    table = done.stdout.partition("\n\n")[2]
    lines = table.partition("no room")[0].splitlines()
    assert lines[0].split() == head
    rows = [line.split() for line in lines[2:] if line[:4].strip()]
    place = head.index("AP")
    assert [row[place] for row in rows] == ["0.316", "0.296"]
    folded = {20: "".join(line[6:13].strip() for line in lines[2:]), 40: "".join(row[2] for row in rows)}
    assert columns == 60 or folded[columns].startswith(names[1][:20])
    assert " ".join(table.partition("no room")[2].split()) == left_out.removeprefix("no room").strip()


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_folders_are_called_as_the_user_calls_them(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """A link is a model by the link's name, wherever the command runs; one named as a result's file is broken."""
    truth, subs = _set(coco_pair, tmp_path, images=2, models=2)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/yolox").symlink_to(subs / "model0")
    _put(tmp_path / "here/result.json", [_row(1)])
    arguments = (".", "-o", tmp_path / "board", "-g", truth, "--resamples", 100)
    done = detbench("leaderboard", *arguments, cwd=tmp_path / "here")
    assert done.returncode == 1, done.stderr
    found = [(entry["name"], source, entry["status"]) for source, entry in _entries(tmp_path / "board").items()]
    assert found == [("yolox", "yolox", "ranked"), ("result.json", "result.json", "broken")]
    assert (tmp_path / "board/models/yolox/draws.npz").is_file()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_process_that_dies_takes_its_own_job_only() -> None:
    """The others are done, and what ended it is said."""
    told: list[int] = []
    jobs = [0, signal.SIGKILL, 0, signal.SIGTERM, 0]
    found = done_in_processes(signal.raise_signal, jobs, workers=2, done=told.append)
    assert ["SIGKILL" in text for text in found] == [False, True, False, False, False]
    assert ["SIGTERM" in text for text in found] == [False, False, False, True, False]
    assert [bool(text) for text in found] == [False, True, False, True, False]
    assert told == [1] * 5
    said = done_in_processes(signal.raise_signal, ["x"], workers=1, done=told.append)
    assert said[0].startswith("TypeError: ")
