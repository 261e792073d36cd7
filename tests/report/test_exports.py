"""Standings in the forms that other programs take: read back with other people's readers."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.errors import UsageError
from detbench.evaluation.comparison import Difference
from detbench.evaluation.document import DatasetFacts, Remark
from detbench.evaluation.standings.document import Entry, ModelCard, Speed, Standings
from detbench.report.exports.csv_text import csv_text
from detbench.report.exports.flat import json_flat, write_scalars
from detbench.report.exports.latex import latex
from detbench.report.exports.markdown import markdown
from detbench.report.exports.table import Table, leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.results import Result

DATA = DatasetFacts(
    name="streets", format="coco", split="val", fingerprint="1f" * 32, images=80, ground_truths=804, categories=3
)

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b\\|c",
    "line\r\nbreak\tand | more",
    "*bold* _it_ `code` [a](http://x) ![i](y) ~~s~~ $x^2$",
    "@maintainer #1 www.example.org https://example.org",
    "50 % & {x} ^ ~ # \\end{table} \\input{/etc/passwd}",
    "=HYPERLINK('x')",
    "+1",
    "@SUM(A1)",
    '"quoted", with comma',
    "right\u202eto left\u200f",
    "模型 один naïve 🙂",
    "--- ''' ```",
    "x" * 10_000,
]


def entry(name: str, rank: int | None = 1, **changes: Any) -> Entry:
    """Return a ranked entry; keywords replace fields."""
    value = 0.5 - 0.05 * (rank or 9)
    given = Entry(
        name=name,
        source=f"folder-{rank}",
        status="ranked",
        dataset=DATA,
        protocol="coco",
        predictions="ab" * 32,
        metrics={
            "AP": value,
            "AP50": value + 0.123456789012345,
            "APs": None,
            "AR1": 0.2,
            "AR100": 0.6,
            "count_bias": -0.5,
        },
        intervals={"AP": (value - 0.05, value + 0.04)},
        reasons={"APs": "no ground truth is small"},
        rank=rank,
        rank_interval=None if rank is None else (1 if rank < 3 else 3, max(rank, 2)),
        tied_with_leader=rank in {1, 2},
        best=0.5,
    )
    return msgspec.structs.replace(given, **changes)


def table_of(*entries: Entry, **changes: Any) -> Standings:
    """Return standings of entries; keywords replace fields."""
    given = Standings(
        detbench="0.1.0",
        dataset=DATA,
        protocol={"name": "coco", "fingerprint": "2e" * 32},
        metric="AP",
        lower_is_better=False,
        resamples=1000,
        seed=0,
        interval_method="95 % bootstrap over images",
        p_method="two-sided",
        entries=list(entries),
        remarks=[Remark(code="few-images", severity="note", message="few | images")],
    )
    return msgspec.structs.replace(given, **changes)


def speed(machine: str, median_ms: float) -> Speed:
    """Return how fast a model is on a machine."""
    return Speed(
        machine=machine,
        fps=1000 / median_ms,
        fps_interval=None,
        median_ms=median_ms,
        median_interval_ms=(median_ms - 1, median_ms + 1),
        p90_ms=median_ms * 1.5,
    )


BROKEN = entry("torn", None, status="broken", reason="its file is cut | short", dataset=None, protocol=None, metrics={})
APART = entry("other", None, status="apart", reason="it was measured under the protocol voc2012", protocol="voc2012")


def keys(table: Table) -> list[str]:
    """Return the columns' keys."""
    return [column.key for column in table.columns]


def column(table: Table, key: str) -> list[str]:
    """Return a column's texts, the best with a star."""
    place = keys(table).index(key)
    return [row.cells[place].text + "*" * row.cells[place].best for row in table.rows]


def test_the_table_leaves_out_what_nobody_has_and_what_few_ask_for() -> None:
    """No model has small objects, times or parameters; recall at fewer predictions stands in what has everything."""
    table = leaderboard(table_of(entry("a", 1), entry("b", 2)))
    assert keys(table) == ["rank", "rank_interval", "model", "AP", "AP50", "AR100"]
    assert keys(leaderboard(table_of(entry("a")), every=True)) == [
        *("rank", "rank_interval", "model", "AP", "AP50", "AR1", "AR100", "count_bias")
    ]
    assert [cell.text for cell in table.rows[1].cells] == ["2", "1–2", "b", "0.400", "0.523", "0.600"]
    ap = table.rows[1].cells[3]
    assert (ap.value, ap.interval, ap.low) == (0.4, "[0.350, 0.440]", pytest.approx(0.35))
    assert [c.key for c in table.columns if c.is_ranking] == ["AP"]
    assert table.columns[3].origin == "protocol coco"
    assert all(column.meaning for column in table.columns)


def test_what_ranks_stands_first_and_proposals_have_three_columns() -> None:
    """A number that has no column of its own has one where it ranks."""
    names = [f"proposal_{what}@{count}" for count in (100, 300, 1000) for what in ("AR", "recall50")]
    metrics = {"AP": 0.5, "count_GAME1": 2.0, "count_MAE": 1.0} | dict.fromkeys(names, 0.25)
    table = leaderboard(table_of(entry("a", metrics=metrics), metric="count_GAME1", lower_is_better=True))
    recalls = [f"proposal_recall50@{count}" for count in (100, 300, 1000)]
    assert keys(table)[3:] == ["count_GAME1", "AP", *recalls, "count_MAE"]
    assert [c.heading for c in table.columns[3:]] == [
        *("count GAME1", "AP", "recall@100", "recall@300", "recall@1000", "count MAE")
    ]
    assert [c.lower_is_better for c in table.columns[3:5]] == [True, False]


def test_the_best_is_marked_where_models_can_be_compared() -> None:
    """The highest AP, the lowest time of one machine; nothing of times on two machines, of one model, of no end."""
    card = ModelCard(name="a", parameters=5_400_000)
    one = entry("a", 1, speed=speed("one", 40), card=card)
    table = leaderboard(table_of(one, entry("b", 2, speed=speed("one", 9.5))))
    assert column(table, "AP") == ["0.450*", "0.400"]
    assert column(table, "median_ms") == ["40.0", "9.50*"]
    assert column(table, "fps") == ["25.0", "105*"]
    assert column(table, "parameters") == ["5.4 M", "–"]
    two = leaderboard(table_of(one, entry("b", 2, speed=speed("two", 9.5))))
    assert column(two, "median_ms") == ["40.0", "9.50"]
    assert column(leaderboard(table_of(one)), "AP") == ["0.450"]


def test_those_apart_have_cells_and_broken_ones_a_reason() -> None:
    """A number that only a model set apart has makes a column if it is of the same data and protocol."""
    proposals = entry("p", None, status="apart", reason="it has no AP", metrics={"proposal_recall50@100": 0.7})
    table = leaderboard(table_of(entry("a"), proposals, BROKEN))
    assert keys(table)[-1] == "proposal_recall50@100"
    assert [cell.text for cell in table.apart[0].cells] == ["–", "–", "p", "–", "–", "–", "0.700"]
    assert table.broken == [BROKEN]
    others = msgspec.structs.replace(proposals, protocol="voc2012")
    assert keys(leaderboard(table_of(entry("a"), others)))[-1] == "AR100"
    undefined = entry("u", metrics={"AP": None}, intervals={}, reasons={"AP": "there is nothing to find"})
    table = leaderboard(table_of(undefined))
    assert keys(table) == ["rank", "rank_interval", "model", "AP"]
    assert table.rows[0].cells[3].reason == "there is nothing to find"
    only = leaderboard(table_of(BROKEN, APART, dataset=None, protocol=None, metric=""))
    assert only.rows == []
    assert len(only.apart) == 1


@pytest.mark.parametrize("write", [markdown, latex, csv_text])
def test_nothing_ranked_and_nothing_at_all_are_written_too(write: Callable[[Standings], str]) -> None:
    """A page of broken ones, and an empty one."""
    for entries in ([], [BROKEN], [APART, BROKEN]):
        assert write(table_of(*entries, dataset=None, protocol=None, metric="")).strip()


def parsed(text: str) -> tuple[list[list[str]], list[str], set[str]]:
    """Return the rows of a Markdown table, the other paragraphs' text, and the kinds of all inline tokens."""
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    rows: list[list[str]] = []
    others: list[str] = []
    kinds: set[str] = set()
    for token, before in zip(tokens[1:], tokens, strict=False):
        if token.type == "inline":
            kinds |= {child.type for child in token.children}
            shown = "".join(child.content for child in token.children)
            if before.type in {"th_open", "td_open"}:
                rows[-1].append(shown)
            else:
                others.append(shown)
        elif token.type == "tr_open":
            rows.append([])
    return rows, others, kinds


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_any_name_as_it_is(name: str) -> None:
    """A Markdown parser finds one table of so many rows and columns, and in it no link, code or HTML."""
    text = markdown(table_of(entry("a", 1), entry(name, 2), entry(name, None, status="broken", reason=name)))
    rows, others, kinds = parsed(text)
    assert [len(row) for row in rows] == [6, 6, 6]
    assert kinds <= {"text", "text_special", "strong_open", "strong_close"}
    shown = rows[2][2].removesuffix(" †").replace("\u200b", "")
    line = re.sub("[\u202e\u200f]", "\ufffd", " ".join(name.split()))
    assert shown == (line if len(line) <= 80 else line[:79] + "…")
    assert not re.search(r"(?<!\w)@\w|#\w", rows[2][2])
    assert any(shown in other.replace("\u200b", "") for other in others)
    assert re.search(r"https?://|www\.", text) is None


def test_markdown_says_who_is_tied_and_what_is_apart() -> None:
    """The best in bold, ties with a dagger, the interval beside what ranks, reasons in lists."""
    text = markdown(table_of(entry("a", 1), entry("b", 2), entry("c", 3), APART, BROKEN))
    rows, others, _ = parsed(text)
    assert rows[0] == ["rank", "ranks", "model", "AP", "AP50", "AR100"]
    assert rows[1] == ["1", "1–2", "a †", "0.450 [0.400, 0.490]", "0.573", "0.600"]
    assert [row[2] for row in rows[1:]] == ["a †", "b †", "c"]
    assert "**0.450**" in text
    assert others[0] == "3 models on streets, val (80 images), protocol coco, by AP"
    assert "other: it was measured under the protocol voc2012" in others
    assert "torn: its file is cut | short" in others
    assert "note: few | images" in others


def tex_cells(text: str) -> list[list[str]]:
    """Return the rows of the tabular as TeX would split them; fail on anything that TeX would stumble over."""
    depth, rows, cell = 0, [[]], ""
    body = text.partition("\\toprule\n")[2].partition("\\bottomrule")[0].replace("\\midrule\n", "")
    for part in re.findall(r"\\[A-Za-z]+|\\.|[\s\S]", body):
        if part in {"{", "}"}:
            depth += 1 if part == "{" else -1
            assert depth >= 0
        if depth == 0 and part == "&":
            rows[-1].append(cell.strip())
            cell = ""
        elif depth == 0 and part == "\\\\":
            rows[-1].append(cell.strip())
            rows, cell = [*rows, []], ""
        else:
            assert part not in {"%", "#", "~"}, body
            cell += part
    assert depth == 0
    return rows[:-1]


#: Every command that may be in a table.
_COMMANDS = {
    *("\\textbf", "\\scriptsize", "\\dagger", "\\textbackslash", "\\textasciicircum", "\\textasciitilde", "\\textless"),
    *("\\textgreater", "\\textbar", "\\char", "\\times", "\\textsuperscript", "\\detbenchtext"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_latex_escapes_any_name(name: str) -> None:
    """Rows and columns are as many as without it, braces are balanced, and no command is the name's own."""
    rows = tex_cells(latex(table_of(entry("a", 1), entry(name, 2))))
    assert [len(row) for row in rows] == [6, 6, 6]
    found = rows[2][2]
    assert set(re.findall(r"\\[A-Za-z]+", found)) <= _COMMANDS
    assert found.count("$") - found.count("\\$") == 2  # of the dagger
    assert not re.search(r"(?<!\\)[_#%&]|(?<!\$)\^", found)
    if name.isascii() and len(name) <= 60:
        back = found.removesuffix("$^\\dagger$")
        for written, plain in _BACK.items():
            back = back.replace(written, plain)
        assert back == " ".join(name.split())


#: How special characters are written; the backslash last, which begins them all.
_BACK = {
    "-{}": "-",
    "{[}": "[",
    "{]}": "]",
    "\\textasciicircum{}": "^",
    "\\textasciitilde{}": "~",
    "\\textless{}": "<",
    "\\textgreater{}": ">",
    "\\textbar{}": "|",
    "\\char34{}": '"',
    "\\char96{}": "`",
    **{f"\\{c}": c for c in "$&#%_"},
    "\\textbackslash{}": "\0",
    "\\{": "{",
    "\\}": "}",
    "\0": "\\",
}


def test_latex_has_the_best_in_bold_and_ties_marked() -> None:
    """As many letters in the table's head as columns, numbers set right; other scripts behind a switch."""
    text = latex(table_of(entry("a", 1), entry("b_模型", 2), entry("c", 3)))
    assert r"\begin{tabular}{rrlrrr}" in text
    rows = tex_cells(text)
    assert rows[1][2:4] == [r"a$^\dagger$", r"\textbf{0.450} {\scriptsize {[}0.400, 0.490{]}}"]
    assert rows[2][1:3] == ["1--2", r"b\_\detbenchtext{模型}{U+6A21 U+578B}$^\dagger$"]
    assert rows[3][2] == "c"
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    assert r"$^\dagger$may be the best" in text


def test_csv_has_every_model_and_every_number_at_full_precision() -> None:
    """Python's reader gives back the very numbers; what is undefined is empty; lines end in CR LF."""
    behind = Difference(
        model=0.4, baseline=0.45, difference=-0.05, low=-0.1, high=0.01, opposite=0.1, p=0.2, p_holm=0.4,
        verdict="not significant", reason="",
    )  # fmt: skip
    card = ModelCard(name="a", authors=["A", "B"], link="https://example.org", parameters=7, training_data=["coco"])
    given = table_of(
        entry("a", 1, card=card, speed=speed("one", 40)), entry("b", 2, behind=behind), entry("n", 3), APART, BROKEN
    )
    text = csv_text(given)
    assert text.count("\r\n") == text.count("\n") == 6
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["status"] for row in rows] == ["ranked", "ranked", "ranked", "apart", "broken"]
    for row, of in zip(rows, given.entries, strict=True):
        for name, value in of.metrics.items():
            assert (float(row[name]) if row[name] else None) == value
    assert float(rows[0]["AP_low"]) == given.entries[0].intervals["AP"][0]
    assert (rows[1]["behind_difference"], rows[1]["behind_verdict"]) == ("-0.05", "not significant")
    assert (rows[0]["authors"], rows[0]["parameters"], rows[0]["machine"]) == ("A; B", "7", "one")
    assert (rows[0]["tied_with_leader"], rows[2]["tied_with_leader"], rows[4]["tied_with_leader"]) == (
        "true",
        "false",
        "",
    )
    assert rows[4]["reason"] == "its file is cut | short"


@pytest.mark.parametrize("name", HOSTILE)
def test_csv_holds_any_name_and_no_formula(name: str) -> None:
    """A name is one cell again, after an apostrophe where a spreadsheet would compute it."""
    (row,) = csv.DictReader(io.StringIO(csv_text(table_of(entry(name))), newline=""))
    plain = name.replace("\u202e", "\ufffd")
    assert row["model"] in {plain, f"'{plain}"}
    assert row["model"][0] not in "=+-@\t\r"


def test_flat_json_is_each_results_flat_table(make_result: Callable[..., Result]) -> None:
    """Undefined numbers are left out, and any JSON reader takes it."""
    results = {"a": make_result().document, "<b>\u2028": make_result(metrics={"AP": None, "AP50": 0.5}).document}
    found = json.loads(json_flat(results))
    assert found == {name: result.to_flat() for name, result in results.items()}
    assert "AP" not in found["<b>\u2028"]
    assert found["a"]["AP/low"] == results["a"].intervals["AP"][0]


def test_tensorboard_reads_a_loops_results(tmp_path: Path, make_result: Callable[..., Result]) -> None:
    """Each epoch adds a step; an epoch that is measured again replaces its own; the same bytes each time."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    first, second = (make_result(metrics={"AP": value}).document for value in (0.25, 0.5))
    for folder in (tmp_path / "one", tmp_path / "two"):
        for step, result in ((0, second), (1, first), (2, second), (0, first), (1, first), (2, second)):
            write_scalars(folder, result, step=step)
    events = accumulator.EventAccumulator(str(tmp_path / "one")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("AP")] == [(0, 0.25), (1, 0.25), (2, 0.5)]
    assert "category/car/AP" in events.Tags()["scalars"]
    written = [next(folder.iterdir()).read_bytes() for folder in (tmp_path / "one", tmp_path / "two")]
    assert written[0] == written[1]
    with pytest.raises(UsageError, match="steps begin at 0"):
        write_scalars(tmp_path, first, step=-1)
