"""``detbench profile`` through its own door: a real process, real implementations, functions in files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

#: A loop as people write it, right in all but the ``{…}`` that a test puts in.
NMS = """
import numpy as np

def my_nms(box, score, iou_threshold, limit=None):
    {first}
    x1, y1, x2, y2 = box.T
    area = (x2 - x1{plus}) * (y2 - y1{plus})
    order = {order}
    kept = []
    while len(order) and (limit is None or len(kept) < limit):
        i, order = order[0], order[1:]
        kept.append(i)
        w = np.minimum(x2[i], x2[order]) - np.maximum(x1[i], x1[order]){plus}
        h = np.minimum(y2[i], y2[order]) - np.maximum(y1[i], y1[order]){plus}
        common = np.where((area[i] > 0) & (area[order] > 0), np.maximum(w, 0) * np.maximum(h, 0), 0)
        with np.errstate(all="ignore"):
            iou = common / (area[i] + area[order] - common)
        order = order[~(iou {drops} np.float32(iou_threshold))]
    return np.array(kept, dtype=np.intp)
"""
RIGHT = {"plus": "", "order": 'np.argsort(-score, kind="stable")', "drops": ">", "first": ""}

#: Enough to be quick: one size, a short time.
QUICK = ("--boxes", "200", "--keep", "50", "--seconds", "0.02")


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., str]:
    """Write an NMS with a mistake, and return what ``--impl`` calls it."""

    def write(**wrong: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(NMS.format(**RIGHT | wrong), encoding="utf-8")
        return f"{path}:my_nms"

    return write


def _measured(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return the measurement of each implementation on the first case."""
    found = json.loads(done.stdout)
    assert found["schema"] == "detbench.profile/1"
    first = found["cases"][0]
    return {one["implementation"]: one for one in found["measurements"] if one["case"] == first["name"]}


def test_a_right_one_is_timed_beside_those_that_are_named(detbench: Run, mine: Callable[..., str]) -> None:
    """Yours and the named ones are timed on the same input; JSON stands alone, and nothing is said."""
    done = detbench("profile", "nms", "--impl", mine(), "--impl", "native", "--impl", "numpy", *QUICK, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = _measured(done)
    assert set(found) == {"mine.py:my_nms", "native", "numpy"}
    for one in found.values():
        assert one["status"] == "timed", one["reason"]
        assert one["error"] == 0
        assert len(one["samples_ms"]) >= 7
    assert {one["operator"] for one in json.loads(done.stdout)["measurements"]} == {"nms"}


WRONG = {
    "ends.py": {"plus": " + 1"},
    "strict.py": {"drops": ">="},
    "unsorted.py": {"order": "np.arange(len(score))"},
    "ties.py": {"order": "np.argsort(score)[::-1]"},
    "limit.py": {"first": "limit = None"},
    "writes.py": {"first": "score[:] = 0"},
    "mask.py": {"first": "return score > 0.5"},
    "raises.py": {"first": "raise RuntimeError('not yet')"},
    "exits.py": {"first": "import sys; sys.exit(0)"},
}


@pytest.mark.slow
def test_wrong_ones_are_refused_with_their_counterexamples(detbench: Run, tmp_path: Path) -> None:
    """Exit status 1, a line for each that says what is wrong, the smallest input that shows it; none is timed."""
    chosen: list[str] = []
    for name, wrong in WRONG.items():
        (tmp_path / name).write_text(NMS.format(**RIGHT | wrong), encoding="utf-8")
        chosen += ["--impl", f"{tmp_path / name}:my_nms"]
    done = detbench("profile", "nms", *chosen, "--impl", "numpy", *QUICK, "--json")
    assert done.returncode == 1
    found = _measured(done)
    assert found.pop("numpy")["status"] == "timed"
    assert set(found) == {f"{name}:my_nms" for name in WRONG}
    lines = done.stderr.splitlines()
    assert len(lines) == len(WRONG)
    for line, (name, one) in zip(lines, found.items(), strict=True):
        assert line.startswith(f"refused: nms, {name}: ")
        assert (one["status"], one["samples_ms"]) == ("refused", [])
        assert len(one["counterexample"]["inputs"]["box"]) <= 4
        assert one["counterexample"]["problem"]
    assert "1" in found["ends.py:my_nms"]["counterexample"]["hint"]


@pytest.mark.slow
def test_categories_that_are_mixed_up_are_refused(detbench: Run, tmp_path: Path) -> None:
    """A batched NMS that forgets the categories is refused; its operator is found by its name."""
    (tmp_path / "mine.py").write_text(
        "from detbench.operators.reference.nms import nms\n"
        "def my_batched_nms(box, score, category, iou_threshold, limit=None):\n"
        "    return nms(box, score, iou_threshold, limit)\n"
    )
    place = f"{tmp_path / 'mine.py'}:my_batched_nms"
    done = detbench("profile", "nms", "--impl", place, "--impl", "numpy", *QUICK, "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("refused: batched-nms, mine.py:my_batched_nms: ")
    assert len(_measured(done)["mine.py:my_batched_nms"]["counterexample"]["inputs"]["category"]) <= 3


@pytest.mark.slow
def test_what_a_file_prints_is_not_in_the_result(detbench: Run, mine: Callable[..., str]) -> None:
    """What a function prints, in C too, goes to standard error; standard output is JSON."""
    place = mine(first="import os; print('hello'); os.write(1, b'from below')")
    done = detbench("profile", "nms", "--impl", place, "--impl", "numpy", *QUICK, "--json")
    assert _measured(done)["mine.py:my_nms"]["status"] == "timed"
    assert "hello" in done.stderr
    assert "from below" in done.stderr


@pytest.mark.slow
def test_a_folder_gets_the_profile_and_the_page(detbench: Run, tmp_path: Path) -> None:
    """``-o`` writes two files and prints tables; two such folders can be compared, by the same command."""
    for name in ("old", "new"):
        done = detbench("profile", "nms", "--impl", "native", "--impl", "numpy", *QUICK, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["profile.html", "profile.json"]
        assert "native" in done.stdout
        assert done.stderr.startswith("wrote ")
    done = detbench("profile", "--compare", tmp_path / "old", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert "native" in done.stdout
    done = detbench("profile", "--compare", tmp_path / "old" / "profile.json", tmp_path / "new", "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == "detbench.profile-comparison/1"
    assert {row["verdict"] for row in found["rows"]} <= {"faster", "slower", "not significant"}


def test_who_runs_what_is_listed(detbench: Run) -> None:
    """``--list`` names each implementation and says which cannot run here and why; nothing is run."""
    done = detbench("profile", "nms", "--list")
    assert done.returncode == 0, done.stderr
    assert "native" in done.stdout
    rows = json.loads(detbench("profile", "--list", "--json").stdout)
    assert {"operator": "nms", "implementation": "numpy", "from": "detbench", "here": ""} in rows
    assert len({row["operator"] for row in rows}) > 4


@pytest.mark.slow
def test_bad_input_is_one_sentence_and_exit_2(detbench: Run, tmp_path: Path) -> None:
    """What cannot be profiled, loaded, read or written is said before anything is run."""
    files = {
        "raises.py": "x = 1\nraise ValueError('no luck')\n",
        "exits.py": "import sys\nsys.exit(0)\n",
        "broken.py": "def f(:\n",
        "other.py": "import numpy as np\nLIMIT = 3\ndef my_nms(): pass\n",
        "empty.py": "",
        "text.json": "{}",
        "none.json": "not JSON",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    raises, exits, broken, other, empty = (tmp_path / name for name in list(files)[:5])
    for arguments, said in (
        ([], "say what to profile"),
        (["nsm"], "there is no operator 'nsm' to profile; there are all, nms"),
        (["nms", "--impl", "nativ"], "nothing called 'nativ' runs nms; there are numpy, native"),
        (["nms", "--impl", f"{tmp_path}/absent.py:my_nms"], "absent.py: there is no such file"),
        (["nms", "--impl", f"{raises}:f"], "raises.py, line 2: raises ValueError when it is imported: no luck"),
        (["nms", "--impl", f"{exits}:f"], "exits.py, line 2: raises SystemExit"),
        (["nms", "--impl", f"{broken}:f"], "broken.py, line 1: raises SyntaxError"),
        (["nms", "--impl", f"{other}:mine"], "has no function 'mine'; it has my_nms"),
        (["nms", "--impl", f"{other}"], "does not say which function; it has my_nms"),
        (["nms", "--impl", f"{other}:LIMIT"], "LIMIT is no function but int"),
        (["nms", "--impl", f"{empty}:f"], "it has no function at all"),
        (["nms", "--impl", f"{other}:np"], "np is no function but module"),
        (
            ["iou", "--impl", f"{other}:my_nms"],
            "my_nms is named for nms, which is not part of iou; say detbench profile nms",
        ),
        (["all", "--impl", f"{other}:fast"], "may be any operator"),
        (["nms", "--impl", f"{other}:my_nms"], "my_nms must take box, score, iou_threshold, limit, by these names; it"),
        (["nms", "--boxes", "many"], "--boxes takes whole numbers above 0"),
        (["nms", "--boxes", "9" * 5000], "--boxes takes whole numbers above 0"),
        (["nms", "--seconds", "nan"], "--seconds takes a number"),
        (["nms", "--regions", "1,,2"], "--regions takes whole numbers above 0"),
        (["nms", "-o", str(empty)], "is a file; say another folder"),
        (["nms", "--list", "--impl", "native"], "--list profiles nothing; leave out --impl"),
        (["--compare", str(tmp_path), str(tmp_path)], "profile.json: cannot be read"),
        (["--compare", str(tmp_path / "text.json"), "x"], "is not a profile: has no"),
        (["--compare", str(tmp_path / "none.json"), "x"], "is not a profile ("),
        (["nms", "--compare", "a", "b"], "--compare profiles nothing; leave out SUBJECT"),
    ):
        done = detbench("profile", *arguments)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert done.stdout == ""
        assert said in done.stderr, (arguments, done.stderr)
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_file_may_import_its_neighbours_and_leaves_nothing_behind(detbench: Run, tmp_path: Path) -> None:
    """What lies beside the file can be imported; no compiled code is written there."""
    (tmp_path / "neighbour.py").write_text(NMS.format(**RIGHT))
    (tmp_path / "mine.py").write_text("import neighbour\ndef fast(**inputs): return neighbour.my_nms(**inputs)\n")
    done = detbench("profile", "nms", "--impl", f"{tmp_path / 'mine.py'}:fast", "--impl", "numpy", *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    assert _measured(done)["mine.py:fast"]["status"] == "timed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "neighbour.py"]


@pytest.mark.slow
def test_two_of_one_name_are_told_apart_by_their_folders(detbench: Run, tmp_path: Path) -> None:
    """Each is checked by itself: the verdict on one says nothing about the other."""
    (tmp_path / "other").mkdir()
    right, wrong = tmp_path / "mine.py", tmp_path / "other" / "mine.py"
    right.write_text(NMS.format(**RIGHT))
    wrong.write_text("def my_nms(**inputs): return [0]\n")
    places = [f"{right}:my_nms", f"{wrong}:my_nms"]
    done = detbench("profile", "nms", "--impl", places[0], "--impl", places[1], "--impl", "numpy", *QUICK, "--json")
    assert done.returncode == 1, done.stderr
    assert [_measured(done)[place]["status"] for place in places] == ["timed", "refused"]


def _installed(folder: Path, entry_points: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Install a package with these entry points beside detbench, and run ``detbench profile``."""
    (folder / "kernels.py").write_text(NMS.format(**RIGHT))
    facts = folder / "kernels-1.0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[detbench.operators]\n{entry_points}\n")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))  # an empty one is the folder here
    command = [sys.executable, "-P", "-m", "detbench", "profile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path})


@pytest.mark.slow
def test_an_installed_package_lists_its_own(tmp_path: Path) -> None:
    """Entry points are run beside the others; one that is broken is absent, with the reason, and the exit status 1."""
    chosen = [word for name in ("kernel", "gone", "number") for word in ("--impl", name)]
    points = "nms.kernel = kernels:my_nms\nnms.gone = kernels:gone\nnms.number = math:pi"
    done = _installed(tmp_path, points, "nms", *QUICK, "--json", *chosen)
    assert done.returncode == 1
    found = _measured(done)
    assert found["kernel"]["status"] == "timed"
    assert (found["gone"]["status"], found["number"]["status"]) == ("absent", "absent")
    assert "AttributeError" in found["gone"]["reason"]
    assert found["number"]["reason"] == "math:pi is neither a function nor an Implementation"
    gone, number = done.stderr.splitlines()
    assert gone.startswith("not run: nms, gone: its package raises AttributeError")
    assert number.startswith("not run: nms, number: math:pi is neither")


@pytest.mark.slow
def test_what_is_not_named_may_be_broken(tmp_path: Path) -> None:
    """A broken package that nobody asked for by name is no finding."""
    done = _installed(tmp_path, "anchor-grid.gone = kernels:gone", "anchor-grid", "--seconds", "0.01", "--json")
    assert done.returncode == 0, done.stderr
    assert _measured(done)["gone"]["status"] == "absent"


@pytest.mark.slow
def test_a_name_that_is_taken_is_told_apart(tmp_path: Path) -> None:
    """What a package calls as detbench calls its own has the package's name before it; both are timed."""
    chosen = ("--impl", "native", "--impl", "kernels.native")
    done = _installed(tmp_path, "nms.native = kernels:my_nms", "nms", *QUICK, "--json", *chosen)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)["cases"][0]["name"]
    rows = [one for one in json.loads(done.stdout)["measurements"] if (one["operator"], one["case"]) == ("nms", first)]
    assert [(one["implementation"], one["status"]) for one in rows] == [
        ("native", "timed"),
        ("kernels.native", "timed"),
    ]


def test_names_that_say_no_operator_are_listed_with_the_reason(tmp_path: Path) -> None:
    """A slip in an entry point's name, or in its parameters, is told by ``--list``; nothing vanishes."""
    points = "nmz.foo = kernels:my_nms\nfoo = kernels:my_nms\nnms. = kernels:my_nms\niou.foo = kernels:my_nms"
    done = _installed(tmp_path, points, "iou", "--list", "--json")
    assert done.returncode == 0, done.stderr
    rows = {
        (one["operator"], one["implementation"]): one["here"]
        for one in json.loads(done.stdout)
        if one["from"] == "kernels"
    }
    assert rows == {
        ("iou", "foo"): "kernels:my_nms must take a, b, by these names; it takes box, score, iou_threshold, limit",
        ("nmz", "foo"): "no operator that is timed is called 'nmz'",
        ("", "foo"): "its name 'foo' should be an operator's, a dot, and its own, as nms.foo is",
        ("", "nms."): "its name 'nms.' should be an operator's, a dot, and its own, as nms.nms is",
    }
    assert "no operator that is timed" in _installed(tmp_path, points, "nms", "--list").stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends an interrupt")
def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C while a function loops for ever: what ran is named, and what was measured before is written."""
    marker = tmp_path / "running"
    loop = f"\n    if len(box) == 300:\n        open({str(marker)!r}, 'w').close()\n        while True: pass"
    (tmp_path / "mine.py").write_text(NMS.format(**RIGHT | {"first": loop}))
    command = [sys.executable, "-P", "-m", "detbench", "profile", "nms", "--boxes", "200,300", "--seconds", "0.02"]
    place = f"{tmp_path / 'mine.py'}:my_nms"
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background of a shell it is ignored, and inherited
    process = subprocess.Popen(
        [*command, "--impl", place, "--impl", "numpy", "-o", tmp_path / "out"], stderr=subprocess.PIPE, text=True
    )
    while not marker.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped while this ran: nms: mine.py:my_nms on 300" in said
    found = json.loads((tmp_path / "out" / "profile.json").read_text())
    assert {case["size"] for case in found["cases"]} == {200}
    assert found["options"]["complete"] is False


@pytest.mark.slow
def test_without_a_gpu_it_says_so(detbench: Run) -> None:
    """``--device gpu`` where no framework finds one is one sentence."""
    done = detbench("profile", "nms", "--device", "gpu", *QUICK)
    if done.returncode == 2:
        assert "leave out --device gpu" in done.stderr
        assert done.stderr.count("\n") == 1
