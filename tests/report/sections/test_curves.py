"""Precision-recall curves of several models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.evaluation.results import Result

_HOSTILE = "<script>alert(1)</script>$\\frac{$\x00\u202ecba"


def _figures(section: str) -> list[str]:
    return re.findall(r'<svg viewBox[^>]*role="img".*?</svg>', section)


def test_each_model_has_a_curve_in_each_of_three_figures(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """At IoU 0.50, at 0.75 and for their mean; then a small figure a category, each model in its own dash."""
    section = section_of(make_page({"one": make_result(), "two": make_result()}), "curves")
    figures = _figures(section)
    assert re.findall(r"<figcaption>(.*?)</figcaption>", section)[:3] == [
        "IoU 0.50",
        "IoU 0.75",
        "mean over IoU 0.50 to 0.95",
    ]
    assert len(figures) == 3 + 3
    for figure in figures:
        assert re.findall(r'class="curve (model-\d)"', figure) == ["model-1", "model-0"]  # the first is on top
    assert all('href="#m1"' in figure and 'href="#m0"' in figure for figure in figures[:3])


def test_a_legend_has_the_number_that_its_curve_is_of(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """AP50 stands below the curves at IoU 0.50, AP below the mean over the thresholds."""
    result = make_result(metrics={"AP": 0.123, "AP50": 0.456, "AP75": 0.078})
    section = section_of(make_page({"one": result, "two": make_result(metrics={"AP": 0.1, "AP50": None})}), "curves")
    legends = re.findall(r'aria-label="Average precision, (.*?)">(.*?)</ul>', section, re.DOTALL)
    numbers = {title: re.findall(r'class="value">(.*?)<', legend) for title, legend in legends}
    assert numbers == {
        "IoU 0.50": ["0.456"],
        "IoU 0.75": ["0.078"],
        "mean over IoU 0.50 to 0.95": ["0.123", "0.100"],
    }


def test_the_categories_with_most_ground_truths_are_drawn(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """Of 400 categories 12 have a figure, and the page says which."""
    result = make_result(names=tuple(f"kind {place}" for place in range(400)))
    section = section_of(make_page({"one": result}), "curves")
    drawn = [int(text.replace(",", "")) for text in re.findall(r"([\d,]+) ground truths", section)]
    most = sorted((category.ground_truths for category in result.per_category), reverse=True)
    assert drawn == most[:12]
    assert "The 12 of 400 categories with the most ground truths, at IoU 0.50." in section


def test_a_protocol_of_one_threshold_has_one_figure(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """Its number is the protocol's only one, whatever that is called; one category is not drawn twice."""
    made = make_result(names=("car",), metrics={"mAP": 0.321})
    curves = msgspec.structs.replace(made.curves, mean={"0.50": made.curves.mean["0.50"]})
    section = section_of(
        make_page({"one": make_result(names=("car",), metrics={"mAP": 0.321}, curves=curves)}), "curves"
    )
    assert len(_figures(section)) == 1
    assert ">0.321<" in section


def test_without_ground_truth_there_is_no_section(
    make_page: Callable[..., str], empty_result: Result, section_of: Callable[[str, str], str]
) -> None:
    """A result without a curve leaves the section out, and the page is written."""
    assert section_of(make_page({"one": empty_result}), "curves") == ""


def test_eight_are_drawn_and_the_page_says_so(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """The ninth has no mark of its own."""
    section = section_of(make_page({f"model {place}": make_result() for place in range(9)}), "curves")
    assert set(re.findall(r'class="curve model-(\d+)"', section)) == set("01234567")
    assert "model 8" not in section
    assert "Of 9 models, figures show those among the first 8 of the leaderboard." in section


def test_hostile_names_are_text(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """A name is neither markup nor a formula, and a long one is cut."""
    result = make_result(names=(_HOSTILE, "b" * 10_000))
    section = section_of(make_page({_HOSTILE: result, "a" * 10_000: result}), "curves")
    assert "<script" not in section
    assert "&lt;script&gt;alert(1)&lt;/script&gt;$\\frac{$" in section
    assert "\x00" not in section
    assert "a" * 100 not in section
    assert "b" * 100 not in section


def test_the_same_models_give_the_same_bytes(make_page: Callable[..., str], make_result: Callable[..., Result]) -> None:
    """Two pages of the same models are one page."""
    results = {"one": make_result(), "two": make_result()}
    assert make_page(results) == make_page(results)


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
def test_figures_can_be_read(
    make_page: Callable[..., str],
    make_result: Callable[..., Result],
    look: Callable[..., dict[str, Any]],
    width_px: int,
) -> None:
    """On a phone as on a screen: texts are large enough and do not lie on each other, and nothing is out of sight."""
    names = tuple(f"category {place}" for place in range(14))
    page = make_page({f"model {place}": make_result(names=names) for place in range(8)})
    seen = look(page, "curves", width_px)
    assert seen["smallest"] >= 9
    assert (seen["touching"], seen["outside"]) == ([], [])
    assert seen["scrolls"] <= width_px
