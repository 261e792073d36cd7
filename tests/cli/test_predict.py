"""``detbench predict`` as a user runs it: real models, real pictures, real processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from detbench.cli.app import main
from detbench.timing.prediction_times import read_prediction_times

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Here = Callable[..., tuple[int, str]]

pytestmark = pytest.mark.slow

#: A detector that finds one thing in the brightest quarter of a picture, and says how bright it is.
BRIGHT = '''
import numpy as np

CATEGORIES = ["bright", "dark"]


def detect(picture):
    """Return the brightest quarter, and the darkest."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    means = {(x, y): picture[y * height:(y + 1) * height, x * width:(x + 1) * width].mean()
             for x in (0, 1) for y in (0, 1)}
    boxes, scores = [], []
    for place in (max(means, key=means.get), min(means, key=means.get)):
        x, y = place[0] * width, place[1] * height
        boxes.append([x, y, x + width, y + height])
        scores.append(means[place] / 255)
    return np.array(boxes, dtype=float), np.array(scores), [0, 1]
'''


@pytest.fixture(scope="module")
def drawn(detbench: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small set in COCO's format."""
    folder = tmp_path_factory.mktemp("drawn") / "parking"
    done = detbench("draw", "parking", "-o", folder, "--images", 15, "--size", "320x240", "--workers", 1)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of three pictures, one of them in a folder of its own: a bright quarter on grey."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name, (x, y) in {"a.png": (0, 0), "b.jpg": (50, 0), "more/c.png": (50, 40)}.items():
        pixels = np.full((80, 100, 3), 60, dtype=np.uint8)
        pixels[y : y + 40, x : x + 50] = 250
        Image.fromarray(pixels).save(folder / name, quality=95)
    return folder


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Run the command line in this process, which spares its start: the exit status, and what it says of errors."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["detbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capfd.readouterr().err

    return run


def write(path: Path, text: str) -> Path:
    """Write a Python file."""
    path.write_text(dedent(text), encoding="utf-8")
    return path


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes by its path in ``folder``."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


# ---------------------------------------------------------------------- the classical detector


def test_classical_is_fitted_kept_and_used_again(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """A detector that is kept predicts what the fresh one predicted, sorted by image and score."""
    first, second, model = (tmp_path / name for name in ("first", "second", "model.npz"))
    done = detbench("predict", "classical", drawn, "--split", "test", "-o", first, "--save-model", model)
    assert done.returncode == 0, done.stderr
    assert "images/s on cpu, batch size 1" in done.stdout
    assert detbench("predict", model, drawn, "--split", "test", "-o", second).returncode == 0
    assert (second / "predictions.json").read_bytes() == (first / "predictions.json").read_bytes()
    records = json.loads((first / "predictions.json").read_bytes())
    ids = [image["id"] for image in json.loads((drawn / "annotations/instances_test.json").read_bytes())["images"]]
    assert records
    order = [(ids.index(record["image_id"]), -record["score"]) for record in records]
    assert order == sorted(order)
    record = json.loads((second / "predict.json").read_bytes())
    assert record["model"]["files"]["model.npz"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert detbench("eval", drawn, second / "predictions.json", "--split", "test").returncode == 0


def test_predicting_what_was_fitted_on_is_said(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """Scores on the images that a detector was fitted on are too good, and the command says so."""
    done = detbench("predict", "classical", drawn, "--split", "val", "--fit-split", "val", "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "too good" in done.stderr


def test_a_model_and_a_set_without_train_are_one_sentence(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """What is no detector is called so without advice for programmers; a missing train split comes before notes."""
    junk = tmp_path / "p.npz"
    junk.write_text("[]")
    done = detbench("predict", junk, drawn, "-o", tmp_path / "run")
    assert done.stderr == (
        f"error: {junk}: is not a classical detector: it is no .npz file; make one with --save-model\n"
    )
    done = detbench("predict", "classical", drawn / "annotations" / "instances_val.json", "-o", tmp_path / "run")
    assert done.stderr.startswith("error: ")
    assert "has no split 'train'; this dataset has no splits" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]


# ---------------------------------------------------------------------- a function over pictures


def test_a_function_over_a_folder_of_pictures(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """Pictures are called by their names, categories are the function's own, and every file is accounted for."""
    place, run = write(tmp_path / "bright.py", BRIGHT), tmp_path / "run"
    done = detbench("predict", f"{place}:detect", photos, "-o", run, "--draw", "2", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["images"], said["predictions"], said["proposals"], said["adapter"]) == (3, 6, None, "function")
    records = json.loads((run / "predictions.json").read_bytes())
    bright = {record["image_id"]: record["bbox"] for record in records if record["category_id"] == 1}
    assert bright == {"a.png": [0, 0, 50, 40], "b.jpg": [50, 0, 50, 40], "more/c.png": [50, 40, 50, 40]}
    record = json.loads((run / "predict.json").read_bytes())
    assert (record["categories"], record["category_ids"]) == (["bright", "dark"], [1, 2])
    assert record["data"] | {"fingerprint": None} == record["data"]
    assert record["files"].keys() == {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()} - {
        "predict.json"
    }
    for name, facts in record["files"].items():
        assert facts["sha256"] == hashlib.sha256((run / name).read_bytes()).hexdigest()
    assert sorted(path.name for path in (run / "pictures").iterdir()) == ["a.jpg", "b.jpg"]
    times = read_prediction_times(run)
    assert (times.images, times.warm_up, times.batch_size) == (3, 3, 1)
    assert times.fps.value == pytest.approx(said["fps"]["value"])


def test_drawn_boxes_are_on_the_picture(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """The drawn picture differs from the original along the box, and not far from it."""
    place, run = write(tmp_path / "bright.py", BRIGHT), tmp_path / "run"
    assert detbench("predict", f"{place}:detect", photos / "a.png", "-o", run, "--draw", "all").returncode == 0
    (path,) = (run / "pictures").iterdir()
    before = np.asarray(Image.open(photos / "a.png").convert("RGB")).astype(int)
    after = np.asarray(Image.open(path)).astype(int)
    changed = np.abs(after - before).max(axis=2)
    assert (changed[0, 5:45] > 60).mean() > 0.9
    assert changed[60:, 60:].max() < 20


def test_warm_up_calls_come_before_and_are_not_counted(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """The first picture is given once more for each batch of warming up; a slow first call is in no sample."""
    place = write(
        tmp_path / "slow.py",
        """
        import time, pathlib
        calls = []

        def detect(picture):
            calls.append(picture.shape)
            pathlib.Path(__file__).with_name("calls.txt").write_text(str(len(calls)))
            time.sleep(0.5 if len(calls) <= 2 else 0.0)
            return [], [], []
        """,
    )
    run = tmp_path / "run"
    options = ("--warm-up", 2, "--categories", write(tmp_path / "names.txt", "thing"))
    done = detbench("predict", f"{place}:detect", photos, "-o", run, *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls.txt").read_text() == "5"
    times = read_prediction_times(run)
    assert times.warm_up == 2
    assert len(times.stages["forward"].samples_ms) == 3
    assert max(times.stages["forward"].samples_ms) < 250
    assert json.loads((run / "predictions.json").read_bytes()) == []


def test_categories_by_name_are_the_datasets(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """Names are joined to the dataset's; one that it lacks is an error, or is left out and counted."""
    place = write(
        tmp_path / "names.py",
        """
        def detect(picture):
            return [[0, 0, 9, 9], [5, 5, 20, 20]], [0.5, 0.9], ["van", "boat"]
        """,
    )
    run = tmp_path / "run"
    done = detbench("predict", f"{place}:detect", drawn, "--split", "val", "-o", run)
    assert done.returncode == 2
    assert "the model's category 'boat' is not among the dataset's: car, van, truck; say --unknown drop" in done.stderr
    assert not run.exists()
    done = detbench("predict", f"{place}:detect", drawn, "--split", "val", "-o", run, "--unknown", "drop")
    assert done.returncode == 0, done.stderr
    assert "5 predictions left out" in done.stderr
    assert "on a device of its own" in done.stdout
    assert {record["category_id"] for record in json.loads((run / "predictions.json").read_bytes())} == {2}
    assert json.loads((run / "predict.json").read_bytes())["left_out"] == 5


def test_pictures_without_a_box_are_said_and_can_be_drawn_otherwise(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """Low scores are not drawn, which looks like a model that finds nothing; show draws them from the run's folder."""
    place = write(
        tmp_path / "shy.py",
        """
        def detect(picture):
            return [[0, 0, 90, 90]], [0.1], ["van"]
        """,
    )
    run, ask = tmp_path / "run", ("predict", f"{place}:detect", drawn, "--split", "val", "--draw", 1)
    done = detbench(*ask, "-o", run)
    assert done.returncode == 0, done.stderr
    assert "note: no box has a score of 0.3 or more on the pictures that were drawn" in done.stderr
    place.write_text(place.read_text().replace("0.1", "0.4"))
    assert "no box" not in detbench(*ask, "-o", tmp_path / "bold").stderr
    sheets = []
    for score in (0.05, 0.2):
        page = tmp_path / f"{score}.html"
        shown = ("show", drawn, "--split", "val", "--predictions", run, "--min-score", score, "-n", 1, "-o", page)
        done = detbench(*shown)
        assert done.returncode == 0, done.stderr
        sheets.append(page.read_bytes())
    assert sheets[0] != sheets[1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no  weights')", "raises ValueError: no weights"),
        ("raise SystemExit(3)", "raises SystemExit: 3"),
        ("__import__('os')._exit(0)", "raises SystemExit: 0"),
        ("return None", "returns NoneType and should return three: boxes, scores, categories"),
        ("return [[0, 0, 9, 9]], [0.5]", "returns 2 columns and should return three"),
        ("return [[0, 0, 9]], [0.5], [0]", "gives boxes of shape [1, 3]"),
        ("return [[0, 0, 9, 9]], [0.5, 0.4], [0]", "gives scores of shape [2] and should give [1]"),
        ("return [[0, 0, 9, 9]], [float('nan')], [0]", "gives a score that is nan to a box"),
        ("return [[0, 0, float('inf'), 9]], [0.5], [0]", "gives a box with a side that is inf"),
        ("return [[9, 0, 3, 9]], [0.5], [0]", "gives the box 9 0 3 9, which ends before it begins"),
        ("return [[400, 0, 500, 9]], [0.5], [0]", "lies beside the picture of 320 x 240 px"),
        ("return [[0, 0, 9, 9]], [0.5], [0.5]", "gives categories that are neither names nor rows"),
        ("return [[0, 0, 9, 9]], [0.5], [float('nan')]", "gives categories that are neither names nor rows"),
        ("return [[0, 0, 9, 9]], [0.5], [chr(0xd800)]", "which cannot be written as UTF-8"),
        ("raise GeneratorExit('enough')", "raises GeneratorExit: enough"),
        ("return 'abc'", "returns str and should return three"),
        ("return map(lambda _: 1 / 0, 'abc')", "returns what raises ZeroDivisionError"),
        ("return [[0, 0, 9, 9]], [0.5], [-1]", "gives category -1, which is no row"),
        ("return [[0, 0, 9, 9]], [0.5], [3]", "gives category 3, and the dataset's 3 go from 0 to 2"),
        ("return 'boxes', 'scores', 'categories'", "gives boxes that are no array of numbers"),
    ],
)
def test_a_bad_function_is_one_sentence_with_its_picture(
    drawn: Path, here: Here, tmp_path: Path, body: str, words: str
) -> None:
    """Model and picture are named, there is one line, and nothing is left."""
    place = write(tmp_path / "bad.py", f"def detect(picture):\n    {body}\n")
    status, said = here("predict", f"{place}:detect", drawn, "--split", "val", "-o", tmp_path / "run")
    assert status == 2
    assert words in said
    assert f"{place}:detect" in said
    first = json.loads((drawn / "annotations/instances_val.json").read_bytes())["images"][0]["file_name"]
    assert Path(first).name in said
    assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.py"]


def test_a_function_may_fork_and_spoil_its_streams(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """A child of the function ends by itself; a stream that it closed or replaced is ours again: the JSON is whole."""
    place = write(
        tmp_path / "rude.py",
        """
        import os, sys
        CATEGORIES = ["thing"]

        def detect(picture):
            child = os.fork()
            if not child:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            print("noise")
            sys.stdout.close()
            sys.stdout = None
            sys.stderr.close()
            return [[0, 0, 9, 9]], [0.5], [0]
        """,
    )
    done = detbench("predict", f"{place}:detect", photos / "a.png", "-o", tmp_path / "run", "--json", "--warm-up", 0)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["predictions"] == 1
    place = write(tmp_path / "gone.py", "import os\nos._exit(0)\n")
    done = detbench("predict", f"{place}:detect", photos / "a.png", "-o", tmp_path / "gone")
    assert done.returncode == 2
    assert "gone.py, line 2: raises SystemExit when it is imported: 0" in done.stderr


def test_a_long_name_of_a_drawn_picture_is_cut_to_what_a_file_may_have(
    photos: Path, detbench: Run, tmp_path: Path
) -> None:
    """Letters of three bytes, in folders of folders: far more than 255 bytes, and two of them begin alike."""
    deep = photos / ("\N{CJK UNIFIED IDEOGRAPH-5B57}" * 60) / ("\N{CJK UNIFIED IDEOGRAPH-5B57}" * 60)
    deep.mkdir(parents=True)
    for name in ("one.png", "two.png"):
        (deep / name).write_bytes((photos / "a.png").read_bytes())
    place = write(tmp_path / "bright.py", BRIGHT)
    done = detbench("predict", f"{place}:detect", photos, "-o", tmp_path / "run", "--draw", "all")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "run" / "pictures").iterdir())) == 5


def test_a_broken_picture_is_named(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """What does not decode stops the run with its name, and nothing is left."""
    (photos / "b.jpg").write_bytes((photos / "b.jpg").read_bytes()[:500])
    place = write(tmp_path / "bright.py", BRIGHT)
    done = detbench("predict", f"{place}:detect", photos, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "b.jpg: does not decode" in done.stderr
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------- options and outputs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.onnx", "photos"), "there is no such file or folder"),
        (("photos", "photos"), "holds neither run.json"),
        (("bright.py:detect", "nowhere"), "there is no such file or folder"),
        (("bright.py:detect", "photos", "--split", "val"), "has no split 'val'"),
        (("bright.py:nothing", "photos"), "has no function 'nothing'"),
        (("bright.py:detect", "photos", "--proposals", "9"), "gives no proposals"),
        (("bright.py:detect", "photos", "--batch-size", "2"), "one picture at a time"),
        (("bright.py:detect", "photos", "--device", "gpu"), "chooses its device itself"),
        (("bright.py:detect", "photos", "--adapter", "yolox"), "--adapter is for ONNX files"),
        (("bright.py:detect", "photos", "--draw", "some"), "--draw is 'some'"),
        (("bright.py:detect", "photos", "--min-score", "nan"), "--min-score is nan"),
        (("listed.py:detect", "photos"), "listed.py: CATEGORIES should be a list of names"),
        (("bright.py:detect", "photos", "--fit-split", "train"), "--fit-split is for classical"),
        (("bright.py:detect", "photos", "--categories", "no.txt"), "no.txt: cannot be read"),
        (("classical", "photos"), "holds pictures but no annotations"),
        (("bright.py", "photos"), "does not say which function"),
        (("names.txt", "photos"), "is no model that can be run"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    photos: Path, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    """Exit status 2, one sentence, nothing written."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bright.py", BRIGHT)
    write(tmp_path / "names.txt", "thing")
    write(tmp_path / "listed.py", "CATEGORIES = 3\n\ndef detect(picture):\n    return [], [], []\n")
    before = all_bytes(tmp_path)
    status, said = here("predict", *arguments, "-o", "run")
    assert status == 2
    assert words in said
    assert len(said.splitlines()) == 1
    assert all_bytes(tmp_path) == before
    assert photos.is_dir()


def test_names_that_are_no_text_and_links_that_go_in_circles(photos: Path, here: Here, tmp_path: Path) -> None:
    """Neither a picture's name that no JSON can hold, nor an output that leads to itself, is a traceback."""
    place = write(tmp_path / "bright.py", BRIGHT)
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).symlink_to(other)
    status, said = here("predict", f"{place}:detect", photos, "-o", tmp_path / "a")
    assert (status, "is a link that leads back to itself" in said) == (2, True)
    (photos / os.fsdecode(b"\xff.png")).write_bytes((photos / "a.png").read_bytes())
    status, said = here("predict", f"{place}:detect", photos, "-o", tmp_path / "run")
    assert (status, "has a name that is not UTF-8; give it another name" in said) == (2, True)
    for folder in ("images", "labels"):
        (tmp_path / "yolo" / folder / "val").mkdir(parents=True)
    (tmp_path / "yolo" / "data.yaml").write_text("path: .\ntrain: images/val\nval: images/val\nnames: [bright]\n")
    (tmp_path / "yolo" / "images" / "val" / os.fsdecode(b"\xff.png")).write_bytes((photos / "a.png").read_bytes())
    status, said = here("predict", f"{place}:detect", tmp_path / "yolo", "-o", tmp_path / "run", "--split", "val")
    assert (status, "has a name that is not UTF-8; give it another name" in said) == (2, True)
    shutil.copy(place, odd := tmp_path / os.fsdecode(b"\xff.onnx"))
    status, said = here("predict", odd, photos / "a.png", "-o", tmp_path / "run")
    assert (status, "has a name that is not UTF-8; give it another name" in said) == (2, True)


def test_what_is_there_is_kept_unless_told_otherwise(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """A run is replaced as a whole with --overwrite; a folder of anything else never is."""
    place, run = write(tmp_path / "bright.py", BRIGHT), tmp_path / "run"
    command = ("predict", f"{place}:detect", photos, "-o")
    assert detbench(*command, run, "--draw", 1).returncode == 0
    before = all_bytes(run)
    assert "is there already" in detbench(*command, run).stderr
    assert all_bytes(run) == before
    assert detbench(*command, run, "--overwrite").returncode == 0
    assert not (run / "pictures").exists()
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "thesis.txt", "words")
    done = detbench(*command, tmp_path / "mine", "--overwrite")
    assert "is no run of detbench predict, so it is not overwritten" in done.stderr
    assert "holds what is read" in detbench(*command, tmp_path, "--overwrite").stderr
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def test_a_kill_leaves_nothing_half_written(photos: Path, tmp_path: Path) -> None:
    """A process that is killed while it predicts leaves no folder of that name."""
    place = write(
        tmp_path / "slow.py",
        """
        import time
        count = 0

        def detect(picture):
            global count
            count += 1
            if count == 5:
                print("in the middle", flush=True)
                time.sleep(60)
            return [[0, 0, 9, 9]], [0.5], ["thing"]
        """,
    )
    run = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "detbench", "predict", f"{place}:detect", str(photos), "-o", str(run)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    assert not run.exists()
    left: list[Any] = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert sorted(left) == ["photos", "slow.py"]


def test_limit_takes_the_first(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """--limit 2 predicts the dataset's first two images."""
    place = write(tmp_path / "one.py", "def detect(picture):\n    return [[0, 0, 9, 9]], [0.5], [0]\n")
    run = tmp_path / "run"
    done = detbench("predict", f"{place}:detect", drawn, "--split", "val", "--limit", 2, "-o", run, "--name", "mine")
    assert done.returncode == 0, done.stderr
    ids = [image["id"] for image in json.loads((drawn / "annotations/instances_val.json").read_bytes())["images"]]
    assert [record["image_id"] for record in json.loads((run / "predictions.json").read_bytes())] == ids[:2]
    assert json.loads((run / "predict.json").read_bytes())["model"]["name"] == "mine"


def test_tfrecords_are_predicted_as_their_source_is(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """A dataset and the TFRecords that were made of it give the same predictions, under the same ids."""
    place, records = write(tmp_path / "names.py", BRIGHT.replace('"bright", "dark"', '"car", "van"')), tmp_path / "rec"
    assert detbench("convert", drawn, records).returncode == 0
    for data, run in ((drawn, "a"), (records, "b")):
        done = detbench("predict", f"{place}:detect", data, "--split", "val", "-o", tmp_path / run)
        assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / run / "predictions.json").read_bytes() for run in "ab")
    assert first == second
    assert len(json.loads(first)) == 10


def test_arrow_is_read_by_eval(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """--arrow writes predictions.arrow instead of the JSON, and it scores."""
    place, run = write(tmp_path / "names.py", BRIGHT.replace('"bright", "dark"', '"car", "van"')), tmp_path / "run"
    done = detbench("predict", f"{place}:detect", drawn, "--split", "val", "-o", run, "--arrow")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in run.iterdir()) == ["predict.json", "predictions.arrow", "timing.json"]
    assert detbench("eval", drawn, run / "predictions.arrow", "--split", "val").returncode == 0


# ---------------------------------------------------------------------- videos


def test_a_video_is_predicted_frame_by_frame_and_drawn(detbench: Run, tmp_path: Path) -> None:
    """Frames are images called by their number; the drawn video has as many frames, of the same size."""
    cv2 = pytest.importorskip("cv2")
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (128, 96))
    for number in range(7):
        pixels = np.full((96, 128, 3), 40, dtype=np.uint8)
        pixels[:48, (64 if number % 2 else 0) :][:, :64] = 250
        writer.write(pixels)
    writer.release()
    place, run = write(tmp_path / "bright.py", BRIGHT), tmp_path / "run"
    done = detbench("predict", f"{place}:detect", film, "-o", run, "--draw", "all")
    assert done.returncode == 0, done.stderr
    bright = [one for one in json.loads((run / "predictions.json").read_bytes()) if one["category_id"] == 1]
    assert [one["image_id"] for one in bright] == [f"frame {number:06d}" for number in range(7)]
    assert [one["bbox"][0] for one in bright] == [64.0 * (number % 2) for number in range(7)]
    drawn = cv2.VideoCapture(str(run / "pictures" / "video.mp4"))
    frames = 0
    while True:
        there, pixels = drawn.read()
        if not there:
            break
        assert pixels.shape == (96, 128, 3)
        frames += 1
    assert frames == 7


def test_what_is_no_video_is_said(detbench: Run, tmp_path: Path) -> None:
    """A file that is called so and is none is one sentence."""
    film, place = tmp_path / "film.mp4", write(tmp_path / "bright.py", BRIGHT)
    film.write_bytes(b"no video" * 100)
    done = detbench("predict", f"{place}:detect", film, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "film.mp4: is not a video that can be read" in done.stderr
    assert "Traceback" not in done.stderr
    odd = os.fsencode(tmp_path) + b"/\xff.mp4"
    with open(odd, "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(b"no video")
    done = detbench("predict", f"{place}:detect", os.fsdecode(odd), "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "has a name that is not UTF-8" in done.stderr


def test_the_extra_is_named_where_opencv_is_missing(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing packages are one sentence with the remedy."""
    film, place = tmp_path / "film.mp4", write(tmp_path / "bright.py", BRIGHT)
    film.write_bytes(b"no video" * 100)
    monkeypatch.setitem(sys.modules, "cv2", None)
    status, said = here("predict", f"{place}:detect", film, "-o", tmp_path / "run")
    assert (status, said) == (2, "error: videos need OpenCV: pip install 'detbench[video]'\n")


# ---------------------------------------------------------------------- the page


def test_the_function_on_the_page_runs(photos: Path, detbench: Run, tmp_path: Path) -> None:
    """The how-to's complete example is taken from the page, run on pictures, and finds what is red."""
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "predict-with-your-model.md"
    code = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    (tmp_path / "my.py").write_text(code, encoding="utf-8")
    pixels = np.full((128, 256, 3), 90, dtype=np.uint8)
    pixels[32:64, 64:128] = [250, 10, 10]
    Image.fromarray(pixels).save(photos / "red.png")
    done = detbench("predict", "my.py:detect", photos, "-o", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "run" / "predictions.json").read_bytes())
    assert found["image_id"] == "red.png"
    assert found["bbox"] == pytest.approx([64, 32, 64, 32], abs=8)
