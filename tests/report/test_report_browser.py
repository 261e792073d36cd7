"""The page in a real browser: Chromium, driven over its debugging pipe, with nothing but the standard library."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate
from detbench.report.pages import write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from detbench.evaluation.results import Result

pytestmark = pytest.mark.slow

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
_PATIENCE_S = 30.0

#: Puts the two pipes where Chromium looks for them, then becomes Chromium.
_LAUNCH = """
import fcntl, os, sys
aside = [fcntl.fcntl(int(name), fcntl.F_DUPFD_CLOEXEC, 10) for name in sys.argv[1:3]]
os.dup2(aside[0], 3)
os.dup2(aside[1], 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A headless Chromium with one tab. Messages are JSON, each ended by a NUL, on file descriptors 3 and 4."""

    def __init__(self, program: str, profile: Path) -> None:
        command_read, self._write = os.pipe()
        self._read, reply_write = os.pipe()
        pipes = (str(command_read), str(reply_write))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *pipes, program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, reply_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(reply_write)
        self._waiting = b""
        self._last_id = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its reply; what happens meanwhile is kept in ``events``."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._last_id:
                assert "error" not in reply, reply["error"]
                result: dict[str, Any] = reply["result"]
                return result
            self.events.append(reply)

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._read, 65536) if ready else b""
            assert chunk, "Chromium said nothing for too long, or has gone"
            self._waiting += chunk
        head, _, self._waiting = self._waiting.partition(b"\0")
        message: dict[str, Any] = json.loads(head)
        return message

    def open(self, path: Path, *, width_px: int = 1280, dark: bool = False) -> None:
        """Load a file and wait until it is complete."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width_px, height=900, deviceScaleFactor=1, mobile=width_px < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + _PATIENCE_S
        while self.run("document.readyState") != "complete":
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value; an exception in it fails the test."""
        reply = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the console showed and what the policy refused."""
        self.run("0")
        kinds = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
        return [event for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Return every address asked for since the page was opened."""
        self.run("0")
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start Chromium, or skip where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    started = Browser(program, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


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
