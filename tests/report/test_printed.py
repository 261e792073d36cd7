"""Pages on paper, as Chromium prints them."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings

    Make = Callable[..., tuple[Standings, dict[str, Document]]]

pytestmark = pytest.mark.slow

_NAMES = [f"kind{place:02}" for place in range(70)]


@pytest.fixture
def sheets(browser: Browser, tmp_path: Path, make_standings: Make) -> list[list[str]]:
    """Return the lines of each sheet that a leaderboard of eight models with 70 categories is printed on."""
    pdftotext = shutil.which("pdftotext")
    if pdftotext is None:
        pytest.skip("pdftotext is not installed")
    made = make_standings([f"model {place}" for place in range(8)], categories=tuple(_NAMES))
    (tmp_path / "index.html").write_text(render_page(*made), encoding="utf-8")
    browser.open(tmp_path / "index.html")
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    (tmp_path / "page.pdf").write_bytes(base64.b64decode(printed["data"]))
    done = subprocess.run(
        [pdftotext, "-layout", tmp_path / "page.pdf", "-"], capture_output=True, check=True, text=True
    )
    return [[line.strip() for line in sheet.splitlines() if line.strip()] for sheet in done.stdout.split("\f")[:-1]]


def test_the_leaderboard_begins_on_the_first_sheet_and_no_head_stands_alone(sheets: list[list[str]]) -> None:
    """The sentence has the table below it; a heading has what it is about; a head that goes on has its models."""
    first = " ".join(sheets[0])
    assert "The leaderboard" in first
    assert all(f"model {place}" in first for place in range(8))
    assert not any("tap it" in line or "Find a" in line for sheet in sheets for line in sheet)
    for sheet in sheets:
        assert len(sheet) > 4
        assert not sheet[-1].startswith(("Category by", "category ground", "What ", "The columns", "AP recall"))
    going_on = [sheet for sheet in sheets[1:] if any(line.split()[:1] == ["category"] for line in sheet)]
    assert len(going_on) >= 2
    rows = [sum(bool(re.match(r"kind\d\d +\d+( +0\.\d\d){16}$", line)) for line in sheet) for sheet in going_on]
    assert min(rows) >= 2
    assert sum(rows) == len(_NAMES)


def test_all_words_are_on_one_sheet(sheets: list[list[str]]) -> None:
    """What the words mean takes no more than a sheet and its rest."""
    (place,) = [place for place, sheet in enumerate(sheets) if "What the words mean" in sheet]
    assert place >= len(sheets) - 2
