"""A result as rows of text: the one place where a number becomes words, read by the page and by the terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detbench.evaluation.document import COUNTS
from detbench.report.glossary import explain
from detbench.words import brief, counted, named

if TYPE_CHECKING:
    from detbench.evaluation.document import CategoryResult, DatasetFacts
    from detbench.evaluation.results import Result

__all__ = [
    "CategoryRow",
    "Measure",
    "category_columns",
    "category_rows",
    "citation",
    "curve_measure",
    "dataset_rows",
    "headline",
    "iou_thresholds",
    "measures",
    "protocol_rows",
    "what_was_measured",
]

#: Names come from files, and some are books.
_LONGEST_NAME = 300
_LONGEST_IN_TEXT = 80

#: What stands where a number is undefined.
UNDEFINED = "–"

#: So many digits of a fingerprint are enough to tell two apart in print.
_BRIEF = 12

#: The columns of the table of categories, where the protocol has them.
_CATEGORY_METRICS = ("AP", "AP50", "AP75", "recall")

_NO_BOUND_PX = 1e10

#: How many of a protocol's own columns are shown where it has none of those.
_OTHER_COLUMNS = 4

#: How the metric that a result leads with is called in a sentence.
_SPOKEN = {
    "AP": "an average precision (AP, {span})",
    "mAP": "a mean average precision (mAP)",
}

#: A protocol's settings in words, where the name alone would not do.
_SETTINGS = {
    "iou_thresholds": "IoU thresholds",
    "iou_above": "IoU must exceed the threshold",
    "areas": "object sizes",
    "max_dets": "predictions, at most",
    "inclusive_boxes": "boxes include both border pixels",
    "ignore_difficult": "difficult need not be found",
    "ignore_marked": "ignored need not be found",
    "id_zero_is_unmatched": "a match with id 0 is void",
    "max_dets_per": "so many predictions an image, of each",
    "ignore_crowd": "crowds need not be found",
    "marked_is_crowd": "ignored is taken like a crowd",
    "ignored_region_share": "share inside ignored regions that drops a box",
    "ignored_region_pixels": "ignored regions are measured",
    "left_out_categories": "categories not evaluated",
    "mean_by_images": "means by images are given too",
}

_PAPERS = {
    "coco": "Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014",
    "voc": "Everingham et al., The Pascal Visual Object Classes (VOC) Challenge, IJCV 88(2), 2010",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One number as a reader meets it.

    ``value``, ``low`` and ``high`` are None where undefined; ``text`` is the value with three decimals or a dash,
    ``interval`` is ``[low, high]`` as text or empty, ``reason`` says why the value is undefined; ``is_share``
    whether it lies between 0 and 1, as all do but errors of counts.
    """

    name: str
    value: float | None
    text: str
    low: float | None
    high: float | None
    interval: str
    reason: str
    short: str
    long: str
    is_share: bool


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category's counts and measures, the latter in the order of :func:`category_columns`."""

    index: int
    name: str
    ground_truths: int
    ignored: int
    predictions: int
    measures: tuple[Measure, ...]


def number(value: float | None) -> str:
    """Return a number with three decimals, or a dash."""
    return UNDEFINED if value is None else f"{value:.3f}"


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign; what rounds to nothing has a plus.

    Examples
    --------
    >>> signed(-0.0004, 3), signed(-0.5, 2)
    ('+0.000', '-0.50')
    """
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"


def _measure(name: str, of: Result | CategoryResult, result: Result) -> Measure:
    value = of.metrics.get(name)
    low, high = of.intervals.get(name, (None, None))
    words = explain(name, result.metrics, result.protocol)
    interval = "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]"
    missing = "the protocol does not give it" if name not in of.metrics else "the result gives no reason"
    reason = of.reasons.get(name, missing) if value is None else ""
    is_share = not name.startswith(COUNTS)
    return Measure(name, value, number(value), low, high, interval, reason, words.short, words.long, is_share)


def measures(result: Result) -> list[Measure]:
    """Return the overall metrics in the protocol's order."""
    return [_measure(name, result, result) for name in result.metrics]


def category_columns(result: Result) -> list[str]:
    """Return the names of the metrics that the table of categories shows.

    Where the protocol has one IoU threshold, AP is the AP at it: it is shown once.
    """
    names = list(dict.fromkeys(name for category in result.per_category for name in category.metrics))
    if "AP" in names and len(iou_thresholds(result)) == 1:
        names = [name for name in names if not re.fullmatch(r"AP\d\d", name)]
    return [name for name in _CATEGORY_METRICS if name in names] or names[:_OTHER_COLUMNS]


def iou_thresholds(result: Result) -> list[float]:
    """Return the protocol's thresholds, as far as they are numbers: a result may come from a file."""
    given = result.protocol.get("iou_thresholds", ())
    return [value for value in given if isinstance(value, (int, float))] if isinstance(given, (list, tuple)) else []


def curve_measure(row: CategoryRow, result: Result) -> Measure | None:
    """Return the number that a category's curve, drawn at the lowest IoU threshold, is of; None if there is none."""
    thresholds = iou_thresholds(result)
    name = "AP" if len(thresholds) == 1 else f"AP{100 * thresholds[0]:.0f}" if thresholds else ""
    return next((measure for measure in row.measures if measure.name == name), None)


def category_rows(result: Result) -> list[CategoryRow]:
    """Return a row a category: the highest first metric first, undefined last, the file's order between equals."""
    columns = category_columns(result)
    rows = [
        CategoryRow(
            index,
            named(category.name, _LONGEST_NAME),
            category.ground_truths,
            category.ignored,
            category.predictions,
            tuple(_measure(name, category, result) for name in columns),
        )
        for index, category in enumerate(result.per_category)
    ]
    return sorted(rows, key=_best_first)


def _best_first(row: CategoryRow) -> tuple[bool, float]:
    value = row.measures[0].value if row.measures else None
    return (value is None, -(value or 0.0))


def headline(result: Result) -> str:
    """Return one sentence: what was measured, on what, and the first metric with its interval or its reason."""
    data, name = result.dataset, named(result.name, _LONGEST_IN_TEXT)
    split = f" ({brief(data.split, _LONGEST_IN_TEXT)})" if data.split else ""
    on = (
        f"on {named(data.name, _LONGEST_IN_TEXT)}{split}, {counted(data.images, 'image')} with "
        f"{counted(data.ground_truths, 'ground truth')} "
        f"of {counted(data.categories, 'category', 'categories')}"
    )
    if not result.metrics:
        return f"{name} was measured {on}; the protocol gives no overall number."
    first = measures(result)[0]
    if first.value is None:
        return f"{name} has no {first.name} {on}: {first.reason}."
    interval = f" {first.interval}" if first.interval else ""
    spoken = _SPOKEN.get(first.name, f"a {first.name}").format(span=first.short.partition(", ")[2])
    return f"{name} reaches {spoken} of {first.text}{interval} {on}."


def what_was_measured(result: Result) -> str:
    """Return a clause for above the numbers: whose, on what, how."""
    data = result.dataset
    counts = (
        counted(data.images, "image"),
        counted(data.ground_truths, "ground truth"),
        counted(result.predictions.predictions, "prediction"),
    )
    intervals = "; 95 % intervals" if result.intervals else ""
    return (
        f"{result.name} on {data.name}{f' ({data.split})' if data.split else ''}: {', '.join(counts)}; protocol "
        f"{result.protocol.get('name', 'unnamed')}{intervals}"
    )


def citation(result: Result) -> list[str]:
    """Return lines to paste under a published number: what was measured, and the protocol's paper where known."""
    first = measures(result)[:1]
    value = "".join(f"{m.name} {m.text}{' ' + m.interval if m.interval else ''}, " for m in first)
    split = f" {brief(result.dataset.split, _LONGEST_IN_TEXT)}" if result.dataset.split else ""
    protocol = brief(str(result.protocol.get("name", "unnamed")), _LONGEST_IN_TEXT)
    on = f"{named(result.dataset.name, _LONGEST_IN_TEXT)}{split}"
    measured = (
        f"{named(result.name, _LONGEST_IN_TEXT)} on {on}: {value}protocol {protocol} "
        f"({_brief(result.protocol.get('fingerprint', ''))}), data {_brief(result.dataset.fingerprint)}, "
        f"predictions {_brief(result.predictions.fingerprint)}, detbench {brief(result.detbench, _LONGEST_IN_TEXT)}."
    )
    papers = [paper for prefix, paper in _PAPERS.items() if protocol.lower().startswith(prefix)]
    return [measured, *(f"Protocol: {paper}." for paper in papers)]


def _brief(fingerprint: object) -> str:
    """Return the start of a fingerprint."""
    return str(fingerprint)[:_BRIEF] or "no fingerprint"


def dataset_rows(data: DatasetFacts) -> list[tuple[str, str]]:
    """Return what was evaluated on, as rows of a name and a text."""
    return [
        ("name", data.name),
        ("format", data.format),
        ("split", data.split or "none"),
        ("images", f"{data.images:,}"),
        ("ground truths", f"{data.ground_truths:,}"),
        ("categories", f"{data.categories:,}"),
        ("fingerprint", data.fingerprint),
    ]


def protocol_rows(table: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a protocol's settings as text, in its own order; a name that has no words is shown as it is."""
    return [
        (_SETTINGS.get(name, name.replace("_", " ")), "none" if value is None else _plain(value))
        for name, value in table.items()
    ]


def _range(low_px: float, high_px: float) -> str:
    """Return a range of areas; the largest that COCO knows, 1e10, is no bound."""
    if high_px < _NO_BOUND_PX:
        return f"{low_px:,.0f} to {high_px:,.0f} px²"
    return f"{low_px:,.0f} px² and more" if low_px else "any size"


def _plain(value: Any) -> str:  # noqa: PLR0911  one return for each kind of value
    """Return a setting as a person writes it: ``0.9`` for 0.8999999999999999, ``no limit`` for a None in a list."""
    match value:
        case None:
            return "no limit"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case {"name": str(name), "low_px": int() | float() as low, "high_px": int() | float() as high}:
            return f"{name} ({_range(low, high)})"
        case dict():
            return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "none"
        case list() | tuple():
            return ", ".join(_plain(item) for item in value) or "none"
        case _:
            return str(value)
