"""Accuracy against latency, and where the time goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.standings.document import Speed
from detbench.report.pages import render_report
from detbench.report.sections.speed_plot import Dot, front, nice

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.evaluation.parts.timing import Timing
    from detbench.evaluation.results import Result

_HOSTILE = "<script>$\\frac{$\x00\u202ecb"


def _speed(median_ms: float, machine: str = "a desk") -> Speed:
    return Speed(
        machine=machine,
        fps=1000 / max(median_ms, 1e-6),
        fps_interval=None,
        median_ms=median_ms,
        median_interval_ms=(0.9 * median_ms, 1.1 * median_ms),
        p90_ms=1.2 * median_ms,
    )


@pytest.fixture
def make_timed(
    make_result: Callable[..., Result], make_timing: Callable[[float], Timing]
) -> Callable[[float, float], Result]:
    """Return a maker of results with an AP and a median latency."""

    def make(ap: float, median_ms: float) -> Result:
        return make_result(metrics={"AP": ap}, intervals={"AP": (ap - 0.05, ap + 0.05)}, timing=make_timing(median_ms))

    return make


def _figures(section: str) -> list[str]:
    return re.findall(r'<svg viewBox[^>]*role="img".*?</svg>', section)


def test_a_model_is_a_point_with_error_bars_both_ways(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """Three models of one machine share a figure; the front is stepped, and its models are named."""
    results = {"slow": make_timed(0.7, 90), "fast": make_timed(0.4, 10), "beaten": make_timed(0.3, 40)}
    speeds = {"slow": _speed(90), "fast": _speed(10), "beaten": _speed(40)}
    section = section_of(make_page(results, speeds), "speed")
    (figure,) = _figures(section)
    assert sorted(re.findall(r'class="mark (model-\d) m\d"', figure)) == ["model-0", "model-1", "model-2"]
    assert figure.count('class="curve whisk model-0"') == 2
    assert figure.count('class="curve front"') == 1
    assert "better than <bdi>fast</bdi> and <bdi>slow</bdi>." in section
    assert re.findall(r'class="axis name model-\d"[^>]*>(\w+)<', figure) == ["slow", "fast", "beaten"]


def test_a_machine_has_a_figure_of_its_own(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """Times of two machines never share a figure or a table; a model alone on its machine has no figure."""
    names = ("a", "b", "c", "d", "e")
    results = {name: make_timed(0.5 - place / 20, 10 + place) for place, name in enumerate(names)}
    machines = {"a": "one", "b": "two", "c": "one", "d": "two", "e": "<three>"}
    speeds = {name: _speed(10 + place, machines[name]) for place, name in enumerate(names)}
    section = section_of(make_page(results, speeds), "speed")
    parts = re.split(r'<h3 class="machine">', section)[1:]
    assert [re.findall(r"<bdi>(.*?)</bdi>", part)[0] for part in parts] == ["one", "two", "&lt;three&gt;"]
    assert [len(_figures(part)) for part in parts] == [1, 1, 0]
    assert ["Up is more accurate (AP)" in part for part in parts] == [True, False, False]  # once is enough
    assert [re.findall(r'<th scope="row">.*?<bdi>(\w)</bdi>', part) for part in parts] == [
        ["a", "c"],
        ["b", "d"],
        ["e"],
    ]


def test_the_bar_shows_each_stage_in_proportion(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """The longest p99 of the machine is the whole width; the fastest model comes first."""
    results = {"slow": make_timed(0.7, 100), "fast": make_timed(0.4, 50)}
    section = section_of(make_page(results, {"slow": _speed(100), "fast": _speed(50)}), "speed")
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", section, re.DOTALL)
    assert ["fast" in row for row in rows] == [True, False]
    bars = [re.findall(r'<rect class="stage-(\d)" x="([\d.]+)%" width="([\d.]+)%"', row) for row in rows]
    assert bars[1] == [("0", "0.0", "5.0"), ("1", "5.0", "10.0"), ("2", "15.0", "30.0"), ("3", "45.0", "5.0")]
    assert bars[0][2] == ("2", "7.5", "15.0")
    assert "decode 10.0 · pre-processing 20.0 · forward 60.0 · post-processing 10.0" in rows[1]
    assert "200<span" not in rows[1]  # p99 has no interval
    assert "[100, –]" in rows[1]  # p90 is bounded on one side


def test_models_without_times_are_named(
    make_page: Callable[..., str],
    make_result: Callable[..., Result],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """Up to eight by name, the others counted; where nobody was timed there is no section."""
    results = {"timed": make_timed(0.7, 100), **{f"m{place}": make_result() for place in range(10)}}
    section = section_of(make_page(results, {"timed": _speed(100)}), "speed")
    assert "<bdi>m6</bdi>, <bdi>m7</bdi> and 2 more." in section
    assert section_of(make_page({"one": make_result()}), "speed") == ""


def test_a_speed_without_stages_and_no_interval_is_shown(
    make_page: Callable[..., str], make_result: Callable[..., Result], section_of: Callable[[str, str], str]
) -> None:
    """What is not known is a dash, an undefined accuracy is not drawn, and times of 0 and of years fit the axis."""
    results = {"a": make_result(), "b": make_result(), "c": make_result(metrics={"AP": None}, intervals={})}
    section = section_of(make_page(results, {"a": _speed(0), "b": _speed(1e12), "c": _speed(30)}), "speed")
    (figure,) = _figures(section)
    assert "model-2" not in figure
    assert section.count("the result gives no times of its stages") == 3


def test_hostile_names_are_text(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """In the figure, in the legend and in the table; a machine may be called anything."""
    results = {_HOSTILE: make_timed(0.7, 100), "@0": make_timed(0.6, 30)}
    page = make_page(results, {name: _speed(20 + place, "<b>" * 5000) for place, name in enumerate(results)})
    section = section_of(page, "speed")
    assert "<script" not in section
    assert "<b>" not in section
    assert len(section) < 20_000
    (figure,) = _figures(section)
    assert ">@0<" in figure
    assert "&lt;script&gt;$\\frac{$" in figure
    assert "\x00" not in section


def test_the_front_is_what_nothing_beats() -> None:
    """Equal ones are both on it; who is as fast as another and worse, or as good and slower, is not."""
    dots = [_dot(0, 10, 0.5), _dot(1, 10, 0.5), _dot(2, 10, 0.4), _dot(3, 20, 0.5), _dot(4, 30, 0.6), _dot(5, 40, 0.1)]
    assert [dot.mark for dot in front(dots)] == [0, 1, 4]


def _dot(mark: int, ms: float, value: float) -> Dot:
    return Dot(mark, ms, None, value, None)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.3, 0.3), (0.0, 1.0), (0.123, 0.1231), (-3.0, 900.0)])
def test_ticks_enclose_what_is_drawn(low: float, high: float) -> None:
    """They ascend in even steps and are few."""
    ticks = nice(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 9
    assert sorted(set(ticks)) == ticks


@pytest.mark.parametrize(("samples", "said"), [(30, True), (99, True), (100, False)])
def test_a_p99_of_few_samples_is_marked(
    make_page: Callable[..., str],
    make_result: Callable[..., Result],
    make_timing: Callable[[float], Timing],
    section_of: Callable[[str, str], str],
    samples: int,
    said: bool,
) -> None:
    """With how many there were, on either page; the caption says what an open end is."""
    result = make_result(timing=msgspec.structs.replace(make_timing(20.0), samples=samples))
    sentence = f"Of {samples} samples: p99 is little more than the largest of them."
    section = section_of(make_page({"one": result}, {"one": _speed(20.0)}), "speed")
    assert (f"<bdi>{sentence}</bdi>" in section) is said
    assert ('40.0<sup class="mark-of-note">a</sup>' in section) is said
    assert section.count('class="mark-of-note"') == said
    assert "too few samples to bound it above" in section
    assert (sentence in section_of(render_report(result), "speed")) is said


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
@pytest.mark.parametrize(
    ("spread", "step", "names"), [(1.02, 0.04, 7), (1.3, 0.002, 7), (1.3, 0.04, 7), (4.0, 0.04, 7), (60.0, 0.04, 7)]
)
def test_figures_can_be_read(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    look: Callable[..., dict[str, Any]],
    spread: float,
    step: float,
    names: int,
    width_px: int,
) -> None:
    """Near or far apart: a name stands beside its marker only where it lies on no other."""
    results = {f"model {k}": make_timed(0.8 - step * k, 10 * spread ** (7 - k)) for k in range(8)}
    page = make_page(results, {f"model {k}": _speed(10 * spread ** (7 - k)) for k in range(8)})
    seen = look(page, "speed", width_px)
    assert seen["names"] >= names
    assert seen["smallest"] >= 9
    assert (seen["touching"], seen["outside"]) == ([], [])
    assert seen["scrolls"] <= width_px


def _spread_out(result: Result, median_ms: float) -> Result:
    """Return the result as versions write it that keep how times are spread."""
    assert result.timing
    spread = tuple(median_ms * (1 + (percent - 50) / 200) for percent in range(5, 100, 5))
    return type(result)(
        msgspec.structs.replace(result.document, timing=msgspec.structs.replace(result.timing, spread_ms=spread))
    )


def test_latencies_are_a_curve_a_model_with_its_marker_at_the_median(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """Beside the points there is the distribution; a result that does not keep it is not among the curves."""
    results = {name: make_timed(0.5, ms) for name, ms in {"old": 20.0, "a": 30.0, "b": 90.0}.items()}
    speeds = {name: _speed(20.0) for name in results}
    without = section_of(make_page(results, speeds), "speed")
    assert len(_figures(without)) == 1
    assert "How latency is distributed" not in without
    results |= {name: _spread_out(results[name], ms) for name, ms in {"a": 30.0, "b": 90.0}.items()}
    section = section_of(make_page(results, speeds), "speed")
    _, figure = _figures(section)
    assert re.findall(r'class="curve (model-\d)"', figure) == ["model-2", "model-1"]  # the first on top
    for look in ("model-1", "model-2"):
        line = re.findall(rf'class="curve {look}" d="M([^"]+)"', figure)[0]
        points = [tuple(map(float, point.split())) for point in line.split("L")]
        assert len(points) == 20
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))  # rightwards and up
        (x, y), *_ = re.findall(rf'class="mark {look} m\d"[^>]* x="([\d.]+)" y="([\d.]+)"', figure)
        assert any(abs(float(x) - left) < 0.2 and abs(float(y) - down) < 0.2 for left, down in points)
    assert "with the marker at the median" in section
    legend = section.split("How latency is distributed")[1].split("</ul>")[0]
    assert "<bdi>a</bdi>" in legend
    assert "<bdi>old</bdi>" not in legend


def test_one_timed_model_has_its_distribution_on_either_page(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    section_of: Callable[[str, str], str],
) -> None:
    """A curve needs no other model, and times of 0 and of years fit its axis."""
    for median_ms in (0.0, 30.0, 1e13):
        result = _spread_out(make_timed(0.5, median_ms), median_ms)
        for page in (make_page({"one": result}, {"one": _speed(median_ms)}), render_report(result)):
            (figure,) = _figures(section_of(page, "speed"))
            assert "How latencies are spread" in figure
            assert "nan" not in figure
    assert not _figures(section_of(render_report(make_timed(0.5, 30.0)), "speed"))


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_distribution_can_be_read_on_a_phone(
    make_page: Callable[..., str],
    make_timed: Callable[[float, float], Result],
    look: Callable[..., dict[str, Any]],
    width_px: int,
) -> None:
    """No text lies on another or leaves the page, and none is small."""
    results = {name: _spread_out(make_timed(0.5, ms), ms) for name, ms in {"a": 30.0, "b": 34.0, "c": 900.0}.items()}
    found = look(make_page(results, {name: _speed(40.0) for name in results}), "speed", width_px)
    assert found["touching"] == []
    assert found["outside"] == []
    assert found["smallest"] > 8
