"""The heat map of categories × models."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.document import CategoryResult
from detbench.report.sections import confusion
from detbench.report.sections.categories import SHADES, categories

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.report.sections.model import Model

_HOSTILE = ("<script>alert(1)</script>", "ab" * 5_000, "two\nlines", "\u202emirrored", "{{ 7 * 7 }}")


def _category(name: str, ap: float | None, **changes: Any) -> CategoryResult:
    whole = CategoryResult(
        name=name,
        ground_truths=5,
        ignored=0,
        predictions=9,
        metrics={"AP": ap, "recall": ap},
        intervals={} if ap is None else {"AP": (ap / 2, ap)},
        reasons={} if ap is not None else {"AP": "nothing of it is in the pictures"},
    )
    return msgspec.structs.replace(whole, **changes)


def test_every_model_has_a_cell_of_every_category(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A number stands in its cell with two decimals, its interval behind it, shaded by tenths."""
    models = make_models(
        [
            make_models(1, per_category=[_category("car", 0.349), _category("bus", 1.0)])[0].result,
            make_models(1, per_category=[_category("car", 0.05), _category("bus", 0.0)])[0].result,
        ]
    )
    section = read_section("categories", categories(models))
    assert section.row("car") == ["car", "5", "0.35", "0.05", "0.35", "0.05"]
    assert section.row("bus") == ["bus", "5", "1.00", "0.00", "1.00", "0.00"]
    cells = section.all("td", "heat-3")
    assert [cell["title"] for cell in cells if "title" in cell] == ["0.17 to 0.35", "too few images for an interval"]
    assert {cell["data-value"] for cell in cells} == {"0.3490"}
    assert len(section.all("td", "heat-9")) == 2
    assert len(section.all("td", "heat-0")) == 4


def test_the_highest_of_a_row_is_bold_unless_all_are_equal(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Two that are printed alike are both bold; where all are alike, nobody is."""
    results = [
        make_models(1, per_category=[_category("car", car), _category("bus", 0.5)])[0].result
        for car in (0.301, 0.3, 0.2)
    ]
    section = read_section("categories", categories(make_models(results)))
    assert len(section.all("td", "best")) == 4  # AP and recall of two cars
    assert len(read_section("categories", categories(make_models(results[:1]))).all("td", "best")) == 0


def test_categories_with_most_ground_truths_come_first(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """What the numbers stand on leads, with a bar beside it; equals keep the dataset's order."""
    found = [_category(name, 0.5, ground_truths=many) for name, many in (("a", 3), ("b", 1_200), ("c", 3))]
    section = read_section("categories", categories(make_models(1, per_category=found)))
    assert [row[:2] for row in section.rows if len(row) == 4 and row[1] != "ground truths"][-3:] == [
        ["b", "1,200"],
        ["a", "3"],
        ["c", "3"],
    ]
    assert [rect["width"] for rect in section.all("rect", "fill")] == ["100.00%", "0.25%", "0.25%"]


def test_an_undefined_number_is_a_dash_with_its_reason(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """It has no shade, and sorts as nothing; a reason that is not there is said to be missing."""
    found = [_category("car", None, ground_truths=0)]
    section = read_section("categories", categories(make_models(1, per_category=found)))
    assert section.row("car") == ["car", "0", "–a", "–b"]
    assert section.text.endswith("Nothing of it is in the pictures. The result gives no reason.")
    cells = section.all("td", "undefined")
    assert [cell["title"] for cell in cells] == ["nothing of it is in the pictures", "the result gives no reason"]
    assert [cell["data-value"] for cell in cells] == ["", ""]


def test_categories_are_found_by_name_whatever_their_order(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A result that lists its categories otherwise, or lacks one, stands under the right heads."""
    first = make_models(1, per_category=[_category("car", 0.9), _category("bus", 0.4), _category("bus", 0.3)])
    second = make_models(1, per_category=[_category("bus", 0.2), _category("car", 0.1)])
    section = read_section("categories", categories(make_models([first[0].result, second[0].result])))
    rows = [row for row in section.rows if row[0] in {"car", "bus"}]
    assert [row[2:4] for row in rows] == [["0.90", "0.10"], ["0.40", "0.20"], ["0.30", "–a"]]


def test_without_categories_there_is_nothing_to_show(make_models: Callable[..., list[Model]]) -> None:
    """A dataset may have no categories, a protocol no numbers of them, and a page no models."""
    assert categories(make_models(2, per_category=[])) is None
    assert categories(make_models(2, per_category=[_category("car", 0.5, metrics={})])) is None
    assert categories([]) is None


def test_eight_models_are_shown_and_the_others_counted(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Two hundred models would make columns that nobody reads."""
    section = read_section("categories", categories(make_models(200)))
    assert [len(row) for row in section.rows[2:]] == [18, 18, 18]
    assert "Of 200 models, figures show those among the first 8" in section.text
    assert len(section.all("table", "upright")) == 1
    assert len(read_section("categories", categories(make_models(3))).all("table", "upright")) == 0


def test_names_are_text_and_short(make_models: Callable[..., list[Model]], read_section: Callable[..., Any]) -> None:
    """Names of models and categories neither run, nor fill the page, nor turn what stands around them."""
    models = make_models(5, names=_HOSTILE, per_category=[_category(name, 0.5) for name in _HOSTILE])
    section = read_section("categories", categories(models))
    assert not section.all("script")
    assert "{{ 7 * 7 }}" in section.text
    assert "two lines" in section.text
    assert len(section.html) < 20_000
    assert len(section.all("bdi")) == 5 + 2 * 5


def test_four_hundred_categories_of_eight_models_stay_under_a_megabyte(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """They stand in one table that can be sorted and filtered."""
    names = [f"a category with quite a long name, number {place}" for place in range(400)]
    models = make_models(8, per_category=[_category(name, place / 400) for place, name in enumerate(names)])
    section = read_section("categories", categories(models))
    assert len(section.html.encode()) < 1_000_000
    assert len(section.rows) == 402
    assert section.all("table", "sortable")[0]["data-find"] == "Find a category"


def test_the_heat_map_has_a_caption_and_scopes(
    make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Who listens to it hears what each number is of."""
    section = read_section("categories", categories(make_models(2)))
    assert len(section.all("caption")) == len(section.all("table")) == 1
    assert [head["scope"] for head in section.all("th")] == ["colgroup"] * 2 + ["col"] * 6 + ["row"] * 3
    assert "style" not in {name for _, attributes in section.elements for name in attributes}


def _rules(css: str) -> list[tuple[str, str, str]]:
    """Return the background and the colour of every rule that sets both."""
    found = re.findall(r"(\.[\w-]+) \{ background: (#\w{6}); color: (#\w{6}); \}", css)
    return [(name, background, colour) for name, background, colour in found]


def _luminance(colour: str) -> float:
    """Return a colour's relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(("name", "rules"), [("categories", 2 * SHADES), ("errors", 4 * confusion.SHADES)])
def test_text_is_readable_on_every_shade(name: str, rules: int) -> None:
    """In light and dark, the contrast of a number with its shade is 4.5 or more, and shades are ordered."""
    css = files("detbench.report").joinpath("templates", "sections", f"{name}.css").read_text(encoding="utf-8")
    found = _rules(css)
    assert len(found) == rules
    for shade, background, colour in found:
        low, high = sorted((_luminance(background), _luminance(colour)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, shade
