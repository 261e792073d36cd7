"""A comparison in words, and on a terminal: a paragraph first, then tables that fit 80 columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detbench.report.terminal import plain_head, plain_table, plain_text
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import OverflowMethod, RenderableType
    from rich.table import Table

    from detbench.evaluation.comparison import Comparison, Contestant, Difference

__all__ = ["footnote", "in_a_paragraph", "p_in_words", "tables"]

_UNDEFINED = "–"
_LONGEST_NAME = 40
_LONGEST_LIST = 300
_NARROWEST_NAME = 12
_PAIR = 2

#: The number that categories are compared by.
_OF_CATEGORY = "AP"

#: p-values below this are not told apart in print.
_LEAST_P = 0.001


def in_a_paragraph(comparison: Comparison) -> str:
    """Return who leads and by how much, and whether that is more than chance, in a few sentences."""
    if len(comparison.models) == _PAIR:
        return " ".join(_of_two(comparison, comparison.others[0]))
    return " ".join(_of_many(comparison))


def _of_two(comparison: Comparison, model: Contestant) -> Iterator[str]:
    metric, found = comparison.metric, model.differences[comparison.metric]
    name, baseline = _name(model.name), _name(comparison.baseline)
    if model.same_predictions and found.verdict == "equal":
        yield f"{name} and {baseline} are identical: the same predictions."
        return
    if found.verdict == "equal":
        yield f"{name} and {baseline} have the same {metric} in every resample of the images."
    elif found.difference is not None:
        yield _lead(comparison, found, *((name, baseline) if _is_ahead(comparison, found) else (baseline, name)))
    rest = [difference for other, difference in model.differences.items() if other != metric]
    if rest:
        yield f"The {counted(len(rest), 'other metric')}: {_tally(rest)}."
    of_category = [
        category.metrics[_OF_CATEGORY] for category in model.per_category if _OF_CATEGORY in category.metrics
    ]
    if of_category:
        yield f"The {counted(len(of_category), 'category', 'categories')}: {_tally(of_category)}."


def _lead(comparison: Comparison, found: Difference, ahead: str, behind: str) -> str:
    """Return the sentence of a difference, told by who is ahead."""
    data = comparison.dataset
    sign = 1 if (found.difference or 0) >= 0 else -1
    gain = f"{sign * (found.difference or 0):.3f} {comparison.metric}"
    if found.low is not None and found.high is not None:
        low, high = sorted((sign * found.low, sign * found.high))
        gain += f" {_interval((low, high))}"
    on = f"on {_name(data.name)} ({counted(data.images, 'image')})"
    doubt = ", which is not significant" if found.verdict == "not significant" else ""
    return f"{ahead} is ahead of {behind} by {gain} {on}{doubt}: {_certainty(comparison, found)}."


def _certainty(comparison: Comparison, found: Difference) -> str:
    """Return the p-value, and how many of the resamples say otherwise."""
    if found.opposite is None:
        return f"p {p_in_words(found.p_holm)}"
    others = f"{100 * found.opposite:.1f} %" if found.opposite else "none"
    many = f"{others} of {comparison.resamples:,} resamples"
    return f"p {p_in_words(found.p_holm)}, and in {many} it is not ahead"


def _of_many(comparison: Comparison) -> Iterator[str]:
    best, metric = comparison.models[0], comparison.metric
    data, count = comparison.dataset, len(comparison.models)
    interval = f" {_interval(best.interval)}" if best.interval else ""
    yield (
        f"{_name(best.name)} has the best {metric} of {count} models on {_name(data.name)} "
        f"({counted(data.images, 'image')}): {best.value:.3f}{interval}, and is the best in {_share(best.best)} of "
        f"{comparison.resamples:,} resamples."
    )
    maybe = [_name(model.name) for model in comparison.models if model.rank_interval[0] == 1]
    if len(maybe) > 1:
        yield f"{len(maybe)} models may be the best: {brief(', '.join(maybe), _LONGEST_LIST)}."
    told = Counter(_standing(comparison, model.differences[metric]) for model in comparison.others)
    words = ", ".join(f"{told[key]} {key}" for key in _STANDINGS if told[key])
    yield f"Compared with {_name(comparison.baseline)}, of the other {count - 1}: {words}."


def _tally(found: Iterable[Difference]) -> str:
    """Return how many differences are of each kind, in words."""
    verdicts = Counter(difference.verdict for difference in found)
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in ("higher", "lower", "not significant")]
    parts += [f"{verdicts[verdict]} {verdict}" for verdict in ("equal", "undefined") if verdicts[verdict]]
    return ", ".join(parts)


_STANDINGS = ("ahead", "behind", "not significant", "equal", "undefined")


def _standing(comparison: Comparison, found: Difference) -> str:
    """Return a verdict on the ranking metric as a place: ahead of the baseline, or behind."""
    if found.verdict in {"higher", "lower"}:
        return "ahead" if _is_ahead(comparison, found) else "behind"
    return found.verdict


def _is_ahead(comparison: Comparison, found: Difference) -> bool:
    return ((found.difference or 0) > 0) != comparison.lower_is_better


def footnote(comparison: Comparison) -> str:
    """Return what p-values are corrected for and intervals are not, in a sentence."""
    count, first = len(comparison.others), comparison.others[0]
    if count > 1:
        tests = f"the {count} models"
    else:
        tests = f"the {len(first.differences) - 1} metrics other than {comparison.metric}"
        if first.per_category:
            tests += f" and over the {counted(len(first.per_category), 'category', 'categories')}"
    return f"p-values and verdicts are corrected for their number (Holm) over {tests}; intervals are not."


def tables(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the tables: of two models their numbers and categories, of more their ranks and differences."""
    if len(comparison.models) != _PAIR:
        yield _ranks(comparison)
        yield ""
        yield _from_baseline(comparison)
        return
    model = comparison.others[0]
    yield plain_text(f"{brief(model.name, _LONGEST_NAME)} less {brief(comparison.baseline, _LONGEST_NAME)}:")
    yield _numbers(model)
    if model.per_category:
        yield ""
        yield _categories(model)


def _ranks(comparison: Comparison) -> Table:
    table = _table("rank", "95 %", comparison.metric, "interval", "best in", named="model")
    for model in comparison.models:
        low, high = model.rank_interval
        between = str(low) if low == high else f"{low}–{high}"
        cells = [str(model.rank), between, f"{model.value:.3f}", _interval(model.interval), _share(model.best)]
        table.add_row(plain_text(model.name), *cells)
    return table


def _from_baseline(comparison: Comparison) -> Table:
    less = f"less {brief(comparison.baseline, _LONGEST_NAME)}"
    table = _table("diff.", "interval", "p (Holm)", named=less, verdict=True)
    for model in comparison.others:
        found = model.differences[comparison.metric]
        same = model.same_predictions and found.verdict == "equal"
        verdict = "identical" if same else _standing(comparison, found)
        table.add_row(plain_text(model.name), *_cells(found), _p(found.p_holm), verdict)
    return table


def _numbers(model: Contestant) -> Table:
    table = _table("base-\nline", "model", "diff.", "interval", "p\n(Holm)", named="metric", verdict=True, folds=True)
    for name, found in model.differences.items():
        values = [_value(found.baseline), _value(found.model)]
        table.add_row(plain_text(name), *values, *_cells(found), _p(found.p_holm), found.verdict)
    return table


def _categories(model: Contestant) -> Table:
    """Return the categories' AP, the greatest gain first and what is undefined last."""
    table = _table("images", "base-\nline", "model", "diff.", "interval", named="category", verdict=True)
    rows = [(category, category.metrics[_OF_CATEGORY]) for category in model.per_category]
    for category, found in sorted(rows, key=lambda row: (row[1].difference is None, -(row[1].difference or 0))):
        cells = [f"{category.images:,}", _value(found.baseline), _value(found.model), *_cells(found)]
        table.add_row(plain_text(category.name), *cells, found.verdict)
    return table


def _table(*numbers: str, named: str, verdict: bool = False, folds: bool = False) -> Table:
    """Return a table whose first column takes what the others leave, and whose ``numbers`` are never cut.

    Names that do not fit are cut, or, where two may begin alike, folded.
    """
    table = plain_table()
    overflow: OverflowMethod = "fold" if folds else "ellipsis"
    table.add_column(plain_text(named), no_wrap=not folds, overflow=overflow, min_width=_NARROWEST_NAME)
    for head in numbers:
        table.add_column(plain_head(head), justify="right", no_wrap=True)
    if verdict:
        table.add_column("", no_wrap=True)
    return table


def _cells(found: Difference) -> tuple[str, str]:
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    return _signed(found.difference), _interval(ends)


def _signed(value: float | None) -> str:
    if value is None:
        return _UNDEFINED
    return _unsigned_zero(f"{value:+.3f}")


def _interval(ends: tuple[float, float] | None) -> str:
    return f"[{_unsigned_zero(f'{ends[0]:.3f}')}, {_unsigned_zero(f'{ends[1]:.3f}')}]" if ends else _UNDEFINED


def _unsigned_zero(text: str) -> str:
    """Return a number's text, and 0.000 without a sign."""
    return text if float(text) else text.lstrip("+-")


def _value(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.3f}"


def _p(p: float | None) -> str:
    if p is None:
        return _UNDEFINED
    return f"<{_LEAST_P}" if p < _LEAST_P else f"{p:.3f}"


def p_in_words(p: float | None) -> str:
    """Return a p-value after the letter p in a sentence."""
    if p is None:
        return "is undefined"
    return f"< {_LEAST_P}" if p < _LEAST_P else f"= {p:.3f}"


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _name(name: str) -> str:
    return brief(name, _LONGEST_NAME)
