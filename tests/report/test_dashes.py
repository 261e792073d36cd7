"""Every dash leads to its reason without a pointer and without a script: a letter, and a list below."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from detbench.report.pages import render_report
from detbench.report.standings_page import render_page
from detbench.report.templating import page_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.evaluation.document import Document
    from detbench.evaluation.results import Result
    from detbench.evaluation.standings.document import Standings

    Make = Callable[..., tuple[Standings, dict[str, Document]]]

_DASH = re.compile(r'title="([^"]+)">(?:AP )?–(?:<sup class="mark-of-note">(\w+)</sup>)?')
_LIST = re.compile(r'<ol type="a" class="reasons".*?</ol>', re.DOTALL)


def _unexplained(html: str) -> list[str]:
    """Return the reasons of dashes whose letter does not stand for that very reason in the next list; none is right."""
    wrong = []
    for dash in _DASH.finditer(html):
        found = _LIST.search(html, dash.end())
        listed = [unescape(text) for text in re.findall(r"<bdi>(.*?)</bdi>", found[0])] if found else []
        place = _place(dash[2] or "")
        said = listed[place].rstrip(".").lower() if 0 <= place < len(listed) else ""
        if said != unescape(dash[1]).rstrip(".").lower():
            wrong.append(dash[0])
    return wrong


def _place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("a") + 1
    return place - 1


def test_a_leaderboard_says_why_each_number_is_missing(make_standings: Make) -> None:
    """No times, no parameters, an undefined number: each dash has a letter, and each letter its reason."""
    standings, results = make_standings(["one", "two"])
    first, second = standings.entries
    poor = replace(second, metrics={"AP": 0.4, "AP50": None, "AP75": None}, reasons={"AP50": "it is <b>too</b> small"})
    page = render_page(replace(standings, entries=[first, poor]), results)
    table = page[page.index('<table class="leaderboard') :]
    table = table[: table.index("</section>")]
    assert len(_DASH.findall(table)) >= 2
    assert _unexplained(table) == []
    assert "It is &lt;b&gt;too&lt;/b&gt; small." in table
    assert "The result gives no reason." in table
    assert "hold the pointer" not in page


def test_a_single_result_says_why_too(empty_result: Result) -> None:
    """A result without ground truth has nothing but dashes, and one reason for all."""
    page = render_report(empty_result)
    table = page[page.index('<table class="categories') :]
    table = table[: table.index("</section>")]
    assert _DASH.findall(table)
    assert _unexplained(table) == []


@pytest.mark.parametrize("count", [1, 26, 27, 60])
def test_letters_go_on_as_in_a_list(count: int) -> None:
    """After z come aa and ab, as a browser counts a list of letters."""
    source = (
        '{% from "sections/dashes.html.j2" import dash, reasons %}{% set notes = {} %}'
        '{% for why in whys %}<td title="{{ why }}">{{ dash(notes, why) }}</td>{% endfor %}{{ reasons(notes) }}'
    )
    whys = [f"reason {place}" for place in range(count)] * 2
    html = page_environment().from_string(source).render(whys=whys)
    assert len(_DASH.findall(html)) == 2 * count
    assert _unexplained(html) == []
    assert html.count("<li>") == count
