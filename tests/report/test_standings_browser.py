"""The page of standings in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.standings.document import ModelCard, Speed
from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Browser

    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings

    Make = Callable[..., tuple[Standings, dict[str, Document]]]

pytestmark = pytest.mark.slow


@pytest.fixture
def page(tmp_path: Path, make_standings: Make) -> Path:
    """Write a page of 25 models, some with hostile names, and of those apart and broken."""
    names = ["<script>alert(1)</script>", "ab" * 150, "מכונית", *(f"model {place}" for place in range(22))]
    card = ModelCard(name="x", authors=["A. Author", "B. Writer"], link="https://example.org/m", parameters=910_000)
    speed = Speed(
        machine="a", fps=30.0, fps_interval=(29.0, 31.0), median_ms=33.3, median_interval_ms=None, p90_ms=40.0
    )
    made = make_standings(
        names,
        tied=3,
        apart={"elsewhere": "was measured on another split"},
        broken={"cut <b>off</b>": "predictions.json is cut"},
        entry={"card": card, "speed": speed},
        categories=("<script>alert(2)</script>", "car", "ab" * 150),
    )
    (tmp_path / "index.html").write_text(render_page(*made), encoding="utf-8")
    return tmp_path / "index.html"


_HEADS = "[...document.querySelectorAll('.leaderboard thead tr:last-child th')]"
_COLUMN = "[...document.querySelectorAll('.leaderboard tbody tr')].map(r => Number(r.cells[{}].dataset.value))"
_PRESS = "document.querySelectorAll('.leaderboard thead button')[{}].click()"


def test_the_page_loads_with_a_clean_console_and_asks_for_nothing_else(browser: Browser, page: Path) -> None:
    """Opening the page makes one request, for itself, and breaks no rule of its own content policy."""
    browser.open(page)
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]


def test_a_press_on_a_heading_sorts_the_leaderboard(browser: Browser, page: Path) -> None:
    """Below the row that groups headings each heading sorts its own column, and says which way."""
    browser.open(page)
    heads = browser.run(f"{_HEADS}.map(h => h.textContent.trim())")
    place = heads.index("AP75")
    assert browser.run(_COLUMN.format(0)) == list(range(1, 26))
    browser.run(_PRESS.format(0))
    assert browser.run(_COLUMN.format(0)) == list(range(25, 0, -1))
    main = next(place for place, head in enumerate(heads) if head.startswith("AP0"))
    browser.run(_PRESS.format(main))
    browser.run(_PRESS.format(main))
    values = browser.run(_COLUMN.format(main))
    assert values == sorted(values)
    assert browser.run(f"{_HEADS}[{main}].ariaSort") == "ascending"
    assert browser.run(f"{_HEADS}[{main}].querySelector('button .axis')") is None
    browser.run(_PRESS.format(place))
    assert browser.run(f"{_HEADS}[{main}].ariaSort") is None
    assert browser.complaints() == []


def test_the_filter_finds_a_model_by_name_or_author(browser: Browser, page: Path) -> None:
    """Typing a part of what stands in the model's cell leaves the rows that have it, not those that have a rank."""
    browser.open(page)
    typed = "f = document.querySelector('.filter'); f.value = '{}'; f.dispatchEvent(new Event('input'))"
    shown = "[...document.querySelectorAll('.leaderboard tbody tr:not([hidden]) th')].map(h => h.textContent)"
    browser.run(typed.format("MODEL 20"))
    assert len(browser.run(shown)) == 1
    browser.run(typed.format("b. writer"))
    assert len(browser.run(shown)) == 25
    browser.run(typed.format("nobody"))
    assert browser.run(shown) == []


def test_hostile_names_are_text(browser: Browser, page: Path) -> None:
    """A model called like a script is shown, not run: the page has its own two scripts and no other."""
    browser.open(page)
    assert browser.run("document.scripts.length") == 2
    assert "<script>alert(1)</script>" in browser.run("document.querySelector('h1').innerText")
    assert "cut <b>off</b>" in browser.run("document.body.innerText")


@pytest.mark.parametrize("width_px", [390, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_screen(browser: Browser, page: Path, width_px: int, *, dark: bool) -> None:
    """On a phone, a tablet and a desk, in light and dark, nobody scrolls the page sideways."""
    browser.open(page, width_px=width_px, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width_px


def test_on_a_phone_a_model_is_a_card(browser: Browser, page: Path) -> None:
    """Every number of the leaderboard lies within a screen of 390 pixels, under its name."""
    browser.open(page, width_px=390)
    right = browser.run(
        "Math.max(...[...document.querySelectorAll('.leaderboard tbody :is(td, th)')]"
        ".map(cell => cell.getBoundingClientRect().right))"
    )
    assert right <= 390
    label = "getComputedStyle(document.querySelector('.leaderboard td[data-name=AP75]'), '::before').content"
    assert "AP75" in browser.run(label) or "attr" in browser.run(label)


def test_the_embedded_standings_are_the_standings(browser: Browser, page: Path) -> None:
    """What the browser reads out of the page is what was ranked."""
    browser.open(page)
    read = browser.run("JSON.parse(document.getElementById('result').textContent)")
    assert read["schema"] == "detbench.standings/1"
    assert read["entries"][0]["name"] == "<script>alert(1)</script>"


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_written_can_be_read(browser: Browser, page: Path, *, dark: bool) -> None:
    """Every text of the leaderboard stands out from what is behind it with a contrast of 4.5 or more."""
    browser.open(page, dark=dark)
    assert browser.run(_LEAST_CONTRAST) >= 4.5


#: The least contrast of texts in the leaderboard; the tint of a tied row lies over the paper.
_LEAST_CONTRAST = """
(() => {
  const parse = (text) => { const v = text.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => element === null ? [255, 255, 255]
    : over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement));
  let least = 99;
  for (const element of document.querySelectorAll(".leaderboard *, .others *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const [a, b] = [light(over(parse(getComputedStyle(element).color), ground(element))), light(ground(element))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
})()
"""
