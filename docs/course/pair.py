"""Write each script of the course as a notebook beside it: ``python docs/course/pair.py``.

The scripts are what is edited and what tests run; the notebooks, without outputs, are what a learner opens.
"""

from __future__ import annotations

import json
from pathlib import Path

import jupytext

HERE = Path(__file__).parent

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(script: Path) -> str:
    """Return a script as a notebook's JSON: the same bytes for the same script."""
    read = jupytext.read(script, fmt="py:percent")
    cells = [
        {"cell_type": cell.cell_type, "id": f"cell-{number:02}", "metadata": {}, "source": lines(cell.source)}
        | ({"execution_count": None, "outputs": []} if cell.cell_type == "code" else {})
        for number, cell in enumerate(read.cells, start=1)
    ]
    whole = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def lines(text: str) -> list[str]:
    """Return a cell's text as notebooks keep it, a line each."""
    return text.splitlines(keepends=True)


def scripts() -> list[Path]:
    """Return the scripts that are notebooks too, in their order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


if __name__ == "__main__":
    for script in scripts():
        script.with_suffix(".ipynb").write_text(notebook(script), encoding="utf-8")
