"""How well objects are counted: numbers, dots for pictures, and the error against threshold and density."""

from __future__ import annotations

import doctest
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.document import read
from detbench.evaluation.parts.bands import Band
from detbench.evaluation.parts.count_groups import CountGroup
from detbench.evaluation.parts.counting import (
    CountCurve,
    Counting,
    CountPoint,
    CountsOfImages,
    CountThreshold,
    CountTotals,
)
from detbench.report.sections import count_figures
from detbench.report.sections.counting import counting

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from detbench.evaluation.document import Document
    from detbench.report.sections.model import Model


def _group(name: str, images: int, mae: float | None) -> CountGroup:
    return CountGroup(
        name=name,
        images=images,
        objects=0,
        predicted=0.0,
        metrics={"count_MAE": mae, "count_bias": None if mae is None else -mae},
        intervals={} if mae is None else {"count_MAE": (mae / 2, mae * 9)},
        reasons={} if mae is not None else {"count_MAE": "they have gone"},
    )


def _counting(true: Sequence[int] = (0, 4, 4, 12), predicted: Sequence[int] = (1, 4, 4, 9), **changes: Any) -> Counting:
    thresholds, mae = [0.1, 0.4, 0.5, 0.9], [400.0, 2.0, 1.0, 5.0]
    whole = Counting(
        images=len(true),
        objects=sum(true),
        threshold=CountThreshold(value=0.5, source="tuned", split="val", images=7),
        totals=CountTotals(predicted=18, over=1, under=3, images_over=1, images_under=1, images_exact=2),
        hindsight=CountPoint(threshold=0.45, mae=0.75, rmse=1.0, bias=0.0),
        expected=_group("expected", len(true), 1.0),
        curve=CountCurve(
            threshold=thresholds,
            mae=Band(value=mae, low=[one / 2 for one in mae], high=[one * 2 for one in mae]),
            rmse=Band(value=mae),
            bias=Band(value=mae),
        ),
        by_density=[_group("0", 1, 1.0), _group("2 to 5", 2, 0.0), _group("11 to 20", 1, 3.0)],
        by_category=[],
        per_image=CountsOfImages(image=list(range(len(true))), true=list(true), predicted=list(predicted)),
        reason="",
    )
    return msgspec.structs.replace(whole, **changes)


#: One that was not told from which score to count.
_NO_THRESHOLD: dict[str, Any] = {
    "threshold": None,
    "totals": None,
    "by_density": [],
    "per_image": CountsOfImages(image=[0, 1, 2, 3], true=[0, 4, 4, 12], predicted=[]),
}


@pytest.fixture
def make(make_models: Callable[..., list[Model]]) -> Callable[..., list[Model]]:
    """Return a maker of models whose counts are given, one after another; None: they were not asked for."""
    metrics = {"AP": 0.5, "count_MAE": 1.0, "count_RMSE": 1.5, "count_bias": -0.5}
    intervals = {"count_MAE": (0.5, 1.5), "count_bias": (-1.0, 0.25)}

    def made(*found: Counting | None, names: tuple[str, ...] = ()) -> list[Model]:
        documents: list[Document] = []
        for one in found:
            has = one is not None and one.threshold is not None
            numbers: dict[str, Any] = {"metrics": metrics, "intervals": intervals} if has else {"metrics": {"AP": 0.5}}
            documents.append(make_models(1, counting=one, **numbers)[0].result)
        return make_models(documents, names=names)

    return made


def _figures(html: str, aria: str) -> list[str]:
    return re.findall(rf'<svg viewBox="[^"]*" role="img" aria-label="{aria}.*?</svg>', html, re.DOTALL)


def test_errors_stand_in_a_table_with_where_the_threshold_comes_from(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Threshold, errors with intervals, both sums and what the best threshold would give."""
    section = read_section("counting", counting(make(_counting())))
    assert section.row("model 0") == [
        "model 0",
        "0.5 chosen on val (7 images) by the least MAE there",
        "1.00 [0.50, 1.50]",
        "1.50",
        "-0.50 [-1.00, +0.25]",
        "18",
        "1",
        "3",
        "0.75 from 0.45",
    ]
    assert "for 20 objects in 4 pictures" in section.text


def test_a_dot_is_a_picture_and_a_larger_one_several(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Pictures with the same counts are one dot, whose size the page has."""
    section = read_section("counting", counting(make(_counting((0, *[4] * 16, 12), (1, *[4] * 16, 9)))))
    (figure,) = _figures(section.html, "Predicted against true")
    assert re.findall(r'class="mark model-0 (dot-\d)" href="#(dot-\d)"', figure) == [
        ("dot-4", "dot-4"),
        ("dot-0", "dot-0"),
        ("dot-0", "dot-0"),
    ]
    assert [circle["id"] for circle in section.all("circle")] == [f"dot-{size}" for size in range(5)]
    assert ">12</text>" in figure


def test_five_thousand_pictures_stay_few_dots(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Where pictures lie at too many places, they are put together; one model stays below 100 kB."""
    true = [n % 300 for n in range(5_000)]
    predicted = [n * 7 % 290 for n in range(5_000)]
    section = read_section("counting", counting(make(_counting(true, predicted))))
    (figure,) = _figures(section.html, "Predicted against true")
    assert 100 < figure.count("<use") <= 31 * 31
    assert len(section.html) < 100_000


def test_a_curve_is_cut_where_it_is_much_worse_than_counting_nothing(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Counting nothing errs by five objects; nothing is drawn above the figure, and the threshold has its marker."""
    section = read_section("counting", counting(make(_counting())))
    (figure,) = _figures(section.html, "Mean absolute error of the count against")
    assert "counting nothing" in figure
    heights = [float(y) for d in re.findall(r' d="([^"]*)"', figure) for y in re.findall(r"[ML] \S+ (\S+)", d)]
    assert min(heights) >= 0
    assert figure.count("<use") == 1
    assert figure.count('class="area band model-0"') == 1
    assert ">400<" not in figure


def test_scores_of_any_range_have_an_axis(make: Callable[..., list[Model]], read_section: Callable[..., Any]) -> None:
    """Scores that are no probabilities are drawn from the lowest to the highest; a single one has room too."""
    for thresholds, last in (([-3.0, 0.0, 5.0], "5"), ([7.0], "8")):
        values = Band(value=[1.0] * len(thresholds))
        line = CountCurve(threshold=thresholds, mae=values, rmse=values, bias=values)
        html = read_section("counting", counting(make(_counting(curve=line)))).html
        (figure,) = _figures(html, "Mean absolute error of the count against")
        assert f">{last}</text>" in figure


def test_errors_by_density_have_the_dataset_s_ranges(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A row for each range with pictures in it, and a marker for each model."""
    other = _counting(by_density=[_group("0", 1, None), _group("2 to 5", 2, 0.5)])
    section = read_section("counting", counting(make(_counting(), other)))
    assert section.row("2 to 5") == ["2 to 5", "2", "0.00 [0.00, 0.00] bias +0.00", "0.50 [0.25, 4.50] bias -0.50"]
    assert section.row("11 to 20")[2:] == ["3.00 [1.50, 27.00] bias -3.00", "–b"]
    titles = [span["title"] for span in section.all("span", "undefined")]
    assert titles == ["they have gone", "the result has no such pictures"]
    (figure,) = _figures(section.html, "Mean absolute error of the count by")
    assert re.findall(r">(0|2–5|11–20)</text>", figure)[:3] == ["0", "2–5", "11–20"]
    assert figure.count('href="#m0"') == 3
    assert figure.count('href="#m1"') == 1


def test_without_a_threshold_only_the_curve_is_drawn(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """There are no counts at a threshold: dashes say why, and no picture has a dot."""
    section = read_section("counting", counting(make(_counting(**_NO_THRESHOLD))))
    assert section.row("model 0")[1:4] == ["– no threshold was given", "–a", "–a"]
    assert not _figures(section.html, "Predicted against true")
    assert len(_figures(section.html, "Mean absolute error")) == 1
    assert {span["title"] for span in section.all("span", "undefined")} == {"there is no threshold to count at"}


def test_nothing_to_count_shows_nothing(make: Callable[..., list[Model]], read_section: Callable[..., Any]) -> None:
    """Without objects, or where nobody was asked, there is no section; who was not asked is named."""
    nothing = Band(value=[])
    empty = CountCurve(threshold=[], mae=nothing, rmse=nothing, bias=nothing)
    assert counting(make(_counting(reason="there is no ground truth to be found", curve=empty))) is None
    assert counting(make(None)) is None
    assert counting([]) is None
    section = read_section("counting", counting(make(None, _counting(), names=("lazy", "busy"))))
    assert "Counts were not asked for of lazy" in section.text


def test_one_picture_and_no_predictions_are_drawn(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A detector that finds nothing lies on the axis."""
    one = _counting((3,), (0,), by_density=[_group("2 to 5", 1, 3.0)])
    section = read_section("counting", counting(make(one)))
    assert len(_figures(section.html, "Predicted against true")) == 1
    perfect = _counting((3,), (3,), by_density=[_group("2 to 5", 1, 0.0)])
    assert read_section("counting", counting(make(perfect))).row("2 to 5")[2] == "0.00 [0.00, 0.00] bias +0.00"


def test_eight_models_are_drawn_with_hostile_names(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Names are text, the others are counted, and tables can be listened to."""
    names = ("<script>alert(1)</script>", "ab" * 5_000, "{{ 7 * 7 }}")
    section = read_section("counting", counting(make(*[_counting()] * 9, names=names)))
    assert not section.all("script")
    assert "{{ 7 * 7 }}" in section.text
    assert len(_figures(section.html, "Predicted against true")) == 8
    assert "Of 9 models, figures show those among the first 8 of the leaderboard." in section.text
    assert all("scope" in head for head in section.all("th"))
    assert len(section.all("caption")) == len(section.all("table")) == 2
    assert "style" not in {name for _, attributes in section.elements for name in attributes}
    assert len(section.html) < 120_000


def test_counts_of_real_predictions_are_shown(
    shared: Path,
    tmp_path: Path,
    detbench: Callable[..., subprocess.CompletedProcess[str]],
    make_models: Callable[..., list[Model]],
    read_section: Callable[..., Any],
) -> None:
    """YOLOX-nano on 80 COCO images: the totals of the result stand in the section, and twice the same bytes."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    predictions = shared / "predictions" / "yolox_nano__coco_tiny_val.json"
    done = detbench("eval", truth, predictions, "--count-threshold", "0.3", "--no-intervals", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    result = read(tmp_path / "result.json")
    assert result.counting
    assert result.counting.totals
    section = read_section("counting", counting(make_models([result], names=["yolox"])))
    totals = result.counting.totals
    assert section.row("yolox")[5:8] == [f"{one:,}" for one in (totals.predicted, totals.over, totals.under)]
    assert section.html == read_section("counting", counting(make_models([result], names=["yolox"]))).html


def test_the_examples_are_true() -> None:
    """Ticks are round, and lines are cut where they cross."""
    assert doctest.testmod(count_figures).failed == 0
