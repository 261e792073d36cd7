"""What goes wrong: errors by kind, categories taken for others, and whether scores mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.metrics.tide import FALSE_POSITIVES, KINDS
from detbench.evaluation.parts.errors import GAIN
from detbench.report.glossary import explain
from detbench.report.sections.confusion import Confusions, confusions
from detbench.report.sections.keys import Key, Listed, key_of, left_out, listed, marked
from detbench.report.sections.reliability import Reliability, reliability
from detbench.report.tables import UNDEFINED, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.evaluation.parts.errors import Errors
    from detbench.report.sections.model import Model

__all__ = ["Bar", "ErrorsView", "KindCell", "KindRow", "Stack", "errors"]

#: The rows of the table: kinds of false positives and all of them, then what is missed and all that is not found.
_ROWS = (*FALSE_POSITIVES, "false_positives", "missed", "false_negatives")


class Bar(NamedTuple):
    """A part of a stack: the number of its kind, and where it lies in per cent of the longest stack."""

    kind: int
    start: float
    length: float
    title: str


class Stack(NamedTuple):
    """One model's errors at its operating point; ``threshold`` is the score from which a prediction is accepted."""

    key: Key
    threshold: str
    total: str
    bars: list[Bar]


class KindCell(NamedTuple):
    """How many errors of a kind one model makes, empty where not counted, and what AP would gain without them."""

    number: str
    gain: str
    interval: str
    reason: str


class KindRow(NamedTuple):
    """A kind of errors in words, with its number (None: several kinds), and a cell a model."""

    name: str
    kind: int | None
    short: str
    long: str
    cells: list[KindCell]


class ErrorsView(NamedTuple):
    """What the section shows; ``without`` are the models whose errors were not looked into."""

    kinds: list[str]
    stacks: list[Stack]
    keys: list[Key]
    rows: list[KindRow]
    iou: str
    background_iou: str
    chosen: list[str]
    confusions: Confusions | None
    reliability: Reliability | None
    without: Listed | None
    left_out: str


def errors(models: Sequence[Model]) -> ErrorsView | None:
    """Return what the section shows, or None where no model that is drawn has had its errors looked into."""
    having = [(model, found) for model in marked(models) if (found := model.result.errors) is not None]
    if not having:
        return None
    longest = max(sum(_counts(found).values()) for _, found in having)
    points = [model.result.operating_point for model, _ in having]
    return ErrorsView(
        kinds=list(KINDS),
        stacks=[_stack(model, found, longest) for model, found in having],
        keys=[key_of(model) for model, _ in having],
        rows=[_row(name, having) for name in _ROWS],
        iou=f"{having[0][1].tide.foreground_iou:.2f}",
        background_iou=f"{having[0][1].tide.background_iou:.2f}",
        chosen=list(dict.fromkeys(point.chosen for point in points if point is not None)),
        confusions=confusions(having),
        reliability=reliability(having),
        without=listed([model for model in models if model.result.errors is None]),
        left_out=left_out(models),
    )


def _counts(found: Errors) -> dict[str, int]:
    return found.tide.kinds.at_operating_point


def _stack(model: Model, found: Errors, longest: int) -> Stack:
    counts = _counts(found)
    threshold = "nothing is accepted" if found.threshold is None else f"score from {found.threshold:.3g}"
    return Stack(key_of(model), threshold, f"{sum(counts.values()):,}", list(_bars(counts, longest)))


def _bars(counts: dict[str, int], longest: int) -> Iterator[Bar]:
    start = 0
    for kind, name in enumerate(KINDS):
        if count := counts[name]:
            yield Bar(kind, round(100 * start / longest, 2), round(100 * count / longest, 2), f"{name}: {count:,}")
        start += count


def _row(name: str, having: Sequence[tuple[Model, Errors]]) -> KindRow:
    words = explain(GAIN + name, {})
    kind = KINDS.index(name) if name in KINDS else None
    return KindRow(name.replace("_", " "), kind, words.short, words.long, [_cell(name, found) for _, found in having])


def _cell(name: str, found: Errors) -> KindCell:
    tide, counts = found.tide, _counts(found)
    value, ends = tide.metrics.get(GAIN + name), tide.intervals.get(GAIN + name)
    of_all = sum(counts[kind] for kind in FALSE_POSITIVES) if name == "false_positives" else None
    count = counts.get(name, of_all)
    return KindCell(
        number="" if count is None else f"{count:,}",
        gain=UNDEFINED if value is None else signed(value, 3),
        interval="" if ends is None else f"[{signed(ends[0], 3)}, {signed(ends[1], 3)}]",
        reason=tide.reasons.get(GAIN + name, "the result gives no reason") if value is None else "",
    )
