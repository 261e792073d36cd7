"""Balanced sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import equal
from detbench.operators.catalogue.drawing import floats, integers
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.sampling import sample_balanced

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]


def _cases() -> list[Case]:
    def case(name: str, label: Any, random: Any, count: int, *traits: str, **settings: float) -> Case:
        inputs = {"label": label, "random": random}
        return Case(name, inputs, {"count": count, **settings}, ("label", "random"), frozenset(traits))

    some = integers(1, 0, 0, 1, 0, 1, -1, 0)
    drawn = floats(0.9, 0.8, 0.1, 0.2, 0.7, 0.3, 0.0, 0.4)
    rng = np.random.default_rng(80)
    many = rng.integers(-1, 4, 200).astype(np.int32)
    return [
        case("all of them", integers(1, 0), floats(0.5, 0.6), 2),
        case("half and half", some, drawn, 4),
        case("a quarter", some, drawn, 4, positive_share=0.25),
        case("few positives, more negatives", integers(1, 0, 0, 0, 0), floats(0.5, 0.1, 0.4, 0.2, 0.3), 4),
        case("few negatives, a smaller sample", integers(1, 1, 1, 1, 0), floats(0.5, 0.1, 0.4, 0.2, 0.3), 4),
        case("more than there are", some, drawn, 100),
        case("no positives", integers(0, 0, 0), floats(0.5, 0.1, 0.4), 2),
        case("no negatives", integers(1, 1, 1), floats(0.5, 0.1, 0.4), 2),
        case("categories", integers(3, 0, 7, 1, 0), floats(0.3, 0.2, 0.1, 0.9, 0.4), 4),
        case("a share that is no whole number", integers(1, 1, 1, 0, 0, 0), floats(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 5),
        case("a share that would be rounded up", integers(1, 1, 1, 1, 0, 0, 0), drawn[:7], 7),
        case("numbers that float16 cannot tell apart", integers(1, 1, 0, 0), floats(0.50001, 0.5, 0.50001, 0.5), 2),
        case("categories above 255", integers(300, 0, 1, 70_000), floats(0.1, 0.2, 0.3, 0.4), 4),
        case("a share of all", some, drawn, 3, positive_share=1.0),
        case("a share of none", some, drawn, 3, positive_share=0.0),
        case("none wanted", some, drawn, 0),
        case("left out already", integers(-1, -1, 1), floats(0.1, 0.2, 0.3), 4),
        case("drawn", many, rng.random(200, dtype=np.float32), 64, positive_share=0.25),
        case("equal numbers", some, np.zeros(8, np.float32), 4, "score ties"),
        case("few different numbers", many, (rng.integers(0, 4, 200) / 4).astype(np.float32), 64, "score ties"),
        case("no rows", integers(), floats(), 4, "empty"),
    ]


def _sampled(
    positives: Callable[[int, float], float] = lambda count, share: int(count * share),
    negatives: Callable[[int, int, float], int] = lambda count, taken, share: count - taken,
    order: Callable[[Any], Any] = lambda random: np.argsort(random, kind="stable"),
    negative: Callable[[Any], Any] = lambda label: label == 0,
) -> Callable[..., Any]:
    """Return a sample drawn by other rules."""

    def wrong(label: Any, random: Any, count: int, positive_share: float = 0.5) -> Any:
        rows = order(random)
        first = rows[label[rows] > 0][: int(positives(count, positive_share))]
        second = rows[negative(label[rows])][: max(negatives(count, len(first), positive_share), 0)]
        sampled = np.full(len(label), -1, np.int32)
        sampled[first], sampled[second] = label[first], 0
        return sampled

    return wrong


_MISTAKES = (
    Mistake(
        "positives not limited",
        _sampled(positives=lambda count, share: count),
        "Positives fill the whole sample: at most `count · positive_share` of them are taken.",
    ),
    Mistake(
        "share not looked at",
        _sampled(positives=lambda count, share: count // 2),
        "Half of the sample are positives, whatever `positive_share` says.",
    ),
    Mistake(
        "share rounded up",
        _sampled(positives=lambda count, share: np.ceil(count * share)),
        "`count · positive_share` is rounded up; round it down.",
    ),
    Mistake(
        "not filled up",
        _sampled(negatives=lambda count, taken, share: count - int(count * share)),
        "Where positives are few the sample is not filled up: take negatives until there are `count`.",
    ),
    Mistake(
        "as many negatives as positives",
        _sampled(negatives=lambda count, taken, share: taken),
        "As many negatives as positives are taken: take negatives until there are `count`.",
    ),
    Mistake(
        "negatives not limited",
        _sampled(negatives=lambda count, taken, share: 1 << 30),
        "All negatives are taken: take them until there are `count`.",
    ),
    Mistake(
        "largest numbers",
        _sampled(order=lambda random: np.argsort(-random, kind="stable")),
        "The rows with the largest numbers are taken; take the smallest.",
    ),
    Mistake(
        "ties to the last",
        _sampled(order=lambda random: len(random) - 1 - np.argsort(random[::-1], kind="stable")),
        "Of equal numbers the last row is taken; take the lower row.",
    ),
    Mistake(
        "the first rows",
        _sampled(order=lambda random: np.arange(len(random))),
        "The first rows are taken: `random` is not looked at.",
    ),
    Mistake(
        "left out taken",
        _sampled(negative=lambda label: label <= 0),
        "Rows with label −1 are taken for negatives; they were left out already.",
    ),
    Mistake(
        "category lost",
        lambda **given: np.minimum(sample_balanced(**given), 1),
        "Positives are all 1: keep the label that they came with.",
    ),
    Mistake(
        "rest is background",
        lambda **given: np.maximum(sample_balanced(**given), 0),
        "What was not taken is 0, which is background: it should be −1.",
    ),
)

OPERATORS = (
    Operator(
        "sample-balanced",
        "Balanced sampling",
        "",
        sample_balanced,
        _cases,
        equal("label"),
        "rows",
        _MISTAKES,
    ),
)
