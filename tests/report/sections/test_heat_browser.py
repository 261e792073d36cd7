"""Heat map, confusion matrices and counts in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from detbench.evaluation.document import read
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

pytestmark = pytest.mark.slow

_COLUMN = "[...document.querySelectorAll('.heat tbody tr')].map(r => r.cells[{}].dataset.value)"
_PRESS = "[...document.querySelectorAll('.heat thead tr')].at(-1).cells[{}].querySelector('button').click()"


@pytest.fixture
def many(tmp_path: Path, make_page: Callable[..., str], make_result: Callable[..., Result]) -> Path:
    """Write a page of eight models with 400 categories."""
    names = ("<script>alert(1)</script>", "ab" * 150, *(f"kind {place}" for place in range(398)))
    page = make_page({f"model {place}": make_result(names=names) for place in range(8)})
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    return tmp_path / "index.html"


@pytest.fixture(scope="module")
def real(
    tmp_path_factory: pytest.TempPathFactory, shared: Path, detbench: Callable[..., subprocess.CompletedProcess[str]]
) -> dict[str, Result]:
    """Return two real detectors' results on 80 COCO images, with errors and counts."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    results = {}
    for name in ("yolox_nano", "centernet_mbv3"):
        folder = tmp_path_factory.mktemp(name)
        found = shared / "predictions" / f"{name}__coco_tiny_val.json"
        options = ("--errors", "--count-threshold", "0.3", "--resamples", "100", "-o", folder)
        done = detbench("eval", truth, found, *options)
        assert done.returncode == 0, done.stderr
        results[name] = Result(read(folder / "result.json"))
    return results


def test_the_heat_map_sorts_by_any_model(browser: Browser, many: Path) -> None:
    """A press on a model sorts by it, one on the counts by them; the page's policy is kept."""
    browser.open(many)
    browser.run(_PRESS.format(4))
    values = [float(value) for value in browser.run(_COLUMN.format(4))]
    assert values == sorted(values, reverse=True)
    browser.run(_PRESS.format(1))
    counts = [int(value) for value in browser.run(_COLUMN.format(1))]
    assert counts == sorted(counts, reverse=True)
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [many.as_uri()]


def test_the_filter_finds_one_of_four_hundred_categories(browser: Browser, many: Path) -> None:
    """Typing a part of a name leaves the rows that have it, and the box shrinks with them."""
    browser.open(many)
    find = "f = document.querySelector('.filter[placeholder=\"Find a category\"]'); f.value = 'KIND 39'; "
    browser.run(find + "f.dispatchEvent(new Event('input'))")
    assert browser.run("document.querySelectorAll('.heat tbody tr:not([hidden])').length") == 9
    assert browser.run("document.querySelector('.tall').clientHeight") < 500


def test_names_and_models_stay_in_sight_while_the_heat_map_scrolls(browser: Browser, many: Path) -> None:
    """On a phone the map scrolls in its own box, down and to the right; the page itself never does so."""
    browser.open(many, width_px=390)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.run("b = document.querySelector('.tall'); b.scrollTo(200, 3000)")
    assert browser.run("b.scrollLeft") == 200
    assert browser.run("b.scrollTop") > 1_000
    at = "b.getBoundingClientRect().{0} - document.querySelector('{1}').getBoundingClientRect().{0}"
    assert abs(browser.run(at.format("left", ".heat tbody tr:nth-child(200) th"))) < 2
    assert abs(browser.run(at.format("top", ".heat thead"))) < 2


@pytest.mark.parametrize("width_px", [390, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nobody_scrolls_sideways(
    browser: Browser,
    tmp_path: Path,
    make_page: Callable[..., str],
    real: dict[str, Result],
    width_px: int,
    *,
    dark: bool,
) -> None:
    """Errors and counts of real detectors fit a phone, a tablet and a desk, with every matrix opened."""
    (tmp_path / "index.html").write_text(make_page(real), encoding="utf-8")
    browser.open(tmp_path / "index.html", width_px=width_px, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= width_px
    assert browser.run("document.querySelectorAll('.confusion').length") == 2
    assert browser.complaints() == []


def test_every_mark_and_dot_has_its_shape(
    browser: Browser, tmp_path: Path, make_page: Callable[..., str], real: dict[str, Result]
) -> None:
    """What a figure uses is defined in the page, once."""
    (tmp_path / "index.html").write_text(make_page(real), encoding="utf-8")
    browser.open(tmp_path / "index.html")
    uses = "[...new Set([...document.querySelectorAll('use')].map(u => u.getAttribute('href')))]"
    assert browser.run(f"{uses}.filter(h => document.querySelectorAll(h).length !== 1)") == []
    assert browser.run("document.querySelectorAll('.scatters use').length") > 60


def test_captions_are_as_wide_as_what_is_seen(browser: Browser, many: Path) -> None:
    """Where scroll bars take their room from a narrow page, no line of a caption goes on under them."""
    browser.open(many, width_px=390)
    browser.call("Emulation.setDeviceMetricsOverride", width=390, height=900, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setScrollbarsHidden", hidden=False)
    beyond = (
        "[...document.querySelectorAll('.wide caption')].map(c => c.getBoundingClientRect().right"
        " - c.closest('.wide').getBoundingClientRect().left - c.closest('.wide').clientWidth)"
    )
    found = browser.run(beyond)
    browser.call("Emulation.setScrollbarsHidden", hidden=True)
    assert len(found) >= 2
    assert max(found) <= 1


def test_a_tap_shows_the_interval(browser: Browser, tmp_path: Path, make_page: Callable[..., str], real: Any) -> None:
    """On a phone a number that is tapped says its interval; nothing of it is in the way of the keyboard."""
    (tmp_path / "index.html").write_text(make_page(real), encoding="utf-8")
    browser.open(tmp_path / "index.html", width_px=390)
    browser.run("cell = document.querySelector('.heat tbody td[title]'); cell.scrollIntoView({block: 'center'})")
    place = browser.run("(r => [r.x + r.width / 2, r.y + r.height / 2])(cell.getBoundingClientRect())")
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
    assert browser.run("document.activeElement === cell")
    assert browser.run("getComputedStyle(cell, '::after').content") == browser.run("JSON.stringify(cell.title)")
    assert browser.run("document.querySelectorAll('td[tabindex=\"0\"]').length") == 0
    assert browser.complaints() == []
