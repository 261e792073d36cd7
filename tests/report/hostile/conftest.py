"""What makes a page a correct one: well formed, safe, honest about what is undefined, and of the numbers beside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Element, Page


@pytest.fixture(scope="session")
def correct(read_page: Callable[[str], Page]) -> Callable[..., Page]:
    """Return what reads a page, and fails if it is not one: well formed, safe, honest, not too large.

    ``document`` is what must stand in it as JSON.
    """

    def check(path: Path, document: dict[str, Any], most_bytes: int = 2_000_000) -> Page:
        html = path.read_text(encoding="utf-8")
        page = read_page(html)  # every element ends where it should
        assert len(html.encode()) < most_bytes
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", html)
        _check_safe(page)
        _check_references(page)
        for table in page.all("table"):
            _check_table(table)
        for text in _shown(page):
            assert not re.search(r"(?<![\w.-])(nan|NaN|None(?! of)|-?inf|Infinity|(?<!is )undefined)(?![\w-])", text)
        for element in page.root.inside():
            if _own_text(element) in {"–", "AP –"}:
                assert any(around.get("title") for around in _around(element)), element.parent.text[:200]
        _check_embedded(page, document)
        return page

    return check


def _check_safe(page: Page) -> None:
    """Look for anything that runs beside the page's own script, that is asked for, or that leads elsewhere."""
    assert page.html.startswith("<!doctype html>")
    scripts = [script.get("type") for script in page.all("script")]
    assert scripts == ["application/json", None]
    assert len(page.all("style")) == len(page.all("link")) == 1
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "iframe", "object", "embed", "base", "form", "b", "foreignobject", "animate", "set"}
    for _, element in page.elements:
        assert not {name for name in element if name.startswith("on")} | (element.keys() & {"style", "src", "action"})
        assert re.match(r"#[a-z]|data:,$|models/[A-Za-z0-9_.-]+/report.html$|https?://", element.get("href") or "#a")


def _check_references(page: Page) -> None:
    """Look for ids that stand twice, and for what leads to none."""
    ids = [element["id"] for _, element in page.elements if "id" in element]
    assert len(ids) == len(set(ids))
    for _, element in page.elements:
        for name in (element.get("aria-labelledby"), (element.get("href") or "").partition("#")[2]):
            assert not name or name in ids, name


def _check_table(table: Element) -> None:
    """Look for a caption, for words and a scope in every heading, and for rows of as many cells."""
    parts = [part for part in table.parts if not isinstance(part, str)]
    assert parts[0].tag == "caption"
    assert parts[0].text
    for heading in table.all("th"):
        assert heading.get("scope") in {"row", "col", "colgroup", "rowgroup"}
        assert heading.text
    below: Counter[int] = Counter()  # rows that cells above reach into
    widths = set()
    for place, row in enumerate(table.all("tr")):
        cells = [cell for cell in row.inside() if cell.tag in {"td", "th"}]
        spans = [(int(cell.get("colspan") or 1), int(cell.get("rowspan") or 1)) for cell in cells]
        for across, down in spans:
            below.update(dict.fromkeys(range(place + 1, place + down), across))
        widths.add(sum(across for across, _ in spans) + below[place])
    assert len(widths) == 1, f"rows of {widths} cells: {parts[0].text}"


def _shown(page: Page) -> Iterator[str]:
    yield page.text
    for _, element in page.elements:
        yield from (element.get(name) or "" for name in ("title", "aria-label", "alt", "placeholder"))


def _own_text(element: Element) -> str:
    return "".join(part for part in element.parts if isinstance(part, str)).strip()


def _around(element: Element | None) -> Iterator[Element]:
    while element is not None:
        yield element
        element = element.parent


def _check_embedded(page: Page, document: dict[str, Any]) -> None:
    """Look for the document in the page, without its categories where they are very many, and that is said."""
    text = next("".join(map(str, script.parts)) for script in page.all("script") if script.get("id") == "result")
    found = json.loads(text)
    if "without the numbers of categories" in page.text:
        document = document | {"entries": [entry | {"categories": {}} for entry in document["entries"]]}
    assert found == document


@pytest.fixture(scope="session")
def same_numbers() -> Callable[[Page, dict[str, Any]], None]:
    """Return what holds the numbers of a leaderboard against the standings they are of."""
    return _check_numbers


def _check_numbers(page: Page, standings: dict[str, Any]) -> None:
    listed = [entry for entry in standings["entries"] if entry["status"] in {"ranked", "unranked"}]
    tables = page.all("table", "leaderboard")
    if not listed:
        assert not tables
        return
    rows = [row for row in tables[0].all("tr") if row.all("td") and row.all("th") and row.get("class") != "origins"]
    assert len(rows) == len(listed)
    for row, entry in zip(rows, listed, strict=True):
        for cell in row.all("td"):
            value = _value(entry, cell["data-name"] or "")
            if value is None:
                assert (cell["data-value"], cell.text[:1]) == ("", "–")
                assert cell["title"]
            else:
                assert float(cell["data-value"] or "nan") == pytest.approx(value, rel=1e-8)
            if value is not None and cell["data-name"] in entry["metrics"]:
                assert cell.text.startswith(f"{value:.3f}")


def _value(entry: dict[str, Any], heading: str) -> float | None:
    """Return what an entry has under a heading."""
    if heading == "rank":
        return entry["rank"]  # type: ignore[no-any-return]
    if heading == "ranks":
        return entry["rank_interval"] and entry["rank_interval"][0]  # type: ignore[no-any-return]
    if heading in {"median ms", "p90 ms", "FPS"}:
        speed = entry["speed"] or {"median_ms": None, "p90_ms": None, "fps": None}
        return speed[heading.lower().replace(" ", "_")]  # type: ignore[no-any-return]
    if heading == "parameters":
        return (entry["card"] or {}).get("parameters")  # type: ignore[no-any-return]
    name = re.sub("^recall@", "proposal_recall50@", heading)
    known = {key.replace("_", " "): key for key in entry["metrics"]}
    return entry["metrics"].get(known.get(name, name))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def same_result() -> Callable[[Page, dict[str, Any]], None]:
    """Return what holds the numbers of the page of a result against the result."""
    return _check_result


def _check_result(page: Page, result: dict[str, Any]) -> None:
    rows = page.all("table", "metrics")[0].all("tr")[1:]
    found = {row.all("th")[0].text: row.all("td", "value")[0].text for row in rows}
    assert found == {name: "–" if v is None else f"{v:.3f}" for name, v in result["metrics"].items()}
    tables = page.all("table", "categories")
    shown = Counter(cell.text for row in tables[0].all("tr")[1:] for cell in row.all("td", "count")) if tables else {}
    counts = ("ground_truths", "ignored", "predictions")
    assert shown == Counter(f"{each[name]:,}" for each in result["per_category"] for name in counts)
