"""Encoding and decoding: deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close
from detbench.operators.catalogue.drawing import LONGER, boxes, drawn, longer
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.inputs import clustered_boxes
from detbench.operators.reference.box_coding import MAX_LOG_RATIO, centre_and_size, corners, decode, encode

if TYPE_CHECKING:
    from detbench.operators.contract import Wanted

__all__ = ["OPERATORS"]

_ONES = (1.0, 1.0, 1.0, 1.0)
_HEAD = (0.1, 0.1, 0.2, 0.2)


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
        case("sides of a millionth", boxes([1e-7, 1e-7, 1.1e-6, 2e-6]), boxes([0, 0, 1e-6, 1e-6])),
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


def _from_the_references_corner(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    delta = encode(box, reference, variances)
    return delta + np.array([0.5, 0.5, 0, 0], np.float32) / np.asarray(variances, np.float32)


def _from_its_corner(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    size = (reference[:, 2:] - reference[:, :2]) * np.asarray(variances, np.float32)[:2]
    offset = (box[:, :2] - centre_and_size(reference)[:, :2]) / size
    return np.concatenate([offset, _encoded(box, reference, variances)], axis=1)


def _sizes_swapped(box: Any, reference: Any, variances: Any = _ONES) -> Any:
    return encode(reference, box, variances) * np.array([-1, -1, 1, 1], np.float32)


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
    Mistake(
        "from the reference's corner",
        _from_the_references_corner,
        "The reference's upper left corner is taken for its centre; dx and dy go from centre to centre.",
    ),
    Mistake(
        "from its corner",
        _from_its_corner,
        "The box's upper left corner is taken for its centre; dx and dy go from centre to centre.",
    ),
    Mistake(
        "sides swapped",
        _sizes_swapped,
        "The sides of the box and of its reference are swapped: divide by the reference's, log(w / w_ref) too.",
    ),
    Mistake("in pixels", _in_pixels, "dx and dy are in pixels; divide them by the reference's width and height."),
    Mistake(
        "a pixel more",
        lambda box, reference, variances=_ONES: encode(longer(box), longer(reference), variances),
        LONGER,
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
        LONGER,
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
            moved,
            each * len(expected),
            f"two rows read and one written; {each} operations a row, {what} as one",
            f"a call as such takes longer than the bound of some thousand boxes; {what} takes a processor as long as "
            "many operations; and what is written step by step in NumPy makes an array of each step",
        )

    return work


_DELTAS = close(1e-4, 1e-5, "delta")
_BOXES = close(1e-5, 1e-3, "box")

OPERATORS = (
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
)
