"""How accurate and how fast: accuracy against latency on each machine, and where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.profile_words import interval, significant
from detbench.report.sections.keys import Key, Listed, key_of, left_out, listed, marked
from detbench.report.sections.latency_plot import latency_plot, spread_of
from detbench.report.sections.speed_plot import Dot, front, speed_plot
from detbench.report.tables import UNDEFINED
from detbench.report.timing_tables import few_samples
from detbench.timing.prediction_times import STAGES
from detbench.timing.samples import Quantile
from detbench.words import brief, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from detbench.evaluation.parts.timing import Timing
    from detbench.evaluation.standings.document import Speed
    from detbench.report.sections.model import Model

__all__ = ["Bar", "Machine", "Row", "SpeedView", "Time", "speed"]


class Time(NamedTuple):
    """A quantile in milliseconds as text, its interval or nothing, why there is none, and why not to lean on it."""

    text: str
    interval: str = ""
    reason: str = ""
    caution: str = ""


class Bar(NamedTuple):
    """A stage in a bar: its place in the order of stages, where it begins and how long it is in percent, its time."""

    stage: int
    start: float
    length: float
    text: str


class Row(NamedTuple):
    """A model's latency; ``spots`` are p50, p90 and p99 in percent of the table's scale, empty without stages."""

    key: Key
    times: list[Time]
    bars: list[Bar]
    spots: list[float]


class Machine(NamedTuple):
    """What was timed on one machine.

    ``figure`` is empty where fewer than two models can be drawn; ``front`` are those that no other beats in both;
    ``spread`` is empty where no result keeps how its times are spread, ``spread_keys`` are those that do.
    """

    name: str
    figure: Markup | str
    keys: list[Key]
    front: Listed | None
    rows: list[Row]
    spread: Markup | str
    spread_keys: list[Key]


class SpeedView(NamedTuple):
    """What the section shows; ``metric`` is what the figures mean by accuracy, ``stages`` name the bars' parts."""

    metric: str
    machines: list[Machine]
    stages: list[str]
    without: Listed | None
    left_out: str


#: One point says nothing about a trade.
_MIN_DRAWN = 2

#: A machine's name is as long as its processor's; a hostile one is longer.
_MAX_MACHINE = 120

_MAX_METRIC = 30


def speed(models: Sequence[Model]) -> SpeedView | None:
    """Return what the section shows, or None where no model was timed."""
    by_machine: dict[str, list[Model]] = {}
    for model in models:
        if model.entry.speed:
            by_machine.setdefault(model.entry.speed.machine, []).append(model)
    if not by_machine:
        return None
    metric = next((name for model in models for name in model.entry.metrics), "")
    timed = [model for model in models if model.entry.speed]
    machines = [_machine(name, of_it, metric) for name, of_it in by_machine.items()]
    return SpeedView(
        metric=brief(printable(metric), _MAX_METRIC),
        machines=machines,
        stages=[stage.replace("_", "-") for stage in STAGES[:-1]],
        without=listed([model for model in models if not model.entry.speed]),
        left_out=left_out(timed) if any(machine.figure or machine.spread for machine in machines) else "",
    )


def _machine(name: str, models: Sequence[Model], metric: str) -> Machine:
    drawn = {model.mark: model for model in marked(models)}
    dots = [dot for model in drawn.values() for dot in _dots(model, metric)]
    spreads = [spread for model in drawn.values() if (spread := spread_of(model.mark, model.result.timing or None))]
    is_drawn = len(dots) >= _MIN_DRAWN
    names = {dot.mark: key_of(drawn[dot.mark]).name for dot in dots}
    shown = brief(printable(name), _MAX_MACHINE)
    return Machine(
        name=shown,
        figure=speed_plot(dots, brief(printable(metric), _MAX_METRIC), names, shown) if is_drawn else "",
        keys=[key_of(drawn[dot.mark]) for dot in dots] if is_drawn else [],
        front=listed([drawn[dot.mark] for dot in front(dots)]) if is_drawn else None,
        rows=_rows(models),
        spread=latency_plot(spreads, {}, shown) if spreads else "",
        spread_keys=[key_of(drawn[one.mark]) for one in spreads],
    )


def _dots(model: Model, metric: str) -> Iterator[Dot]:
    """Yield a model's point, if its accuracy is defined."""
    value, given = model.entry.metrics.get(metric), model.entry.speed
    if value is not None and given is not None:
        ends = model.entry.intervals.get(metric)
        yield Dot(model.mark, given.median_ms, given.median_interval_ms, value, ends)


def _rows(models: Sequence[Model]) -> list[Row]:
    """Return a row a model, all on one scale, the fastest first."""
    timed = [(model, model.entry.speed, model.result.timing or None) for model in models]
    longest_ms = max((_length_ms(timing) for _, _, timing in timed if timing), default=0.0)
    order = sorted((of for of in timed if of[1]), key=lambda of: of[1].median_ms if of[1] else 0.0)
    return [_row(model, given, timing, longest_ms or 1.0) for model, given, timing in order if given]


def _length_ms(timing: Timing) -> float:
    """Return how far a row's drawings go."""
    return max(timing.stages["total"].p99.value_ms, sum(timing.stages[stage].p50.value_ms for stage in STAGES[:-1]))


def _row(model: Model, given: Speed, timing: Timing | None, longest_ms: float) -> Row:
    if timing is None:
        ends = given.median_interval_ms or (None, None)
        times = [
            Time(significant(given.median_ms), interval(Quantile(given.median_ms, *ends))),
            Time(significant(given.p90_ms)),
            Time(UNDEFINED, reason="the result gives no times of its stages"),
        ]
        return Row(key_of(model), times, [], [])
    quantiles = timing.stages["total"].quantiles().values()
    times = [Time(significant(q.value_ms), interval(q)) for q in quantiles]
    times[-1] = times[-1]._replace(caution=few_samples(timing.samples))
    bars: list[Bar] = []
    start_ms = 0.0
    for place, stage in enumerate(STAGES[:-1]):
        taken_ms = timing.stages[stage].p50.value_ms
        bars.append(Bar(place, _percent(start_ms, longest_ms), _percent(taken_ms, longest_ms), significant(taken_ms)))
        start_ms += taken_ms
    return Row(key_of(model), times, bars, [_percent(q.value_ms, longest_ms) for q in quantiles])


def _percent(value_ms: float, longest_ms: float) -> float:
    return round(100 * value_ms / longest_ms, 2)
