"""What to know before quoting standings, beside what holds for any comparison."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from detbench.evaluation.document import Remark
from detbench.evaluation.remarks import gravest_first
from detbench.evaluation.runs import remarks_on
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.evaluation.runs import Run
    from detbench.evaluation.standings.document import Entry

__all__ = ["remarks"]

_LONGEST_LIST = 300


def remarks(runs: Sequence[Run], entries: Sequence[Entry]) -> list[Remark]:
    """Return the remarks on ranked runs and their entries, the gravest first."""
    found = [*_on_tests(runs), *(remarks_on(runs) if runs else []), *_on_twins(entries), *_on_machines(entries)]
    return gravest_first(found)


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


def _on_machines(entries: Sequence[Entry]) -> Iterator[Remark]:
    machines = list(dict.fromkeys(entry.speed.machine for entry in entries if entry.speed))
    if len(machines) > 1:
        text = f"times were taken in {len(machines)} ways and are compared only within one: "
        text += brief("; ".join(machines), _LONGEST_LIST)
        yield Remark(code="machines-differ", severity="note", message=text)
