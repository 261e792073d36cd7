"""What goes wrong: kinds of errors, confusion matrices and reliability diagrams of several models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.document import read
from detbench.evaluation.metrics.tide import FIXES, KINDS
from detbench.evaluation.parts.calibration import Bin, Calibration
from detbench.evaluation.parts.errors import Cell, Confusion, Errors, Kinds, Tide
from detbench.evaluation.parts.worst import Worst
from detbench.report.sections.errors import errors

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.document import Document
    from detbench.report.sections.model import Model

_NAMES = ("car", "van", "truck")


def _bin(place: int, count: int, precision: float | None) -> Bin:
    low, high = place / 10, (place + 1) / 10
    score = None if precision is None else low + 0.05
    interval = None if precision is None else (max(precision - 0.1, 0.0), min(precision + 0.1, 1.0))
    return Bin(low=low, high=high, count=count, score=score, precision=precision, interval=interval)


def _errors(
    counts: tuple[int, ...] = (5, 4, 3, 2, 1, 10),
    cells: tuple[tuple[int | None, int | None, int], ...] = ((0, 0, 7), (0, 1, 2), (1, None, 3), (None, 0, 4)),
    **changes: Any,
) -> Errors:
    kinds = Kinds(
        counts={kind: 10 * count for kind, count in zip(KINDS, counts, strict=True)},
        at_operating_point=dict(zip(KINDS, counts, strict=True)),
    )
    whole = Errors(
        threshold=0.3125,
        tide=Tide(
            foreground_iou=0.5,
            background_iou=0.1,
            kinds=kinds,
            metrics={"AP": 0.6} | {f"dAP_{fix}": 0.01 * place for place, fix in enumerate(FIXES)},
            intervals={f"dAP_{FIXES[1]}": (-0.00001, 0.02)},
            reasons={},
            per_category=[kinds] * len(_NAMES),
        ),
        confusion=Confusion(iou=0.5, cells=[Cell(ground_truth=t, predicted=p, count=n) for t, p, n in cells]),
        calibration=Calibration(
            metrics={"ECE": 0.25},
            intervals={"ECE": (0.2, 0.3)},
            reasons={},
            equal_width=[_bin(0, 900, 0.01), _bin(5, 0, None), _bin(9, 30, 0.9)],
            equal_mass=[],
        ),
        worst=Worst(limit=0, images=[], false_positives={}, missed=[]),
    )
    return msgspec.structs.replace(whole, **changes)


@pytest.fixture
def make(make_models: Callable[..., list[Model]]) -> Callable[..., list[Model]]:
    """Return a maker of models whose errors are given, one after another; None: they were not looked into."""

    def made(*found: Errors | None, names: tuple[str, ...] = (), categories: tuple[str, ...] = _NAMES) -> list[Model]:
        documents: list[Document] = [make_models(1, errors=one, categories=categories)[0].result for one in found]
        return make_models(documents, names=names)

    return made


def test_errors_are_counted_by_kind_at_the_operating_point(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Each bar is as long as its kind is frequent; the longest stack fills the width."""
    section = read_section("errors", errors(make(_errors(), _errors((0, 0, 0, 0, 5, 0)))))
    bars = [each for each in section.all("rect") if str(each["width"]).endswith("%")]
    assert [each["width"] for each in bars] == ["20.0%", "16.0%", "12.0%", "8.0%", "4.0%", "40.0%", "20.0%"]
    assert [each["x"] for each in bars] == ["0.0%", "20.0%", "36.0%", "48.0%", "56.0%", "60.0%", "0.0%"]
    assert "25 score from 0.312" in section.text
    assert "missed: 10" in section.text


def test_a_kind_says_what_ap_would_gain_without_it(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Count, gain and interval of each kind; all false positives are the five kinds together."""
    section = read_section("errors", errors(make(_errors())))
    assert section.row("localisation too far off")[1:] == ["4 AP +0.010 [+0.000, +0.020]"]
    assert section.row("false positives all of these five")[1:] == ["15 AP +0.060"]
    assert section.row("false negatives whatever is not found")[1:] == ["AP +0.070"]


def test_a_confusion_matrix_has_a_row_for_what_is_there(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """What is right is on the diagonal; the last column is not found, the last row is no object."""
    section = read_section("errors", errors(make(_errors())))
    assert ["", *_NAMES, "not found"] in section.rows
    assert section.row("car") == ["car", "7", "2", "", ""]
    assert section.row("van") == ["van", "", "", "", "3"]
    assert section.row("no object") == ["no object", "4", "", "", ""]
    assert "model 0: 2 objects taken for another category" in section.text
    titles = {cell["title"]: cell["class"] for cell in section.all("td") if "title" in cell}
    assert titles["car predicted as van: 2 of 9 (22%)"] == "wrong-1"
    assert titles["van not found: 3 of 3 (100%)"] == "wrong-4"
    assert titles["car where no such object is: 4 of 11 (36%) predicted"] == "wrong-1"


def test_many_categories_are_folded_into_one_row(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """The fifteen that any model confuses most are shown, in the dataset's order, and the same for all models."""
    categories = tuple(f"kind {place}" for place in range(400))
    cells = (*((place, place + 1, 2) for place in range(100, 114)), (3, 3, 50), (7, 8, 1), (8, None, 1))
    section = read_section("errors", errors(make(_errors(cells=cells), _errors(cells=()), categories=categories)))
    heads = [row for row in section.rows if row[-1:] == ["not found"]]
    assert heads == [["", *(f"kind {place}" for place in range(100, 115)), "385 others", "not found"]] * 2
    assert section.row("385 others")[-2:] == ["51", "1"]
    assert "385 others: 50 right, 1 taken for another of them" in section.html
    assert "The 15 categories that are confused most have rows of their own." in section.text
    assert len(section.all("details")) == 2
    assert [("open" in each) for each in section.all("details")] == [True, False]


def test_a_reliability_diagram_has_a_point_for_each_bin_that_holds_something(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Points with intervals, bars of counts, and the error beside the name."""
    section = read_section("errors", errors(make(_errors())))
    figure = re.search(
        r"<figcaption>(?:(?!</figure>).)*ECE 0\.250 \[0\.200, 0\.300\].*?</figure>", section.html, re.DOTALL
    )
    assert figure
    assert figure[0].count('href="#m0"') == 1 + 2  # the name's, and the points'
    assert figure[0].count("curve span model-0") == 2
    assert figure[0].count("area bars model-0") == 2


def test_scores_that_are_no_probabilities_have_no_diagram(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """The reason stands in its place; where nobody has a diagram, they are not spoken of."""
    reason = "scores from -3 to 8 are no probabilities"
    none = Calibration(metrics={"ECE": None}, intervals={}, reasons={"ECE": reason}, equal_width=[], equal_mass=[])
    section = read_section("errors", errors(make(_errors(), _errors(calibration=none))))
    assert f"No diagram: {reason}." in section.text
    assert "ECE –" in section.text
    alone = read_section("errors", errors(make(_errors(calibration=none))))
    assert "probabilities" not in alone.text


def test_no_predictions_and_no_threshold_are_said(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A model that finds nothing misses everything; one without any error has an empty bar."""
    lost = _errors((0, 0, 0, 0, 0, 9), cells=((0, None, 9),), threshold=None)
    section = read_section("errors", errors(make(lost)))
    assert "9 nothing is accepted" in section.text
    assert section.row("car") == ["car", "", "", "", "9"]
    perfect = read_section("errors", errors(make(_errors((0,) * 6, cells=()))))
    assert 'aria-label="0 errors"' in perfect.html
    assert not perfect.all("table", "confusion")


def test_models_whose_errors_were_not_looked_into_are_named(
    make: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Without any there is no section."""
    section = read_section("errors", errors(make(None, _errors(), names=("lazy", "busy"))))
    assert "Errors were not looked into for lazy" in section.text
    assert [cell for row in section.rows[:1] for cell in row] == ["kind", "busy"]
    assert errors(make(None, None)) is None
    assert errors([]) is None


def test_eight_models_are_drawn(make: Callable[..., list[Model]], read_section: Callable[..., Any]) -> None:
    """The others are counted."""
    section = read_section("errors", errors(make(*[_errors()] * 9)))
    assert len(section.all("p", "stack-row")) == 8
    assert "Of 9 models, figures show those among the first 8 of the leaderboard." in section.text
    assert all("scope" in head for head in section.all("th"))
    assert len(section.all("caption")) == len(section.all("table"))


def test_hostile_names_are_text(make: Callable[..., list[Model]], read_section: Callable[..., Any]) -> None:
    """Names of models and categories neither run nor fill the page."""
    hostile = ("<script>alert(1)</script>", "ab" * 5_000, "two\nlines")
    section = read_section("errors", errors(make(_errors(), _errors(), names=hostile[:2], categories=hostile)))
    assert not section.all("script")
    assert len(section.html) < 60_000
    assert "style" not in {name for _, attributes in section.elements for name in attributes}


def test_errors_of_real_predictions_are_shown(
    shared: Path,
    tmp_path: Path,
    detbench: Callable[..., subprocess.CompletedProcess[str]],
    make_models: Callable[..., list[Model]],
    read_section: Callable[..., Any],
) -> None:
    """YOLOX-nano on 80 COCO images: the counts of the result stand in the section, and twice the same bytes."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    predictions = shared / "predictions" / "yolox_nano__coco_tiny_val.json"
    done = detbench("eval", truth, predictions, "--errors", "--no-intervals", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    result = read(tmp_path / "result.json")
    assert result.errors
    section = read_section("errors", errors(make_models([result])))
    for kind, count in result.errors.tide.kinds.at_operating_point.items():
        assert f"{kind}: {count:,}" in section.text
    assert section.html == read_section("errors", errors(make_models([result]))).html
