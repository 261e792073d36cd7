"""The course's notebooks are in step with their scripts, run to their end, and teach what is graded."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

from detbench.operators.course.grade import Grade
from detbench.operators.course.pieces import PIECES, STEPS
from detbench.operators.course.source import find, read_source
from detbench.operators.registry import operator_named

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "docs" / "course"
SCRIPTS = sorted(COURSE.glob("[0-9][0-9]_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_is_its_script(script: Path) -> None:
    """Cell by cell the same, without outputs; ``python docs/course/pair.py`` makes it so."""
    ours = jupytext.read(script)
    theirs = jupytext.read(script.with_suffix(".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in theirs.cells] == [
        (cell.cell_type, cell.source) for cell in ours.cells
    ]
    assert not [cell for cell in theirs.cells if cell.get("outputs") or cell.get("execution_count")]


def test_every_piece_has_its_notebook_and_solution() -> None:
    """In the order of the pieces, with a last one that puts them together; the index links them all."""
    assert [script.stem[3:] for script in SCRIPTS] == [*(piece.name.replace("-", "_") for piece in PIECES), "together"]
    assert [int(script.stem[:2]) for script in SCRIPTS] == [*(piece.number for piece in PIECES), len(PIECES) + 1]
    page = (COURSE / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d_\w+\.ipynb)\)", page) == [script.with_suffix(".ipynb").name for script in SCRIPTS]
    for piece in PIECES:
        functions = {operator.replace("-", "_") for operator in (*piece.operators, *piece.optional)}
        row = next(line for line in page.splitlines() if line.startswith(f"| {piece.number} |"))
        assert functions == set(re.findall(r"`(\w+)`", row))


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.name)
def test_a_notebook_asks_for_what_is_graded(piece: Any) -> None:
    """It has an empty function for every operator of its piece, with the reference's parameters, one in three steps."""
    (script,) = COURSE.glob(f"{piece.number:02}_*.py")
    found, missing = find(read_source(script), piece)
    assert not missing
    assert {one.operator for one in found} == {*piece.operators, *piece.optional}
    assert {one.step for one in found} >= set(STEPS)
    text = script.read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    for one in found:
        parameters = [argument.arg for argument in functions[one.name].args.args]
        assert parameters == list(inspect.signature(operator_named(one.operator).reference).parameters)
        assert f'grade("{one.operator}", {one.name})' in text


def test_every_field_of_a_grade_is_documented() -> None:
    """The table of the index has exactly the fields that ``--json`` prints."""
    page = (COURSE / "index.md").read_text(encoding="utf-8").partition("## What `--json` prints")[2]
    rows = [line.split(" | ")[0] for line in page.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(Grade.__struct_fields__)


@pytest.mark.slow
def test_the_course_runs_and_its_solutions_are_right() -> None:
    """Each script runs from the first line to the last; each step of each solution is right, and was timed.

    What is to be filled in is refused kindly.
    """
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("run_course.py")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MPLBACKEND": "Agg"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {name: one["raised"] for name, one in report["scripts"].items() if one["raised"]} == {}
    assert set(report["scripts"]) == {script.stem for script in SCRIPTS}
    for name, one in report["scripts"].items():
        assert one["figures"], name
        assert [
            said for key, said in one["empty"].items() if said != f"{key} is not written yet: it returns None."
        ] == []
        assert [found["text"] for found in one["steps"] if not found["right"]] == []
        for found in one["steps"]:
            assert all(f"{step}, the solution" in found["text"] for step in ("loops", "NumPy", "TensorFlow"))
    assert [name for name, one in report["scripts"].items() if not one["steps"]] == ["16_together"]
    assert {name: said for name, said in report["solutions"].items() if said} == {}
