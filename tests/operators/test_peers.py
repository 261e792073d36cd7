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
IDS = [f"{one.name}-{one.operator}" for one in HERE]

#: Operator, library, trait → boxes, scores, and threshold where the claim shows.
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
CLAIMS = [(one, trait) for one in HERE for trait in one.differs]


def _case(one: Implementation, trait: str) -> Case:
    box, score, threshold = SHOWN[one.name, one.operator, trait]
    inputs = {"box": np.array(box, np.float32), "score": np.array(score, np.float32)}
    if one.operator == "batched-nms":
        inputs["category"] = np.zeros(len(box), np.int32)
    settings: dict[str, Any] = {"iou_threshold": threshold, "limit": None}
    if one.operator == "soft-nms":
        settings |= {"method": "gaussian" if trait == "no area" else "linear", "sigma": 0.5, "score_threshold": 0.001}
    return Case(trait, inputs, settings)


@pytest.mark.parametrize("one", HERE, ids=IDS)
def test_a_peer_answers_every_hard_case_that_it_does_not_say_it_treats_otherwise(one: Implementation) -> None:
    """Its rule is the reference's, but for what the page says of it."""
    found = oracle.check(registry.operator_named(one.operator), one).counterexample
    assert found is None, (found.case.name, found.problem)


@pytest.mark.parametrize(("one", "trait"), CLAIMS, ids=[f"{one.name}-{one.operator}-{t}" for one, t in CLAIMS])
def test_a_peer_differs_where_it_says_so(one: Implementation, trait: str) -> None:
    """Each claim has an input on which the library's answer is not the reference's."""
    if one.name == "torchvision":
        pytest.skip("its claims are read from its documentation")
    verdict, _ = oracle.judge(registry.operator_named(one.operator), one, _case(one, trait))
    assert verdict.problem is not None
    assert "raises" not in verdict.problem


@pytest.mark.parametrize("one", HERE, ids=IDS)
def test_what_is_sent_is_a_copy_and_an_answer_can_be_asked_for_again(one: Implementation) -> None:
    """Two calls on what was sent once give the same answer: nothing in it is used up."""
    operator = registry.operator_named(one.operator)
    case = next(case for case in operator.cases() if one.cannot(case) is None and not case.traits & one.differs.keys())
    bound = one.bind(case, "cpu")
    sent = bound.send()
    bound.compile(sent)
    first, second = (bound.fetch(bound.run(sent)) for _ in range(2))
    assert operator.compare(case, first, second).problem is None
