"""The page of a profile in a real browser."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from detbench.report.profile_page import write_profile_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

    from detbench.timing.document import Profile

pytestmark = pytest.mark.slow

_NAMES = {"native": 1.0, "<script>alert(1)</script>": 3.0, "מכונית": 7.0, "ab" * 150: 20.0, "numpy": 31.0}
_PATIENCE_S = 30.0


@pytest.fixture
def page(tmp_path: Path, make_profile: Callable[..., Profile]) -> Path:
    """Write a page of five implementations, some with hostile names."""
    write_profile_page(make_profile(_NAMES), tmp_path / "profile.html")
    return tmp_path / "profile.html"


def test_the_profile_loads_with_a_clean_console_and_asks_for_nothing_else(browser: Browser, page: Path) -> None:
    """Opening a page makes one request, for itself, and breaks no rule of its own content policy."""
    browser.open(page)
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]


@pytest.mark.parametrize("width_px", [390, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_no_table_of_a_profile_is_wider_than_the_screen(
    browser: Browser, page: Path, width_px: int, *, dark: bool
) -> None:
    """On a phone, a tablet and a desk, in light and dark, with everything opened, nobody scrolls sideways."""
    browser.open(page, width_px=width_px, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= width_px


def test_a_press_on_a_column_sorts_implementations_and_leaves_the_refused_last(browser: Browser, page: Path) -> None:
    """Times sort both ways; who has no time stays below."""
    browser.open(page)
    times = "[...document.querySelector('.runs').tBodies[0].rows].map(r => r.cells[1].dataset.value)"
    press = "document.querySelectorAll('.runs thead button')[1].click()"
    browser.run(press)
    down = browser.run(times)
    assert [float(value) for value in down[:5]] == sorted(map(float, down[:5]), reverse=True)
    assert down[5:] == ["", ""]
    browser.run("document.querySelectorAll('.runs thead button')[5].click()")
    assert browser.complaints() == []


def test_marks_are_seen_and_coloured(browser: Browser, page: Path) -> None:
    """A mark that is used is drawn with its own fill; a policy that refused it would leave it black or empty."""
    browser.open(page)
    sizes = browser.run("[...document.querySelectorAll('.overview use')].map(u => u.getBoundingClientRect().width)")
    assert min(sizes) > 4
    fills = browser.run(
        "[...new Set([...document.querySelectorAll('.overview use')].map(u => getComputedStyle(u).fill))]"
    )
    assert len(fills) == len(_NAMES)


def test_hostile_implementations_are_text(browser: Browser, page: Path) -> None:
    """An implementation called like a script is shown, not run."""
    browser.open(page)
    assert browser.run("document.scripts.length") == 2
    assert "<script>alert(1)</script>" in browser.run("document.querySelector('.runs').innerText")


def test_the_profile_is_whole_without_its_script(browser: Browser, page: Path) -> None:
    """With JavaScript off every table and figure is there."""
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        tree = browser.call("DOM.getDocument", depth=-1)
        found = browser.call("DOM.querySelectorAll", nodeId=tree["root"]["nodeId"], selector=".runs tbody tr")
        assert len(found["nodeIds"]) == 4 * 7
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_profile_prints_on_a_few_sheets(browser: Browser, page: Path) -> None:
    """The page is printed in the colours of paper, with nothing cut off."""
    browser.open(page, dark=True)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        printed = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
        assert 3 <= printed.count(b"/Type /Page\n") <= 20
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


def test_the_save_button_hands_out_the_profile(browser: Browser, page: Path, tmp_path: Path) -> None:
    """A press on the button saves a file that reads back as the profile."""
    from detbench.timing.files import read_profile

    browser.open(page)
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    browser.run("document.querySelector('#save button').click()")
    saved = tmp_path / "saved" / "profile.json"
    deadline = time.monotonic() + _PATIENCE_S
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(read_profile(saved).measurements) == 23 * 7
    assert browser.complaints() == []
