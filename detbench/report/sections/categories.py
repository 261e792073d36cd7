"""Every category's numbers as a heat map: categories × models, with how many objects each number stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.results import Result
from detbench.report.glossary import explain
from detbench.report.sections.keys import key_of, left_out, marked
from detbench.report.tables import UNDEFINED, category_columns
from detbench.words import counted, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.evaluation.document import CategoryResult
    from detbench.report.sections.keys import Key
    from detbench.report.sections.model import Model

__all__ = ["SHADES", "CategoriesView", "Cell", "Group", "Row", "categories"]

#: The style sheet has this many shades from 0 to 1, ``heat-0`` to ``heat-9``.
SHADES = 10

#: Besides the protocol's first number of a category, this one is shown.
_RECALL = "recall"

#: Room for a category's name.
_MOST_OF_A_NAME = 60

#: With more models than this, their names stand upright above narrow columns.
_MOST_LEVEL = 3

_LEAD = "How well each kind of object is found. A number that rests on few ground truths says little."

#: A category by name, and which of those that are called so it is: a dataset's names need not differ.
_Key = tuple[str, int]


class Group(NamedTuple):
    """A number, and the models that have a column of it."""

    metric: str
    meaning: str
    keys: list[Key]


class Cell(NamedTuple):
    """One number. ``sorts`` is what it is sorted by, empty where undefined; ``best`` whether it is its row's highest.

    ``look`` is the class of its shade; ``title`` its interval, or why it is undefined.
    """

    look: str
    sorts: str
    text: str
    title: str
    best: bool
    starts: bool


class Row(NamedTuple):
    """One category; ``share`` is its ground truths as a share of those of the largest one."""

    name: str
    ground_truths: int
    share: float
    cells: list[Cell]


class CategoriesView(NamedTuple):
    """The heat map: what its colours mean, from 0 to 1, and what was left out."""

    lead: str
    caption: str
    groups: list[Group]
    rows: list[Row]
    upright: bool
    scale: list[str]


def categories(models: Sequence[Model]) -> CategoriesView | None:
    """Return the heat map of the models that are drawn: the categories with the most ground truths first."""
    shown = [model for model in marked(models) if model.result.per_category]
    tables = [_by_key(model.result.per_category) for model in shown]
    if not tables or not tables[0]:
        return None
    leader = Result(shown[0].result)
    names = category_columns(leader)
    metrics = names[:1] + [name for name in names[1:] if name == _RECALL]
    if not metrics:
        return None
    keys = [key_of(model) for model in shown]
    without = "too few images for an interval" if any(model.result.interval_method for model in shown) else ""
    groups = [Group(name, explain(name, {}, leader.protocol).long, keys) for name in metrics]
    most = max(category.ground_truths for category in tables[0].values())
    rows = [
        Row(
            named(category.name, _MOST_OF_A_NAME),
            category.ground_truths,
            category.ground_truths / most if most else 0.0,
            [cell for metric in metrics for cell in _cells([table.get(key) for table in tables], metric, without)],
        )
        for key, category in sorted(tables[0].items(), key=lambda item: -item[1].ground_truths)
    ]
    given, must = leader.dataset.ground_truths, sum(category.ground_truths for category in leader.per_category)
    need = "" if must == given else f" Counted are the {must:,} of {given:,} ground truths that must be found."
    return CategoriesView(
        f"{_LEAD}{need} {left_out(models)}".strip(),
        _caption(len(rows), metrics, several=len(shown) > 1),
        groups,
        rows,
        len(shown) > _MOST_LEVEL,
        [f"heat-{shade}" for shade in range(SHADES)],
    )


def _by_key(found: Sequence[CategoryResult]) -> dict[_Key, CategoryResult]:
    seen: dict[str, int] = {}
    table: dict[_Key, CategoryResult] = {}
    for category in found:
        number = seen[category.name] = seen.get(category.name, -1) + 1
        table[category.name, number] = category
    return table


def _cells(found: Sequence[CategoryResult | None], metric: str, without: str) -> Iterator[Cell]:
    """Yield a row's cells of one number, a model each; where all are equal, none is the best.

    ``without`` is why a number has no interval.
    """
    values = [None if category is None else category.metrics.get(metric) for category in found]
    texts = [UNDEFINED if value is None else f"{value:.2f}" for value in values]
    defined = [value for value in values if value is not None]
    best = f"{max(defined):.2f}" if len(set(texts)) > 1 < len(defined) else ""
    for place, (category, value, text) in enumerate(zip(found, values, texts, strict=True)):
        if category is None or value is None:
            why = "the result has no such category" if category is None else category.reasons.get(metric, "")
            yield Cell("undefined", "", text, why or "the result gives no reason", best=False, starts=place == 0)
            continue
        ends = category.intervals.get(metric)
        title = without if ends is None else "{:.2f} to {:.2f}".format(*ends)
        yield Cell(f"heat-{_shade(value)}", f"{value:.4f}", text, title, best=text == best, starts=place == 0)


def _shade(value: float) -> int:
    return min(max(int(value * SHADES), 0), SHADES - 1)


def _caption(rows: int, metrics: Sequence[str], *, several: bool) -> str:
    text = (
        f"{' and '.join(metrics)} of {counted(rows, 'category', 'categories')}, between 0 and 1: "
        "the stronger the colour, the higher, and the better."
    )
    return text + " Bold is the highest of a row, whether or not it is surely the best." if several else text
