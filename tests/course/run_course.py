"""Run the course's scripts from the first line to the last, and grade the solutions: for ``test_course.py``.

One process for all of them: importing TensorFlow takes longer than any of them. Prints JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import time
import traceback
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[2] / "docs" / "course"


def run(script: Path) -> dict[str, object]:
    """Return what became of one script: its steps, what its empty functions are told, and what it raised."""
    import matplotlib.pyplot as plt

    begin = time.perf_counter()
    try:
        names = runpy.run_path(str(script))
    except Exception:  # noqa: BLE001  whatever it is, the test says it
        return {"raised": traceback.format_exc(), "steps": [], "seconds": 0.0}
    found = names.get("result")
    figures = len(plt.get_fignums())
    plt.close("all")
    said = [] if found is None else [{"right": found.right, "text": repr(found)}]
    seconds = time.perf_counter() - begin
    return {"raised": "", "steps": said, "empty": empty(script, names), "figures": figures, "seconds": seconds}


def empty(script: Path, names: dict[str, Any]) -> dict[str, str]:
    """Return what each function that is to be filled in is told."""
    from detbench.operators.course import grade
    from detbench.operators.course.pieces import PIECES
    from detbench.operators.course.source import find, read_source

    pieces = [piece for piece in PIECES if piece.number == int(script.name[:2])]
    asked = [one for piece in pieces for one in find(read_source(script), piece)[0]]
    return {one.name: repr(grade(one.operator, names[one.name])) for one in asked}


def solutions() -> dict[str, str]:
    """Return every function of a solution that belongs to a piece, with its grade in words."""
    from detbench.operators.course import grade
    from detbench.operators.course.pieces import PIECES
    from detbench.operators.course.source import find, read_source

    said = {}
    for piece in PIECES:
        name = piece.name.replace("-", "_")
        found, missing = find(read_source(COURSE / "solutions" / f"{name}.py"), piece)
        said |= dict.fromkeys(missing, "missing")
        module = importlib.import_module(f"solutions.{name}")
        for one in found:
            answer = grade(one.operator, getattr(module, one.name), time=False)
            said[one.name] = "" if answer.right else repr(answer)
    return said


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.path.insert(0, str(COURSE))
    scripts = sorted(COURSE.glob("[0-9][0-9]_*.py"))
    wanted = [script for script in scripts if len(sys.argv) == 1 or script.name[:2] in sys.argv[1:]]
    out = sys.stdout
    sys.stdout = sys.stderr
    report = {"scripts": {script.stem: run(script) for script in wanted}, "solutions": solutions()}
    json.dump(report, out)
