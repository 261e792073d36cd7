"""The page in a real browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from detbench import evaluate
from detbench.report.pages import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

    from detbench.evaluation.results import Result

pytestmark = pytest.mark.slow

_PATIENCE_S = 30.0


@pytest.fixture
def page(tmp_path: Path, make_result: Callable[..., Result]) -> Path:
    """Write a page of 25 categories, some with hostile names."""
    names = ("<script>alert(1)</script>", "ab" * 150, "מכונית", "🚗", *(f"kind {place}" for place in range(21)))
    write_report(make_result(names=names), tmp_path / "report.html")
    return tmp_path / "report.html"


_COLUMN = "[...document.querySelectorAll('.categories tbody tr')].map(r => r.cells[{}].dataset.value).map(Number)"
_PRESS = "document.querySelectorAll('.categories thead button')[{}].click()"


def test_the_page_loads_with_a_clean_console_and_asks_for_nothing_else(browser: Browser, page: Path) -> None:
    """Opening a report makes one request, for itself, and breaks no rule of its own content policy."""
    browser.open(page)
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]


def test_a_press_on_a_column_sorts_the_table(browser: Browser, page: Path) -> None:
    """A number sorts from high to low first, then from low to high, and the heading says which."""
    browser.open(page)
    browser.run(_PRESS.format(1))
    counts = browser.run(_COLUMN.format(1))
    assert counts == sorted(counts, reverse=True)
    assert browser.run("document.querySelector('.categories th[aria-sort]').ariaSort") == "descending"
    browser.run(_PRESS.format(1))
    assert browser.run(_COLUMN.format(1)) == sorted(counts)
    browser.run(_PRESS.format(0))
    names = browser.run("[...document.querySelectorAll('.categories tbody th')].map(c => c.textContent.trim())")
    assert names.index("kind 2") < names.index("kind 10")
    assert browser.complaints() == []


def test_the_filter_finds_a_category(browser: Browser, page: Path) -> None:
    """Typing a part of a name leaves the rows that have it."""
    browser.open(page)
    browser.run("f = document.querySelector('.filter'); f.value = 'KIND 20'; f.dispatchEvent(new Event('input'))")
    assert browser.run("document.querySelectorAll('.categories tbody tr:not([hidden])').length") == 1


def test_hostile_names_are_text(browser: Browser, page: Path) -> None:
    """A category called like a script is shown, not run: the page has its own two scripts and no other."""
    browser.open(page)
    assert browser.run("document.scripts.length") == 2
    assert "<script>alert(1)</script>" in browser.run("document.querySelector('.categories').innerText")


def test_a_long_metric_s_name_does_not_cover_its_value(browser: Browser, shared: Path, tmp_path: Path) -> None:
    """On a phone, where a metric is a line of name, value and interval, or two where the name is long."""
    truth = shared / "coco_tiny/annotations/instances_val2017.json"
    proposals = shared / "predictions/proposals_yolox_obj__coco_tiny_val.json"
    write_report(evaluate(truth, proposals=proposals, resamples=100), tmp_path / "page.html")
    browser.open(tmp_path / "page.html", width_px=390)
    gaps = browser.run(
        "[...document.querySelectorAll('.metrics tbody tr')].map(row => ["
        "row.querySelector('.value').getBoundingClientRect().left"
        " - row.querySelector('abbr').getBoundingClientRect().right,"
        "document.documentElement.clientWidth - row.querySelector('.interval').getBoundingClientRect().right]).flat()"
    )
    assert len(gaps) == 2 * 9
    assert min(gaps) > 0


@pytest.mark.parametrize("width_px", [390, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_screen(browser: Browser, page: Path, width_px: int, *, dark: bool) -> None:
    """On a phone, a tablet and a desk, in light and dark, nobody scrolls sideways."""
    browser.open(page, width_px=width_px, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width_px


def test_the_embedded_result_is_the_result(browser: Browser, page: Path, make_result: Callable[..., Result]) -> None:
    """What the browser reads out of the page is what was measured."""
    browser.open(page)
    read = browser.run("JSON.parse(document.getElementById('result').textContent)")
    assert read["metrics"] == make_result().metrics
    assert read["per_category"][0]["name"] == "<script>alert(1)</script>"


def test_the_save_button_hands_out_the_result(browser: Browser, page: Path, tmp_path: Path) -> None:
    """A press on the button saves a file that reads back as the result."""
    from detbench.evaluation.results import Result

    browser.open(page)
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    browser.run("document.querySelector('#save button').click()")
    saved = tmp_path / "saved" / "result.json"
    deadline = time.monotonic() + _PATIENCE_S
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Result.load(saved).per_category[2].name == "מכונית"
    assert browser.complaints() == []
