"""TensorFlow's own operators answer as the references do, except where it is said that they do not."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.operators.contract import Case, Implementation
from detbench.operators.implementations.tensorflow import IMPLEMENTATIONS
from detbench.operators.oracle import answer, check, judge
from detbench.operators.reference.soft_nms import soft_nms
from detbench.operators.registry import operator_named

pytest.importorskip("tensorflow")

IDS = [f"{each.name} for {each.operator}" for each in IMPLEMENTATIONS]
CLAIMS = [(each, trait) for each in IMPLEMENTATIONS for trait in each.differs]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=IDS)
def test_every_hard_case_is_answered_as_the_reference_does(implementation: Implementation) -> None:
    """All but those of a trait that is said to be treated otherwise."""
    found = check(operator_named(implementation.operator), implementation)
    assert found.counterexample is None, found.counterexample


@pytest.mark.parametrize(("implementation", "trait"), CLAIMS, ids=[f"{each.name}: {trait}" for each, trait in CLAIMS])
def test_what_is_said_to_differ_does(implementation: Implementation, trait: str) -> None:
    """Some case of the trait, and of no other that is claimed, is answered otherwise: the claim is not stale."""
    operator = operator_named(implementation.operator)
    cases = [case for case in operator.cases() if case.traits & implementation.differs.keys() == {trait}]
    asked = [case for case in cases if implementation.cannot(case) is None]
    assert any(judge(operator, implementation, case)[0].problem for case in asked)


def test_its_sigma_is_half_of_the_papers() -> None:
    """TensorFlow decays by exp(−IoU² / (2 · sigma)): with our sigma as it is, scores come out higher."""
    import tensorflow as tf

    box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8]], dtype=np.float32)
    score = np.array([0.9, 0.8], dtype=np.float32)
    for sigma, same in ((0.25, True), (0.5, False)):
        _, theirs = tf.image.non_max_suppression_with_scores(box[:, [1, 0, 3, 2]], score, 2, 1.0, 0.001, sigma)
        assert np.allclose(theirs, soft_nms(box, score, sigma=0.5)[1]) == same


def test_scores_that_are_no_numbers_are_dropped_by_its_nms() -> None:
    """NaN and −∞ do not exceed its lowest threshold; the reference puts them last."""
    box = np.array([[0.0, 0, 1, 1], [2, 0, 3, 1], [4, 0, 5, 1]], dtype=np.float32)
    score = np.array([np.nan, 0.5, -np.inf], dtype=np.float32)
    case = Case("no numbers", {"box": box, "score": score}, {"iou_threshold": 0.5})
    for implementation in IMPLEMENTATIONS:
        if implementation.operator == "nms":
            assert answer(implementation, case).tolist() == [1]
