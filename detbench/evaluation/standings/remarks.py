"""What to know before quoting standings, beside what holds for any comparison."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from detbench.evaluation.document import Remark
from detbench.evaluation.remarks import gravest_first
from detbench.evaluation.runs import remarks_on
from detbench.words import brief, counted, unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.evaluation.runs import Run
    from detbench.evaluation.standings.document import Entry

__all__ = ["remarks"]

_LONGEST_LIST = 300

#: More remarks of one kind than this are counted: a model's own page has its own.
_MOST_OF_A_KIND = 4

#: A result that comes from anybody may hold any number of kinds, of any length.
_MOST_KINDS = 20
_LONGEST_REMARK = 600

#: A category of fewer objects than this says little, and its AP counts as much as any other's.
_FEW_OBJECTS = 10

#: This share of such categories is worth a remark.
_MANY = 0.25


def remarks(runs: Sequence[Run], others: Sequence[Run], entries: Sequence[Entry], metric: str) -> list[Remark]:
    """Return the remarks on ranked runs, on unranked ones, and on the entries of both, the gravest first."""
    shared = remarks_on(runs) if runs else []
    alike = [*runs, *others]
    found = [*_on_tests(runs), *shared, *_on_small_categories(runs, metric)]
    found += _on_models(alike, {remark.code for remark in shared})
    return gravest_first([*found, *_on_twins(entries), *_on_proposals(alike), *_on_machines(entries)])


def _on_models(runs: Sequence[Run], said: set[str]) -> Iterator[Remark]:
    """Yield what is remarked on models by themselves, under their names where it does not hold for all."""
    names = defaultdict(list)
    for run in runs:
        for remark in run.document.remarks:
            if remark.code not in said:
                names[remark].append(run.name)
    kinds = defaultdict(list)
    for remark, of in names.items():
        whose = "" if len(of) == len(runs) else f"of {brief(', '.join(of), _LONGEST_LIST)}: "
        kinds[remark.code].append(
            Remark(
                code=remark.code,
                severity=remark.severity,
                message=brief(unbroken(whose + remark.message), _LONGEST_REMARK),
            )
        )
    for code, found in list(kinds.items())[:_MOST_KINDS]:
        yield from found[:_MOST_OF_A_KIND]
        if more := found[_MOST_OF_A_KIND:]:
            text = f"as much is said of other models, {counted(len(more), 'time')}: see their pages"
            yield Remark(code=code, severity=more[0].severity, message=text)


def _on_small_categories(runs: Sequence[Run], metric: str) -> Iterator[Remark]:
    """Yield a warning where what ranks is a mean over categories many of which have few objects."""
    found = next((run.document.per_category for run in runs if run.document.per_category), [])
    having = [category for category in found if category.ground_truths]
    few = [category for category in having if category.ground_truths < _FEW_OBJECTS]
    if metric.startswith(("count_", "proposal_")) or len(having) < 2 or len(few) < _MANY * len(having):  # noqa: PLR2004
        return
    single = sum(category.ground_truths == 1 for category in few)
    largest = max(having, key=lambda category: category.ground_truths)
    text = (
        f"{len(few)} of {counted(len(having), 'category', 'categories')} have fewer than {_FEW_OBJECTS} ground truths"
        f"{f', {single} of them one' if single else ''}: in a mean over the categories each counts as much as "
        f"{brief(largest.name, 60)} with {largest.ground_truths:,}"
    )
    yield Remark(code="few-objects-of-categories", severity="warning", message=text)


def _on_tests(runs: Sequence[Run]) -> Iterator[Remark]:
    if len(runs) > 1 and not runs[0].drawn.resamples:
        text = (
            "the models were evaluated without intervals, so nothing says which differences are more than chance: "
            "evaluate them without --no-intervals"
        )
        yield Remark(code="no-draws", severity="warning", message=text)


def _on_twins(entries: Sequence[Entry]) -> Iterator[Remark]:
    by_predictions = defaultdict(list)
    for entry in entries:
        by_predictions[entry.predictions].append(entry.name)
    for names in by_predictions.values():
        if len(names) > 1:
            text = f"the predictions are the same: {brief(', '.join(names), _LONGEST_LIST)}"
            yield Remark(code="same-predictions", severity="warning", message=text)


def _on_proposals(runs: Sequence[Run]) -> Iterator[Remark]:
    by_proposals = defaultdict(list)
    for run in runs:
        if run.document.proposals:
            by_proposals[run.document.proposals.fingerprint].append(run.name)
    for names in by_proposals.values():
        if len(names) > 1:
            text = f"the proposals are the same: {brief(', '.join(names), _LONGEST_LIST)}"
            yield Remark(code="same-proposals", severity="note", message=text)


def _on_machines(entries: Sequence[Entry]) -> Iterator[Remark]:
    machines = list(dict.fromkeys(entry.speed.machine for entry in entries if entry.speed))
    if len(machines) > 1:
        text = f"times were taken in {len(machines)} ways and are compared only within one: "
        text += brief("; ".join(machines), _LONGEST_LIST)
        yield Remark(code="machines-differ", severity="note", message=text)
