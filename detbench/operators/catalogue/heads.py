"""The two heads, forwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close
from detbench.operators.catalogue.drawing import normal
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.heads import box_head, rpn_head

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]


def _rpn_case(name: str, shape: tuple[int, int, int], width: int, anchors: int, *traits: str) -> Case:
    channels = shape[2]
    inputs = {
        "feature": normal(40, *shape),
        "kernel": normal(41, 3, 3, channels, width, spread=0.3),
        "bias": normal(42, width),
        "score_kernel": normal(43, width, anchors),
        "score_bias": normal(44, anchors),
        "delta_kernel": normal(45, width, 4 * anchors),
        "delta_bias": normal(46, 4 * anchors),
    }
    return Case(name, inputs, traits=frozenset(traits))


def _rpn_cases() -> list[Case]:
    return [
        _rpn_case("one cell, one channel, one anchor", (1, 1, 1), 1, 1),
        _rpn_case("a row of cells", (1, 4, 1), 2, 1),
        _rpn_case("a square map", (3, 3, 2), 3, 1),
        _rpn_case("more columns than rows", (3, 5, 2), 4, 2),
        _rpn_case("more rows than columns", (6, 2, 3), 4, 3),
        _rpn_case("more channels", (4, 5, 16), 32, 9),
        _rpn_case("no cells", (0, 3, 2), 3, 2, "empty"),
    ]


def _convolved(feature: Any, kernel: Any, bias: Any, *, border: Any = "constant") -> Any:
    """Return the 3 × 3 convolution without what follows it."""
    height, width, _ = feature.shape
    padded = np.pad(feature, ((1, 1), (1, 1), (0, 0)), mode=border)
    return bias + sum(padded[i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3))


def _rpn_of(hidden: Callable[..., Any]) -> Callable[..., Any]:
    """Return an RPN head whose hidden layer is another function of the map, the kernel and the bias."""

    def wrong(
        feature: Any, kernel: Any, bias: Any, score_kernel: Any, score_bias: Any, delta_kernel: Any, delta_bias: Any
    ) -> Any:
        layer = hidden(feature, kernel, bias)
        scores, deltas = layer @ score_kernel + score_bias, layer @ delta_kernel + delta_bias
        return scores.reshape(-1), deltas.reshape(-1, 4)

    return wrong


def _relu(values: Any) -> Any:
    return np.maximum(values, 0)


def _laid(order: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return an RPN head whose answers ``[H, W, A, …]`` are laid out otherwise."""

    def wrong(feature: Any, score_bias: Any, **weights: Any) -> Any:
        scores, deltas = rpn_head(feature, score_bias=score_bias, **weights)
        height, width, _ = feature.shape
        anchors = len(score_bias)
        return (
            order(scores.reshape(height, width, anchors, 1)).reshape(-1),
            order(deltas.reshape(height, width, anchors, 4)).reshape(-1, 4),
        )

    return wrong


def _by_coordinate(feature: Any, **weights: Any) -> Any:
    scores, deltas = rpn_head(feature, **weights)
    cells = feature.shape[0] * feature.shape[1]
    anchors = len(weights["score_bias"])
    return scores, deltas.reshape(cells, 4, anchors).swapaxes(1, 2).reshape(-1, 4)


def _squashed(**inputs: Any) -> Any:
    scores, deltas = rpn_head(**inputs)
    return 1 / (1 + np.exp(-scores)), deltas


_RPN_MISTAKES = (
    Mistake("no ReLU", _rpn_of(_convolved), "The ReLU after the 3 × 3 convolution is missing."),
    Mistake(
        "no bias",
        _rpn_of(lambda feature, kernel, bias: _relu(_convolved(feature, kernel, 0 * bias))),
        "The bias of the 3 × 3 convolution is missing.",
    ),
    Mistake(
        "kernel turned",
        _rpn_of(lambda feature, kernel, bias: _relu(_convolved(feature, kernel[::-1, ::-1], bias))),
        "The kernel is turned round, as mathematics does: here its upper left weighs the upper left neighbour.",
    ),
    Mistake(
        "kernel transposed",
        _rpn_of(lambda feature, kernel, bias: _relu(_convolved(feature, kernel.swapaxes(0, 1), bias))),
        "Rows and columns of the kernel are swapped: its first axis goes down.",
    ),
    Mistake(
        "border repeated",
        _rpn_of(
            lambda feature, kernel, bias: _relu(
                _convolved(feature, kernel, bias, border="edge" if feature.size else "constant")
            )
        ),
        "The map's border is repeated beyond it; beyond it are zeros.",
    ),
    Mistake(
        "middle of the kernel",
        _rpn_of(lambda feature, kernel, bias: _relu(feature @ kernel[1, 1] + bias)),
        "Each cell sees itself alone: the convolution is 3 × 3.",
    ),
    Mistake(
        "column by column",
        _laid(lambda answer: answer.swapaxes(0, 1)),
        "The answers are listed column by column; list them row by row, as the anchors are.",
    ),
    Mistake(
        "anchor by anchor",
        _laid(lambda answer: np.moveaxis(answer, 2, 0)),
        "The answers are listed anchor by anchor; all anchors of the first cell come first, then the second's.",
    ),
    Mistake(
        "deltas by coordinate",
        _by_coordinate,
        "The deltas' channels are taken as all dx, then all dy: the four of one anchor lie side by side.",
    ),
    Mistake("probabilities", _squashed, "The scores are probabilities; return logits, before the sigmoid."),
)


def _box_case(name: str, shape: tuple[int, int, int, int], width: int, categories: int, *traits: str) -> Case:
    flat = shape[1] * shape[2] * shape[3]
    inputs = {
        "pooled": normal(50, *shape),
        "weight1": normal(51, flat, width, spread=0.3),
        "bias1": normal(52, width),
        "weight2": normal(53, width, width, spread=0.5),
        "bias2": normal(54, width),
        "score_weight": normal(55, width, categories + 1),
        "score_bias": normal(56, categories + 1),
        "delta_weight": normal(57, width, 4 * categories),
        "delta_bias": normal(58, 4 * categories),
    }
    return Case(name, inputs, rows=("pooled",), traits=frozenset(traits))


def _box_cases() -> list[Case]:
    return [
        _box_case("one region, one number, one category", (1, 1, 1, 1), 2, 1),
        _box_case("one region", (1, 2, 2, 1), 3, 2),
        _box_case("several channels", (2, 2, 3, 4), 5, 3),
        _box_case("more regions", (9, 7, 7, 8), 16, 20),
        _box_case("no regions", (0, 2, 2, 1), 3, 2, "empty"),
    ]


def _layers(
    first: Callable[[Any], Any] = _relu,
    second: Callable[[Any], Any] = _relu,
    flatten: Callable[[Any], Any] | None = None,
) -> Callable[..., Any]:
    """Return a box head with other activations, or flattened otherwise."""

    def wrong(
        pooled: Any,
        weight1: Any,
        bias1: Any,
        weight2: Any,
        bias2: Any,
        score_weight: Any,
        score_bias: Any,
        delta_weight: Any,
        delta_bias: Any,
    ) -> Any:
        turned = pooled if flatten is None else flatten(pooled)
        hidden = first(turned.reshape(len(pooled), len(weight1)) @ weight1 + bias1)
        hidden = second(hidden @ weight2 + bias2)
        deltas = hidden @ delta_weight + delta_bias
        return hidden @ score_weight + score_bias, deltas.reshape(len(pooled), -1 if deltas.size else 0, 4)

    return wrong


def _no_bias(**inputs: Any) -> Any:
    return box_head(**{name: 0 * array if name in ("bias1", "bias2") else array for name, array in inputs.items()})


def _box_by_coordinate(**inputs: Any) -> Any:
    scores, deltas = box_head(**inputs)
    count, categories, _ = deltas.shape
    return scores, deltas.reshape(count, 4, categories).swapaxes(1, 2)


def _softmax(**inputs: Any) -> Any:
    scores, deltas = box_head(**inputs)
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True), deltas


def _flat_deltas(**inputs: Any) -> Any:
    scores, deltas = box_head(**inputs)
    return scores, deltas.reshape(len(deltas), 4 * deltas.shape[1])


_BOX_MISTAKES = (
    Mistake("no ReLU", _layers(lambda x: x, lambda x: x), "Neither layer is followed by a ReLU; both should be."),
    Mistake("no second ReLU", _layers(second=lambda x: x), "The ReLU after the second layer is missing."),
    Mistake("no first ReLU", _layers(first=lambda x: x), "The ReLU after the first layer is missing."),
    Mistake("no bias", _no_bias, "The biases of the two layers are missing."),
    Mistake(
        "channels first",
        _layers(flatten=lambda pooled: np.moveaxis(pooled, 3, 1)),
        "Regions are flattened channel by channel: the last axis moves fastest here, as it lies in memory.",
    ),
    Mistake(
        "column by column",
        _layers(flatten=lambda pooled: pooled.swapaxes(1, 2)),
        "Regions are flattened column by column; flatten them row by row.",
    ),
    Mistake(
        "deltas by coordinate",
        _box_by_coordinate,
        "The deltas' columns are taken as all dx, then all dy: the four of one category lie side by side.",
    ),
    Mistake("probabilities", _softmax, "The scores are probabilities; return logits, before the softmax."),
    Mistake("deltas flat", _flat_deltas, "The deltas are [R, 4K]; give them the shape [R, K, 4]."),
)

OPERATORS = (
    Operator(
        "rpn-head",
        "RPN head",
        "",
        rpn_head,
        _rpn_cases,
        close(1e-3, 1e-3, "logit", "delta"),
        "largest difference",
        _RPN_MISTAKES,
    ),
    Operator(
        "box-head",
        "Box head",
        "",
        box_head,
        _box_cases,
        close(1e-3, 1e-3, "logit", "delta"),
        "largest difference",
        _BOX_MISTAKES,
    ),
)
