"""Targets of anchors; with those of regions and the mini-batch that is sampled of either, all of training's targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue import region_targets, sampling
from detbench.operators.catalogue.anchors import PYRAMID
from detbench.operators.catalogue.comparison import equal
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, integers, longer
from detbench.operators.catalogue.target_mistakes import overlaps, ties_to_the_last, with_settings, with_states
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.inputs import clustered_boxes
from detbench.operators.reference.anchors import anchor_grid, reference_boxes
from detbench.operators.reference.iou import iou
from detbench.operators.reference.targets import assign_anchors

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.operators.contract import Wanted

__all__ = ["OPERATORS"]

_UNIT = [0, 0, 10, 10]
_PADDING = [0, 0, 0, 0]


def _anchor_cases() -> list[Case]:
    def case(name: str, anchor: Any, truth: Any, state: Any, *traits: str, **settings: Any) -> Case:
        inputs = {"anchor": anchor, "truth": truth, "state": state}
        return Case(name, inputs, settings, ("anchor",), frozenset(traits))

    row = boxes(_UNIT, [0, 0, 10, 8], [0, 0, 10, 5], [0, 0, 10, 2], [50, 50, 60, 60])
    mixed = integers(*([1] * 6 + [0] * 3 + [-1] * 3))
    rng = np.random.default_rng(70)
    return [
        case("one anchor on its object", boxes(_UNIT), boxes(_UNIT), integers(1)),
        case("positive, left out, negative", row, boxes(_UNIT), integers(1)),
        case("two objects", row, boxes(_UNIT, [50, 50, 60, 58]), integers(1, 1)),
        case("an object with a poor anchor only", boxes(_UNIT, [0, 0, 9, 10]), boxes([8, 0, 18, 10]), integers(1)),
        case("without low quality", boxes(_UNIT), boxes([0, 0, 10, 5]), integers(1), low_quality=False),
        case("poor anchors that tie", boxes(_UNIT, [6, 0, 16, 10]), boxes([4, 0, 12, 10]), integers(1)),
        case("an object that nothing overlaps", row, boxes([200, 200, 210, 210], _UNIT), integers(1, 1)),
        case(
            "the best anchor of an object that prefers another",
            boxes(_UNIT, [100, 0, 110, 10]),
            boxes([0, 0, 10, 9], [5, 0, 25, 10]),
            integers(1, 1),
        ),
        case("padding", row, boxes(_UNIT, _PADDING, [50, 50, 60, 60]), integers(1, 0, 0), "padding"),
        case("padding first", row, boxes([50, 50, 60, 60], _UNIT), integers(0, 1), "padding"),
        case("padding alone", row, boxes(_PADDING, _UNIT), integers(0, 0), "padding"),
        case("an ignored truth", row, boxes(_UNIT, [50, 50, 60, 58]), integers(1, -1), "ignored"),
        case("ignored truths alone", row, boxes(_UNIT), integers(-1), "ignored"),
        case("an ignored truth on an object", row, boxes(_UNIT, _UNIT), integers(1, -1), "ignored"),
        case("a little of an ignored truth", boxes(_UNIT), boxes([8, 0, 18, 10]), integers(-1), "ignored"),
        case(
            "other thresholds", row, boxes(_UNIT), integers(1), positive_at=0.9, negative_below=0.45, low_quality=False
        ),
        case("objects that tie", boxes(_UNIT, [0, 0, 20, 10]), boxes([10, 0, 20, 10], _UNIT, _UNIT), integers(1, 1, 1)),
        case(
            "exactly on the upper threshold",
            boxes(_UNIT, [0, 0, 10, 7.5]),
            boxes(_UNIT),
            integers(1),
            "threshold equality",
            positive_at=0.75,
        ),
        case(
            "exactly on the lower threshold",
            boxes(_UNIT, [0, 0, 10, 2.5], [0, 0, 10, 2]),
            boxes(_UNIT),
            integers(1),
            "threshold equality",
            negative_below=0.25,
        ),
        case(
            "exactly on the threshold of the ignored",
            boxes([0, 0, 10, 2.5]),
            boxes(_UNIT),
            integers(-1),
            "threshold equality",
            "ignored",
            negative_below=0.25,
        ),
        case("drawn", drawn(71, 80, span=60), drawn(72, 12, span=60), mixed, "ignored", "padding"),
        case(
            "drawn, many ties",
            np.round(drawn(73, 80, span=20, largest=6) / 4) * 4,
            boxes([0, 0, 8, 8], [8, 8, 16, 16]),
            integers(1, 1),
        ),
        case("no area", boxes(_UNIT, [5, 5, 5, 5]), boxes([5, 5, 5, 5], [9, 9, 0, 0]), integers(1, 1), "no area"),
        case("negative coordinates", row - np.float32(30), boxes(_UNIT) - np.float32(30), integers(1)),
        case("no truths", row, boxes(), integers(), "empty"),
        case("no anchors", boxes(), boxes(_UNIT), integers(1), "empty"),
        case(
            "a grid",
            anchor_grid(reference_boxes(16, (1, 2), (0.25, 1, 4)), 6, 8, 8),
            drawn(74, 12, span=40, largest=30),
            rng.permutation(mixed),
            "ignored",
            "padding",
        ),
    ]


def _labelled(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return an assignment whose answer ``change(label, match, everything given)`` spoils."""

    def wrong(**given: Any) -> Any:
        settings = {"positive_at": 0.7, "negative_below": 0.3, "low_quality": True, **given}
        return change(*assign_anchors(**settings), **settings)

    return wrong


def _one_best(_: Any, match: Any, anchor: Any, truth: Any, state: Any, **rest: Any) -> Any:
    """Make only the first of those anchors positive that tie for an object."""
    plain, _ = assign_anchors(anchor, truth, state, rest["positive_at"], rest["negative_below"], low_quality=False)
    if rest["low_quality"] and len(anchor):
        overlap = overlaps(anchor, truth, state)
        for column in np.flatnonzero(state == 1):
            if overlap[:, column].max() > 0:
                plain[overlap[:, column].argmax()] = 1
    return plain, match


def _even_without_overlap(label: Any, match: Any, anchor: Any, truth: Any, state: Any, **rest: Any) -> Any:
    if rest["low_quality"] and len(anchor):
        overlap = overlaps(anchor, truth, state)[:, state == 1]
        label = np.where((overlap == overlap.max(axis=0, initial=-1)).any(axis=1), 1, label)
    return label.astype(np.int32), match


def _matched_to_its_admirer(label: Any, match: Any, anchor: Any, truth: Any, state: Any, **rest: Any) -> Any:
    match = match.copy()
    if rest["low_quality"] and len(anchor):
        overlap = overlaps(anchor, truth, state)
        for column in np.flatnonzero(state == 1):
            best = overlap[:, column].max()
            if best > 0:
                match[overlap[:, column] == best] = column
    return label, match


def _left_out_between(label: Any, match: Any, anchor: Any, truth: Any, state: Any, **rest: Any) -> Any:
    best = overlaps(anchor, truth, state).max(axis=1, initial=0)
    between = (label == -1) & (best >= rest["negative_below"])
    return np.where(between, 0, label).astype(np.int32), match


def _ignored_first(label: Any, match: Any, anchor: Any, truth: Any, state: Any, **rest: Any) -> Any:
    overlap = np.where(state == -1, iou(anchor, truth), 0).max(axis=1, initial=0)
    return np.where(overlap >= rest["negative_below"], -1, label).astype(np.int32), match


_ANCHOR_MISTAKES = (
    Mistake(
        "low quality forgotten",
        lambda **given: assign_anchors(**{**given, "low_quality": False}),
        "An object that no anchor overlaps by `positive_at` has none: its best ones are positive at any IoU.",
    ),
    Mistake(
        "one best anchor",
        _labelled(_one_best),
        "Of anchors that tie for an object only the first is positive; all that tie are.",
    ),
    Mistake(
        "best without overlap",
        _labelled(_even_without_overlap),
        "An object that nothing overlaps makes every anchor positive: its best IoU is 0, and all have it.",
    ),
    Mistake(
        "matched to whose best it is",
        _labelled(_matched_to_its_admirer),
        "An anchor that is the best of an object belongs to its *own* best object, which may be another.",
    ),
    Mistake(
        "strict",
        with_settings(assign_anchors, positive_at=lambda at: at + 1e-6),
        "An IoU of exactly `positive_at` is positive: compare with ≥.",
    ),
    Mistake(
        "negative on the threshold",
        with_settings(assign_anchors, negative_below=lambda at: at + 1e-6),
        "An IoU of exactly `negative_below` is not negative (and enough to lie on an ignored truth).",
    ),
    Mistake(
        "nothing between",
        _labelled(_left_out_between),
        "Anchors between the thresholds are negatives; they are left out, −1.",
    ),
    Mistake(
        "padding is an object",
        with_states(lambda state: np.where(state == 0, 1, state), assign_anchors),
        "Padding is taken for objects: rows with state 0 count for nothing.",
    ),
    Mistake(
        "ignored is an object",
        with_states(np.abs, assign_anchors),
        "Ignored truths are taken for objects: with state −1 they make nothing positive.",
    ),
    Mistake(
        "ignored forgotten",
        with_states(lambda state: np.maximum(state, 0), assign_anchors),
        "Ignored truths count for nothing; what lies on one should be left out, not negative.",
    ),
    Mistake(
        "ignored first",
        _labelled(_ignored_first),
        "A positive anchor that lies on an ignored truth is left out; it stays positive.",
    ),
    Mistake(
        "ties to the last",
        ties_to_the_last(assign_anchors, "truth", "state"),
        "Of objects with equal IoU the last is matched; match the lower row.",
    ),
    Mistake(
        "0 and −1 swapped",
        _labelled(lambda label, match, **rest: (np.where(label == 1, 1, -1 - label).astype(np.int32), match)),
        "The labels 0 and −1 are swapped: 0 is background, −1 is left out.",
    ),
    Mistake(
        "match of positives alone",
        _labelled(lambda label, match, **rest: (label, np.where(label == 1, match, -1).astype(np.int32))),
        "`match` is −1 where the anchor is not positive; it is so only where there is no object at all.",
    ),
    Mistake(
        "a pixel more",
        lambda anchor, truth, **rest: assign_anchors(longer(anchor), longer(truth), **rest),
        LONGER,
    ),
)


def _timed(wanted: Wanted) -> list[Case]:
    """Return the anchors of a pyramid's maps and a hundred objects, a tenth of them ignored."""
    truth = np.round(longer(clustered_boxes(100, 1, wanted.seed)[0]))  # whole pixels: areas are exact in float32
    state = np.repeat(integers(1, -1), (90, 10))
    reference = reference_boxes(32, (1,), (0.25, 1, 4))  # sides of 16, 32 and 64: exact too
    return [
        Case(
            f"{height * width * 3:,} anchors × 100 truths",
            {"anchor": anchor_grid(reference, height, width, stride), "truth": truth, "state": state},
            size=height * width * 3,
            series="100 truths",
        )
        for stride, height, width in PYRAMID[::-1]
    ]


def _work(case: Case, expected: Any) -> Work:
    moved = sum(array.nbytes for array in (*case.inputs.values(), *expected))
    pairs = len(case.inputs["anchor"]) * len(case.inputs["truth"])
    counts = "boxes read, a label and a match an anchor written; 14 operations a pair, a minimum and a quotient as one"
    beyond = (
        "every pass over all anchors is made for each truth, and the best anchors of a truth are known only when all "
        "have been seen, so that IoUs are kept or computed again; a quotient takes as long as several operations"
    )
    return Work(moved, 14 * pairs, counts, beyond)


OPERATORS = (
    Operator(
        "assign-anchors",
        "Anchor targets",
        "anchors",
        assign_anchors,
        _anchor_cases,
        equal("label", "match"),
        "anchors",
        _ANCHOR_MISTAKES,
        _timed,
        _work,
    ),
    *region_targets.OPERATORS,
    *sampling.OPERATORS,
)
