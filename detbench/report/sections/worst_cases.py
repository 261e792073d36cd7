"""Which mistakes a gallery shows: of each kind the worst, and of every category its worst before the second of any."""

from __future__ import annotations

from itertools import chain, zip_longest
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.parts.worst import Object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detbench.evaluation.parts.worst import Box, Missed, Mistake, Worst

__all__ = ["KINDS", "Case", "worst_cases"]

#: The kinds of a gallery in its order, with the kinds of errors that each is made of.
KINDS = {
    "missed": ("missed",),
    "false alarm": ("background",),
    "badly placed": ("localisation",),
    "wrong category": ("classification", "both"),
    "found twice": ("duplicate",),
}


class Case(NamedTuple):
    """One mistake: a ``kind`` of :data:`KINDS`, on which image, and its boxes.

    ``category`` is that of what was found, of a missed object its own. ``found``, ``score`` and ``iou`` are None where
    nothing was found, ``truth`` is None where nothing is there.
    """

    kind: str
    error: str
    image: int | str
    file_name: str
    category: str
    found: Box | None
    score: float | None
    iou: float | None
    truth: Object | None


def worst_cases(worst: Worst, most: int, threshold: float | None) -> list[Case]:
    """Return at most ``most`` mistakes, by kind: as many of each as of the others, as far as there are.

    They are those at the operating point: boxes with a score below ``threshold`` are not accepted, and none is where
    it is None.
    """
    least = inf if threshold is None else threshold
    lists = [
        _in_turns([case for case in _of_kind(kind, worst) if case.score is None or case.score >= least])
        for kind in KINDS
    ]
    turns = [case for turn in zip_longest(*lists) for case in turn if case is not None][:most]
    order = list(KINDS)
    return sorted(turns, key=lambda case: order.index(case.kind))  # stable: the worst stay first within a kind


def _of_kind(kind: str, worst: Worst) -> list[Case]:
    found = [_mistaken(kind, error, each) for error in KINDS[kind] for each in worst.false_positives.get(error, ())]
    if kind == "missed":
        return [_missed(each) for each in worst.missed]
    return sorted(found, key=lambda case: -(case.score or 0.0))


def _missed(each: Missed) -> Case:
    truth = Object(category=each.category, box=each.box)
    return Case("missed", "missed", each.image, each.file_name, each.category, None, None, None, truth)


def _mistaken(kind: str, error: str, each: Mistake) -> Case:
    truth, iou = each.ground_truth, each.iou if each.ground_truth else None
    return Case(kind, error, each.image, each.file_name, each.category, each.box, each.score, iou, truth)


def _in_turns(cases: Sequence[Case]) -> list[Case]:
    """Return cases, worst first, so that every category has its first before any has its second."""
    by_category: dict[str, list[Case]] = {}
    for case in cases:
        by_category.setdefault(case.category, []).append(case)
    turns: Iterable[tuple[Case | None, ...]] = zip_longest(*by_category.values())
    return [case for case in chain.from_iterable(turns) if case is not None]
