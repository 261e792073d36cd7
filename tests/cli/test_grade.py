"""``detbench grade`` through its own door: a real process, a learner's real file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.operators.course.pieces import PIECES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

RIGHT = "import numpy as np\n\n\ndef change_order(box):\n    return box[:, [1, 0, 3, 2]]\n"
PLUS_ONE = """import numpy as np


def centre_and_size(box):
    size = box[:, 2:] - box[:, :2] + 1
    return np.concatenate([box[:, :2] + size / 2, size], axis=1)
"""


#: Its answer ends Python when it is looked at.
LEAVES = """class Leaving:
    def __array__(self, *_, **__):
        raise SystemExit(0)

def change_order(box):
    return Leaving()
"""

#: Writes where the grader's own lines go.
WRITES = """import os

def change_order(box):
    for number in range(3, 20):
        try:
            os.write(number, b"no JSON\\n[]\\n")
        except OSError:
            pass
    return box
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a learner's file and return its path."""

    def write(text: str, name: str = "my.py") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def test_a_right_function_is_right_and_timed(detbench: Run, written: Callable[[str], Path]) -> None:
    """It says how many cases there were, and its time stands beside the reference's."""
    done = detbench("grade", "change-order", written(RIGHT), env_columns=80)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("change_order is right on all ")
    assert [line.split()[0] for line in rest[2:4]] == ["yours", "the"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_wrong_one_is_told_what_is_wrong(detbench: Run, written: Callable[[str], Path]) -> None:
    """The smallest counterexample, in numbers, and the mistake that it is."""
    done = detbench("grade", "2", written(PLUS_ONE), env_columns=80)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("centre_and_size is wrong on the case ")
    words = done.stdout.split()
    assert {"box", "expected", "yours", "Hint:"} <= set(words)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_is_the_grades_and_nothing_else(detbench: Run, written: Callable[[str], Path]) -> None:
    """What a function prints is in its grade; standard output is JSON."""
    loud = "import sys\nprint('loading')\n" + PLUS_ONE.replace("    size", "    print('size')\n    size", 1)
    done = detbench("grade", "centre", written(loud), "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["schema"], found["piece"], found["right"]) == ("detbench.grade/1", "centre-and-size", False)
    (one,) = found["functions"]
    assert (one["function"], one["status"], one["printed"][:5]) == ("centre_and_size", "wrong", "size\n")
    assert len(one["inputs"]["box"]) == 1
    assert "loading" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def change_order(box):\n    pass\n", "change_order is not written yet: it returns None."),
        ("def change_order(box):\n    raise NotImplementedError\n", "not written yet"),
        ("def change_order(boxes):\n    return boxes\n", "change_order must take box, by these names; it takes boxes."),
        ("def change_order(box):\n    return box\n", "yours"),
        ("def change_order(box):\n    box[:] = 0\n    return box\n", "It writes into its input 'box'"),
        ("def change_order(box):\n    return 'four'\n", "is of type str"),
        ("def change_order(box):\n    y = 3\n    return box[y, :, 3]\n", "line 3: return box[y, :, 3]"),
        ("import sys\ndef change_order(box):\n    sys.exit(3)\n", "It raises RuntimeError: it exits Python."),
        ("import os\ndef change_order(box):\n    os._exit(3)\n", "It ends Python itself: exit status 3."),
        ("def change_order(box):\n    raise GeneratorExit\n", "it raises GeneratorExit"),
        ("def change_order(box):\n    raise KeyboardInterrupt\n", "It ends Python itself: exit status 130."),
        (LEAVES, "does not convert"),
        (WRITES, "yours"),
        ("change_order = 3\n", "has no function"),
    ],
)
def test_what_is_wrong_is_said_in_words(detbench: Run, written: Callable[[str], Path], text: str, said: str) -> None:
    """Nothing written, other parameters, exceptions with their line, exits: each has its sentence, and status 1."""
    done = detbench("grade", "change-order", written(text))
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if text.startswith("change_order =") else 1)


def test_a_forgotten_default_is_called_so(detbench: Run, written: Callable[[str], Path]) -> None:
    """All parameters are there, by their names; what is missing is what one of them is when it is not given."""
    done = detbench("grade", "encode", written("def encode_loops(box, reference, variances):\n    return box\n"))
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "variances needs a default: variances=(1.0, 1.0, 1.0, 1.0)" in said
    assert "must take" not in said


def test_who_does_not_answer_is_ended(detbench: Run, written: Callable[[str], Path]) -> None:
    """An endless loop is a wrong answer with its case, and the other functions are graded all the same."""
    loop = "def change_order_loops(box):\n    while True:\n        pass\n"
    numpy = RIGHT.replace("change_order", "change_order_numpy")
    done = detbench("grade", "8", written(loop + numpy), "--seconds", "0.5")
    assert done.returncode == 1
    first, second = done.stdout.split("\n\nchange_order_numpy ")
    assert "It did not answer within 0.5 s." in first
    assert "box" in first
    assert second.startswith("is right")


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        (["encod"], RIGHT, "there is no piece 'encod'; did you mean encode"),
        (["99"], RIGHT, "there is no piece '99'"),
        (["16"], RIGHT, "piece 16, together, has nothing to write"),
        (["encode"], RIGHT, "there is no function encode"),
        (["encode"], "def encodes(a):\n    pass\n", "is it encodes? Then give it that name"),
        (["change-order"], "def change_order(box:\n    pass\n", "my.py, line 1: Python cannot read this"),
        (["change-order"], "x = 1\ny = 1 / 0\n" + RIGHT, "line 2: raises ZeroDivisionError"),
        (["change-order", "--step", "loops"], "def change_order_numpy(box):\n    return box\n", "change_order_loops"),
        (["change-order", "--seconds", "nan"], RIGHT, "--seconds takes a number"),
        (["change-order"], "import sys\nsys.exit()\n" + RIGHT, "my.py, line 2: raises SystemExit"),
    ],
)
def test_what_cannot_be_graded_is_one_sentence(
    detbench: Run, written: Callable[[str], Path], arguments: list[str], text: str, said: str
) -> None:
    """No such piece, no such function, no Python: exit status 2, and where it stands."""
    piece, *options = arguments
    done = detbench("grade", piece, written(text), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_files_that_are_none(detbench: Run, tmp_path: Path, written: Callable[..., Path]) -> None:
    """A folder, a missing file, another kind and a broken notebook are refused, each by its name."""
    for path, said in [
        (tmp_path, "is a folder"),
        (tmp_path / "no.py", "there is no such file"),
        (written("", "my.txt"), "is neither a .py file nor a notebook"),
        (written("{}", "my.ipynb"), "is not a notebook in version 4"),
    ]:
        done = detbench("grade", "nms", path)
        assert done.returncode == 2
        assert f"{path}: {said}" in done.stderr


def test_of_a_notebook_the_definitions_are_run(detbench: Run, written: Callable[..., Path]) -> None:
    """Pictures and other statements are not; a line is given by its cell."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# text"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import numpy as np\n", "ORDER = [1, 0, 3, 2]"]},
        {"cell_type": "code", "source": ["1 / 0\n", "def change_order(box):\n", "    return box[:, ORDER]"]},
        {"cell_type": "code", "source": "def change_order_loops(box):\n\n    return box[0, 0, 0]"},
    ]
    notebook = written(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), "my.ipynb")
    done = detbench("grade", "change-order", notebook)
    assert done.returncode == 1
    assert done.stdout.startswith("change_order is right")
    assert "cell 3, line 3: return box[0, 0, 0]" in done.stdout


def test_a_copied_notebook_is_graded(detbench: Run, written: Callable[..., Path]) -> None:
    """The course's own modules do not lie beside it there; only pictures and solutions come from them."""
    course = Path(__file__).parents[2] / "docs" / "course"
    right = "    return box[:, [1, 0, 3, 2]]\n"
    text = (course / "08_change_order.py").read_text(encoding="utf-8").replace("    # Yours: one line.\n", right)
    assert "import solutions" in text
    assert right in text
    done = detbench("grade", "8", written(text, "08_change_order.py"), "--step", "numpy")
    assert (done.returncode, done.stderr) == (0, "")
    cells = [{"cell_type": "code", "source": text.partition("# %%\n")[2]}]
    done = detbench("grade", "8", written(json.dumps({"cells": cells}), "mine.ipynb"), "--step", "numpy")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_function_is_mentioned(detbench: Run, written: Callable[[str], Path]) -> None:
    """Beside one that is graded it would be overlooked; helpers are not taken for one."""
    text = RIGHT + "\n\ndef chang_order_tensorflow(box):\n    pass\n\n\ndef ordered(box):\n    pass\n"
    done = detbench("grade", "8", written(text))
    note = "note: chang_order_tensorflow is not graded; is it change_order_tensorflow? Then give it that name\n"
    assert (done.returncode, done.stderr) == (0, note)
    assert "chang_order" not in done.stdout


def test_a_missing_part_is_missing(detbench: Run, written: Callable[..., Path]) -> None:
    """A file with one function of a piece of two is graded, and is not done."""
    text = """import numpy as np


def reference_boxes(base_size_px, scales, ratios):
    side = [(base_size_px * s / r**0.5 / 2, base_size_px * s * r**0.5 / 2) for r in ratios for s in scales]
    return np.array([(-w, -h, w, h) for w, h in side]).reshape(-1, 4)
"""
    done = detbench("grade", "anchors", written(text))
    assert done.returncode == 1
    assert done.stdout.startswith("reference_boxes is right")
    assert done.stdout.endswith("anchor_grid is not there yet.\n")


def test_the_list_names_every_piece_and_function(detbench: Run) -> None:
    """In order, in 80 columns; and as JSON."""
    done = detbench("grade", "--list", env_columns=80)
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    named = [line.split()[1] for line in done.stdout.splitlines() if line.split()[0].isdigit()]
    assert named == [piece.name for piece in PIECES]
    assert [one["name"] for one in json.loads(detbench("grade", "--list", "--json").stdout)] == named


@pytest.mark.parametrize("piece", [piece.name for piece in PIECES])
def test_the_first_lines_are_refused_kindly(detbench: Run, written: Callable[[str], Path], piece: str) -> None:
    """What ``grade PIECE`` prints is Python that can be graded, and is not written yet."""
    stub = detbench("grade", piece)
    assert stub.returncode == 0, stub.stderr
    done = detbench("grade", piece, written(stub.stdout))
    assert (done.returncode, done.stderr) == (1, "")
    assert all("is not written yet: it returns None." in line for line in done.stdout.splitlines() if line)


def test_a_piece_is_needed(detbench: Run) -> None:
    """Without arguments it says what is missing and where to look."""
    done = detbench("grade")
    assert done.returncode == 2
    assert "detbench grade --list" in done.stderr
