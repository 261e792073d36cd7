"""The page of standings: what it says, and how it is made."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from detbench.evaluation.standings.document import ModelCard, Speed, Standings
from detbench.report.sections.headline import headline, plain
from detbench.report.standings_files import folder_names, rendered_standings
from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Page

    from detbench.evaluation.document import Document

    Make = Callable[..., tuple[Standings, dict[str, Document]]]
    Read = Callable[[str], Page]

HOSTILE = (
    "<script>alert(1)</script>",
    "x" * 10_000,
    "\u202emodel\u202c",
    "a\nb",
    "</style>",
    '"><img src=x>',
    "{{ 7 * 7 }}",
)


def _sentence(made: tuple[Standings, object]) -> str:
    return plain(headline(made[0])).replace("\N{NO-BREAK SPACE}", " ")


def test_the_sentence_says_who_leads_by_how_much_and_that_nobody_is_tied(make_standings: Make) -> None:
    """The leader's number with its interval, then the distance to the second with its interval and p-value."""
    assert _sentence(make_standings(["a", "b", "c"], ahead=0.041)) == (
        "a leads with AP 0.600 [0.570, 0.630], 0.041 ahead of b (95 % interval 0.026 to 0.056, p = 0.020); "
        "nobody is tied with it."
    )


@pytest.mark.parametrize(
    ("names", "tied", "end"),
    [
        ("ab", 2, "; the two are tied."),
        ("abc", 2, "; the two are tied."),
        ("abc", 3, "; b and c are tied with it."),
        ("abcde", 5, "; b, c, d and e are tied with it."),
        ("abcdefgh", 8, "; b, c, d and 4 others are tied with it."),
    ],
)
def test_the_sentence_names_those_tied_with_the_leader(make_standings: Make, names: str, tied: int, end: str) -> None:
    """One, two, four and seven that are tied: each reads as a sentence."""
    text = _sentence(make_standings(list(names), tied=tied, ahead=0.005))
    assert "(95 % interval −0.010 to 0.020," in text
    assert text.endswith(end)


def test_equal_leaders_share_the_lead(make_standings: Make, read_page: Read) -> None:
    """Models of the same number and rank are named together; who else is tied comes after."""
    assert _sentence(make_standings(["a", "b", "c"], equal=2)) == (
        "a and b share the lead with AP 0.600 [0.570, 0.630]; nobody else is tied with them."
    )
    assert _sentence(make_standings(["a", "b", "c"], equal=2, tied=3)).endswith("; c is tied with them.")
    both = make_standings(["a", "b"], equal=2)
    assert _sentence(both) == "a and b share the lead with AP 0.600 [0.570, 0.630]."
    assert read_page(render_page(*both)).text.count("shares the lead") == 2


def test_one_model_none_and_undefined_have_sentences(make_standings: Make) -> None:
    """One model has its number, none says why, and an undefined number is not made up."""
    assert _sentence(make_standings(["a"])) == (
        "a reaches AP 0.600 [0.570, 0.630]. It is the only model that is ranked here."
    )
    assert _sentence(make_standings([])) == "There is no model to rank."
    assert _sentence(make_standings([], broken={"x": "why"}, apart={"y": "why", "z": "why"})) == (
        "No model is ranked: 2 models were measured otherwise and 1 submission is broken."
    )
    undefined = {"metrics": {"AP": None}, "intervals": {}, "reasons": {"AP": "no ground truth of any category"}}
    assert _sentence(make_standings(["a"], entry=undefined)) == "a has no AP: no ground truth of any category."


def test_an_error_of_counts_is_ahead_where_it_is_lower(make_standings: Make) -> None:
    """The distance is told by the leader, in positive numbers, whichever end is the better one."""
    standings, _ = make_standings(["a", "b"], lower_is_better=True)
    leader, second = standings.entries
    assert second.behind
    turned = msgspec.structs.replace(second.behind, difference=0.5, low=0.2, high=0.8)
    entries = [leader, msgspec.structs.replace(second, behind=turned)]
    text = _sentence((msgspec.structs.replace(standings, entries=entries), None))
    assert "0.500 ahead of b (95 % interval 0.200 to 0.800, p = 0.020)" in text


def test_nothing_is_called_tied_where_nothing_was_tested(make_standings: Make) -> None:
    """Without resamples the page says that nobody knows, and shades no row."""
    made = make_standings(["a", "b"], tied=2, resamples=0)
    assert _sentence(made).endswith("; without intervals nobody knows who is tied.")
    assert "tied with the first" not in render_page(*made)


def test_ties_are_said_in_words_and_not_by_colour_alone(make_standings: Make, read_page: Read) -> None:
    """A tied row is shaded and says so; the leader's says that it leads."""
    page = render_page(*make_standings(["a", "b", "c"], tied=2))
    rows = re.findall(r"<tr( class=\"tied\")?>\n<td class=\"number rank\".*?</tr>", page, re.DOTALL)
    assert rows == [' class="tied"', ' class="tied"', ""]
    text = read_page(page).text
    assert text.count("tied with the first") == 2  # the second row, and the caption
    assert "Shaded rows are tied with the first." in text
    assert text.count("No clear winner: a is first with AP") == 2  # the first sentence, and what to quote
    assert text.count("first, and tied") == 1
    assert "leads" not in text
    text = read_page(render_page(*make_standings(["a", "b"]))).text
    assert text.count("leads") == 3  # the sentence, the first row, and what to quote


def test_every_column_says_what_it_is_and_whence(make_standings: Make, read_page: Read) -> None:
    """Each heading has its meaning and its protocol in its title, and both stand in words at the end of the page."""
    page = read_page(render_page(*make_standings(["a", "b"])))
    titles = [attributes.get("title") or "" for attributes in page.all("abbr")]
    assert sum("From: protocol coco." in title for title in titles) >= 6
    assert "AP50 protocol coco" in page.text.replace("· ", "")


def test_the_apart_and_the_broken_stand_below_with_their_reasons(make_standings: Make, read_page: Read) -> None:
    """Who is not ranked is named, with what it was measured on and why it stands there."""
    made = make_standings(["a"], apart={"other": "another split: train"}, broken={"cut": "predictions.json is cut"})
    text = read_page(render_page(*made)).text
    assert re.search(r"other streets \(val\), protocol coco another split: train", text)
    assert "cut predictions.json is cut" in text


def test_a_card_is_shown_and_only_a_web_link_is_a_link(make_standings: Make, read_page: Read) -> None:
    """Authors, data and notes are text; a link of another scheme than http is none."""
    card = ModelCard(
        name="a", authors=["Ann B."], link="https://example.org/a?b=1", training_data=["COCO"], notes="new"
    )
    page = read_page(render_page(*make_standings(["a"], entry={"card": card})))
    assert "a Ann B. · trained on COCO · example.org · new" in page.text
    link = next(one for one in page.all("a") if (one.get("href") or "").startswith("http"))
    assert link["href"] == "https://example.org/a?b=1"
    assert "noopener" in (link["rel"] or "")
    evil = msgspec.structs.replace(card, link="javascript:alert(1)")
    assert "javascript:" not in render_page(*make_standings(["a"], entry={"card": evil})).split('id="result"')[0]


def test_hostile_names_are_text(make_standings: Make, read_page: Read) -> None:
    """Names that look like markup, are very long or turn the text around are shown, shortened, and run nothing."""
    card = ModelCard(name="x", authors=list(HOSTILE), training_data=list(HOSTILE), notes=HOSTILE[0])
    made = make_standings(
        HOSTILE, broken={f"b{name}": name for name in HOSTILE}, entry={"card": card}, categories=HOSTILE
    )
    page = render_page(*made)
    read = read_page(page)
    assert len(read.all("script")) == 2
    assert len(read.all("style")) == 1
    assert not read.all("img")
    assert "<script>alert(1)</script>" in read.text
    assert "x" * 600 not in page.split('id="result"')[0]
    assert "\u202emodel\u202c" in read.text
    assert not any("style" in attributes for _, attributes in read.elements)


def test_the_policy_allows_the_page_s_own_style_and_script_alone(make_standings: Make, read_page: Read) -> None:
    """The hashes of the content policy are those of the two inline blocks."""
    page = render_page(*make_standings(["a", "b"]))
    policy = read_page(page).all("meta")[1]["content"] or ""
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_tables_have_captions_and_scopes_and_ids_are_unique(make_standings: Make, read_page: Read) -> None:
    """Every table says what it is, every heading what it heads, and no id stands twice."""
    page = read_page(render_page(*make_standings(["a", "b"], apart={"c": "why"}, broken={"d": "why"})))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes.get("scope") in {"row", "col", "colgroup", "rowgroup"} for attributes in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    headed = {attributes["aria-labelledby"] for attributes in page.all("section")}
    assert headed <= set(ids)


def test_the_standings_are_in_the_page(make_standings: Make) -> None:
    """The JSON in the page is the standings; with very many numbers of categories it leaves those out, and says so."""
    standings, results = make_standings(["a", "b"])
    page = render_page(standings, results)
    found = re.search(r'<script type="application/json" id="result">(.*?)</script>', page, re.DOTALL)
    assert found
    assert msgspec.convert(json.loads(found[1]), Standings) == standings
    assert "without the numbers of categories" not in page
    many = {f"kind {place}": 0.5 for place in range(10_001)}
    entries = [msgspec.structs.replace(entry, categories=many) for entry in standings.entries]
    page = render_page(msgspec.structs.replace(standings, entries=entries), results)
    assert "without the numbers of categories" in page
    assert "kind 77" not in page


def test_the_same_standings_give_the_same_bytes(make_standings: Make) -> None:
    """A folder of standings holds no time, no path and no random id."""
    made = make_standings(["a", "b"])
    assert rendered_standings(*made) == rendered_standings(*made)


def test_two_hundred_models_stay_under_three_megabytes(make_standings: Make, read_page: Read) -> None:
    """All of two hundred models are in the table, the first eight have marks, and the page stays small."""
    speed = Speed(machine="one", fps=30.0, fps_interval=None, median_ms=33.3, median_interval_ms=None, p90_ms=40.0)
    card = ModelCard(name="x", authors=["A. Author", "B. Writer"], link="https://example.org/m", training_data=["COCO"])
    names = [f"model {place}" for place in range(200)]
    kinds = tuple(f"kind {place}" for place in range(80))
    page = render_page(*make_standings(names, ahead=0.001, entry={"card": card, "speed": speed}, categories=kinds))
    assert len(page.encode()) < 3_000_000
    text = read_page(page).text
    assert all(re.search(rf"{name} (leads · )?A. Author", text) for name in names)
    assert "The figures below show the first 8 of 200 models; all are in the table." in text


def test_what_was_measured_can_be_made_again(make_standings: Make, read_page: Read) -> None:
    """Data, protocol, seed, files and commands stand in the page; a name never breaks out of a command."""
    text = read_page(render_page(*make_standings(["a", "b"]))).text
    assert "detbench eval GROUND_TRUTH PREDICTIONS --split val --protocol coco --resamples 1000 --seed 0" in text
    assert "1f" * 32 in text
    assert "2 models ranked by AP on streets val (80 images), data 1f1f1f1f1f1f, detbench 0.1.0." in text
    standings, results = make_standings(["a", "b"])
    assert standings.dataset
    data = msgspec.structs.replace(standings.dataset, split="x; rm -rf ~")
    assert (
        "--split 'x; rm -rf ~'"
        in read_page(render_page(msgspec.structs.replace(standings, dataset=data), results)).text
    )


def test_folders_of_models_are_safe_and_unique() -> None:
    """No name leads out of the folder, is a device, is empty, or differs from another by case alone."""
    names = ["../../etc", "CON", "nul.txt", "a", "A", "", "...", "x" * 300, "x" * 301, "/root", "מ", "ש"]
    found = folder_names(names)
    assert list(found) == names
    folders = list(found.values())
    assert len({folder.casefold() for folder in folders}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,69}", folder) for folder in folders)
    assert not {"con", "nul", "nul.txt"} & {folder.casefold() for folder in folders}
