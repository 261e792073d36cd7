"""The page of a result, and its tables on a terminal."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console

from detbench.evaluation.document import CategoryResult, Document, Remark
from detbench.evaluation.results import Result
from detbench.report.glossary import explain
from detbench.report.pages import render_report, write_report
from detbench.report.terminal import category_table, metrics_table

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Page

    Read = Callable[[str], Page]

HOSTILE = ("<script>alert(1)</script>", "ab" * 150, "מכונית", "🚗🚙", "$x^2$", "</style>", "a&b\"c'", "{{ 7 * 7 }}")


def _embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="result">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_opens_with_the_headline_number_and_its_interval(
    make_result: Callable[..., Result], read_page: Read
) -> None:
    """The first sentence says what was measured, on what, and the number with its interval."""
    page = read_page(render_report(make_result()))
    assert (
        "a-detector reaches an average precision (AP, mean over IoU 0.50 to 0.95) of 0.300 [0.280, 0.330] "
        "on streets (val), 80 images with 60 ground truths of 3 categories."
    ) in page.text


def test_the_same_result_gives_the_same_bytes(make_result: Callable[..., Result]) -> None:
    """A page holds no time, no path and no random id."""
    assert render_report(make_result()) == render_report(make_result())


def test_the_user_s_own_plot_settings_change_nothing(make_result: Callable[..., Result]) -> None:
    """A matplotlibrc with other fonts, grids and colours gives the same page."""
    import matplotlib as mpl

    plain = render_report(make_result())
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path", "xtick.labelsize": 3}):
        assert render_report(make_result()) == plain


def test_every_number_of_the_result_is_shown(make_result: Callable[..., Result], read_page: Read) -> None:
    """Each metric stands in the table with its interval and an explanation."""
    result = make_result()
    text = read_page(render_report(result)).text
    for name, value in result.metrics.items():
        low, high = result.intervals[name]
        words = explain(name, result.metrics, result.protocol).short
        assert re.search(rf"\b{name} {re.escape(words)} {value:.3f} \[{low:.3f}, ", text)
        assert f"{high:.3f}]" in text


def test_the_policy_names_the_page_s_own_style_and_script_and_nothing_else(
    make_result: Callable[..., Result], read_page: Read
) -> None:
    """The hashes of the content policy are those of the two inline blocks; there is no inline style attribute."""
    page = render_report(make_result())
    policy = read_page(page).all("meta")[1]["content"] or ""
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not any("style" in attributes for _, attributes in read_page(page).elements)


def test_the_page_asks_the_network_for_nothing(make_result: Callable[..., Result], read_page: Read) -> None:
    """No element of the page has an address outside it."""
    page = read_page(render_report(make_result()))
    addresses = [v for _, attributes in page.elements for n, v in attributes.items() if n in {"src", "href", "action"}]
    assert addresses == ["data:,"]


def test_ids_are_unique(make_result: Callable[..., Result], read_page: Read) -> None:
    """Twelve figures in one page share no id."""
    page = read_page(render_report(make_result(names=tuple(f"kind {place}" for place in range(15)))))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text(make_result: Callable[..., Result], read_page: Read) -> None:
    """Names that look like markup, formulas or templates are shown as they are, everywhere."""
    result = make_result(
        names=HOSTILE,
        name=HOSTILE[0],
        protocol={"name": HOSTILE[0], HOSTILE[5]: HOSTILE[0]},
        environment={HOSTILE[0]: HOSTILE[5]},
        remarks=[Remark(code=HOSTILE[0], severity=HOSTILE[6], message=HOSTILE[5])],
        metrics={"AP": None, HOSTILE[0]: 0.5},
        reasons={"AP": HOSTILE[0]},
    )
    page = render_report(result)
    read = read_page(page)
    assert len(read.all("script")) == 2
    assert len(read.all("style")) == 1
    for name in HOSTILE:
        assert name in read.text
    assert msgspec.convert(_embedded(page), Document) == result.document


def test_the_embedded_result_reads_back(make_result: Callable[..., Result]) -> None:
    """The JSON in the page is the result, number by number."""
    result = make_result(names=("\u2028<!--<script>", "--></script>"))
    page = render_report(result)
    assert msgspec.convert(_embedded(page), Document) == result.document
    assert not set("<>&\u2028") & set(page.split('id="result">')[1].split("</script>")[0])


def test_undefined_numbers_have_a_dash_and_a_reason(empty_result: Result, read_page: Read) -> None:
    """Without ground truth there is no number, no curve and no −1: the page says why."""
    page = read_page(render_report(empty_result))
    assert "a-detector has no AP on streets (val)" in page.text
    assert page.text.count("no ground truth of any category") >= len(empty_result.metrics)
    assert "There is no curve to draw" in page.text
    assert "-1" not in page.text
    assert not [attributes for attributes in page.all("path") if "curve" in (attributes.get("class") or "")]


def test_one_category_is_not_drawn_twice(make_result: Callable[..., Result], read_page: Read) -> None:
    """With one category the mean curve is its curve; small figures start at two."""
    assert not read_page(render_report(make_result(names=("car",)))).all("figure")
    assert len(read_page(render_report(make_result(names=("car", "bus")))).all("figure")) == 2


@pytest.mark.parametrize("count", [80, 400])
def test_many_categories_stand_in_the_table_and_twelve_are_drawn(
    make_result: Callable[..., Result], count: int, read_page: Read
) -> None:
    """However many categories: a row each, and small figures of the twelve with most ground truths."""
    result = make_result(names=tuple(f"kind {place}" for place in range(count)))
    page = read_page(render_report(result))
    assert len(page.all("figure")) == 12
    assert f"The 12 of {count} categories with the most ground truths" in page.text
    assert all(f"kind {place} " in page.text for place in range(count))


def test_a_result_without_predictions_is_zero_not_missing(make_result: Callable[..., Result], read_page: Read) -> None:
    """Zero predictions give zeros, with their curves lying on the axis."""
    result = make_result(metrics={"AP": 0.0}, intervals={"AP": (0.0, 0.0)})
    facts = msgspec.structs.replace(result.predictions, predictions=0, images=0)
    flat = msgspec.structs.replace(
        result.curves, mean={"0.50": [0.0] * 101}, by_category=[[0.0] * 101] * len(result.per_category)
    )
    page = read_page(render_report(Result(msgspec.structs.replace(result.document, predictions=facts, curves=flat))))
    assert "0.000 [0.000, 0.000]" in page.text
    assert "0 of 80" in page.text


def test_a_protocol_s_own_columns_are_shown_where_there_is_no_ap(
    make_result: Callable[..., Result], read_page: Read
) -> None:
    """A protocol of other metrics gets its own columns and its own words."""
    category = CategoryResult(
        name="car", ground_truths=4, ignored=0, predictions=9, metrics={"recall@300": 0.5}, intervals={}, reasons={}
    )
    page = read_page(render_report(make_result(metrics={"recall@300": 0.5}, per_category=[category])))
    assert "recall at 300" in page.text
    assert "a-detector reaches a recall@300 of 0.500" in page.text


def test_tables_have_captions_and_scopes(make_result: Callable[..., Result], read_page: Read) -> None:
    """Every table says what it is, and every heading what it heads."""
    page = read_page(render_report(make_result()))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))


def test_remarks_are_sentences_in_the_result_s_order(make_result: Callable[..., Result], read_page: Read) -> None:
    """A remark's clause is read as a sentence, with its severity before it and its code behind it."""
    remarks = [Remark(code=f"code-{s}", severity=s, message=f"this is of severity {s}") for s in ("warning", "note")]
    text = read_page(render_report(make_result(remarks=remarks))).text
    assert "warning This is of severity warning. code-warning note This is of severity note. code-note" in text


def test_a_real_result_is_reported(real_result: Result, tmp_path: Path, read_page: Read) -> None:
    """YOLOX-nano on 80 COCO images: pycocotools' AP stands in the page."""
    write_report(real_result, tmp_path / "report.html")
    text = read_page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "an average precision (AP, mean over IoU 0.50 to 0.95) of 0.296 on coco_tiny (val2017), 80 images" in text
    assert "The 12 of 80 categories" in text


def _printed(table: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_terminal_tables_fit_80_columns(make_result: Callable[..., Result]) -> None:
    """Long names are cut with an ellipsis; a number never is."""
    result = make_result(names=HOSTILE)
    for table in (metrics_table(result), category_table(result)):
        assert all(len(line) <= 80 for line in _printed(table, 80))
    lines = _printed(category_table(result), 80)
    assert len(lines) == len(HOSTILE) + 3
    assert all(re.search(r"\d\.\d{3}$", line) for line in lines[3:])
    assert any("abab…" in line for line in lines)


def test_terminal_tables_are_sorted_and_say_what_is_left_out(make_result: Callable[..., Result]) -> None:
    """The best category comes first, and a limit counts the rest."""
    lines = _printed(category_table(make_result(names=tuple("abcdefgh")), limit=3), 80)
    scores = [float(line.split()[4]) for line in lines[3:6]]
    assert scores == sorted(scores, reverse=True)
    assert lines[6] == "and 5 categories more"


def test_terminal_text_moves_no_cursor(make_result: Callable[..., Result]) -> None:
    """A name with escape codes or markup is shown, not obeyed."""
    lines = "\n".join(_printed(category_table(make_result(names=("\x1b[31mred\x07", "[bold]b[/bold]"))), 80))
    assert "\x1b" not in lines
    assert "\x07" not in lines
    assert "[bold]b[/bold]" in lines


def test_the_terminal_says_why_a_number_is_undefined(empty_result: Result) -> None:
    """A dash, and the reason beside it."""
    lines = _printed(metrics_table(empty_result), 80)
    assert re.fullmatch(r"AP +– +undefined: no ground truth of any category *", lines[2])
    assert _printed(category_table(empty_result), 80)[-1].split() == ["car", "0", "0", "0", "–"]


@pytest.mark.parametrize(
    ("name", "overall", "words"),
    [
        ("AP", {"AP": 1}, "average precision, mean over IoU 0.50 to 0.95"),
        ("AP", {"mAP": 1}, "average precision of the category"),
        ("AP85", {}, "average precision at IoU 0.85"),
        ("APs", {}, "average precision, small objects"),
        ("AR1", {}, "average recall, up to 1 an image and category"),
        ("AR1000", {}, "average recall, up to 1,000 an image and category"),
        ("ARl", {}, "average recall, large objects"),
        ("AP33.3", {}, "average precision at IoU 0.33"),
        ("recalls", {}, "share of the small ground truths found"),
        ("AR10_by_images", {}, "average recall, up to 10 an image and category, by images"),
        ("recall", {}, "share of the ground truths found at IoU 0.50"),
        ("recall", {"mAP": 1, "recall": 1}, "recall at IoU 0.50, mean over the categories"),
        ("nonsense", {}, "as the protocol defines it"),
    ],
)
def test_names_have_words(name: str, overall: dict[str, object], words: str) -> None:
    """Every metric's name is explained, and an unknown one is said to be the protocol's."""
    assert explain(name, overall).short == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AP", "average precision, mean over IoU 0.30 to 0.60"),
        ("APs", "average precision, little objects"),
        ("recall_xl", "share of the ground truths found, huge objects"),
        ("recall", "share of the ground truths found at IoU 0.30"),
        ("APm", "average precision, medium objects"),
    ],
)
def test_words_follow_the_protocol_s_settings(name: str, words: str) -> None:
    """Thresholds and sizes that are not COCO's are said as they are; COCO's own keep COCO's words."""
    areas = [
        ("all", "", 0.0, 1e10),
        ("little", "s", 0.0, 64.0),
        ("medium", "m", 1024.0, 9216.0),
        ("huge", "_xl", 1e4, 1e5),
    ]
    keys = ("name", "suffix", "low_px", "high_px")
    protocol = {"iou_thresholds": [0.3, 0.6], "areas": [dict(zip(keys, area, strict=True)) for area in areas]}
    assert explain(name, {"AP": 1}, protocol).short == words


@pytest.mark.slow
def test_the_command_writes_a_file_or_into_a_folder(
    detbench: Callable[..., subprocess.CompletedProcess[str]], make_result: Callable[..., Result], tmp_path: Path
) -> None:
    """``-o x.html`` names the page, ``-o folder`` makes the folder and writes report.html into it."""
    result = make_result()
    result.save(tmp_path / "result.json")
    for output, page in (("mine.html", "mine.html"), ("new/folder", "new/folder/report.html")):
        done = detbench("report", "result.json", "-o", output, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"wrote {page}\n")
        assert (tmp_path / page).read_text(encoding="utf-8") == render_report(result)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff", b'{"schema": "detbench.result/1"}', b"[" * 100_000])
def test_a_file_that_is_no_result_is_one_clear_error(
    detbench: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, content: bytes
) -> None:
    """The error names the file, nothing is written, and the exit status is 2."""
    (tmp_path / "bad.json").write_bytes(content)
    done = detbench("report", "bad.json", "-o", "out.html", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: bad.json: is not a detbench result")
    assert "detbench eval" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.html").exists()


def test_a_result_is_never_overwritten_by_its_page(
    detbench: Callable[..., subprocess.CompletedProcess[str]], make_result: Callable[..., Result], tmp_path: Path
) -> None:
    """A result called result.html keeps its bytes."""
    make_result().save(tmp_path / "result.html")
    before = (tmp_path / "result.html").read_bytes()
    done = detbench("report", "result.html", "-o", "result.html", cwd=tmp_path)
    assert done.returncode == 2
    assert "written over the result" in done.stderr
    assert (tmp_path / "result.html").read_bytes() == before


def test_a_small_curve_is_titled_with_its_own_number(shared: Path) -> None:
    """The curves at IoU 0.50 are titled with AP50 under COCO, and with the one AP there is under VOC."""
    from detbench import evaluate

    truth = shared / "coco_tiny/annotations/instances_val2017.json"
    predictions = shared / "predictions/yolox_nano__coco_tiny_val.json"
    for protocol, name in (("coco", "AP50"), ("voc2012", "AP")):
        result = evaluate(truth, predictions, protocol=protocol, intervals=False)
        person = next(category for category in result.per_category if category.name == "person")
        page = render_report(result)
        captions = re.findall(r'<figcaption><bdi class="name">(.*?)</bdi><span class="value">(.*?)</span>', page)
        assert dict(captions)["person"] == f"{name} {person.metrics[name]:.3f}"
