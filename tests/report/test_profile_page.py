"""The page of a profile, and its tables on a terminal."""

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

from detbench.report.profile_page import render_profile_page, write_profile_page
from detbench.report.profile_tables import compare_profile_tables, profile_tables
from detbench.timing.comparison import compare
from detbench.timing.document import Counterexample, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from conftest import Page

    Maker = Callable[..., Profile]
    Read = Callable[[str], Page]

HOSTILE = ("<script>alert(1)</script>", "ab" * 150, "מכונית", "🚗🚙", "$x^2$", "</style>", "a&b\"c'", "{{ 7 * 7 }}")


def _embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="result">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def _changed(profile: Profile, implementation: str, **changes: Any) -> Profile:
    measurements = [
        msgspec.structs.replace(one, **changes) if one.implementation == implementation else one
        for one in profile.measurements
    ]
    return msgspec.structs.replace(profile, measurements=measurements)


def test_the_page_opens_with_who_is_fastest_and_by_how_much(make_profile: Maker, read_page: Read) -> None:
    """The first sentence names the fastest, its time and its lead over the next; the figure has an interval."""
    text = read_page(render_profile_page(make_profile())).text
    assert re.search(
        r"native runs nms of 50,000 boxes \(clustered 5\) in 15\.\d ms, 9\.\d\d times as fast as the next, "
        r"and answers exactly\.",
        text,
    )
    assert re.search(r"combined_nms over native, interval \[9\.\d\d, 9\.\d\d\]", text)


def test_the_next_is_not_slower_where_the_interval_of_the_ratio_holds_one(make_profile: Maker, read_page: Read) -> None:
    """Two that take the same time are not ranked in words."""
    text = read_page(render_profile_page(make_profile({"one": 1.0, "other": 1.0}))).text
    assert "which is not told apart from the same" in text
    assert re.search(r"o\w+ and o\w+ run nms of 50,000 boxes \(clustered 5\) equally fast", text)


def test_who_was_refused_is_said_in_words_with_the_hint(make_profile: Maker, read_page: Read) -> None:
    """The problem is a sentence, and so is the hint."""
    text = read_page(render_profile_page(make_profile())).text
    assert "Refused, because the answer was not the reference's: mine (nms)." in text
    assert "On an IoU of the threshold exactly: it drops row 1, which the reference keeps." in text
    assert "A box is dropped if its IoU is greater than the threshold, not if it is equal." in text


def test_a_counterexample_of_boxes_is_drawn(make_profile: Maker, read_page: Read) -> None:
    """Each box is drawn once by what becomes of it, with its row and score at its corner."""
    page = read_page(render_profile_page(make_profile()))
    looks = [one["class"] for one in page.all("rect") if one.get("x") not in {None, "2"}]
    assert sorted(looks) == ["box is-both", "box is-both", "box is-extra", "box is-missed"]
    assert "0: 0.9 " in page.text
    assert "kept by the reference only" in page.text


def test_names_of_boxes_that_share_a_corner_stand_apart(make_profile: Maker, read_page: Read) -> None:
    """Each is beside the last, or a line below where the drawing ends: none covers another."""
    box = [[0.0, 0.0, 10.0, 10.0 - row] for row in range(9)] + [[9.9, 0.0, 10.0, 1.0]]
    found = Counterexample(
        case="a corner", problem="it is wrong", hint="", inputs={"box": box, "score": [0.75] * 10}, settings={},
        expected=[0], got=[1],
    )  # fmt: skip
    page = read_page(render_profile_page(_changed(make_profile(), "mine", counterexample=found, status="refused")))
    drawn = [one for one in page.all("text") if (one.get("class") or "").startswith("of-")]
    names = [(float(one["x"] or 0), float(one["y"] or 0)) for one in drawn][:10]
    for place, (x, y) in enumerate(names):
        assert all(abs(x - other) >= 40 or abs(y - below) >= 12 for other, below in names[:place])
    assert len({y for _, y in names}) < 10


@pytest.mark.parametrize(
    "box",
    [
        [[0.0, 0.0, 0.0, 0.0]],
        [[5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 5.0, 9.0]],
        [["inf", 0.0, "nan", 1.0], [0.0, 0.0, 1.0, 1.0]],
        [[0.0, 0.0, 1e300, 1e300], [-1e308, 0.0, 1e308, 1.0]],
        [],
        [[1.0, 2.0, 3.0]],
    ],
)
def test_boxes_that_cannot_be_drawn_are_still_numbers(make_profile: Maker, box: list[Any], read_page: Read) -> None:
    """No area, infinities and empty inputs give a page."""
    found = Counterexample(
        case="odd", problem="it is wrong", hint="", inputs={"box": box, "score": [0.5] * len(box)}, settings={},
        expected=[], got={"shape": [3, 5], "type": "float64", "first": [1.5, "nan"]},
    )  # fmt: skip
    page = read_page(render_profile_page(_changed(make_profile(), "mine", counterexample=found, status="refused")))
    assert "float64, 3 × 5: 1.5, nan, …" in page.text
    assert not [a for _, attributes in page.elements for a in attributes.values() if a in {"nan", "inf"}]


def test_an_answer_with_a_value_for_each_row_stands_beside_the_input(make_profile: Maker, read_page: Read) -> None:
    """Where nothing is kept or dropped, both answers are columns."""
    found = Counterexample(
        case="ties", problem="row 0 is 2, not 1", hint="", inputs={"anchor": [[0.0, 0.0, 1.0, 1.5]]},
        settings={}, expected=[1], got=[2],
    )  # fmt: skip
    profile = _changed(make_profile(), "mine", counterexample=found)
    cases = [msgspec.structs.replace(case, operator="assign-anchors") for case in profile.cases]
    measurements = [msgspec.structs.replace(one, operator="assign-anchors") for one in profile.measurements]
    text = read_page(render_profile_page(msgspec.structs.replace(profile, cases=cases, measurements=measurements))).text
    assert "row x1 y1 x2 y2 reference this one 0 0 0 1 1.5 1 2" in text


def test_every_time_stands_in_the_table_of_sizes(make_profile: Maker) -> None:
    """A cell for each implementation and case; the fastest is bold."""
    page = render_profile_page(make_profile())
    cells = re.findall(r'<td class="number[^"]*" data-name="[\d,]+ (?:boxes|regions), [^"]*">', page)
    assert len(cells) == 5 * (4 * 3 + 2 + 2 * 3 + 3)
    assert page.count("<b>15.4</b>") >= 1


def test_times_that_are_apart_are_named(make_profile: Maker, read_page: Read) -> None:
    """First calls, compiling and transfers are no part of the median."""
    text = read_page(render_profile_page(make_profile())).text
    assert re.search(r"first call [\d,]+ compile 52.0 send 0.400 fetch 0.100", text)


def test_rules_that_differ_and_who_is_absent_are_named(make_profile: Maker, read_page: Read) -> None:
    """Beside each operator: what an implementation does otherwise, and why another was not run."""
    text = read_page(render_profile_page(make_profile())).text
    assert "combined_nms, equal scores: takes equal scores in any order" in text
    assert "torchvision not installed" in text


def test_the_same_profile_gives_the_same_bytes_whatever_the_plot_settings(make_profile: Maker) -> None:
    """A page holds no time, no path and no random id."""
    import matplotlib as mpl

    plain = render_profile_page(make_profile())
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path", "lines.markersize": 30}):
        assert render_profile_page(make_profile()) == plain


def test_the_policy_names_the_page_s_own_style_and_script_and_nothing_else(
    make_profile: Maker, read_page: Read
) -> None:
    """The hashes of the content policy are those of the two inline blocks; there is no inline style attribute."""
    text = render_profile_page(make_profile())
    page = read_page(text)
    policy = page.all("meta")[1]["content"] or ""
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not any("style" in attributes for _, attributes in page.elements)


def test_the_page_asks_the_network_for_nothing(make_profile: Maker, read_page: Read) -> None:
    """Addresses lead to other places of the page, and there is something at each."""
    page = read_page(render_profile_page(make_profile()))
    addresses = {v for _, attributes in page.elements for n, v in attributes.items() if n in {"src", "href", "action"}}
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert addresses - {f"#{name}" for name in ids} == {"data:,"}
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text(make_profile: Maker, read_page: Read) -> None:
    """Names and reasons that look like markup, formulas or templates are shown as they are."""
    profile = make_profile({name: 1.0 + place for place, name in enumerate(HOSTILE)}, refused=(HOSTILE[0] + "!",))
    profile = _changed(profile, "torchvision", reason=HOSTILE[0], differs={HOSTILE[0]: HOSTILE[6]})
    cases = [msgspec.structs.replace(case, counts=HOSTILE[0]) for case in profile.cases]
    profile = msgspec.structs.replace(profile, cases=cases, environment={HOSTILE[0]: HOSTILE[5]})
    text = render_profile_page(profile)
    page = read_page(text)
    assert len(page.all("script")) == 2
    assert len(page.all("style")) == 1
    for name in HOSTILE:
        assert name in page.text


def test_series_and_operators_may_be_called_anything(make_profile: Maker, read_page: Read) -> None:
    """Their names stand in figures and sentences too."""
    plain = make_profile()
    cases = [
        msgspec.structs.replace(case, operator=HOSTILE[0], group=HOSTILE[6], series=HOSTILE[4]) for case in plain.cases
    ]
    measurements = [msgspec.structs.replace(one, operator=HOSTILE[0]) for one in plain.measurements]
    page = read_page(render_profile_page(msgspec.structs.replace(plain, cases=cases, measurements=measurements)))
    assert len(page.all("script")) == 2
    assert HOSTILE[0] in page.text
    assert HOSTILE[6] in page.text


def test_the_embedded_profile_reads_back(make_profile: Maker) -> None:
    """The JSON in the page is the profile, sample by sample."""
    profile = make_profile()
    assert msgspec.convert(_embedded(render_profile_page(profile)), Profile) == profile


def test_a_large_profile_is_embedded_without_its_samples_and_says_so(make_profile: Maker, read_page: Read) -> None:
    """A page stays under a megabyte: what is left out stands in the file beside it."""
    profile = _changed(make_profile(), "native", samples_ms=[1.2345678901234 + 0.001 * n for n in range(4_000)])
    page = render_profile_page(profile)
    assert len(page.encode()) < 1_000_000
    assert "without its single samples: they are in the profile.json" in read_page(page).text
    assert not any(one["samples_ms"] for one in _embedded(page)["measurements"])


def test_two_hundred_implementations_are_all_in_the_tables(make_profile: Maker, read_page: Read) -> None:
    """Fourteen shapes serve them all; a figure draws the fastest twelve."""
    names = {f"kernel {place}": 1.0 + 0.1 * place for place in range(200)}
    profile = make_profile(names)
    one = [case for case in profile.cases if case.operator == "iou"]
    page = read_page(render_profile_page(msgspec.structs.replace(profile, cases=one)))
    assert all(f"kernel {place} " in page.text for place in range(200))
    assert "187 more" in page.text


@pytest.mark.parametrize("names", [{}, {"only": 1.0}])
def test_one_implementation_or_none_makes_a_page(make_profile: Maker, names: dict[str, float], read_page: Read) -> None:
    """With one there is nobody to compare with; with none the page says that nothing was timed."""
    text = read_page(render_profile_page(make_profile(names))).text
    assert ("nobody else was timed" if names else "Nothing was timed.") in text
    assert not re.search(r"\b(nan|inf)\b", text)


def test_an_empty_profile_makes_a_page(make_profile: Maker, read_page: Read) -> None:
    """A run that was stopped before its first case has a machine and no more."""
    empty = make_profile(cases=[], measurements=[])
    assert "Nothing was timed." in read_page(render_profile_page(empty)).text
    assert _printed(profile_tables(empty), 80) == []


def test_few_samples_have_no_interval_and_no_counted_work_no_bound(make_profile: Maker, read_page: Read) -> None:
    """With three samples there is a median alone; where nothing is counted, nothing is said of a bound."""
    profile = make_profile()
    cases = [
        msgspec.structs.replace(case, bytes_moved=0, operations=0, counts="", bound_ms=0.0) for case in profile.cases
    ]
    few = [msgspec.structs.replace(one, samples_ms=one.samples_ms[:3], error=None) for one in profile.measurements]
    text = read_page(render_profile_page(msgspec.structs.replace(profile, cases=cases, measurements=few))).text
    assert "Below the roof" not in text
    assert "Counted:" not in text
    assert "[" not in text.split("What was measured")[0].split("Who is fastest")[0]


def test_variables_that_are_not_set_share_a_row(make_profile: Maker, read_page: Read) -> None:
    """What has a value has a row of its own; without a choice all implementations ran."""
    environment = {"python": "3.11.9", "OMP_NUM_THREADS": "not set", "XLA_FLAGS": "not set"}
    text = read_page(render_profile_page(make_profile(environment=environment, options={"implementations": []}))).text
    assert "python 3.11.9 not set OMP_NUM_THREADS, XLA_FLAGS" in text
    assert "implementations all" in text


def test_two_devices_are_told_apart(make_profile: Maker, read_page: Read) -> None:
    """The same implementation on two devices is two rows."""
    plain = make_profile()
    on_gpu = [msgspec.structs.replace(one, device="gpu") for one in plain.measurements]
    text = read_page(render_profile_page(msgspec.structs.replace(plain, measurements=plain.measurements + on_gpu))).text
    assert "native (cpu)" in text
    assert "native (gpu)" in text


def test_tables_have_captions_and_scopes(make_profile: Maker, read_page: Read) -> None:
    """Every table says what it is, and every heading what it heads."""
    page = read_page(render_profile_page(make_profile()))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes.get("scope") in {"row", "col", "colgroup"} for attributes in page.all("th"))


def test_the_page_is_written_whole(make_profile: Maker, tmp_path: Path) -> None:
    """A page on disk is the page that was made, and small."""
    write_profile_page(make_profile(), tmp_path / "profile.html")
    assert (tmp_path / "profile.html").read_text(encoding="utf-8") == render_profile_page(make_profile())
    assert (tmp_path / "profile.html").stat().st_size < 1_000_000


def _printed(parts: Iterable[Any], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for part in parts:
        console.print(part)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_profile_s_terminal_tables_fit(make_profile: Maker, width: int) -> None:
    """Long names are cut with an ellipsis; a median and a ratio never are."""
    lines = _printed(profile_tables(make_profile({"native": 1.0, "b" * 90: 12.0, "numpy": 1e4})), width)
    assert all(len(line) <= width for line in lines)
    rows = [line for line in lines if line.startswith("numpy")]
    assert len(rows) == 4 * 3 + 2 + 2 * 3 + 3
    assert all(re.search(r"(exact|e-\d\d) +[\d,.]+$", row) for row in rows)


def test_the_terminal_shows_who_was_refused_with_the_case_as_numbers(make_profile: Maker) -> None:
    """Problem, hint, and a row of numbers for each box."""
    text = "\n".join(_printed(profile_tables(make_profile()), 100))
    assert "mine is refused, on an IoU of the threshold exactly: it drops row 1, which the reference keeps" in text
    assert "Hint: a box is dropped if its IoU is greater" in text
    assert re.search(r"1 +0 +0 +10 +5 +0\.8 +kept 2\. +dropped", text)
    assert text.index("mine is refused") < text.index("median")
    assert "torchvision: not installed" in text


@pytest.mark.parametrize("width", [40, 80])
def test_no_number_of_a_counterexample_is_cut(make_profile: Maker, width: int) -> None:
    """Columns that do not fit stand below the others; every number and every head is whole."""
    boxes = [[1000004.25 + row, 0.12345679, 2000004.5, 1000004.5] for row in range(2)]
    found = Counterexample(
        case="far away", problem="it is wrong", hint="", inputs={"a": boxes, "b": boxes}, settings={},
        expected=[0.5, 0.25], got=[0.5, 0.125],
    )  # fmt: skip
    profile = _changed(make_profile(), "mine", counterexample=found, status="refused")
    lines = _printed(profile_tables(profile), width)
    assert all(len(line) <= width for line in lines)
    words = {word for line in lines for word in line.split()}
    assert {"1000004.25", "1000005.25", "0.12345679", "2000004.5", "1000004.5", "reference", "0.125"} <= words


def test_a_big_array_is_its_shape_and_its_first_numbers(make_profile: Maker, read_page: Read) -> None:
    """Neither the terminal nor the page lists a map of features or what was pooled from it."""
    feature = [[[[float(row), 0.5] for _ in range(9)] for row in range(5)]]
    found = Counterexample(
        case="one region", problem="it is wrong", hint="", inputs={"feature": feature, "region": [[0, 0, 9, 9]]},
        settings={"output_size": [2, 3]}, expected=feature, got=[[1.0, 2.0]],
    )  # fmt: skip
    profile = _changed(make_profile(), "mine", counterexample=found, status="refused")
    text = "\n".join(_printed(profile_tables(profile), 80))
    assert "  feature: 1 × 5 × 9 × 2: 0, 0.5, 0, 0.5, …\n" in text
    assert "  the reference answers: 1 × 5 × 9 × 2: 0, 0.5, 0, 0.5, …\n" in text
    assert "  this one answers: [[1, 2]]\n" in text
    assert "  output_size: [2, 3]\n" in text
    assert "1 × 5 × 9 × 2: 0, 0.5, 0, 0.5, …" in read_page(render_profile_page(profile)).text


def test_hostile_names_move_no_cursor(make_profile: Maker) -> None:
    """Escape sequences and markup in names are printed as they are, or not at all."""
    text = "\n".join(_printed(profile_tables(make_profile({"[bold]x[/]": 1.0, "\x1b[31mred": 2.0})), 80))
    assert "[bold]x[/]" in text
    assert "\x1b" not in text


def test_a_comparison_says_faster_slower_or_not_significant(make_profile: Maker) -> None:
    """Old and new medians, their ratio with its interval, and a verdict, at 80 columns."""
    old = make_profile({"native": 1.0, "numpy": 20.0, "opencv": 30.0})
    new = make_profile({"native": 0.5, "numpy": 20.0, "opencv": 60.0})
    lines = _printed(compare_profile_tables(compare(old, new)), 80)
    assert all(len(line) <= 80 for line in lines)
    assert re.search(r"native +[\d.]+ +[\d.]+ +0\.\d+× +\[0\.\d+, 0\.\d+\] +faster", "\n".join(lines))
    assert any(line.startswith("opencv") and line.endswith("slower") for line in lines)
    assert any(line.startswith("numpy") and line.endswith("not significant") for line in lines)
    assert lines[0].startswith("69 times compared: 23 faster, 23 slower, 23 not significant.")


@pytest.mark.parametrize("factor", [1.0, 200.0])
def test_a_bound_that_is_far_has_its_reason(make_profile: Maker, factor: float) -> None:
    """The page and the terminal say why where the fastest is more than 4 times the bound, nothing where it is not."""
    profile = make_profile({"native": 1.0}, refused=())
    medians = {(one.operator, one.case): min(one.samples_ms) for one in profile.measurements if one.samples_ms}
    cases = [
        msgspec.structs.replace(
            case, beyond="a box waits for others", bound_ms=medians[case.operator, case.name] / factor
        )
        for case in profile.cases
    ]
    profile = msgspec.structs.replace(profile, cases=cases)
    said = "times the bound of its counted work: a box waits for others."
    assert (said in render_profile_page(profile)) == (factor > 4)
    assert (said in " ".join(" ".join(_printed(profile_tables(profile), 100)).split())) == (factor > 4)
