"""Where things lie on a page of standings: on a phone, beside a very long name, and on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.document import read
from detbench.evaluation.standings.document import ModelCard
from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings

    Make = Callable[..., tuple[Standings, dict[str, Document]]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, shared: Path, detbench: Callable[..., subprocess.CompletedProcess[str]]
) -> dict[str, Document]:
    """Return two real detectors' results on 80 COCO images, with errors, by name."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    found = {}
    for name in ("yolox_nano", "centernet_mbv3"):
        folder = tmp_path_factory.mktemp(name)
        predictions = shared / "predictions" / f"{name}__coco_tiny_val.json"
        done = detbench("eval", truth, predictions, "--errors", "--resamples", "100", "-o", folder)
        assert done.returncode == 0, done.stderr
        found[name] = read(folder / "result.json")
    return found


@pytest.fixture
def page(tmp_path: Path, make_standings: Make, measured: dict[str, Document]) -> Path:
    """Write the page of the two detectors."""
    standings, _ = make_standings(list(measured))
    (tmp_path / "index.html").write_text(render_page(standings, measured), encoding="utf-8")
    return tmp_path / "index.html"


_OVERFLOWS = "(e => e.scrollWidth - e.clientWidth)(document.querySelector('{}').closest('.wide'))"


def test_two_models_need_no_scrolling_on_a_phone(browser: Browser, page: Path) -> None:
    """Kinds of errors and the heat map of two models fit a screen of 390 pixels."""
    browser.open(page, width_px=390)
    assert browser.run(_OVERFLOWS.format(".kinds")) <= 0
    assert browser.run(_OVERFLOWS.format(".heat")) <= 0


def test_names_of_the_confusion_matrix_are_on_one_line(browser: Browser, page: Path) -> None:
    """No name breaks in two, and those of everyday length are shown whole."""
    browser.open(page, width_px=390)
    heads = "[...document.querySelectorAll('.confusion tbody th')].filter(h => h.checkVisibility())"
    lines = browser.run(f"{heads}.map(h => h.querySelector('bdi').getClientRects().length)")
    assert len(lines) > 10
    assert set(lines) == {1}
    assert browser.run(f"{heads}.filter(h => h.scrollWidth > h.clientWidth).map(h => h.textContent)") == []


def test_a_count_says_what_it_counts_on_a_phone(browser: Browser, page: Path) -> None:
    """Without its column's heading the number of a file still reads."""
    browser.open(page, width_px=390)
    cell = "document.querySelector('.files td.number')"
    assert browser.run(f"{cell}.dataset.name") == "predictions"
    assert "how many" not in browser.run(f"getComputedStyle({cell}, '::after').content")
    assert browser.run("getComputedStyle(document.querySelector('.files td.what')).display") == "none"


def test_what_sorts_the_cards_says_so(browser: Browser, page: Path) -> None:
    """Above the cards stand buttons with a label; without the script that makes them there is nothing."""
    browser.open(page, width_px=390)
    label = "getComputedStyle(document.querySelector('.leaderboard thead tr:last-child'), '::before').content"
    assert browser.run(label) == '"Sort by:"'
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page, width_px=390)
        shown = browser.run("getComputedStyle(document.querySelector('.leaderboard thead')).display")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert shown == "none"


def test_a_long_name_makes_no_tower(browser: Browser, tmp_path: Path, make_standings: Make) -> None:
    """At 900 pixels a model of much text is not much taller than wide."""
    card = ModelCard(name="x", authors=["A. Very Long Author " * 10], notes="what was done about it " * 9)
    made = make_standings(["a model of many words " * 9, "b"], entry={"card": card})
    (tmp_path / "index.html").write_text(render_page(*made), encoding="utf-8")
    browser.open(tmp_path / "index.html", width_px=900)
    size = "(r => [r.width, r.height])(document.querySelector('.leaderboard tbody .name').getBoundingClientRect())"
    width, height = browser.run(size)
    assert height < 1.2 * width


def test_paper_says_what_is_folded_up_and_cuts_no_command(browser: Browser, page: Path) -> None:
    """A closed matrix leaves a line on paper, and the box of commands breaks its lines instead of scrolling."""
    browser.open(page)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        closed = "document.querySelector('.matrix:not([open]) > summary')"
        assert browser.run(f"{closed}.checkVisibility()")
        assert "not printed" in browser.run(f"getComputedStyle({closed}, '::after').content")
        assert not browser.run("document.querySelector('.matrix[open] > summary').checkVisibility()")
        assert browser.run("getComputedStyle(document.querySelector('pre')).whiteSpace") == "pre-wrap"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
