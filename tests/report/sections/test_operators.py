"""How fast operators alone are: what of a profile stands on a page of models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.operators import registry
from detbench.report.profile_rows import operator_rows, standing
from detbench.report.profile_words import case_words
from detbench.report.sections.operators import operators
from detbench.report.standings_files import rendered_standings

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.timing.document import Profile

    Maker = Callable[..., Profile]
    Make = Callable[..., Any]

_HOSTILE = ("<script>alert(1)</script>", "ab" * 5000, "../../etc", "a\nb", "\u202egnp.exe", "{{ 7 * 7 }}")


def _named(profile: Profile, processor: str, device: str = "cpu") -> Profile:
    return msgspec.structs.replace(
        profile,
        environment=profile.environment | {"processor": processor},
        options=profile.options | {"device": device},
    )


def test_a_case_has_a_row_for_each_implementation_and_the_refused_say_why(
    make_profile: Maker, make_models: Make, read_section: Make
) -> None:
    """The fastest comes first, with its median, interval and factors; who is refused is the last, with the reason."""
    profile = make_profile()
    section = read_section("operators", operators(make_models(), [profile]))
    native, slower = section.row("native"), section.row("combined_nms")
    assert re.fullmatch(r"0\.20\d \[0\.20\d, 0\.2\d\d\]", native[1])
    assert native[3] == "1.00"
    assert re.fullmatch(r"9\.\d\d", slower[3])
    assert section.row("mine")[1] == (
        "refused: an IoU of the threshold exactly: it drops row 1, which the reference keeps"
    )
    assert "torchvision not installed" not in section.text  # of nobody who was not there
    assert section.rows.count(native) == 1
    assert len(section.all("table")) == len(profile.cases)
    assert len(section.all("caption")) == len(profile.cases)


def test_the_words_are_those_of_the_profiles_own_page(
    make_profile: Maker, make_models: Make, read_section: Make
) -> None:
    """The sentence that the profile opens with, who is refused, and of each operator who is fastest by how much."""
    profile = make_profile()
    text = read_section("operators", operators(make_models(), [profile])).text
    assert re.search(r"native runs nms of 50,000 boxes \(clustered 5\) in 15\.\d ms, 9\.\d\d times as fast", text)
    assert "Refused, because the answer was not the reference's: mine (nms)." in text
    assert all(standing(one.largest) in text for one in operator_rows(profile))


def test_dots_stand_in_the_order_of_their_times(make_profile: Maker, make_models: Make) -> None:
    """On the axis of its case, between its interval's ends, right of the bound."""
    view = operators(make_models(), [make_profile()])
    assert view is not None
    for case in (case for one in view.machines[0].operators for case in one.cases):
        places = [row.place for row in case.rows if row.place]
        values = [place.value for place in places]
        assert values == sorted(values)
        assert case.bound is not None
        assert 0 <= case.bound < values[0] <= values[-1] <= 1
        assert all(place.low <= place.value <= place.high for place in places if place.low and place.high)


@pytest.mark.parametrize(
    ("processor", "device", "says"),
    [
        ("a desk", "cpu", "Models timed on a machine like this one, as far as the name of its processor tells: timed."),
        ("a desk", "gpu", "The models were timed on another machine: do not compare their times with these."),
        ("a rack", "cpu", "The models were timed on another machine: do not compare their times with these."),
        ("", "cpu", "The profile does not say on which processor: do not compare these times with the models'."),
    ],
)
def test_it_says_whether_the_models_were_timed_on_the_same_machine(
    make_profile: Maker,
    make_models: Make,
    make_timing: Make,
    read_section: Make,
    processor: str,
    device: str,
    says: str,
) -> None:
    """The processor and the device decide; without a name of the processor nothing is claimed."""
    models = [*make_models(1, ["timed"], timing=make_timing(20.0)), *make_models(1, ["untimed"])]
    text = read_section("operators", operators(models, [_named(make_profile(), processor, device)])).text
    assert says in text
    assert "untimed" not in text


def test_models_of_two_machines_are_told_apart(
    make_profile: Maker, make_models: Make, make_timing: Make, read_section: Make
) -> None:
    """Those of the same processor first, those of another named; without timed models nothing is said of them."""
    elsewhere = msgspec.structs.replace(make_timing(20.0), processor="a rack")
    models = [*make_models(1, ["here"], timing=make_timing(20.0)), *make_models(1, ["there"], timing=elsewhere)]
    profile = _named(make_profile(), "a desk")
    text = read_section("operators", operators(models, [profile])).text
    assert "of its processor tells: here. Timed on another: there; do not compare their times with these." in text
    untimed = read_section("operators", operators(make_models(), [profile])).text
    assert "a machine like this one" not in untimed
    assert "another machine" not in untimed


def test_each_profile_stands_under_its_machine(make_profile: Maker, make_models: Make, read_section: Make) -> None:
    """Two profiles are two parts, in the order they were given."""
    profiles = [_named(make_profile(), "one"), _named(make_profile({"fast": 1.0}), "two")]
    section = read_section("operators", operators(make_models(), profiles))
    assert re.findall(r'<h3 class="machine"><bdi>(.*?)</bdi>', section.html) == [
        "one, device cpu, 2 threads",
        "two, device cpu, 2 threads",
    ]
    assert section.html.index("two, device cpu") < section.html.index("fast runs nms")


def test_nothing_timed_and_few_samples_are_said(make_profile: Maker, make_models: Make, read_section: Make) -> None:
    """An empty profile, one where all are refused, and medians of a single sample have no invented numbers."""
    empty = make_profile(cases=[], measurements=[])
    refused = make_profile({}, refused=("mine", "yours"))
    section = read_section("operators", operators(make_models(), [empty, refused]))
    assert section.text.count("Nothing was timed.") == 2
    assert "Nobody was timed." in section.text
    assert section.row("yours")[1].startswith("refused: an IoU")
    single = make_profile()
    measurements = [msgspec.structs.replace(one, samples_ms=one.samples_ms[:1]) for one in single.measurements]
    section = read_section(
        "operators", operators(make_models(), [msgspec.structs.replace(single, measurements=measurements)])
    )
    assert "[" not in section.row("native")[1]
    assert not section.all("line", "range")
    assert section.all("line", "floor")


def test_hostile_names_in_a_profile_are_text(make_profile: Maker, make_models: Make, read_section: Make) -> None:
    """Implementations, operators, series, reasons and processors may be called anything; nothing is long."""
    profile = make_profile({name: 1.0 + place for place, name in enumerate(_HOSTILE)}, refused=_HOSTILE)
    bad = _HOSTILE[0] + _HOSTILE[1]
    cases = [msgspec.structs.replace(case, operator=bad, series=bad + case.series) for case in profile.cases[:4]]
    measurements = [
        msgspec.structs.replace(one, operator=bad, reason=bad, differs={bad: bad})
        for one in profile.measurements
        if one.operator == "nms"
    ]
    profile = _named(msgspec.structs.replace(profile, cases=cases, measurements=measurements), bad, bad)
    section = read_section("operators", operators(make_models(), [profile]))
    assert not section.all("script")
    assert "<script>alert(1)</script>" in section.text
    assert "\u202e" not in section.html
    assert "ab" * 300 not in section.html
    assert len(section.html) < 100_000


def test_a_huge_profile_does_not_make_a_huge_page(make_profile: Maker, make_models: Make, read_section: Make) -> None:
    """What is left out is counted: operators, cases and implementations beyond what a reader takes in."""
    one = make_profile({f"i{place}": 1.0 + place for place in range(40)})
    nms = [case for case in one.cases if case.operator == "nms"][:2]
    measured = [found for found in one.measurements if found.case == nms[0].name]
    cases, measurements = [], []
    for place in range(60):
        cases += [msgspec.structs.replace(case, operator=f"o{place}") for case in nms]
        measurements += [msgspec.structs.replace(found, operator=f"o{place}") for found in measured]
    profile = msgspec.structs.replace(one, cases=cases, measurements=measurements)
    section = read_section("operators", operators(make_models(), [profile]))
    assert "20 more operators: on the profile's own page." in section.text
    assert section.text.count("1 more case: on the profile's own page.") == 40
    assert section.text.count("25 more implementations: on the profile's own page.") == 40  # one is refused
    assert len(section.html) < 700_000


def test_without_a_profile_a_page_is_what_it_was(make_profile: Maker, make_standings: Make) -> None:
    """No section, no style, no byte; with one, the page alone is another: nothing of it is in the standings."""
    made = make_standings(["a", "b"])
    without, given = rendered_standings(*made, profiles=[]), rendered_standings(*made, profiles=[make_profile()])
    assert without == rendered_standings(*made)
    assert b"operators" not in without["index.html"]
    assert [name for name in given if given[name] != without[name]] == ["index.html"]


def test_it_stands_after_the_models_and_before_what_was_measured(make_profile: Maker, make_standings: Make) -> None:
    """The order of the page: the models' sections, the operators, what to know before quoting them."""
    page = rendered_standings(*make_standings(["a", "b"]), profiles=[make_profile()])["index.html"].decode()
    sections = re.findall(r'<section aria-labelledby="([^"]+)"', page)
    assert sections[sections.index("operators") + 1] == "remarks"
    assert sections.index("categories") < sections.index("operators")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_it_names_the_reference_and_in_which_cases_who_answers_otherwise(
    make_profile: Maker, make_models: Make, read_section: Make
) -> None:
    """In words of the cases, below the operator; not of what is not installed."""
    one = make_profile()
    differs = {"no area": "it drops them", "far": "it rounds", "limit 0": "it raises", "of mine": "it is odd"}
    measurements = [
        msgspec.structs.replace(found, differs=differs)
        if found.implementation in {"opencv", "torchvision"} and found.operator == "nms"
        else found
        for found in one.measurements
    ]
    profile = msgspec.structs.replace(one, measurements=measurements)
    section = read_section("operators", operators(make_models(), [profile]))
    assert "must give the answer of the reference, the one of detbench.operators in NumPy," in section.text
    told = [item.text for item in section.all("li") if item.text.startswith("opencv")]
    assert told == [
        "opencv, boxes without area: it drops them",
        "opencv, boxes far from the origin: it rounds",
        "opencv, a limit of 0: it raises",
        "opencv, of mine: it is odd",
    ]
    assert "combined_nms, equal scores: takes equal scores in any order" in section.text
    assert not [item.text for item in section.all("li") if item.text.startswith("torchvision")]


def test_every_trait_of_a_case_has_words() -> None:
    """What an implementation may say of the catalogue's cases is not shown as the catalogue's own shorthand."""
    traits = {trait for one in registry.operators().values() for case in one.cases() for trait in case.traits}
    assert "no area" in traits
    assert [trait for trait in sorted(traits) if case_words(trait) == trait] == []


def test_the_page_explains_its_words_where_operators_are_shown(make_profile: Maker, make_standings: Make) -> None:
    """On the leaderboard, and nothing of it without a profile."""
    made = make_standings(["a", "b"])
    page = rendered_standings(*made, profiles=[make_profile()])["index.html"].decode()
    words = set(re.findall(r"<dt>(.*?)</dt>", page))
    said = {"NMS", "RoI pooling", "native", "reference", "keras-graph, keras-xla", "bound", "× fastest, × bound"}
    assert said <= words
    without = set(re.findall(r"<dt>(.*?)</dt>", rendered_standings(*made)["index.html"].decode()))
    assert not said & without


@pytest.mark.slow
def test_a_name_goes_on_after_a_stop_or_an_underscore(
    make_profile: Maker, make_standings: Make, look: Make, browser: Any
) -> None:
    """No part of a function's name is torn at the width of a desk or of a tablet."""
    profile = make_profile({"tf.image.non_max_suppression": 1.0, "tf.image.non_max_suppression_with_scores": 2.0})
    page = rendered_standings(*make_standings(["a", "b"]), profiles=[profile])["index.html"].decode()
    torn = """
    (() => {
      const torn = [];
      document.querySelectorAll('.operator').forEach(d => d.open = true);
      for (const name of document.querySelectorAll('.timed tbody th bdi')) {
        for (const node of name.childNodes) {
          const range = document.createRange();
          range.selectNodeContents(node);
          if (node.nodeType === 3 && range.getClientRects().length !== 1) torn.push(node.textContent);
        }
      }
      return torn;
    })()
    """
    for width_px in (1280, 900):
        look(page, "operators", width_px)
        assert browser.run("document.querySelectorAll('.timed tbody th bdi').length") > 9
        assert browser.run(torn) == []


@pytest.mark.slow
def test_paper_says_which_tables_are_left_out(
    make_profile: Maker, make_standings: Make, look: Make, browser: Any
) -> None:
    """A line for each operator that is closed, and none for one that is open; a screen shows no such line."""
    page = rendered_standings(*make_standings(["a", "b"]), profiles=[make_profile()])["index.html"].decode()
    look(page, "operators", 800)
    seen = "[...document.querySelectorAll('.operator .on-paper')].map(e => getComputedStyle(e).display !== 'none')"
    assert browser.run(seen) == [False] * 4
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run(seen) == [False, True, True, True]
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 768, 1280])
def test_it_fits_the_screen(make_profile: Maker, make_standings: Make, look: Make, browser: Any, width_px: int) -> None:
    """With all opened and a long name nothing is wider than a phone, and nothing complains."""
    profile = make_profile({"native": 1.0, "ab" * 150: 3.0, "tf.image.non_max_suppression": 1e6})
    page = rendered_standings(*make_standings(["a", "b"]), profiles=[profile])["index.html"].decode()
    look(page, "operators", width_px)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= width_px
    inside = (
        "[...document.querySelectorAll('.timed')].every(t => t.scrollWidth <= t.parentElement.clientWidth + 1"
        " && t.getBoundingClientRect().right <= document.documentElement.clientWidth)"
    )
    assert browser.run(inside)
