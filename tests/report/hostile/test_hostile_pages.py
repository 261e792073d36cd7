"""Names that are markup, endless, invisible or turned round, and sets that are empty, single or huge: correct pages."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.timing.prediction_times import PredictionTimes, frames_per_second, stage_times
from detbench.words import NAMELESS, brief

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection
    from pathlib import Path

    from conftest import Browser, Page

    Correct = Callable[..., Page]
    Same = Callable[[Page, dict[str, Any]], None]

#: What ends a quotation, an element or a comment, starts a script, or is obeyed by a template, a terminal or TeX.
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "</style></title>{{7*7}}{% raw %}",
    "]]><!-- --!>",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "' onmouseover='alert(1)",
    "$x^2$ \\frac{",
    "🚗🏳️\u200d🌈",
)

#: What a card may not say; data may be called so.
ODD = (
    "../../../etc/passwd",
    "x" * 10_000,
    "line\nbreak\r\nand\ttab",
    "\u202eright to left\u202c",
    "bell\x07escape\x1b[31mdelete\x7f\x80",
    "   ",
    "\u200b",
    "",
)
HOSTILE = (*MARKUP, *ODD)
PLAIN = tuple(f"plain {place}" for place in range(len(HOSTILE)))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A ground truth and submissions on it; ``sections`` are those of its leaderboard between the first and the last.

    Models find the same objects, each a little further off, but ``equal`` ones and those that found nothing
    (``empty``); some bring times or proposals. ``returns`` is the exit status; ``says`` stands in the page.
    """

    categories: tuple[str, ...] = ("car", "person")
    images: int = 4
    objects: int = 2
    models: int = 2
    equal: bool = False
    empty: Collection[int] = ()
    timed: Collection[int] = ()
    proposing: Collection[int] = ()
    broken: bool = False
    options: tuple[str, ...] = ()
    sections: str = "curves categories errors gallery"
    returns: int = 0
    says: tuple[str, ...] = ()
    most_bytes: int = 2_000_000


def truth(folder: Path, case: Case, split: str = "val", file_names: Collection[str] = ()) -> list[dict[str, Any]]:
    """Write a ground truth in COCO's format, and return predictions that find all of it."""
    names = [*file_names, *(f"{image}.jpg" for image in range(case.images))][: case.images]
    rows = [
        {
            "image_id": image + 1,
            "category_id": (image * case.objects + place) % max(len(case.categories), 1) + 1,
            "bbox": [20 + 60 * place, 30 + 10 * image, 40, 40],
        }
        for image in range(case.images)
        for place in range(case.objects)
    ]
    document = {
        "images": [{"id": row + 1, "file_name": name, "width": 640, "height": 480} for row, name in enumerate(names)],
        "annotations": [row | {"id": number + 1, "area": 1600, "iscrowd": 0} for number, row in enumerate(rows)],
        "categories": [{"id": row + 1, "name": name} for row, name in enumerate(case.categories)],
    }
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(document), encoding="utf-8")
    return [row | {"score": 0.9 - 0.001 * (number % 500)} for number, row in enumerate(rows)]


def moved(rows: list[dict[str, Any]], right_px: float) -> list[dict[str, Any]]:
    """Return predictions that lie so far to the right."""
    return [row | {"bbox": [row["bbox"][0] + right_px, *row["bbox"][1:]]} for row in rows]


def times(millis: float, **said: str) -> bytes:
    """Return a ``timing.json`` of 20 pictures."""
    parts = {"decode": 0.1, "pre_processing": 0.1, "forward": 0.7, "post_processing": 0.1}
    taken = [millis * (1 + 0.01 * picture) for picture in range(20)]
    stages = stage_times({stage: [share * each for each in taken] for stage, share in parts.items()})  # type: ignore[misc]
    about = {"model": "m", "adapter": "ours", "device": "cpu", "processor": "a processor", "clock": "a clock"} | said
    document = PredictionTimes(
        detbench="0.1.0",
        environment={},
        threads=2,
        thread_settings={},
        batch_size=1,
        images=20,
        warm_up=1,
        samples_left_out=0,
        fps=frames_per_second(stages["total"]),
        stages=stages,
        **about,
    )
    return msgspec.json.encode(document)


def submit(folder: Path, predictions: object, card: dict[str, object] | None = None, **files: object) -> None:
    """Write a submission; ``timing`` and ``proposals`` are other files of it."""
    folder.mkdir(parents=True)
    (folder / "predictions.json").write_text(json.dumps(predictions))
    if card:
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in card.items()]
        (folder / "model.toml").write_text("\n".join(lines), encoding="utf-8")
    for name, data in files.items():
        if data is not None:
            (folder / f"{name}.json").write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())


class Board:
    """A leaderboard that was written, and the page of its models made again by ``detbench report``."""

    def __init__(self, root: Path, detbench: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        self.root, self.detbench, self.folder = root, detbench, root / "board"

    def make(self, case: Case, *options: object, returns: int = 0) -> Board:
        """Write the case's files, and rank them."""
        rows = truth(self.root / "truth", case)
        for model in range(case.models):
            far_px = 0 if case.equal else 3 * model
            submit(
                self.root / "models" / f"model {model}",
                [] if model in case.empty else moved(rows, far_px),
                timing=times(5 + model) if model in case.timed else None,
                proposals=moved(rows, far_px) if model in case.proposing else None,
            )
        if case.broken:
            submit(self.root / "models" / "cut <b>", "no predictions")
        return self.rank("-g", self.root / "truth", *case.options, *options, returns=case.returns or returns)

    def rank(self, *options: object, returns: int = 0) -> Board:
        """Rank the folder of models; a hundred resamples, if predictions are evaluated."""
        drawn = ("--resamples", 100) if "-g" in options else ()
        done = self.detbench("leaderboard", self.root / "models", "-o", self.folder, *drawn, *options)
        assert done.returncode == returns, done.stderr
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        self.said = done.stderr
        return self

    def results(self) -> list[Path]:
        """Return the folders of results, the best first."""
        return [
            self.folder / "models" / path.name
            for path in sorted((self.folder / "models").iterdir(), key=lambda path: path.name)
        ]

    def report(self, *results: Path, page: str = "again") -> Path:
        """Return the page of one result, or of several, as ``detbench report`` writes it."""
        target = self.root / page if len(results) > 1 else self.root / f"{page}.html"
        done = self.detbench("report", *results, "-o", target)
        assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
        return target / "index.html" if len(results) > 1 else target

    @property
    def standings(self) -> dict[str, Any]:
        """The standings beside the page."""
        found: dict[str, Any] = json.loads((self.folder / "standings.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def board(tmp_path: Path, detbench: Callable[..., subprocess.CompletedProcess[str]]) -> Board:
    """Return a leaderboard to be made."""
    return Board(tmp_path, detbench)


def _hostile(board: Board, names: tuple[str, ...]) -> Board:
    """Rank models that are called so, on data where everything is called so, and show mistakes in its pictures."""
    case = Case(categories=names[::-1], images=12, objects=6)  # the first 15 have a row of confusions
    data = board.root / _in_path(names[0])
    rows = truth(data, case, _in_path(names[1]), [f"{_in_path(name)}.jpg" for name in names])
    protocol = board.root / "protocol.toml"
    protocol.write_text(f'base = "coco"\nname = {json.dumps(names[2])}', encoding="utf-8")
    for place, name in enumerate(names[:6]):
        card = {
            "name": name,
            "authors": [name, "another"],
            "training_data": [name],
            "notes": f"{name}\n{names[6]}",
            "link": "https://example.org/",
            "parameters": 10**place,
        }
        said = {"processor": name[:90], "device": name, "model": name}
        timing = times(5 + place, **said) if place in {1, 2} else None
        folder = board.root / "models" / f"{place} {_in_path(name)}"
        proposals = rows if place == 1 else None
        submit(folder, moved(rows, 2.5 * place), card, timing=timing, proposals=proposals)
    split = _in_path(names[1])
    return board.rank("-g", data, "--split", split, "-p", protocol, "--count-threshold", "0.5", "--pictures", data)


def _in_path(name: str) -> str:
    """Return as much of a name as a folder can be called."""
    return re.sub("[/:]", "|", name)[:60]


def _named(name: str, limit: int) -> str:
    """Return how a name reads in a page."""
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        return NAMELESS
    return " ".join(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", brief(name, limit)).split())


def test_hostile_names_are_text(board: Board, correct: Correct, same_numbers: Same, same_result: Same) -> None:
    """In the page of the leaderboard and in that of a result names are shown, and nothing in them is obeyed."""
    standings = _hostile(board, HOSTILE).standings
    page = correct(board.folder / "index.html", standings)
    same_numbers(page, standings)
    heat = page.all("table", "heat")[0]
    assert sorted(row[0] for row in heat.rows[2:]) == sorted(_named(name, 60) for name in HOSTILE)
    assert [row.all("bdi")[0].text for row in page.all("table", "leaderboard")[0].all("tr")[2:]] == list(HOSTILE[:6])
    for name in HOSTILE[:6]:
        assert name in page.row(name)[0]
    kicker = page.all("p", "kicker")[0].text
    assert _in_path(HOSTILE[0]) in kicker
    assert HOSTILE[1] in kicker
    assert HOSTILE[2] in kicker
    shots = next(section for section in page.all("section") if section["aria-labelledby"] == "gallery")
    assert len({_in_path(name) for name in MARKUP} & {bdi.text.removesuffix(".jpg") for bdi in shots.all("bdi")}) > 1
    links = {link.get("href") for link in page.all("a")} - {None}
    assert {link for link in links if not link.startswith(("#", "models/"))} == {"https://example.org/"}
    result = board.results()[0]
    document = json.loads((result / "result.json").read_text(encoding="utf-8"))
    page = correct(board.report(result), document)
    same_result(page, document)
    assert sorted(row[0] for row in page.all("table", "categories")[0].rows[1:]) == sorted(
        _named(name, 300) for name in HOSTILE
    )


@pytest.mark.slow
def test_hostile_names_make_no_element(board: Board, read_page: Callable[[str], Page], tmp_path: Path) -> None:
    """A page of names that are markup has the elements and attributes of the same page with plain names, one by one."""
    plain = Board(tmp_path / "plain", board.detbench)
    tame = ("plain", "val", "rules", *(f"name {place}" for place in range(len(MARKUP) - 3)))
    found = []
    for made, names in ((_hostile(board, MARKUP), MARKUP), (_hostile(plain, tame), tame)):
        page = read_page((made.folder / "index.html").read_text(encoding="utf-8"))
        drawn = {id(element) for svg in page.all("svg") for element in svg.inside()}  # a long name may have no room
        rest = [(tag, *sorted(element)) for tag, element in page.elements if id(element) not in drawn]
        found.append(Counter(rest))
        assert len(page.all("bdi")) > 10 * len(names)
    assert found[0] == found[1]


#: What any result says in words, which its makers may have written: all but what detbench counts by or checks.
_WORDS = (
    "name",
    "detbench",
    "source",
    "split",
    "message",
    "code",
    "severity",
    "interval_method",
    "processor",
    "device",
)


def _said(found: Any, text: str) -> None:
    """Put a text wherever a result has words of its makers'."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(value, dict | list):
            _said(value, text)
        elif isinstance(value, str) and key in _WORDS and value not in {"given", "tuned"}:
            found[key] = text


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "\x00\x1b[2J\x9f", "x" * 10_000, " "])
def test_a_result_may_say_anything(
    board: Board, correct: Correct, same_numbers: Same, same_result: Same, text: str
) -> None:
    """A result.json whose every name is hostile is refused in a row that says why, or its pages are correct."""
    made = board.make(Case(timed=[0], proposing=[0], models=1, options=("--count-threshold", "0.5")))
    (given,) = made.results()
    document = json.loads((given / "result.json").read_text(encoding="utf-8"))
    ranges = [group["name"] for group in document["counting"]["by_density"]]
    _said(document, text)
    for group, name in zip(document["counting"]["by_density"], ranges, strict=True):
        group["name"] = name
    document["environment"] = {text or "key": text}
    (given / "result.json").write_text(json.dumps(document), encoding="utf-8")
    page = correct(board.report(given), document)
    same_result(page, document)
    assert _named(text, 80) in page.all("h1")[0].text
    (given / "draws.npz").unlink()  # they are those of another result now
    twin = shutil.copytree(given, board.root / "twin")
    page_of_two = board.report(given, twin)
    standings = json.loads((page_of_two.parent / "standings.json").read_text(encoding="utf-8"))
    same_numbers(correct(page_of_two, standings), standings)


_CANNOT_BE: tuple[tuple[str, dict[str, str]], ...] = (
    ("by_density", {"name": "\x00$\\frac{"}),
    ("threshold", {"source": "elsewhere"}),
    ("threshold", {"source": "tuned"}),
)


def test_a_result_that_cannot_be_is_a_row(board: Board, correct: Correct) -> None:
    """A part that no page can show is refused with its reason, and the others are ranked."""
    made = board.make(Case(models=4, options=("--count-threshold", "0.5")))
    ranked = Board(board.root / "ranked", board.detbench)
    (ranked.root / "models").mkdir(parents=True)
    for given, (part, changes) in zip(made.results(), [("name", {}), *_CANNOT_BE], strict=True):
        document = json.loads((given / "result.json").read_text(encoding="utf-8"))
        found = document["counting"].get(part, {})
        (found[0] if isinstance(found, list) else found).update(changes)
        (given / "result.json").write_text(json.dumps(document), encoding="utf-8")
        given.rename(ranked.root / "models" / given.name)
    page = correct(ranked.rank(returns=1).folder / "index.html", ranked.standings)
    reasons = [row[1] for row in page.all("table", "others")[0].rows[1:]]
    assert "is no range of counts" in reasons[0]
    assert all("it is not said where the threshold of the counts comes from" in reason for reason in reasons[1:])
    assert [entry["status"] for entry in ranked.standings["entries"]] == ["ranked", *["broken"] * 3]


_TIMED = {"timed": range(12), "proposing": range(12)}

CASES = {
    "nothing found by one": Case(empty=[1]),
    "nothing found by all": Case(empty=[0, 1], says=("none finds anything that counts",)),
    "nothing found, and counted": Case(
        empty=[0, 1],
        options=("--count-threshold", "0.5"),
        sections="curves categories errors counting gallery",
    ),
    "nothing found by the only one": Case(models=1, empty=[0], says=("model 0 reaches AP 0.000",)),
    "one image": Case(images=1, says=("Measured on 1 image with 2 ground truths of 2 categories",)),
    "one category": Case(categories=("car",), says=("of 1 category",)),
    "one object": Case(
        categories=("car",),
        images=1,
        objects=1,
        options=("--count-threshold", "0.5"),
        sections="curves categories errors counting gallery",
        says=("Measured on 1 image with 1 ground truth of 1 category",),
    ),
    "no ground truth": Case(
        objects=0, sections="categories errors gallery", returns=2, says=("No model is ranked: 2 models have no AP.",)
    ),
    "no ground truth, one model": Case(
        objects=0,
        models=1,
        sections="categories errors gallery",
        says=("model 0 has no AP: there is no ground truth to be found.",),
    ),
    "no ground truth, times and proposals": Case(
        objects=0,
        timed=[0],
        proposing=[0],
        options=("--count-threshold", "0.5"),
        sections="speed categories proposals errors gallery",
        returns=2,
    ),
    "no categories": Case(categories=(), objects=0, sections="errors gallery", returns=2),
    "400 categories": Case(
        categories=tuple(f"kind {place}" for place in range(400)), images=20, objects=20, most_bytes=3_000_000
    ),
    "400 hostile categories": Case(
        categories=tuple(f"{HOSTILE[place % len(HOSTILE)]} {place}" for place in range(400)),
        images=20,
        objects=20,
        most_bytes=3_000_000,
    ),
    "400 endless categories": Case(
        categories=tuple(f"{place} {'x' * 10_000}" for place in range(400)),
        images=20,
        objects=20,
        most_bytes=3_000_000,
    ),
    "times of some": Case(
        models=3,
        timed=[1],
        sections="speed curves categories errors gallery",
        says=("No times came with model 0 and model 2.",),
    ),
    "times of all": Case(timed=[0, 1], sections="speed curves categories errors gallery"),
    "proposals of some": Case(
        models=3,
        proposing=[1],
        sections="curves categories proposals errors gallery",
        says=("No proposals came with model 0 and model 2.",),
    ),
    "proposals of all": Case(proposing=[0, 1], sections="curves categories proposals errors gallery"),
    "one model": Case(
        models=1, **_TIMED, sections="speed curves categories proposals errors gallery", says=("It is the only model",)
    ),
    "two equal models": Case(
        equal=True, says=("model 0 and model 1 share the lead", "The predictions are the same: model 0, model 1.")
    ),
    "twelve models": Case(
        models=12,
        timed=range(0, 12, 2),
        proposing=range(12),
        sections="speed curves categories proposals errors gallery",
        says=("The figures below show the first 8 of 12 models; all are in the table.",),
    ),
    "a broken folder": Case(broken=True, returns=1, says=("Broken: what could not be evaluated, and why.",)),
}
_QUICK = ("nothing found, and counted", "one object", "no ground truth, times and proposals")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in _QUICK else pytest.mark.slow) for name in CASES]
)
def test_an_odd_set_has_a_correct_page(
    board: Board, correct: Correct, same_numbers: Same, same_result: Same, name: str
) -> None:
    """A leaderboard and its reports have the sections that there is something for, their numbers and their reasons."""
    case = CASES[name]
    standings = board.make(case).standings
    page = correct(board.folder / "index.html", standings, case.most_bytes)
    same_numbers(page, standings)
    assert _sections(page) == ["standing", *case.sections.split(), "remarks", "measured", "cite", "words"]
    for text in case.says:
        assert text in page.text.replace("\N{NO-BREAK SPACE}", " ")
    results = board.results()
    if len(results) > 1:
        again = board.report(*results)
        correct(again, json.loads((again.parent / "standings.json").read_text(encoding="utf-8")), case.most_bytes)
    for result in results[:: max(len(results) - 1, 1)]:
        document = json.loads((result / "result.json").read_text(encoding="utf-8"))
        endless = 40_000_000 if name == "400 endless categories" else 0  # the whole result stands in its page
        page = correct(board.report(result, page=result.name), document, endless or case.most_bytes)
        same_result(page, document)
        speed = ["speed"] if document.get("timing") else []
        parts = [part for part in case.sections.split() if part in {"errors", "counting"}]
        parts += ["proposals"] if document.get("proposals") else []
        shown = {"numbers", "curves", "categories", "gallery", "remarks", "measured", "cite", "words", *parts, *speed}
        assert set(_sections(page)) == shown


def _sections(page: Page) -> list[str | None]:
    return [section["aria-labelledby"] for section in page.all("section")]


@pytest.mark.slow
def test_what_was_measured_otherwise_stands_apart(board: Board, correct: Correct, same_numbers: Same) -> None:
    """With --allow-mixed results on other data are named below the table, with what they were measured on."""
    board.make(Case())
    other = Board(board.root / "other", board.detbench).make(Case(categories=HOSTILE, models=1))
    mixed = Board(board.root / "mixed", board.detbench)
    mixed.root.mkdir()
    for one in (board, other):
        for result in one.results():
            (mixed.root / "models").mkdir(exist_ok=True)
            result.rename(mixed.root / "models" / f"{one.root.name} {result.name}")
    mixed.rank("--allow-mixed")
    page = correct(mixed.folder / "index.html", mixed.standings)
    same_numbers(page, mixed.standings)
    (apart,) = page.all("table", "others")
    assert apart.rows[1][0].startswith("model 0")
    assert apart.rows[1][2].startswith("it was measured on truth (")


_WORST = ("nothing found by all", "one object", "no ground truth, times and proposals", "400 hostile categories")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*_WORST, "hostile names"])
def test_a_browser_has_no_complaint(board: Board, browser: Browser, name: str) -> None:
    """The console is clean, nothing but the page is asked for, no script of a name runs, no phone scrolls sideways."""
    made = _hostile(board, HOSTILE) if name == "hostile names" else board.make(CASES[name])
    for page in (made.folder / "index.html", made.report(made.results()[0])):
        for width_px, dark in ((390, False), (390, True), (1280, False)):
            browser.open(page, width_px=width_px, dark=dark)
            assert browser.complaints() == []
            assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]
            assert browser.run("document.documentElement.scrollWidth") <= width_px
        assert browser.run("document.scripts.length") == 2
        assert browser.run("document.querySelectorAll('img, iframe, [onerror], [onmouseover]').length") == 0
