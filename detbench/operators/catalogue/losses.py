"""Losses, element by element; those of the two heads stand in :mod:`detbench.operators.catalogue.head_losses`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue import head_losses
from detbench.operators.catalogue.comparison import close
from detbench.operators.catalogue.drawing import LONGER, as_xywh, boxes, drawn, floats, integers, longer, normal
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.iou import giou, iou
from detbench.operators.reference.losses import binary_cross_entropy, cross_entropy, giou_loss, smooth_l1

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]

_RPN_BETA = 1 / 9


def _smooth_cases() -> list[Case]:
    def case(name: str, prediction: Any, target: Any, *traits: str, **settings: float) -> Case:
        inputs = {"prediction": prediction, "target": target}
        return Case(name, inputs, settings, ("prediction", "target"), frozenset(traits))

    return [
        case("on target", floats(1.5), floats(1.5)),
        case("near", floats(0.5), floats(0)),
        case("far", floats(3), floats(0)),
        case("below the target", floats(-0.5, -3), floats(0, 0)),
        case("where parabola meets line", floats(1, -1), floats(0, 0)),
        case("the RPN's beta", floats(0, 0.05, 1 / 9, 0.5, 4), floats(0, 0, 0, 0, 0), beta=_RPN_BETA),
        case("a large beta", floats(0.5, 2.5, 9), floats(0, 0, 0), beta=3.0),
        case("no parabola", floats(0, 0.05, -2), floats(0, 0, 0), beta=0.0),
        case("drawn, rows of four", normal(1, 30, 4), normal(2, 30, 4)),
        case("large numbers", floats(1e6, -3e30), floats(0, 3e30)),
        case("nothing", floats(), floats(), "empty"),
    ]


def _smooth_by(rule: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda prediction, target, beta=1.0: rule(np.abs(prediction - target), np.float32(beta)).astype(np.float32)


_SMOOTH_MISTAKES = (
    Mistake(
        "half missing",
        _smooth_by(lambda d, beta: np.where(d < beta, d * d / beta, d - beta / 2)),
        "The parabola is twice as high as it should be: d² / (2 · beta).",
    ),
    Mistake(
        "line too high",
        _smooth_by(lambda d, beta: np.where(d < beta, d * d / (2 * beta), d)),
        "The line does not meet the parabola: take beta / 2 from the distance.",
    ),
    Mistake(
        "half taken from any line",
        _smooth_by(lambda d, beta: np.where(d < beta, d * d / (2 * beta), d - 0.5)),
        "The line is lowered by 0.5 whatever beta is: take beta / 2 from the distance.",
    ),
    Mistake(
        "multiplied by beta",
        _smooth_by(lambda d, beta: np.where(d < beta, d * d * beta / 2, d - beta / 2)),
        "The parabola is multiplied by beta; divide by it.",
    ),
    Mistake(
        "beta not looked at",
        _smooth_by(lambda d, beta: np.where(d < 1, d * d / 2, d - 0.5)),
        "`beta` is not looked at: it says where the parabola ends.",
    ),
    Mistake("squared", _smooth_by(lambda d, beta: d * d / 2), "This is the squared loss: beyond beta it is a line."),
    Mistake("absolute", _smooth_by(lambda d, beta: d), "This is the L1 loss: below beta it is a parabola."),
    Mistake(
        "sign kept",
        lambda prediction, target, beta=1.0: np.where(
            prediction < target, prediction - target, smooth_l1(prediction, target, beta)
        ),
        "Predictions below the target have a negative loss: take the distance's absolute value.",
    ),
    Mistake(
        "division by zero",
        _smooth_by(lambda d, beta: np.where(d <= beta, d * d / (2 * beta), d - beta / 2)),
        "With a beta of 0 the parabola divides by 0: there is none then.",
    ),
    Mistake(
        "mean",
        lambda prediction, target, beta=1.0: smooth_l1(prediction, target, beta).mean(),
        "The loss of every element is asked for, not their mean.",
    ),
)


def _binary_cases() -> list[Case]:
    def case(name: str, logit: Any, label: Any, *traits: str) -> Case:
        return Case(name, {"logit": logit, "label": label}, rows=("logit", "label"), traits=frozenset(traits))

    drawn_logit = normal(3, 50)
    return [
        case("no idea", floats(0, 0), integers(1, 0)),
        case("right", floats(2, -2), integers(1, 0)),
        case("wrong", floats(2, -2), integers(0, 1)),
        case("drawn", drawn_logit, (drawn_logit + normal(4, 50) > 0).astype(np.int32)),
        case("very sure and right", floats(30, -30, 1000, -1000), integers(1, 0, 1, 0)),
        case("very sure and wrong", floats(30, -30, 1000, -1000), integers(0, 1, 0, 1)),
        case("extremes of float32", floats(3e38, -3e38), integers(0, 0)),
        case("nothing", floats(), integers(), "empty"),
    ]


def _sigmoid(logit: Any) -> Any:
    return 1 / (1 + np.exp(-logit))


_BINARY_MISTAKES = (
    Mistake(
        "unstable",
        lambda logit, label: -np.log(np.where(label > 0, _sigmoid(logit), 1 - _sigmoid(logit))),
        "Large logits give infinity: log(1 + exp(z)) must not be computed by way of exp(z) or log(0).",
    ),
    Mistake(
        "cut",
        lambda logit, label: -np.log(np.clip(np.where(label > 0, _sigmoid(logit), _sigmoid(-logit)), 1e-7, 1 - 1e-7)),
        "Probabilities are cut to 1e-7: a very wrong logit of 1,000 has a loss of 1,000, not of 16.",
    ),
    Mistake(
        "labels swapped",
        lambda logit, label: binary_cross_entropy(logit, 1 - label),
        "Labels are swapped: 1 is an object.",
    ),
    Mistake(
        "label not looked at",
        lambda logit, label: binary_cross_entropy(logit, np.ones_like(label)),
        "Negatives are counted as positives: their loss is −log(1 − p).",
    ),
    Mistake(
        "probabilities",
        lambda logit, label: binary_cross_entropy(_sigmoid(logit), label),
        "The sigmoid is taken twice: the input is logits.",
    ),
    Mistake(
        "sign",
        lambda logit, label: -binary_cross_entropy(logit, label),
        "The sign is wrong: a loss is the *negative* logarithm of a probability.",
    ),
    Mistake(
        "mean",
        lambda logit, label: binary_cross_entropy(logit, label).mean(),
        "The loss of every element is asked for, not their mean.",
    ),
)


def _cross_cases() -> list[Case]:
    def case(name: str, logit: Any, category: Any, *traits: str) -> Case:
        inputs = {"logit": logit, "category": category}
        return Case(name, inputs, rows=("logit", "category"), traits=frozenset(traits))

    return [
        case("two categories, no idea", normal(0, 1, 2, spread=0), integers(0)),
        case("the first of three", np.array([[2, 0, -1]], np.float32), integers(0)),
        case("the last of three", np.array([[2, 0, -1]], np.float32), integers(2)),
        case("one category", np.array([[3]], np.float32), integers(0)),
        case("drawn", normal(5, 40, 21), np.arange(40, dtype=np.int32) % 21),
        case("large logits", np.array([[1000, 0], [1000, 999], [-1000, -1001]], np.float32), integers(1, 0, 0)),
        case("extremes of float32", np.array([[3e38, 0, -1e38]], np.float32), integers(1)),
        case("no rows", normal(0, 0, 3), integers(), "empty"),
    ]


_CROSS_MISTAKES = (
    Mistake(
        "unstable",
        lambda logit, category: np.log(np.exp(logit).sum(axis=1)) - logit[np.arange(len(logit)), category],
        "Large logits overflow: take the row's largest from all of them before the exponential.",
    ),
    Mistake(
        "one maximum for all",
        lambda logit, category: (
            np.log(np.exp(logit - logit.max(initial=-3e38)).sum(axis=1))
            - (logit - logit.max(initial=-3e38))[np.arange(len(logit)), category]
        ),
        "The largest logit of all rows is taken away: rows far below it underflow. Take each row's own.",
    ),
    Mistake(
        "not a logarithm",
        lambda logit, category: 1 - np.exp(-cross_entropy(logit, category)),
        "This is one less the probability; the loss is its negative logarithm.",
    ),
    Mistake(
        "logit alone",
        lambda logit, category: -logit[np.arange(len(logit)), category],
        "This is the negative logit: the logarithm of the sum of all exponentials is still to be added.",
    ),
    Mistake(
        "background counted apart",
        lambda logit, category: cross_entropy(logit, category - 1),
        "Categories are shifted by one: category 0 is the first column.",
    ),
    Mistake(
        "sign",
        lambda logit, category: -cross_entropy(logit, category),
        "The sign is wrong: a loss is the *negative* logarithm of a probability.",
    ),
    Mistake(
        "mean",
        lambda logit, category: cross_entropy(logit, category).mean(),
        "The loss of every row is asked for, not their mean.",
    ),
)


def _giou_cases() -> list[Case]:
    def case(name: str, box: Any, target: Any, *traits: str) -> Case:
        return Case(name, {"box": box, "target": target}, rows=("box", "target"), traits=frozenset(traits))

    unit = boxes([0, 0, 4, 2])
    return [
        case("on target", unit, unit),
        case("half shared", unit, boxes([2, 0, 6, 2])),
        case("apart", unit, boxes([10, 10, 14, 12])),
        case("several", boxes([1, 1, 5, 3], [1, 1, 5, 3]), boxes([1, 1, 5, 3], [2, 0, 4, 9])),
        case("drawn", drawn(12, 40), drawn(13, 40)),
        case("no area", boxes([2, 1, 2, 1], [4, 2, 0, 0]), boxes([2, 1, 2, 1], [0, 0, 4, 2]), "no area"),
        case("no rows", boxes(), boxes(), "empty"),
    ]


_GIOU_MISTAKES = (
    Mistake("GIoU", lambda box, target: 1 - giou_loss(box, target), "This is GIoU; the loss is 1 − GIoU."),
    Mistake("negative", lambda box, target: giou_loss(box, target) - 1, "The loss is 1 − GIoU, not −GIoU."),
    Mistake(
        "IoU",
        lambda box, target: 1 - np.diagonal(iou(box, target)),
        "This is 1 − IoU: boxes that do not overlap all have the same loss, and nothing to learn from.",
    ),
    Mistake(
        "all pairs",
        lambda box, target: 1 - giou(box, target),
        "Each box is compared with every target; compare it with the one in its row.",
    ),
    Mistake(
        "mean",
        lambda box, target: giou_loss(box, target).mean(),
        "The loss of every row is asked for, not their mean.",
    ),
    Mistake(
        "a pixel more",
        lambda box, target: giou_loss(longer(box), longer(target)),
        LONGER,
    ),
    Mistake(
        "width for corner",
        lambda box, target: giou_loss(as_xywh(box), as_xywh(target)),
        "x2 and y2 are taken for a width and a height; they are the lower right corner.",
    ),
)


def _elementwise(
    function: Callable[..., Any], title: str, cases: Callable[[], list[Case]], mistakes: tuple[Mistake, ...]
) -> Operator:
    name = function.__name__.replace("_", "-")
    return Operator(name, title, "", function, cases, close(1e-4, 1e-5, "loss"), "largest difference", mistakes)


OPERATORS = (
    _elementwise(smooth_l1, "Smooth L1", _smooth_cases, _SMOOTH_MISTAKES),
    _elementwise(binary_cross_entropy, "Binary cross-entropy", _binary_cases, _BINARY_MISTAKES),
    _elementwise(cross_entropy, "Cross-entropy", _cross_cases, _CROSS_MISTAKES),
    _elementwise(giou_loss, "GIoU loss", _giou_cases, _GIOU_MISTAKES),
    *head_losses.OPERATORS,
)
