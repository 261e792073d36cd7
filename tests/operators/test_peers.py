"""Other libraries' operators: right wherever they do not say that they differ, and different where they say so."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from detbench.operators import oracle, registry
from detbench.operators.contract import Case, Implementation
from detbench.operators.implementations.peers import IMPLEMENTATIONS

HERE = [one for one in IMPLEMENTATIONS if all(find_spec(name) for name in one.requires)]

#: By its first call Numba compiles for several seconds.
COMPILING = {("ensemble-boxes", "nms")}


def _drawn_ties(count: int) -> tuple[Any, Any]:
    """Return boxes of two sizes beside each other, and equal scores."""
    x = np.arange(count, dtype=np.float32)[:, None] * 10
    return np.concatenate([x, 0 * x, x + 9, 0 * x + 9], axis=1), np.full(count, 0.5, np.float32)


#: Library, operator, trait → boxes, scores, categories and threshold where the claim shows.
SHOWN_BATCHED: dict[tuple[str, str, str], tuple[Any, Any, Any, float]] = {
    ("torchvision", "batched-nms", "score ties"): (*_drawn_ties(4_000), np.arange(4_000) % 3, 0.5),
    ("torchvision", "batched-nms", "far"): (
        [[1e6, 1e6, 1e6 + 10, 1e6 + 10], [1e6, 1e6, 1e6 + 10, 1e6 + 4.75], [0, 0, 5, 5]],
        [0.9, 0.8, 0.7],
        [80, 80, 0],
        0.5,
    ),
}

#: Library, operator, trait → two sets of boxes.
SHOWN_PAIRS: dict[tuple[str, str, str], tuple[Any, Any]] = {
    **{
        ("torchvision", operator, "no area"): ([[5, 5, 5, 5]], [[5, 5, 5, 5]])
        for operator in ("iou", "giou", "diou", "ciou")
    },
    **{
        ("torchvision", operator, "tiny"): ([[0, 0, 1e-4, 2e-4]], [[0, 0, 2e-4, 1e-4]]) for operator in ("diou", "ciou")
    },
}

#: Library, operator, trait → boxes, scores, and threshold where the claim shows.
SHOWN: dict[tuple[str, str, str], tuple[Any, Any, float]] = {
    ("opencv", "nms", "no area"): ([[5, 5, 5, 5], [7, 7, 7, 9]], [0.9, 0.8], 0.5),
    ("opencv", "batched-nms", "no area"): ([[5, 5, 5, 5], [7, 7, 7, 9]], [0.9, 0.8], 0.5),
    ("ensemble-boxes", "nms", "score ties"): ([[0, 0, 20, 20], [0, 0, 20, 11], [0, 9, 20, 20]], [0.5] * 3, 0.5),
    ("ensemble-boxes", "nms", "no area"): ([[5, 5, 5, 9], [0, 0, 9, 9]], [0.9, 0.8], 0.5),
    ("ensemble-boxes", "soft-nms", "no area"): ([[5, 5, 5, 5], [5, 5, 5, 5]], [0.9, 0.8], 0.3),
    ("ensemble-boxes", "soft-nms", "score ties"): (
        [[0, 0, 9, 9], [20, 20, 29, 29], [40, 40, 49, 49], [0, 0, 9, 8]],
        [0.5, 0.5, 0.9, 0.5],
        0.3,
    ),
}


def _param(one: Implementation, *rest: str) -> Any:
    marks = [pytest.mark.slow] if (one.name, one.operator) in COMPILING else []
    return pytest.param(one, *rest, id="-".join((one.name, one.operator, *rest)), marks=marks)


EACH = [_param(one) for one in HERE]
CLAIMS = [_param(one, trait) for one in HERE for trait in one.differs]


def _case(one: Implementation, trait: str) -> Case:
    key = one.name, one.operator, trait
    if key in SHOWN_PAIRS:
        a, b = (np.array(part, np.float32) for part in SHOWN_PAIRS[key])
        return Case(trait, {"a": a, "b": b})
    if key in SHOWN_BATCHED:
        box, score, category, threshold = SHOWN_BATCHED[key]
        floats = {"box": np.array(box, np.float32), "score": np.array(score, np.float32)}
        inputs = {**floats, "category": np.array(category, np.int32)}
        return Case(trait, inputs, {"iou_threshold": threshold, "limit": None})
    box, score, threshold = SHOWN[key]
    inputs = {"box": np.array(box, np.float32), "score": np.array(score, np.float32)}
    if one.operator == "batched-nms":
        inputs["category"] = np.zeros(len(box), np.int32)
    settings: dict[str, Any] = {"iou_threshold": threshold, "limit": None}
    if one.operator == "soft-nms":
        settings |= {"method": "gaussian" if trait == "no area" else "linear", "sigma": 0.5, "score_threshold": 0.001}
    return Case(trait, inputs, settings)


@pytest.mark.parametrize("one", EACH)
def test_a_peer_answers_every_hard_case_that_it_does_not_say_it_treats_otherwise(one: Implementation) -> None:
    """Its rule is the reference's, but for what the page says of it."""
    found = oracle.check(registry.operator_named(one.operator), one).counterexample
    assert found is None, (found.case.name, found.problem)


@pytest.mark.parametrize(("one", "trait"), CLAIMS)
def test_a_peer_differs_where_it_says_so(one: Implementation, trait: str) -> None:
    """Each claim has an input on which the library's answer is not the reference's."""
    verdict, _ = oracle.judge(registry.operator_named(one.operator), one, _case(one, trait))
    assert verdict.problem is not None
    assert "raises" not in verdict.problem


@pytest.mark.parametrize("one", EACH)
def test_what_is_sent_is_a_copy_and_an_answer_can_be_asked_for_again(one: Implementation) -> None:
    """Two calls on what was sent once give the same answer: nothing in it is used up."""
    operator = registry.operator_named(one.operator)
    case = next(case for case in operator.cases() if one.cannot(case) is None and not case.traits & one.differs.keys())
    bound = one.bind(case, "cpu")
    sent = bound.send()
    bound.compile(sent)
    first, second = (bound.fetch(bound.run(sent)) for _ in range(2))
    assert operator.compare(case, first, second).problem is None
