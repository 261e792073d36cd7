"""Proposals: the best, cut, large enough, and no two alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import equal
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, floats, longer
from detbench.operators.contract import Case, Mistake, Operator
from detbench.operators.reference.nms import nms
from detbench.operators.reference.proposals import clip_boxes, filter_boxes, keep_top_n, select_proposals

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPERATORS"]

_ROWS = ("box", "score")


def _scores(seed: int, count: int) -> Any:
    """Return scores of which many are equal: sixteenths."""
    return (np.random.default_rng([seed, count]).integers(0, 16, count) / 16).astype(np.float32)


def _top_cases() -> list[Case]:
    def case(name: str, box: Any, score: Any, count: int, *traits: str) -> Case:
        return Case(name, {"box": box, "score": score}, {"count": count}, _ROWS, frozenset(traits))

    some = drawn(60, 5)
    return [
        case("the best of three", drawn(60, 3), floats(0.1, 0.9, 0.5), 1),
        case("the two best", drawn(60, 3), floats(0.5, 0.1, 0.9), 2),
        case("all of them", some, floats(0.5, 0.1, 0.9, 0.2, 0.4), 5),
        case("more than there are", some, floats(0.5, 0.1, 0.9, 0.2, 0.4), 9),
        case("negative scores", some, floats(-0.5, -3, 2, 0, -1), 3),
        case("drawn", drawn(61, 40), np.random.default_rng(61).permutation(40).astype(np.float32), 12),
        case("equal scores", some, floats(0.5, 0.5, 0.9, 0.5, 0.5), 3, "score ties"),
        case("many equal scores", drawn(62, 60), _scores(62, 60), 25, "score ties"),
        case("none wanted", some, floats(0.5, 0.1, 0.9, 0.2, 0.4), 0),
        case("no boxes", boxes(), floats(), 3, "empty"),
    ]


def _of_order(order: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Return a choice of the rows that ``order(score, count)`` names."""

    def wrong(box: Any, score: Any, count: int) -> Any:
        rows = order(score, count)
        return box[rows], score[rows]

    return wrong


def _best(score: Any) -> Any:
    return np.argsort(-score, kind="stable")


_TOP_MISTAKES = (
    Mistake(
        "the worst",
        _of_order(lambda score, count: np.argsort(score, kind="stable")[:count]),
        "The lowest scores are kept; `argsort` sorts upwards, so sort the negative scores.",
    ),
    Mistake(
        "ties to the higher row",
        _of_order(lambda score, count: np.argsort(score, kind="stable")[::-1][:count]),
        "Of equal scores the higher row comes first: turning an order round turns ties too. Sort −score, stable.",
    ),
    Mistake(
        "upwards",
        _of_order(lambda score, count: _best(score)[:count][::-1]),
        "The right boxes, but upwards: the highest score comes first.",
    ),
    Mistake(
        "in their order",
        _of_order(lambda score, count: np.sort(_best(score)[:count])),
        "The right boxes, but in the order they came in: the highest score comes first.",
    ),
    Mistake(
        "the first", _of_order(lambda score, count: np.arange(len(score))[:count]), "The first rows are kept unsorted."
    ),
    Mistake("one more", _of_order(lambda score, count: _best(score)[: count + 1]), "One box too many is kept."),
    Mistake(
        "all",
        _of_order(lambda score, count: _best(score)),
        "The boxes are sorted, but all are kept: take the first `count`.",
    ),
    Mistake(
        "scores not moved",
        lambda box, score, count: (keep_top_n(box, score, count)[0], score[:count]),
        "The boxes are the best, but the scores are those of the first rows: order both alike.",
    ),
)


def _clip_cases() -> list[Case]:
    def case(name: str, box: Any, height_px: float, width_px: float, *traits: str) -> Case:
        return Case(name, {"box": box}, {"height_px": height_px, "width_px": width_px}, ("box",), frozenset(traits))

    return [
        case("inside", boxes([10, 20, 30, 40]), 100, 200),
        case("over the left and upper border", boxes([-5, -6, 30, 40]), 100, 200),
        case("over the right and lower border", boxes([150, 50, 300, 400]), 100, 200),
        case("exactly the picture", boxes([0, 0, 200, 100]), 100, 200),
        case("larger than the picture", boxes([-50, -60, 300, 400]), 100, 200),
        case("outside", boxes([-50, -60, -10, -20], [250, 10, 260, 20], [10, 120, 20, 130]), 100, 200, "outside"),
        case("drawn", drawn(63, 40, span=200, largest=150) - np.float32(60), 90, 120),
        case("far away", boxes([-1e30, -1e30, 1e30, 1e30]), 100, 200),
        case("a fractional picture", boxes([-1, -1, 99, 99]), 50.5, 60.25),
        case("swapped corners", boxes([250, 120, -5, -6]), 100, 200, "no area"),
        case("no boxes", boxes(), 100, 200, "empty"),
    ]


_CLIP_MISTAKES = (
    Mistake(
        "a pixel less",
        lambda box, height_px, width_px: clip_boxes(box, height_px - 1, width_px - 1),
        "Boxes are cut to the side less one: a box is continuous here, so x reaches from 0 to the width.",
    ),
    Mistake(
        "height for width",
        lambda box, height_px, width_px: clip_boxes(box, width_px, height_px),
        "Height and width are swapped: x is cut to the width, y to the height.",
    ),
    Mistake(
        "from above only",
        lambda box, height_px, width_px: np.minimum(box, np.tile(np.array([width_px, height_px], np.float32), 2)),
        "Negative coordinates stay: cut at 0 too.",
    ),
    Mistake("from below only", lambda box, height_px, width_px: np.maximum(box, 0), "Boxes are cut at 0 alone."),
    Mistake(
        "one corner each",
        lambda box, height_px, width_px: np.concatenate(
            [np.maximum(box[:, :2], 0), np.minimum(box[:, 2:], np.array([width_px, height_px], np.float32))], axis=1
        ),
        "x1 and y1 are cut at 0 only, x2 and y2 at the side only: a box outside keeps a corner outside.",
    ),
    Mistake(
        "dropped",
        lambda box, height_px, width_px: box[
            (box >= 0).all(axis=1) & (box <= np.tile(np.array([width_px, height_px], np.float32), 2)).all(axis=1)
        ],
        "Boxes that cross the border are dropped; cut them.",
    ),
)


def _filter_cases() -> list[Case]:
    def case(name: str, box: Any, min_size_px: float, *traits: str) -> Case:
        score = np.linspace(0.9, 0.1, len(box), dtype=np.float32)
        return Case(name, {"box": box, "score": score}, {"min_size_px": min_size_px}, _ROWS, frozenset(traits))

    return [
        case("one large, one small", boxes([0, 0, 30, 30], [0, 0, 5, 5]), 16),
        case("too narrow and too flat", boxes([0, 0, 5, 90], [0, 0, 90, 5], [0, 0, 20, 20]), 16),
        case("not the origin", boxes([100, 100, 105, 130], [100, 100, 130, 130]), 16),
        case("drawn", drawn(64, 40), 16),
        case("just too small", boxes([0, 0, 15.5, 20], [0, 0, 20, 15.75]), 16),
        case("exactly large enough", boxes([0, 0, 16, 16], [0, 0, 16, 99]), 16, "threshold equality"),
        case("swapped corners", boxes([60, 60, 10, 10], [0, 0, 20, 20]), 16, "no area"),
        case("no least size", boxes([5, 5, 5, 5], [9, 9, 5, 5], [0, 0, 1, 1]), 0, "no area"),
        case("NaN", boxes([0, 0, np.nan, 50], [0, 0, 50, 50]), 16, "not finite"),
        case("nothing is large enough", boxes([0, 0, 3, 3], [0, 0, 4, 4]), 16),
        case("no boxes", boxes(), 16, "empty"),
    ]


def _kept(rule: Callable[[Any, Any, float], Any]) -> Callable[..., Any]:
    """Return a filter by ``rule(width, height, min_size_px)``."""

    def wrong(box: Any, score: Any, min_size_px: float) -> Any:
        kept = rule(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1], min_size_px)
        return box[kept], score[kept]

    return wrong


_FILTER_MISTAKES = (
    Mistake(
        "strict", _kept(lambda w, h, s: (w > s) & (h > s)), "A side of exactly `min_size_px` stays: compare with ≥."
    ),
    Mistake("either side", _kept(lambda w, h, s: (w >= s) | (h >= s)), "One long side is enough; both must be."),
    Mistake("by area", _kept(lambda w, h, s: w * h >= s * s), "The area is compared; compare each side."),
    Mistake(
        "absolute",
        _kept(lambda w, h, s: (np.abs(w) >= s) & (np.abs(h) >= s)),
        "A box whose corners are swapped stays: do not take the absolute value of a side.",
    ),
    Mistake(
        "a pixel more",
        _kept(lambda w, h, s: (w + 1 >= s) & (h + 1 >= s)),
        LONGER,
    ),
    Mistake(
        "the small ones", _kept(lambda w, h, s: (w < s) | (h < s)), "The small boxes are kept, the others dropped."
    ),
    Mistake("NaN kept", _kept(lambda w, h, s: ~((w < s) | (h < s))), "A box with NaN stays: ask what is large enough."),
    Mistake(
        "scores not filtered",
        lambda box, score, min_size_px: (filter_boxes(box, score, min_size_px)[0], score),
        "The scores of the dropped boxes are still there: filter both alike.",
    ),
)


def _select_cases() -> list[Case]:
    def case(name: str, box: Any, score: Any, *traits: str, **settings: float) -> Case:
        usual = {
            "height_px": 100,
            "width_px": 200,
            "pre_nms": 50,
            "post_nms": 10,
            "iou_threshold": 0.5,
            "min_size_px": 4,
        }
        return Case(name, {"box": box, "score": score}, {**usual, **settings}, _ROWS, frozenset(traits))

    pair = boxes([0, 0, 20, 20], [0, 0, 20, 18], [50, 50, 70, 70])
    apart = boxes([0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10])
    rng = np.random.default_rng(65)
    return [
        case("nothing to do", apart, floats(0.9, 0.8, 0.7, 0.6)),
        case("not sorted", apart, floats(0.6, 0.9, 0.7, 0.8)),
        case("two alike", pair, floats(0.8, 0.9, 0.7)),
        case("over the border", boxes([-10, -10, 20, 20], [180, 80, 250, 150]), floats(0.8, 0.9)),
        case("alike once they are cut", boxes([-50, 0, 20, 20], [0, 0, 20, 20]), floats(0.8, 0.9)),
        case("alike until they are cut", boxes([0, -90, 20, 10], [0, -90, 20, 4]), floats(0.9, 0.8)),
        case("too small once it is cut", boxes([-50, 0, 2, 20], [50, 0, 70, 20]), floats(0.9, 0.8)),
        case(
            "the small take a place",
            boxes([0, 0, 2, 2], [20, 0, 30, 10], [40, 0, 50, 10]),
            floats(0.9, 0.8, 0.7),
            pre_nms=2,
        ),
        case("the small suppress nothing", boxes([0, 0, 5, 5], [0, 0, 5.5, 5.5]), floats(0.9, 0.8), min_size_px=5.25),
        case("few before NMS", np.concatenate([pair, apart]), floats(0.8, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3), pre_nms=3),
        case("few after NMS", apart, floats(0.6, 0.9, 0.7, 0.8), "limit", post_nms=2),
        case("exactly on the threshold", boxes([0, 0, 20, 20], [0, 0, 20, 10]), floats(0.9, 0.8), "threshold equality"),
        case("drawn", drawn(66, 60), rng.permutation(60).astype(np.float32), post_nms=20),
        case("equal scores", drawn(67, 60), _scores(67, 60), "score ties", pre_nms=30),
        case("outside", boxes([-50, -60, -10, -20], [250, 10, 260, 20]), floats(0.9, 0.8), "outside"),
        case("no boxes", boxes(), floats(), "empty"),
    ]


def _selected(*steps: str, strict: bool = False) -> Callable[..., Any]:
    """Return a selection that takes other steps, or in another order."""

    def wrong(
        box: Any,
        score: Any,
        height_px: float,
        width_px: float,
        pre_nms: int,
        post_nms: int,
        iou_threshold: float,
        min_size_px: float,
    ) -> Any:
        for step in steps:
            if step == "top":
                box, score = keep_top_n(box, score, pre_nms)
            elif step == "cut":
                box = clip_boxes(box, height_px, width_px)
            elif step == "filter":
                box, score = filter_boxes(box, score, min_size_px)
            elif step == "nms":
                kept = nms(box, score, iou_threshold - 1e-4 * strict, limit=None)
                box, score = box[kept], score[kept]
            elif step == "limit":
                box, score = box[:post_nms], score[:post_nms]
        return box, score

    return wrong


def _post_before(**inputs: Any) -> Any:
    return select_proposals(**{**inputs, "pre_nms": min(inputs["pre_nms"], inputs["post_nms"])})


_SELECT_MISTAKES = (
    Mistake("not cut", _selected("top", "filter", "nms", "limit"), "Boxes reach beyond the picture: cut them."),
    Mistake("small ones kept", _selected("top", "cut", "nms", "limit"), "Boxes that are too small stay: filter them."),
    Mistake("no NMS", _selected("top", "cut", "filter", "limit"), "Boxes that overlap all stay: NMS is missing."),
    Mistake(
        "all before NMS",
        _selected("cut", "filter", "nms", "limit"),
        "`pre_nms` is not looked at: only that many of the highest scores go on.",
    ),
    Mistake(
        "all after NMS",
        _selected("top", "cut", "filter", "nms"),
        "`post_nms` is not looked at: keep that many at most.",
    ),
    Mistake(
        "cut last",
        _selected("top", "filter", "nms", "limit", "cut"),
        "Boxes are cut at the end; cut them before the filter and NMS, whose sizes and overlaps are those inside.",
    ),
    Mistake(
        "cut after the filter",
        _selected("top", "filter", "cut", "nms", "limit"),
        "The filter comes before the cut: what is too small once it is cut stays.",
    ),
    Mistake(
        "filter after NMS",
        _selected("top", "cut", "nms", "filter", "limit"),
        "The filter comes after NMS: boxes that are too small suppress others before they are dropped.",
    ),
    Mistake(
        "filter before the first choice",
        _selected("cut", "filter", "top", "nms", "limit"),
        "The filter comes before the choice of `pre_nms`: what is too small takes a place among them here.",
    ),
    Mistake(
        "limit before NMS",
        _post_before,
        "`post_nms` is applied before NMS: it counts what NMS keeps.",
    ),
    Mistake(
        "strict",
        _selected("top", "cut", "filter", "nms", "limit", strict=True),
        "A box that overlaps by exactly the threshold is dropped; it is dropped only above it.",
    ),
    Mistake(
        "a pixel more",
        lambda box, score, height_px, width_px, **rest: (
            (found := select_proposals(longer(box), score, height_px + 1, width_px + 1, **rest))[0]
            - np.array([0, 0, 1, 1], np.float32),
            found[1],
        ),
        LONGER,
    ),
)


def _operator(
    function: Callable[..., Any],
    title: str,
    cases: Callable[[], list[Case]],
    mistakes: tuple[Mistake, ...],
    *names: str,
) -> Operator:
    # Nothing is computed of what is kept: it is the very numbers.
    return Operator(function.__name__.replace("_", "-"), title, "", function, cases, equal(*names), "numbers", mistakes)


OPERATORS = (
    _operator(keep_top_n, "The best n", _top_cases, _TOP_MISTAKES, "box", "score"),
    _operator(clip_boxes, "Cutting boxes", _clip_cases, _CLIP_MISTAKES, "box"),
    _operator(filter_boxes, "Filtering boxes", _filter_cases, _FILTER_MISTAKES, "box", "score"),
    _operator(select_proposals, "Proposal selection", _select_cases, _SELECT_MISTAKES, "box", "score"),
)
