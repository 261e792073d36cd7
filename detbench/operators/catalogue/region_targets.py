"""Targets of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import equal
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, integers, longer
from detbench.operators.catalogue.target_mistakes import overlaps, ties_to_the_last, with_settings, with_states
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.targets import assign_regions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]

_UNIT = [0, 0, 10, 10]
_PADDING = [0, 0, 0, 0]


def _region_cases() -> list[Case]:
    def case(name: str, region: Any, truth: Any, state: Any, category: Any, *traits: str, **settings: Any) -> Case:
        inputs = {"region": region, "truth": truth, "state": state, "category": category}
        return Case(name, inputs, settings, ("region",), frozenset(traits))

    row = boxes(_UNIT, [0, 0, 10, 6], [0, 0, 10, 4], [0, 0, 10, 1], [50, 50, 60, 60])
    mixed = integers(*([1] * 6 + [0] * 3 + [-1] * 3))
    return [
        case("one region on its object", boxes(_UNIT), boxes(_UNIT), integers(1), integers(0)),
        case("positive and background", row, boxes(_UNIT), integers(1), integers(3)),
        case("two categories", row, boxes(_UNIT, [50, 50, 60, 58]), integers(1, 1), integers(7, 2)),
        case("a region no object is near", boxes([8, 0, 18, 10]), boxes(_UNIT), integers(1), integers(3)),
        case("background from a tenth", row, boxes(_UNIT), integers(1), integers(3), negative_from=0.25),
        case("another threshold", row, boxes(_UNIT), integers(1), integers(3), positive_at=0.75),
        case("padding", row, boxes(_UNIT, _PADDING, [50, 50, 60, 60]), integers(1, 0, 0), integers(1, 0, 4), "padding"),
        case("padding first", row, boxes([50, 50, 60, 60], _UNIT), integers(0, 1), integers(-1, 4), "padding"),
        case("padding alone", row, boxes(_PADDING, _UNIT), integers(0, 0), integers(-1, -1), "padding"),
        case("an ignored truth", row, boxes(_UNIT, [50, 50, 60, 58]), integers(1, -1), integers(1, 2), "ignored"),
        case("ignored truths alone", row, boxes(_UNIT), integers(-1), integers(2), "ignored"),
        case("an ignored truth on an object", row, boxes(_UNIT, _UNIT), integers(1, -1), integers(1, 2), "ignored"),
        case("objects that tie", boxes([0, 0, 10, 9]), boxes(_UNIT, _UNIT), integers(1, 1), integers(5, 6)),
        case(
            "exactly on the threshold",
            boxes([0, 0, 10, 5], [0, 0, 10, 4.5]),
            boxes(_UNIT),
            integers(1),
            integers(2),
            "threshold equality",
        ),
        case(
            "exactly on the threshold of background",
            boxes([0, 0, 10, 2.5], [0, 0, 10, 2]),
            boxes(_UNIT),
            integers(1),
            integers(2),
            "threshold equality",
            negative_from=0.25,
        ),
        case(
            "exactly on the threshold of the ignored",
            boxes([0, 0, 10, 5]),
            boxes(_UNIT),
            integers(-1),
            integers(2),
            "threshold equality",
            "ignored",
        ),
        case(
            "drawn",
            drawn(75, 80, span=30),
            drawn(76, 12, span=30),
            mixed,
            np.arange(12, dtype=np.int32),
            "ignored",
            "padding",
        ),
        case("no area", boxes(_UNIT, [5, 5, 5, 5]), boxes([5, 5, 5, 5]), integers(1), integers(1), "no area"),
        case("no truths", row, boxes(), integers(), integers(), "empty"),
        case("no truths, background from a tenth", row, boxes(), integers(), integers(), "empty", negative_from=0.1),
        case("no regions", boxes(), boxes(_UNIT), integers(1), integers(1), "empty"),
    ]


def _with_best_of_each(region: Any, truth: Any, state: Any, category: Any, **settings: float) -> Any:
    label, match = assign_regions(region, truth, state, category, **settings)
    overlap = overlaps(region, truth, state)
    best = ((overlap == overlap.max(axis=0, initial=0)) & (overlap > 0)).any(axis=1)
    return np.where(best, category[match] + 1 if len(category) else 0, label).astype(np.int32), match


def _region_answer(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda **given: change(*assign_regions(**given))


_REGION_MISTAKES = (
    Mistake(
        "category from 0",
        _region_answer(lambda label, match: (np.where(label > 0, label - 1, label).astype(np.int32), match)),
        "A positive region's label is its category; 0 is background, so it is category + 1.",
    ),
    Mistake(
        "1 for every category",
        _region_answer(lambda label, match: (np.minimum(label, 1), match)),
        "Positive regions are all 1: the label is category + 1.",
    ),
    Mistake(
        "strict",
        with_settings(assign_regions, positive_at=lambda at: at + 1e-6),
        "An IoU of exactly `positive_at` is positive (and enough to lie on an ignored truth): compare with ≥.",
    ),
    Mistake(
        "background from 0",
        lambda **given: assign_regions(**{**given, "negative_from": 0.0}),
        "`negative_from` is not looked at: below it a region is left out, −1.",
    ),
    Mistake(
        "background strictly above",
        lambda **given: assign_regions(**{**given, "negative_from": given.get("negative_from", 0.0) + 1e-6}),
        "An IoU of exactly `negative_from` is background: compare with ≥.",
    ),
    Mistake(
        "low quality",
        _with_best_of_each,
        "The best region of each object is positive whatever its IoU; that rule is the anchors' alone.",
    ),
    Mistake(
        "padding is an object",
        with_states(lambda state: np.where(state == 0, 1, state), assign_regions),
        "Padding is taken for objects: rows with state 0 count for nothing.",
    ),
    Mistake(
        "ignored is an object",
        with_states(np.abs, assign_regions),
        "Ignored truths are taken for objects: with state −1 they make nothing positive.",
    ),
    Mistake(
        "ignored forgotten",
        with_states(lambda state: np.maximum(state, 0), assign_regions),
        "Ignored truths count for nothing; what lies on one should be left out, not background.",
    ),
    Mistake(
        "ties to the last",
        ties_to_the_last(assign_regions, "truth", "state", "category"),
        "Of objects with equal IoU the last is matched; match the lower row.",
    ),
    Mistake(
        "match of positives alone",
        _region_answer(lambda label, match: (label, np.where(label > 0, match, -1).astype(np.int32))),
        "`match` is −1 where the region is not positive; it is so only where there is no object at all.",
    ),
    Mistake(
        "a pixel more",
        lambda region, truth, **rest: assign_regions(longer(region), longer(truth), **rest),
        LONGER,
    ),
)


OPERATORS = (
    Operator(
        "assign-regions",
        "Region targets",
        "",
        assign_regions,
        _region_cases,
        equal("label", "match"),
        "regions",
        _REGION_MISTAKES,
    ),
)
