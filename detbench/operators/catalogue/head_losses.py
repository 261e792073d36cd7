"""The losses of the two heads: over what was sampled, normalised by how much that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close
from detbench.operators.catalogue.drawing import floats, integers, normal
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.losses import binary_cross_entropy, cross_entropy, head_loss, rpn_loss, smooth_l1

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]

_RPN_BETA = 1 / 9


def _sampled_cases(rpn: bool) -> list[Case]:
    """Return the cases of a head's loss: labels −1, 0 and 1, and more categories for the second stage."""
    categories = 3

    def case(name: str, label: Any, seed: int, *traits: str, logit: Any = None, beta: float | None = None) -> Case:
        count = len(label)
        scores = normal(seed, *((count,) if rpn else (count, categories + 1)))
        delta = normal(seed, *((count, 4) if rpn else (count, categories, 4)), spread=1.0)
        target = normal(seed + 1, count, 4, spread=1.0)
        if "unusable targets" in name:
            target[label <= 0] = [np.nan, np.inf, -np.inf, np.nan]
        inputs = {"logit": scores if logit is None else logit, "delta": delta, "label": label, "target": target}
        settings = {} if beta is None else {"beta": beta}
        return Case(name, inputs, settings, ("logit", "delta", "label", "target"), frozenset(traits))

    last = 1 if rpn else categories
    drawn_label = np.random.default_rng(7).integers(-1, last + 1, 40).astype(np.int32)
    sure = floats(500, -500, -500) if rpn else np.array([[500, 0, 0, -500]] * 3, np.float32)
    return [
        case("one positive", integers(1), 20),
        case("one negative", integers(0), 21),
        case("a positive and a negative", integers(1, 0), 22),
        case("the last category", integers(last, 0, 0), 23),
        case("one that was not sampled", integers(1, 0, -1), 24),
        case("mostly not sampled", integers(-1, 0, -1, last, -1, -1), 25),
        case("another beta", integers(1, 0, last), 26, beta=0.5),
        case("a beta that is a line", integers(1, 0, last), 27, beta=0.0),
        case("sure and wrong", integers(0, 1, last), 28, logit=sure),
        case("unusable targets where there is no truth", integers(last, 0, -1), 29),
        case("drawn", drawn_label, 30),
        case("no positive", integers(0, 0, -1), 31),
        case("nothing sampled", integers(-1, -1), 32),
        case("no rows", integers(), 33, "empty"),
    ]


def _replaced(loss: Callable[..., Any], default: float, change: Callable[..., tuple[Any, Any, Any, Any]]) -> Any:
    """Return a loss that is right of other arrays."""

    def changed(logit: Any, delta: Any, label: Any, target: Any, beta: float = default) -> Any:
        return loss(*change(logit, delta, label, target), beta)

    return changed


def _scaled(loss: Callable[..., Any], default: float, factors: Callable[[Any], tuple[float, float]]) -> Any:
    """Return a loss whose two numbers are multiplied by what ``factors(label)`` says."""

    def scaled(logit: Any, delta: Any, label: Any, target: Any, beta: float = default) -> Any:
        first, second = factors(label)
        scores, boxes = loss(logit, delta, label, target, beta)
        return scores * np.float32(first), boxes * np.float32(second)

    return scaled


def _multiplied_by_a_mask(loss: Callable[..., Any], default: float, own: Callable[[Any, Any], Any]) -> Any:
    """Return a loss that computes the regression of all rows and multiplies by 0 where it should not."""

    def masked(logit: Any, delta: Any, label: Any, target: Any, beta: float = default) -> Any:
        scores, _ = loss(logit, delta, label, target, beta)
        every = smooth_l1(own(delta, label), target, beta) * (label > 0)[:, None]
        return scores, every.sum() / max(np.count_nonzero(label >= 0), 1)

    return masked


def _of_all_sampled(loss: Callable[..., Any], default: float, own: Callable[[Any, Any], Any]) -> Any:
    """Return a loss whose regression takes the negatives too."""

    def wrong(logit: Any, delta: Any, label: Any, target: Any, beta: float = default) -> Any:
        scores, _ = loss(logit, delta, label, target, beta)
        rows = label >= 0
        every = smooth_l1(own(delta, label)[rows], target[rows], beta)
        return scores, every.sum() / max(np.count_nonzero(rows), 1)

    return wrong


def _sum_over(label: Any, count: Any) -> Any:
    """Return what turns a sum over the number sampled into one over ``count``."""
    return max(np.count_nonzero(label >= 0), 1) / max(count, 1)


def _shared(loss: Callable[..., Any], beta: float, own: Callable[[Any, Any], Any]) -> tuple[Mistake, ...]:
    """Return the mistakes that either loss can have."""
    return (
        Mistake(
            "not sampled counted as negative",
            _replaced(loss, beta, lambda logit, delta, label, target: (logit, delta, np.maximum(label, 0), target)),
            "Rows with label −1 were not sampled; they are counted as negatives.",
        ),
        Mistake(
            "over all rows",
            _scaled(loss, beta, lambda label: (_sum_over(label, len(label)),) * 2),
            "The sums are divided by the number of all rows; divide them by the number sampled (label ≥ 0).",
        ),
        Mistake(
            "sums",
            _scaled(loss, beta, lambda label: (_sum_over(label, 1),) * 2),
            "The losses are sums; divide both by the number sampled.",
        ),
        Mistake(
            "regression over positives",
            _scaled(loss, beta, lambda label: (1, _sum_over(label, np.count_nonzero(label > 0)))),
            "The regression is divided by the number of positives; divide it by the number sampled, as the other is.",
        ),
        Mistake(
            "regression over coordinates",
            _scaled(loss, beta, lambda label: (1, 0.25)),
            "The regression is a mean over the four coordinates; it is their sum.",
        ),
        Mistake(
            "nothing by nothing",
            _scaled(loss, beta, lambda label: (1, 1) if (label >= 0).any() else (np.nan, np.nan)),
            "If nothing was sampled, 0 is divided by 0: divide by at least 1.",
        ),
        Mistake(
            "negatives regressed",
            _of_all_sampled(loss, beta, own),
            "The regression takes negatives too: they have no truth to be moved to. Take rows with label > 0.",
        ),
        Mistake(
            "multiplied by a mask",
            _multiplied_by_a_mask(loss, beta, own),
            "Targets without a truth may be NaN or infinite, and NaN · 0 is NaN: choose the rows, then compute.",
        ),
        Mistake(
            "beta not looked at",
            lambda logit, delta, label, target, beta=beta, usual=beta: loss(logit, delta, label, target, usual),
            "`beta` is not looked at: it says where the parabola of the smooth L1 loss ends.",
        ),
        Mistake(
            "turned round",
            lambda logit, delta, label, target, beta=beta: loss(logit, delta, label, target, beta)[::-1],
            "The two losses are swapped: the scores' comes first.",
        ),
    )


def _rpn_unstable(logit: Any, delta: Any, label: Any, target: Any, beta: float = _RPN_BETA) -> Any:
    rows = label >= 0
    probability = 1 / (1 + np.exp(-logit[rows]))
    scores = -np.log(np.where(label[rows] > 0, probability, 1 - probability)).sum() / max(np.count_nonzero(rows), 1)
    return scores, rpn_loss(logit, delta, label, target, beta)[1]


def _rpn_positives_only(logit: Any, delta: Any, label: Any, target: Any, beta: float = _RPN_BETA) -> Any:
    rows = label > 0
    scores = binary_cross_entropy(logit[rows], label[rows]).sum() / max(np.count_nonzero(label >= 0), 1)
    return scores, rpn_loss(logit, delta, label, target, beta)[1]


_RPN_MISTAKES = (
    *_shared(rpn_loss, _RPN_BETA, lambda delta, label: delta),
    Mistake(
        "unstable",
        _rpn_unstable,
        "Large logits give infinity: log(1 + exp(z)) must not be computed by way of exp(z) or log(0).",
    ),
    Mistake(
        "negatives not scored",
        _rpn_positives_only,
        "Only positives have an objectness loss; negatives are what it learns most from.",
    ),
)


def _own(delta: Any, label: Any) -> Any:
    return delta[np.arange(len(label)), np.maximum(label - 1, 0)]


def _head_regression(choose: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the second stage's loss with other deltas chosen for the positives."""

    def wrong(logit: Any, delta: Any, label: Any, target: Any, beta: float = 1.0) -> Any:
        rows = label > 0
        every = smooth_l1(choose(delta[rows], label[rows]), target[rows], beta)
        return head_loss(logit, delta, label, target, beta)[0], every.sum() / max(np.count_nonzero(label >= 0), 1)

    return wrong


def _head_unstable(logit: Any, delta: Any, label: Any, target: Any, beta: float = 1.0) -> Any:
    rows = label >= 0
    share = np.exp(logit[rows]) / np.exp(logit[rows]).sum(axis=1, keepdims=True)
    scores = -np.log(share[np.arange(len(share)), label[rows]]).sum() / max(np.count_nonzero(rows), 1)
    return scores, head_loss(logit, delta, label, target, beta)[1]


def _head_positives_only(logit: Any, delta: Any, label: Any, target: Any, beta: float = 1.0) -> Any:
    rows = label > 0
    scores = cross_entropy(logit[rows], label[rows]).sum() / max(np.count_nonzero(label >= 0), 1)
    return scores, head_loss(logit, delta, label, target, beta)[1]


_HEAD_MISTAKES = (
    *_shared(head_loss, 1.0, _own),
    Mistake(
        "unstable",
        _head_unstable,
        "Large logits overflow: take the row's largest from all of them before the exponential.",
    ),
    Mistake(
        "background not scored",
        _head_positives_only,
        "Only positives have a classification loss; background is a category like the others there.",
    ),
    Mistake(
        "the next category's deltas",
        _head_regression(lambda delta, label: delta[np.arange(len(label)), label % delta.shape[1]]),
        "The deltas of the wrong category are taken: label is category + 1, and background has no deltas.",
    ),
    Mistake(
        "the first category's deltas",
        _head_regression(lambda delta, label: delta[:, 0]),
        "The deltas of the first category are taken for all; take those of each row's own.",
    ),
    Mistake(
        "all categories' deltas",
        lambda logit, delta, label, target, beta=1.0: (
            head_loss(logit, delta, label, target, beta)[0],
            sum(head_loss(logit, delta, np.where(label > 0, k + 1, label), target, beta)[1] for k in range(3)),
        ),
        "The deltas of all categories are trained; only those of the row's own have a target.",
    ),
    Mistake(
        "background last",
        _replaced(
            head_loss, 1.0, lambda logit, delta, label, target: (np.roll(logit, 1, axis=1), delta, label, target)
        ),
        "Background is taken for the last column of the logits; it is the first.",
    ),
)

OPERATORS = (
    Operator(
        "rpn-loss",
        "RPN loss",
        "",
        rpn_loss,
        lambda: _sampled_cases(rpn=True),
        close(1e-4, 1e-5, "objectness", "regression"),
        "largest difference",
        _RPN_MISTAKES,
    ),
    Operator(
        "head-loss",
        "Head loss",
        "",
        head_loss,
        lambda: _sampled_cases(rpn=False),
        close(1e-4, 1e-5, "classification", "regression"),
        "largest difference",
        _HEAD_MISTAKES,
    ),
)
