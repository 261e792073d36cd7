"""Box coding: centres and sizes, deltas, the order of corners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close, equal
from detbench.operators.catalogue.drawing import boxes, drawn, longer
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.inputs import clustered_boxes
from detbench.operators.reference.box_coding import (
    MAX_LOG_RATIO,
    centre_and_size,
    change_order,
    corners,
    decode,
    encode,
    normalize_boxes,
)

if TYPE_CHECKING:
    from detbench.operators.contract import Wanted

__all__ = ["OPERATORS"]

_ONES = (1.0, 1.0, 1.0, 1.0)
_HEAD = (0.1, 0.1, 0.2, 0.2)
_LONGER = "Each side is counted one pixel too long: a box is continuous here, so a width is x2 − x1, not x2 − x1 + 1."


def _box_cases(name: str = "box") -> list[Case]:
    """Return boxes of all kinds as the only input, under this name."""
    kinds = [
        ("one box", boxes([10, 20, 30, 60]), ()),
        ("several boxes", boxes([0, 0, 4, 2], [3, 5, 4, 15], [1.5, 2.25, 9, 4]), ()),
        ("negative coordinates", boxes([-30, -20, -10, 5]), ()),
        ("far from the origin", boxes([1e6, 2e6, 1e6 + 64, 2e6 + 32]), ()),
        ("drawn", drawn(1, 40), ()),
        ("no area", boxes([5, 5, 5, 9], [7, 8, 7, 8]), ("no area",)),
        ("swapped corners", boxes([30, 60, 10, 20]), ("no area",)),
        ("no boxes", boxes(), ("empty",)),
    ]
    return [Case(kind, {name: box}, rows=(name,), traits=frozenset(traits)) for kind, box, traits in kinds]


_CENTRE_MISTAKES = (
    Mistake(
        "a pixel more",
        lambda box: np.concatenate([centre_and_size(box)[:, :2], centre_and_size(longer(box))[:, 2:]], axis=1),
        _LONGER,
    ),
    Mistake(
        "a pixel more, centre too",
        lambda box: centre_and_size(longer(box)),
        "The sides are one pixel too long and the centres lie half a pixel too far: a box is continuous here.",
    ),
    Mistake(
        "corner for centre",
        lambda box: np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1),
        "The first two numbers are the upper left corner; they should be the centre: add half of each side.",
    ),
    Mistake(
        "half sides",
        lambda box: centre_and_size(box) * np.array([1, 1, 0.5, 0.5], np.float32),
        "The sides are half as long as they should be.",
    ),
    Mistake(
        "height before width",
        lambda box: centre_and_size(box)[:, [0, 1, 3, 2]],
        "Width and height are swapped: the order is cx cy w h.",
    ),
    Mistake(
        "rows before columns",
        lambda box: centre_and_size(box)[:, [1, 0, 3, 2]],
        "x and y are swapped: the order is cx cy w h, not cy cx h w.",
    ),
)

_CORNERS_MISTAKES = (
    Mistake(
        "centre for corner",
        lambda centre_size: np.concatenate([centre_size[:, :2], centre_size[:, :2] + centre_size[:, 2:]], axis=1),
        "The centre is taken for the upper left corner: take half of each side from it first.",
    ),
    Mistake(
        "half forgotten",
        lambda centre_size: corners(centre_size * np.array([1, 1, 2, 2], np.float32)),
        "The boxes are twice too large: a corner is half a side away from the centre.",
    ),
    Mistake(
        "a pixel less",
        lambda centre_size: corners(centre_size) - np.array([0, 0, 1, 1], np.float32),
        "Each side is a pixel too short: a box is continuous here, so x2 is cx + w/2, not cx + w/2 − 1.",
    ),
    Mistake(
        "other corners first",
        lambda centre_size: corners(centre_size)[:, [2, 3, 0, 1]],
        "The lower right corner comes first: the order is x1 y1 x2 y2.",
    ),
    Mistake(
        "rows before columns",
        lambda centre_size: corners(centre_size)[:, [1, 0, 3, 2]],
        "x and y are swapped: the order is x1 y1 x2 y2, not y1 x1 y2 x2.",
    ),
)


def _encode_cases() -> list[Case]:
    def case(name: str, box: Any, reference: Any, *traits: str, **settings: Any) -> Case:
        inputs = {"box": box, "reference": reference}
        return Case(name, inputs, settings, ("box", "reference"), frozenset(traits))

    reference = boxes([5, 0, 25, 10])
    return [
        case("the reference itself", reference, reference),
        case("moved", boxes([10, 5, 30, 15]), reference),
        case("larger", boxes([-5, -15, 35, 25]), reference),
        case("smaller", boxes([12.5, 4, 17.5, 6]), reference),
        case("moved and resized", boxes([0, 10, 40, 15]), reference),
        case("variances", boxes([0, 10, 40, 15]), reference, variances=_HEAD),
        case("four different variances", boxes([0, 10, 40, 15]), reference, variances=(0.5, 0.25, 2.0, 4.0)),
        case("negative coordinates", boxes([-40, -30, -10, -20]), boxes([-30, -40, -5, -10])),
        case("a thousand times as large", boxes([-1e4, -2e4, 1e4, 2e4]), reference),
        case("drawn", drawn(2, 60), drawn(3, 60), variances=_HEAD),
        case("tiny sides", boxes([1e-3, 1e-3, 2e-3, 3e-3]), boxes([0, 0, 0.01, 0.02])),
        case("no area", boxes([5, 0, 5, 10], [25, 0, 5, 10]), boxes([5, 0, 25, 10], [5, 0, 25, 10]), "no area"),
        case("no boxes", boxes(), boxes(), "empty", variances=_HEAD),
    ]


def _own_size(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    theirs, ours = centre_and_size(box), centre_and_size(reference)
    offset = (theirs[:, :2] - ours[:, :2]) / theirs[:, 2:]
    return np.concatenate([offset / np.asarray(variances, np.float32)[:2], _encoded(box, reference, variances)], axis=1)


def _encoded(box: Any, reference: Any, variances: Any) -> Any:
    return encode(box, reference, variances)[:, 2:]


def _from_corners(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    size = (reference[:, 2:] - reference[:, :2]) * np.asarray(variances, np.float32)[:2]
    return np.concatenate([(box[:, :2] - reference[:, :2]) / size, _encoded(box, reference, variances)], axis=1)


def _in_pixels(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    offset = centre_and_size(box)[:, :2] - centre_and_size(reference)[:, :2]
    return np.concatenate([offset / np.asarray(variances, np.float32)[:2], _encoded(box, reference, variances)], axis=1)


def _no_log(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    delta = encode(box, reference)
    return np.concatenate([delta[:, :2], np.exp(delta[:, 2:])], axis=1) / np.asarray(variances, np.float32)


_ENCODE_MISTAKES = (
    Mistake("log missing", _no_log, "dw and dh are ratios of sides; take their logarithm."),
    Mistake(
        "log upside down",
        lambda box, reference, variances=_ONES: (
            encode(box, reference, variances) * np.array([1, 1, -1, -1], np.float32)
        ),
        "The sign of dw and dh is wrong: it is log(w / w_ref), not log(w_ref / w).",
    ),
    Mistake(
        "roles swapped",
        lambda box, reference, variances=_ONES: encode(reference, box, variances),
        "The box and its reference are swapped: deltas tell the box from the reference.",
    ),
    Mistake(
        "variances multiplied",
        lambda box, reference, variances=_ONES: encode(box, reference, [1 / each for each in variances]),
        "Deltas are multiplied by the variances; encoding divides by them (decoding multiplies).",
    ),
    Mistake(
        "variances forgotten",
        lambda box, reference, variances=_ONES: encode(box, reference, _ONES),
        "The variances are not looked at; divide the four deltas by them.",
    ),
    Mistake("own size", _own_size, "dx and dy are divided by the box's own sides; divide by the reference's."),
    Mistake("from corners", _from_corners, "dx and dy are told from corner to corner; they go from centre to centre."),
    Mistake("in pixels", _in_pixels, "dx and dy are in pixels; divide them by the reference's width and height."),
    Mistake(
        "a pixel more",
        lambda box, reference, variances=_ONES: encode(longer(box), longer(reference), variances),
        _LONGER,
    ),
)


def _decode_cases() -> list[Case]:
    def case(name: str, delta: Any, reference: Any, *traits: str, **settings: Any) -> Case:
        inputs = {"delta": delta, "reference": reference}
        return Case(name, inputs, settings, ("delta", "reference"), frozenset(traits))

    reference = boxes([5, 0, 25, 10])
    rng = np.random.default_rng(4)
    ordinary = rng.normal(0, 1, (60, 4)).astype(np.float32)
    return [
        case("nothing to change", boxes([0, 0, 0, 0]), reference),
        case("moved", boxes([0.25, -0.5, 0, 0]), reference),
        case("larger and smaller", boxes([0, 0, 0.7, -0.7]), reference),
        case("moved and resized", boxes([0.25, -0.5, 0.7, -0.7]), reference),
        case("variances", boxes([2.5, -5, 3.5, -3.5]), reference, variances=_HEAD),
        case("four different variances", boxes([1, 2, 0.3, 0.1]), reference, variances=(0.5, 0.25, 2.0, 4.0)),
        case("drawn", ordinary, drawn(5, 60), variances=_HEAD),
        case("a side too large", boxes([0, 0, 100, 5], [0, 0, 4, 4.2]), np.tile(reference, (2, 1))),
        case("another limit", boxes([0, 0, 3, 0.5]), reference, max_log_ratio=1.0),
        case("large before its variance", boxes([0, 0, 10, 15]), reference, variances=_HEAD),
        case("a side too small", boxes([0, 0, -50, -7]), reference),
        case("far away", boxes([1e6, -1e6, 0, 0]), reference),
        case("negative coordinates", boxes([0.5, 0.5, 0.5, 0.5]), boxes([-30, -40, -5, -10])),
        case("a reference without area", boxes([1, 1, 1, 1]), boxes([5, 5, 5, 9]), "no area"),
        case("NaN and infinity", boxes([np.nan, 0, 0, 0], [0, 0, np.inf, 0]), np.tile(reference, (2, 1)), "not finite"),
        case("no boxes", boxes(), boxes(), "empty"),
    ]


def _decoded(
    delta: Any, reference: Any, variances: Any, size_of: Any, centre_by: Any = None, shift: float = 0.0
) -> Any:
    """Return boxes decoded by another rule for sides: ``size_of(scaled deltas)`` in sides of the reference."""
    ours, scaled = centre_and_size(reference), delta * np.asarray(variances, np.float32)
    size = ours[:, 2:] * size_of(scaled[:, 2:])
    centre = ours[:, :2] + scaled[:, :2] * (ours[:, 2:] if centre_by is None else centre_by(size)) + shift * size
    return corners(np.concatenate([centre, size], axis=1))


def _exp(limit: float) -> Any:
    return lambda scaled: np.exp(np.minimum(scaled, limit))


_DECODE_MISTAKES = (
    Mistake(
        "no limit",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: decode(delta, reference, variances, 1e9),
        "A large dw overflows: cut it to `max_log_ratio` before the exponential.",
    ),
    Mistake(
        "limit not looked at",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: decode(
            delta, reference, variances, MAX_LOG_RATIO
        ),
        "`max_log_ratio` is not looked at; it can be another than log(1000 / 16).",
    ),
    Mistake(
        "limit before variances",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: decode(
            np.minimum(delta, np.array([np.inf, np.inf, max_log_ratio, max_log_ratio], np.float32)),
            reference,
            variances,
        ),
        "dw is cut before it is multiplied by its variance; cut it afterwards.",
    ),
    Mistake(
        "limit on both sides",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: _decoded(
            delta, reference, variances, lambda scaled: np.exp(np.clip(scaled, -max_log_ratio, max_log_ratio))
        ),
        "dw is cut from below too; a side may become as small as it likes.",
    ),
    Mistake(
        "exponential missing",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: _decoded(
            delta, reference, variances, lambda scaled: np.minimum(scaled, max_log_ratio)
        ),
        "The reference's sides are multiplied by dw and dh; multiply them by exp(dw) and exp(dh).",
    ),
    Mistake(
        "variances divided",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: decode(
            delta, reference, [1 / each for each in variances], max_log_ratio
        ),
        "Deltas are divided by the variances; decoding multiplies by them (encoding divides).",
    ),
    Mistake(
        "variances forgotten",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: decode(
            delta, reference, _ONES, max_log_ratio
        ),
        "The variances are not looked at; multiply the four deltas by them.",
    ),
    Mistake(
        "by the new size",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: _decoded(
            delta, reference, variances, _exp(max_log_ratio), lambda size: size
        ),
        "The centre is moved in units of the new sides; dx counts the reference's widths.",
    ),
    Mistake(
        "corner for centre",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: _decoded(
            delta, reference, variances, _exp(max_log_ratio), shift=0.5
        ),
        "The new centre is taken for the upper left corner: x1 is cx − w/2.",
    ),
    Mistake(
        "a pixel less",
        lambda delta, reference, variances=_ONES, max_log_ratio=MAX_LOG_RATIO: (
            decode(delta, longer(reference), variances, max_log_ratio) - np.array([0, 0, 1, 1], np.float32)
        ),
        _LONGER,
    ),
)

_ORDER_MISTAKES = (
    Mistake("as it was", lambda box: box.copy(), "Nothing has changed: the order should be y1 x1 y2 x2."),
    Mistake(
        "turned round",
        lambda box: box[:, ::-1],
        "The corners have changed places too: the order should be y1 x1 y2 x2, not y2 x2 y1 x1.",
    ),
    Mistake(
        "one corner",
        lambda box: box[:, [1, 0, 2, 3]],
        "Only the first corner has changed its order; the second must too.",
    ),
    Mistake(
        "x together",
        lambda box: box[:, [0, 2, 1, 3]],
        "The order is x1 x2 y1 y2; it should be y1 x1 y2 x2.",
    ),
    Mistake("corners swapped", lambda box: box[:, [2, 3, 0, 1]], "The corners are swapped; x and y should be."),
)


def _normalize_cases() -> list[Case]:
    def case(name: str, box: Any, height_px: float, width_px: float, *traits: str) -> Case:
        return Case(name, {"box": box}, {"height_px": height_px, "width_px": width_px}, ("box",), frozenset(traits))

    return [
        case("the whole picture, from first to last pixel", boxes([0, 0, 40, 20]), 21, 41),
        case("part of it", boxes([10, 5, 30, 20]), 21, 41),
        case("a square picture", boxes([10, 5, 30, 20]), 101, 101),
        case("outside", boxes([-10, -5, 60, 40]), 21, 41, "outside"),
        case("drawn", drawn(6, 30), 120, 160),
        case("a picture of one pixel", boxes([0, 0, 1, 1], [0.25, 0, 0.75, 0.5]), 1, 1),
        case("no boxes", boxes(), 21, 41, "empty"),
    ]


_NORMALIZE_MISTAKES = (
    Mistake(
        "by the side",
        lambda box, height_px, width_px: normalize_boxes(box, height_px + 1, width_px + 1),
        "Corners are divided by the side; the last pixel's centre is 1, so divide by the side less one.",
    ),
    Mistake(
        "order as it was",
        lambda box, height_px, width_px: change_order(normalize_boxes(box, height_px, width_px)),
        "The numbers are right, their order is not: y1 x1 y2 x2.",
    ),
    Mistake(
        "height for width",
        lambda box, height_px, width_px: normalize_boxes(box, width_px, height_px),
        "Height and width are swapped: x is divided by the width, y by the height.",
    ),
    Mistake(
        "cut",
        lambda box, height_px, width_px: np.clip(normalize_boxes(box, height_px, width_px), 0, 1),
        "Boxes are cut to 0 … 1; what reaches beyond the picture should stay beyond it.",
    ),
    Mistake(
        "division by zero",
        lambda box, height_px, width_px: (
            change_order(box) / np.tile(np.array([height_px, width_px], np.float32) - 1, 2)
        ),
        "A side of one pixel less one is 0: divide by at least 1.",
    ),
)


def _timed(operator: str, wanted: Wanted) -> list[Case]:
    """Return boxes that lie around objects, and the anchors or proposals near them."""
    cases = []
    for count in wanted.boxes:
        box = longer(clustered_boxes(count, 50, wanted.seed)[0])  # at the border some had no area
        reference = corners(centre_and_size(box) * np.array([1, 1, 1.2, 0.9], np.float32) + np.float32(4.0))
        first = {"box": box} if operator == "encode" else {"delta": encode(box, reference, _HEAD)}
        inputs = {**first, "reference": reference}
        cases.append(Case(f"{count:,} boxes", inputs, {"variances": _HEAD}, size=count, series="one to one"))
    return cases


def _work(each: int, what: str) -> Any:
    def work(case: Case, expected: Any) -> Work:
        moved = sum(array.nbytes for array in case.inputs.values()) + expected.nbytes
        return Work(
            moved, each * len(expected), f"two rows read and one written; {each} operations a row, {what} as one"
        )

    return work


_DELTAS = close(1e-4, 1e-5, "delta")
_BOXES = close(1e-5, 1e-3, "box")

OPERATORS = (
    Operator(
        "centre-and-size",
        "Centre and size",
        "",
        centre_and_size,
        _box_cases,
        close(1e-6, 1e-5, "centre and size"),
        "largest difference",
        _CENTRE_MISTAKES,
    ),
    Operator(
        "corners",
        "Corners",
        "",
        corners,
        lambda: _box_cases("centre_size"),
        close(1e-6, 1e-5, "box"),
        "largest difference",
        _CORNERS_MISTAKES,
    ),
    Operator(
        "encode",
        "Encoding",
        "anchors",
        encode,
        _encode_cases,
        _DELTAS,
        "largest difference",
        _ENCODE_MISTAKES,
        lambda wanted: _timed("encode", wanted),
        _work(24, "a logarithm"),
    ),
    Operator(
        "decode",
        "Decoding",
        "anchors",
        decode,
        _decode_cases,
        _BOXES,
        "largest difference, pixels",
        _DECODE_MISTAKES,
        lambda wanted: _timed("decode", wanted),
        _work(26, "an exponential"),
    ),
    Operator(
        "change-order",
        "Order of corners",
        "",
        change_order,
        _box_cases,
        equal("box"),
        "numbers",
        _ORDER_MISTAKES,
    ),
    Operator(
        "normalize-boxes",
        "Normalised boxes",
        "",
        normalize_boxes,
        _normalize_cases,
        close(1e-5, 1e-6, "box"),
        "largest difference",
        _NORMALIZE_MISTAKES,
    ),
)
