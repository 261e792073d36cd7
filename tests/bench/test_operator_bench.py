"""The page's section on operators: made of a profile that is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

QUICK = ("--boxes", "200", "--keep", "50", "--seconds", "0.02")
NAMED = ("--impl", "native", "--impl", "numpy", "--impl", "opencv")
SCRIPT = Path(__file__).parent / "operator_speed.py"


@pytest.mark.slow
def test_a_profile_becomes_a_table_between_marks(tmp_path: Path) -> None:
    """Who is fastest, the native operator, the fastest peer, their ratio; the rest of a page stays."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- operators: begin -->\nold\n<!-- operators: end -->\nafter\n", encoding="utf-8")
    folder = tmp_path / "profile"
    command = (sys.executable, "-m", "detbench", "profile", "batched-nms", *QUICK, *NAMED, "-o", folder)
    subprocess.run(command, check=True, capture_output=True)
    # The script finds its neighbour by its own folder, which a safe path leaves out.
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    written = (sys.executable, SCRIPT, "--profile", folder, "--write", page)
    subprocess.run(written, check=True, capture_output=True, env=plain)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\n<!-- operators: begin -->\n## Operators\n")
    assert text.endswith("<!-- operators: end -->\nafter\n")
    assert "old" not in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    (row,) = rows
    assert len(row) == 8
    assert row[:2] == ["| `batched-nms`", "200 boxes, 80 categories"]
    assert "`opencv`" in row[4]
    assert row[6] == "exact"
