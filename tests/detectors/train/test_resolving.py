"""The recipe that a run has."""

from __future__ import annotations

from detbench.detectors.train.resolving import differences, resolved_recipe

NAME = "parking_mobilenet"


def test_the_learning_rate_grows_with_the_batch() -> None:
    """Twice the batch, twice the rate, and the recipe that is written says so: read again it is not scaled again."""
    before = resolved_recipe(NAME)
    after = resolved_recipe(NAME, [f"run.batch_size={2 * before.run.batch_size}"])
    assert after.run.batch_size == 2 * before.run.batch_size
    assert after.optimizer.learning_rate == 2 * before.optimizer.learning_rate


def test_a_learning_rate_that_is_said_is_taken() -> None:
    """Who says both knows what they want."""
    found = resolved_recipe(NAME, ["run.batch_size=16", "optimizer.learning_rate=0.5"])
    assert found.optimizer.learning_rate == 0.5


def test_differences_are_named() -> None:
    """What changes training is named with both values; what is only said, or how long it is, may change."""
    then = resolved_recipe(NAME)
    now = resolved_recipe(NAME, ["run.seed=3", "run.steps=9000", "title=other", "model.rpn.channels=8"])
    found = differences(then, now)
    assert found == [f"model.rpn.channels was {then.model.rpn.channels} and is 8", "run.seed was 0 and is 3"]
