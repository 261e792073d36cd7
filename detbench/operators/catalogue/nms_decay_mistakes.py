"""Mistakes that people make with soft-NMS and matrix NMS, each a function that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Mistake
from detbench.operators.reference.iou import iou
from detbench.operators.reference.matrix_nms import matrix_nms
from detbench.operators.reference.nms import by_falling_score
from detbench.operators.reference.soft_nms import soft_nms, weight

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["MATRIX_MISTAKES", "SOFT_MISTAKES"]


def _softened(
    box: Any,
    score: Any,
    score_threshold: float,
    limit: int | None,
    weight_of: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    taken_too: bool = False,
    threshold_first: bool = False,
    order: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return soft-NMS with another weight, or in another order."""
    decayed = score.copy()
    left = decayed >= score_threshold
    taken: list[int] = []
    while left.any() and (limit is None or len(taken) < limit):
        best = int(np.argmax(np.where(left, decayed, -np.inf)) if order is None else order[left[order]][0])
        taken.append(best)
        left[best] = False
        others = np.flatnonzero(np.arange(len(box)) != best) if taken_too else np.flatnonzero(left)
        decayed[others] *= weight_of(iou(box[best : best + 1], box[others])[0])
        if not threshold_first:
            left &= decayed >= score_threshold
    row = np.array(taken, dtype=np.intp)
    return row, decayed[row]


def _soft(
    **otherwise: Any,
) -> Callable[..., tuple[NDArray[np.intp], NDArray[Any]]]:
    """Return soft-NMS that does one thing otherwise: a weight, or one of :func:`_softened`'s flags."""
    weigh, by_score = otherwise.pop("weigh", weight), otherwise.pop("by_score", False)

    def made(
        box: Any,
        score: Any,
        method: str = "gaussian",
        iou_threshold: float = 0.3,
        sigma: float = 0.5,
        score_threshold: float = 0.001,
        limit: int | None = None,
    ) -> tuple[NDArray[np.intp], NDArray[Any]]:
        order = by_falling_score(score) if by_score else None
        return _softened(
            box,
            score,
            score_threshold,
            limit,
            lambda o: weigh(o, method, iou_threshold, sigma),
            order=order,
            **otherwise,
        )

    return made


def _given_scores(box: Any, score: Any, *rules: Any, **named: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
    row, _ = soft_nms(box, score, *rules, **named)
    return row, score[row]


def _not_squared(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    return weight(overlap, method, iou_threshold, sigma) if method == "linear" else np.exp(-overlap / np.float32(sigma))


def _multiplied(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    return weight(overlap, method, iou_threshold, sigma if method == "linear" else 1 / sigma)


def _two_sigma_squared(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    return weight(overlap, method, iou_threshold, sigma if method == "linear" else 2 * sigma**2)


def _always_linear(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    return weight(overlap, method, 0.0 if method == "linear" else iou_threshold, sigma)


def _gaussian_above(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    soft = weight(overlap, method, iou_threshold, sigma)
    return soft if method == "linear" else np.where(overlap > np.float32(iou_threshold), soft, np.float32(1))


def _hard(overlap: Any, method: Any, iou_threshold: float, sigma: float) -> Any:
    del method, sigma
    return np.where(overlap > np.float32(iou_threshold), np.float32(0), np.float32(1))


SOFT_MISTAKES = (
    Mistake(
        "taken boxes decay",
        _soft(taken_too=True),
        "The scores of boxes that were taken decay further. Once a box is taken, its score stays.",
    ),
    Mistake(
        "threshold before decay",
        _soft(threshold_first=True),
        "You compare with the score threshold before the scores decay. A box goes when its decayed score is below it.",
    ),
    Mistake("not squared", _soft(weigh=_not_squared), "The gaussian weight is exp(−IoU²/sigma): square the IoU."),
    Mistake("sigma multiplied", _soft(weigh=_multiplied), "The gaussian weight is exp(−IoU²/sigma): divide by sigma."),
    Mistake(
        "2 sigma²",
        _soft(weigh=_two_sigma_squared),
        "The gaussian weight is exp(−IoU²/sigma), without a square or a 2 of sigma.",
    ),
    Mistake(
        "linear from 0",
        _soft(weigh=_always_linear),
        "Linear decay is for an IoU greater than the threshold; below it the score stays.",
    ),
    Mistake(
        "gaussian from the threshold",
        _soft(weigh=_gaussian_above),
        "Gaussian decay has no IoU threshold: it is there for every overlap.",
    ),
    Mistake("hard", _soft(weigh=_hard), "You drop what overlaps. Multiply its score by the method's weight instead."),
    Mistake(
        "order of the scores given",
        _soft(by_score=True),
        "You take boxes in the order of their first scores. After each one, take the highest of the decayed scores.",
    ),
    Mistake("scores given", _given_scores, "You return the scores as they were given. Return the decayed ones."),
)


def _matrix(
    combine: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]],
) -> Callable[..., NDArray[Any]]:
    """Return matrix NMS whose decay is ``combine(IoU [N, N], each suppressor's own largest [N, 1])``, by kernel."""

    def made(box: Any, score: Any, category: Any, kernel: str = "gaussian", sigma: float = 2.0) -> NDArray[Any]:
        order = by_falling_score(score)
        same = category[order][:, None] == category[order][None]
        overlap = np.triu(iou(box[order], box[order]) * same, 1)
        largest = overlap.max(axis=0, initial=0)[:, None]

        def f(value: NDArray[Any]) -> Any:
            return 1 - value if kernel == "linear" else np.exp(-np.float32(sigma) * value**2)

        with np.errstate(divide="ignore", invalid="ignore"):
            decay = combine(f(overlap), f(largest))
        decayed: NDArray[Any] = np.empty(len(score), dtype=score.dtype)
        decayed[order] = score[order] * decay
        return decayed

    return made


def _ignoring_category(box: Any, score: Any, category: Any, *rules: Any, **named: Any) -> NDArray[Any]:
    return matrix_nms(box, score, np.zeros_like(category), *rules, **named)


def _sigma_divides(box: Any, score: Any, category: Any, kernel: Any = "gaussian", sigma: float = 2.0) -> NDArray[Any]:
    return matrix_nms(box, score, category, kernel, 1 / sigma)


def _by_score(box: Any, score: Any, *rules: Any, **named: Any) -> Any:
    return matrix_nms(box, score, *rules, **named)[by_falling_score(score)]


def _higher_row(box: Any, score: Any, category: Any, *rules: Any, **named: Any) -> Any:
    back = slice(None, None, -1)
    return matrix_nms(box[back], score[back], category[back], *rules, **named)[back]


MATRIX_MISTAKES = (
    Mistake(
        "not compensated",
        _matrix(lambda decay, _: decay.min(axis=0, initial=1)),
        "You leave out the division by f(the largest IoU of the suppressor with a box above it): a box that is likely "
        "suppressed itself decays others less.",
    ),
    Mistake(
        "own compensation",
        _matrix(lambda decay, own: (decay / own.T).min(axis=0, initial=1)),
        "You divide by f of the decayed box's own largest IoU. It is the suppressor's: the row, not the column.",
    ),
    Mistake(
        "product",
        _matrix(lambda decay, _: decay.prod(axis=0)),
        "You multiply the decays of all boxes above. The smallest of them counts alone.",
    ),
    Mistake("categories ignored", _ignoring_category, "Boxes of other categories decay nothing; you let them."),
    Mistake("sigma divides", _sigma_divides, "The gaussian kernel is exp(−sigma · IoU²): sigma multiplies here."),
    Mistake("by score", _by_score, "You return the scores in sorted order. Return them in the order of the rows."),
    Mistake("higher row", _higher_row, "Of equal scores the lower row counts as the higher; you take the other."),
)
