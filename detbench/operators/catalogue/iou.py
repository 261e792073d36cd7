"""IoU and its three descendants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import NEW_MEMORY, close
from detbench.operators.catalogue.drawing import LONGER, as_xywh, boxes, drawn, longer
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.inputs import clustered_boxes
from detbench.operators.reference.iou import ciou, diou, giou, iou

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.operators.contract import Wanted

__all__ = ["OPERATORS"]

#: A picture of the Common Objects in Context has up to about so many objects.
_TRUTHS = 100


def _cases() -> list[Case]:
    def case(name: str, a: Any, b: Any, *traits: str) -> Case:
        return Case(name, {"a": a, "b": b}, rows=("a",), traits=frozenset(traits))

    unit = boxes([0, 0, 4, 2])
    without = boxes([2, 1, 2, 1], [0, 1, 4, 1], [3, 0, 3, 2], [4, 2, 0, 0])
    return [
        case("the same box", unit, unit),
        case("half shared", unit, boxes([2, 0, 6, 2])),
        case("one inside the other", unit, boxes([1, 0.5, 2, 1.5])),
        case("apart in both directions", unit, boxes([10, 10, 14, 12])),
        case("apart in one direction", unit, boxes([10, 0, 14, 2])),
        case("touching", unit, boxes([4, 0, 8, 2], [4, 2, 8, 4])),
        case("other shapes", unit, boxes([0, 0, 2, 4], [1, -1, 3, 3], [-10, 0.5, 20, 1])),
        case("not the origin", boxes([20, 30, 24, 32]), boxes([22, 30, 26, 32], [21, 31, 22, 35])),
        case("negative coordinates", boxes([-4, -2, 0, 0]), boxes([-2, -2, 2, 0], [-9, -9, -8, -8])),
        case("duplicates", np.repeat(unit, 3, axis=0), np.repeat(unit, 2, axis=0)),
        case("drawn", drawn(7, 40), drawn(8, 30)),
        case("more of b than of a", drawn(9, 3), drawn(10, 8)),
        case("huge boxes", boxes([0, 0, 1e7, 2e7]), boxes([0, 0, 2e7, 1e7], [3e7, 0, 4e7, 1e7])),
        case("tiny boxes", boxes([0, 0, 1e-4, 2e-4]), boxes([0, 0, 2e-4, 1e-4]), "tiny"),
        case("no area in a", without, unit, "no area"),
        case("no area in b", unit, without, "no area"),
        case("no area in either", without, without, "no area"),
        case("no boxes in a", boxes(), unit, "empty"),
        case("no boxes in b", unit, boxes(), "empty"),
    ]


def _sides(a: Any, b: Any) -> Any:
    """Return the sides of the intersections, negative where there is none: ``[N, M, 2]``."""
    return np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])


def _hull_sides(a: Any, b: Any) -> Any:
    """Return the sides of the smallest box around both: ``[N, M, 2]``."""
    return np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])


def _area(box: Any) -> Any:
    return np.prod(np.maximum(box[:, 2:] - box[:, :2], 0), axis=1)


def _common(a: Any, b: Any) -> Any:
    return np.prod(np.maximum(_sides(a, b), 0), axis=2)


def _over(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _not_clamped(a: Any, b: Any) -> Any:
    common = np.prod(_sides(a, b), axis=2)
    return _over(common, _area(a)[:, None] + _area(b) - common)


def _zero_by_zero(a: Any, b: Any) -> Any:
    common = _common(a, b)
    return common / (_area(a)[:, None] + _area(b) - common)


def _inclusive(function: Callable[..., Any]) -> Mistake:
    return Mistake(
        "a pixel more",
        lambda a, b: function(longer(a), longer(b)),
        LONGER,
    )


def _xywh(function: Callable[..., Any]) -> Mistake:
    return Mistake(
        "width for corner",
        lambda a, b: function(as_xywh(a), as_xywh(b)),
        "x2 and y2 are taken for a width and a height; they are the lower right corner.",
    )


_IOU_MISTAKES = (
    _inclusive(iou),
    _xywh(iou),
    Mistake(
        "intersection counted twice",
        lambda a, b: _over(_common(a, b), _area(a)[:, None] + _area(b)),
        "The union counts the intersection twice: take it once from the sum of the areas.",
    ),
    Mistake(
        "over the smaller",
        lambda a, b: _over(_common(a, b), np.minimum(_area(a)[:, None], _area(b))),
        "The intersection is divided by the smaller area; divide it by the union.",
    ),
    Mistake(
        "over the first",
        lambda a, b: _over(_common(a, b), np.broadcast_to(_area(a)[:, None], (len(a), len(b)))),
        "The intersection is divided by the area of `a`; divide it by the union.",
    ),
    Mistake(
        "not clamped",
        _not_clamped,
        "Boxes apart in both directions have two negative sides, whose product is positive: cut sides at 0 first.",
    ),
    Mistake(
        "zero by zero",
        _zero_by_zero,
        "Two boxes without area give 0/0: their IoU is 0, so look whether the union is above 0.",
    ),
    Mistake("turned", lambda a, b: iou(b, a), "The answer is turned round: rows are the boxes of `a`, columns of `b`."),
)


def _hull_ratio(a: Any, b: Any, *, over_union: bool = False, without_common: bool = False) -> Any:
    """Return what GIoU takes away from the IoU, by a wrong rule."""
    hull, common = np.prod(np.maximum(_hull_sides(a, b), 0), axis=2), _common(a, b)
    union = _area(a)[:, None] + _area(b) - common
    return _over(hull - (common if without_common else union), union if over_union else hull)


_GIOU_MISTAKES = (
    _inclusive(giou),
    _xywh(giou),
    Mistake("IoU", iou, "This is the IoU: the part of the hull that belongs to neither box is still to be taken away."),
    Mistake(
        "over the union",
        lambda a, b: iou(a, b) - _hull_ratio(a, b, over_union=True),
        "What is taken away is divided by the union; divide it by the area of the hull.",
    ),
    Mistake(
        "hull without intersection",
        lambda a, b: iou(a, b) - _hull_ratio(a, b, without_common=True),
        "The intersection is taken from the hull; take the union from it.",
    ),
    Mistake(
        "added",
        lambda a, b: 2 * iou(a, b) - giou(a, b),
        "The sign is wrong: the empty part of the hull is taken from the IoU, not added.",
    ),
    Mistake("the loss", lambda a, b: 1 - giou(a, b), "This is the loss, 1 − GIoU; return GIoU itself."),
)


def _apart(a: Any, b: Any) -> Any:
    """Return the squared distance of the centres, ``[N, M]``."""
    centre_a, centre_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    return ((centre_a[:, None] - centre_b) ** 2).sum(axis=2)


def _diagonal(a: Any, b: Any) -> Any:
    """Return the squared diagonal of the smallest box around both."""
    return (np.maximum(_hull_sides(a, b), 0) ** 2).sum(axis=2)


def _from_corners(a: Any, b: Any) -> Any:
    apart = ((a[:, None, :2] - b[None, :, :2]) ** 2).sum(axis=2)
    return iou(a, b) - _over(apart, _diagonal(a, b))


_DIOU_MISTAKES = (
    _inclusive(diou),
    _xywh(diou),
    Mistake("IoU", iou, "This is the IoU: the distance of the centres is still to be taken away."),
    Mistake("GIoU", giou, "This is GIoU; DIoU takes away the distance of the centres, not the empty part of the hull."),
    Mistake(
        "not squared",
        lambda a, b: iou(a, b) - np.sqrt(_over(_apart(a, b), _diagonal(a, b))),
        "Distance over diagonal is not squared: it is d² / c².",
    ),
    Mistake(
        "over the area",
        lambda a, b: iou(a, b) - _over(_apart(a, b), np.prod(np.maximum(_hull_sides(a, b), 0), axis=2)),
        "d² is divided by the hull's area; divide it by its squared diagonal, w² + h².",
    ),
    Mistake("from corners", _from_corners, "d is measured from corner to corner; it goes from centre to centre."),
    Mistake("the loss", lambda a, b: 1 - diou(a, b), "This is the loss, 1 − DIoU; return DIoU itself."),
)


def _v(a: Any, b: Any, shape: Callable[[Any, Any], Any]) -> Any:
    size_a, size_b = np.maximum(a[:, 2:] - a[:, :2], 0), np.maximum(b[:, 2:] - b[:, :2], 0)
    difference = shape(*size_a.T)[:, None] - shape(*size_b.T)
    return difference**2


def _ciou(a: Any, b: Any, v: Any, *, trade_off: bool = True, guarded: bool = True, at: float = 0.0) -> Any:
    """Return CIoU with another ``v``, or with another alpha."""
    overlap = iou(a, b)
    below = 1 - overlap + v
    alpha = np.ones_like(v) if not trade_off else _over(v, below) if guarded else v / below
    return diou(a, b) - np.where(overlap >= at, alpha, 0) * v


_OF_PI = np.float32(4 / math.pi**2)

_CIOU_MISTAKES = (
    _inclusive(ciou),
    _xywh(ciou),
    Mistake("DIoU", diou, "This is DIoU: alpha · v, the difference of the shapes, is still to be taken away."),
    Mistake(
        "no alpha",
        lambda a, b: _ciou(a, b, _OF_PI * _v(a, b, np.arctan2), trade_off=False),
        "v is taken away whole; multiply it by alpha = v / (1 − IoU + v).",
    ),
    Mistake(
        "no arc tangent",
        lambda a, b: _ciou(a, b, _OF_PI * _v(a, b, _over)),
        "v compares w / h; it compares the arc tangents of them.",
    ),
    Mistake(
        "no π",
        lambda a, b: _ciou(a, b, _v(a, b, np.arctan2)),
        "v lacks its factor 4/π², which brings it between 0 and 1.",
    ),
    Mistake(
        "alpha from a half",
        lambda a, b: _ciou(a, b, _OF_PI * _v(a, b, np.arctan2), at=0.5),
        "alpha is 0 below an IoU of 0.5: that is a later version; here it is v / (1 − IoU + v) everywhere.",
    ),
    Mistake(
        "zero by zero",
        lambda a, b: _ciou(a, b, _OF_PI * _v(a, b, np.arctan2), guarded=False),
        "Equal boxes give an alpha of 0/0: it is 0 where v is 0.",
    ),
    Mistake("the loss", lambda a, b: 1 - ciou(a, b), "This is the loss, 1 − CIoU; return CIoU itself."),
)


#: What counts as one operation and is none at the rate of a matrix product.
_SLOW_QUOTIENT = "a quotient takes a processor as long as several products"


def _timed(wanted: Wanted) -> list[Case]:
    cases = []
    for count in wanted.boxes:
        box, _ = clustered_boxes(count, max(count // _TRUTHS, 1), wanted.seed)
        truth = box[:: max(count // _TRUTHS, 1)][:_TRUTHS]
        name = f"{count:,} boxes × {len(truth)} truths"
        cases.append(Case(name, {"a": box, "b": truth}, size=count, series=f"{_TRUTHS} truths"))
    return cases


def _work(each: int, per_box: int, what: str, slow: str = _SLOW_QUOTIENT) -> Callable[[Case, Any], Work]:
    def work(case: Case, expected: Any) -> Work:
        a, b = case.inputs["a"], case.inputs["b"]
        operations = each * expected.size + per_box * (len(a) + len(b))
        counts = f"boxes read, a number a pair written; {each} operations a pair and {per_box} a box, {what}"
        return Work(a.nbytes + b.nbytes + expected.nbytes, operations, counts, f"{slow}; {NEW_MEMORY}")

    return work


def _operator(
    function: Callable[..., Any], title: str, mistakes: tuple[Mistake, ...], work: Callable[[Case, Any], Work] | None
) -> Operator:
    # Overlaps of coordinates around 1,000 lose about four digits of seven to cancellation.
    return Operator(
        function.__name__,
        title,
        "iou" if work else "",
        function,
        _cases,
        close(1e-4, 2e-5, title),
        "largest difference",
        mistakes,
        _timed if work else None,
        work,
    )


OPERATORS = (
    _operator(iou, "IoU", _IOU_MISTAKES, _work(12, 3, "a minimum, a difference and a quotient each as one")),
    _operator(giou, "GIoU", _GIOU_MISTAKES, _work(22, 3, "a minimum, a difference and a quotient each as one")),
    _operator(diou, "DIoU", _DIOU_MISTAKES, None),
    _operator(
        ciou,
        "CIoU",
        _CIOU_MISTAKES,
        _work(36, 11, "an arc tangent as one", "an arc tangent takes a processor as long as dozens of operations"),
    ),
)
