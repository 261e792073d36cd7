"""Proposal recall of several models against the number of proposals."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from detbench import evaluate
from detbench.evaluation.parts.bands import Band
from detbench.evaluation.parts.proposals import ProposalCurves, Proposals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.results import Result

_COUNTS = [1, 10, 100, 300, 1000, 2000]


def _line(height: float, *, banded: bool) -> Band:
    value = [height * share for share in (0.1, 0.4, 0.8, 0.9, 1.0, 1.0)]
    low, high = [0.9 * one for one in value], [min(1.0, 1.1 * one) for one in value]
    return Band(value=value, low=low if banded else [], high=high if banded else [])


def _proposals(
    height: float = 0.8, *, counts: list[int] | None = None, named: list[int] | None = None, banded: bool = True
) -> Proposals:
    lines: dict[str, Band | None] = {
        "average_recall": _line(height * 0.6, banded=banded),
        "recall50": _line(height, banded=banded),
        "recall70": _line(height * 0.8, banded=banded),
    }
    return _part(counts or _COUNTS, named or [100, 300, 1000], lines, truths=90)


def _part(counts: list[int], named: list[int], lines: dict[str, Band | None], *, truths: int) -> Proposals:
    whole = ProposalCurves(
        name="all",
        suffix="",
        ground_truths=truths,
        counts=counts,
        reason="" if truths else "there is no ground truth to be found",
        **lines,
    )
    return Proposals(
        source="proposals.json",
        fingerprint="3d" * 32,
        proposals=12_345,
        images=80,
        dropped=0,
        iou_thresholds=[0.5, 0.55, 0.6],
        named_counts=named,
        images_with_fewer=[0] * len(counts),
        all=whole,
        by_size=[],
        by_category=[],
    )


def _figures(section: str) -> list[str]:
    return re.findall(r'<svg viewBox[^>]*role="img".*?</svg>', section)


def test_three_figures_show_each_model_with_its_band(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """At IoU 0.50, 0.70 and on average, on an axis from 1 to 2000 in plain numbers."""
    results = {name: make_result(proposals=_proposals(height)) for name, height in (("one", 0.8), ("two", 0.7))}
    section = section_of(make_page(results), "proposals")
    figures = _figures(section)
    assert len(figures) == 3
    for figure in figures:
        assert re.findall(r'class="area band (model-\d)"', figure) == ["model-1", "model-0"]
        assert re.findall(r'class="curve (model-\d)"', figure) == ["model-1", "model-0"]
        assert re.findall(r'class="tick"[^>]*>(\w+)<', figure)[:5] == ["1", "10", "100", "1000", "2000"]
    assert "A band is the 95 % interval over the pictures." in section


def test_names_beside_curves_do_not_touch(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """Eight models that end at one height have eight names a line apart; long names stand in the legend alone."""
    results = {f"model {place}": make_result(proposals=_proposals()) for place in range(8)}
    for figure in _figures(section_of(make_page(results), "proposals")):
        heights = sorted(float(y) for y in re.findall(r'class="axis name model-\d" x="[\d.]+" y="([\d.]+)"', figure))
        assert len(heights) == 8
        assert all(second - first > 11 for first, second in pairwise(heights))
    long = {f"a name that takes too much room {place}": one for place, one in enumerate(results.values())}
    section = section_of(make_page(long), "proposals")
    assert "axis name" not in section
    assert "a name that takes too much room 7" in section


def test_the_table_has_the_numbers_with_their_intervals(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """A count that one model was not asked for is a dash there, with the reason."""
    results = {
        "one": make_result(proposals=_proposals()),
        "two": make_result(proposals=_proposals(named=[100])),
        "three": make_result(proposals=_proposals(counts=[1, 10, 50, 300, 1000, 2000], named=[50])),
    }
    table = re.findall(r"<td[^>]*>.*?</td>", section_of(make_page(results), "proposals"))
    assert len(table) == 3 * 3 * 4  # measures × models × counts
    assert table[1] == '<td class="number">0.640<span class="ends">[0.576, 0.704]</span></td>'  # of one, at 100
    assert table[0] == (
        '<td class="number undefined" title="it was not asked for when this model was evaluated">'
        '–<sup class="mark-of-note">a</sup></td>'
    )


def test_the_numbers_are_those_of_the_results(
    make_page: Callable[..., str], shared: Path, section_of: Callable[[str, str], str]
) -> None:
    """YOLOX-nano and its proposals on real images: the page has the metrics that the evaluation gave."""
    truth, given = shared / "coco_tiny/annotations/instances_val2017.json", shared / "predictions"
    proposals = given / "proposals_yolox_obj__coco_tiny_val.json"
    result = evaluate(truth, given / "yolox_nano__coco_tiny_val.json", proposals=proposals, resamples=100)
    page = make_page({"yolox_nano": result})
    numbers = re.findall(r'<td class="number">([\d.]+)<span class="ends">', section_of(page, "proposals"))
    names = [f"proposal_{what}@{count}" for what in ("recall50", "recall70", "AR") for count in (100, 300, 1000)]
    assert numbers == [f"{result.metrics[name]:.3f}" for name in names]
    legends = re.findall(r'class="value">(0\.\d+)<', section_of(page, "curves"))
    assert legends == [f"{result.metrics[name]:.3f}" for name in ("AP50", "AP75", "AP")]


def test_models_without_proposals_are_named(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """Who gave none is said in a sentence; where nobody gave any there is no section."""
    some = {"one": make_result(proposals=_proposals()), "<two>": make_result(), "three": make_result()}
    assert "No proposals came with <bdi>&lt;two&gt;</bdi> and <bdi>three</bdi>." in section_of(
        make_page(some), "proposals"
    )
    assert section_of(make_page({"one": make_result()}), "proposals") == ""


def test_without_ground_truth_the_table_says_why(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """Nothing is drawn, and each number is a dash with its reason."""
    nothing: dict[str, Band | None] = dict.fromkeys(("average_recall", "recall50", "recall70"))
    part = _part(_COUNTS, [100], nothing, truths=0)
    section = section_of(make_page({"one": make_result(proposals=part)}), "proposals")
    assert _figures(section) == []
    assert section.count('title="there is no ground truth to be found">–') == 3


def test_without_intervals_there_is_no_band(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """The curves stand alone, and no sentence speaks of a band."""
    section = section_of(make_page({"one": make_result(proposals=_proposals(banded=False))}), "proposals")
    assert len(_figures(section)) == 3
    assert "band" not in section


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
@pytest.mark.parametrize("name", ["m{}", "a model WITH M {}"])
def test_figures_can_be_read(
    make_page: Callable[..., str],
    make_result: Callable[..., Result],
    look: Callable[..., dict[str, Any]],
    name: str,
    width_px: int,
) -> None:
    """On a phone as on a screen: texts are large enough, and neither names nor ticks lie on each other."""
    results = {name.format(place): make_result(proposals=_proposals(0.9 - place / 100)) for place in range(8)}
    seen = look(make_page(results), "proposals", width_px)
    assert seen["names"] == 3 * 8
    assert seen["smallest"] >= 9
    assert (seen["touching"], seen["outside"]) == ([], [])
    assert seen["scrolls"] <= width_px
